//! Aggregates, cumulative aggregates and conversions over rows of any dataset, on DataFusion.

mod conversion;
mod observed;
mod period_index;
mod rows;

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Int32Type};
use datafusion::common::Column;
use datafusion::functions_aggregate::expr_fn::{count, count_distinct, max, median, min, sum};
use datafusion::logical_expr::{
    Expr, ExprFunctionExt, ExprSchemable, LogicalPlan, LogicalPlanBuilder, lit,
};
use datafusion::prelude::{cast, col};
use datafusion::scalar::ScalarValue;

use crate::error::{ApiError, ApiResult, ErrorCode};
use crate::kernels::Span;
use crate::model::{Aggregate, AggregateKind, CumulativeWindow};
use crate::planner::Period;
use crate::values::{Calendar, Number, Scalar, shift_months};

use super::context::Context;
use super::load::{column, to_scalar};
use super::table::GroupValues;

pub use conversion::run_conversion;
pub use observed::{Observed, newest_of};
pub use rows::plan_error;
use rows::{Measured, PERIOD, RowsAsk, filter_column, group_column, rows_plan, value_column};

/// Values by group and period.
#[derive(Debug, Default)]
pub struct AggregateValues {
    by_group: HashMap<GroupValues, Vec<Option<Number>>>,
    /// Where a group has no rows in a period: 0 for counts and sums, null otherwise.
    empty: Option<Number>,
}

impl AggregateValues {
    #[must_use]
    pub fn groups(&self) -> Vec<GroupValues> {
        self.by_group.keys().cloned().collect()
    }

    #[must_use]
    pub fn value(&self, group: &GroupValues, period: usize) -> Option<Number> {
        self.by_group
            .get(group)
            .and_then(|values| values[period].clone())
            .or_else(|| self.empty.clone())
    }
}

/// Aggregates of each period and group. Those of one dataset and time share one pass over its
/// rows, each with its own filter.
pub async fn run_aggregates(
    context: &Context<'_>,
    kinds: &[&AggregateKind],
    periods: &[Period],
) -> ApiResult<Vec<AggregateValues>> {
    let spans: Arc<[Span]> = periods.iter().map(|period| period.span).collect();
    let mut all: Vec<Option<AggregateValues>> = kinds.iter().map(|_| None).collect();
    for (index, first) in kinds.iter().enumerate() {
        if all[index].is_some() {
            continue;
        }
        let together: Vec<usize> = (index..kinds.len())
            .filter(|other| {
                kinds[*other].dataset == first.dataset && kinds[*other].time == first.time
            })
            .collect();
        let pass: Vec<&AggregateKind> = together.iter().map(|place| kinds[*place]).collect();
        let values = aggregate_spans(context, &pass, Arc::clone(&spans)).await?;
        for (place, values) in together.into_iter().zip(values) {
            all[place] = Some(values);
        }
    }
    Ok(all.into_iter().flatten().collect())
}

/// An aggregate over a window that ends with each period. Windows overlap, so each is a pass of
/// its own.
pub async fn run_cumulative(
    context: &Context<'_>,
    kind: &AggregateKind,
    window: CumulativeWindow,
    periods: &[Period],
) -> ApiResult<AggregateValues> {
    let calendar = &context.facts.model.calendar;
    let mut all = AggregateValues::default();
    for (index, period) in periods.iter().enumerate() {
        let span = Span { start: window_start(calendar, window, period), end: period.span.end };
        let values = aggregate_spans(context, &[kind], Arc::from([span])).await?;
        let Some(values) = values.into_iter().next() else { continue };
        for (group, mut value) in values.by_group {
            let row = all.by_group.entry(group).or_insert_with(|| vec![None; periods.len()]);
            row[index] = value.pop().flatten();
        }
        all.empty = values.empty;
    }
    Ok(all)
}

fn window_start(calendar: &Calendar, window: CumulativeWindow, period: &Period) -> i64 {
    let last_day = period.end.pred_opt().unwrap_or(period.end);
    let day = match window {
        CumulativeWindow::AllTime => return i64::MIN,
        CumulativeWindow::Months(months) => {
            shift_months(period.end, -i32::try_from(months).unwrap_or(i32::MAX))
        }
        CumulativeWindow::Days(days) => {
            period.end.checked_sub_days(chrono::Days::new(days.into())).unwrap_or(period.end)
        }
        CumulativeWindow::ToDate(grain) => calendar.floor(last_day, grain),
    };
    calendar.midnight(day).0
}

/// One pass over the rows of the kinds' common dataset.
async fn aggregate_spans(
    context: &Context<'_>,
    kinds: &[&AggregateKind],
    spans: Arc<[Span]>,
) -> ApiResult<Vec<AggregateValues>> {
    let Some(first) = kinds.first() else { return Ok(Vec::new()) };
    observed::note_left_out(context, first).await?;
    let (periods, timed) = (spans.len(), first.time.is_some());
    let measures: Vec<Measured<'_>> = kinds
        .iter()
        .map(|kind| Measured { expr: kind.expr.as_ref(), filter: kind.filter.as_ref() })
        .collect();
    let ask = RowsAsk {
        dataset: &first.dataset,
        time: first.time.as_ref(),
        measures: &measures,
        spans: timed.then_some(spans),
        key: None,
        slices: true,
    };
    let rows = rows_plan(context, &ask).await?;
    let groups = context.query().group_by.len();
    let (plan, parts) = aggregate_plan(rows, kinds, groups)?;
    let mut all: Vec<AggregateValues> = kinds
        .iter()
        .map(|kind| AggregateValues { empty: empty_value(kind), ..AggregateValues::default() })
        .collect();
    let table = context.facts.reader.table(&first.dataset)?;
    let lead = usize::from(timed);
    let visit = |batch: &[ArrayRef]| {
        for row in 0..column(batch, lead + groups)?.len() {
            let group = scalars(batch, row, lead, groups)?;
            let found = scalars(batch, row, lead + groups, parts.iter().sum())?;
            // A metric without a time is the same in every period.
            let place = if timed { period_at(column(batch, 0)?, row) } else { 0 };
            let range = if timed { place..place + 1 } else { 0..periods };
            let mut next = 0;
            for ((kind, count), values) in kinds.iter().zip(&parts).zip(&mut all) {
                let value = number_of(kind.aggregate, &found[next..next + count])?;
                next += count;
                let cells =
                    values.by_group.entry(group.clone()).or_insert_with(|| vec![None; periods]);
                cells[range.clone()].fill(value);
            }
        }
        Ok(())
    };
    context.facts.reader.execute(plan, &[table], visit).await?;
    for values in &all {
        context.check_cells(values.by_group.len(), periods)?;
    }
    Ok(all)
}

