//! Two shapes of one balance, compared unit by unit at the instants that both know.

use super::units::{UnitState, by_product, walk};
use super::{BalanceFacts, Code};

/// A unit whose balances differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Difference {
    pub customer: Code,
    pub product: Code,
    pub at: i64,
    pub left: i64,
    pub right: i64,
}

/// What a comparison found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reconciliation {
    pub differing: u64,
    /// Sum of right − left, in minor units.
    pub net: i128,
    /// The first few, by customer.
    pub examples: Vec<Difference>,
}

/// How many differences are kept as examples.
const EXAMPLES: usize = 5;

/// Compares customer × product balances at the instants.
#[must_use]
pub fn reconcile(left: &BalanceFacts, right: &BalanceFacts, instants: &[i64]) -> Reconciliation {
    let mut found = Reconciliation::default();
    let mut scratch = Vec::new();
    let mut states = vec![UnitState::default(); instants.len()];
    for customer in 0..left.customers().max(right.customers()) {
        let mut of = |facts: &BalanceFacts| {
            let mut units: Vec<(Code, Vec<i64>)> = Vec::new();
            by_product(facts, facts.rows_of(customer), &mut scratch, |product, rows| {
                walk(facts, rows.iter().map(|(_, row)| *row), instants, &mut states);
                units.push((product, states.iter().map(|state| state.balance).collect()));
            });
            units
        };
        let (ours, theirs) = (of(left), of(right));
        let mut products: Vec<Code> =
            ours.iter().chain(&theirs).map(|(product, _)| *product).collect();
        products.sort_unstable();
        products.dedup();
        for product in products {
            let balances = |units: &[(Code, Vec<i64>)], at: usize| {
                units.iter().find(|(known, _)| *known == product).map_or(0, |(_, sums)| sums[at])
            };
            for (place, at) in instants.iter().enumerate() {
                let (a, b) = (balances(&ours, place), balances(&theirs, place));
                if a == b {
                    continue;
                }
                found.differing += 1;
                found.net += i128::from(b) - i128::from(a);
                if found.examples.len() < EXAMPLES {
                    let customer = super::facts::code_of(customer);
                    found.examples.push(Difference {
                        customer,
                        product,
                        at: *at,
                        left: a,
                        right: b,
                    });
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::testkit::{at, eight_customers};
    use super::*;

    #[test]
    fn the_same_facts_agree_and_a_changed_cent_is_found() {
        let ledger = eight_customers();
        let instants = [at("2024-02-01"), at("2024-03-01")];
        let same = reconcile(&ledger.facts, &ledger.facts, &instants);
        assert_eq!(same, Reconciliation::default());
        let mut other = ledger.facts.clone();
        let row = other.rows_of(ledger.customers.of("A") as usize).start;
        other.amount[row] += 1;
        let found = reconcile(&ledger.facts, &other, &instants);
        assert_eq!((found.differing, found.net), (2, 2));
        assert_eq!((found.examples[0].left, found.examples[0].right), (100_00, 100_01));
    }
}
