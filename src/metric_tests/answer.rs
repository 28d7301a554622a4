//! The answer to a test's question, as rows of named cells.

use std::sync::Arc;

use serde_json::{Map, Value as Json};

use crate::engine::{Answer, Cell, ColumnKind, Engine, Freshness, LocalEngine, TableAnswer};
use crate::graphql::{Api, Caller, GraphqlRequest};
use crate::model::{DimensionName, DimensionType, MetricTest, Model, TestAsk};
use crate::planner::{Ask, MetricQuery, PeriodAsk, Predicate, Scope, TableAsk, Test};
use crate::values::{Number, Scalar, parse_day, parse_decimal, parse_instant};

/// More rows than this are no answer that a test spells out.
const MOST_ROWS: i64 = 10_000;

/// One cell of an answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Found {
    Null,
    Number(Number),
    /// A number of a GraphQL response, as written there.
    Json(String),
    Text(String),
}

/// Rows of cells, each under its column's name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rows {
    pub columns: Vec<AnswerColumn>,
    pub rows: Vec<Vec<Found>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerColumn {
    pub name: String,
    /// It says which row it is: a period, a dimension, a text.
    pub is_key: bool,
}

/// Asks the test's question. The error is for people.
pub async fn ask(engine: &Arc<LocalEngine>, test: &MetricTest) -> Result<Rows, String> {
    match &test.ask {
        TestAsk::Document(document) => ask_document(engine, document).await,
        TestAsk::Table { .. } => {
            let query = query(engine.model(), &test.ask)?;
            let answer = engine.run(vec![query], &Freshness::default()).await.pop();
            match answer.transpose() {
                Err(error) => Err(format!("{}: {}", error.code.as_str(), error.message)),
                Ok(answer) => match answer.as_deref() {
                    Some(Answer::Table(table, _)) => Ok(table_rows(table.clone())),
                    _ => Err("the question has no answer".to_owned()),
                },
            }
        }
    }
}

fn query(model: &Model, ask: &TestAsk) -> Result<MetricQuery, String> {
    let TestAsk::Table { period, grain, group_by, only, as_of, select } = ask else {
        return Err("the question is a document".to_owned());
    };
    let tests = only.iter().map(|(name, value)| test_of(model, name, value.as_deref()));
    let filter = tests.collect::<Result<Vec<_>, _>>()?;
    Ok(MetricQuery {
        scope: Scope::unrestricted("test"),
        ask: Ask::Table(TableAsk {
            select: select.clone(),
            limit: MOST_ROWS,
            ..TableAsk::default()
        }),
        period: period.map(|(start, end)| PeriodAsk {
            start: Some(start),
            end: Some(end),
            last: None,
        }),
        grain: *grain,
        group_by: group_by.clone(),
        filter: (!filter.is_empty()).then_some(Predicate::All(filter)),
        sparse: false,
        as_of: *as_of,
        defined_at: None,
    })
}

fn test_of(model: &Model, name: &DimensionName, value: Option<&str>) -> Result<Predicate, String> {
    let test = match value {
        None => Test::IsNull(true),
        Some(text) => {
            let dimension = model.dimensions.get(name);
            let ty = dimension.map_or(DimensionType::Text, |dimension| dimension.data_type);
            let read = scalar(ty, text, model);
            Test::Eq(read.ok_or_else(|| format!("`{text}` is no value of `{name}`"))?)
        }
    };
    Ok(Predicate::Test { dimension: name.clone(), test })
}

fn scalar(ty: DimensionType, text: &str, model: &Model) -> Option<Scalar> {
    let calendar = &model.calendar;
    Some(match ty {
        DimensionType::Text => Scalar::text(text),
        DimensionType::Int => Scalar::Int(text.parse().ok()?),
        DimensionType::Decimal => {
            let (units, scale) = parse_decimal(text)?;
            Scalar::Decimal(units, scale)
        }
        DimensionType::Float => Scalar::Float(text.parse().ok()?),
        DimensionType::Bool => Scalar::Bool(text.parse().ok()?),
        DimensionType::Date => Scalar::Date(parse_day(text)?),
        DimensionType::Timestamp => {
            Scalar::Timestamp(parse_instant(text, calendar, calendar.zone)?)
        }
    })
}

