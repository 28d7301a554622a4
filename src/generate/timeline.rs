//! The generator's clock: months counted from 2023-01, and how many customers are won by when.

use chrono::{Months, NaiveDate};

use crate::values::{Calendar, Instant, shift_months};

/// Months after which no life is followed any further.
pub(super) const HORIZON: u32 = 120;

/// The months over which `GenerateSettings::customers` are won.
const REFERENCE_MONTHS: u32 = 36;

/// Share of the reference customers who are won in the first month: the base that a company has
/// when its records begin.
const BASE_PERCENT: u128 = 45;

pub(super) const MICROS_PER_SECOND: i64 = 1_000_000;

/// A month, counted from 2023-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Month(pub(super) u32);

impl Month {
    /// The first day of the month.
    pub(super) fn first_day(self) -> NaiveDate {
        let first = NaiveDate::from_ymd_opt(2023, 1, 1).unwrap_or_default();
        first.checked_add_months(Months::new(self.0)).unwrap_or(first)
    }

    /// `2023-01`, as partition folders and files are named.
    pub(super) fn label(self) -> String {
        self.first_day().format("%Y-%m").to_string()
    }

    pub(super) fn as_usize(self) -> usize {
        self.0 as usize
    }
}

/// Starts of all months, and the curve along which customers are won.
#[derive(Debug)]
pub(super) struct Timeline {
    /// Start of each month up to the one after the horizon, in microseconds.
    starts: Vec<i64>,
    /// Customers won by the end of each month.
    acquired: Vec<u64>,
}

impl Timeline {
    pub(super) fn new(customers: u32) -> Self {
        let first = Month(0).first_day();
        let calendar = Calendar::utc();
        let starts = (0i32..)
            .take(HORIZON as usize + 1)
            .map(|month| calendar.midnight(shift_months(first, month)).0)
            .collect();
        Self { starts, acquired: acquisition_curve(customers) }
    }

    pub(super) fn start(&self, month: Month) -> i64 {
        self.starts.get(month.as_usize()).copied().unwrap_or(i64::MAX)
    }

    /// The instant after which no life is followed.
    pub(super) fn horizon(&self) -> i64 {
        self.start(Month(HORIZON))
    }

    pub(super) fn seconds(&self, month: Month) -> i64 {
        (self.start(Month(month.0 + 1)) - self.start(month)) / MICROS_PER_SECOND
    }

    /// The month an instant within the horizon falls in.
    pub(super) fn month_of(&self, at: Instant) -> Month {
        let later = self.starts.partition_point(|start| *start <= at.0);
        Month(u32::try_from(later.saturating_sub(1)).unwrap_or(0))
    }

    /// Customers won in the first `months` months.
    pub(super) fn acquired_within(&self, months: u32) -> u64 {
        months.checked_sub(1).and_then(|last| self.acquired.get(last as usize)).map_or(0, |n| *n)
    }

    /// The month in which a customer is won. Customers are numbered in that order.
    pub(super) fn birth_month(&self, customer: u32) -> Month {
        let before = self.acquired.partition_point(|acquired| *acquired <= u64::from(customer));
        Month(u32::try_from(before).unwrap_or(HORIZON))
    }
}

/// A base in the first month, then a little more every month. Exactly `customers` are won by the
/// end of the reference months.
fn acquisition_curve(customers: u32) -> Vec<u64> {
    let monthly: Vec<u128> = std::iter::successors(Some(1_000_000u128), |won| Some(won + won / 66))
        .take(HORIZON as usize - 1)
        .collect();
    let reference: u128 = monthly.iter().take(REFERENCE_MONTHS as usize - 1).sum();
    let base = reference * BASE_PERCENT / (100 - BASE_PERCENT);
    let mut won = base;
    let mut acquired = vec![won];
    for more in monthly {
        won += more;
        acquired.push(won);
    }
    let whole = base + reference;
    let scaled = |won: u128| (u128::from(customers) * won + whole / 2) / whole;
    acquired.into_iter().map(|won| u64::try_from(scaled(won)).unwrap_or(u64::MAX)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_the_customers_asked_for_are_won_in_three_years() {
        for customers in [1, 7, 300, 1_000_000] {
            let timeline = Timeline::new(customers);
            assert_eq!(timeline.acquired_within(36), u64::from(customers));
            assert_eq!(timeline.acquired_within(0), 0);
            assert!(timeline.acquired_within(120) >= timeline.acquired_within(119));
        }
        assert_eq!(Timeline::new(1000).acquired_within(1), 450);
    }

    #[test]
    fn birth_months_agree_with_the_curve() {
        let timeline = Timeline::new(500);
        for customer in 0..500 {
            let month = timeline.birth_month(customer);
            assert!(timeline.acquired_within(month.0) <= u64::from(customer));
            assert!(timeline.acquired_within(month.0 + 1) > u64::from(customer));
        }
    }

    #[test]
    fn months_know_their_instants() {
        let timeline = Timeline::new(1);
        assert_eq!(Month(13).label(), "2024-02");
        assert_eq!(timeline.seconds(Month(13)), 29 * 86_400);
        let start = timeline.start(Month(13));
        assert_eq!(timeline.month_of(Instant(start)), Month(13));
        assert_eq!(timeline.month_of(Instant(start - 1)), Month(12));
    }
}
