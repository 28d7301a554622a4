//! How far a pass's own fact table reaches: its first and newest event, unfiltered.

use std::sync::Arc;

use datafusion::common::Column;
use datafusion::functions_aggregate::expr_fn::{count, max, min};
use datafusion::logical_expr::{LogicalPlanBuilder, lit};
use datafusion::prelude::col;

use crate::engine::context::Context;
use crate::engine::load::{column, instants_in, to_scalar};
use crate::error::ApiResult;
use crate::model::{AggregateKind, AttachBasis, DatasetName};
use crate::planner::Leaf;
use crate::values::Scalar;

use super::columns::TIME;
use super::errors::plan_error;
use super::rows::{RowsAsk, rows_plan};

/// First and newest event of the pass's fact table, known by `asOf`.
pub async fn newest_of(
    context: &Context<'_>,
    leaf: &Leaf,
) -> ApiResult<(Option<i64>, Option<i64>)> {
    match leaf {
        Leaf::Attach(kind) if kind.basis != AttachBasis::Customer => {
            let orders = context.facts.orders(kind).await?;
            Ok((orders.first, orders.newest))
        }
        Leaf::Aggregate(kind) | Leaf::Cumulative { of: kind, .. } => range_of(context, kind).await,
        Leaf::Filtered { pass, .. } => Box::pin(newest_of(context, pass)).await,
        Leaf::Conversion(kind) => range_of(context, &kind.base).await,
        other => match other.balance() {
            Some(balance) => {
                let loaded = context.facts.balance(balance).await?;
                Ok((loaded.facts.first, loaded.facts.newest))
            }
            None => Ok((None, None)),
        },
    }
}

/// The table whose events say how far a pass reaches.
pub async fn table_of(context: &Context<'_>, leaf: &Leaf) -> ApiResult<Option<DatasetName>> {
    Ok(match leaf {
        Leaf::Attach(kind) if kind.basis != AttachBasis::Customer => {
            Some(kind.orders.dataset.clone())
        }
        Leaf::Aggregate(kind) | Leaf::Cumulative { of: kind, .. } => Some(kind.dataset.clone()),
        Leaf::Conversion(kind) => Some(kind.base.dataset.clone()),
        Leaf::Filtered { pass, .. } => return Box::pin(table_of(context, pass)).await,
        other => match other.balance() {
            Some(balance) => Some(context.facts.balance(balance).await?.shape.dataset().clone()),
            None => None,
        },
    })
}

/// First and newest event of a table, and rows without a time.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    range: (Option<i64>, Option<i64>),
    without_time: i64,
}

/// First and newest event of a table, known by `asOf`.
pub async fn range_of(
    context: &Context<'_>,
    kind: &AggregateKind,
) -> ApiResult<(Option<i64>, Option<i64>)> {
    observed(context, kind).await.map(|seen| seen.range)
}

/// Kept with the facts: every question about the table asks for it.
async fn observed(context: &Context<'_>, kind: &AggregateKind) -> ApiResult<Arc<Observed>> {
    let Some(time) = &kind.time else { return Ok(Arc::default()) };
    let table = context.facts.reader.table(&kind.dataset)?;
    let key = format!("observed {} {time} {} {}", kind.dataset, table.id, context.as_of());
    context.facts.observed(key, observe(context, kind)).await
}

async fn observe(context: &Context<'_>, kind: &AggregateKind) -> ApiResult<Observed> {
    let ask = RowsAsk { time: kind.time.as_ref(), ..RowsAsk::default() };
    let rows = rows_plan(context, &kind.dataset, &ask).await?;
    let time = col(Column::new_unqualified(TIME));
    let parts = vec![
        min(time.clone()).alias("first"),
        max(time.clone()).alias("newest"),
        count(lit(1i64)).alias("rows"),
        count(time).alias("timed"),
    ];
    let none: Vec<datafusion::logical_expr::Expr> = Vec::new();
    let plan = LogicalPlanBuilder::from(rows)
        .aggregate(none, parts)
        .and_then(LogicalPlanBuilder::build)
        .map_err(plan_error)?;
    let table = context.facts.reader.table(&kind.dataset)?;
    let mut seen = Observed { range: (None, None), without_time: 0 };
    let calendar = &context.facts.model.calendar;
    context
        .facts
        .reader
        .execute(plan, &[table], |batch| {
            let first = instants_in(column(batch, 0)?, calendar)?;
            let newest = instants_in(column(batch, 1)?, calendar)?;
            let number = |index: usize| -> ApiResult<i64> {
                let value =
                    datafusion::scalar::ScalarValue::try_from_array(column(batch, index)?, 0);
                Ok(match value.map(|value| to_scalar(&value)).map_err(plan_error)? {
                    Scalar::Int(value) => value,
                    _ => 0,
                })
            };
            if let (Some(first), Some(newest)) = (first.first(), newest.first()) {
                seen.range = (*first, *newest);
                seen.without_time = number(2)? - number(3)?;
            }
            Ok(())
        })
        .await?;
    Ok(seen)
}

/// Notes rows without a time, and that the table was read.
pub async fn note_left_out(context: &Context<'_>, kind: &AggregateKind) -> ApiResult<()> {
    let seen = observed(context, kind).await?;
    context.read(&kind.dataset, seen.range.1);
    if seen.without_time > 0 {
        context.note(format!(
            "{} row(s) of {} without a time were left out.",
            seen.without_time, kind.dataset
        ));
    }
    Ok(())
}
