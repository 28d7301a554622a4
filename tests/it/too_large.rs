//! What does not fit its type is an error by name, never another number: whole numbers in
//! expressions, sums and medians of decimals. What does fit is exact to the last digit, worked out
//! by hand.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Decimal128Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use tempfile::TempDir;
use upswell::graphql::{Api, Caller, Format};

use crate::support::tables::write_batch;
use crate::support::{api_of, ask, refused};

const PROJECT: &str = "version: 1\nwarehouse: warehouse\ncanonical_definitions: false\n";
/// 2026-01-10 in microseconds.
const JANUARY_10: i64 = 1_768_003_200_000_000;
const JANUARY: &str = r#"period: {start: "2026-01-01", end: "2026-02-01"}"#;

/// Files of one row each: a name, a whole number and a decimal(38, 0).
fn write_rows(warehouse: &Path, table: &str, rows: &[(&str, i64, i128)]) {
    for (place, (name, whole, wide)) in rows.iter().enumerate() {
        let at = TimestampMicrosecondArray::from(vec![JANUARY_10]).with_timezone("UTC");
        let wide = Decimal128Array::from(vec![*wide]).with_precision_and_scale(38, 0).unwrap();
        let columns: [(&str, ArrayRef); 5] = [
            ("row_id", Arc::new(StringArray::from(vec![format!("{place}")]))),
            ("name", Arc::new(StringArray::from(vec![*name]))),
            ("opened_at", Arc::new(at)),
            ("whole", Arc::new(Int64Array::from(vec![*whole]))),
            ("wide", Arc::new(wide)),
        ];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        write_batch(&warehouse.join(format!("{table}/{place}.parquet")), &batch);
    }
}

const DATASET: &str = r"
datasets:
  - name: numbers
    time: opened_at
    keys: { primary: row_id }
    dimensions:
      - { name: row_name, expr: name }
      - { name: twice_whole, type: int, expr: whole * 2 }
  - name: still
    keys: { primary: row_id }
metrics:
";

/// The project with these metrics, each a line from line 12 on.
fn numbers(rows: &[(&str, i64, i128)], metrics: &[&str]) -> (TempDir, Api) {
    let root = TempDir::new().unwrap();
    for table in ["numbers", "still"] {
        write_rows(&root.path().join("warehouse"), table, rows);
    }
    let metrics: Vec<String> = metrics.iter().map(|line| format!("  - {{ {line} }}\n")).collect();
    let definitions = format!("{DATASET}{}", metrics.concat());
    let api = api_of(root.path(), &[("upswell.yml", PROJECT), ("datasets/d.yml", &definitions)]);
    (root, api)
}

fn aggregate(aggregate: &str, expr: &str) -> String {
    format!("name: m, kind: aggregate, dataset: numbers, aggregate: {aggregate}, expr: '{expr}'")
}

/// The row of a CSV of January: all digits of a number, which JSON does not carry.
async fn digits(api: &Api, select: &str) -> String {
    let pairs = [("select", select), ("start", "2026-01-01"), ("end", "2026-02-01")];
    let parameters = pairs.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let caller = Caller::unrestricted("test", "test");
    let csv = api.export(&parameters, Format::Csv, &caller).await.unwrap();
    String::from_utf8(csv.body.to_vec()).unwrap().lines().nth(1).unwrap().to_owned()
}

async fn refusal(api: &Api, arguments: &str) -> (String, String) {
    refused(api, &format!("{{ metrics({arguments}, {JANUARY}) {{ rows }} }}")).await
}

#[tokio::test]
async fn whole_numbers_that_do_not_fit_are_an_error_by_name() {
    // Each would wrap: 2^63 is the first that 64 bits do not hold, -2^63 the last below.
    for (value, expr) in [
        (i64::MAX, "whole + 1"),
        (i64::MAX, "1 + whole"),
        (i64::MAX, "whole + whole"),
        (i64::MAX, "whole - -1"),
        (i64::MAX, "whole + 9223372036854775807"),
        (i64::MIN, "whole - 1"),
        (i64::MIN, "-whole"),
        (i64::MIN, "-(whole)"),
        (i64::MIN, "whole * -1"),
        (i64::MIN, "abs(whole)"),
        // The square of 3,037,000,500 is 9,223,372,037,000,250,000, above 2^63.
        (3_037_000_500, "whole * whole"),
        (2, "whole * 9223372036854775807"),
        (2, "9223372036854775807 * 2 + whole"),
        // 32 bits end at 2,147,483,647.
        (46_341, "cast(whole as int) * cast(whole as int)"),
        (3, "case when whole > 2 then whole * 9223372036854775807 else 1 end"),
    ] {
        let (_root, api) = numbers(&[("a", value, 0)], &[&aggregate("max", expr)]);
        let wanted = format!(
            "metric `m`: `{expr}` (datasets/d.yml:12) gives a result that is too large for some row \
             of table `numbers`; cast its parts to a wider decimal or to double"
        );
        let found = refusal(&api, "select: [m]").await;
        assert_eq!(found, ("OUT_OF_RANGE".to_owned(), wanted), "{expr}");
    }
}

