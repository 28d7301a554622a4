//! Retention over windows: the waterfall, NRR, GRR, logo retention and expansion rate.
//!
//! Definition book, "Retention over a window [s, e)". One pass over the customers; every window of
//! a unit is the difference of its states at s and e, and windows between which nothing happens to
//! it are counted as one.

mod kept;
mod sums;
mod turns;
mod windows;

use super::units::{by_product, live};
use super::{
    BalanceFacts, Cells, Code, Merge, NONE, OwnerFacts, Place, Slicer, Span, over_customers,
};
pub use kept::{Walks, retention_kept};
pub use sums::{Amount, RetentionCell, Sums};
use sums::{Piece, each_field, piece, split_piece};
use turns::in_turn;
use windows::{Run, Step, Windows};

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

/// Sums of facts below it fit 64 bits: entering and taking out may double a sum for a while.
const NARROW: u64 = 1 << 60;

/// The waterfall of every window and group.
#[must_use]
pub fn retention(
    facts: &BalanceFacts,
    ask: &RetentionAsk,
    slicer: &Slicer,
) -> Cells<RetentionCell> {
    let windows = Windows::new(ask.windows);
    let narrow = facts.gross.is_some_and(|gross| gross < NARROW);
    match ask.owners {
        Some(owners) => tally::<i128>(facts, (ask, slicer), &windows, |pass, place, _| {
            pass.add_by_owner(place, owners);
        }),
        None if windows.follow_on && narrow => in_turn::<i64>(facts, (ask, slicer), &windows),
        None if windows.follow_on => in_turn::<i128>(facts, (ask, slicer), &windows),
        None if narrow => {
            tally::<i64>(facts, (ask, slicer), &windows, |pass, _, key| pass.add(key))
        }
        None => tally::<i128>(facts, (ask, slicer), &windows, |pass, _, key| pass.add(key)),
    }
}

/// What is done with every unit: a customer, or a customer's product.
trait Visit {
    /// Rows ascend in time.
    fn unit(&mut self, place: Place, rows: impl Iterator<Item = usize>);
}

/// Visits every unit of some customers.
fn visit_units(
    facts: &BalanceFacts,
    ask: &RetentionAsk,
    customers: impl Iterator<Item = usize>,
    visit: &mut impl Visit,
) {
    let mut scratch = Vec::new();
    for customer in customers {
        let rows = facts.rows_before(customer, ask.as_of);
        if rows.is_empty() {
            continue;
        }
        let place = Place::of_customer(Code::try_from(customer).unwrap_or(NONE));
        if ask.by_product {
            by_product(facts, rows, &mut scratch, |product, unit| {
                visit.unit(Place { product, ..place }, unit.iter().map(|(_, row)| *row));
            });
        } else {
            visit.unit(place, rows);
        }
    }
}

/// Counts every unit and adds up.
fn tally<M: Amount>(
    facts: &BalanceFacts,
    (ask, slicer): (&RetentionAsk, &Slicer),
    windows: &Windows,
    count: impl Fn(&mut Pass<M>, Place, Option<u64>) + Sync,
) -> Cells<RetentionCell> {
    let tallies = over_customers((facts.customers(), &facts.offsets), slicer, |customers| {
        let tallies = slicer.cells(ask.windows.len());
        let pass = Pass { facts, ask, slicer, windows, tallies, steps: Vec::new() };
        let mut counted = Counted { pass, count: &count };
        visit_units(facts, ask, customers, &mut counted);
        counted.pass.tallies
    });
    tallies.map(ask.windows.len(), add_up)
}

/// What a window's cell is made of. Most units are the same in many windows on end: these are
/// entered where the windows begin and taken out where they end, and added up once for all units.
#[derive(Debug, Clone, Default)]
struct Tally<M> {
    /// Of this window alone.
    here: Sums<M>,
    /// Of this window and all after it.
    from_here: Sums<M>,
    /// Balances that do not change within the window, of this window and all after it.
    steady: Steady<M>,
}

/// Units whose balance does not change.
#[derive(Debug, Clone, Copy, Default)]
struct Steady<M> {
    balance: M,
    cohort: M,
    customers: i64,
    negative: i64,
}

impl<M: Amount> Steady<M> {
    fn of(balance: i64) -> Self {
        Self {
            balance: balance.into(),
            cohort: balance.max(0).into(),
            customers: i64::from(balance > 0),
            negative: i64::from(balance < 0),
        }
    }

    fn add(&mut self, other: &Self) {
        each_field!(self, +=, other, [balance, cohort, customers, negative]);
    }

