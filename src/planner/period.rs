//! Periods: what was asked, resolved against the calendar and the end of observation.

use chrono::{Datelike, NaiveDate};

use crate::error::{ApiError, ApiResult, ErrorCode};
use crate::kernels::Span;
use crate::values::{Calendar, Grain, Instant, shift_months};

use super::{Compare, PeriodAsk};

/// More periods than this are refused.
pub const MAX_PERIODS: usize = 5_000;

/// One row's period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    pub start: NaiveDate,
    pub end: NaiveDate,
    pub span: Span,
    /// A whole period of the grain, and over by the end of observation.
    pub complete: bool,
}

/// Cuts periods on a calendar; `end_of_observation` is T of the definition book.
#[derive(Debug, Clone, Copy)]
pub struct Spine<'a> {
    pub calendar: &'a Calendar,
    pub end_of_observation: Option<Instant>,
}

impl Spine<'_> {
    /// The rows' periods, ascending.
    ///
    /// # Errors
    /// `BAD_PERIOD` with what to write instead.
    pub fn cut(&self, ask: &PeriodAsk, grain: Option<Grain>) -> ApiResult<Vec<Period>> {
        let (start, end) = self.range(ask, grain)?;
        let Some(grain) = grain else {
            return Ok(vec![self.period(start, end, true)]);
        };
        let mut periods = Vec::new();
        let mut from = self.calendar.floor(start, grain);
        while from < end {
            let to = self.calendar.shift(from, grain, 1);
            if to <= from || periods.len() == MAX_PERIODS {
                return Err(too_many(grain));
            }
            let whole = from >= start && to <= end;
            periods.push(self.period(from.max(start), to.min(end), whole));
            from = to;
        }
        Ok(periods)
    }

    /// The same rows' periods one comparison back.
    #[must_use]
    pub fn shift(&self, periods: &[Period], compare: Compare, grain: Option<Grain>) -> Vec<Period> {
        periods
            .iter()
            .map(|period| {
                let (start, end) = self.shifted(period, compare, grain);
                self.period(start, end, true)
            })
            .collect()
    }

    fn shifted(
        &self,
        period: &Period,
        compare: Compare,
        grain: Option<Grain>,
    ) -> (NaiveDate, NaiveDate) {
        let by = |grain, count| {
            (
                self.calendar.shift(period.start, grain, count),
                self.calendar.shift(period.end, grain, count),
            )
        };
        match (compare, grain) {
            (Compare::PreviousPeriod, Some(grain)) => by(grain, -1),
            (Compare::PreviousPeriod, None) => interval_before(period.start, period.end),
            // 52 weeks, so that the comparison is with whole ISO weeks.
            (Compare::PreviousYear, Some(Grain::Week)) => by(Grain::Week, -52),
            (Compare::PreviousYear, _) => by(Grain::Month, -12),
        }
    }

    fn period(&self, start: NaiveDate, end: NaiveDate, whole: bool) -> Period {
        let span =
            Span { start: self.calendar.midnight(start).0, end: self.calendar.midnight(end).0 };
        let over = self.end_of_observation.is_some_and(|at| span.end <= at.0);
        Period { start, end, span, complete: whole && over }
    }

    fn range(&self, ask: &PeriodAsk, grain: Option<Grain>) -> ApiResult<(NaiveDate, NaiveDate)> {
        for day in [ask.start, ask.end].into_iter().flatten() {
            if !(1..=9999).contains(&day.year()) {
                return Err(bad("Period dates lie between the years 0001 and 9999."));
            }
        }
        match (ask.start, ask.end, ask.last) {
            (Some(_), _, Some(_)) => Err(bad("Give either `last` or `start`, not both.")),
            (None, end, Some(last)) => self.last(last, end, grain),
            (Some(start), end, None) => {
                let end = match end {
                    Some(end) => end,
                    None => self.observed_end(start)?,
                };
                if end <= start {
                    return Err(bad(format!(
                        "The period ends ({end}) at or before its start ({start}); `end` is exclusive."
                    )));
                }
                Ok((start, end))
            }
            (None, Some(_), None) => {
                Err(bad("`end` alone does not say where the period begins: add `start` or `last`."))
            }
            (None, None, None) => {
                Err(bad("The period is empty: give `start` and `end`, or `last`."))
            }
        }
    }

    fn last(
        &self,
        last: i64,
        end: Option<NaiveDate>,
        grain: Option<Grain>,
    ) -> ApiResult<(NaiveDate, NaiveDate)> {
        let Some(grain) = grain else {
            return Err(bad("`last` counts periods of a grain: add `grain`, for example MONTH."));
        };
        let count = i32::try_from(last).ok().filter(|count| *count >= 1);
        let Some(count) = count else {
            return Err(bad("`last` must be at least 1."));
        };
        if usize::try_from(count).is_ok_and(|count| count > MAX_PERIODS) {
            return Err(too_many(grain));
        }
        let observed = self.end_of_observation.map(|at| self.calendar.day_of(at));
        let limit = match (end, observed) {
            (Some(end), Some(observed)) => end.min(observed),
            (Some(day), None) | (None, Some(day)) => day,
            (None, None) => {
                return Err(bad("There is no data yet, so `last` has nothing to count from: \
                                give `start` and `end`."));
            }
        };
        let end = self.calendar.floor(limit, grain);
        Ok((self.calendar.shift(end, grain, -count), end))
    }

    fn observed_end(&self, start: NaiveDate) -> ApiResult<NaiveDate> {
        let Some(at) = self.end_of_observation else {
            return Err(bad("There is no data yet, so the period needs an `end`."));
        };
        let day = self.calendar.day_of(self.calendar.midnight_at_or_after(at));
        if day <= start {
            return Err(bad(format!(
                "The period starts at {start}, but the data ends before {day}: give an `end`."
            )));
        }
        Ok(day)
    }
}