#[tokio::test]
async fn whole_numbers_that_fit_are_exact() {
    for (value, expr, expected) in [
        (i64::MAX, "whole", "9223372036854775807"),
        (i64::MAX, "whole - 1", "9223372036854775806"),
        (i64::MAX, "-whole", "-9223372036854775807"),
        (i64::MIN, "whole + 1", "-9223372036854775807"),
        (i64::MIN + 1, "abs(whole)", "9223372036854775807"),
        (-7, "abs(whole)", "7"),
        (7, "abs(whole)", "7"),
        // The square of 3,037,000,499 is the largest that fits.
        (3_037_000_499, "whole * whole", "9223372030926249001"),
        (-4_611_686_018_427_387_904, "whole * 2", "-9223372036854775808"),
        (46_341, "whole * whole", "2147488281"),
        (5, "nullif(whole, 5) + 1", ""),
        (5, "whole + null", ""),
        (5, "case when whole > 9 then whole * 9223372036854775807 else 1 end", "1"),
        // Wide enough: the square of 2^63 - 1.
        (
            i64::MAX,
            "cast(whole as decimal(38, 0)) * whole",
            "85070591730234615847396907784232501249",
        ),
        (i64::MAX, "cast(whole as decimal(20, 0)) + 1", "9223372036854775808"),
    ] {
        let (_root, api) = numbers(&[("a", value, 0)], &[&aggregate("max", expr)]);
        assert_eq!(digits(&api, "m").await, expected, "{expr} of {value}");
    }
}

/// Of several expressions the one that failed is named, wherever it stands.
#[tokio::test]
async fn filters_dimensions_and_windows_are_named_too() {
    let rows = [("a", i64::MAX, 1), ("b", 5, 2)];
    let metrics = [
        "name: n, kind: aggregate, dataset: numbers, aggregate: count",
        "name: next, kind: aggregate, dataset: numbers, aggregate: count, filter: whole + 1 > 0",
        "name: up, kind: aggregate, dataset: numbers, aggregate: sum, expr: whole + 1",
        "name: up_so_far, kind: cumulative, of: up, window: all_time",
        "name: up_if_small, kind: aggregate, dataset: numbers, aggregate: sum, expr: whole + 1, filter: whole < 9",
        "name: at_rest, kind: aggregate, dataset: still, aggregate: sum, expr: whole * 3",
    ];
    let (_root, api) = numbers(&rows, &metrics);
    let dimension = "dimension `twice_whole`: `whole * 2` (datasets/d.yml:8)";
    for (arguments, subject, table) in [
        ("select: [next]", "metric `next`: `whole + 1 > 0` (datasets/d.yml:13)", "numbers"),
        ("select: [n, next]", "metric `next`: `whole + 1 > 0` (datasets/d.yml:13)", "numbers"),
        ("select: [up]", "metric `up`: `whole + 1` (datasets/d.yml:14)", "numbers"),
        ("select: [up_so_far]", "metric `up`: `whole + 1` (datasets/d.yml:14)", "numbers"),
        ("select: [at_rest]", "metric `at_rest`: `whole * 3` (datasets/d.yml:17)", "still"),
        ("select: [n], groupBy: [twice_whole]", dimension, "numbers"),
        ("select: [n], where: {twice_whole: {gt: 3}}", dimension, "numbers"),
    ] {
        let (code, message) = refusal(&api, arguments).await;
        let wanted =
            format!("{subject} gives a result that is too large for some row of table `{table}`; ");
        assert!(code == "OUT_OF_RANGE" && message.starts_with(&wanted), "{arguments}: {message}");
    }
    let values = refused(&api, "{ catalog { dimensionValues(dimension: twice_whole) } }").await;
    assert!(values.0 == "OUT_OF_RANGE" && values.1.starts_with(dimension), "{values:?}");
    // 5 + 1.
    assert_eq!(digits(&api, "n,up_if_small").await, "2,6");
}

