//! Readers of the flat table.

use std::sync::Arc;

use async_graphql::{Name, Value};

use crate::engine::{Answer, ColumnInfo, ColumnKind, Mark, TableAnswer};
use crate::error::ApiResult;
use crate::model::Unit;

use super::super::values::{self, TooLong};
use super::typed::provenance;
use super::{Fields, Readers, too_long};

/// One row of a table as a typed object.
struct Record {
    answer: Arc<Answer>,
    row: usize,
}

pub(super) fn register(readers: &mut Readers) {
    readers
        .of::<Arc<Answer>>("MetricTable")
        .parts("columns", |answer| table(answer).map_or(&[][..], |table| &table.columns))
        .rows("rows", table)
        .made("records", |answer, _| {
            let rows = table(answer).map_or(0, |table| table.rows.len());
            (0..rows).map(|row| Record { answer: Arc::clone(answer), row }).collect()
        })
        .exact("totals", totals)
        .value("rowCount", |answer| {
            table(answer).map_or(Value::Null, |table| Value::from(table.rows.len()))
        })
        .value("truncated", |answer| {
            Value::from(table(answer).is_some_and(|table| table.truncated))
        })
        .parts("marks", |answer| table(answer).map_or(&[][..], |table| &table.marks))
        .value("sql", |answer| values::text(table(answer).and_then(|table| table.sql.as_deref())))
        .part("provenance", provenance);
    readers
        .of::<ColumnInfo>("Column")
        .value("name", |column| Value::from(column.name.as_str()))
        .value("label", |column| Value::from(column.label.as_str()))
        .value("kind", |column| Value::from(kind(column.kind)))
        .value("dataType", |column| Value::from(column.data_type.as_str()))
        .value("unit", |column| values::text(column.unit.as_ref().map(Unit::as_str)))
        .value("description", |column| values::text(column.description.as_deref()));
    readers
        .of::<Mark>("Mark")
        .value("row", |mark| Value::from(mark.row))
        .value("metric", |mark| Value::from(mark.metric.as_str()))
        .part("band", |mark| mark.band.as_ref())
        .part("target", |mark| mark.target.as_ref())
        .value("mature", |mark| mark.mature.map_or(Value::Null, Value::from));
    // All fields of a record read alike, by their name.
    readers.of::<Record>("MetricRecord").any_field(cell);
}

/// The name of a kind of column.
fn kind(kind: ColumnKind) -> &'static str {
    match kind {
        ColumnKind::Period => "PERIOD",
        ColumnKind::Dimension => "DIMENSION",
        ColumnKind::Metric => "METRIC",
        ColumnKind::Comparison => "COMPARISON",
    }
}

fn table(answer: &Arc<Answer>) -> Option<&TableAnswer> {
    match &**answer {
        Answer::Table(table, _) => Some(table),
        _ => None,
    }
}

fn cell(record: &Record, name: &str) -> ApiResult<Value> {
    let cell = table(&record.answer).and_then(|table| {
        let column = table.columns.iter().position(|column| column.name == name)?;
        table.rows.get(record.row)?.get(column)
    });
    cell.map_or(Ok(Value::Null), values::cell).map_err(|TooLong| too_long(name))
}

fn totals(answer: &Arc<Answer>) -> ApiResult<Value> {
    let Some(totals) = table(answer).and_then(|table| table.totals.as_ref()) else {
        return Ok(Value::Null);
    };
    let written = totals.iter().map(|(key, number)| {
        let value = number.as_ref().map_or(Ok(Value::Null), values::number);
        Ok((Name::new(key), value.map_err(|TooLong| too_long(key))?))
    });
    Ok(Value::Object(written.collect::<ApiResult<_>>()?))
}
