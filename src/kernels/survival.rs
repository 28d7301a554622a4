//! Time to an event under censoring: Kaplan–Meier, and Aalen–Johansen where churn competes.
//!
//! Days are whole, so everything of one day happens in a fixed order (definition book): events,
//! then churn, then censorings. Intervals are 95 %, on the log(−log) scale of the survival, with
//! the delta-method variance of
//! - Kaplan–Meier: Greenwood; Kalbfleisch & Prentice, The Statistical Analysis of Failure Time
//!   Data (2002), section 1.4;
//! - Aalen–Johansen: Dinse & Larson, A note on semi-Markov models for partially censored data,
//!   Biometrika 73 (1986); Marubini & Valsecchi, Analysing Survival Data (1995), section 10.2.
//!   Without churn it is Greenwood's.

/// 97.5 % quantile of the standard normal distribution.
const Z95: f64 = 1.959_963_984_540_054;

/// How close to a quantile's level counts as reached.
const LEVEL: f64 = 1e-12;

/// How the watch over a customer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    Event,
    Churned,
    Censored,
}

/// One customer, watched for so many calendar days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subject {
    pub days: i64,
    pub outcome: Outcome,
}

/// What is known about the time to the event. `subjects = events + censored + churned`.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimate {
    pub subjects: i64,
    pub events: i64,
    pub censored: i64,
    /// Those whose churn competed; without competing risks they are among the censored.
    pub churned: i64,
    /// One point per distinct day with an event, ascending.
    pub curve: Vec<Point>,
    pub p25: Option<i64>,
    pub median: Option<i64>,
    pub p75: Option<i64>,
    /// Median days among those who had the event.
    pub observed_median: Option<f64>,
}

/// The curve from this day on. The interval is none where survival is 0 or 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    pub day: i64,
    /// Share still without the event (1 − cumulative incidence under competing risks).
    pub survival: f64,
    pub low95: Option<f64>,
    pub high95: Option<f64>,
    pub at_risk: i64,
    pub events: i64,
}

impl Estimate {
    /// The smallest day by which the share `q` had the event; none if never reached.
    #[must_use]
    pub fn quantile(&self, q: f64) -> Option<i64> {
        let level = 1.0 - q + LEVEL;
        self.curve.iter().find(|point| point.survival <= level).map(|point| point.day)
    }

    /// Share with the event by the end of `day`.
    #[must_use]
    pub fn share_by(&self, day: i64) -> f64 {
        let reached = self.curve.partition_point(|point| point.day <= day);
        let survival = reached.checked_sub(1).map_or(1.0, |last| self.curve[last].survival);
        1.0 - survival
    }
}

/// Estimates the time to the event; sorts the subjects by day. With `competing`, churn rules the
/// event out; without, it censors.
pub fn estimate(subjects: &mut [Subject], competing: bool) -> Estimate {
    subjects.sort_unstable_by_key(|subject| (subject.days, subject.outcome));
    let with = |outcome| subjects.iter().filter(|each| each.outcome == outcome).count();
    let (events, churned) = (with(Outcome::Event), with(Outcome::Churned));
    let churned = if competing { churned } else { 0 };
    let mut estimate = Estimate {
        subjects: count(subjects.len()),
        events: count(events),
        censored: count(subjects.len() - events - churned),
        churned: count(churned),
        curve: if competing { aalen_johansen(subjects) } else { kaplan_meier(subjects) },
        p25: None,
        median: None,
        p75: None,
        observed_median: observed_median(subjects, events),
    };
    estimate.p25 = estimate.quantile(0.25);
    estimate.median = estimate.quantile(0.5);
    estimate.p75 = estimate.quantile(0.75);
    estimate
}

/// One day: how many were at risk when it began, had the event, churned.
struct Day {
    day: i64,
    at_risk: i64,
    events: i64,
    churned: i64,
}

/// The distinct days of sorted subjects, ascending.
fn days(subjects: &[Subject]) -> impl Iterator<Item = Day> {
    let mut at_risk = count(subjects.len());
    subjects.chunk_by(|a, b| a.days == b.days).map(move |same| {
        let with = |outcome| count(same.iter().filter(|each| each.outcome == outcome).count());
        let (events, churned) = (with(Outcome::Event), with(Outcome::Churned));
        let day = Day { day: same[0].days, at_risk, events, churned };
        at_risk -= count(same.len());
        day
    })
}

