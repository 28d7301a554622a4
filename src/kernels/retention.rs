//! Retention over windows: the waterfall, NRR, GRR, logo retention and expansion rate.
//!
//! Definition book, "Retention over a window [s, e)". One pass over the customers; every window of
//! a unit is the difference of its states at s and e, and windows between which nothing happens to
//! it are counted as one.

mod windows;

use std::ops::{AddAssign, Neg, Sub, SubAssign};

use super::units::{UnitState, by_product, live};
use super::{
    BalanceFacts, Cells, Code, Merge, NONE, OwnerFacts, Part, Place, Share, Slicer, Span,
    over_customers, split,
};
use windows::{NEVER, Run, Step, Windows};

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
pub type RetentionCell = Sums<i128>;

/// The sums of a cell, in 64 bits where no sum of the facts can be larger.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sums<M> {
    pub starting: M,
    pub new: M,
    pub reactivation: M,
    pub expansion: M,
    pub contraction: M,
    pub churn: M,
    pub ending: M,
    pub cohort_starting: M,
    pub retained: M,
    pub gross_retained: M,
    pub cohort_reactivation: M,
    pub customers: i64,
    pub churned_customers: i64,
    pub expanded_customers: i64,
    /// Units with a balance below zero at either end.
    pub negative: i64,
}

/// Applies an operator to every field of two cells.
macro_rules! each_field {
    ($mine:expr, $op:tt, $their:expr, [$($field:ident),+ $(,)?]) => {
        $($mine.$field $op $their.$field;)+
    };
    ($mine:expr, $op:tt, $their:expr) => {
        each_field!($mine, $op, $their, [
            starting, new, reactivation, expansion, contraction, churn, ending, cohort_starting,
            retained, gross_retained, cohort_reactivation, customers, churned_customers,
            expanded_customers, negative,
        ])
    };
}

/// What amounts are added up in.
pub trait Amount:
    Copy
    + Default
    + Ord
    + Send
    + Into<i128>
    + From<i64>
    + Sub<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + SubAssign
{
}

impl Amount for i64 {}
impl Amount for i128 {}

impl<M: Amount> Merge for Sums<M> {
    fn merge(&mut self, other: Self) {
        each_field!(self, +=, other);
    }
}

/// The part of one unit (or of one owner's share of it) in one window.
#[derive(Debug, Clone, Copy, Default)]
struct Piece<M> {
    start: M,
    end: M,
    /// Change by class, losses negative; only one of new and reactivation outside the cohort.
    new: M,
    reactivation: M,
    expansion: M,
    contraction: M,
    churn: M,
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
    /// Entering and taking out may double a sum for a while.
    const NARROW: u64 = 1 << 60;
    let windows = Windows::new(ask.windows);
    match ask.owners {
        Some(owners) => tally::<i128>(facts, (ask, slicer), &windows, |pass, place, _| {
            pass.add_by_owner(place, owners);
        }),
        None if facts.gross.is_some_and(|gross| gross < NARROW) => {
            tally::<i64>(facts, (ask, slicer), &windows, |pass, _, key| pass.add(key))
        }
        None => tally::<i128>(facts, (ask, slicer), &windows, |pass, _, key| pass.add(key)),
    }
}

