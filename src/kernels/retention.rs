//! Retention over windows: the waterfall, NRR, GRR, logo retention and expansion rate.
//!
//! Definition book, "Retention over a window [s, e)". One pass over the customers; every window of
//! a unit is the difference of its states at s and e.

use std::ops::Range;

use super::units::{UnitState, by_product, walk};
use super::{
    BalanceFacts, Cells, Code, Merge, NONE, OwnerFacts, Place, Share, Slicer, Span, over_customers,
    split,
};

/// What a retention question needs besides facts and slices.
#[derive(Debug, Clone, Copy)]
pub struct RetentionAsk<'a> {
    pub windows: &'a [Span],
    /// Sums of recorded movements by class; otherwise net per unit.
    pub by_ledger: bool,
    /// Units are customer × product; otherwise customers.
    pub by_product: bool,
    pub as_of: i64,
    /// Owners at the window's start, where the question slices by them.
    pub owners: Option<&'a OwnerFacts>,
}

/// Amounts of one window and group, in minor units; losses positive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RetentionCell {
    pub starting: i128,
    pub new: i128,
    pub reactivation: i128,
    pub expansion: i128,
    pub contraction: i128,
    pub churn: i128,
    pub ending: i128,
    pub cohort_starting: i128,
    pub retained: i128,
    pub gross_retained: i128,
    pub cohort_reactivation: i128,
    pub customers: i64,
    pub churned_customers: i64,
    pub expanded_customers: i64,
    /// Units with a balance below zero at either end.
    pub negative: i64,
}

impl Merge for RetentionCell {
    fn merge(&mut self, other: Self) {
        self.starting += other.starting;
        self.new += other.new;
        self.reactivation += other.reactivation;
        self.expansion += other.expansion;
        self.contraction += other.contraction;
        self.churn += other.churn;
        self.ending += other.ending;
        self.cohort_starting += other.cohort_starting;
        self.retained += other.retained;
        self.gross_retained += other.gross_retained;
        self.cohort_reactivation += other.cohort_reactivation;
        self.customers += other.customers;
        self.churned_customers += other.churned_customers;
        self.expanded_customers += other.expanded_customers;
        self.negative += other.negative;
    }
}

/// The part of one unit (or of one owner's share of it) in one window.
#[derive(Debug, Clone, Copy, Default)]
struct Piece {
    start: i128,
    end: i128,
    /// Change by class, losses negative; only one of new and reactivation outside the cohort.
    new: i128,
    reactivation: i128,
    expansion: i128,
    contraction: i128,
    churn: i128,
    in_cohort: bool,
    lost: bool,
    expanded: bool,
}

/// The waterfall of every window and group.
#[must_use]
pub fn retention(
    facts: &BalanceFacts,
    ask: &RetentionAsk,
    slicer: &Slicer,
) -> Cells<RetentionCell> {
    let mut instants: Vec<i64> =
        ask.windows.iter().flat_map(|window| [window.start, window.end]).collect();
    instants.sort_unstable();
    instants.dedup();
    let place_of = |at: i64| instants.binary_search(&at).unwrap_or(0);
    let ends: Vec<(usize, usize)> =
        ask.windows.iter().map(|window| (place_of(window.start), place_of(window.end))).collect();
    over_customers(facts.customers(), |customers| {
        let mut pass = Pass {
            facts,
            ask,
            slicer,
            instants: &instants,
            ends: &ends,
            cells: Cells::new(slicer.cardinality(), ask.windows.len()),
            states: vec![UnitState::default(); instants.len()],
        };
        pass.run(customers);
        pass.cells
    })
}

struct Pass<'a> {
    facts: &'a BalanceFacts,
    ask: &'a RetentionAsk<'a>,
    slicer: &'a Slicer,
    instants: &'a [i64],
    /// Positions of each window's start and end in `instants`.
    ends: &'a [(usize, usize)],
    cells: Cells<RetentionCell>,
    states: Vec<UnitState>,
}