fn kaplan_meier(subjects: &[Subject]) -> Vec<Point> {
    let mut survival = 1.0;
    let mut greenwood = 0.0;
    let step = |day: Day| {
        let (n, d) = (float(day.at_risk), float(day.events));
        survival *= (n - d) / n;
        greenwood += d / (n * (n - d));
        // Var S = S² · greenwood.
        point(&day, survival, survival * greenwood.sqrt())
    };
    days(subjects).filter(|day| day.events > 0).map(step).collect()
}

/// The cumulative incidence F of the event: each day adds S(before) · d / n, where S is the share
/// with neither event nor churn. Events first at n, then churn c at n − d: S falls by the factor
/// (1 − d/n)(1 − c/(n − d)) = (n − d − c)/n.
///
/// Var F(t) = Σ (F(t) − Fᵢ)² hᵢ / (nᵢ − hᵢ) / nᵢ, h = d + c
///          + Σ S(before)² dᵢ (nᵢ − dᵢ) / nᵢ³ − 2 Σ (F(t) − Fᵢ) S(before) dᵢ / nᵢ²,
/// over the days up to t; kept as sums that do not depend on t.
fn aalen_johansen(subjects: &[Subject]) -> Vec<Point> {
    let (mut survival, mut incidence) = (1.0, 0.0);
    let mut any_churned = false;
    let mut sums = VarianceSums::default();
    let mut curve = Vec::new();
    for day in days(subjects).filter(|day| day.events + day.churned > 0) {
        let (n, d, h) = (float(day.at_risk), float(day.events), float(day.events + day.churned));
        incidence += survival * d / n;
        sums.add(incidence, survival, [n, d, h]);
        let before_churn = survival * (n - d) / n;
        if day.events > 0 {
            // Without churn so far 1 − F is S itself, and reaches 0 without a rounding error.
            let without_event = if any_churned { 1.0 - incidence } else { before_churn };
            curve.push(point(&day, without_event, sums.variance(incidence).sqrt()));
        }
        any_churned |= day.churned > 0;
        survival *= (n - h) / n;
    }
    curve
}

/// Sums over the days so far, by the power of F(t) they are multiplied with.
#[derive(Default)]
struct VarianceSums {
    constant: f64,
    linear: f64,
    square: f64,
}

impl VarianceSums {
    fn add(&mut self, incidence: f64, survival: f64, [n, d, h]: [f64; 3]) {
        // Where nobody is left, F(t) = F from here on, and the day has no weight.
        let hazard = if n > h { h / (n * (n - h)) } else { 0.0 };
        let cross = survival * d / (n * n);
        self.square += hazard;
        self.linear -= 2.0 * (incidence * hazard + cross);
        self.constant += incidence * (incidence * hazard + 2.0 * cross);
        self.constant += survival * survival * d * (n - d) / (n * n * n);
    }

    fn variance(&self, incidence: f64) -> f64 {
        ((self.square * incidence + self.linear) * incidence + self.constant).max(0.0)
    }
}

/// A point with its interval S^exp(±z·σ / (S·|ln S|)), σ the deviation of S.
fn point(day: &Day, survival: f64, deviation: f64) -> Point {
    let inside = survival > 0.0 && survival < 1.0;
    let bound = |sign: f64| {
        let exponent = sign * Z95 * deviation / (survival * survival.ln().abs());
        inside.then(|| survival.powf(exponent.exp()))
    };
    Point {
        day: day.day,
        survival,
        low95: bound(1.0),
        high95: bound(-1.0),
        at_risk: day.at_risk,
        events: day.events,
    }
}

/// The median day of sorted subjects' events.
fn observed_median(subjects: &[Subject], events: usize) -> Option<f64> {
    let days = || subjects.iter().filter(|each| each.outcome == Outcome::Event).map(|s| s.days);
    let upper = days().nth(events / 2)?;
    let lower = if events % 2 == 0 { days().nth(events / 2 - 1)? } else { upper };
    Some(f64::midpoint(float(lower), float(upper)))
}

