//! Survival estimates against published figures and exact fractions.

use proptest::prelude::*;

use super::Outcome::{Censored, Churned, Event};
use super::*;

fn subjects(of: &[(i64, Outcome)]) -> Subjects {
    of.iter().map(|(days, outcome)| Subject { days: *days, outcome: *outcome }).collect()
}

/// Of the worked example: c1 to c8.
fn eight() -> Subjects {
    let mut outcomes = vec![(30, Event), (60, Event), (90, Censored), (120, Event)];
    outcomes.extend([(45, Churned), (200, Censored), (60, Event), (30, Censored)]);
    subjects(&outcomes)
}

/// Day, survival, interval.
type Expected = (i64, f64, Option<(f64, f64)>);

fn assert_curve(curve: &[Point], expected: &[Expected]) {
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
    let result = estimate(eight(), false);
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
    let result = estimate(eight(), true);
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
    let all = subjects(&[&events[..], &censored[..]].concat());
    let expected = [
        (9, 10.0 / 11.0, Some((0.508_080_205_769_929_6, 0.986_673_822_667_823_1))),
        (13, 9.0 / 11.0, Some((0.447_428_614_682_181_04, 0.951_162_228_582_491_8))),
        (18, 63.0 / 88.0, Some((0.350_190_385_907_938_2, 0.899_023_974_191_053_5))),
        (23, 27.0 / 44.0, Some((0.265_752_040_001_286, 0.835_299_243_250_221_6))),
        (31, 27.0 / 55.0, Some((0.167_330_909_776_850_72, 0.753_399_790_370_811_4))),
        (34, 81.0 / 220.0, Some((0.092_829_574_936_985_15, 0.657_040_832_398_163_8))),
        (48, 81.0 / 440.0, Some((0.011_738_480_123_189_579, 0.525_014_842_726_641_6))),
    ];
    let result = estimate(all.clone(), false);
    assert_curve(&result.curve, &expected);
    assert_eq!((result.p25, result.median, result.p75), (Some(18), Some(31), Some(48)));
    // Nobody's churn competes: the same curve, the same interval.
    assert_curve(&estimate(all, true).curve, &expected);
}

/// Ties of all three kinds; values from exact fractions in Python, variances equal to those
/// of lifelines' Aalen–Johansen estimator with the ties laid apart.
#[test]
fn days_with_everything_at_once() {
    let mut outcomes = vec![(5, Event), (5, Churned), (5, Censored), (8, Churned)];
    outcomes.extend([(12, Event), (12, Event), (12, Churned), (20, Censored), (21, Event)]);
    outcomes.extend([(30, Churned), (30, Event), (44, Censored), (50, Event), (60, Censored)]);
    let result = estimate(subjects(&outcomes), true);
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
    let pair = subjects(&[(4, Event), (1, Event), (9, Censored)]);
    assert_eq!(estimate(pair, false).observed_median, Some(2.5));
}

#[test]
fn nobody_and_no_events() {
    let empty = estimate(Subjects::default(), false);
    assert_eq!((empty.subjects, empty.median, empty.observed_median), (0, None, None));
    let waiting = estimate(subjects(&[(9, Censored)]), true);
    assert!(waiting.curve.is_empty());
    assert!(waiting.share_by(90).abs() < f64::EPSILON);
}

proptest! {
    #[test]
    fn without_censoring_it_is_the_empirical_share(
        days in prop::collection::vec(0..40_i64, 1..60),
        competing in any::<bool>(),
    ) {
        let all: Subjects =
            days.iter().map(|days| Subject { days: *days, outcome: Event }).collect();
        let result = estimate(all, competing);
        for day in 0..40 {
            let reached = days.iter().filter(|each| **each <= day).count();
            let of = |count: usize| f64::from(u32::try_from(count).unwrap());
            let share = of(reached) / of(days.len());
            prop_assert!((result.share_by(day) - share).abs() < 1e-12);
        }
        let last = result.curve.last().unwrap();
        prop_assert!(last.survival == 0.0 && last.low95.is_none());
        let mut sorted = days.clone();
        sorted.sort_unstable();
        prop_assert_eq!(result.median, Some(sorted[(days.len() - 1) / 2]));
    }

    #[test]
    fn many_subjects_are_counted_as_few_are(
        parts in prop::collection::vec((0..9_000_usize, -2..3_i64, 1..7_000_i64), 1..4),
    ) {
        // Days below zero and far away too.
        let of_part = |(count, first, apart): &(usize, i64, i64)| {
            let outcomes = [Event, Censored, Churned];
            let each = |n: usize| (first + i64::try_from(n % 11).unwrap() * apart, outcomes[n % 3]);
            (0..*count).map(each).collect::<Vec<_>>()
        };
        let parts: Vec<Vec<(i64, Outcome)>> = parts.iter().map(of_part).collect();
        let mut all = Subjects::default();
        for part in &parts {
            crate::kernels::Merge::merge(&mut all, subjects(part));
        }
        let mut expected: BTreeMap<i64, Outcomes> = BTreeMap::new();
        for (day, outcome) in parts.iter().flatten() {
            expected.entry(*day).or_default()[*outcome as usize] += 1;
        }
        prop_assert_eq!(all.by_day(), expected.into_iter().collect::<Vec<_>>());
    }
}
