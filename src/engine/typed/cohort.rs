//! Acquisition cohorts: the typed answer by age, and the flat table's retention to date.
//!
//! A cohort is aged on the calendar: age k is seen at the end of the k-th grain after the one its
//! period lies in, so that a clipped period has the same instants as a whole one.

use std::collections::HashMap;
use std::sync::Arc;

use crate::engine::context::{Context, period_info};
use crate::engine::load::{LoadedBalance, OriginColumns};
use crate::engine::table::GroupValues;
use crate::engine::{CohortAnswerRow, Group};
use crate::error::ApiResult;
use crate::kernels::{
    Code, Cohort, CohortAsk, CohortCell, Cohorts, Merge, NONE, Place, Slicer, cohort_groups,
    cohorts,
};
use crate::model::{CohortKind, CohortMeasure};
use crate::planner::{Period, PeriodAsk};
use crate::values::{Calendar, Grain, Instant, Number};

use super::groups_of;

/// Everything a pass over cohorts needs, before it runs.
struct Pass {
    loaded: Arc<LoadedBalance>,
    slicer: Slicer,
    acquired: Vec<Option<i64>>,
    cohorts: Vec<Cohort>,
    as_of: i64,
}

impl Pass {
    async fn prepare(
        context: &Context<'_>,
        kind: &CohortKind,
        cohorts: Vec<Cohort>,
    ) -> ApiResult<Self> {
        let loaded = context.facts.balance(&kind.balance).await?;
        context.note_left_out(&loaded);
        // Before the slicer, so that it knows customers without revenue too.
        let columns = OriginColumns::of_acquisition(&kind.acquisition);
        let origins = context.facts.origins(&columns).await?;
        columns.note(&origins).into_iter().for_each(|note| context.note(note));
        context.read(&kind.acquisition.0, None);
        let as_of = context.as_of();
        let acquired = origins.by_customer.iter().map(|at| at.filter(|at| *at < as_of)).collect();
        let axes = context.axes(&loaded);
        let columns = context.facts.dimension_columns(context.query(), &axes).await?;
        let slicer = context.slicer(&axes, &columns)?;
        Ok(Self { loaded, slicer, acquired, cohorts, as_of })
    }

    fn ask(&self) -> CohortAsk<'_> {
        CohortAsk { acquired: &self.acquired, cohorts: &self.cohorts, as_of: self.as_of }
    }

    /// How many groups the answer will have; one at least without group-by.
    fn groups(&self) -> usize {
        cohort_groups(&self.ask(), &self.slicer).max(1)
    }

    /// Ages of all cohorts.
    fn width(&self) -> usize {
        self.cohorts.iter().map(|cohort| cohort.instants.len()).sum()
    }

    fn run(&self, context: &Context<'_>) -> ApiResult<Cohorts> {
        let found = context.compute(|| cohorts(&self.loaded.facts, &self.ask(), &self.slicer))?;
        if found.without_acquisition > 0 {
            context.note(format!(
                "{} customer(s) with revenue but without a day of acquisition are in no cohort.",
                found.without_acquisition
            ));
        }
        Ok(found)
    }

    /// Whether every balance of a cohort is known; one without customers has none to know.
    fn knows_cohort(&self, context: &Context<'_>, cohort: &Cohort) -> bool {
        let counts = |customer: usize, at: Option<i64>| {
            at.is_some_and(|at| cohort.acquired.contains(at))
                && self
                    .slicer
                    .key(&Place::of_customer(Code::try_from(customer).unwrap_or(NONE)))
                    .is_some()
        };
        cohort.instants.iter().all(|at| self.knows(context, *at))
            || !self.acquired.iter().enumerate().any(|(customer, at)| counts(customer, *at))
    }

    /// Whether balances at an instant are known.
    fn knows(&self, context: &Context<'_>, at: i64) -> bool {
        !context.before_data(&self.loaded, at) && self.loaded.facts.is_known(at, self.as_of)
    }
}

