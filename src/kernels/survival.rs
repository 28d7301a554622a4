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

use std::collections::BTreeMap;

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

/// Subjects, in no order. There are far fewer days than subjects, so that many are counted by day.
#[derive(Debug, Clone, Default)]
pub struct Subjects {
    /// Not counted yet.
    few: Vec<Subject>,
    /// By day, up to the longest.
    early: Vec<Outcomes>,
    /// Of days that are too late, or below zero.
    other: BTreeMap<i64, Outcomes>,
}

/// How many subjects a day saw out, by outcome.
type Outcomes = [i64; 3];

impl Subjects {
    const MANY: usize = 4_096;
    const LATE: usize = 1 << 16;

    pub fn add(&mut self, subject: Subject) {
        self.few.push(subject);
        if self.few.len() >= Self::MANY {
            self.count();
        }
    }

    fn count(&mut self) {
        let place = |subject: &Subject| {
            usize::try_from(subject.days).ok().filter(|place| *place < Self::LATE)
        };
        let longest = self.few.iter().filter_map(place).max();
        let days = longest.map_or(0, |day| day + 1).max(self.early.len());
        self.early.resize(days, [0; 3]);
        for subject in self.few.drain(..) {
            let outcomes = match place(&subject) {
                Some(place) => &mut self.early[place],
                None => self.other.entry(subject.days).or_default(),
            };
            outcomes[subject.outcome as usize] += 1;
        }
    }

    /// What each day saw, ascending; days that saw something only.
    pub(super) fn by_day(mut self) -> Vec<(i64, Outcomes)> {
        self.count();
        let (before, late) = (self.other.range(..0), self.other.range(0..));
        let others = |(day, of): (&i64, &Outcomes)| (*day, *of);
        let early = (0i64..).zip(self.early);
        let all = before.map(others).chain(early).chain(late.map(others));
        all.filter(|(_, outcomes)| *outcomes != [0; 3]).collect()
    }
}

impl FromIterator<Subject> for Subjects {
    fn from_iter<I: IntoIterator<Item = Subject>>(subjects: I) -> Self {
        let mut all = Self::default();
        subjects.into_iter().for_each(|subject| all.add(subject));
        all
    }
}

impl super::Merge for Subjects {
    fn merge(&mut self, other: Self) {
        let days = self.early.len().max(other.early.len());
        self.early.resize(days, [0; 3]);
        let early = self.early.iter_mut().zip(&other.early);
        early.for_each(|(mine, their)| add(mine, their));
        for (day, outcomes) in &other.other {
            add(self.other.entry(*day).or_default(), outcomes);
        }
        other.few.into_iter().for_each(|subject| self.add(subject));
    }

    fn heap_bytes(&self) -> usize {
        size_of_val(self.few.as_slice())
            + size_of_val(self.early.as_slice())
            + self.other.len() * 2 * size_of::<(i64, Outcomes)>()
    }
}

fn add(mine: &mut Outcomes, their: &Outcomes) {
    mine.iter_mut().zip(their).for_each(|(mine, their)| *mine += their);
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

/// Estimates the time to the event. With `competing`, churn rules the event out; without, it
/// censors.
#[must_use]
pub fn estimate(subjects: Subjects, competing: bool) -> Estimate {
    let days = days(subjects);
    let events = days.iter().map(|day| day.events).sum();
    let churned = if competing { days.iter().map(|day| day.churned).sum() } else { 0 };
    let subjects = days.first().map_or(0, |first| first.at_risk);
    let mut estimate = Estimate {
        subjects,
        events,
        censored: subjects - events - churned,
        churned,
        curve: if competing { aalen_johansen(&days) } else { kaplan_meier(&days) },
        p25: None,
        median: None,
        p75: None,
        observed_median: observed_median(&days, events),
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

/// The distinct days of subjects, ascending.
fn days(subjects: Subjects) -> Vec<Day> {
    let by_day = subjects.by_day();
    let mut at_risk = by_day.iter().flat_map(|(_, outcomes)| outcomes).sum();
    let day = |(day, [events, churned, censored]): (i64, Outcomes)| {
        let day = Day { day, at_risk, events, churned };
        at_risk -= events + churned + censored;
        day
    };
    by_day.into_iter().map(day).collect()
}

fn kaplan_meier(days: &[Day]) -> Vec<Point> {
    let mut survival = 1.0;
    let mut greenwood = 0.0;
    let step = |day: &Day| {
        let (n, d) = (float(day.at_risk), float(day.events));
        survival *= (n - d) / n;
        greenwood += d / (n * (n - d));
        // Var S = S² · greenwood.
        point(day, survival, survival * greenwood.sqrt())
    };
    days.iter().filter(|day| day.events > 0).map(step).collect()
}

/// The cumulative incidence F of the event: each day adds S(before) · d / n, where S is the share
/// with neither event nor churn. Events first at n, then churn c at n − d: S falls by the factor
/// (1 − d/n)(1 − c/(n − d)) = (n − d − c)/n.
///
/// Var F(t) = Σ (F(t) − Fᵢ)² hᵢ / (nᵢ − hᵢ) / nᵢ, h = d + c
///          + Σ S(before)² dᵢ (nᵢ − dᵢ) / nᵢ³ − 2 Σ (F(t) − Fᵢ) S(before) dᵢ / nᵢ²,
/// over the days up to t; kept as sums that do not depend on t.
fn aalen_johansen(days: &[Day]) -> Vec<Point> {
    let (mut survival, mut incidence) = (1.0, 0.0);
    let mut any_churned = false;
    let mut sums = VarianceSums::default();
    let mut curve = Vec::new();
    for day in days.iter().filter(|day| day.events + day.churned > 0) {
        let (n, d, h) = (float(day.at_risk), float(day.events), float(day.events + day.churned));
        incidence += survival * d / n;
        sums.add(incidence, survival, [n, d, h]);
        let before_churn = survival * (n - d) / n;
        if day.events > 0 {
            // Without churn so far 1 − F is S itself, and reaches 0 without a rounding error.
            let without_event = if any_churned { 1.0 - incidence } else { before_churn };
            curve.push(point(day, without_event, sums.variance(incidence).sqrt()));
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

/// The median day of the events.
fn observed_median(days: &[Day], events: i64) -> Option<f64> {
    let nth = |nth: i64| {
        let mut seen = 0;
        days.iter().find_map(|day| {
            seen += day.events;
            (seen > nth).then_some(day.day)
        })
    };
    let upper = nth(events / 2)?;
    let lower = if events % 2 == 0 { nth(events / 2 - 1)? } else { upper };
    Some(f64::midpoint(float(lower), float(upper)))
}

/// Counts and days stay far below 2^53.
#[allow(clippy::cast_precision_loss)]
fn float(value: i64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests;
