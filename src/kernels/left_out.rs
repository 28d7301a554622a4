//! What expansion of some kinds still adds to what a cohort pays at a window's end, for retention
//! rules that leave it out.
//!
//! Of a unit of the cohort it is the expansion of these kinds recorded in the window, as far as it
//! can still be in the balance: what was gained before the balance fell to zero went with it, a
//! unit that is lost has none, and no more than the balance itself is left out.

use crate::model::MovementClass;

use super::units::by_product;
use super::{
    BalanceFacts, Cells, Code, Merge, NONE, OwnerFacts, Place, RetentionAsk, Share, Slicer,
    over_customers, split,
};

/// Amounts of one window and group, in minor units, of the cohort.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LeftOutCell {
    /// The part of the retained balance that the kinds left out brought.
    pub amount: i128,
    /// Balances at the end without that part, each capped at the start.
    pub gross: i128,
    /// Units with an expansion of another kind.
    pub expanded: i64,
}

impl Merge for LeftOutCell {
    fn merge(&mut self, other: Self) {
        self.amount += other.amount;
        self.gross += other.gross;
        self.expanded += other.expanded;
    }
}

/// The windows, units, slices and owners of [`retention`](super::retention); `kinds` masks what is
/// left out, by code and a last entry for null.
#[must_use]
pub fn left_out(
    facts: &BalanceFacts,
    ask: &RetentionAsk,
    kinds: &[bool],
    slicer: &Slicer,
) -> Cells<LeftOutCell> {
    let mut instants: Vec<i64> =
        ask.windows.iter().flat_map(|window| [window.start, window.end]).collect();
    instants.sort_unstable();
    instants.dedup();
    let place_of = |at: i64| instants.binary_search(&at).unwrap_or(0);
    let ends: Vec<(usize, usize)> =
        ask.windows.iter().map(|window| (place_of(window.start), place_of(window.end))).collect();
    over_customers((facts.customers(), &facts.offsets), slicer, |customers| {
        let mut pass = Pass {
            facts,
            ask,
            kinds,
            slicer,
            instants: &instants,
            ends: &ends,
            cells: slicer.cells(ask.windows.len()),
            states: vec![State::default(); instants.len()],
        };
        pass.run(customers);
        pass.cells
    })
}

/// A unit at an instant: everything strictly before it.
#[derive(Debug, Clone, Copy, Default)]
struct State {
    balance: i64,
    /// Expansion of the kinds left out since the balance was last at zero.
    left_out: i64,
    /// How often the balance has fallen to zero or below.
    lapses: u32,
    /// Recorded expansions of other kinds.
    others: u32,
}

/// A unit of the cohort in a window, or an owner's part of it.
#[derive(Debug, Clone, Copy)]
struct Piece {
    start: i128,
    end: i128,
    left_out: i128,
    expanded: bool,
}

struct Pass<'a> {
    facts: &'a BalanceFacts,
    ask: &'a RetentionAsk<'a>,
    kinds: &'a [bool],
    slicer: &'a Slicer,
    instants: &'a [i64],
    /// Positions of each window's start and end in `instants`.
    ends: &'a [(usize, usize)],
    cells: Cells<LeftOutCell>,
    states: Vec<State>,
}

impl Pass<'_> {
    fn run(&mut self, customers: impl Iterator<Item = usize>) {
        let mut scratch = Vec::new();
        for customer in customers {
            let rows = self.facts.rows_before(customer, self.ask.as_of);
            if rows.is_empty() {
                continue;
            }
            let code = Code::try_from(customer).unwrap_or(NONE);
            if self.ask.by_product {
                by_product(self.facts, rows, &mut scratch, |product, unit| {
                    self.unit(code, product, unit.iter().map(|(_, row)| *row));
                });
            } else {
                self.unit(code, NONE, rows);
            }
        }
    }

    fn unit(&mut self, customer: Code, product: Code, rows: impl Iterator<Item = usize>) {
        let place = Place { product, ..Place::of_customer(customer) };
        match self.ask.owners {
            Some(owners) => {
                self.walk(rows);
                self.add_by_owner(&place, owners);
            }
            None => {
                let Some(key) = self.slicer.key(&place) else { return };
                self.walk(rows);
                for window in 0..self.ends.len() {
                    if let Some(piece) = self.piece(window) {
                        self.cells.of(key)[window].count(&piece);
                    }
                }
            }
        }
    }

    /// The unit's state at every instant; movements of one instant are netted before its balance
    /// is judged.
    fn walk(&mut self, rows: impl Iterator<Item = usize>) {
        let facts = self.facts;
        let (mut state, mut next) = (State::default(), 0);
        let mut rows = rows.peekable();
        while let Some(first) = rows.peek().copied() {
            let at = facts.time[first];
            while next < self.instants.len() && self.instants[next] <= at {
                self.states[next] = state;
                next += 1;
            }
            let before = state.balance;
            while let Some(row) = rows.next_if(|row| facts.time[*row] == at) {
                self.record(&mut state, row);
            }
            if before > 0 && state.balance <= 0 {
                state.lapses += 1;
                state.left_out = 0;
            }
        }
        self.states[next..].fill(state);
    }

    fn record(&self, state: &mut State, row: usize) {
        const EXPANSION: u8 = MovementClass::Expansion as u8;
        let amount = self.facts.amount[row];
        state.balance = state.balance.saturating_add(amount);
        if self.facts.class.get(row) != Some(&EXPANSION) {
            return;
        }
        let kind = self.facts.kind_of(row) as usize;
        let last = self.kinds.len().saturating_sub(1);
        if self.kinds.get(kind.min(last)).copied().unwrap_or(false) {
            state.left_out = state.left_out.saturating_add(amount);
        } else {
            state.others += 1;
        }
    }

    /// The unit in a window, if it is of the cohort.
    fn piece(&self, window: usize) -> Option<Piece> {
        let (start, end) = self.ends[window];
        let (start, end) = (&self.states[start], &self.states[end]);
        if start.balance <= 0 {
            return None;
        }
        let since = match end.lapses == start.lapses {
            true => i128::from(end.left_out) - i128::from(start.left_out),
            false => i128::from(end.left_out),
        };
        let is_lost = end.balance <= 0;
        Some(Piece {
            start: start.balance.into(),
            end: end.balance.into(),
            left_out: if is_lost { 0 } else { since.min(end.balance.into()) },
            expanded: end.others > start.others,
        })
    }

    /// Splits the unit among its owners at the window's start, in minor units, as retention does.
    fn add_by_owner(&mut self, place: &Place, owners: &OwnerFacts) {
        let mut held = Vec::new();
        for window in 0..self.ends.len() {
            let Some(whole) = self.piece(window) else { continue };
            let at = self.ask.windows[window].start;
            owners.owners_at(place.customer, at, self.ask.as_of, &mut held);
            let parts =
                if held.is_empty() { vec![(NONE, whole)] } else { split_piece(&whole, &held) };
            for (key, part) in self.slicer.by_owner(place, parts.into_iter(), Piece::add) {
                self.cells.of(key)[window].count(&part);
            }
        }
    }
}