fn count(size: usize) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

/// Counts and days stay far below 2^53.
#[allow(clippy::cast_precision_loss)]
fn float(value: i64) -> f64 {
    value as f64
}

impl super::Merge for Vec<Subject> {
    fn merge(&mut self, other: Self) {
        self.extend(other);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Outcome::{Censored, Churned, Event};
    use super::*;

    fn subjects(of: &[(i64, Outcome)]) -> Vec<Subject> {
        of.iter().map(|(days, outcome)| Subject { days: *days, outcome: *outcome }).collect()
    }

    /// Of the worked example: c1 to c8.
    fn eight() -> Vec<Subject> {
        let mut outcomes = vec![(30, Event), (60, Event), (90, Censored), (120, Event)];
        outcomes.extend([(45, Churned), (200, Censored), (60, Event), (30, Censored)]);
        subjects(&outcomes)
    }

    fn assert_curve(curve: &[Point], expected: &[(i64, f64, Option<(f64, f64)>)]) {
        let near = |a: f64, b: f64| (a - b).abs() < 1e-12;
        assert_eq!(curve.len(), expected.len());
        for (point, (day, survival, interval)) in curve.iter().zip(expected) {
            assert_eq!(point.day, *day);
            assert!(near(point.survival, *survival), "{point:?}");
            assert_eq!(point.low95.is_some(), interval.is_some(), "{point:?}");
            if let Some((low, high)) = interval {
                assert!(near(point.low95.unwrap(), *low), "{point:?}");
                assert!(near(point.high95.unwrap(), *high), "{point:?}");
            }
        }
    }

    #[test]
    fn waiting_customers_count() {
        let result = estimate(&mut eight(), false);
        assert_eq!((result.subjects, result.events, result.censored), (8, 4, 4));
        assert_eq!(result.churned, 0);
        assert_eq!((result.p25, result.median, result.p75), (Some(60), Some(120), None));
        assert_eq!(result.observed_median, Some(60.0));
        // Intervals: exact fractions in Python, the last step in doubles.
        assert_curve(
            &result.curve,
            &[
                (30, 0.875, Some((0.387_000_014_032_025_16, 0.981_392_965_878_966))),
                (60, 0.525, Some((0.122_126_151_692_473_87, 0.820_814_269_738_856_8))),
                (120, 0.2625, Some((0.012_731_148_793_616_082, 0.663_680_821_340_738_5))),
            ],
        );
        let at_risk: Vec<_> = result.curve.iter().map(|p| (p.at_risk, p.events)).collect();
        assert_eq!(at_risk, [(8, 1), (5, 2), (2, 1)]);
        let shares = [29, 30, 90, 365].map(|day| result.share_by(day));
        for (share, expected) in shares.into_iter().zip([0.0, 0.125, 0.475, 0.7375]) {
            assert!((share - expected).abs() < 1e-12);
        }
    }

    #[test]
    fn churn_competes() {
        let result = estimate(&mut eight(), true);
        assert_eq!((result.events, result.censored, result.churned), (4, 3, 1));
        assert!((result.share_by(90) - 5.0 / 12.0).abs() < 1e-12);
        assert_curve(
            &result.curve,
            &[
                (30, 7.0 / 8.0, Some((0.387_000_014_032_025_2, 0.981_392_965_878_966))),
                (60, 7.0 / 12.0, Some((0.180_188_891_012_822_8, 0.844_068_691_657_457_7))),
                (120, 35.0 / 96.0, Some((0.050_696_156_579_123_71, 0.710_760_517_740_902_3))),
            ],
        );
        assert_eq!((result.p25, result.median, result.p75), (Some(60), Some(120), None));
    }

    /// The maintained group of the leukaemia study in R's survival package (`aml`): Miller,
    /// Survival Analysis (1981); `survfit(..., conf.type = "log-log")` gives median 31.
    #[test]
    fn leukaemia_remissions() {
        let events = [9, 13, 18, 23, 31, 34, 48].map(|day| (day, Event));
        let censored = [13, 28, 45, 161].map(|day| (day, Censored));
        let mut all = subjects(&[&events[..], &censored[..]].concat());
        let expected = [
            (9, 10.0 / 11.0, Some((0.508_080_205_769_929_6, 0.986_673_822_667_823_1))),
            (13, 9.0 / 11.0, Some((0.447_428_614_682_181_04, 0.951_162_228_582_491_8))),
            (18, 63.0 / 88.0, Some((0.350_190_385_907_938_2, 0.899_023_974_191_053_5))),
            (23, 27.0 / 44.0, Some((0.265_752_040_001_286, 0.835_299_243_250_221_6))),
            (31, 27.0 / 55.0, Some((0.167_330_909_776_850_72, 0.753_399_790_370_811_4))),
            (34, 81.0 / 220.0, Some((0.092_829_574_936_985_15, 0.657_040_832_398_163_8))),
            (48, 81.0 / 440.0, Some((0.011_738_480_123_189_579, 0.525_014_842_726_641_6))),
        ];
        let result = estimate(&mut all, false);
        assert_curve(&result.curve, &expected);
        assert_eq!((result.p25, result.median, result.p75), (Some(18), Some(31), Some(48)));
        // Nobody's churn competes: the same curve, the same interval.
        assert_curve(&estimate(&mut all, true).curve, &expected);
    }

    /// Ties of all three kinds; values from exact fractions in Python, variances equal to those
    /// of lifelines' Aalen–Johansen estimator with the ties laid apart.
    #[test]
    fn days_with_everything_at_once() {
        let mut outcomes = vec![(5, Event), (5, Churned), (5, Censored), (8, Churned)];
        outcomes.extend([(12, Event), (12, Event), (12, Churned), (20, Censored), (21, Event)]);
        outcomes.extend([(30, Churned), (30, Event), (44, Censored), (50, Event), (60, Censored)]);
        let result = estimate(&mut subjects(&outcomes), true);
        assert_curve(
            &result.curve,
            &[
                (5, 13.0 / 14.0, Some((0.590_766_867_426_758_1, 0.989_619_823_136_849_9))),
                (12, 17.0 / 22.0, Some((0.447_425_637_921_839_26, 0.920_667_595_399_283_6))),
                (21, 15.0 / 22.0, Some((0.354_423_107_270_776_97, 0.868_130_305_575_943_2))),
                (30, 13.0 / 22.0, Some((0.275_810_988_710_502_36, 0.806_638_215_964_426_2))),
                (50, 5.0 / 11.0, Some((0.159_365_453_789_727_02, 0.712_842_252_191_973_7))),
            ],
        );
    }

    #[test]
    fn an_even_number_of_events_has_a_median_between_days() {
        let mut pair = subjects(&[(4, Event), (1, Event), (9, Censored)]);
        assert_eq!(estimate(&mut pair, false).observed_median, Some(2.5));
    }

    #[test]
    fn nobody_and_no_events() {
        let empty = estimate(&mut [], false);
        assert_eq!((empty.subjects, empty.median, empty.observed_median), (0, None, None));
        let waiting = estimate(&mut subjects(&[(9, Censored)]), true);
        assert!(waiting.curve.is_empty());
        assert!(waiting.share_by(90).abs() < f64::EPSILON);
    }

    proptest! {
        #[test]
        fn without_censoring_it_is_the_empirical_share(
            days in prop::collection::vec(0..40_i64, 1..60),
            competing in any::<bool>(),
        ) {
            let mut all: Vec<_> =
                days.iter().map(|days| Subject { days: *days, outcome: Event }).collect();
            let result = estimate(&mut all, competing);
            for day in 0..40 {
                let reached = days.iter().filter(|each| **each <= day).count();
                let share = float(count(reached)) / float(count(days.len()));
                prop_assert!((result.share_by(day) - share).abs() < 1e-12);
            }
            let last = result.curve.last().unwrap();
            prop_assert!(last.survival == 0.0 && last.low95.is_none());
            let mut sorted = days.clone();
            sorted.sort_unstable();
            prop_assert_eq!(result.median, Some(sorted[(days.len() - 1) / 2]));
        }
    }
}
