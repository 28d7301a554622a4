//! The SQL of metrics over rows: what somebody would type to get their numbers month by month, over
//! views of the tables under the definitions' names, instants with their zone.

use std::fmt::Write as _;

use crate::model::{
    Aggregate, AggregateKind, ColumnName, ColumnType, ConversionKind, Metric, MetricKind, Model,
};

/// One statement; none where the metric is neither a plain aggregate of rows nor a conversion.
#[must_use]
pub fn sql_of(model: &Model, metric: &Metric) -> Option<String> {
    match &metric.kind {
        MetricKind::Aggregate(kind) => Some(aggregate_sql(model, metric, kind)),
        MetricKind::Conversion(kind) => conversion_sql(model, metric, kind),
        _ => None,
    }
}

fn aggregate_sql(model: &Model, metric: &Metric, kind: &AggregateKind) -> String {
    let mut sql = String::from("SELECT ");
    if let Some(time) = &kind.time {
        let _ = write!(sql, "date_trunc('month', {}) AS period, ", local(model, kind, time));
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
    sql
}

/// Base events are numbered, so that one that several conversions follow counts once. Tables of the
/// statement have names that no definition can have.
fn conversion_sql(model: &Model, metric: &Metric, kind: &ConversionKind) -> Option<String> {
    let events = |of: &AggregateKind, key: &ColumnName, number: &str| {
        let time = of.time.as_ref()?;
        let (column, key, table) = (quoted(time), quoted(key), &of.dataset);
        let mut sql = format!(
            "  SELECT {number}{key} AS entity, {column} AS happened, {} AS local\n  FROM {table}\n  \
             WHERE {column} IS NOT NULL AND {key} IS NOT NULL",
            local(model, of, time)
        );
        if let Some(filter) = &of.filter {
            let _ = write!(sql, " AND ({})", filter.sql);
        }
        Some(sql)
    };
    let number = format!("row_number() OVER (ORDER BY {}) AS event, ", quoted(&kind.base_key));
    let base = events(&kind.base, &kind.base_key, &number)?;
    let conversion = events(&kind.conversion, &kind.conversion_key, "")?;
    let after = if kind.is_of_the_same_rows() { ">" } else { ">=" };
    Some(format!(
        "WITH base__ AS (\n{base}\n), conversion__ AS (\n{conversion}\n), converted__ AS (\n  SELECT \
         DISTINCT b.event\n  FROM base__ b JOIN conversion__ c ON c.entity = b.entity\n  WHERE c.happened \
         {after} b.happened\n    AND CAST(c.local AS DATE) <= CAST(b.local AS DATE) + INTERVAL '{days}' \
         DAY\n)\nSELECT date_trunc('month', b.local) AS period,\n  CAST(COUNT(c.event) AS DOUBLE \
         PRECISION) / COUNT(*) AS {name}\nFROM base__ b LEFT JOIN converted__ c ON c.event = \
         b.event\nGROUP BY 1\nORDER BY 1",
        days = kind.within_days,
        name = metric.name,
    ))
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

/// A time in the reporting zone; a date is a day of it already.
fn local(model: &Model, kind: &AggregateKind, time: &ColumnName) -> String {
    let zone = model.calendar.zone.name();
    let dataset = model.datasets.get(&kind.dataset);
    let declared = dataset.and_then(|dataset| dataset.columns.get(time));
    let is_date = declared.is_some_and(|column| column.data_type == ColumnType::Date);
    let column = quoted(time);
    if zone == "UTC" || is_date { column } else { format!("{column} AT TIME ZONE '{zone}'") }
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
