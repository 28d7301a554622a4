//! Movements in periods: amounts, events and distinct customers by class and slice, and the part
//! that fell to the period's opening cohort.
//!
//! Recorded movements are summed as recorded. Where no ledger is recorded, a movement is the step
//! between two consecutive balances of a unit, classed by comparing them (definition book,
//! "Balances and movements"); the unit is the customer, or the customer's product where the
//! question slices by product.

mod amounts;

use std::ops::Range;

use crate::model::MovementClass;

pub use amounts::movement_amounts;

use super::facts::code_of;
use super::timeline::Periods;
use super::units::by_product;
use super::{
    Axis, BalanceFacts, Cells, Code, Merge, NONE, OwnerFacts, Part, Place, Share, Slicer, Span,
    over_customers, split,
};

#[derive(Debug, Clone, Copy)]
pub struct MovementAsk<'a> {
    /// Ascending, not overlapping.
    pub periods: &'a [Span],
    /// Which of `MovementClass::ALL` count.
    pub classes: [bool; 5],
    pub as_of: i64,
    /// Owners at the event, where the question slices by them.
    pub owners: Option<&'a OwnerFacts>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MovementCell {
    /// As recorded: losses negative, in minor units.
    pub amount: i128,
    pub events: i64,
    /// Distinct customers.
    pub customers: i64,
    /// The part of customers with a balance above zero at the period's start.
    pub from_cohort: i128,
    /// Movements whose sign contradicts their class.
    pub odd_signs: i64,
    /// The last customer counted (+ 1), so that each counts once.
    last: u32,
}

impl Merge for MovementCell {
    fn merge(&mut self, other: Self) {
        self.amount += other.amount;
        self.events += other.events;
        self.customers += other.customers;
        self.from_cohort += other.from_cohort;
        self.odd_signs += other.odd_signs;
    }
}

/// Movements of every period and group.
#[must_use]
pub fn movement(facts: &BalanceFacts, ask: &MovementAsk, slicer: &Slicer) -> Cells<MovementCell> {
    let derived_by_product = !facts.recorded && slicer.uses(Axis::Product);
    let periods = Periods::new(ask.periods);
    over_customers((facts.customers(), &facts.offsets), slicer, |customers| {
        let cells = slicer.cells(ask.periods.len());
        let opening = Opening::default();
        let mut pass =
            Pass { facts, ask, periods: &periods, slicer, cells, opening, held: Vec::new() };
        pass.run(customers, derived_by_product);
        pass.cells
    })
}

/// Whether the sign of a movement contradicts its class.
fn is_odd(amount: i64, class: MovementClass) -> bool {
    amount != 0 && (amount < 0) != class.is_loss()
}

struct Pass<'a> {
    facts: &'a BalanceFacts,
    ask: &'a MovementAsk<'a>,
    periods: &'a Periods<'a>,
    slicer: &'a Slicer,
    cells: Cells<MovementCell>,
    opening: Opening,
    /// Owners of the event at hand.
    held: Vec<Share>,
}

/// The balance of the customer at hand at the start of periods, asked in any order but cheap where
/// they ascend.
#[derive(Default)]
struct Opening {
    rows: Range<usize>,
    next: usize,
    balance: i64,
}

impl Opening {
    fn of(rows: &Range<usize>) -> Self {
        Self { rows: rows.clone(), next: rows.start, balance: 0 }
    }

    /// Whether it is above zero at `start`.
    fn is_active(&mut self, facts: &BalanceFacts, start: i64) -> bool {
        if self.next > self.rows.start && facts.time[self.next - 1] >= start {
            *self = Self::of(&self.rows);
        }
        while self.next < self.rows.end && facts.time[self.next] < start {
            self.balance = self.balance.saturating_add(facts.amount[self.next]);
            self.next += 1;
        }
        self.balance > 0
    }
}

/// One movement on its way into the cells.
struct Event {
    place: Place,
    at: i64,
    amount: i64,
    class: MovementClass,
}

