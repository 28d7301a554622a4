//! What one unit adds to one window, and the sums over units.

use std::ops::{AddAssign, Sub, SubAssign};

use crate::kernels::units::UnitState;
use crate::kernels::{Merge, Share, split};

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
    Copy + Default + Ord + Send + Into<i128> + From<i64> + Sub<Output = Self> + AddAssign + SubAssign
{
}

impl Amount for i64 {}
impl Amount for i128 {}

pub(super) use each_field;

impl<M: Amount> Merge for Sums<M> {
    fn merge(&mut self, other: Self) {
        each_field!(self, +=, other);
    }
}

/// The part of one unit (or of one owner's share of it) in one window.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Piece<M> {
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

#[inline]
pub(super) fn piece<M: Amount>(start: &UnitState, end: &UnitState, by_ledger: bool) -> Piece<M> {
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
    pub(super) fn is_empty(&self) -> bool {
        self.start == 0
            && self.end == 0
            && self.new == 0
            && self.reactivation == 0
            && self.expansion == 0
            && self.contraction == 0
            && self.churn == 0
    }

    /// The part of another owner of the same unit.
    pub(super) fn add(&mut self, mut other: Self) {
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
pub(super) fn split_piece(whole: &Piece<i128>, shares: &[Share]) -> Vec<Piece<i128>> {
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
    pub(super) fn of(piece: &Piece<M>) -> Self {
        let mut sums = Self::default();
        sums.add(piece);
        sums
    }

    /// Adds one unit's part. What a cohort alone has is left alone for all others.
    #[inline]
    pub(super) fn add(&mut self, piece: &Piece<M>) {
        let zero = M::default();
        self.starting += piece.start;
        self.ending += piece.end;
        self.new += piece.new;
        self.reactivation += piece.reactivation;
        self.negative += i64::from(piece.start < zero || piece.end < zero);
        if piece.in_cohort {
            self.expansion += piece.expansion;
            self.contraction -= piece.contraction;
            self.churn -= piece.churn;
            self.cohort_starting += piece.start;
            self.retained += piece.end;
            self.gross_retained += piece.start.min(piece.end).max(zero);
            self.cohort_reactivation += piece.reactivation;
            self.customers += 1;
            self.churned_customers += i64::from(piece.lost);
            self.expanded_customers += i64::from(piece.expanded);
        }
    }

    pub(super) fn widened(&self) -> RetentionCell {
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
