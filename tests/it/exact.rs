//! Exact numbers of own aggregates: literals are decimals, and every column says what kind of number
//! it holds, in JSON, CSV and Arrow alike. Numbers are worked out by hand.

use std::collections::BTreeMap;

use arrow::datatypes::DataType;
use arrow::ipc::reader::StreamReader;
use serde_json::json;
use tempfile::TempDir;
use upswell::graphql::{Api, Caller, Format};

use crate::support::desk::{TICKETS, assert_rows, rows, support_desk};
use crate::support::{api_of, ask, warehouse::write_table};

const PROJECT: &str = "version: 1\nwarehouse: warehouse\n";
const JANUARY: &str = r#"period: {start: "2026-01-01", end: "2026-02-01"}"#;

/// Amounts of 0.10, 0.20 and 0.30, a quantity of 3 each, and a float column.
fn dimes(metrics: &str) -> (TempDir, Api) {
    let root = TempDir::new().unwrap();
    write_table(
        &root.path().join("warehouse"),
        "dimes",
        "dime_id,opened_at,amount,quantity\n\
         1,2026-01-02T00:00:00Z,0.10,3\n\
         2,2026-01-03T00:00:00Z,0.20,3\n\
         3,2026-01-04T00:00:00Z,0.30,3",
    );
    let dataset = "datasets:\n  - name: dimes\n    time: opened_at\n    keys: { primary: dime_id }\n    columns: { \
                   dime_id: text, opened_at: timestamp, amount: decimal, quantity: int }\n";
    let files = [("upswell.yml", PROJECT), ("datasets/d.yml", dataset), ("metrics/m.yml", metrics)];
    let api = api_of(root.path(), &files);
    (root, api)
}

#[tokio::test]
async fn numbers_in_expressions_are_exact_decimals() {
    // Summed as doubles the first would be 0.6000000000000001.
    for (expr, expected) in [
        ("amount * 1.0", "0.600"),
        ("case when amount > 0.2 then amount else 0.1 end", "0.50"),
        ("case when amount >= 0.2 then amount else 0.05 end", "0.55"),
        ("amount + 0.005", "0.615"),
        ("-0.1 * amount", "-0.060"),
        ("coalesce(amount, 0.0) - 0.1", "0.30"),
        ("quantity * 0.1", "0.9"),
        ("round(amount * 0.19, 2)", "0.12"),
        ("greatest(amount, 0.25)", "0.80"),
        ("amount * (1 + 0.19)", "0.7140"),
        ("case when amount in (0.1, 0.3) then amount end", "0.40"),
        ("case when amount between 0.15 and 0.25 then 1 else 0 end", "1"),
        // A quotient of columns keeps four places more, and drops the rest.
        ("amount / quantity", "0.199999"),
        // Division by a number, and what has no exact result, stay doubles.
        ("quantity / 0.5", "18.0"),
        ("sqrt(quantity * quantity + 0.0)", "9.0"),
        ("power(amount * 10, 2.0)", "14.0"),
        ("cast(quantity as double) * 0.5", "4.5"),
        ("case when cast(quantity as double) > 2.5 then 1 else 0 end", "3"),
        ("nullif(cast(quantity as double), 0.5)", "9.0"),
    ] {
        let metric = format!(
            "metrics:\n  - {{ name: m, kind: aggregate, dataset: dimes, aggregate: sum, expr: \"{expr}\" }}\n"
        );
        let (_root, api) = dimes(&metric);
        let data = ask(&api, &format!("{{ metrics(select: [m], {JANUARY}) {{ rows }} }}")).await;
        assert_eq!(data["metrics"]["rows"][0]["m"].to_string(), expected, "{expr}");
    }
}

