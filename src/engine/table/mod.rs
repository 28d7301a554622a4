//! The flat table: any metrics by any dimensions, with comparisons, having, order, paging, totals.

mod columns;
mod formula;
mod leaf;
mod marks;
mod order;

use std::collections::HashSet;

use chrono::NaiveDate;
use futures::future::try_join_all;

use crate::error::{ApiError, ApiResult, ErrorCode};
use crate::planner::{
    Leaf, MetricPlan, MetricQuery, Period, PeriodAsk, Spine, TableAsk, column_keys,
};
use crate::values::{Instant, Number};

use super::aggregate::{SharedPasses, newest_of, table_of};
use super::context::Context;
use super::typed::compare_groups;
use super::{Cell, TableAnswer};

pub use leaf::GroupValues;

use columns::column_infos;
use formula::{comparison, evaluate};
use leaf::{LeafRun, run_leaves};
use marks::marks_of;
use order::{order_rows, passes};

/// One row on its way into the answer.
struct Row {
    period: Period,
    group: GroupValues,
    /// Metrics, then comparisons, in column order.
    numbers: Vec<Option<Number>>,
}

/// Answers a flat table.
pub async fn table_answer(context: &Context<'_>, table: &TableAsk) -> ApiResult<TableAnswer> {
    let (first, end) = observation(context).await?;
    let spine = context.spine(end);
    let periods = periods_of(context, &spine, first)?;
    if context.query().period.is_some() {
        context.note_ahead(&periods, end);
    }
    let mut rows = rows_of(context, table, &spine, &periods).await?;
    let keys = column_keys(context.query(), table);
    context.compute(|| {
        if context.query().sparse {
            rows.retain(|row| row.numbers.iter().flatten().any(|number| !number.is_zero()));
        }
        let lead = keys.len() - table.select.len() * (1 + 3 * table.compare_to.len());
        rows.retain(|row| passes(&table.having, &keys[lead..], &row.numbers));
        order_rows(&mut rows, &table.order_by, context.query());
    })?;
    let offset = usize::try_from(table.offset).unwrap_or(usize::MAX);
    let limit = usize::try_from(table.limit).unwrap_or(0);
    let truncated = rows.len().saturating_sub(offset) > limit;
    let rows: Vec<Row> = rows.into_iter().skip(offset).take(limit).collect();
    let marks = marks_of(context, table, &rows).await?;
    let rows = rows.into_iter();
    let cells = rows.map(|row| cells_of(row, context.query())).collect();
    let totals = if table.totals {
        Some(totals_of(context, table, (first, end), &periods).await?)
    } else {
        None
    };
    Ok(TableAnswer {
        columns: column_infos(context, table, &keys),
        rows: cells,
        totals,
        truncated,
        marks,
        sql: Some(context.plan.to_string()),
    })
}

fn cells_of(row: Row, query: &MetricQuery) -> Vec<Cell> {
    let period = query.grain.map(|_| Cell::Period(row.period.start));
    period
        .into_iter()
        .chain(row.group.into_iter().map(Cell::Dimension))
        .chain(row.numbers.into_iter().map(Cell::Metric))
        .collect()
}

/// First event and end of observation over the passes: the earliest end where complete periods are
/// counted back (each metric must be complete), else the latest.
async fn observation(context: &Context<'_>) -> ApiResult<(Option<i64>, Option<Instant>)> {
    let counts_back = context.query().period.is_some_and(|period| period.last.is_some());
    let seen =
        try_join_all(context.plan.leaves.iter().map(|leaf| newest_of(context, leaf))).await?;
    let first = seen.iter().filter_map(|(first, _)| *first).min();
    let ends = || seen.iter().filter_map(|(_, newest)| *newest);
    if !counts_back {
        return Ok((first, context.end_of_observation(ends().max())));
    }
    let [earliest, latest] = [ends().min(), ends().max()].map(|at| context.end_of_observation(at));
    if let (Some(ask), true) = (&context.query().period, earliest < latest) {
        let cut = |end| context.spine(end).cut(ask, context.query().grain).ok();
        let last = |end| cut(end).and_then(|periods| periods.last().map(|period| period.end));
        // Where both end in one period, nothing is lost.
        if last(earliest) != last(latest) {
            let limiting = seen.iter().position(|(_, newest)| *newest == ends().min());
            let limiting = limiting.and_then(|place| context.plan.leaves.get(place));
            if let Some(leaf) = limiting {
                note_limit(context, leaf, (earliest, latest)).await?;
            }
        }
    }
    Ok((first, earliest))
}

/// Says which table `last` counts back from the end of.
async fn note_limit(
    context: &Context<'_>,
    leaf: &Leaf,
    (earliest, latest): (Option<Instant>, Option<Instant>),
) -> ApiResult<()> {
    let calendar = &context.facts.model.calendar;
    let (Some(table), Some(earliest), Some(latest)) =
        (table_of(context, leaf).await?, earliest, latest)
    else {
        return Ok(());
    };
    context.note(format!(
        "`last` counts back from {}, where {table} ends; the other tables of the answer reach {}.",
        calendar.day_of(earliest),
        calendar.day_of(latest)
    ));
    Ok(())
}

