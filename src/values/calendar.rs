//! Instants, calendar days of the reporting zone, and how periods are cut on them.
//!
//! Definition book, "Instants and periods": periods are half-open and cut on calendar boundaries
//! in the reporting time zone; shifts by months are calendar shifts, the day clamped.

use chrono::{
    DateTime, Datelike, Days, Months, NaiveDate, NaiveDateTime, TimeDelta, TimeZone, Utc,
};
use chrono_tz::Tz;

/// Months by their names, as definitions write them.
pub const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// Microseconds in a UTC day.
pub const MICROS_PER_DAY: i64 = 86_400_000_000;

/// A point in time: microseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(pub i64);

impl Instant {
    /// RFC 3339 in UTC, to the second unless the instant has a fraction.
    #[must_use]
    pub fn to_rfc3339(self) -> String {
        DateTime::<Utc>::from_timestamp_micros(self.0).map_or_else(
            || self.0.to_string(),
            |at| at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true),
        )
    }
}

/// The length of a period. Quarters and years follow the project's fiscal calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Grain {
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

impl Grain {
    pub const ALL: [Self; 5] = [Self::Day, Self::Week, Self::Month, Self::Quarter, Self::Year];

    /// The name clients use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Day => "DAY",
            Self::Week => "WEEK",
            Self::Month => "MONTH",
            Self::Quarter => "QUARTER",
            Self::Year => "YEAR",
        }
    }
}

/// The project's reporting calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Calendar {
    pub zone: Tz,
    /// First month of the fiscal year, 1 to 12 (1 = calendar year).
    pub fiscal_start: u32,
}

impl Calendar {
    #[must_use]
    pub fn utc() -> Self {
        Self { zone: Tz::UTC, fiscal_start: 1 }
    }

    /// The first instant of a day in the reporting zone (after the gap where a clock change skips
    /// midnight).
    #[must_use]
    pub fn midnight(&self, day: NaiveDate) -> Instant {
        let mut local: NaiveDateTime = day.and_time(chrono::NaiveTime::MIN);
        for _ in 0..24 {
            if let Some(at) = self.zone.from_local_datetime(&local).earliest() {
                return Instant(at.timestamp_micros());
            }
            local += TimeDelta::minutes(15);
        }
        Instant(local.and_utc().timestamp_micros())
    }

    /// The day an instant falls on in the reporting zone.
    #[must_use]
    pub fn day_of(&self, at: Instant) -> NaiveDate {
        if self.zone == Tz::UTC {
            return day_from_epoch(at.0.div_euclid(MICROS_PER_DAY));
        }
        DateTime::<Utc>::from_timestamp_micros(at.0).map_or_else(
            || day_from_epoch(at.0.div_euclid(MICROS_PER_DAY)),
            |t| t.with_timezone(&self.zone).date_naive(),
        )
    }

    /// The midnight at or after an instant.
    #[must_use]
    pub fn midnight_at_or_after(&self, at: Instant) -> Instant {
        let day = self.day_of(at);
        let start = self.midnight(day);
        if start >= at { start } else { self.midnight(next_day(day)) }
    }

    /// The midnight strictly after an instant.
    #[must_use]
    pub fn midnight_after(&self, at: Instant) -> Instant {
        self.midnight(next_day(self.day_of(at)))
    }

    /// The first day of the period of `grain` that holds `day`.
    #[must_use]
    pub fn floor(&self, day: NaiveDate, grain: Grain) -> NaiveDate {
        let months_into = match grain {
            Grain::Day => return day,
            Grain::Week => {
                return day - Days::new(u64::from(day.weekday().num_days_from_monday()));
            }
            Grain::Month => 0,
            Grain::Quarter => self.fiscal_month(day) % 3,
            Grain::Year => self.fiscal_month(day),
        };
        let first = day.with_day(1).unwrap_or(day);
        first.checked_sub_months(Months::new(months_into)).unwrap_or(first)
    }

    /// `count` periods of `grain` later (earlier if negative); the day clamps to the month's end.
    #[must_use]
    pub fn shift(&self, day: NaiveDate, grain: Grain, count: i32) -> NaiveDate {
        match grain {
            Grain::Day => shift_days(day, i64::from(count)),
            Grain::Week => shift_days(day, 7 * i64::from(count)),
            Grain::Month => shift_months(day, count),
            Grain::Quarter => shift_months(day, count.saturating_mul(3)),
            Grain::Year => shift_months(day, count.saturating_mul(12)),
        }
    }

    fn fiscal_month(&self, day: NaiveDate) -> u32 {
        (day.month() + 12 - self.fiscal_start) % 12
    }
}

/// A calendar shift by months, the day clamped to the month's end.
#[must_use]
pub fn shift_months(day: NaiveDate, months: i32) -> NaiveDate {
    let by = Months::new(months.unsigned_abs());
    let shifted = if months < 0 { day.checked_sub_months(by) } else { day.checked_add_months(by) };
    shifted.unwrap_or(day)
}

fn shift_days(day: NaiveDate, days: i64) -> NaiveDate {
    TimeDelta::try_days(days).and_then(|by| day.checked_add_signed(by)).unwrap_or(day)
}

fn next_day(day: NaiveDate) -> NaiveDate {
    day.succ_opt().unwrap_or(day)
}

fn day_from_epoch(days: i64) -> NaiveDate {
    TimeDelta::try_days(days)
        .and_then(|by| NaiveDate::default().checked_add_signed(by))
        .unwrap_or(NaiveDate::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(y: i32, m: u32, d: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(y, m, d).unwrap()
    }

    #[test]
    fn midnights_follow_daylight_saving() {
        let berlin = Calendar { zone: chrono_tz::Europe::Berlin, fiscal_start: 1 };
        let before = berlin.midnight(day(2026, 3, 29));
        let after = berlin.midnight(day(2026, 3, 30));
        assert_eq!(after.0 - before.0, 23 * 3_600_000_000);
        assert_eq!(berlin.day_of(Instant(after.0 - 1)), day(2026, 3, 29));
    }

    #[test]
    fn a_skipped_midnight_starts_after_the_gap() {
        let sao_paulo = Calendar { zone: chrono_tz::America::Sao_Paulo, fiscal_start: 1 };
        let start = sao_paulo.midnight(day(2018, 11, 4));
        assert_eq!(start.to_rfc3339(), "2018-11-04T03:00:00Z");
        assert_eq!(sao_paulo.day_of(start), day(2018, 11, 4));
    }

    #[test]
    fn fiscal_years_and_iso_weeks() {
        let calendar = Calendar { zone: Tz::UTC, fiscal_start: 2 };
        assert_eq!(calendar.floor(day(2026, 1, 15), Grain::Year), day(2025, 2, 1));
        assert_eq!(calendar.floor(day(2026, 4, 30), Grain::Quarter), day(2026, 2, 1));
        assert_eq!(calendar.floor(day(2026, 11, 22), Grain::Week), day(2026, 11, 16));
    }

    #[test]
    fn month_shifts_clamp() {
        assert_eq!(shift_months(day(2024, 2, 29), -12), day(2023, 2, 28));
        assert_eq!(shift_months(day(2026, 1, 31), 1), day(2026, 2, 28));
    }
}
