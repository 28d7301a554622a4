//! Readers of the flat table.
#![allow(clippy::needless_pass_by_value, reason = "resolvers are given their context")]

use std::sync::Arc;

use async_graphql::dynamic::{FieldFuture, FieldValue, ResolverContext};
use async_graphql::indexmap::IndexMap;
use async_graphql::{Name, Value};

use crate::engine::{Answer, ColumnInfo, ColumnKind, Mark, TableAnswer};
use crate::model::Unit;

use super::super::values;
use super::answers::provenance;
use super::{Resolvers, exact_or_fail};

/// One row of a table as a typed object.
struct Record {
    answer: Arc<Answer>,
    row: usize,
}

pub(super) fn register(resolvers: &mut Resolvers) {
    resolvers
        .of::<Arc<Answer>>("MetricTable")
        .parts("columns", |answer| table(answer).map_or(&[][..], |table| &table.columns))
        .field("rows", rows)
        .field("records", records)
        .field("totals", totals)
        .value("rowCount", |answer| {
            table(answer).map_or(Value::Null, |table| Value::from(table.rows.len()))
        })
        .value("truncated", |answer| {
            Value::from(table(answer).is_some_and(|table| table.truncated))
        })
        .parts("marks", |answer| table(answer).map_or(&[][..], |table| &table.marks))
        .value("sql", |answer| values::text(table(answer).and_then(|table| table.sql.as_deref())))
        .part("provenance", provenance);
    resolvers
        .of::<ColumnInfo>("Column")
        .value("name", |column| Value::from(column.name.as_str()))
        .value("label", |column| Value::from(column.label.as_str()))
        .value("kind", |column| Value::from(kind(column.kind)))
        .value("dataType", |column| Value::from(column.data_type.as_str()))
        .value("unit", |column| values::text(column.unit.as_ref().map(Unit::as_str)))
        .value("description", |column| values::text(column.description.as_deref()));
    resolvers
        .of::<Mark>("Mark")
        .value("row", |mark| Value::from(mark.row))
        .value("metric", |mark| Value::from(mark.metric.as_str()))
        .part("band", |mark| mark.band.as_ref())
        .part("target", |mark| mark.target.as_ref())
        .value("mature", |mark| mark.mature.map_or(Value::Null, Value::from));
    // All fields of a record resolve alike, by their name.
    resolvers.of::<Record>("MetricRecord").field("", record_field);
}

/// The name of a kind of column.
pub(in super::super) fn kind(kind: ColumnKind) -> &'static str {
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

fn parent<'a>(context: &ResolverContext<'a>) -> Option<&'a Arc<Answer>> {
    context.parent_value.downcast_ref::<Arc<Answer>>()
}

fn rows(context: ResolverContext<'_>) -> FieldFuture<'_> {
    let table = parent(&context).and_then(table);
    FieldFuture::Value(table.map(|table| {
        let names: Vec<Name> = table.columns.iter().map(|column| Name::new(&column.name)).collect();
        FieldValue::list(table.rows.iter().map(|row| {
            let cells = names.iter().zip(row).map(|(name, cell)| {
                (name.clone(), exact_or_fail(&context, name, values::cell(cell)))
            });
            FieldValue::value(Value::Object(cells.collect()))
        }))
    }))
}

fn records(context: ResolverContext<'_>) -> FieldFuture<'_> {
    let answer = parent(&context);
    FieldFuture::Value(answer.and_then(|answer| {
        let rows = 0..table(answer)?.rows.len();
        Some(FieldValue::list(
            rows.map(|row| FieldValue::owned_any(Record { answer: Arc::clone(answer), row })),
        ))
    }))
}

fn record_field(context: ResolverContext<'_>) -> FieldFuture<'_> {
    let name = context.ctx.item.node.name.node.as_str();
    let cell = context.parent_value.downcast_ref::<Record>().and_then(|record| {
        let table = table(&record.answer)?;
        let column = table.columns.iter().position(|column| column.name == name)?;
        table.rows.get(record.row)?.get(column)
    });
    let value = cell.map(|cell| exact_or_fail(&context, name, values::cell(cell)));
    FieldFuture::from_value(value)
}

fn totals(context: ResolverContext<'_>) -> FieldFuture<'_> {
    let totals = parent(&context).and_then(table).and_then(|table| table.totals.as_ref());
    FieldFuture::from_value(totals.map(|totals| {
        let written: IndexMap<Name, Value> = totals
            .iter()
            .map(|(key, number)| {
                let value = number.as_ref().map_or(Ok(Value::Null), values::number);
                (Name::new(key), exact_or_fail(&context, key, value))
            })
            .collect();
        Value::Object(written)
    }))
}