fn periods_of(
    context: &Context<'_>,
    spine: &Spine<'_>,
    first: Option<i64>,
) -> ApiResult<Vec<Period>> {
    if let Some(ask) = &context.query().period {
        return spine.cut(ask, context.query().grain);
    }
    // Without a period: all of it, from the first event to the end of observation.
    let calendar = &context.facts.model.calendar;
    let start = first.map_or(NaiveDate::default(), |at| calendar.day_of(Instant(at)));
    let end = spine.end_of_observation.map(|at| calendar.day_of(calendar.midnight_at_or_after(at)));
    let end = end.filter(|end| *end > start).or_else(|| start.succ_opt());
    let ask = PeriodAsk { start: Some(start), end, last: None };
    spine.cut(&ask, None)
}

async fn rows_of(
    context: &Context<'_>,
    table: &TableAsk,
    spine: &Spine<'_>,
    periods: &[Period],
) -> ApiResult<Vec<Row>> {
    let runs = run_all(context, periods, context.shared).await?;
    let mut before: Vec<Vec<LeafRun>> = Vec::new();
    for compare in &table.compare_to {
        let shifted = spine.shift(periods, *compare, context.query().grain);
        before.push(run_all(context, &shifted, None).await?);
    }
    let groups = groups_of(context, &runs);
    context.check_cells(groups.len(), periods.len())?;
    context.compute(|| {
        let mut rows = Vec::with_capacity(groups.len() * periods.len());
        for (index, period) in periods.iter().enumerate() {
            context.check_wanted()?;
            for group in &groups {
                rows.push(Row {
                    period: *period,
                    group: group.clone(),
                    numbers: numbers_of(context.plan, &runs, &before, (index, group)),
                });
            }
        }
        Ok(rows)
    })?
}

/// Metrics, then for each comparison the three columns of each metric.
fn numbers_of(
    plan: &MetricPlan,
    runs: &[LeafRun],
    before: &[Vec<LeafRun>],
    (period, group): (usize, &GroupValues),
) -> Vec<Option<Number>> {
    let value = |runs: &[LeafRun], output: &crate::planner::Output| {
        evaluate(&output.formula, &|leaf, measure| runs[leaf].value(group, period, measure))
    };
    let mut numbers: Vec<Option<Number>> =
        plan.outputs.iter().map(|output| value(runs, output)).collect();
    for before in before {
        for (index, output) in plan.outputs.iter().enumerate() {
            let previous = value(before, output);
            let columns = comparison(numbers[index].as_ref(), previous);
            numbers.extend(columns);
        }
    }
    numbers
}

async fn run_all(
    context: &Context<'_>,
    periods: &[Period],
    shared: Option<&SharedPasses>,
) -> ApiResult<Vec<LeafRun>> {
    let runs = run_leaves(context, &context.plan.leaves, periods, shared).await?;
    let unknown = runs.iter().map(LeafRun::unknown_periods).max().unwrap_or(0);
    if unknown > 0 {
        context.note(format!(
            "{unknown} period(s) lie before the data began or between snapshots: their amounts are null."
        ));
    }
    Ok(runs)
}

fn groups_of(context: &Context<'_>, runs: &[LeafRun]) -> Vec<GroupValues> {
    if context.query().group_by.is_empty() {
        return vec![Vec::new()];
    }
    let all: HashSet<GroupValues> = runs.iter().flat_map(LeafRun::groups).collect();
    let mut groups: Vec<GroupValues> = all.into_iter().collect();
    groups.sort_by(|a, b| compare_groups(a, b));
    groups
}

/// The same question with no grain and no groupBy, from base data.
async fn totals_of(
    context: &Context<'_>,
    table: &TableAsk,
    (first, end): (Option<i64>, Option<Instant>),
    periods: &[Period],
) -> ApiResult<Vec<(String, Option<Number>)>> {
    let mut query = context.query().clone();
    query.grain = None;
    query.group_by = Vec::new();
    if let (Some(from), Some(to)) = (periods.first(), periods.last())
        && query.period.is_some()
    {
        query.period = Some(PeriodAsk { start: Some(from.start), end: Some(to.end), last: None });
    }
    let plan = MetricPlan { query, ..context.plan.clone() };
    let whole =
        Context::new(&plan, context.facts.clone(), context.max_rows, context.bounds.clone());
    let spine = whole.spine(end);
    let periods = periods_of(&whole, &spine, first)?;
    let rows = Box::pin(rows_of(&whole, table, &spine, &periods)).await?;
    let row = rows
        .into_iter()
        .next()
        .ok_or_else(|| ApiError::new(ErrorCode::Internal, "The totals have no row."))?;
    Ok(column_keys(&plan.query, table).into_iter().zip(row.numbers).collect())
}
