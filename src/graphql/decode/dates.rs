//! Days and instants as callers write them.

use async_graphql::Value;
use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeZone};

use crate::error::{ApiError, ApiResult, ErrorCode};
use crate::values::{Calendar, Instant};

/// Which end of a period a day is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Edge {
    /// An instant rounds down to its day.
    Start,
    /// An instant rounds up to the next midnight.
    End,
}

/// A day of a period.
pub(super) fn period_day(
    value: &Value,
    calendar: Calendar,
    at: &str,
    edge: Edge,
) -> ApiResult<NaiveDate> {
    let day = written(value).and_then(|text| {
        parse_day(text).or_else(|| {
            let instant = parse_instant(text, calendar)?;
            Some(match edge {
                Edge::Start => calendar.day_of(instant),
                Edge::End => calendar.day_of(calendar.midnight_at_or_after(instant)),
            })
        })
    });
    day.ok_or_else(|| {
        let message = format!("`{at}` must be a day like 2026-03-31.");
        ApiError::new(ErrorCode::BadPeriod, message)
    })
}

/// A day; an instant stands for its day in the reporting zone.
pub(super) fn day(value: &Value, calendar: Calendar, at: &str) -> ApiResult<NaiveDate> {
    period_day(value, calendar, at, Edge::Start)
        .map_err(|error| ApiError::new(ErrorCode::BadRequest, error.message))
}

/// An instant; a day stands for its midnight in the reporting zone.
pub(super) fn instant(value: &Value, calendar: Calendar, at: &str) -> ApiResult<Instant> {
    let instant = written(value).and_then(|text| {
        parse_day(text).map(|day| calendar.midnight(day)).or_else(|| parse_instant(text, calendar))
    });
    instant.ok_or_else(|| {
        let message = format!("`{at}` must be an instant like 2026-03-31T10:00:00Z, or a day.");
        ApiError::new(ErrorCode::BadRequest, message)
    })
}

fn written(value: &Value) -> Option<&str> {
    match value {
        Value::String(text) => Some(text.trim()),
        _ => None,
    }
}

/// Exactly `YYYY-MM-DD`.
fn parse_day(text: &str) -> Option<NaiveDate> {
    let plain = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    plain.then(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()).flatten()
}

/// RFC 3339; without an offset, local time of the reporting zone.
fn parse_instant(text: &str, calendar: Calendar) -> Option<Instant> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Some(Instant(at.timestamp_micros()));
    }
    let local = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"]
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())?;
    let at = calendar.zone.from_local_datetime(&local).earliest()?;
    Some(Instant(at.timestamp_micros()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn berlin() -> Calendar {
        Calendar { zone: chrono_tz::Europe::Berlin, fiscal_start: 1 }
    }

    fn period(text: &str, edge: Edge) -> ApiResult<String> {
        period_day(&Value::from(text), berlin(), "period.start", edge).map(|day| day.to_string())
    }

    #[test]
    fn instants_round_to_days_of_the_reporting_zone() {
        assert_eq!(period("2026-03-31", Edge::End).unwrap(), "2026-03-31");
        assert_eq!(period("2026-03-31T22:30:00Z", Edge::Start).unwrap(), "2026-04-01");
        assert_eq!(period("2026-03-31T21:30:00Z", Edge::End).unwrap(), "2026-04-01");
        assert_eq!(period("2026-03-31T22:00:00.000Z", Edge::End).unwrap(), "2026-04-01");
        assert_eq!(period("2026-03-31T00:00:00", Edge::End).unwrap(), "2026-03-31");
    }

    #[test]
    fn what_is_no_day_is_a_bad_period() {
        for text in ["2026-02-30", "31.03.2026", "+2026-1-1", "today", "", "2026-3-1"] {
            let error = period(text, Edge::Start).unwrap_err();
            assert_eq!(error.code, ErrorCode::BadPeriod, "{text}");
            assert!(error.message.contains("period.start"));
        }
        let number = period_day(&Value::from(2026), berlin(), "period.end", Edge::End);
        assert_eq!(number.unwrap_err().code, ErrorCode::BadPeriod);
    }

    #[test]
    fn a_day_is_its_midnight_as_an_instant() {
        let at = instant(&Value::from("2026-03-31"), berlin(), "asOf").unwrap();
        assert_eq!(at.to_rfc3339(), "2026-03-30T22:00:00Z");
        let at = instant(&Value::from("2026-03-31T10:00:00+05:30"), berlin(), "asOf").unwrap();
        assert_eq!(at.to_rfc3339(), "2026-03-31T04:30:00Z");
        assert_eq!(
            instant(&Value::from("soon"), berlin(), "asOf").unwrap_err().code,
            ErrorCode::BadRequest
        );
    }
}
