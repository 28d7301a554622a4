//! The typed duration answer: the survival estimate of each group, with its curve.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::ArrayRef;
use chrono::NaiveDate;

use crate::engine::bands::{Slice, band_of, target_of};
use crate::engine::context::{Context, period_info};
use crate::engine::keys::Interner;
use crate::engine::load::{LoadedOrigins, OriginColumns, codes, column};
use crate::engine::sums::Summing;
use crate::engine::table::GroupValues;
use crate::engine::{DurationAnswerRow, PeriodInfo, SurvivalPoint};
use crate::error::{ApiError, ApiResult, ErrorCode, did_you_mean};
use crate::kernels::{DurationAsk, Estimate, Origins, Slicer, Span, Subjects, durations, estimate};
use crate::model::{BalanceShape, DurationKind, DurationMeasure, Metric, MetricKind, TimeOrigin};
use crate::planner::Period;
use crate::values::Number;

use super::attach::day_number;
use super::compare_groups;

/// Estimates by cohort period and group. `periods` are the cohort's; none: everybody, as period 0.
pub async fn run_duration(
    context: &Context<'_>,
    kind: &DurationKind,
    periods: Option<&[Period]>,
) -> ApiResult<HashMap<(usize, GroupValues), Estimate>> {
    let origins = origins_of(context, kind).await?;
    estimates_of(context, (kind, origins), periods).await
}

async fn estimates_of(
    context: &Context<'_>,
    (kind, origins): (&DurationKind, Option<Arc<LoadedOrigins>>),
    periods: Option<&[Period]>,
) -> ApiResult<HashMap<(usize, GroupValues), Estimate>> {
    let loaded = context.facts.balance(&kind.balance).await?;
    context.note_left_out(&loaded);
    if let BalanceShape::Ledger(ledger) = &loaded.shape
        && !loaded.unmapped.is_empty()
    {
        return Err(crate::engine::context::unmapped_classes(&loaded, ledger.class.as_str()));
    }
    let Some(end) = context.end_of_observation(loaded.facts.newest) else {
        return Ok(HashMap::new());
    };
    let axes = context.axes(&loaded);
    let calendar = context.facts.model.calendar;
    let day_of = move |at: i64| day_number(&calendar, at);
    let ask = DurationAsk {
        origins: match &origins {
            Some(origins) => Origins::PerCustomer(&origins.by_customer),
            None => Origins::PreviousExpansion,
        },
        nth: kind.nth as usize,
        kinds: kinds_of(context, kind, &loaded.shape)?,
        as_of: context.as_of(),
        end: end.0,
        cohort: periods
            .filter(|_| context.query().period.is_some())
            .map(|periods| periods.iter().map(|period| period.span).collect::<Vec<Span>>()),
        day_of: &day_of,
    };
    let summing = Summing::new(&axes, format!("duration {kind:?} {end:?} {:?}", ask.cohort));
    let sum = |slicer: &Slicer| durations(&loaded.facts, &ask, slicer);
    let (found, slicer) = context.sums(&summing, sum).await?;
    context.check_cells(found.cells.groups(), ask.cohort.as_ref().map_or(1, Vec::len))?;
    let unwatched = found.unwatched();
    for (count, what) in [
        (unwatched.without_origin, "balances but no origin"),
        (unwatched.late_origin, "an origin at or after the end of observation"),
    ] {
        if count > 0 {
            context.note(format!("{count} customer(s) with {what} are not subjects."));
        }
    }
    let mut estimates = HashMap::new();
    for (key, cells) in found.cells.iter() {
        context.check_wanted()?;
        for (period, subjects) in cells.iter().enumerate() {
            estimates
                .insert((period, slicer.values(key)), estimate(subjects.clone(), kind.competing));
        }
    }
    Ok(estimates)
}

/// The origins; none where they are expansions.
async fn origins_of(
    context: &Context<'_>,
    kind: &DurationKind,
) -> ApiResult<Option<Arc<LoadedOrigins>>> {
    if kind.origin == TimeOrigin::PreviousExpansion {
        return Ok(None);
    }
    let dataset = match (&kind.milestones, kind.origin) {
        (Some(milestones), TimeOrigin::Milestone) => &milestones.dataset,
        (None, TimeOrigin::Milestone) => {
            return Err(ApiError::new(
                ErrorCode::Unavailable,
                "The definition names no table of milestones, so `origin: MILESTONE` cannot be answered.",
            ));
        }
        _ => &kind.acquisition.0,
    };
    let columns = OriginColumns::of_duration(kind);
    let origins = context.facts.origins(&columns).await?;
    columns.note(&origins).into_iter().for_each(|note| context.note(note));
    context.read(dataset, None);
    if kind.origin == TimeOrigin::Milestone && origins.by_customer.iter().all(Option::is_none) {
        return Err(unknown_milestone(context, kind).await?);
    }
    Ok(Some(origins))
}

/// The error of a milestone that nobody reached, with the nearest one that somebody did.
async fn unknown_milestone(context: &Context<'_>, kind: &DurationKind) -> ApiResult<ApiError> {
    let wanted = kind.milestone.as_deref().unwrap_or_default();
    let reached = Interner::default();
    if let Some(milestones) = &kind.milestones {
        let columns = std::slice::from_ref(&milestones.milestone);
        let read = |batch: &[ArrayRef]| codes(column(batch, 0)?, &reached).map(drop);
        context.facts.reader.scan(&milestones.dataset, columns, read).await?;
    }
    let names = reached.names();
    let hint = did_you_mean(wanted, names.iter().map(AsRef::as_ref));
    Ok(ApiError::new(
        ErrorCode::UnknownValue,
        format!("No customer has reached a milestone `{wanted}`.{hint}"),
    ))
}