    fn take(&mut self, other: &Self) {
        each_field!(self, -=, other, [balance, cohort, customers, negative]);
    }

    fn sums(&self) -> Sums<M> {
        Sums {
            starting: self.balance,
            ending: self.balance,
            cohort_starting: self.cohort,
            retained: self.cohort,
            gross_retained: self.cohort,
            customers: self.customers,
            negative: self.negative,
            ..Sums::default()
        }
    }
}

impl<M: Amount> Merge for Tally<M> {
    fn merge(&mut self, other: Self) {
        self.here.merge(other.here);
        self.from_here.merge(other.from_here);
        self.steady.add(&other.steady);
    }
}

fn add_up<M: Amount>(tallies: &[Tally<M>]) -> Vec<RetentionCell> {
    let (mut changing, mut steady) = (Sums::default(), Steady::default());
    tallies
        .iter()
        .map(|tally| {
            changing.merge(tally.from_here);
            steady.add(&tally.steady);
            let mut sums = tally.here;
            sums.merge(changing);
            sums.merge(steady.sums());
            sums.widened()
        })
        .collect()
}

struct Pass<'a, M> {
    facts: &'a BalanceFacts,
    ask: &'a RetentionAsk<'a>,
    slicer: &'a Slicer,
    windows: &'a Windows,
    tallies: Cells<Tally<M>>,
    /// Of the unit at hand.
    steps: Vec<Step>,
}

/// A pass, and what it does with a unit's steps.
struct Counted<'a, M, F> {
    pass: Pass<'a, M>,
    count: &'a F,
}

impl<M: Amount, F: Fn(&mut Pass<M>, Place, Option<u64>)> Visit for Counted<'_, M, F> {
    fn unit(&mut self, place: Place, rows: impl Iterator<Item = usize>) {
        let key = self.pass.slicer.key(&place);
        // With owners the filter may be about them.
        if key.is_some() || self.pass.ask.owners.is_some() {
            self.pass.live(rows);
            (self.count)(&mut self.pass, place, key);
        }
    }
}

impl<M: Amount> Pass<'_, M> {
    fn live(&mut self, rows: impl Iterator<Item = usize>) {
        let (windows, timeline) = (self.windows, &self.windows.timeline);
        let steps = &mut self.steps;
        steps.clear();
        live(self.facts, rows, |at, state| {
            let instant = timeline.after(at);
            if instant == timeline.instants().len() {
                return false;
            }
            match steps.last_mut().filter(|last| last.instant == instant) {
                Some(last) => last.state = *state,
                None => steps.push(windows.step(instant, state)),
            }
            true
        });
    }

    fn add(&mut self, key: Option<u64>) {
        let Some(key) = key else { return };
        let tallies = self.tallies.of(key);
        let by_ledger = self.ask.by_ledger;
        self.windows.for_each_run(&self.steps, |Run { windows, is_same, start, end }| {
            if is_same {
                if end.balance != 0 {
                    let steady = Steady::of(end.balance);
                    tallies[windows.start].steady.add(&steady);
                    if let Some(after) = tallies.get_mut(windows.end) {
                        after.steady.take(&steady);
                    }
                }
                return;
            }
            let sums = Sums::of(&piece::<M>(start, end, by_ledger));
            if windows.len() <= 2 {
                for tally in &mut tallies[windows] {
                    tally.here.merge(sums);
                }
                return;
            }
            tallies[windows.start].from_here.merge(sums);
            if let Some(after) = tallies.get_mut(windows.end) {
                each_field!(after.from_here, -=, sums);
            }
        });
    }
}

impl Pass<'_, i128> {
    /// Splits the unit among its owners at the window's start, in minor units.
    fn add_by_owner(&mut self, place: Place, owners: &OwnerFacts) {
        let mut held = Vec::new();
        let (steps, ask) = (std::mem::take(&mut self.steps), self.ask);
        self.windows.for_each_run(&steps, |run| {
            let whole = piece::<i128>(run.start, run.end, ask.by_ledger);
            if whole.is_empty() {
                return;
            }
            for window in run.windows {
                owners.owners_at(place.customer, ask.windows[window].start, ask.as_of, &mut held);
                let parts = if held.is_empty() {
                    vec![(NONE, whole)]
                } else {
                    let owners = held.iter().map(|share| share.owner);
                    owners.zip(split_piece(&whole, &held)).collect()
                };
                for (key, part) in self.slicer.by_owner(&place, parts.into_iter(), Piece::add) {
                    self.tallies.of(key)[window].here.add(&part);
                }
            }
        });
        self.steps = steps;
    }
}

#[cfg(test)]
mod tests;
