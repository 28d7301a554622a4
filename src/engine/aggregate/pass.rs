//! One pass over the rows of a dataset: any number of filtered aggregates, grouped by period and
//! dimensions.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Int32Type};
use datafusion::common::Column;
use datafusion::functions::math::expr_fn::abs;
use datafusion::functions_aggregate::expr_fn::{count, count_distinct, max, median, min, sum};
use datafusion::logical_expr::{
    Expr, ExprFunctionExt, ExprSchemable, LogicalPlan, LogicalPlanBuilder, lit,
};
use datafusion::prelude::{cast, col, when};
use datafusion::scalar::ScalarValue;

use crate::engine::context::Context;
use crate::engine::load::{column, to_scalar};
use crate::engine::subject::expression_in_words;
use crate::engine::table::GroupValues;
use crate::error::{ApiError, ApiResult, ErrorCode};
use crate::kernels::Span;
use crate::model::{Aggregate, AggregateKind};
use crate::values::{Number, Scalar};

use super::blame::blame;
use super::columns::{PERIOD, filter_column, group_column, value_column, weight_column};
use super::decimal_sum::decimal_sum;
use super::errors::plan_error;
use super::fits::check_values;
use super::measure::Measure;
use super::owners::RowOwners;
use super::rows::{Measured, RowsAsk, rows_plan};

/// The measures of one dataset and time.
pub struct Pass<'a> {
    pub measures: &'a [Measure<'a>],
    pub spans: Arc<[Span]>,
    pub owners: Option<&'a RowOwners>,
}

/// What a group and period holds of one measure.
pub struct Found<'a> {
    pub group: &'a GroupValues,
    /// The place among the spans; none: the metric has no time and is the same in all of them.
    pub span: Option<usize>,
    pub measure: usize,
    /// The parts that the value is made of: an average has two.
    pub parts: Vec<Option<Number>>,
}

