//! `check --data`: what is wrong with the tables themselves, for data engineers (findings name keys
//! and amounts). Nothing here answers a question.

mod counts;
mod ownership;
mod validity;

use std::sync::Arc;

use crate::error::{ApiResult, ErrorCode};
use crate::model::{BalanceShape, DatasetName, Model};

use super::LocalEngine;
use super::facts::Facts;
use super::reconcile::disagreements;

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DataCheck {
    /// The table's folder holds no files.
    NotThere,
    /// The files do not have what is declared, or cannot be read.
    Unfit,
    /// A column is mapped onto one that no file has.
    Unmatched,
    /// The store does not answer.
    Store,
    /// Money is kept as floating-point numbers.
    Floats,
    /// Rows without customer, time or amount; of owners without a key or a start.
    LeftOut,
    /// Movement classes that no mapping names.
    UnmappedClass,
    /// Movements whose sign contradicts their class.
    SignAgainstClass,
    /// A primary key that is there twice.
    DuplicateRows,
    /// Two shapes of one balance that tell different balances.
    ShapesDisagree,
    /// A customer without an owner between two ownerships.
    OwnershipGap,
    /// Several owners at once without a share each.
    OwnershipOverlap,
    /// Shares of one moment that do not sum to 1.
    SharesNotOne,
    /// Rows that end before they begin.
    ValidityBackwards,
}

/// Something wrong with a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataFinding {
    pub check: DataCheck,
    pub dataset: DatasetName,
    pub message: String,
}

impl DataFinding {
    fn new(check: DataCheck, dataset: &DatasetName, message: impl Into<String>) -> Self {
        Self { check, dataset: dataset.clone(), message: message.into() }
    }
}

impl LocalEngine {
    /// Looks at every table; one that cannot be read hides nothing about the others.
    pub async fn audit(&self) -> Vec<DataFinding> {
        let names: Vec<DatasetName> = self.model.datasets.keys().cloned().collect();
        let view = self.catalog.view(&names).await;
        let held = match self.memory.held().await {
            Ok(held) => held,
            Err(error) => {
                let first = names.iter().take(1);
                return first
                    .map(|name| DataFinding::new(DataCheck::Unfit, name, error.message.as_str()))
                    .collect();
            }
        };
        let facts = self.facts(&held, &view, &Arc::default());
        let mut findings = Vec::new();
        let needed = |name: &&DatasetName| {
            let dataset = self.model.datasets.get(*name);
            dataset.is_some_and(|dataset| self.model.needs_table(dataset))
        };
        for name in &names {
            let found = unreadable(&facts, name).into_iter();
            findings
                .extend(found.filter(|found| found.check != DataCheck::NotThere || needed(&name)));
        }
        let lasting = validity::findings(&facts).await;
        for check in [balances(&facts).await, ownership::findings(&facts).await, lasting] {
            findings.extend(check);
        }
        for name in names.iter().filter(|name| view.table(name).is_ok()) {
            findings.extend(reported(name, counts::duplicate_rows(&facts, name).await));
        }
        findings.sort_by(|a, b| (a.check, &a.dataset).cmp(&(b.check, &b.dataset)));
        findings
    }
}

/// A check that could not read its table says so itself.
fn reported(dataset: &DatasetName, found: ApiResult<Vec<DataFinding>>) -> Vec<DataFinding> {
    found.unwrap_or_else(|error| vec![DataFinding::new(DataCheck::Unfit, dataset, error.message)])
}

fn unreadable(facts: &Facts<'_>, dataset: &DatasetName) -> Vec<DataFinding> {
    match facts.reader.view.table(dataset) {
        Ok(table) => {
            let told = |check, texts: &[String]| {
                let all = texts.iter();
                all.map(|text| DataFinding::new(check, dataset, text.as_str())).collect::<Vec<_>>()
            };
            let mut findings = told(DataCheck::Unmatched, &table.unmatched);
            findings.extend(told(DataCheck::Floats, &table.notes));
            findings
        }
        Err(error) => {
            let check = match error.code {
                ErrorCode::Unavailable => DataCheck::NotThere,
                ErrorCode::StoreUnavailable => DataCheck::Store,
                _ => DataCheck::Unfit,
            };
            vec![DataFinding::new(check, dataset, error.message)]
        }
    }
}

/// Every shape by itself, then one against the other.
async fn balances(facts: &Facts<'_>) -> Vec<DataFinding> {
    let mut findings = Vec::new();
    for balance in facts.model.balances.values() {
        let there =
            balance.shapes.iter().filter(|shape| facts.reader.table(shape.dataset()).is_ok());
        let there: Vec<&BalanceShape> = there.collect();
        for shape in &there {
            let dataset = shape.dataset();
            findings.extend(reported(dataset, counts::left_out(facts, shape).await));
            if let BalanceShape::Ledger(ledger) = shape {
                findings.extend(reported(dataset, counts::classes(facts, ledger).await));
            }
        }
        let Some(first) = there.first() else { continue };
        let told = disagreements(facts, balance).await.map(|told| {
            let finding = |text| DataFinding::new(DataCheck::ShapesDisagree, first.dataset(), text);
            told.into_iter().map(finding).collect()
        });
        findings.extend(reported(first.dataset(), told));
    }
    findings
}

/// The entity that a key column identifies has its texts under this name.
fn customer_space(
    model: &Model,
    dataset: &DatasetName,
    column: &crate::model::ColumnName,
) -> String {
    super::load::key_space_of(model.datasets.get(dataset), column)
}