/// The end of the `age`-th grain after the one that holds `period`'s start.
fn instant_of(calendar: &Calendar, period: &Period, grain: Grain, age: i32) -> i64 {
    let first = calendar.floor(period.start, grain);
    calendar.midnight(calendar.shift(first, grain, age.saturating_add(1))).0
}

/// The instants of ages 0, 1, 2 … up to the end of observation; at most one more than `most`.
fn instants_of(
    calendar: &Calendar,
    period: &Period,
    grain: Grain,
    (end, most): (Option<Instant>, usize),
) -> Vec<i64> {
    let Some(end) = end else { return Vec::new() };
    let most = i32::try_from(most).unwrap_or(i32::MAX);
    (0..=most)
        .map(|age| instant_of(calendar, period, grain, age))
        .take_while(|at| *at <= end.0)
        .collect()
}

/// The rows of the typed field: by cohort, group and age.
pub async fn cohort_rows(
    context: &Context<'_>,
    kind: &CohortKind,
) -> ApiResult<Vec<CohortAnswerRow>> {
    let newest = context.facts.balance(&kind.balance).await?.facts.newest;
    let observed = (context.end_of_observation(newest), context.max_rows);
    let periods = context.periods(newest)?;
    let grain = context.query().grain.unwrap_or(Grain::Month);
    let calendar = &context.facts.model.calendar;
    let mut cohorts = Vec::with_capacity(periods.len());
    let mut rows = 0;
    for period in &periods {
        let instants = instants_of(calendar, period, grain, observed);
        rows += instants.len();
        context.check_rows(rows)?;
        cohorts.push(Cohort { acquired: period.span, instants });
    }
    let pass = Pass::prepare(context, kind, cohorts).await?;
    context.check_rows(rows * pass.groups())?;
    let found = pass.run(context)?;
    Ok(rows_of(context, &pass, &found, &periods))
}

fn rows_of(
    context: &Context<'_>,
    pass: &Pass,
    found: &Cohorts,
    periods: &[Period],
) -> Vec<CohortAnswerRow> {
    let groups = groups_of(context, found.cells.iter().map(|(key, _)| key), &pass.slicer);
    let scale = pass.loaded.facts.scale;
    let mut rows = Vec::with_capacity(pass.width() * groups.len());
    let mut unknown = 0;
    for (place, period) in periods.iter().enumerate() {
        let instants = &pass.cohorts[place].instants;
        let known: Vec<bool> = instants.iter().map(|at| pass.knows(context, *at)).collect();
        unknown += known.iter().filter(|known| !**known).count();
        for (values, key) in &groups {
            let cells = key.and_then(|key| found.cells.get(key));
            let cells = cells.map_or(&[][..], |cells| found.ages(cells, place));
            let at_age =
                |age: usize| known[age].then(|| cells.get(age).copied().unwrap_or_default());
            for age in 0..instants.len() {
                let group = context.group(values.clone());
                rows.push(row_of((period, age), group, (at_age(0), at_age(age)), scale));
            }
        }
    }
    if unknown > 0 {
        context.note(format!(
            "{unknown} age(s) of cohorts lie before the data began or between snapshots: their numbers \
             are null."
        ));
    }
    rows
}

/// One row; both ends of its ratios are known or the ratio is not.
fn row_of(
    (period, age): (&Period, usize),
    group: Group,
    (first, now): (Option<CohortCell>, Option<CohortCell>),
    scale: u8,
) -> CohortAnswerRow {
    let money = |cell: Option<CohortCell>| cell.map(|cell| Number::Decimal(cell.amount, scale));
    let both = first.zip(now);
    CohortAnswerRow {
        cohort: period_info(period),
        age: i64::try_from(age).unwrap_or(i64::MAX),
        group,
        customers: now.map(|cell| cell.customers),
        mrr: money(now),
        mrr_retention: both.and_then(|(first, now)| Number::fraction(now.amount, first.amount)),
        logo_retention: both
            .and_then(|(first, now)| Number::fraction(now.retained.into(), first.customers.into())),
        starting_customers: first.map(|cell| cell.customers),
        starting_mrr: money(first),
    }
}

