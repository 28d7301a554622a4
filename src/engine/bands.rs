//! What a value is judged by: the band it falls into and the target it should reach, for the slice
//! and the days of its row.

use chrono::NaiveDate;

use crate::model::{Band, DimensionName, GoodDirection, Metric, MetricKind, Target, Unit, Window};
use crate::planner::{MetricPlan, Predicate, Test};
use crate::values::{Calendar, Number, Scalar, shift_months};

use super::{BandHit, Group, PeriodInfo, Standing, TargetHit};

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
    let band = find(&metric.bands, value, slice)?;
    Some(hit(&metric.bands, band, metric.good))
}

/// All bands of a metric, as written.
#[must_use]
pub fn bands_of(metric: &Metric) -> Vec<BandHit> {
    metric.bands.iter().map(|band| hit(&metric.bands, band, metric.good)).collect()
}

fn find<'b>(bands: &'b [Band], value: f64, slice: &Slice) -> Option<&'b Band> {
    let fitting = bands.iter().filter(|band| holds(band, value) && slice.has(&band.only));
    fitting.max_by_key(|band| band.only.len())
}

fn hit(bands: &[Band], band: &Band, good: Option<GoodDirection>) -> BandHit {
    let only = band.only.iter();
    BandHit {
        label: band.label.clone(),
        low: band.low,
        high: band.high,
        source: band.source.clone(),
        standing: good.map(|good| standing(bands, band, good)),
        only: only.map(|(name, value)| (name.clone(), Scalar::text(value.as_str()))).collect(),
    }
}

/// By place among the bands of the same slice, counted from the worst: the worst of several is bad,
/// the better half is good, what lies between is to be watched. A band that stands alone is one to
/// be in.
fn standing(bands: &[Band], band: &Band, good: GoodDirection) -> Standing {
    let low = |band: &Band| band.low.unwrap_or(f64::NEG_INFINITY);
    let peers = || bands.iter().filter(|peer| peer.only == band.only);
    let worse = peers().filter(|peer| match good {
        GoodDirection::Up => low(peer) < low(band),
        GoodDirection::Down => low(peer) > low(band),
    });
    match (worse.count(), peers().count()) {
        (_, 1) => Standing::Good,
        (0, _) => Standing::Bad,
        (worse, count) if 2 * worse >= count => Standing::Good,
        _ => Standing::Watch,
    }
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

    fn band(label: &str, low: Option<f64>, high: Option<f64>) -> Band {
        Band { label: label.into(), low, high, source: "book".into(), only: Vec::new() }
    }

    fn standings(bands: &[Band], good: GoodDirection) -> Vec<Standing> {
        bands.iter().map(|band| standing(bands, band, good)).collect()
    }

    /// The book's bands of NRR, and the same of a metric that should fall.
    #[test]
    fn the_worst_is_bad_and_the_better_half_good() {
        use Standing::{Bad, Good, Watch};
        let book = [
            band("problem", None, Some(0.9)),
            band("retention without net expansion", Some(0.9), Some(1.0)),
            band("good", Some(1.0), Some(1.1)),
            band("excellent", Some(1.1), None),
        ];
        assert_eq!(standings(&book, GoodDirection::Up), [Bad, Watch, Good, Good]);
        assert_eq!(standings(&book, GoodDirection::Down), [Good, Good, Watch, Bad]);
        let two = [band("low", None, Some(0.2)), band("high", Some(0.2), None)];
        assert_eq!(standings(&two, GoodDirection::Up), [Bad, Good]);
        let one = [band("on target", Some(0.3), None)];
        assert_eq!(standings(&one, GoodDirection::Down), [Good]);
        assert_eq!(hit(&one, &one[0], None).standing, None);
    }

    #[test]
    fn bands_are_half_open_and_the_slice_s_own_counts_first() {
        let segment = DimensionName::new("segment");
        let only = vec![(segment.clone(), "SMB".to_owned())];
        let bands = [
            band("below", None, Some(1.0)),
            band("from", Some(1.0), None),
            Band { only, ..band("enough for SMB", Some(0.8), None) },
        ];
        let label = |value, group: &Group| {
            let slice = Slice { values: group.clone(), narrower: false };
            find(&bands, value, &slice).map(|found| &*found.label)
        };
        let everybody = Vec::new();
        assert_eq!(label(0.999, &everybody), Some("below"));
        assert_eq!(label(1.0, &everybody), Some("from"));
        let smb = vec![(segment, Scalar::text("SMB"))];
        assert_eq!(label(0.8, &smb), Some("enough for SMB"));
        assert_eq!(label(0.7, &smb), Some("below"));
        assert_eq!(standing(&bands, &bands[2], GoodDirection::Up), Standing::Good);
    }
}