/// As many whole months if the interval starts and ends on firsts of months, else as many days.
fn interval_before(start: NaiveDate, end: NaiveDate) -> (NaiveDate, NaiveDate) {
    if start.day() == 1 && end.day() == 1 {
        let months = (end.year() - start.year()) * 12 + i32::try_from(end.month()).unwrap_or(1)
            - i32::try_from(start.month()).unwrap_or(1);
        return (shift_months(start, -months), start);
    }
    (start - (end - start), start)
}

/// The trailing window of a row: `months` before its end to its end.
#[must_use]
pub fn trailing(calendar: &Calendar, period: &Period, months: u8) -> (NaiveDate, NaiveDate, Span) {
    let start = shift_months(period.end, -i32::from(months));
    (start, period.end, Span { start: calendar.midnight(start).0, end: period.span.end })
}

fn bad(message: impl Into<String>) -> ApiError {
    ApiError::new(ErrorCode::BadPeriod, message)
}

fn too_many(grain: Grain) -> ApiError {
    bad(format!(
        "The period holds more than {MAX_PERIODS} periods of grain {}: ask for a shorter period or \
         a coarser grain.",
        grain.as_str()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn spine(calendar: &Calendar, end: &str) -> Vec<String> {
        let spine = Spine { calendar, end_of_observation: Some(calendar.midnight(day(end))) };
        let ask = PeriodAsk { last: Some(2), ..PeriodAsk::default() };
        show(&spine.cut(&ask, Some(Grain::Month)).unwrap())
    }

    fn show(periods: &[Period]) -> Vec<String> {
        periods.iter().map(|p| format!("{} {} {}", p.start, p.end, p.complete)).collect()
    }

    #[test]
    fn last_counts_complete_periods_only() {
        let calendar = Calendar::utc();
        assert_eq!(
            spine(&calendar, "2026-03-31"),
            ["2026-01-01 2026-02-01 true", "2026-02-01 2026-03-01 true"]
        );
        assert_eq!(spine(&calendar, "2026-04-01")[1], "2026-03-01 2026-04-01 true");
    }

    #[test]
    fn a_start_inside_a_period_clips_it() {
        let calendar = Calendar::utc();
        let spine = Spine {
            calendar: &calendar,
            end_of_observation: Some(calendar.midnight(day("2026-03-10"))),
        };
        let ask = PeriodAsk { start: Some(day("2026-01-15")), ..PeriodAsk::default() };
        assert_eq!(
            show(&spine.cut(&ask, Some(Grain::Month)).unwrap()),
            [
                "2026-01-15 2026-02-01 false",
                "2026-02-01 2026-03-01 true",
                "2026-03-01 2026-03-10 false"
            ]
        );
        assert_eq!(show(&spine.cut(&ask, None).unwrap()), ["2026-01-15 2026-03-10 true"]);
    }

    #[test]
    fn comparisons_shift_on_the_calendar() {
        let calendar = Calendar::utc();
        let spine = Spine { calendar: &calendar, end_of_observation: None };
        let april = spine.period(day("2026-04-01"), day("2026-05-01"), true);
        let march = spine.shift(&[april], Compare::PreviousPeriod, Some(Grain::Month));
        assert_eq!(show(&march), ["2026-03-01 2026-04-01 false"]);
        let quarter = spine.period(day("2026-04-01"), day("2026-07-01"), true);
        let before = spine.shift(&[quarter], Compare::PreviousPeriod, None);
        assert_eq!(show(&before), ["2026-01-01 2026-04-01 false"]);
        let days = spine.period(day("2026-04-10"), day("2026-04-15"), true);
        assert_eq!(
            show(&spine.shift(&[days], Compare::PreviousPeriod, None)),
            ["2026-04-05 2026-04-10 false"]
        );
    }

    #[test]
    fn absurd_periods_are_refused_with_advice() {
        let calendar = Calendar::utc();
        let spine = Spine { calendar: &calendar, end_of_observation: None };
        let ask = |start: &str, end: &str| PeriodAsk {
            start: Some(day(start)),
            end: Some(day(end)),
            last: None,
        };
        for (ask, grain) in [
            (ask("2026-02-01", "2026-02-01"), None),
            (ask("1900-01-01", "2026-01-01"), Some(Grain::Day)),
            (PeriodAsk::default(), None),
            (PeriodAsk { last: Some(0), ..PeriodAsk::default() }, Some(Grain::Day)),
            (PeriodAsk { last: Some(3), ..PeriodAsk::default() }, None),
        ] {
            assert_eq!(spine.cut(&ask, grain).unwrap_err().code, ErrorCode::BadPeriod);
        }
    }
}
