//! Values and names that other tools write and few expect: lists, times of day, bytes that are no
//! text, floats that are no numbers, columns without a type, names that begin like `true`.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, Float64Array, ListArray, NullArray, RecordBatch, StringArray,
    Time64MicrosecondArray, TimestampMicrosecondArray,
};
use arrow::datatypes::Int64Type;
use serde_json::json;
use tempfile::TempDir;
use upswell::graphql::Api;

use crate::support::tables::write_batch;
use crate::support::{api_of, ask, execute, refused};

const PROJECT: &str = "version: 1\nwarehouse: warehouse\ncanonical_definitions: false\n";
/// 2026-01-10 in microseconds.
const JANUARY_10: i64 = 1_768_003_200_000_000;
const JANUARY: &str = r#"period: {start: "2026-01-01", end: "2026-02-01"}"#;

const DEFINITIONS: &str = r"
datasets:
  - name: odd
    time: at
    keys: { primary: row_id }
    dimensions:
      - { name: of_list, expr: list }
      - { name: of_hour, expr: hour }
      - { name: of_number, type: float, expr: number }
      - { name: of_bytes, expr: bytes }
      - { name: null_reason, expr: row_id }
metrics:
  - { name: n, kind: aggregate, dataset: odd, aggregate: count }
  - { name: numbers, kind: aggregate, dataset: odd, aggregate: count_distinct, expr: number }
  - { name: nothing, kind: aggregate, dataset: odd, aggregate: sum, expr: untyped }
  - { name: nothing_on_average, kind: aggregate, dataset: odd, aggregate: average, expr: untyped }
  - { name: bytes, kind: aggregate, dataset: odd, aggregate: count, expr: bytes }
  - { name: true_up, kind: aggregate, dataset: odd, aggregate: count }
  - { name: falsely_counted, kind: aggregate, dataset: odd, aggregate: count }
";

fn write_odd(root: &Path) {
    let at = TimestampMicrosecondArray::from(vec![JANUARY_10; 7]).with_timezone("UTC");
    let numbers = [Some(0.0), Some(-0.0), Some(f64::NAN), Some(f64::INFINITY), None, Some(1.5)];
    let numbers: Float64Array = numbers.into_iter().chain([Some(f64::NEG_INFINITY)]).collect();
    let list = |value| Some(vec![Some(value)]);
    let lists = ListArray::from_iter_primitive::<Int64Type, _, _>((0..7).map(list));
    let bytes: Vec<&[u8]> = vec![b"a", b"b", b"\xff", b"", b"e", b"f", b"g"];
    let columns: [(&str, ArrayRef); 7] = [
        ("row_id", Arc::new(StringArray::from_iter_values((0..7).map(|row| row.to_string())))),
        ("at", Arc::new(at)),
        ("number", Arc::new(numbers)),
        ("list", Arc::new(lists)),
        ("hour", Arc::new(Time64MicrosecondArray::from(vec![3_600_000_000; 7]))),
        ("bytes", Arc::new(BinaryArray::from(bytes))),
        ("untyped", Arc::new(NullArray::new(7))),
    ];
    let batch = RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, column)| (name, column, true)),
    );
    write_batch(&root.join("warehouse/odd/a.parquet"), &batch.unwrap());
}

fn odd() -> (TempDir, Api) {
    let root = TempDir::new().unwrap();
    write_odd(root.path());
    let api = api_of(root.path(), &[("upswell.yml", PROJECT), ("datasets/d.yml", DEFINITIONS)]);
    (root, api)
}

/// Rows of a group that no answer can write would be written over each other.
#[tokio::test]
async fn groups_are_texts_numbers_days_or_instants() {
    let (_root, api) = odd();
    for (name, column, line) in [("of_list", "list", 7), ("of_hour", "hour", 8)] {
        let wanted = format!(
            "dimension `{name}`: `{column}` (datasets/d.yml:{line}) gives no text, number, day or \
             instant for a row of table `odd`; cast it to one of them"
        );
        for document in [
            format!("{{ metrics(select: [n], {JANUARY}, groupBy: [{name}]) {{ rows }} }}"),
            format!("{{ catalog {{ dimensionValues(dimension: {name}) }} }}"),
        ] {
            let found = refused(&api, &document).await;
            assert_eq!(found, ("BAD_DATA".to_owned(), wanted.clone()), "{document}");
        }
    }
}