/// What a flat table shows: each row's cohorts at age 0 and at the end of observation.
pub struct CohortsToDate {
    pub by_group: HashMap<GroupValues, Vec<(CohortCell, CohortCell)>>,
    /// By period: whether both ends are known.
    pub known: Vec<bool>,
}

impl CohortsToDate {
    #[must_use]
    pub fn value(
        &self,
        group: &GroupValues,
        period: usize,
        measure: CohortMeasure,
    ) -> Option<Number> {
        let (first, now) = self.by_group.get(group)?.get(period).filter(|_| self.known[period])?;
        match measure {
            CohortMeasure::MrrRetention => Number::fraction(now.amount, first.amount),
            CohortMeasure::LogoRetention => {
                Number::fraction(now.retained.into(), first.customers.into())
            }
        }
    }
}

/// Retention to date of the cohorts of the periods.
pub async fn run_cohorts_to_date(
    context: &Context<'_>,
    kind: &CohortKind,
    periods: &[Period],
) -> ApiResult<CohortsToDate> {
    let newest = context.facts.balance(&kind.balance).await?.facts.newest;
    let end = context.end_of_observation(newest);
    let calendar = &context.facts.model.calendar;
    let (mut cohorts, mut row_of_cohort) = (Vec::new(), Vec::new());
    for (row, period) in periods.iter().enumerate() {
        let (grain, parts) = parts_of(context, period, end)?;
        for part in parts {
            let first = instant_of(calendar, &part, grain, 0);
            let instants = end.filter(|end| first <= end.0).map(|end| vec![first, end.0]);
            let instants = instants.unwrap_or_default();
            cohorts.push(Cohort { acquired: part.span, instants });
            row_of_cohort.push(row);
        }
    }
    let pass = Pass::prepare(context, kind, cohorts).await?;
    context.check_cells(pass.groups(), pass.width())?;
    let found = pass.run(context)?;
    if context.query().period.is_none() && found.outside > 0 {
        context.note(format!(
            "{} customer(s) acquired in months before the data began or not yet over are in no cohort.",
            found.outside
        ));
    }
    let mut known = vec![true; periods.len()];
    for (cohort, row) in pass.cohorts.iter().zip(&row_of_cohort) {
        known[*row] &= pass.knows_cohort(context, cohort);
    }
    let mut by_group = HashMap::new();
    for (key, cells) in found.cells.iter() {
        let mut sums = vec![(CohortCell::default(), CohortCell::default()); periods.len()];
        for (cohort, row) in row_of_cohort.iter().enumerate() {
            if let [first, now] = found.ages(cells, cohort) {
                sums[*row].0.merge(*first);
                sums[*row].1.merge(*now);
            }
        }
        by_group.insert(pass.slicer.values(key), sums);
    }
    Ok(CohortsToDate { by_group, known })
}

/// The cohorts of a row: its own period; without a grain, the months of it, taken together.
fn parts_of(
    context: &Context<'_>,
    period: &Period,
    end: Option<Instant>,
) -> ApiResult<(Grain, Vec<Period>)> {
    if let Some(grain) = context.query().grain {
        return Ok((grain, vec![*period]));
    }
    let calendar = &context.facts.model.calendar;
    // Without a period the first month is whole, though the first event lies inside it.
    let start = match context.query().period {
        Some(_) => period.start,
        None => calendar.floor(period.start, Grain::Month),
    };
    let ask = PeriodAsk { start: Some(start), end: Some(period.end), last: None };
    Ok((Grain::Month, context.spine(end).cut(&ask, Some(Grain::Month))?))
}