fn empty_value(kind: &AggregateKind) -> Option<Number> {
    matches!(kind.aggregate, Aggregate::Count | Aggregate::CountDistinct | Aggregate::Sum)
        .then_some(Number::Int(0))
}

fn period_at(periods: &ArrayRef, row: usize) -> usize {
    usize::try_from(periods.as_primitive::<Int32Type>().value(row)).unwrap_or(0)
}

fn scalars(batch: &[ArrayRef], row: usize, from: usize, count: usize) -> ApiResult<Vec<Scalar>> {
    (from..from + count)
        .map(|index| {
            let value = ScalarValue::try_from_array(column(batch, index)?, row);
            value.map(|value| to_scalar(&value)).map_err(plan_error)
        })
        .collect()
}

/// Groups rows by period and dimensions; the parts of each aggregate follow, in order. The counts
/// say how many parts each has.
fn aggregate_plan(
    rows: LogicalPlan,
    kinds: &[&AggregateKind],
    groups: usize,
) -> ApiResult<(LogicalPlan, Vec<usize>)> {
    let mut by: Vec<Expr> = Vec::new();
    if kinds.first().is_some_and(|kind| kind.time.is_some()) {
        by.push(col(Column::new_unqualified(PERIOD)));
    }
    by.extend((0..groups).map(|index| col(Column::new_unqualified(group_column(index)))));
    let (mut named, mut counts) = (Vec::new(), Vec::new());
    for (index, kind) in kinds.iter().enumerate() {
        let parts = parts_of(&rows, kind, index)?;
        counts.push(parts.len());
        for part in parts {
            let part = match kind.filter {
                Some(_) => part
                    .filter(col(Column::new_unqualified(filter_column(index))))
                    .build()
                    .map_err(plan_error)?,
                None => part,
            };
            named.push(part.alias(format!("__part_{}", named.len())));
        }
    }
    LogicalPlanBuilder::from(rows)
        .aggregate(by, named)
        .and_then(LogicalPlanBuilder::build)
        .map(|plan| (plan, counts))
        .map_err(plan_error)
}

fn parts_of(rows: &LogicalPlan, kind: &AggregateKind, index: usize) -> ApiResult<Vec<Expr>> {
    let value = col(Column::new_unqualified(value_column(index)));
    let exact = || -> ApiResult<Expr> {
        let found = value.get_type(rows.schema()).map_err(plan_error)?;
        exact_sum(value.clone(), &found)
    };
    Ok(match (kind.aggregate, kind.expr.is_some()) {
        (Aggregate::Count, false) => vec![count(lit(1i64))],
        (Aggregate::Count, true) => vec![count(value.clone())],
        (Aggregate::CountDistinct, _) => vec![count_distinct(value.clone())],
        (Aggregate::Sum, _) => vec![exact()?],
        (Aggregate::Min, _) => vec![min(value.clone())],
        (Aggregate::Max, _) => vec![max(value.clone())],
        (Aggregate::Average, _) => vec![exact()?, count(value.clone())],
        (Aggregate::Median, _) => vec![median(cast(value.clone(), DataType::Float64))],
    })
}

/// Integers are summed as decimals, which cannot wrap; decimals stay exact; floats are floats.
fn exact_sum(value: Expr, found: &DataType) -> ApiResult<Expr> {
    match found {
        DataType::Float16 | DataType::Float32 | DataType::Float64 | DataType::Decimal128(..) => {
            Ok(sum(value))
        }
        found if found.is_integer() => Ok(sum(cast(value, DataType::Decimal128(20, 0)))),
        _ => Err(ApiError::new(
            ErrorCode::BadData,
            "The expression that the metric sums is not a number in this table.",
        )),
    }
}

fn number_of(aggregate: Aggregate, parts: &[Scalar]) -> ApiResult<Option<Number>> {
    let number = |value: &Scalar| match value {
        Scalar::Null => Ok(None),
        Scalar::Int(value) => Ok(Some(Number::Int((*value).into()))),
        Scalar::Decimal(value, 0) => Ok(Some(Number::Int(*value))),
        Scalar::Decimal(value, scale) => Ok(Some(Number::Decimal(*value, *scale))),
        Scalar::Float(value) => Ok(Some(Number::Float(*value))),
        _ => Err(ApiError::new(
            ErrorCode::BadData,
            "The metric's smallest or largest value is not a number in this table.",
        )),
    };
    let first = parts.first().map_or(Ok(None), number)?;
    if aggregate == Aggregate::Average {
        let counted = parts.get(1).map_or(Ok(None), number)?;
        return Ok(first.zip(counted).and_then(|(sum, count)| sum.div(&count)));
    }
    Ok(first)
}
