//! The SQL of an aggregate: what somebody would type to get its numbers month by month, over views
//! of the tables under the definitions' names.

use std::fmt::Write as _;

use crate::model::{Aggregate, AggregateKind, ColumnName, Metric, MetricKind, Model};

/// One statement; none where the metric is no plain aggregate of rows.
#[must_use]
pub fn sql_of(model: &Model, metric: &Metric) -> Option<String> {
    let MetricKind::Aggregate(kind) = &metric.kind else { return None };
    let mut sql = String::from("SELECT ");
    if let Some(time) = &kind.time {
        let _ = write!(sql, "{} AS period, ", month_of(model, time));
    }
    let _ = write!(sql, "{} AS {}\nFROM {}", value_of(kind), metric.name, kind.dataset);
    let timed = kind.time.iter().map(|time| format!("{} IS NOT NULL", quoted(time)));
    let filter = kind.filter.iter().map(|filter| format!("({})", filter.sql));
    let conditions: Vec<String> = timed.chain(filter).collect();
    if !conditions.is_empty() {
        let _ = write!(sql, "\nWHERE {}", conditions.join(" AND "));
    }
    if kind.time.is_some() {
        sql.push_str("\nGROUP BY 1\nORDER BY 1");
    }
    Some(sql)
}

fn value_of(kind: &AggregateKind) -> String {
    let of = kind.expr.as_ref().map_or("*", |expr| expr.sql.as_str());
    match kind.aggregate {
        Aggregate::Count => format!("COUNT({of})"),
        Aggregate::CountDistinct => format!("COUNT(DISTINCT {of})"),
        Aggregate::Sum => format!("SUM({of})"),
        Aggregate::Min => format!("MIN({of})"),
        Aggregate::Max => format!("MAX({of})"),
        Aggregate::Average => format!("AVG({of})"),
        Aggregate::Median => format!("MEDIAN({of})"),
    }
}

/// Months of the reporting zone.
fn month_of(model: &Model, time: &ColumnName) -> String {
    let zone = model.calendar.zone.name();
    let column = quoted(time);
    if zone == "UTC" {
        return format!("date_trunc('month', {column})");
    }
    format!("date_trunc('month', {column} AT TIME ZONE '{zone}')")
}

fn quoted(name: &ColumnName) -> String {
    let name = name.as_str();
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if name.chars().all(plain) {
        name.to_owned()
    } else {
        format!("\"{}\"", name.replace('"', "\"\""))
    }
}
