//! What a value is judged by: the band it falls into and the target it should reach, for the slice
//! and the days of its row.

use chrono::NaiveDate;

use crate::model::{Band, DimensionName, Metric, MetricKind, Target, Unit, Window};
use crate::planner::{MetricPlan, Predicate, Test};
use crate::values::{Calendar, Number, Scalar, shift_months};

use super::{BandHit, Group, PeriodInfo, TargetHit};

/// The part of the data that a row is about.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Slice {
    /// Dimensions with one value: of the row's group, and of a filter for equality.
    pub values: Vec<(DimensionName, Scalar)>,
    /// The filter lets less through than the values say.
    pub narrower: bool,
}

impl Slice {
    /// The slice of a row with this group. A metric's own filter is part of what it measures.
    #[must_use]
    pub fn of(plan: &MetricPlan, group: &Group) -> Self {
        let mut slice = Self { values: group.clone(), narrower: false };
        if let Some(filter) = &plan.asked {
            slice.narrow(filter);
        }
        slice
    }

    /// The same slice with one more dimension.
    #[must_use]
    pub fn with(mut self, dimension: &DimensionName, value: Scalar) -> Self {
        self.values.push((dimension.clone(), value));
        self
    }

    fn narrow(&mut self, filter: &Predicate) {
        let (dimension, value) = match filter {
            Predicate::All(parts) => return parts.iter().for_each(|part| self.narrow(part)),
            Predicate::Test { dimension, test: Test::Eq(value) } => (dimension, value),
            Predicate::Test { dimension, test: Test::In(values) } if values.len() == 1 => {
                (dimension, &values[0])
            }
            _ => {
                self.narrower = true;
                return;
            }
        };
        if !self.values.iter().any(|(known, _)| known == dimension) {
            self.values.push((dimension.clone(), value.clone()));
        }
    }

    fn has(&self, only: &[(DimensionName, String)]) -> bool {
        only.iter().all(|(dimension, wanted)| {
            let mut values = self.values.iter().filter(|(name, _)| name == dimension);
            values.any(|(_, value)| written(value).as_deref() == Some(wanted))
        })
    }
}

/// A value as definitions write it.
fn written(value: &Scalar) -> Option<String> {
    Some(match value {
        Scalar::Text(text) => text.to_string(),
        Scalar::Bool(flag) => flag.to_string(),
        Scalar::Int(number) => number.to_string(),
        Scalar::Date(day) => day.to_string(),
        _ => return None,
    })
}

/// The band that a value falls into: `[low, high)`, the most specific slice first. Bands of
/// retention hold for twelve months.
#[must_use]
pub fn band_of(
    metric: &Metric,
    value: Option<&Number>,
    slice: &Slice,
    window: &PeriodInfo,
) -> Option<BandHit> {
    let value = value?.to_f64();
    if !bands_hold(metric, window) {
        return None;
    }
    metric
        .bands
        .iter()
        .filter(|band| holds(band, value) && slice.has(&band.only))
        .max_by_key(|band| band.only.len())
        .map(BandHit::of)
}

/// Bands of retention are about twelve months.
fn bands_hold(metric: &Metric, window: &PeriodInfo) -> bool {
    !matches!(metric.kind, MetricKind::Retention(_))
        || shift_months(window.start, 12) == window.end
        || shift_months(window.end, -12) == window.start
}

/// The window that a metric's own definition measures for a row.
#[must_use]
pub fn window_of(metric: &Metric, period: &PeriodInfo) -> PeriodInfo {
    match &metric.kind {
        MetricKind::Retention(kind) => match kind.window {
            Window::TrailingMonths(months) => {
                PeriodInfo { start: shift_months(period.end, -i32::from(months)), ..*period }
            }
            Window::Period => *period,
        },
        _ => *period,
    }
}

fn holds(band: &Band, value: f64) -> bool {
    band.low.is_none_or(|low| low <= value) && band.high.is_none_or(|high| value < high)
}

/// The target of a value on its period's last day, the most specific slice first. Amounts and
/// counts of a part are never held against the target of a larger whole.
#[must_use]
pub fn target_of(
    metric: &Metric,
    value: Option<&Number>,
    slice: &Slice,
    (calendar, period): (&Calendar, &PeriodInfo),
) -> Option<TargetHit> {
    let last = period.end.pred_opt().unwrap_or(period.end);
    let of_parts = matches!(metric.unit, Unit::Ratio | Unit::Days);
    let fits = |target: &&Target| {
        let exactly = !slice.narrower && slice.values.len() == target.only.len();
        let of_grain = |grain| {
            let start = calendar.floor(period.start, grain);
            start == period.start && calendar.shift(start, grain, 1) == period.end
        };
        in_force(target, last)
            && target.grain.is_none_or(of_grain)
            && slice.has(&target.only)
            && (of_parts || exactly)
    };
    // The one of the row's own grain goes before the one of any.
    let rank = |target: &&Target| (target.only.len(), target.grain.is_some());
    let target = metric.targets.iter().filter(fits).max_by_key(rank)?;
    let attainment = value.filter(|_| target.value != 0.0).and_then(|value| {
        value.div(&Number::Float(target.value)).map(|quotient| quotient.to_f64())
    });
    Some(TargetHit { value: target.value, source: target.source.clone(), attainment })
}

fn in_force(target: &Target, day: NaiveDate) -> bool {
    target.from.is_none_or(|from| from <= day) && target.to.is_none_or(|to| day < to)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn test(dimension: &str, test: Test) -> Predicate {
        Predicate::Test { dimension: DimensionName::new(dimension), test }
    }

    #[test]
    fn equalities_of_a_filter_are_part_of_the_slice_and_anything_else_narrows_it() {
        let smb = || Scalar::text("SMB");
        let mut slice = Slice::default();
        slice.narrow(&test("segment", Test::Eq(smb())).and(test("region", Test::In(vec![smb()]))));
        assert_eq!((slice.values.len(), slice.narrower), (2, false));
        slice.narrow(&test("country", Test::Ne(smb())));
        assert_eq!((slice.values.len(), slice.narrower), (2, true));
        assert!(slice.has(&[(DimensionName::new("segment"), "SMB".to_owned())]));
        assert!(!slice.has(&[(DimensionName::new("country"), "SMB".to_owned())]));
    }
}
