//! Distinct values of a dimension, for pick lists.

use datafusion::common::Column;
use datafusion::logical_expr::LogicalPlanBuilder;
use datafusion::prelude::col;
use datafusion::scalar::ScalarValue;

use crate::catalog::TableSnapshot;
use crate::error::{ApiError, ApiResult, ErrorCode};
use crate::model::{DatasetName, Dimension, DimensionValue, Model};
use crate::values::Scalar;

use super::facts::Facts;
use super::load::{column, ident, lower_dimension, to_scalar};
use super::subject::named;

/// Ascending, without nulls, at most `limit`; `search` is part of the text, whatever its case.
pub async fn dimension_values(
    facts: &Facts<'_>,
    dimension: &Dimension,
    search: Option<&str>,
    limit: usize,
) -> ApiResult<Vec<Scalar>> {
    let mut values = match &dimension.value {
        DimensionValue::RollUp { map, .. } => {
            map.values().map(|family| Scalar::text(family.as_str())).collect()
        }
        _ => distinct(facts, dimension).await?,
    };
    let wanted = search.map(str::to_lowercase);
    values.retain(|value| match (value, &wanted) {
        (Scalar::Null, _) => false,
        (Scalar::Text(text), Some(wanted)) => text.to_lowercase().contains(wanted),
        _ => true,
    });
    values.sort_by(Scalar::total_cmp);
    values.dedup();
    values.truncate(limit);
    Ok(values)
}

/// The tables that hold a dimension's values: its own; of a key that needs no table, all that have
/// the key.
#[must_use]
pub fn tables_of_values(model: &Model, dimension: &Dimension) -> Vec<DatasetName> {
    let own = model.datasets.get(&dimension.dataset);
    match (&dimension.value, &dimension.entity) {
        (DimensionValue::Key, Some(entity)) if own.is_some_and(|own| !model.needs_table(own)) => {
            let with_key = model.datasets.values().filter(|found| found.keys.contains_key(entity));
            with_key.map(|found| found.name.clone()).collect()
        }
        _ => vec![dimension.dataset.clone()],
    }
}

async fn distinct(facts: &Facts<'_>, dimension: &Dimension) -> ApiResult<Vec<Scalar>> {
    let missing = match facts.reader.table(&dimension.dataset) {
        Ok(own) => return distinct_in(facts, dimension, own).await,
        Err(error) => error,
    };
    let mut values = None;
    for name in tables_of_values(facts.model, dimension) {
        if let Ok(table) = facts.reader.table(&name) {
            let found = distinct_in(facts, dimension, table).await?;
            values.get_or_insert_with(Vec::new).extend(found);
        }
    }
    values.ok_or(missing)
}

async fn distinct_in(
    facts: &Facts<'_>,
    dimension: &Dimension,
    table: &TableSnapshot,
) -> ApiResult<Vec<Scalar>> {
    let dataset = facts.model.datasets.get(&table.dataset).ok_or_else(|| {
        ApiError::new(ErrorCode::Unavailable, format!("`{}` has no table.", dimension.name))
    })?;
    let key = dimension.entity.as_ref().and_then(|entity| dataset.keys.get(entity));
    let (columns, is_key) = match (&dimension.value, key.or(dataset.primary_key.first())) {
        (DimensionValue::Expr(expr), _) => (expr.columns.clone(), false),
        (_, Some(key)) => (vec![key.clone()], true),
        _ => return Ok(Vec::new()),
    };
    let scan = table.scan(&columns, None)?;
    let value = match &dimension.value {
        DimensionValue::Expr(expr) if !is_key => {
            lower_dimension(&facts.reader, expr, scan.schema())
                .map_err(|error| named(facts.model, (expr, &dataset.name), error))?
        }
        _ => ident(&columns[0]),
    };
    let plan = LogicalPlanBuilder::from(scan)
        .project([value.alias("__value")])
        .and_then(|plan| {
            let none: Vec<datafusion::logical_expr::Expr> = Vec::new();
            plan.aggregate([col(Column::new_unqualified("__value"))], none)
        })
        .and_then(LogicalPlanBuilder::build)
        .map_err(super::aggregate::plan_error)?;
    let mut values = Vec::new();
    let read = facts
        .reader
        .execute(plan, &[table], |batch| {
            let array = column(batch, 0)?;
            for row in 0..array.len() {
                let value = ScalarValue::try_from_array(array, row);
                values.push(to_scalar(&value.map_err(super::aggregate::plan_error)?));
            }
            Ok(())
        })
        .await;
    match (read, &dimension.value) {
        (Ok(()), _) => Ok(values),
        (Err(error), DimensionValue::Expr(expr)) => {
            Err(named(facts.model, (expr, &dataset.name), error))
        }
        (Err(error), _) => Err(error),
    }
}
