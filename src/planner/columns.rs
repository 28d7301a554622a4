//! Keys of a flat table's columns, in order: period, dimensions, metrics, comparisons.

use crate::error::{ApiError, ErrorCode, did_you_mean, nearest};
use crate::model::{DimensionName, Model};

use super::{MetricQuery, TableAsk};

/// The three columns that a comparison adds to a metric.
pub const COMPARISON_SUFFIXES: [&str; 3] = ["", "_change", "_change_ratio"];

/// Every column's key.
#[must_use]
pub fn column_keys(query: &MetricQuery, table: &TableAsk) -> Vec<String> {
    let mut keys = Vec::new();
    if query.grain.is_some() {
        keys.push("period".to_owned());
    }
    keys.extend(query.group_by.iter().map(|name| name.as_str().to_owned()));
    keys.extend(table.select.iter().map(|name| name.as_str().to_owned()));
    for compare in &table.compare_to {
        for metric in &table.select {
            for suffix in COMPARISON_SUFFIXES {
                keys.push(format!("{metric}__{}{suffix}", compare.as_str()));
            }
        }
    }
    keys
}

/// What is wrong with a key that an argument names and the table does not have: a name that nobody
/// defined, or one that this table was not asked for.
pub(super) fn no_such_column(
    model: &Model,
    argument: &str,
    key: &str,
    keys: &[String],
) -> ApiError {
    let base = key.split("__").next().unwrap_or(key);
    let metrics = model.metrics.values().filter(|metric| !metric.private);
    let metrics: Vec<&str> = metrics.map(|metric| metric.name.as_str()).collect();
    let dimensions: Vec<&str> = model.dimensions.keys().map(DimensionName::as_str).collect();
    let columns = || keys.iter().map(String::as_str);
    if base == "period" || metrics.contains(&base) || dimensions.contains(&base) {
        let hint = did_you_mean(key, columns());
        let has = columns().collect::<Vec<_>>().join(", ");
        return ApiError::new(
            ErrorCode::BadRequest,
            format!(
                "`{argument}` names `{key}`, which is no column that it can use: \
                 those are {has}.{hint}"
            ),
        );
    }
    let all = || metrics.iter().chain(&dimensions).copied();
    let meant = nearest(key, columns()).or_else(|| nearest(base, all()));
    let is_dimension = meant.is_some_and(|name| dimensions.contains(&name));
    let hint = meant.map_or_else(String::new, |name| format!(" Did you mean `{name}`?"));
    ApiError::new(
        if is_dimension { ErrorCode::UnknownDimension } else { ErrorCode::UnknownMetric },
        format!("`{argument}` names `{key}`, which is neither a metric nor a dimension.{hint}"),
    )
}
