//! Rows of the canonical tables as the generator holds them: numbers for ids, cents for money,
//! microseconds for instants. `encode` turns them into columns.

use super::catalogue::{ExpansionType, Movement, Outcome, ProductIndex};
use super::profile::Profile;
use super::timeline::Month;

pub(super) struct CustomerRow {
    pub(super) customer: u32,
    pub(super) profile: Profile,
}

pub(super) struct MovementRow {
    pub(super) customer: u32,
    pub(super) number: u32,
    pub(super) product: ProductIndex,
    pub(super) at: i64,
    pub(super) movement: Movement,
    pub(super) expansion_type: Option<ExpansionType>,
    pub(super) cents: i64,
    pub(super) offer: Option<u32>,
}

/// Balance at the end of the month whose file holds it.
pub(super) struct BalanceRow {
    pub(super) customer: u32,
    pub(super) product: ProductIndex,
    pub(super) cents: i64,
    pub(super) seats: i64,
}

/// A stretch of constant MRR of a customer's product.
pub(super) struct IntervalRow {
    pub(super) customer: u32,
    pub(super) number: u32,
    pub(super) product: ProductIndex,
    pub(super) cents: i64,
    pub(super) from: i64,
    pub(super) to: Option<i64>,
}

pub(super) struct AssignmentRow {
    pub(super) customer: u32,
    pub(super) csm: u32,
    /// Share of the account in percent.
    pub(super) share: Option<i64>,
    pub(super) from: i64,
    pub(super) to: Option<i64>,
}

pub(super) struct OrderLineRow {
    pub(super) customer: u32,
    pub(super) order: u32,
    pub(super) at: i64,
    pub(super) product: ProductIndex,
    pub(super) quantity: i64,
    pub(super) cents: i64,
}

pub(super) struct OfferRow {
    pub(super) customer: u32,
    pub(super) number: u32,
    pub(super) product: ProductIndex,
    pub(super) csm: Option<u32>,
    pub(super) offer_type: ExpansionType,
    pub(super) trigger: &'static str,
    pub(super) channel: &'static str,
    pub(super) presented_at: i64,
    pub(super) responded_at: Option<i64>,
    pub(super) outcome: Outcome,
    pub(super) cents: i64,
    pub(super) cost_cents: i64,
}

pub(super) struct MilestoneRow {
    pub(super) customer: u32,
    pub(super) milestone: &'static str,
    pub(super) at: i64,
}

/// Seats for lines sold by the seat, quantities for lines sold by volume.
pub(super) struct UsageRow {
    pub(super) customer: u32,
    pub(super) product: ProductIndex,
    pub(super) seats: Option<(i64, i64)>,
    pub(super) quantity: Option<(i64, i64)>,
}

pub(super) struct HealthRow {
    pub(super) customer: u32,
    pub(super) score: i64,
    pub(super) nps: Option<i64>,
    /// Tenths of a point, 1.0 to 5.0.
    pub(super) csat: Option<i64>,
}

/// The rows of one month, each table in the order of customers.
#[derive(Default)]
pub(super) struct MonthRows {
    pub(super) customers: Vec<CustomerRow>,
    pub(super) movements: Vec<MovementRow>,
    pub(super) balances: Vec<BalanceRow>,
    pub(super) intervals: Vec<IntervalRow>,
    pub(super) assignments: Vec<AssignmentRow>,
    pub(super) order_lines: Vec<OrderLineRow>,
    pub(super) offers: Vec<OfferRow>,
    pub(super) milestones: Vec<MilestoneRow>,
    pub(super) usage: Vec<UsageRow>,
    pub(super) health: Vec<HealthRow>,
}

/// The months that a run writes: `first..end`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) first: Month,
    pub(super) end: Month,
}

/// The rows of a chunk of customers, by month. Rows of months outside the span are dropped: lives
/// are followed through them, files are not written for them.
pub(super) struct ChunkRows {
    span: Span,
    months: Vec<MonthRows>,
}

impl ChunkRows {
    pub(super) fn new(span: Span) -> Self {
        let months = (span.first.0..span.end.0).map(|_| MonthRows::default()).collect();
        Self { span, months }
    }

    pub(super) fn end(&self) -> Month {
        self.span.end
    }

    /// Where rows of a month go, if it is written.
    pub(super) fn month(&mut self, month: Month) -> Option<&mut MonthRows> {
        let place = month.0.checked_sub(self.span.first.0)?;
        self.months.get_mut(place as usize)
    }

    /// Rows by month, from the first of the span.
    pub(super) fn months(&self) -> &[MonthRows] {
        &self.months
    }
}