impl Pass<'_> {
    fn run(&mut self, customers: Range<usize>) {
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
        walk(self.facts, rows, self.instants, &mut self.states);
        let place = Place { product, ..Place::of_customer(customer) };
        match self.ask.owners {
            Some(owners) => self.add_by_owner(place, owners),
            None => self.add(place),
        }
    }

    fn add(&mut self, place: Place) {
        let Some(key) = self.slicer.key(&place) else { return };
        let cells = self.cells.of(key);
        for (cell, (start, end)) in cells.iter_mut().zip(self.ends) {
            let piece = piece(&self.states[*start], &self.states[*end], self.ask.by_ledger);
            cell.count(&piece);
        }
    }

    /// Splits the unit among its owners at the window's start, in minor units.
    fn add_by_owner(&mut self, place: Place, owners: &OwnerFacts) {
        let mut held = Vec::new();
        for (window, (start, end)) in self.ends.iter().enumerate() {
            let whole = piece(&self.states[*start], &self.states[*end], self.ask.by_ledger);
            if whole.is_empty() {
                continue;
            }
            let at = self.ask.windows[window].start;
            owners.owners_at(place.customer, at, self.ask.as_of, &mut held);
            let parts = if held.is_empty() {
                vec![(NONE, whole)]
            } else {
                let owners = held.iter().map(|share| share.owner);
                owners.zip(split_piece(&whole, &held)).collect()
            };
            for (key, part) in self.slicer.by_owner(&place, parts.into_iter(), Piece::add) {
                self.cells.of(key)[window].count(&part);
            }
        }
    }
}

fn piece(start: &UnitState, end: &UnitState, by_ledger: bool) -> Piece {
    let in_cohort = start.balance > 0;
    let change = |of: fn(&UnitState) -> i64| i128::from(of(end)) - i128::from(of(start));
    let net = change(|state| state.balance);
    let mut piece = Piece {
        start: start.balance.into(),
        end: end.balance.into(),
        in_cohort,
        lost: in_cohort && end.balance <= 0,
        expanded: in_cohort && end.expansions > start.expansions,
        ..Piece::default()
    };
    if !in_cohort {
        *(if start.ever_active { &mut piece.reactivation } else { &mut piece.new }) = net;
    } else if by_ledger {
        piece.expansion = change(|state| state.expansion);
        piece.contraction = change(|state| state.contraction);
        piece.churn = change(|state| state.churn);
        piece.reactivation = change(|state| state.returned);
    } else if piece.lost {
        piece.churn = net;
    } else if net > 0 {
        piece.expansion = net;
    } else {
        piece.contraction = net;
    }
    piece
}

impl Piece {
    fn is_empty(&self) -> bool {
        self.start == 0
            && self.end == 0
            && self.new == 0
            && self.reactivation == 0
            && self.expansion == 0
            && self.contraction == 0
            && self.churn == 0
    }

    /// The part of another owner of the same unit.
    fn add(&mut self, mut other: Self) {
        self.start += other.start;
        self.end += other.end;
        for (mine, theirs) in self.changes().into_iter().zip(other.changes()) {
            *mine += *theirs;
        }
    }

    fn changes(&mut self) -> [&mut i128; 5] {
        [
            &mut self.expansion,
            &mut self.contraction,
            &mut self.churn,
            &mut self.reactivation,
            &mut self.new,
        ]
    }
}

/// Each amount by largest remainder; what the parts' changes miss of their own net change (cents,
/// zero in sum) goes to the unit's first change, so that every owner's waterfall closes.
fn split_piece(whole: &Piece, shares: &[Share]) -> Vec<Piece> {
    let starts = split(whole.start, shares);
    let ends = split(whole.end, shares);
    let mut parts: Vec<Piece> = starts
        .into_iter()
        .zip(ends)
        .map(|(start, end)| Piece {
            start,
            end,
            in_cohort: whole.in_cohort,
            lost: whole.lost,
            expanded: whole.expanded,
            ..Piece::default()
        })
        .collect();
    let mut takes_rest = None;
    for (index, amount) in { *whole }.changes().into_iter().enumerate() {
        if *amount == 0 {
            continue;
        }
        takes_rest.get_or_insert(index);
        for (part, share) in parts.iter_mut().zip(split(*amount, shares)) {
            *part.changes()[index] = share;
        }
    }
    if let Some(index) = takes_rest {
        for part in &mut parts {
            let changes: i128 = part.changes().iter().map(|amount| **amount).sum();
            let rest = part.end - part.start - changes;
            *part.changes()[index] += rest;
        }
    }
    parts
}

