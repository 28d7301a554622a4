//! Balances at instants: recurring revenue and the customers who have any.

use super::units::{UnitState, by_product, walk};
use super::{Axis, BalanceFacts, Cells, Code, Merge, NONE, Part, Place, Slicer, over_customers};

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BalanceCell {
    /// Sum over everybody, negative balances included, in minor units.
    pub amount: i128,
    /// Customers whose balance in the slice is above zero.
    pub customers: i64,
}

impl Merge for BalanceCell {
    fn merge(&mut self, other: Self) {
        self.amount += other.amount;
        self.customers += other.customers;
    }
}

/// Balances at ascending or repeated `instants`, one cell each and group.
#[must_use]
pub fn balance(
    facts: &BalanceFacts,
    instants: &[i64],
    as_of: i64,
    slicer: &Slicer,
) -> Cells<BalanceCell> {
    let mut sorted = instants.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let places: Vec<usize> =
        instants.iter().map(|at| sorted.binary_search(at).unwrap_or(0)).collect();
    let by_product_too = slicer.uses(Axis::Product);
    over_customers((facts.customers(), &facts.offsets), slicer, |customers| {
        let mut pass = Pass {
            facts,
            slicer,
            instants: &sorted,
            places: &places,
            states: vec![UnitState::default(); sorted.len()],
            cells: slicer.cells(instants.len()),
            held: Vec::new(),
        };
        pass.run(customers, as_of, by_product_too);
        pass.cells
    })
}

struct Pass<'a> {
    facts: &'a BalanceFacts,
    slicer: &'a Slicer,
    instants: &'a [i64],
    /// Position of each asked instant in `instants`.
    places: &'a [usize],
    states: Vec<UnitState>,
    cells: Cells<BalanceCell>,
    /// One customer's balances by group: products of a group are summed before a customer counts.
    held: Vec<(u64, Vec<i64>)>,
}

impl Pass<'_> {
    fn run(&mut self, customers: Part, as_of: i64, by_product_too: bool) {
        let mut scratch = Vec::new();
        for customer in customers {
            let rows = self.facts.rows_before(customer, as_of);
            if rows.is_empty() {
                continue;
            }
            let code = Code::try_from(customer).unwrap_or(NONE);
            self.held.clear();
            if by_product_too {
                by_product(self.facts, rows, &mut scratch, |product, unit| {
                    self.hold(code, product, unit.iter().map(|(_, row)| *row));
                });
            } else {
                self.hold(code, NONE, rows);
            }
            self.count();
        }
    }

    fn hold(&mut self, customer: Code, product: Code, rows: impl Iterator<Item = usize>) {
        let place = Place { product, ..Place::of_customer(customer) };
        let Some(key) = self.slicer.key(&place) else { return };
        walk(self.facts, rows, self.instants, &mut self.states);
        let states = &self.states;
        match self.held.iter_mut().find(|(group, _)| *group == key) {
            Some((_, sums)) => {
                for (sum, state) in sums.iter_mut().zip(states) {
                    *sum = sum.saturating_add(state.balance);
                }
            }
            None => self.held.push((key, states.iter().map(|state| state.balance).collect())),
        }
    }

    fn count(&mut self) {
        for (key, sums) in &self.held {
            let cells = self.cells.of(*key);
            for (cell, place) in cells.iter_mut().zip(self.places) {
                let amount = sums[*place];
                cell.amount += i128::from(amount);
                cell.customers += i64::from(amount > 0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testkit::{at, eight_customers};
    use super::*;

    #[test]
    fn balances_are_everything_strictly_before_the_instant() {
        let ledger = eight_customers();
        let instants = [at("2024-03-01"), at("2024-02-01"), at("2023-06-01")];
        let cells = balance(&ledger.facts, &instants, i64::MAX, &Slicer::default());
        let cells = cells.iter().next().unwrap().1;
        assert_eq!(cells[0], BalanceCell { amount: 513_00, customers: 7 });
        assert_eq!(cells[1], BalanceCell { amount: 430_00, customers: 6 });
        assert_eq!(cells[2], BalanceCell::default());
    }
}
