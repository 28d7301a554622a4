//! Keys of a flat table's columns, in order: period, dimensions, metrics, comparisons.

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