impl RetentionCell {
    fn count(&mut self, piece: &Piece) {
        self.starting += piece.start;
        self.ending += piece.end;
        self.new += piece.new;
        self.reactivation += piece.reactivation;
        self.expansion += piece.expansion;
        self.contraction -= piece.contraction;
        self.churn -= piece.churn;
        self.negative += i64::from(piece.start < 0 || piece.end < 0);
        if piece.in_cohort {
            self.cohort_starting += piece.start;
            self.retained += piece.end;
            self.gross_retained += piece.start.min(piece.end).max(0);
            self.cohort_reactivation += piece.reactivation;
            self.customers += 1;
            self.churned_customers += i64::from(piece.lost);
            self.expanded_customers += i64::from(piece.expanded);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testkit::{Ledger, at, eight_customers, periods};
    use super::*;

    fn february(ledger: &Ledger, by_ledger: bool, by_product: bool) -> RetentionCell {
        let windows = periods(&["2024-02-01", "2024-03-01"]);
        let ask = RetentionAsk {
            windows: &windows,
            by_ledger,
            by_product,
            as_of: i64::MAX,
            owners: None,
        };
        let cells = retention(&ledger.facts, &ask, &Slicer::default());
        cells.iter().next().unwrap().1[0]
    }

    fn waterfall(cell: &RetentionCell) -> [i128; 7] {
        [
            cell.starting,
            cell.new,
            cell.reactivation,
            cell.expansion,
            cell.contraction,
            cell.churn,
            cell.ending,
        ]
    }

    #[test]
    fn eight_customers_under_every_method_and_unit() {
        let ledger = eight_customers();
        let gross = february(&ledger, true, false);
        assert_eq!(waterfall(&gross), [430_00, 65_00, 25_00, 63_00, 30_00, 40_00, 513_00]);
        assert_eq!((gross.retained, gross.gross_retained), (423_00, 380_00));
        assert_eq!((gross.customers, gross.churned_customers, gross.expanded_customers), (6, 1, 3));

        let net = february(&ledger, false, false);
        assert_eq!(waterfall(&net), [430_00, 65_00, 25_00, 43_00, 10_00, 40_00, 513_00]);
        assert_eq!((net.retained, net.gross_retained), (423_00, 380_00));
        assert_eq!(net.expanded_customers, 3);

        let lines = february(&ledger, true, true);
        assert_eq!(waterfall(&lines), [430_00, 65_00, 25_00, 63_00, 30_00, 40_00, 513_00]);
        assert_eq!((lines.retained, lines.gross_retained), (423_00, 360_00));
        assert_eq!((lines.customers, lines.churned_customers, lines.expanded_customers), (7, 1, 3));
        assert_eq!(waterfall(&february(&ledger, false, true)), waterfall(&lines));
    }

    #[test]
    fn a_return_inside_the_window_counts_in_churn_and_in_cohort_reactivation() {
        let ledger = Ledger::of(&[
            ("a", "core", "2024-01-01", "new", "", 100_00),
            ("a", "core", "2024-02-05", "churn", "", -100_00),
            ("a", "core", "2024-02-20", "new", "", 80_00),
        ]);
        let cell = february(&ledger, true, false);
        assert_eq!(waterfall(&cell), [100_00, 0, 80_00, 0, 0, 100_00, 80_00]);
        assert_eq!((cell.retained, cell.cohort_reactivation), (80_00, 80_00));
        assert_eq!(cell.churned_customers, 0);
    }

    #[test]
    fn movements_at_one_instant_are_netted_before_activity_is_judged() {
        let ledger = Ledger::of(&[
            ("a", "core", "2024-01-01", "new", "", 50_00),
            ("a", "core", "2024-01-01", "contraction", "", -50_00),
            ("a", "core", "2024-02-10", "new", "", 20_00),
        ]);
        let cell = february(&ledger, true, false);
        assert_eq!((cell.new, cell.reactivation), (20_00, 0));
    }

    #[test]
    fn as_of_hides_what_happened_at_or_after_it() {
        let ledger = eight_customers();
        let windows = periods(&["2024-02-01", "2024-03-01"]);
        let ask = RetentionAsk {
            windows: &windows,
            by_ledger: true,
            by_product: false,
            as_of: at("2024-02-05"),
            owners: None,
        };
        let cells = retention(&ledger.facts, &ask, &Slicer::default());
        let cell = cells.iter().next().unwrap().1[0];
        assert_eq!(waterfall(&cell), [430_00, 0, 0, 30_00, 20_00, 0, 440_00]);
    }
}
