//! Who owned which customer when: gaps between ownerships, several owners without a share each,
//! shares that do not sum to 1.

use crate::engine::facts::Facts;
use crate::kernels::{OwnerFacts, Share, Sharing};
use crate::model::{MetricKind, Owners};
use crate::values::Instant;

use super::{DataCheck, DataFinding, customer_space, reported};

/// Customers that a finding names.
const EXAMPLES: usize = 5;

/// Findings on every table of owners that a metric credits by.
pub async fn findings(facts: &Facts<'_>) -> Vec<DataFinding> {
    let mut seen: Vec<&Owners> = Vec::new();
    let mut findings = Vec::new();
    for metric in facts.model.metrics.values() {
        let MetricKind::Attribution(kind) = &metric.kind else { continue };
        let owners = &kind.owners;
        let known =
            seen.iter().any(|other| other.dataset == owners.dataset && other.owner == owners.owner);
        if known || facts.reader.table(&owners.dataset).is_err() {
            continue;
        }
        seen.push(owners);
        let loaded = facts.owners(owners).await.map(|loaded| of_table(facts, owners, &loaded));
        findings.extend(reported(&owners.dataset, loaded));
    }
    findings
}

/// What was met while walking along each customer's ownerships.
#[derive(Default)]
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

    fn finding(self, check: DataCheck, owners: &Owners, what: &str) -> Option<DataFinding> {
        (self.customers > 0).then(|| {
            let (count, list) = (self.customers, self.examples.join(", "));
            let message = format!("`{}`: {count} customer(s) {what}: {list}", owners.dataset);
            DataFinding::new(check, &owners.dataset, message)
        })
    }
}

fn of_table(facts: &Facts<'_>, owners: &Owners, loaded: &OwnerFacts) -> Vec<DataFinding> {
    let space = customer_space(facts.model, &owners.dataset, &owners.customer);
    let names = facts.keys.of(&space).names();
    let calendar = &facts.model.calendar;
    let (mut gaps, mut overlaps, mut sums) = (Met::default(), Met::default(), Met::default());
    let mut shares: Vec<Share> = Vec::new();
    for (code, name) in (0u32..).zip(&names) {
        let day = |at: i64| calendar.day_of(Instant(at));
        let mut at = loaded.owners_until(code, i64::MIN, i64::MAX);
        let (mut gap, mut overlap, mut sum) = (true, true, true);
        while at != i64::MAX {
            let sharing = loaded.owners_at(code, at, i64::MAX, &mut shares);
            let until = loaded.owners_until(code, at, i64::MAX);
            if shares.is_empty() && until != i64::MAX {
                gaps.note(std::mem::take(&mut gap), || {
                    format!("{name} from {} to {}", day(at), day(until))
                });
            }
            match sharing {
                Sharing::Clean => {}
                Sharing::Incomplete => overlaps.note(std::mem::take(&mut overlap), || {
                    format!("{name} from {} ({} owners)", day(at), shares.len())
                }),
                Sharing::NotOne => {
                    sums.note(std::mem::take(&mut sum), || format!("{name} from {}", day(at)));
                }
            }
            at = until;
        }
    }
    [
        gaps.finding(DataCheck::OwnershipGap, owners, "have nobody between two ownerships"),
        overlaps.finding(
            DataCheck::OwnershipOverlap,
            owners,
            "have several owners at once without a share each",
        ),
        sums.finding(DataCheck::SharesNotOne, owners, "have shares that do not sum to 1"),
    ]
    .into_iter()
    .flatten()
    .collect()
}
