//! Stage: balances, each shape bound to its dataset's columns.

use super::Resolver;
use super::names::Written;
use crate::definitions::metric::ClassWord;
use crate::definitions::{IntervalsDef, LedgerDef, ShapeDef, SnapshotsDef, Text};
use crate::diagnostics::{Code, Diagnostic, Span};
use crate::model::{
    Balance, BalanceName, BalanceShape, ColumnName, DatasetName, Intervals, Ledger, Snapshots,
};

pub(super) const CUSTOMER: &str = "customer";
pub(super) const PRODUCT: &str = "product";

impl Resolver<'_> {
    pub(super) fn resolve_balances(&mut self, written: &Written) {
        for (name, def) in &written.balances {
            let shapes: Vec<BalanceShape> =
                def.shapes.0.iter().filter_map(|shape| self.shape(shape)).collect();
            let name = BalanceName::new(*name);
            let balance = Balance {
                name: name.clone(),
                description: def.description.clone().unwrap_or_default(),
                shapes,
                source: self.source_pos(def.name.span()),
            };
            self.balances.insert(name, balance);
        }
    }

    fn shape(&mut self, def: &ShapeDef) -> Option<BalanceShape> {
        match (&def.ledger, &def.intervals, &def.snapshots) {
            (Some(ledger), None, None) => self.ledger(ledger).map(BalanceShape::Ledger),
            (None, Some(intervals), None) => self.intervals(intervals).map(BalanceShape::Intervals),
            (None, None, Some(snapshots)) => self.snapshots(snapshots).map(BalanceShape::Snapshots),
            _ => {
                let message = "a shape is one of ledger, intervals and snapshots";
                self.report(Code::InvalidValue, def.span, message);
                None
            }
        }
    }

    fn ledger(&mut self, def: &LedgerDef) -> Option<Ledger> {
        let dataset = self.dataset_name(&def.dataset)?;
        let class = self.use_column(&dataset, &def.class)?;
        self.check_classes(&dataset, &class, def.class.span);
        Some(Ledger {
            time: self.time_column(&dataset, def.time.as_ref(), def.span)?,
            customer: self.key_column(&dataset, CUSTOMER, def.customer.as_ref(), def.span)?,
            product: self.optional_key(&dataset, PRODUCT, def.product.as_ref()),
            amount: self.use_column(&dataset, &def.amount)?,
            class,
            expansion_type: self.optional_column(&dataset, def.expansion_type.as_ref()),
            offer: self.optional_column(&dataset, def.offer.as_ref()),
            dataset,
        })
    }

    fn intervals(&mut self, def: &IntervalsDef) -> Option<Intervals> {
        let dataset = self.dataset_name(&def.dataset)?;
        let Some(valid) = self.datasets.get(&dataset).and_then(|found| found.valid.clone()) else {
            let message = format!("`{dataset}` does not say when its rows are valid");
            let found = Diagnostic::new(Code::MissingKey, def.dataset.span, message);
            self.out.push(found.help("add `valid: [from, to]` to the dataset"));
            return None;
        };
        Some(Intervals {
            customer: self.key_column(&dataset, CUSTOMER, def.customer.as_ref(), def.span)?,
            product: self.optional_key(&dataset, PRODUCT, def.product.as_ref()),
            amount: self.use_column(&dataset, &def.amount)?,
            from: valid.from,
            to: valid.to,
            dataset,
        })
    }

    fn snapshots(&mut self, def: &SnapshotsDef) -> Option<Snapshots> {
        let dataset = self.dataset_name(&def.dataset)?;
        if !self.datasets.get(&dataset).is_some_and(|found| found.month_end) {
            let message = format!("`{dataset}` does not hold balances at month ends");
            let found = Diagnostic::new(Code::MissingKey, def.dataset.span, message);
            self.out.push(found.help("add `month_end: true` and its `time` to the dataset"));
            return None;
        }
        Some(Snapshots {
            month: self.time_column(&dataset, None, def.span)?,
            customer: self.key_column(&dataset, CUSTOMER, def.customer.as_ref(), def.span)?,
            product: self.optional_key(&dataset, PRODUCT, def.product.as_ref()),
            amount: self.use_column(&dataset, &def.amount)?,
            dataset,
        })
    }

    /// Values mapped onto classes must be classes.
    fn check_classes(&mut self, dataset: &DatasetName, class: &ColumnName, span: Span) {
        let found = self.datasets.get(dataset).and_then(|found| found.columns.get(class));
        let mapped: Vec<String> =
            found.iter().flat_map(|column| column.values.values().cloned()).collect();
        for word in mapped {
            if ClassWord::WORDS.contains(&word.as_str()) {
                continue;
            }
            let place = self.place_of_value(dataset, class, &word).unwrap_or(span);
            let message = format!("`{word}` is not a class of movements");
            let found = Diagnostic::new(Code::UnknownClass, place, message);
            self.out.push(found.suggest(&word, ClassWord::WORDS.iter().copied()));
        }
    }

    /// Where the project maps something onto a value.
    fn place_of_value(
        &self,
        dataset: &DatasetName,
        column: &ColumnName,
        word: &str,
    ) -> Option<Span> {
        let mapping = self.definitions.project.as_ref()?.canonical.get(dataset.as_str())?;
        let values = mapping.values.get(column.as_str())?;
        values.iter().find(|(_, to)| to.value == word).map(|(_, to)| to.span)
    }

    /// The named column, else the dataset's time.
    pub(super) fn time_column(
        &mut self,
        dataset: &DatasetName,
        named: Option<&Text>,
        span: Span,
    ) -> Option<ColumnName> {
        if let Some(text) = named {
            return self.use_time(dataset, text);
        }
        let time = self.datasets.get(dataset).and_then(|found| found.time.clone());
        if time.is_none() {
            let message = format!("`{dataset}` has no time");
            let found = Diagnostic::new(Code::MissingKey, span, message);
            self.out.push(found.help("add `time:` here or to the dataset"));
        }
        time
    }

    /// The named column, else the dataset's key of the entity.
    pub(super) fn key_column(
        &mut self,
        dataset: &DatasetName,
        entity: &str,
        named: Option<&Text>,
        span: Span,
    ) -> Option<ColumnName> {
        if named.is_none() && self.optional_key(dataset, entity, None).is_none() {
            let message = format!("`{dataset}` has no key of {entity}");
            let found = Diagnostic::new(Code::UnknownEntity, span, message);
            self.out.push(found.help(format!("add `{entity}: …` to the dataset's keys")));
        }
        self.optional_key(dataset, entity, named)
    }

    fn optional_key(
        &mut self,
        dataset: &DatasetName,
        entity: &str,
        named: Option<&Text>,
    ) -> Option<ColumnName> {
        match named {
            Some(text) => self.use_column(dataset, text),
            None => self.datasets.get(dataset)?.keys.get(entity).cloned(),
        }
    }

    pub(super) fn optional_column(
        &mut self,
        dataset: &DatasetName,
        named: Option<&Text>,
    ) -> Option<ColumnName> {
        named.and_then(|text| self.use_column(dataset, text))
    }
}
