//! The table as one JSON object: columns, rows as flat objects, totals if asked, what the values
//! are judged by, provenance.

use async_graphql::indexmap::IndexMap;
use async_graphql::{Name, Value};

use crate::engine::{BandHit, ColumnInfo, Mark, Provenance, Standing, TableAnswer, TargetHit};
use crate::error::{ApiError, ApiResult, ErrorCode};
use crate::model::Unit;
use crate::values::Instant;

use super::super::answers::{kind, too_long};
use super::super::values::{TooLong, cell, float, number, scalar, text};

pub(super) fn write(table: &TableAnswer, provenance: &Provenance) -> ApiResult<Vec<u8>> {
    let mut fields = vec![
        ("columns", Value::List(table.columns.iter().map(column).collect())),
        ("rows", rows(table)?),
    ];
    if let Some(totals) = &table.totals {
        let totals = totals.iter().map(|(key, total)| {
            let value = total.as_ref().map_or(Ok(Value::Null), number);
            Ok((Name::new(key), exact(key, value)?))
        });
        fields.push(("totals", Value::Object(totals.collect::<ApiResult<_>>()?)));
    }
    fields.push(("rowCount", Value::from(table.rows.len())));
    fields.push(("truncated", Value::from(table.truncated)));
    fields.push(("marks", Value::List(table.marks.iter().map(mark).collect::<ApiResult<_>>()?)));
    fields.push(("provenance", from(provenance)));
    serde_json::to_vec(&object(fields))
        .map_err(|_| ApiError::new(ErrorCode::Internal, "The answer could not be written as JSON."))
}

fn rows(table: &TableAnswer) -> ApiResult<Value> {
    let names: Vec<Name> = table.columns.iter().map(|column| Name::new(&column.name)).collect();
    let rows = table.rows.iter().map(|row| {
        let cells = names.iter().zip(row);
        let written = cells.map(|(name, value)| Ok((name.clone(), exact(name, cell(value))?)));
        Ok(Value::Object(written.collect::<ApiResult<IndexMap<_, _>>>()?))
    });
    Ok(Value::List(rows.collect::<ApiResult<_>>()?))
}

fn column(column: &ColumnInfo) -> Value {
    object(vec![
        ("name", Value::from(column.name.as_str())),
        ("label", Value::from(column.label.as_str())),
        ("kind", Value::from(kind(column.kind))),
        ("dataType", Value::from(column.data_type.as_str())),
        ("unit", text(column.unit.as_ref().map(Unit::as_str))),
        ("description", text(column.description.as_deref())),
    ])
}

fn mark(mark: &Mark) -> ApiResult<Value> {
    Ok(object(vec![
        ("row", Value::from(mark.row)),
        ("metric", Value::from(mark.metric.as_str())),
        ("band", mark.band.as_ref().map_or(Ok(Value::Null), band)?),
        ("target", mark.target.as_ref().map_or(Value::Null, target)),
        ("mature", mark.mature.map_or(Value::Null, Value::from)),
    ]))
}

fn band(band: &BandHit) -> ApiResult<Value> {
    let only = band.only.iter().map(|(dimension, value)| {
        let value = exact(dimension.as_str(), scalar(value))?;
        Ok(object(vec![("dimension", Value::from(dimension.as_str())), ("value", value)]))
    });
    Ok(object(vec![
        ("label", Value::from(band.label.as_str())),
        ("low", band.low.map_or(Value::Null, float)),
        ("high", band.high.map_or(Value::Null, float)),
        ("source", Value::from(band.source.as_str())),
        ("standing", text(band.standing.map(Standing::as_str))),
        ("only", Value::List(only.collect::<ApiResult<_>>()?)),
    ]))
}

fn target(target: &TargetHit) -> Value {
    object(vec![
        ("value", float(target.value)),
        ("source", Value::from(target.source.as_str())),
        ("attainment", target.attainment.map_or(Value::Null, float)),
    ])
}

fn from(provenance: &Provenance) -> Value {
    object(vec![
        ("definitionVersion", Value::from(provenance.definition_version.as_str())),
        ("snapshot", Value::from(provenance.snapshot.as_str())),
        ("dataThrough", text(provenance.data_through.map(Instant::to_rfc3339).as_deref())),
        ("computedAt", Value::from(provenance.computed_at.to_rfc3339())),
        ("cached", Value::from(provenance.cached)),
        ("notes", provenance.notes.iter().map(String::as_str).collect()),
    ])
}

fn object(fields: Vec<(&str, Value)>) -> Value {
    Value::Object(fields.into_iter().map(|(name, value)| (Name::new(name), value)).collect())
}

fn exact(key: &str, value: Result<Value, TooLong>) -> ApiResult<Value> {
    value.map_err(|TooLong| too_long(key))
}