/// Runs the pass; `visit` sees every group and period in which rows count for a measure.
pub async fn run_pass(
    context: &Context<'_>,
    pass: &Pass<'_>,
    mut visit: impl FnMut(Found<'_>) -> ApiResult<()>,
) -> ApiResult<()> {
    let Some(first) = pass.measures.first() else { return Ok(()) };
    let (dataset, timed) = (&first.kind.dataset, first.kind.time.is_some());
    let same = pass.measures.iter().all(|measure| measure.filter == first.filter);
    let measured: Vec<Measured<'_>> = pass
        .measures
        .iter()
        .map(|Measure { kind, filter }| Measured {
            expr: kind.expr.as_ref(),
            filter: kind.filter.as_ref(),
            only: filter.filter(|_| !same),
            is_shared: is_shared(kind.aggregate),
        })
        .collect();
    let group_by = &context.query().group_by;
    let ask = RowsAsk {
        time: first.kind.time.as_ref(),
        measures: &measured,
        spans: timed.then(|| Arc::clone(&pass.spans)),
        group_by,
        filter: first.filter.filter(|_| same),
        owners: pass.owners,
        ..RowsAsk::default()
    };
    let rows = rows_plan(context, dataset, &ask).await?;
    check_values(context, pass.measures, &rows)?;
    let split = pass.owners.is_some();
    let (plan, counts) = aggregate_plan(context, rows, pass.measures, &ask, split)?;
    let table = context.facts.reader.table(dataset)?;
    let (lead, groups) = (usize::from(timed), group_by.len());
    let read = |batch: &[ArrayRef]| {
        for row in 0..column(batch, lead + groups)?.len() {
            let group = scalars(batch, row, lead, groups)?;
            let span = if timed { Some(period_at(column(batch, 0)?, row)) } else { None };
            let mut next = lead + groups;
            for (measure, count) in counts.iter().enumerate() {
                let parts = scalars(batch, row, next, *count)?;
                next += count;
                // The first part counts the rows; what no row counts for is not there.
                if parts.first() != Some(&Scalar::Int(0)) {
                    let parts = parts.iter().skip(1).map(number).collect::<ApiResult<_>>()?;
                    visit(Found { group: &group, span, measure, parts })?;
                }
            }
        }
        Ok(())
    };
    match context.facts.reader.execute(plan, &[table], read).await {
        Ok(()) => Ok(()),
        Err(error) => Err(blame(context, dataset, &ask, error).await),
    }
}

/// Whether owners share what the aggregate adds up; distinct and extreme values they see whole.
pub fn is_shared(aggregate: Aggregate) -> bool {
    matches!(aggregate, Aggregate::Count | Aggregate::Sum | Aggregate::Average)
}

pub fn period_at(periods: &ArrayRef, row: usize) -> usize {
    usize::try_from(periods.as_primitive::<Int32Type>().value(row)).unwrap_or(0)
}

pub fn scalars(
    batch: &[ArrayRef],
    row: usize,
    from: usize,
    count: usize,
) -> ApiResult<Vec<Scalar>> {
    (from..from + count)
        .map(|index| {
            let value = ScalarValue::try_from_array(column(batch, index)?, row);
            value.map(|value| to_scalar(&value)).map_err(plan_error)
        })
        .collect()
}

/// Groups rows by period and dimensions. For each measure a count of its rows and its parts
/// follow, in order; the counts say how many columns each has.
fn aggregate_plan(
    context: &Context<'_>,
    rows: LogicalPlan,
    measures: &[Measure<'_>],
    ask: &RowsAsk<'_>,
    split: bool,
) -> ApiResult<(LogicalPlan, Vec<usize>)> {
    let mut by: Vec<Expr> = Vec::new();
    if ask.time.is_some() {
        by.push(col(Column::new_unqualified(PERIOD)));
    }
    let groups = 0..ask.group_by.len();
    by.extend(groups.map(|index| col(Column::new_unqualified(group_column(index)))));
    let (mut named, mut counts) = (Vec::new(), Vec::new());
    for (index, (measure, measured)) in measures.iter().zip(ask.measures).enumerate() {
        let mut parts = vec![count(lit(1i64))];
        parts.extend(parts_of(context, &rows, measure.kind, index, split)?);
        counts.push(parts.len());
        for part in parts {
            let part = if measured.is_filtered() {
                part.filter(col(Column::new_unqualified(filter_column(index))))
                    .build()
                    .map_err(plan_error)?
            } else {
                part
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

fn parts_of(
    context: &Context<'_>,
    rows: &LogicalPlan,
    kind: &AggregateKind,
    index: usize,
    split: bool,
) -> ApiResult<Vec<Expr>> {
    let value = col(Column::new_unqualified(value_column(index)));
    let weight = || sum(col(Column::new_unqualified(weight_column(index))));
    let exact = || -> ApiResult<Expr> {
        let found = value.get_type(rows.schema()).map_err(plan_error)?;
        exact_sum(value.clone(), &found, || too_large(context, kind))
    };
    Ok(match (kind.aggregate, kind.expr.is_some()) {
        (Aggregate::Count, _) if split => vec![weight()],
        (Aggregate::Count, false) => vec![count(lit(1i64))],
        (Aggregate::Count, true) => vec![count(value.clone())],
        (Aggregate::CountDistinct, _) => {
            let found = value.get_type(rows.schema()).map_err(plan_error)?;
            vec![count_distinct(one_zero(value, &found)?)]
        }
        (Aggregate::Sum, _) => vec![exact()?],
        (Aggregate::Min, _) => vec![min(value.clone())],
        (Aggregate::Max, _) => vec![max(value.clone())],
        (Aggregate::Average, _) if split => vec![exact()?, weight()],
        (Aggregate::Average, _) => vec![exact()?, count(value.clone())],
        (Aggregate::Median, _) => {
            let found = value.get_type(rows.schema()).map_err(plan_error)?;
            vec![median(cast(value.clone(), halves_of(&found)))]
        }
    })
}

/// Zero is one value, whatever its sign.
fn one_zero(value: Expr, found: &DataType) -> ApiResult<Expr> {
    if !found.is_floating() {
        return Ok(value);
    }
    let is_zero = abs(value.clone()).eq(lit(0.0));
    when(is_zero, cast(lit(0.0), found.clone())).otherwise(value).map_err(plan_error)
}

/// A type that holds the middle of two values exactly: one more place where they are not floats. Of
/// 37 digits, since the engine adds the two, and would wrap where they have more.
fn halves_of(found: &DataType) -> DataType {
    match found {
        DataType::Decimal128(_, scale) => DataType::Decimal128(37, scale.saturating_add(1)),
        found if found.is_integer() => DataType::Decimal128(37, 1),
        _ => DataType::Float64,
    }
}

/// Integers are summed as decimals, which hold every sum of them; decimals stay exact; floats are
/// floats.
fn exact_sum(
    value: Expr,
    found: &DataType,
    too_large: impl FnOnce() -> ApiError,
) -> ApiResult<Expr> {
    match found {
        DataType::Float16 | DataType::Float32 | DataType::Float64 => Ok(sum(value)),
        DataType::Decimal128(..) => Ok(decimal_sum(value, too_large())),
        found if found.is_integer() || *found == DataType::Null => {
            Ok(sum(cast(value, DataType::Decimal128(20, 0))))
        }
        _ => Err(ApiError::new(
            ErrorCode::BadData,
            "The expression that the metric sums is not a number in this table.",
        )),
    }
}

fn too_large(context: &Context<'_>, kind: &AggregateKind) -> ApiError {
    let does = "adds up to more than 38 digits over rows";
    let help = "round it to fewer places, or cast it to double";
    let error = ApiError::of_expression(ErrorCode::OutOfRange, does, help);
    match &kind.expr {
        Some(expr) => {
            error.naming(&expression_in_words(context.facts.model, expr), kind.dataset.as_str())
        }
        None => error,
    }
}

fn number(value: &Scalar) -> ApiResult<Option<Number>> {
    Ok(match value {
        Scalar::Null => None,
        Scalar::Int(value) => Some(Number::Int((*value).into())),
        Scalar::Decimal(value, 0) => Some(Number::Int(*value)),
        Scalar::Decimal(value, scale) => Some(Number::Decimal(*value, *scale)),
        Scalar::Float(value) => Some(Number::Float(*value)),
        _ => {
            return Err(ApiError::new(
                ErrorCode::BadData,
                "The metric's smallest or largest value is not a number in this table.",
            ));
        }
    })
}