impl Pass<'_> {
    fn run(&mut self, customers: Part, derived_by_product: bool) {
        let mut scratch = Vec::new();
        for customer in customers {
            let rows = self.facts.rows_before(customer, self.ask.as_of);
            if rows.is_empty() {
                continue;
            }
            let code = code_of(customer);
            self.opening = Opening::of(&rows);
            if self.facts.recorded {
                for row in rows {
                    self.recorded(code, row);
                }
            } else if derived_by_product {
                by_product(self.facts, rows, &mut scratch, |product, unit| {
                    let place = Place { product, ..Place::of_customer(code) };
                    self.derived(place, unit.iter().map(|(_, row)| *row));
                });
            } else {
                self.derived(Place::of_customer(code), rows);
            }
        }
    }

    fn recorded(&mut self, customer: Code, row: usize) {
        let facts = self.facts;
        let class = facts.class.get(row).copied().unwrap_or(BalanceFacts::UNMAPPED);
        let class = usize::from(class);
        if !self.ask.classes.get(class).copied().unwrap_or(false) {
            return;
        }
        let Some(class) = MovementClass::ALL.get(class).copied() else { return };
        let place = Place {
            customer,
            product: facts.product_of(row),
            kind: facts.kind_of(row),
            owner: NONE,
        };
        self.add(&Event { place, at: facts.time[row], amount: facts.amount[row], class });
    }

    fn derived(&mut self, place: Place, rows: impl Iterator<Item = usize>) {
        let facts = self.facts;
        let (mut balance, mut ever_active) = (0i64, false);
        let mut rows = rows.peekable();
        while let Some(first) = rows.peek().copied() {
            let at = facts.time[first];
            let before = balance;
            while let Some(row) = rows.next_if(|row| facts.time[*row] == at) {
                balance = balance.saturating_add(facts.amount[row]);
            }
            if let Some(class) = class_of_step(before, balance, ever_active) {
                self.add(&Event { place, at, amount: balance - before, class });
            }
            ever_active |= balance > 0;
        }
    }

    fn add(&mut self, event: &Event) {
        if !self.ask.classes[event.class as usize] {
            return;
        }
        let Some(period) = self.periods.of(event.at) else { return };
        let whole = i128::from(event.amount);
        let mut held = std::mem::take(&mut self.held);
        held.clear();
        if let Some(owners) = self.ask.owners {
            owners.owners_at(event.place.customer, event.at, self.ask.as_of, &mut held);
        }
        if held.is_empty() {
            if let Some(key) = self.slicer.key(&event.place) {
                self.count(event, period, key, whole);
            }
        } else {
            let parts = held.iter().map(|share| share.owner).zip(split(whole, &held));
            let add = |sum: &mut i128, part| *sum += part;
            for (key, amount) in self.slicer.by_owner(&event.place, parts, add) {
                self.count(event, period, key, amount);
            }
        }
        self.held = held;
    }

    fn count(&mut self, event: &Event, period: usize, key: u64, amount: i128) {
        let in_cohort = self.opening.is_active(self.facts, self.ask.periods[period].start);
        let cell = &mut self.cells.of(key)[period];
        cell.amount += amount;
        cell.events += 1;
        if in_cohort {
            cell.from_cohort += amount;
        }
        cell.odd_signs += i64::from(is_odd(event.amount, event.class));
        let mark = event.place.customer.wrapping_add(1);
        if cell.last != mark {
            cell.last = mark;
            cell.customers += 1;
        }
    }
}

/// The class of a step between two consecutive balances of a unit.
#[must_use]
pub fn class_of_step(before: i64, after: i64, ever_active: bool) -> Option<MovementClass> {
    match (before > 0, after > 0) {
        (false, true) if ever_active => Some(MovementClass::Reactivation),
        (false, true) => Some(MovementClass::New),
        (true, false) => Some(MovementClass::Churn),
        (true, true) if after > before => Some(MovementClass::Expansion),
        (true, true) if after < before => Some(MovementClass::Contraction),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testkit::{eight_customers, periods};
    use super::*;

    fn february(recorded: bool, classes: [bool; 5]) -> MovementCell {
        let ledger = eight_customers();
        let ledger = if recorded { ledger } else { ledger.unrecorded() };
        let periods = periods(&["2024-02-01", "2024-03-01"]);
        let ask = MovementAsk { periods: &periods, classes, as_of: i64::MAX, owners: None };
        let cells = movement(&ledger.facts, &ask, &Slicer::default());
        cells.iter().next().unwrap().1[0]
    }

    #[test]
    fn recorded_expansion_splits_by_the_opening_cohort() {
        let cell = february(true, [false, true, false, false, false]);
        assert_eq!((cell.amount, cell.from_cohort), (68_00, 63_00));
        assert_eq!((cell.events, cell.customers), (4, 4));
    }

    #[test]
    fn recorded_new_is_what_was_recorded_as_new() {
        // The waterfall's new is 65: E's expansion of 5 is new money there.
        assert_eq!(february(true, [true, false, false, false, false]).amount, 60_00);
    }

    #[test]
    fn derived_steps_are_classed_by_comparing_balances() {
        // B: −20 on the 4th, +25 on the 5th; E: new 60, then +5.
        assert_eq!(february(false, [false, true, false, false, false]).amount, 68_00);
        assert_eq!(february(false, [false, false, true, false, false]).amount, -30_00);
        assert_eq!(february(false, [false, false, false, true, false]).amount, -40_00);
        assert_eq!(february(false, [false, false, false, false, true]).amount, 25_00);
    }
}
