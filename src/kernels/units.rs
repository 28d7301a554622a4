//! A unit's life as a walk over instants: its balance, whether it was ever active, and what was
//! recorded so far. Everything that retention and balances need at an instant is a difference of
//! two such states.

use crate::model::MovementClass;

use super::BalanceFacts;

/// A unit's state at an instant: everything strictly before it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UnitState {
    pub balance: i64,
    /// The balance was above zero at some time before.
    pub ever_active: bool,
    /// Recorded expansion, in minor units.
    pub expansion: i64,
    /// Recorded contraction and churn as recorded (negative), new and reactivation (positive).
    pub contraction: i64,
    pub churn: i64,
    pub returned: i64,
    /// Recorded expansions; derived upward steps where no ledger is recorded.
    pub expansions: u32,
}

/// States of a unit at ascending `instants`, written to `states` (one per instant).
///
/// `rows` are the unit's rows, ascending in time.
pub fn walk(
    facts: &BalanceFacts,
    rows: impl Iterator<Item = usize>,
    instants: &[i64],
    states: &mut [UnitState],
) {
    let (mut before, mut next) = (UnitState::default(), 0);
    live(facts, rows, |at, state| {
        while next < instants.len() && instants[next] <= at {
            states[next] = before;
            next += 1;
        }
        before = *state;
        next < instants.len()
    });
    states[next..].fill(before);
}

/// The state of a unit after every instant at which anything happens to it, as long as `visit`
/// wants to know more. Rows at one instant are netted before activity is judged (definition book,
/// "Balances and movements").
pub fn live(
    facts: &BalanceFacts,
    mut rows: impl Iterator<Item = usize>,
    mut visit: impl FnMut(i64, &UnitState) -> bool,
) {
    let mut state = UnitState::default();
    let mut next = rows.next();
    while let Some(row) = next {
        next = net(facts, &mut rows, row, &mut state);
        if !visit(facts.time[row], &state) {
            return;
        }
    }
}

/// Everything at the instant of `first`; gives the row after it.
fn net(
    facts: &BalanceFacts,
    rows: &mut impl Iterator<Item = usize>,
    first: usize,
    state: &mut UnitState,
) -> Option<usize> {
    let (at, before) = (facts.time[first], state.balance);
    let mut next = Some(first);
    while let Some(row) = next.filter(|row| facts.time[*row] == at) {
        record(state, facts, row);
        next = rows.next();
    }
    if !facts.recorded && before > 0 && state.balance > before {
        state.expansions += 1;
    }
    state.ever_active |= state.balance > 0;
    next
}

fn record(state: &mut UnitState, facts: &BalanceFacts, row: usize) {
    let amount = facts.amount[row];
    state.balance = state.balance.saturating_add(amount);
    let class = facts.class.get(row).and_then(|class| MovementClass::ALL.get(usize::from(*class)));
    match class {
        Some(MovementClass::Expansion) => {
            state.expansion = state.expansion.saturating_add(amount);
            state.expansions += 1;
        }
        Some(MovementClass::Contraction) => {
            state.contraction = state.contraction.saturating_add(amount);
        }
        Some(MovementClass::Churn) => state.churn = state.churn.saturating_add(amount),
        Some(MovementClass::New | MovementClass::Reactivation) => {
            state.returned = state.returned.saturating_add(amount);
        }
        None => {}
    }
}

/// Rows of one customer split by product: `visit(product, rows)` for each, products in order of
/// first appearance, rows ascending in time.
pub fn by_product(
    facts: &BalanceFacts,
    rows: std::ops::Range<usize>,
    scratch: &mut Vec<(super::Code, usize)>,
    mut visit: impl FnMut(super::Code, &[(super::Code, usize)]),
) {
    scratch.clear();
    scratch.extend(rows.map(|row| (facts.product_of(row), row)));
    scratch.sort_unstable();
    let mut start = 0;
    while start < scratch.len() {
        let product = scratch[start].0;
        let end = start + scratch[start..].partition_point(|(other, _)| *other == product);
        visit(product, &scratch[start..end]);
        start = end;
    }
}
