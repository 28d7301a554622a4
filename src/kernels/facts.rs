//! Facts: what was read from the warehouse, coded in small integers and sorted by customer and
//! time, so that a kernel is one pass with a running balance.

use std::ops::Range;

use super::Walks;

/// A handle of an entity's key or of a text value, dense from 0.
pub type Code = u32;

/// No value (null, or not read).
pub const NONE: Code = Code::MAX;

/// `[start, end)` in microseconds UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Span {
    pub start: i64,
    pub end: i64,
}

impl Span {
    #[must_use]
    pub fn contains(&self, at: i64) -> bool {
        self.start <= at && at < self.end
    }
}

/// Which of consecutive periods holds an instant.
#[must_use]
pub fn period_of(periods: &[Span], at: i64) -> Option<usize> {
    let place = periods.partition_point(|period| period.end <= at);
    periods.get(place)?.contains(at).then_some(place)
}

/// The code at a position; beyond what codes can say, none.
pub(super) fn code_of(position: usize) -> Code {
    Code::try_from(position).unwrap_or(NONE)
}

/// Changes of recurring revenue, in minor units, sorted by (customer, time).
///
/// A ledger's rows are its movements. Intervals and snapshots become changes of the same shape
/// without a class; kernels then derive the class per unit by comparing consecutive balances.
/// A snapshot's change lies one microsecond before its month's end, so that the balance "at" the
/// end (everything strictly before it) is the snapshot's.
#[derive(Debug, Clone, Default)]
pub struct BalanceFacts {
    /// Rows of customer `c` are `offsets[c]..offsets[c + 1]`.
    pub offsets: Vec<u32>,
    pub time: Vec<i64>,
    pub amount: Vec<i64>,
    /// Empty if not read.
    pub product: Vec<Code>,
    /// Index into `MovementClass::ALL`, or [`BalanceFacts::UNMAPPED`]; empty if not recorded.
    pub class: Vec<u8>,
    /// Expansion type; empty if not recorded.
    pub kind: Vec<Code>,
    /// Offer that led to the movement; empty if not read.
    pub offer: Vec<Code>,
    /// Movements carry their class (a ledger).
    pub recorded: bool,
    /// Decimal places of `amount`.
    pub scale: u8,
    /// The sum of all amounts without their signs: no sum of any of them is larger. None: more than
    /// 64 bits, or not known.
    pub gross: Option<u64>,
    pub known: Known,
    /// First and newest instant at which anything happened.
    pub first: Option<i64>,
    pub newest: Option<i64>,
    /// What was found on walks through these facts.
    pub walks: Walks,
    /// Whose rows were added last.
    pub added: Added,
}

/// Customers with rows that were added to others.
#[derive(Debug, Clone, Default)]
pub struct Added {
    /// Every row of a customer who is not among these lies before this instant.
    pub all_before: Option<i64>,
    /// Ascending.
    pub customers: Vec<Code>,
}

/// At which instants balances are known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Known {
    #[default]
    Always,
    /// Month ends of the snapshots that exist, ascending.
    At(Vec<i64>),
}

impl BalanceFacts {
    /// A class that no mapping names.
    pub const UNMAPPED: u8 = u8::MAX;

    #[must_use]
    pub fn customers(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    /// Rows of one customer, ascending in time.
    #[must_use]
    pub fn rows_of(&self, customer: usize) -> Range<usize> {
        match (self.offsets.get(customer), self.offsets.get(customer + 1)) {
            (Some(start), Some(end)) => *start as usize..*end as usize,
            _ => 0..0,
        }
    }

    /// Size in memory.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let codes = self.product.len() + self.kind.len() + self.offer.len() + self.offsets.len();
        let added = self.added.customers.len();
        (self.time.len() + self.amount.len()) * 8 + (codes + added) * 4 + self.class.len()
    }

    /// Rows of one customer before `as_of`.
    #[must_use]
    pub fn rows_before(&self, customer: usize, as_of: i64) -> Range<usize> {
        let rows = self.rows_of(customer);
        if rows.is_empty() || self.time[rows.end - 1] < as_of {
            return rows;
        }
        let known = self.time[rows.clone()].partition_point(|at| *at < as_of);
        rows.start..rows.start + known
    }

    #[must_use]
    pub fn product_of(&self, row: usize) -> Code {
        self.product.get(row).copied().unwrap_or(NONE)
    }

    #[must_use]
    pub fn kind_of(&self, row: usize) -> Code {
        self.kind.get(row).copied().unwrap_or(NONE)
    }

    /// Whether the balance at an instant is known, given what is known by `as_of`.
    #[must_use]
    pub fn is_known(&self, at: i64, as_of: i64) -> bool {
        match &self.known {
            Known::Always => true,
            Known::At(instants) => at <= as_of && instants.binary_search(&at).is_ok(),
        }
    }
}
