//! Windows that follow on each other: one walk over a unit's rows, entering only what changes.
//!
//! Sums of balances at an instant are sums of everything that changed before it, so a unit to which
//! nothing happens in a window adds nothing to it, and one to which something happens adds the
//! difference.

use crate::kernels::timeline::Timeline;
use crate::kernels::{BalanceFacts, Cells, Merge, Place, Slicer, over_customers};
use crate::model::MovementClass;

use super::sums::{Amount, RetentionCell, Sums, each_field};
use super::windows::Windows;
use super::{RetentionAsk, Visit, visit_units};

const CLASSES: usize = MovementClass::ALL.len();

/// What changes in one window, or before the first. A unit is of the cohort where its balance is
/// above zero when the window begins.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Turn<M> {
    /// Of the cohort by class, as recorded; last what no class names.
    flows: [M; CLASSES + 1],
    /// Changes of balances outside of the cohort.
    new: M,
    reactivation: M,
    /// Changes of the cohort's balances, and of the part of them that is not above what was there.
    kept: M,
    gross: M,
    /// Changes of the sum of balances below zero, without the sign, and of their number.
    below: M,
    negative: i64,
    /// Balances that fell below zero.
    fell_below: i64,
    /// Units outside of the cohort that become active, and of the cohort that end.
    joined: i64,
    churned: i64,
    expanded: i64,
}

impl<M: Amount> Merge for Turn<M> {
    fn merge(&mut self, other: Self) {
        for (mine, their) in self.flows.iter_mut().zip(other.flows) {
            *mine += their;
        }
        each_field!(self, +=, other, [
            new, reactivation, kept, gross, below, negative, fell_below, joined, churned, expanded,
        ]);
    }
}

/// The waterfall of every window and group, where windows follow on each other.
pub(super) fn in_turn<M: Amount>(
    facts: &BalanceFacts,
    (ask, slicer): (&RetentionAsk, &Slicer),
    windows: &Windows,
) -> Cells<RetentionCell> {
    walk::<M>(facts, (ask, slicer), windows, i64::MIN).map(windows.count(), add_up)
}

/// What changes in every window and group: of all units, or of those to which anything happens at or
/// after an instant.
pub(super) fn walk<M: Amount>(
    facts: &BalanceFacts,
    (ask, slicer): (&RetentionAsk, &Slicer),
    windows: &Windows,
    from: i64,
) -> Cells<Turn<M>> {
    over_customers((facts.customers(), &facts.offsets), slicer, |customers| {
        // The first turn is what happened before the first window.
        let turns: Cells<Turn<M>> = slicer.cells(windows.count()).with_more(1);
        let mut walk = Walk { facts, timeline: &windows.timeline, slicer, ask, turns };
        let last = |customer| facts.rows_of(customer).last().map(|row| facts.time[row]);
        let customers =
            customers.filter(|customer| from == i64::MIN || last(*customer) >= Some(from));
        visit_units(facts, ask, customers, &mut walk);
        walk.turns
    })
}

/// Balances at the start of each window are what all turns before it add up to.
pub(super) fn add_up<M: Amount>(turns: &[Turn<M>]) -> Vec<RetentionCell> {
    let (mut balance, mut below) = (M::default(), M::default());
    let (mut customers, mut negative) = (0, 0);
    let mut cell = |turn: &Turn<M>| {
        let [new, expansion, contraction, churn, reactivation, _] = turn.flows;
        let mut cohort = balance;
        cohort += below;
        let mut sums = Sums {
            starting: balance,
            new: turn.new,
            reactivation: turn.reactivation,
            expansion,
            contraction: M::default() - contraction,
            churn: M::default() - churn,
            cohort_starting: cohort,
            retained: cohort,
            gross_retained: cohort,
            customers,
            churned_customers: turn.churned,
            expanded_customers: turn.expanded,
            negative: negative + turn.fell_below,
            ..Sums::default()
        };
        for returned in [new, reactivation] {
            sums.reactivation += returned;
            sums.cohort_reactivation += returned;
        }
        sums.retained += turn.kept;
        sums.gross_retained += turn.gross;
        for change in [turn.kept, turn.new, turn.reactivation] {
            balance += change;
        }
        below += turn.below;
        customers += turn.joined - turn.churned;
        negative += turn.negative;
        sums.ending = balance;
        sums.widened()
    };
    let cells: Vec<RetentionCell> = turns.iter().map(&mut cell).collect();
    cells.into_iter().skip(1).collect()
}