/// Which kinds of expansion count, by code and a last entry for null.
fn kinds_of(
    context: &Context<'_>,
    kind: &DurationKind,
    shape: &BalanceShape,
) -> ApiResult<Option<Vec<bool>>> {
    let Some(types) = &kind.types else { return Ok(None) };
    let BalanceShape::Ledger(ledger) = shape else {
        return Err(ApiError::new(
            ErrorCode::Unavailable,
            format!(
                "{} records no expansion types, so `types` cannot be asked for.",
                shape.dataset()
            ),
        ));
    };
    let Some(column) = &ledger.expansion_type else {
        return Err(ApiError::new(
            ErrorCode::Unavailable,
            "The ledger has no expansion types, so `types` cannot be asked for.",
        ));
    };
    let dataset = context.facts.model.datasets.get(&ledger.dataset);
    let names = context.facts.keys.of(&crate::engine::load::key_space_of(dataset, column)).names();
    for wanted in types {
        if !names.iter().any(|name| name.as_ref() == wanted) {
            let hint = did_you_mean(wanted, names.iter().map(AsRef::as_ref));
            return Err(ApiError::new(
                ErrorCode::UnknownValue,
                format!("There is no expansion type `{wanted}`.{hint}"),
            ));
        }
    }
    let counts = names.iter().map(|name| types.iter().any(|wanted| wanted == name.as_ref()));
    Ok(Some(counts.chain([false]).collect()))
}

/// The rows of the typed field.
pub async fn duration_rows(
    context: &Context<'_>,
    metric: &Metric,
    kind: &DurationKind,
) -> ApiResult<Vec<DurationAnswerRow>> {
    // Before the movements: customers coded in the order of their own table are found sooner.
    let origins = origins_of(context, kind).await?;
    let newest = context.facts.balance(&kind.balance).await?.facts.newest;
    let periods = context.query().period.map(|_| context.periods(newest)).transpose()?;
    let estimates = estimates_of(context, (kind, origins), periods.as_deref()).await?;
    let mut rows: Vec<(GroupValues, Estimate)> =
        estimates.into_iter().map(|((_, group), estimate)| (group, estimate)).collect();
    if rows.is_empty() && context.query().group_by.is_empty() {
        rows.push((Vec::new(), estimate(Subjects::default(), kind.competing)));
    }
    rows.sort_by(|(a, _), (b, _)| compare_groups(a, b));
    context.check_rows(rows.len())?;
    let judged = Judged {
        context,
        metric,
        kind,
        period: judged_period(context, periods.as_deref(), newest),
    };
    Ok(rows.into_iter().map(|(group, estimate)| judged.row(group, estimate)).collect())
}

/// The cohort's period; of everybody, all the time that was observed.
fn judged_period(
    context: &Context<'_>,
    periods: Option<&[Period]>,
    newest: Option<i64>,
) -> Option<PeriodInfo> {
    if let Some(periods) = periods {
        return periods.first().map(period_info);
    }
    let calendar = &context.facts.model.calendar;
    let observed = context.end_of_observation(newest)?;
    let end = calendar.day_of(calendar.midnight_at_or_after(observed));
    Some(PeriodInfo { start: NaiveDate::MIN, end, complete: true })
}

/// A measure's value; none where it is never reached or nobody is a subject.
#[must_use]
pub fn measured(estimate: &Estimate, measure: DurationMeasure) -> Option<Number> {
    match measure {
        DurationMeasure::QuantileDays(percent) => {
            estimate.quantile(f64::from(percent) / 100.0).map(|days| Number::Int(days.into()))
        }
        DurationMeasure::ShareByDay(day) if estimate.subjects > 0 => {
            Some(Number::Float(estimate.share_by(i64::from(day))))
        }
        DurationMeasure::ShareByDay(_) => None,
        DurationMeasure::ObservedMedianDays => estimate.observed_median.map(Number::Float),
    }
}

/// What rows are judged by.
struct Judged<'a> {
    context: &'a Context<'a>,
    metric: &'a Metric,
    kind: &'a DurationKind,
    period: Option<PeriodInfo>,
}

impl Judged<'_> {
    fn row(&self, group: GroupValues, estimate: Estimate) -> DurationAnswerRow {
        let value = measured(&estimate, self.kind.measure);
        let mut row = row_of(self.context, group, estimate);
        if let Some(period) = self.period.filter(|_| self.is_the_definition_s()) {
            let slice = Slice::of(self.context.plan, &row.group);
            let days = (&self.context.facts.model.calendar, &period);
            row.band = band_of(self.metric, value.as_ref(), &slice, &period);
            row.target = target_of(self.metric, value.as_ref(), &slice, days);
        }
        row
    }

    /// Bands and targets are about what the definition measures.
    fn is_the_definition_s(&self) -> bool {
        let MetricKind::Duration(own) = &self.metric.kind else { return false };
        let asked = self.kind;
        own.origin == asked.origin
            && own.milestone == asked.milestone
            && own.nth == asked.nth
            && own.types == asked.types
            && own.competing == asked.competing
    }
}

fn row_of(context: &Context<'_>, group: GroupValues, estimate: Estimate) -> DurationAnswerRow {
    DurationAnswerRow {
        group: context.group(group),
        subjects: estimate.subjects,
        events: estimate.events,
        censored: estimate.censored,
        churned: estimate.churned,
        p25_days: estimate.p25,
        median_days: estimate.median,
        p75_days: estimate.p75,
        observed_median_days: estimate.observed_median,
        band: None,
        target: None,
        curve: estimate
            .curve
            .into_iter()
            .map(|point| SurvivalPoint {
                day: point.day,
                survival: point.survival,
                low95: point.low95,
                high95: point.high95,
                at_risk: point.at_risk,
                events: point.events,
            })
            .collect(),
    }
}