/// The engine would rather add once and multiply by the count.
#[tokio::test]
async fn sums_of_one_column_and_several_numbers_keep_their_places() {
    let metrics: String = [("a", "amount + 0.5"), ("b", "amount + 0.25"), ("c", "quantity + 1")]
        .map(|(name, expr)| {
            format!("  - {{ name: {name}, kind: aggregate, dataset: dimes, aggregate: sum, expr: {expr} }}\n")
        })
        .concat();
    let (_root, api) = dimes(&format!("metrics:\n{metrics}"));
    let data = ask(&api, &format!("{{ metrics(select: [a, b, c], {JANUARY}) {{ rows }} }}")).await;
    // 0.60 + 3 * 0.5, 0.60 + 3 * 0.25 and 9 + 3.
    assert_eq!(data["metrics"]["rows"][0].to_string(), r#"{"a":2.10,"b":1.35,"c":12}"#);
}

#[tokio::test]
async fn filters_compare_with_decimals_exactly() {
    let metrics = r"
metrics:
  - { name: above, kind: aggregate, dataset: dimes, aggregate: count, filter: amount > 0.2 }
  - { name: at, kind: aggregate, dataset: dimes, aggregate: count, filter: amount = 0.3 }
  - { name: times, kind: aggregate, dataset: dimes, aggregate: count, filter: amount * 3 = 0.3 }
  - { name: small, kind: aggregate, dataset: dimes, aggregate: count, filter: amount < 1e20 }
  - { name: large, kind: aggregate, dataset: dimes, aggregate: count, filter: cast(quantity as double) * 1e20 > 0.5 }
";
    let (_root, api) = dimes(metrics);
    let found = rows(&api, &format!("select: [above, at, times, small, large], {JANUARY}")).await;
    assert_rows(&found, "[[1, 1, 1, 3, 3]]");
}

const METRICS: &str = r"
metrics:
  - { name: n, kind: aggregate, dataset: tickets, aggregate: count }
  - { name: n_distinct, kind: aggregate, dataset: tickets, aggregate: count_distinct, expr: amount }
  - { name: items, kind: aggregate, dataset: tickets, aggregate: sum, expr: quantity }
  - { name: most_items, kind: aggregate, dataset: tickets, aggregate: max, expr: quantity }
  - { name: fees, kind: aggregate, dataset: tickets, aggregate: sum, expr: amount }
  - { name: fees_fine, kind: aggregate, dataset: tickets, aggregate: sum, expr: amount * 1.00, filter: quantity > 0 }
  - { name: least_fee, kind: aggregate, dataset: tickets, aggregate: min, expr: amount }
  - { name: roots, kind: aggregate, dataset: tickets, aggregate: sum, expr: sqrt(quantity) }
  - { name: mean_items, kind: aggregate, dataset: tickets, aggregate: average, expr: quantity }
  - { name: middle_fee, kind: aggregate, dataset: tickets, aggregate: median, expr: amount }
  - { name: items_so_far, kind: cumulative, of: items, window: all_time }
  - { name: n_and_items, kind: derived, expr: n + items }
  - { name: twice, kind: derived, expr: n * 2.0 }
  - { name: reopened, kind: conversion, entity: customer, base: { dataset: tickets }, conversion: { dataset: tickets }, within_days: 9 }
";

const NAMES: &str = "n, n_distinct, items, most_items, fees, fees_fine, least_fee, roots, mean_items, \
                     middle_fee, items_so_far, n_and_items, twice, reopened";

/// Name → declared type, JSON text of the first row and the Arrow type.
async fn told(
    api: &Api,
    arguments: &str,
    export: &[(&str, &str)],
) -> BTreeMap<String, [String; 3]> {
    // A median is not split.
    let names = if arguments.contains("csm_id") {
        NAMES.replace("middle_fee, ", "")
    } else {
        NAMES.to_owned()
    };
    let document = format!(
        "{{ metrics(select: [{names}], {arguments}) {{ columns {{ name dataType kind }} rows }} }}"
    );
    let data = ask(api, &document).await["metrics"].clone();
    let mut parameters = vec![("select".to_owned(), names.replace(' ', ""))];
    parameters.extend(export.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
    let caller = Caller::unrestricted("test", "test");
    let arrow = api.export(&parameters, Format::Arrow, &caller).await.unwrap();
    let schema = StreamReader::try_new(arrow.body.as_ref(), None).unwrap().schema();
    let columns = data["columns"].as_array().unwrap().iter();
    columns
        .filter(|column| column["kind"] == "METRIC")
        .map(|column| {
            let name = column["name"].as_str().unwrap();
            let typed = match schema.field_with_name(name).unwrap().data_type() {
                DataType::Int64 => "int".to_owned(),
                DataType::Float64 => "float".to_owned(),
                DataType::Decimal128(38, scale) => format!("decimal {scale}"),
                other => other.to_string(),
            };
            let cell = data["rows"][0][name].to_string();
            (name.to_owned(), [column["dataType"].as_str().unwrap().to_owned(), cell, typed])
        })
        .collect()
}

fn wanted(rows: &[(&str, &str, &str, &str)]) -> BTreeMap<String, [String; 3]> {
    rows.iter()
        .map(|(name, data_type, json, arrow)| {
            ((*name).to_owned(), [*data_type, *json, *arrow].map(str::to_owned))
        })
        .collect()
}

#[tokio::test]
async fn every_column_says_what_kind_of_number_it_holds() {
    let root = support_desk();
    let files = [("upswell.yml", PROJECT), ("datasets/d.yml", TICKETS), ("metrics/m.yml", METRICS)];
    let api = api_of(root.path(), &files);
    let export = [("start", "2026-01-01"), ("end", "2026-02-01")];
    // Quantities 5, 1, 3, 2 and amounts 10.00, 0.05, 1.00, 7.00.
    let roots = 5f64.sqrt() + 1.0 + 3f64.sqrt() + 2f64.sqrt();
    let found = told(&api, JANUARY, &export).await;
    let close: f64 = found["roots"][1].parse().unwrap();
    assert!((close - roots).abs() < 1e-12, "{close}");
    assert_eq!(
        found,
        wanted(&[
            ("n", "int", "4", "int"),
            ("n_distinct", "int", "4", "int"),
            ("items", "int", "11", "int"),
            ("most_items", "int", "5", "int"),
            ("fees", "decimal", "18.05", "decimal 2"),
            ("fees_fine", "decimal", "18.0500", "decimal 4"),
            ("least_fee", "decimal", "0.05", "decimal 2"),
            ("roots", "float", &found["roots"][1], "float"),
            ("mean_items", "float", "2.75", "float"),
            ("middle_fee", "float", "4.0", "float"),
            ("items_so_far", "int", "11", "int"),
            ("n_and_items", "int", "15", "int"),
            ("twice", "decimal", "8.0", "decimal 1"),
            ("reopened", "float", "0.0", "float"),
        ])
    );
}

/// Where nothing happened a sum is a zero of its own type, and so it is in CSV.
#[tokio::test]
async fn sums_of_nothing_have_their_places() {
    let root = support_desk();
    let files = [("upswell.yml", PROJECT), ("datasets/d.yml", TICKETS), ("metrics/m.yml", METRICS)];
    let api = api_of(root.path(), &files);
    let empty = r#"period: {start: "2025-01-01", end: "2025-02-01"}"#;
    let export = [("start", "2025-01-01"), ("end", "2025-02-01")];
    let found = told(&api, empty, &export).await;
    let expected = wanted(&[
        ("n", "int", "0", "int"),
        ("n_distinct", "int", "0", "int"),
        ("items", "int", "0", "int"),
        ("most_items", "int", "null", "int"),
        ("fees", "decimal", "0.00", "decimal 2"),
        ("fees_fine", "decimal", "0.0000", "decimal 4"),
        ("least_fee", "decimal", "null", "decimal 2"),
        ("roots", "float", "0.0", "float"),
        ("mean_items", "float", "null", "float"),
        ("middle_fee", "float", "null", "float"),
        ("items_so_far", "int", "0", "int"),
        ("n_and_items", "int", "0", "int"),
        ("twice", "decimal", "0.0", "decimal 1"),
        ("reopened", "float", "null", "float"),
    ]);
    assert_eq!(found, expected);
    let mut parameters = vec![("select".to_owned(), NAMES.replace(' ', ""))];
    parameters.extend(export.map(|(key, value)| (key.to_owned(), value.to_owned())));
    let caller = Caller::unrestricted("test", "test");
    let csv = api.export(&parameters, Format::Csv, &caller).await.unwrap();
    let csv = String::from_utf8(csv.body.to_vec()).unwrap();
    let line = csv.lines().nth(1).unwrap();
    assert_eq!(line, "0,0,0,,0.00,0.0000,,0.0,,,0,0,0.0,");
}

/// Owners of a row share what adds up: counts and whole sums become decimals, and say so.
#[tokio::test]
async fn what_owners_share_is_decimal() {
    let root = support_desk();
    let files = [("upswell.yml", PROJECT), ("datasets/d.yml", TICKETS), ("metrics/m.yml", METRICS)];
    let api = api_of(root.path(), &files);
    let arguments = format!("{JANUARY}, where: {{csm_id: {{eq: \"m1\"}}}}");
    let filter = r#"{"csm_id": {"eq": "m1"}}"#;
    let export = [("start", "2026-01-01"), ("end", "2026-02-01"), ("where", filter)];
    let found = told(&api, &arguments, &export).await;
    for (name, expected) in [
        ("n", ["decimal", "1.933334", "decimal 6"]),
        ("n_distinct", ["int", "3", "int"]),
        ("items", ["decimal", "6.600000", "decimal 6"]),
        ("most_items", ["int", "5", "int"]),
        ("fees", ["decimal", "10.37", "decimal 2"]),
        ("n_and_items", ["decimal", "8.533334", "decimal 6"]),
        ("items_so_far", ["decimal", "6.600000", "decimal 6"]),
    ] {
        assert_eq!(found[name], expected, "{name}");
    }
    let document = format!(
        "{{ metrics(select: [items, fees], {arguments}, compareTo: [PREVIOUS_PERIOD]) {{ columns {{ name dataType }} }} }}"
    );
    let columns = ask(&api, &document).await["metrics"]["columns"].clone();
    let change = json!({"name": "items__previous_period_change", "dataType": "decimal"});
    assert!(columns.as_array().unwrap().contains(&change), "{columns}");
}
