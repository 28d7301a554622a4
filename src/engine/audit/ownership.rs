//! Who owned what when, and what it was when: gaps between rows of such a table, several at once
//! without a share each, shares that do not sum to 1.

use crate::engine::facts::Facts;
use crate::kernels::{OwnerFacts, Share, Sharing};
use crate::model::{ColumnName, MetricKind, Model, Owners};
use crate::values::Instant;

use super::{DataCheck, DataFinding, customer_space, reported};

/// Customers that a finding names.
const EXAMPLES: usize = 5;

/// Findings on every table that says what something belonged to or was when: those that a metric
/// credits by, and those that an as-of join leads through.
pub async fn findings(facts: &Facts<'_>) -> Vec<DataFinding> {
    let (mut odd, mut unread): (Vec<Odd>, Vec<DataFinding>) = (Vec::new(), Vec::new());
    for owners in tables_of(facts.model) {
        if facts.reader.table(&owners.dataset).is_err() {
            continue;
        }
        match facts.owners(&owners).await {
            Ok(loaded) => {
                for found in of_table(facts, &owners, &loaded) {
                    // Attributes of one row lapse and overlap together.
                    match odd.iter_mut().find(|other| other.is_of_the_same_rows(&found)) {
                        Some(known) => known.columns.extend(found.columns),
                        None => odd.push(found),
                    }
                }
            }
            Err(error) => unread.extend(reported(&owners.dataset, Err(error))),
        }
    }
    odd.into_iter().map(|odd| odd.finding(facts.model)).chain(unread).collect()
}

/// Each table with the column that it leads to once.
pub(super) fn tables_of(model: &Model) -> Vec<Owners> {
    let credited = model.metrics.values().filter_map(|metric| match &metric.kind {
        MetricKind::Attribution(kind) => Some(kind.owners.clone()),
        _ => None,
    });
    let joins = model.datasets.values().flat_map(|dataset| dataset.bridged(&model.datasets));
    let joined = joins.filter_map(|(entity, join)| model.owners_of_join(entity, join));
    let mut tables: Vec<Owners> = Vec::new();
    for owners in credited.chain(joined) {
        // What the API calls an owner is no matter of the table.
        let is_same = |other: &Owners| {
            let id_dimension = other.id_dimension.clone();
            let name_dimension = other.name_dimension.clone();
            *other == Owners { id_dimension, name_dimension, ..owners.clone() }
        };
        if !tables.iter().any(is_same) {
            tables.push(owners);
        }
    }
    tables
}

/// What is odd about some rows of a table, and the columns that they lead to.
struct Odd {
    check: DataCheck,
    owners: Owners,
    columns: Vec<ColumnName>,
    met: Met,
}

impl Odd {
    fn is_of_the_same_rows(&self, other: &Self) -> bool {
        let of = |odd: &Self| {
            let Owners { dataset, customer, share, .. } = &odd.owners;
            (odd.check, dataset.clone(), customer.clone(), share.clone())
        };
        of(self) == of(other) && self.met == other.met
    }

    fn finding(self, model: &Model) -> DataFinding {
        let names = |columns: &[ColumnName]| {
            columns.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
        };
        let Owners { dataset, share, .. } = &self.owners;
        let (owned, columns) = (model.owned_by(&self.owners), names(&self.columns));
        let share = names(share.as_slice());
        let share = if share.is_empty() { "share".to_owned() } else { share };
        let what = match self.check {
            DataCheck::OwnershipGap => format!("have no {columns} between two rows"),
            DataCheck::OwnershipOverlap => {
                format!("have several {columns} at once without a {share} each")
            }
            _ => format!("have {columns} whose {share} do not sum to 1"),
        };
        let (count, list) = (self.met.customers, self.met.examples.join(", "));
        DataFinding::new(
            self.check,
            dataset,
            format!("`{dataset}`: {count} {owned}(s) {what}: {list}"),
        )
    }
}

/// What was met while walking along each customer's ownerships.
#[derive(Default, PartialEq, Eq)]
struct Met {
    customers: usize,
    examples: Vec<String>,
}

impl Met {
    fn note(&mut self, is_first: bool, example: impl FnOnce() -> String) {
        if is_first {
            self.customers += 1;
            if self.examples.len() < EXAMPLES {
                self.examples.push(example());
            }
        }
    }
}

fn of_table(facts: &Facts<'_>, owners: &Owners, loaded: &OwnerFacts) -> Vec<Odd> {
    let space = customer_space(facts.model, &owners.dataset, &owners.customer);
    let names = facts.keys.of(&space).names();
    let calendar = &facts.model.calendar;
    let (mut gaps, mut overlaps, mut sums) = (Met::default(), Met::default(), Met::default());
    let mut shares: Vec<Share> = Vec::new();
    for (code, name) in (0u32..).zip(&names) {
        let day = |at: i64| calendar.day_of(Instant(at));
        let mut at = loaded.owners_until(code, i64::MIN, i64::MAX);
        let (mut gap, mut overlap, mut sum) = (true, true, true);
        // Since when nobody owned it any more. Who comes back later makes it a gap.
        let (mut owned, mut lapsed) = (false, None);
        while at != i64::MAX {
            let sharing = loaded.owners_at(code, at, i64::MAX, &mut shares);
            let until = loaded.owners_until(code, at, i64::MAX);
            match (shares.is_empty(), lapsed.take()) {
                (true, since) => lapsed = since.or(owned.then_some(at)),
                (false, Some(since)) => gaps.note(std::mem::take(&mut gap), || {
                    format!("{name} from {} to {}", day(since), day(at))
                }),
                (false, None) => owned = true,
            }
            match sharing {
                Sharing::Clean => {}
                Sharing::Incomplete => overlaps.note(std::mem::take(&mut overlap), || {
                    format!("{name} from {} ({} at once)", day(at), shares.len())
                }),
                Sharing::NotOne => {
                    sums.note(std::mem::take(&mut sum), || format!("{name} from {}", day(at)));
                }
            }
            at = until;
        }
    }
    [
        (DataCheck::OwnershipGap, gaps),
        (DataCheck::OwnershipOverlap, overlaps),
        (DataCheck::SharesNotOne, sums),
    ]
    .into_iter()
    .filter(|(_, met)| met.customers > 0)
    .map(|(check, met)| {
        let columns = vec![owners.owner.clone()];
        Odd { check, owners: owners.clone(), columns, met }
    })
    .collect()
}