fn table_rows(table: TableAnswer) -> Rows {
    let columns = table.columns.iter().map(|column| AnswerColumn {
        name: column.name.clone(),
        is_key: matches!(column.kind, ColumnKind::Period | ColumnKind::Dimension),
    });
    let cell = |cell: Cell| match cell {
        Cell::Period(day) => Found::Text(day.to_string()),
        Cell::Dimension(value) => found_scalar(&value),
        Cell::Metric(value) => value.map_or(Found::Null, Found::Number),
    };
    Rows {
        columns: columns.collect(),
        rows: table.rows.into_iter().map(|row| row.into_iter().map(cell).collect()).collect(),
    }
}

fn found_scalar(value: &Scalar) -> Found {
    match value {
        Scalar::Null => Found::Null,
        Scalar::Bool(value) => Found::Text(value.to_string()),
        Scalar::Int(value) => Found::Number(Number::Int(i128::from(*value))),
        Scalar::Decimal(units, scale) => Found::Number(Number::Decimal(*units, *scale)),
        Scalar::Float(value) => Found::Number(Number::Float(*value)),
        Scalar::Text(value) => Found::Text(value.to_string()),
        Scalar::Date(day) => Found::Text(day.to_string()),
        Scalar::Timestamp(at) => Found::Text(at.to_rfc3339()),
    }
}

async fn ask_document(engine: &Arc<LocalEngine>, document: &str) -> Result<Rows, String> {
    let api = Api::new(Arc::clone(engine) as Arc<dyn Engine>).map_err(|error| error.to_string())?;
    let request = GraphqlRequest::new(document);
    let response = api.execute(request, &Caller::unrestricted("test", "test")).await;
    let body: Json = serde_json::from_slice(&response.body).map_err(|error| error.to_string())?;
    if let Some(error) = body["errors"].as_array().and_then(|errors| errors.first()) {
        let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
        return Err(format!("{}: {}", text(&error["extensions"]["code"]), text(&error["message"])));
    }
    let rows = first_rows(&body["data"])
        .ok_or("the document asks for no `rows`; write `{ nrr(…) { rows { … } } }`")?;
    Ok(json_rows(rows))
}

/// The rows of the first field.
fn first_rows(data: &Json) -> Option<&Vec<Json>> {
    let field = data.as_object()?.values().next()?;
    field.get("rows")?.as_array()
}

fn json_rows(rows: &[Json]) -> Rows {
    let flat: Vec<Map<String, Json>> = rows
        .iter()
        .map(|row| {
            let mut cells = Map::new();
            flatten(&mut cells, "", row);
            cells
        })
        .collect();
    let mut names: Vec<&String> = Vec::new();
    for name in flat.iter().flat_map(Map::keys) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let is_key =
        |name: &str| flat.iter().all(|row| !matches!(row.get(name), Some(Json::Number(_))));
    let columns: Vec<AnswerColumn> = names
        .iter()
        .map(|name| AnswerColumn { name: (*name).clone(), is_key: is_key(name) })
        .collect();
    let cell = |value: Option<&Json>| match value {
        None | Some(Json::Null) => Found::Null,
        Some(Json::Number(number)) => Found::Json(number.to_string()),
        Some(Json::String(text)) => Found::Text(text.clone()),
        Some(other) => Found::Text(other.to_string()),
    };
    let rows =
        flat.iter().map(|row| columns.iter().map(|column| cell(row.get(&column.name))).collect());
    Rows { rows: rows.collect(), columns: columns.clone() }
}

/// `period: {start}` becomes `period.start`, a group its dimensions' names, other lists their
/// items' places (`expandedBy.0.share`).
fn flatten(cells: &mut Map<String, Json>, prefix: &str, value: &Json) {
    let path = |name: &str| {
        if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") }
    };
    match value {
        Json::Object(fields) => {
            for (name, value) in fields {
                flatten(cells, &path(name), value);
            }
        }
        Json::Array(items) if items.iter().all(|item| item.get("dimension").is_some()) => {
            for item in items {
                let name = item["dimension"].as_str().unwrap_or_default().to_owned();
                cells.insert(name, item["value"].clone());
            }
        }
        Json::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                flatten(cells, &path(&index.to_string()), item);
            }
        }
        other => {
            cells.insert(prefix.to_owned(), other.clone());
        }
    }
}