/// Counts every unit and adds up.
fn tally<M: Amount>(
    facts: &BalanceFacts,
    (ask, slicer): (&RetentionAsk, &Slicer),
    windows: &Windows,
    count: impl Fn(&mut Pass<M>, Place, Option<u64>) + Sync,
) -> Cells<RetentionCell> {
    let only = slicer.customers();
    let tallies = over_customers(facts.customers(), only.as_deref(), |customers| {
        let tallies = Cells::new(slicer.cardinality(), ask.windows.len());
        let mut pass = Pass { facts, ask, slicer, windows, tallies, steps: Vec::new() };
        pass.run(customers, &count);
        pass.tallies
    });
    tallies.map(add_up)
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

impl<M: Amount> Pass<'_, M> {
    fn run(&mut self, customers: Part, count: &impl Fn(&mut Self, Place, Option<u64>)) {
        let mut scratch = Vec::new();
        for customer in customers {
            let rows = self.facts.rows_before(customer, self.ask.as_of);
            if rows.is_empty() {
                continue;
            }
            let place = Place::of_customer(Code::try_from(customer).unwrap_or(NONE));
            if self.ask.by_product {
                by_product(self.facts, rows, &mut scratch, |product, unit| {
                    let place = Place { product, ..place };
                    self.unit(place, unit.iter().map(|(_, row)| *row), count);
                });
            } else {
                self.unit(place, rows, count);
            }
        }
    }

    fn unit(
        &mut self,
        place: Place,
        rows: impl Iterator<Item = usize>,
        count: &impl Fn(&mut Self, Place, Option<u64>),
    ) {
        let key = self.slicer.key(&place);
        if let (Some(key), None, true) = (key, self.ask.owners, self.windows.follow_on) {
            return self.add_in_passing(key, rows);
        }
        // With owners the filter may be about them.
        if key.is_some() || self.ask.owners.is_some() {
            self.live(rows);
            count(self, place, key);
        }
    }

    /// Counts a unit window by window as they follow on each other.
    fn add_in_passing(&mut self, key: u64, rows: impl Iterator<Item = usize>) {
        let (timeline, count) = (&self.windows.timeline, self.windows.count());
        let by_ledger = self.ask.by_ledger;
        let tallies = self.tallies.of(key);
        // The state when the window at hand began (none: no window has seen anything yet), and now.
        let mut window: Option<(usize, UnitState)> = None;
        let mut now = NEVER;
        let mut close = |window: &Option<(usize, UnitState)>, now: &UnitState, until: usize| {
            let from = window.as_ref().map_or(0, |(place, began)| {
                tallies[*place].here.merge(Sums::of(&piece::<M>(began, now, by_ledger)));
                place + 1
            });
            if from < until && now.balance != 0 {
                let steady = Steady::of(now.balance);
                tallies[from].steady.add(&steady);
                if let Some(after) = tallies.get_mut(until) {
                    after.steady.take(&steady);
                }
            }
        };
        live(self.facts, rows, |at, state| {
            let Some(place) = timeline.after(at).checked_sub(1) else {
                now = *state;
                return true;
            };
            if place >= count {
                return false;
            }
            if window.as_ref().is_none_or(|(at_hand, _)| *at_hand != place) {
                close(&window, &now, place);
                window = Some((place, now));
            }
            now = *state;
            true
        });
        close(&window, &now, count);
    }

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
                if held.is_empty() {
                    self.tallies.add(self.slicer, &place, window, &whole);
                    continue;
                }
                for (share, part) in held.iter().zip(split_piece(&whole, &held)) {
                    let place = Place { owner: share.owner, ..place };
                    self.tallies.add(self.slicer, &place, window, &part);
                }
            }
        });
        self.steps = steps;
    }
}

impl Cells<Tally<i128>> {
    fn add(&mut self, slicer: &Slicer, place: &Place, window: usize, piece: &Piece<i128>) {
        if let Some(key) = slicer.key(place) {
            self.of(key)[window].here.merge(Sums::of(piece));
        }
    }
}

fn piece<M: Amount>(start: &UnitState, end: &UnitState, by_ledger: bool) -> Piece<M> {
    let in_cohort = start.balance > 0;
    let change = |of: fn(&UnitState) -> i64| M::from(of(end)) - M::from(of(start));
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
    } else if net > M::default() {
        piece.expansion = net;
    } else {
        piece.contraction = net;
    }
    piece
}

impl Piece<i128> {
    fn is_empty(&self) -> bool {
        self.start == 0
            && self.end == 0
            && self.new == 0
            && self.reactivation == 0
            && self.expansion == 0
            && self.contraction == 0
            && self.churn == 0
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
fn split_piece(whole: &Piece<i128>, shares: &[Share]) -> Vec<Piece<i128>> {
    let starts = split(whole.start, shares);
    let ends = split(whole.end, shares);
    let mut parts: Vec<Piece<i128>> = starts
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

impl<M: Amount> Sums<M> {
    fn of(piece: &Piece<M>) -> Self {
        let mut sums = Self {
            starting: piece.start,
            ending: piece.end,
            new: piece.new,
            reactivation: piece.reactivation,
            expansion: piece.expansion,
            contraction: -piece.contraction,
            churn: -piece.churn,
            negative: i64::from(piece.start < M::default() || piece.end < M::default()),
            ..Self::default()
        };
        if piece.in_cohort {
            sums.cohort_starting = piece.start;
            sums.retained = piece.end;
            sums.gross_retained = piece.start.min(piece.end).max(M::default());
            sums.cohort_reactivation = piece.reactivation;
            sums.customers = 1;
            sums.churned_customers = i64::from(piece.lost);
            sums.expanded_customers = i64::from(piece.expanded);
        }
        sums
    }

    fn widened(&self) -> RetentionCell {
        RetentionCell {
            starting: self.starting.into(),
            new: self.new.into(),
            reactivation: self.reactivation.into(),
            expansion: self.expansion.into(),
            contraction: self.contraction.into(),
            churn: self.churn.into(),
            ending: self.ending.into(),
            cohort_starting: self.cohort_starting.into(),
            retained: self.retained.into(),
            gross_retained: self.gross_retained.into(),
            cohort_reactivation: self.cohort_reactivation.into(),
            customers: self.customers,
            churned_customers: self.churned_customers,
            expanded_customers: self.expanded_customers,
            negative: self.negative,
        }
    }
}

#[cfg(test)]
mod tests;