/// One row of a unit.
#[derive(Debug, Clone, Copy)]
struct Row {
    at: i64,
    amount: i64,
    /// Index into `MovementClass::ALL`, or beyond it.
    class: u8,
}

impl Row {
    fn of(facts: &BalanceFacts, row: usize) -> Self {
        let class = facts.class.get(row).copied().unwrap_or(BalanceFacts::UNMAPPED);
        Self { at: facts.time[row], amount: facts.amount[row], class }
    }
}

/// The walk over units, one after the other.
struct Walk<'a, M> {
    facts: &'a BalanceFacts,
    timeline: &'a Timeline,
    slicer: &'a Slicer,
    ask: &'a RetentionAsk<'a>,
    /// One before the first window, and one a window.
    turns: Cells<Turn<M>>,
}

impl<M: Amount> Visit for Walk<'_, M> {
    /// Rows at one instant are netted before activity is judged (definition book, "Balances and
    /// movements").
    fn unit(&mut self, place: Place, rows: impl Iterator<Item = usize>) {
        const EXPANSION: u8 = MovementClass::Expansion as u8;
        let by_class = self.ask.by_ledger;
        let Some(key) = self.slicer.key(&place) else { return };
        let turns = self.turns.of(key);
        let mut rows = rows.map(|row| Row::of(self.facts, row));
        let (mut balance, mut was_active) = (0i64, false);
        let mut next = rows.next();
        while let Some(first) = next {
            let place = self.timeline.after(first.at);
            let (Some(turn), Some(end)) =
                (turns.get_mut(place), self.timeline.instants().get(place))
            else {
                return;
            };
            let (start, returns) = (balance, was_active);
            let (mut row, mut before, mut expanded) = (first, balance, false);
            next = loop {
                balance = balance.saturating_add(row.amount);
                expanded |= row.class == EXPANSION;
                if by_class && start > 0 {
                    turn.flows[usize::from(row.class).min(CLASSES)] += row.amount.into();
                }
                let following = rows.next();
                if let Some(same) = following.filter(|following| following.at == row.at) {
                    row = same;
                    continue;
                }
                was_active |= balance > 0;
                expanded |= !self.facts.recorded && before > 0 && balance > before;
                before = balance;
                match following {
                    Some(within) if within.at < *end => row = within,
                    _ => break following,
                }
            };
            turn.enter((start, balance), (returns, expanded), by_class);
        }
    }
}

impl<M: Amount> Turn<M> {
    /// The difference that a unit makes between its balances at the start and the end.
    #[inline]
    fn enter(
        &mut self,
        (start, end): (i64, i64),
        (returns, expanded): (bool, bool),
        by_class: bool,
    ) {
        let change = M::from(end) - start.into();
        if start > 0 {
            self.kept += change;
            self.gross += M::from(end.min(start).max(0)) - start.into();
            self.churned += i64::from(end <= 0);
            self.expanded += i64::from(expanded);
            if !by_class {
                let class = match change > M::default() {
                    _ if end <= 0 => MovementClass::Churn,
                    true => MovementClass::Expansion,
                    false => MovementClass::Contraction,
                };
                self.flows[class as usize] += change;
            }
        } else {
            *(if returns { &mut self.reactivation } else { &mut self.new }) += change;
            self.joined += i64::from(end > 0);
        }
        if start < 0 || end < 0 {
            self.below +=
                M::from(end.min(0).saturating_neg()) - start.min(0).saturating_neg().into();
            self.negative += i64::from(end < 0) - i64::from(start < 0);
            self.fell_below += i64::from(end < 0 && start >= 0);
        }
    }
}
