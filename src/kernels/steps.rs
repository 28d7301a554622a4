//! A customer's total balance step by step, and the expansions on the way.

use crate::model::MovementClass;

use super::{BalanceFacts, Code, NONE};

/// The change of a customer's total balance at one instant, everything at it netted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    pub at: i64,
    pub before: i128,
    pub after: i128,
}

impl Step {
    /// The balance falls from above zero to zero or below.
    #[must_use]
    pub fn is_churn(&self) -> bool {
        self.before > 0 && self.after <= 0
    }

    /// An active customer's balance rises.
    #[must_use]
    pub fn is_expansion(&self) -> bool {
        self.before > 0 && self.after > self.before
    }
}

/// The steps of a unit's rows, ascending in time.
pub fn steps(
    facts: &BalanceFacts,
    rows: impl Iterator<Item = usize>,
) -> impl Iterator<Item = Step> {
    let mut rows = rows.peekable();
    let mut balance = 0;
    std::iter::from_fn(move || {
        let at = facts.time[*rows.peek()?];
        let before = balance;
        while let Some(row) = rows.next_if(|row| facts.time[*row] == at) {
            balance += i128::from(facts.amount[row]);
        }
        Some(Step { at, before, after: balance })
    })
}

/// The expansions of a unit's rows where nothing is recorded.
pub fn rises(
    facts: &BalanceFacts,
    rows: impl Iterator<Item = usize>,
) -> impl Iterator<Item = Expansion> {
    steps(facts, rows).filter(Step::is_expansion).map(|step| Expansion {
        at: step.at,
        amount: step.after - step.before,
        product: NONE,
        kind: NONE,
        offer: NONE,
    })
}

/// An expansion: a movement recorded as one, whatever its sign, or (where movements are not
/// recorded) a rise of an active customer's total.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expansion {
    pub at: i64,
    pub amount: i128,
    pub product: Code,
    pub kind: Code,
    pub offer: Code,
}

/// One customer's expansions before `known`, ascending in time.
pub fn expansions(
    facts: &BalanceFacts,
    customer: usize,
    known: i64,
) -> impl Iterator<Item = Expansion> {
    const CLASS: u8 = MovementClass::Expansion as u8;
    let rows = facts.rows_before(customer, known);
    // Steps are looked at only where nothing is recorded.
    let (rows, unrecorded) = if facts.recorded { (rows, 0..0) } else { (0..0, rows) };
    let classes = facts.class.get(rows.clone()).unwrap_or_default();
    let recorded = rows.zip(classes).filter(|(_, class)| **class == CLASS);
    let recorded = recorded.map(|(row, _)| Expansion {
        at: facts.time[row],
        amount: i128::from(facts.amount[row]),
        product: facts.product_of(row),
        kind: facts.kind_of(row),
        offer: facts.offer.get(row).copied().unwrap_or(NONE),
    });
    recorded.chain(rises(facts, unrecorded))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::testkit::{Ledger, at, eight_customers};

    #[test]
    fn movements_of_an_instant_are_netted_over_products() {
        let ledger = Ledger::of(&[
            ("x", "core", "2024-01-01", "new", "", 10_00),
            ("x", "core", "2024-02-01", "churn", "", -10_00),
            ("x", "addon", "2024-02-01", "new", "", 12_00),
            ("x", "addon", "2024-03-01", "churn", "", -12_00),
            ("x", "core", "2024-04-01", "reactivation", "", 9_00),
        ]);
        let facts = &ledger.facts;
        let balances: Vec<_> =
            steps(facts, facts.rows_of(0)).map(|step| (step.before, step.after)).collect();
        assert_eq!(balances, [(0, 10_00), (10_00, 12_00), (12_00, 0), (0, 9_00)]);
        let known = facts.rows_before(0, at("2024-03-01"));
        assert_eq!(steps(facts, known).filter(Step::is_churn).count(), 0);
        assert_eq!(steps(facts, facts.rows_of(0)).filter(Step::is_churn).count(), 1);
        assert_eq!(steps(facts, facts.rows_of(5)).count(), 0);
    }

    #[test]
    fn expansions_are_recorded_or_derived() {
        let recorded = eight_customers();
        let b = recorded.customers.of("B") as usize;
        let of = |facts: &BalanceFacts, known: i64| -> Vec<Expansion> {
            expansions(facts, b, known).collect()
        };
        let found = of(&recorded.facts, i64::MAX);
        let amounts: Vec<_> = found.iter().map(|each| each.amount).collect();
        assert_eq!(amounts, [20_00, 25_00]);
        assert_eq!(found[1].kind, recorded.kinds.of("add_on"));
        assert_eq!(of(&recorded.facts, at("2024-02-05")).len(), 1);

        // Derived: 70 on 1 December at once, then −20, then +25.
        let derived = of(&recorded.unrecorded().facts, i64::MAX);
        let derived: Vec<_> = derived.iter().map(|each| (each.at, each.amount)).collect();
        assert_eq!(derived, [(at("2024-02-05"), 25_00)]);
    }
}
