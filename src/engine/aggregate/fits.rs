//! Whether a table's columns can be what a metric takes them for; where not, the metric and the
//! column are named.

use arrow::datatypes::DataType;
use datafusion::common::{Column, DFSchema};
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan};
use datafusion::prelude::col;

use crate::engine::context::Context;
use crate::engine::load::{lower_condition, lower_dimension, lower_expr};
use crate::engine::subject::named;
use crate::error::{ApiError, ApiResult, ErrorCode};
use crate::model::{Aggregate, AggregateKind, ColumnName, DatasetName, MetricKind, ScalarExpr};

use super::columns::value_column;
use super::errors::plan_error;
use super::measure::Measure;

/// A definition's expression over a table's columns; named where their types do not fit it.
pub fn lower_fitting(
    context: &Context<'_>,
    dataset: &DatasetName,
    expr: &ScalarExpr,
    schema: &DFSchema,
) -> ApiResult<Expr> {
    lower_expr(&context.facts.reader, expr, schema)
        .map_err(|error| named(context.facts.model, (expr, dataset), error))
}

/// The same of a condition on rows.
pub fn fitting_condition(
    context: &Context<'_>,
    dataset: &DatasetName,
    expr: &ScalarExpr,
    schema: &DFSchema,
) -> ApiResult<Expr> {
    lower_condition(&context.facts.reader, expr, schema)
        .map_err(|error| named(context.facts.model, (expr, dataset), error))
}

/// The same of a dimension's expression.
pub fn fitting_dimension(
    context: &Context<'_>,
    dataset: &DatasetName,
    expr: &ScalarExpr,
    schema: &DFSchema,
) -> ApiResult<Expr> {
    lower_dimension(&context.facts.reader, expr, schema)
        .map_err(|error| named(context.facts.model, (expr, dataset), error))
}

/// What is aggregated must be numbers, unless it is only counted.
pub fn check_values(
    context: &Context<'_>,
    measures: &[Measure<'_>],
    rows: &LogicalPlan,
) -> ApiResult<()> {
    for (index, Measure { kind, .. }) in measures.iter().enumerate() {
        let is_counted = matches!(kind.aggregate, Aggregate::Count | Aggregate::CountDistinct);
        let Some(expr) = kind.expr.as_ref().filter(|_| !is_counted) else { continue };
        let value = col(Column::new_unqualified(value_column(index)));
        let found = value.get_type(rows.schema()).map_err(plan_error)?;
        if !found.is_numeric() && found != DataType::Null {
            let same = |other: &AggregateKind| {
                let known = other.expr.as_ref().map(|expr| &expr.sql);
                other.dataset == kind.dataset
                    && other.aggregate == kind.aggregate
                    && known == Some(&expr.sql)
            };
            return Err(unfit(context, same, &kind.dataset, &expr.sql, "numbers"));
        }
    }
    Ok(())
}

/// What says when rows happened must be times.
pub fn check_time(
    context: &Context<'_>,
    dataset: &DatasetName,
    time: &ColumnName,
) -> ApiResult<()> {
    let found = context.facts.reader.table(dataset)?.column_type(time);
    if found.is_none_or(|found| matches!(found, DataType::Timestamp(..) | DataType::Date32)) {
        return Ok(());
    }
    let same =
        |other: &AggregateKind| other.dataset == *dataset && other.time.as_ref() == Some(time);
    Err(unfit(context, same, dataset, time.as_str(), "times"))
}

fn unfit(
    context: &Context<'_>,
    same: impl Fn(&AggregateKind) -> bool,
    dataset: &DatasetName,
    column: &str,
    wanted: &str,
) -> ApiError {
    let metric = context.facts.model.metrics.iter().find_map(|(name, metric)| match &metric.kind {
        MetricKind::Aggregate(kind) if same(kind) => Some(format!("metric `{name}`: ")),
        _ => None,
    });
    ApiError::new(
        ErrorCode::BadData,
        format!(
            "{}`{column}` of table `{dataset}` holds no {wanted}. Name a column that does, or declare \
             its type in the dataset and deliver it so.",
            metric.unwrap_or_default()
        ),
    )
}
