//! The books of one customer: every change of a line is posted once and written to the ledger, the
//! intervals and the month's balances from that one place, so that they agree by construction.

use super::catalogue::{ExpansionType, Movement, PRODUCTS, ProductIndex};
use super::rows::{
    BalanceRow, ChunkRows, IntervalRow, MonthRows, MovementRow, OfferRow, OrderLineRow,
};
use super::timeline::{Month, Timeline};
use crate::values::Instant;

/// What a customer pays for one product.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Line {
    pub(super) cents: i64,
    pub(super) seats: i64,
    /// When the line last changed.
    since: i64,
}

/// A change of one line: signed amounts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Change {
    pub(super) product: ProductIndex,
    pub(super) cents: i64,
    pub(super) seats: i64,
}

/// When and why lines change.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cause {
    pub(super) at: i64,
    pub(super) movement: Movement,
    pub(super) expansion_type: Option<ExpansionType>,
    pub(super) offer: Option<u32>,
}

impl Cause {
    pub(super) fn new(at: i64, movement: Movement) -> Self {
        Self { at, movement, expansion_type: None, offer: None }
    }
}

/// The lines of a customer and the numbers of what was recorded so far.
pub(super) struct Account<'a> {
    customer: u32,
    timeline: &'a Timeline,
    rows: &'a mut ChunkRows,
    lines: [Line; PRODUCTS.len()],
    intervals: Vec<IntervalRow>,
    movements: u32,
    orders: u32,
    offers: u32,
}

impl<'a> Account<'a> {
    pub(super) fn new(customer: u32, timeline: &'a Timeline, rows: &'a mut ChunkRows) -> Self {
        Self {
            customer,
            timeline,
            rows,
            lines: [Line::default(); PRODUCTS.len()],
            intervals: Vec::new(),
            movements: 0,
            orders: 0,
            offers: 0,
        }
    }

    pub(super) fn line(&self, product: ProductIndex) -> Line {
        self.lines[product]
    }

    /// Lines that are paid for, in the order of products.
    pub(super) fn held(&self) -> impl Iterator<Item = (ProductIndex, Line)> + '_ {
        self.lines.iter().copied().enumerate().filter(|(_, line)| line.cents > 0)
    }

    pub(super) fn is_active(&self) -> bool {
        self.held().next().is_some()
    }

    /// Where rows of an instant go, if its month is written.
    fn rows_at(&mut self, at: i64) -> Option<&mut MonthRows> {
        self.rows.month(self.timeline.month_of(Instant(at)))
    }

    /// Records a change. Amounts of zero leave no trace.
    pub(super) fn post(&mut self, cause: Cause, change: Change) {
        if change.cents == 0 {
            return;
        }
        let line = self.lines[change.product];
        self.end_interval(change.product, Some(cause.at));
        self.lines[change.product] = Line {
            cents: line.cents + change.cents,
            seats: line.seats + change.seats,
            since: cause.at,
        };
        self.movements += 1;
        let row = MovementRow {
            customer: self.customer,
            number: self.movements,
            product: change.product,
            at: cause.at,
            movement: cause.movement,
            expansion_type: cause.expansion_type,
            cents: change.cents,
            offer: cause.offer,
        };
        if let Some(rows) = self.rows_at(cause.at) {
            rows.movements.push(row);
        }
    }

    fn end_interval(&mut self, product: ProductIndex, to: Option<i64>) {
        let line = self.lines[product];
        if line.cents > 0 && to.is_none_or(|to| to > line.since) {
            let (customer, from, cents) = (self.customer, line.since, line.cents);
            self.intervals.push(IntervalRow { customer, number: 0, product, cents, from, to });
        }
    }

    /// Records an order. `lines` are MRR changes; an order is for a year of them.
    pub(super) fn order(&mut self, at: i64, lines: &[Change]) {
        self.orders += 1;
        for line in lines {
            self.order_line(at, line.product, line.seats.max(1), line.cents * 12);
        }
    }

    /// Adds a line to the order recorded last.
    pub(super) fn order_line(&mut self, at: i64, product: ProductIndex, quantity: i64, cents: i64) {
        let (customer, order) = (self.customer, self.orders);
        if let Some(rows) = self.rows_at(at) {
            rows.order_lines.push(OrderLineRow { customer, order, at, product, quantity, cents });
        }
    }

    /// Records an offer and returns its number.
    pub(super) fn offer(&mut self, mut offer: OfferRow) -> u32 {
        self.offers += 1;
        offer.number = self.offers;
        if let Some(rows) = self.rows_at(offer.presented_at) {
            rows.offers.push(offer);
        }
        self.offers
    }

    /// Records the balances at a month's end.
    pub(super) fn end_month(&mut self, month: Month) {
        if let Some(rows) = self.rows.month(month) {
            for (product, line) in self.lines.iter().enumerate().filter(|(_, line)| line.cents > 0)
            {
                let (cents, seats) = (line.cents, line.seats);
                rows.balances.push(BalanceRow { customer: self.customer, product, cents, seats });
            }
        }
    }

    /// The rows of a month, for records other than the books.
    pub(super) fn month(&mut self, month: Month) -> Option<&mut MonthRows> {
        self.rows.month(month)
    }

    /// True once nothing that happens from `month` on can be seen in the files: the month is
    /// beyond them, and every interval that began within them has found its end.
    pub(super) fn is_settled(&self, month: Month) -> bool {
        let end = self.timeline.start(self.rows.end());
        month >= self.rows.end() && self.held().all(|(_, line)| line.since >= end)
    }

    /// Leaves what still runs open and writes the intervals, each to the month in which it began.
    pub(super) fn close(mut self) {
        for product in 0..self.lines.len() {
            self.end_interval(product, None);
        }
        let mut intervals = std::mem::take(&mut self.intervals);
        intervals.sort_by_key(|row| (row.from, row.product));
        for (number, row) in (1..).zip(intervals) {
            if let Some(rows) = self.rows_at(row.from) {
                rows.intervals.push(IntervalRow { number, ..row });
            }
        }
    }
}