/// Neither NaN nor an infinity is a number: they are the group without one. Zero is one number.
#[tokio::test]
async fn groups_of_floats_add_up() {
    let (_root, api) = odd();
    let document = format!(
        "{{ metrics(select: [n], {JANUARY}, groupBy: [of_number]) {{ rows }}
           zero: metrics(select: [n], {JANUARY}, where: {{of_number: {{eq: 0}}}}) {{ rows }}
           none: metrics(select: [n], {JANUARY}, where: {{of_number: {{isNull: true}}}}) {{ rows }}
           distinct: metrics(select: [numbers], {JANUARY}) {{ rows }}
           catalog {{ dimensionValues(dimension: of_number) }} }}"
    );
    let data = ask(&api, &document).await;
    let groups = json!([
        {"of_number": 0.0, "n": 2}, {"of_number": 1.5, "n": 1}, {"of_number": null, "n": 4}
    ]);
    assert_eq!(data["metrics"]["rows"], groups);
    assert_eq!(data["zero"]["rows"], json!([{"n": 2}]));
    assert_eq!(data["none"]["rows"], json!([{"n": 4}]));
    // 0, 1.5, NaN and two infinities.
    assert_eq!(data["distinct"]["rows"], json!([{"numbers": 5}]));
    assert_eq!(data["catalog"]["dimensionValues"], json!([0.0, 1.5]));
}

#[tokio::test]
async fn a_column_without_a_type_holds_nothing() {
    let (_root, api) = odd();
    let select = "select: [nothing, nothing_on_average]";
    let data = ask(&api, &format!("{{ metrics({select}, {JANUARY}) {{ rows }} }}")).await;
    let row = json!([{"nothing": 0, "nothing_on_average": null}]);
    assert_eq!(data["metrics"]["rows"], row);
}

#[tokio::test]
async fn bytes_that_are_no_text_are_damage() {
    let (_root, api) = odd();
    let wanted = ("BAD_DATA".to_owned(), "table `odd`: file `a.parquet` is damaged".to_owned());
    for arguments in ["select: [bytes]", "select: [n], groupBy: [of_bytes]"] {
        let document = format!("{{ metrics({arguments}, {JANUARY}) {{ rows }} }}");
        assert_eq!(refused(&api, &document).await, wanted, "{arguments}");
    }
}

/// The parser of documents reads `true` and `_up`.
#[tokio::test]
async fn names_may_begin_like_true_false_and_null() {
    let (_root, api) = odd();
    let document = format!(
        "query ($more: [MetricName!]! = [true_up, falsely_counted]) {{
           metrics(select: [true_up, falsely_counted], {JANUARY}, groupBy: [null_reason], limit: 1,
             orderBy: [{{by: \"true_up\"}}]) {{ rows }}
           more: metrics(select: $more, {JANUARY}, sparse: true) {{ rows }}
           catalog {{ metric(name: true_up) {{ name }} dimensionValues(dimension: null_reason, limit: 2) }} }}"
    );
    let response = execute(&api, &document).await;
    let wanted = json!({
        "metrics": {"rows": [{"null_reason": "0", "true_up": 1, "falsely_counted": 1}]},
        "more": {"rows": [{"true_up": 7, "falsely_counted": 7}]},
        "catalog": {"metric": {"name": "true_up"}, "dimensionValues": ["0", "1"]},
    });
    assert_eq!(response, json!({"data": wanted}), "{response:#}");
    // Who means another name is told so by it.
    let (_, message) =
        refused(&api, &format!("{{ metrics(select: [true_upp], {JANUARY}) {{ rows }} }}")).await;
    assert!(message.contains("`true_upp`") && message.contains("`true_up`"), "{message}");
}