/// Each owner's part, by largest remainder.
fn split_piece(whole: &Piece, held: &[Share]) -> Vec<(Code, Piece)> {
    let ends = split(whole.start, held).into_iter().zip(split(whole.end, held));
    let parts = ends.zip(split(whole.left_out, held));
    let parts = parts.map(|((start, end), left_out)| Piece { start, end, left_out, ..*whole });
    held.iter().map(|share| share.owner).zip(parts).collect()
}

impl Piece {
    /// The part of another owner of the same unit.
    fn add(&mut self, other: Self) {
        self.start += other.start;
        self.end += other.end;
        self.left_out += other.left_out;
    }
}

impl LeftOutCell {
    fn count(&mut self, piece: &Piece) {
        self.amount += piece.left_out;
        self.gross += piece.start.min(piece.end - piece.left_out).max(0);
        self.expanded += i64::from(piece.expanded);
    }
}

#[cfg(test)]
mod tests {
    use super::super::testkit::{Ledger, periods};
    use super::*;

    fn february(ledger: &Ledger, kind: &str) -> LeftOutCell {
        let mut kinds = vec![false; ledger.kinds.len() + 1];
        if !kind.is_empty() {
            kinds[ledger.kinds.of(kind) as usize] = true;
        }
        let windows = periods(&["2024-02-01", "2024-03-01"]);
        let ask = RetentionAsk {
            windows: &windows,
            by_ledger: true,
            by_product: false,
            as_of: i64::MAX,
            owners: None,
        };
        let cells = left_out(&ledger.facts, &ask, &kinds, &Slicer::default());
        cells.iter().next().unwrap().1[0]
    }

    #[test]
    fn what_is_left_out_is_what_is_still_in_the_balance() {
        let ledger = Ledger::of(&[
            ("cut", "core", "2024-01-01", "new", "", 100_00),
            ("cut", "core", "2024-02-05", "expansion", "price", 10_00),
            ("cut", "core", "2024-02-06", "expansion", "seat", 1_00),
            ("cut", "core", "2024-02-10", "contraction", "", -15_00),
            ("lost", "core", "2024-01-01", "new", "", 100_00),
            ("lost", "core", "2024-02-03", "expansion", "price", 20_00),
            ("lost", "core", "2024-02-20", "churn", "", -120_00),
            ("back", "core", "2024-01-01", "new", "", 50_00),
            ("back", "core", "2024-02-02", "expansion", "price", 5_00),
            ("back", "core", "2024-02-03", "churn", "", -55_00),
            ("back", "core", "2024-02-20", "reactivation", "", 30_00),
            ("shrunk", "core", "2024-01-01", "new", "", 20_00),
            ("shrunk", "core", "2024-02-08", "expansion", "price", 30_00),
            ("shrunk", "core", "2024-02-09", "contraction", "", -45_00),
            ("before", "core", "2024-01-01", "new", "", 7_00),
            ("before", "core", "2024-01-09", "expansion", "price", 1_00),
            ("new", "core", "2024-02-07", "new", "", 40_00),
            ("new", "core", "2024-02-08", "expansion", "price", 4_00),
        ]);
        // Ends: cut 96, lost 0, back 30, shrunk 5, before 8; of them 10 and 5 are price.
        let cell = february(&ledger, "price");
        assert_eq!(cell, LeftOutCell { amount: 15_00, gross: 124_00, expanded: 1 });
        let nothing = february(&ledger, "");
        assert_eq!(nothing, LeftOutCell { amount: 0, gross: 139_00, expanded: 4 });
    }
}
