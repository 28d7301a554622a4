//! Every canonical metric, and those that the README adds by a file, against SQL that was written by
//! hand.
//!
//! A case is a pair in `tests/oracle`: a GraphQL document and the SQL that must give the same rows
//! in the same order, run by an independent `DataFusion` session over the same Parquet files. A
//! column is named as the answer's key; `~` before the name marks an estimate (equal within 1e-12),
//! everything else is equal to the last digit. A comment with a JSON pointer in the document's first
//! line says which list of the answer is meant, else it is the first field's rows.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float64Type};
use arrow::util::display::array_value_to_string;
use datafusion::prelude::{ParquetReadOptions, SessionContext};
use serde_json::Value as Json;
use tempfile::TempDir;
use upswell::graphql::Api;

use crate::support::demo::{demo, flat};
use crate::support::{api_of, ask};

const ESTIMATE: f64 = 1e-12;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle")
}

fn text(file: &str) -> String {
    fs::read_to_string(folder().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// A session that knows the Parquet folders and the shared views, and nothing of ours.
async fn oracle(warehouse: &Path) -> SessionContext {
    let context = SessionContext::new();
    for entry in fs::read_dir(warehouse).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() && !name.starts_with('.') {
            let options = ParquetReadOptions::default();
            context.register_parquet(&name, path.to_str().unwrap(), options).await.unwrap();
        }
    }
    for view in text("views.sql").split(";\n").filter(|view| !view.trim().is_empty()) {
        context.sql(view).await.unwrap_or_else(|error| panic!("{view}\n{error}"));
    }
    context
}

/// What the SQL expects of one cell.
#[derive(Debug)]
enum Expected {
    Null,
    Double(f64),
    /// Decimals without zeros at the end.
    Text(String),
}

fn expected(batch: &RecordBatch, column: usize, row: usize) -> Expected {
    let array = batch.column(column);
    if array.is_null(row) {
        return Expected::Null;
    }
    if array.data_type() == &DataType::Float64 {
        return Expected::Double(array.as_primitive::<Float64Type>().value(row));
    }
    Expected::Text(shortest(&array_value_to_string(array, row).unwrap()))
}

fn shortest(number: &str) -> String {
    if number.contains('.') && number.parse::<f64>().is_ok() {
        return number.trim_end_matches('0').trim_end_matches('.').to_owned();
    }
    number.to_owned()
}

fn agrees(actual: &Json, expected: &Expected, estimate: bool) -> bool {
    match expected {
        Expected::Null => actual.is_null(),
        Expected::Double(wanted) => actual.as_f64().is_some_and(|actual| {
            if estimate { (actual - wanted).abs() <= ESTIMATE } else { actual == *wanted }
        }),
        Expected::Text(wanted) => match actual {
            Json::String(actual) => actual == wanted,
            Json::Number(actual) => shortest(&actual.to_string()) == *wanted,
            Json::Bool(actual) => actual.to_string() == *wanted,
            _ => false,
        },
    }
}

/// Rows of the answer, flat: `period.start`, dimensions by their names.
fn rows(data: &Json, document: &str) -> Vec<BTreeMap<String, Json>> {
    let pointer = document.lines().next().and_then(|line| line.strip_prefix("# "));
    let list = match pointer {
        Some(pointer) => data.pointer(pointer),
        None => data.as_object().unwrap().values().next().map(|field| &field["rows"]),
    };
    list.and_then(Json::as_array).unwrap().iter().map(flat).collect()
}

/// The canonical metrics, and those of the README beside them.
fn with_own_metrics(root: &Path) -> Api {
    let project = "version: 1\nwarehouse: warehouse\n";
    api_of(root, &[("upswell.yml", project), ("metrics/offers.yml", &text("offers.yml"))])
}

/// Compares one case; gives how many cells were compared.
async fn compare(case: &str, root: &TempDir) -> usize {
    let context = oracle(&root.path().join("warehouse")).await;
    let document = text(&format!("{case}.graphql"));
    let actual = rows(&ask(&with_own_metrics(root.path()), &document).await, &document);
    let sql = text(&format!("{case}.sql"));
    let batches = context
        .sql(&sql)
        .await
        .unwrap_or_else(|error| panic!("{case}: {error}"))
        .collect()
        .await
        .unwrap_or_else(|error| panic!("{case}: {error}"));
    let mut place = 0;
    for batch in &batches {
        for row in 0..batch.num_rows() {
            let given =
                actual.get(place).unwrap_or_else(|| panic!("{case}: row {place} is missing"));
            let schema = batch.schema();
            assert_eq!(given.len(), schema.fields().len(), "{case}: columns differ: {given:?}");
            for (column, field) in schema.fields().iter().enumerate() {
                let name = field.name().trim_start_matches('~');
                let wanted = expected(batch, column, row);
                let estimate = field.name().starts_with('~');
                let cell = given.get(name).unwrap_or_else(|| panic!("{case}: no `{name}`"));
                assert!(
                    agrees(cell, &wanted, estimate),
                    "{case}, row {place}, {name}: {cell} instead of {wanted:?}\n{given:?}"
                );
            }
            place += 1;
        }
    }
    assert_eq!(place, actual.len(), "{case}: rows that the SQL does not have");
    place * actual.first().map_or(0, BTreeMap::len)
}

macro_rules! cases {
    ($($name:ident),* $(,)?) => {
        const CASES: &[&str] = &[$(stringify!($name)),*];
        $(#[tokio::test]
        async fn $name() {
            let root = demo(300, 18, 7);
            let cells = compare(stringify!($name), &root).await;
            assert!(cells > 0, "nothing was compared");
        })*
    };
}

cases!(
    attach_by_customer,
    attach_by_order,
    attach_within_days,
    balances,
    books,
    credited_at_event,
    credited_at_start,
    credited_by_offer,
    credited_current,
    credited_flat,
    expanded_by,
    expansion_by_type,
    movements,
    own_accepted,
    own_metrics,
    rates,
    retention_by_segment,
    retention_endpoint,
    retention_ledger,
    retention_lines,
    retention_lines_endpoint,
    retention_trailing,
    retention_trailing_endpoint,
    retention_where,
    survival_curve,
    time_to_expansion,
    variants,
    variants_chained,
    variants_lines,
);

#[test]
fn every_oracle_is_a_test() {
    let mut files: Vec<String> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "graphql"))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    files.sort();
    assert_eq!(files, CASES);
}