/// Whole numbers are summed as decimals: 2 * (2^63 - 1) and 2 * -2^63.
#[tokio::test]
async fn sums_of_whole_numbers_are_exact_beyond_64_bits() {
    let sum = aggregate("sum", "whole");
    for (value, expected) in
        [(i64::MAX, "18446744073709551614"), (i64::MIN, "-18446744073709551616")]
    {
        let rows = [("a", value, 0), ("b", value, 0)];
        let mean = "name: mean, kind: aggregate, dataset: numbers, aggregate: average, expr: whole";
        let still = "name: still, kind: aggregate, dataset: still, aggregate: sum, expr: whole";
        let (_root, api) = numbers(&rows, &[&sum, mean, still]);
        assert_eq!(digits(&api, "m,still").await, format!("{expected},{expected}"));
        // JSON carries no such number, and says so.
        assert_eq!(refusal(&api, "select: [m]").await.0, "OUT_OF_RANGE");
        // 2^63 is a double, and the nearest to 2^63 - 1.
        let found = digits(&api, "mean").await.parse::<f64>().unwrap().abs();
        assert_eq!(found, 2f64.powi(63));
    }
}

/// 9 * 10^37, of which 128 bits hold one and not two.
const NINE: i128 = 90_000_000_000_000_000_000_000_000_000_000_000_000;

#[tokio::test]
async fn sums_of_decimals_that_do_not_fit_are_an_error_by_name() {
    let metrics = [
        "name: m, kind: aggregate, dataset: numbers, aggregate: sum, expr: wide",
        "name: finer, kind: aggregate, dataset: numbers, aggregate: sum, expr: 'cast(wide as decimal(38, 0)) * 1'",
        "name: mean, kind: aggregate, dataset: numbers, aggregate: average, expr: wide",
        "name: still, kind: aggregate, dataset: still, aggregate: sum, expr: wide",
        "name: of_a, kind: aggregate, dataset: numbers, aggregate: sum, expr: wide, filter: name = 'a'",
        "name: m_so_far, kind: cumulative, of: m, window: all_time",
        "name: middle, kind: aggregate, dataset: numbers, aggregate: median, expr: wide",
        "name: as_double, kind: aggregate, dataset: numbers, aggregate: sum, expr: cast(wide as double)",
    ];
    for value in [NINE, -NINE] {
        let rows = [("a", 1, value), ("b", 2, value)];
        let (_root, api) = numbers(&rows, &metrics);
        for (select, subject, table) in [
            ("m", "metric `m`: `wide` (datasets/d.yml:12)", "numbers"),
            (
                "finer",
                "metric `finer`: `cast(wide as decimal(38, 0)) * 1` (datasets/d.yml:13)",
                "numbers",
            ),
            ("mean", "metric `mean`: `wide` (datasets/d.yml:14)", "numbers"),
            ("still", "metric `still`: `wide` (datasets/d.yml:15)", "still"),
            ("of_a, m", "metric `m`: `wide` (datasets/d.yml:12)", "numbers"),
            ("m_so_far", "metric `m`: `wide` (datasets/d.yml:12)", "numbers"),
        ] {
            let wanted = format!(
                "{subject} adds up to more than 38 digits over rows of table `{table}`; round it to \
                 fewer places, or cast it to double"
            );
            let found = refusal(&api, &format!("select: [{select}]")).await;
            assert_eq!(found, ("OUT_OF_RANGE".to_owned(), wanted), "{select}");
        }
        // The middle of the two has no 38 digits with a place for a half.
        assert_eq!(refusal(&api, "select: [middle]").await.0, "BAD_DATA");
        assert_eq!(digits(&api, "of_a").await, value.to_string());
        let double: f64 = digits(&api, "as_double").await.parse().unwrap();
        assert_eq!(double.abs(), 1.8e38);
    }
    // What fits is exact, whatever its signs.
    let rows = [("a", 1, NINE), ("b", 2, -NINE + 7), ("c", 3, 5)];
    let (_root, api) = numbers(&rows, &metrics);
    assert_eq!(digits(&api, "m,finer,still,of_a").await, format!("12,12,12,{NINE}"));
    let document = format!("{{ metrics(select: [mean], {JANUARY}) {{ rows }} }}");
    assert_eq!(ask(&api, &document).await["metrics"]["rows"][0]["mean"], 4.0);
}
