//! Which expression failed, where some row gives one no result: the engine says that one did, not
//! which. Those of a read are tried one by one, on the rows that it was to give.

use crate::engine::context::Context;
use crate::engine::subject::named;
use crate::error::{ApiError, ApiResult};
use crate::model::{DatasetName, DimensionName, DimensionValue, ScalarExpr};

use super::rows::{Measured, RowsAsk, rows_plan};

/// An expression, and what asks for it alone.
struct Suspect<'a> {
    expr: &'a ScalarExpr,
    dataset: &'a DatasetName,
    measure: Option<Measured<'a>>,
    dimension: Option<&'a DimensionName>,
    /// It is part of the filter that rows pass: without it then.
    in_filter: bool,
}

/// The error with the name of the expression that it is about; other errors stay as they are.
pub async fn blame(
    context: &Context<'_>,
    dataset: &DatasetName,
    ask: &RowsAsk<'_>,
    error: ApiError,
) -> ApiError {
    if !error.is_of_expression() {
        return error;
    }
    let suspects = suspects_of(context, dataset, ask);
    let mut found = None;
    for suspect in &suspects {
        let only = suspects.len() == 1;
        if only || fails(context, dataset, ask, suspect).await {
            found = Some((suspect.expr, suspect.dataset));
            break;
        }
    }
    match found {
        Some(expr) => named(context.facts.model, expr, error),
        None => error,
    }
}

/// Everything that is computed for the rows. What others are read behind comes first: they fail
/// with it.
fn suspects_of<'a>(
    context: &'a Context<'_>,
    dataset: &'a DatasetName,
    ask: &RowsAsk<'a>,
) -> Vec<Suspect<'a>> {
    let of_dimension = |name: &'a DimensionName, in_filter| {
        let (expr, dataset) = expression_of(context, name)?;
        Some(Suspect { expr, dataset, measure: None, dimension: Some(name), in_filter })
    };
    let filters = ask.filters().flat_map(|filter| filter.dimensions());
    let mut suspects: Vec<Suspect<'a>> =
        filters.filter_map(|name| of_dimension(name, true)).collect();
    suspects.extend(ask.group_by.iter().filter_map(|name| of_dimension(name, false)));
    for measure in ask.measures {
        let alone = Measured { expr: None, only: None, ..*measure };
        let parts = [(measure.filter, alone), (measure.expr, Measured { only: None, ..*measure })];
        suspects.extend(parts.into_iter().filter_map(|(expr, measure)| {
            let (dimension, in_filter) = (None, false);
            Some(Suspect { expr: expr?, dataset, measure: Some(measure), dimension, in_filter })
        }));
    }
    suspects.retain(|suspect| suspect.expr.computes());
    suspects
}

/// A dimension's own expression, or that of what it rolls up, and the dataset that it is over.
fn expression_of<'a>(
    context: &'a Context<'_>,
    name: &DimensionName,
) -> Option<(&'a ScalarExpr, &'a DatasetName)> {
    let dimension = context.facts.model.dimensions.get(name)?;
    match &dimension.value {
        DimensionValue::Expr(expr) => Some((expr, &dimension.dataset)),
        DimensionValue::RollUp { of, .. } => expression_of(context, of),
        DimensionValue::Key => None,
    }
}

async fn fails(
    context: &Context<'_>,
    dataset: &DatasetName,
    ask: &RowsAsk<'_>,
    suspect: &Suspect<'_>,
) -> bool {
    let alone = RowsAsk {
        time: ask.time,
        measures: suspect.measure.as_slice(),
        spans: ask.spans.clone(),
        key: None,
        group_by: suspect.dimension.map(std::slice::from_ref).unwrap_or_default(),
        filter: ask.filter.filter(|_| !suspect.in_filter),
        owners: ask.owners,
    };
    let read = async || -> ApiResult<()> {
        let plan = rows_plan(context, dataset, &alone).await?;
        let table = context.facts.reader.table(dataset)?;
        context.facts.reader.execute(plan, &[table], |_| Ok(())).await
    };
    read().await.is_err_and(|error| error.is_of_expression())
}
