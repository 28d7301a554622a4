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
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, lit};
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
pub use observed::newest_of;
pub use rows::plan_error;
use rows::{PERIOD, RowsAsk, VALUE, group_column, rows_plan};

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

/// An aggregate of each period and group.
pub async fn run_aggregate(
    context: &Context<'_>,
    kind: &AggregateKind,
    periods: &[Period],
) -> ApiResult<AggregateValues> {
    let spans: Arc<[Span]> = periods.iter().map(|period| period.span).collect();
    aggregate_spans(context, kind, spans).await
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
        let values = aggregate_spans(context, kind, Arc::from([span])).await?;
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

async fn aggregate_spans(
    context: &Context<'_>,
    kind: &AggregateKind,
    spans: Arc<[Span]>,
) -> ApiResult<AggregateValues> {
    observed::note_left_out(context, kind).await?;
    let periods = spans.len();
    let ask =
        RowsAsk { kind, spans: kind.time.is_some().then_some(spans), key: None, slices: true };
    let rows = rows_plan(context, &ask).await?;
    let groups = context.query().group_by.len();
    let (plan, parts) = aggregate_plan(rows, kind, groups)?;
    let mut found: Vec<(usize, GroupValues, Vec<Scalar>)> = Vec::new();
    let table = context.facts.reader.table(&kind.dataset)?;
    context
        .facts
        .reader
        .execute(plan, &[table], |batch| {
            let lead = usize::from(kind.time.is_some());
            for row in 0..column(batch, lead + groups)?.len() {
                let period = if lead == 1 { period_at(column(batch, 0)?, row) } else { 0 };
                let values = scalars(batch, row, lead, groups)?;
                let parts = scalars(batch, row, lead + groups, parts)?;
                found.push((period, values, parts));
            }
            Ok(())
        })
        .await?;
    let mut all = AggregateValues { empty: empty_value(kind), ..AggregateValues::default() };
    for (period, group, parts) in found {
        let value = number_of(kind.aggregate, &parts)?;
        // A metric without a time is the same in every period.
        let range = if kind.time.is_some() { period..period + 1 } else { 0..periods };
        let row = all.by_group.entry(group).or_insert_with(|| vec![None; periods]);
        row[range].fill(value);
    }
    context.check_cells(all.by_group.len(), periods)?;
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

/// Groups rows by period and dimensions; the parts of the aggregate follow.
fn aggregate_plan(
    rows: LogicalPlan,
    kind: &AggregateKind,
    groups: usize,
) -> ApiResult<(LogicalPlan, usize)> {
    let mut by: Vec<Expr> = Vec::new();
    if kind.time.is_some() {
        by.push(col(Column::new_unqualified(PERIOD)));
    }
    by.extend((0..groups).map(|index| col(Column::new_unqualified(group_column(index)))));
    let value = col(Column::new_unqualified(VALUE));
    let exact = || -> ApiResult<Expr> {
        let found = value.get_type(rows.schema()).map_err(plan_error)?;
        exact_sum(value.clone(), &found)
    };
    let parts = match (kind.aggregate, kind.expr.is_some()) {
        (Aggregate::Count, false) => vec![count(lit(1i64))],
        (Aggregate::Count, true) => vec![count(value.clone())],
        (Aggregate::CountDistinct, _) => vec![count_distinct(value.clone())],
        (Aggregate::Sum, _) => vec![exact()?],
        (Aggregate::Min, _) => vec![min(value.clone())],
        (Aggregate::Max, _) => vec![max(value.clone())],
        (Aggregate::Average, _) => vec![exact()?, count(value.clone())],
        (Aggregate::Median, _) => vec![median(cast(value.clone(), DataType::Float64))],
    };
    let count = parts.len();
    let named: Vec<Expr> = parts
        .into_iter()
        .enumerate()
        .map(|(index, part)| part.alias(format!("__part_{index}")))
        .collect();
    LogicalPlanBuilder::from(rows)
        .aggregate(by, named)
        .and_then(LogicalPlanBuilder::build)
        .map(|plan| (plan, count))
        .map_err(plan_error)
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
