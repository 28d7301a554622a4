//! Folders as companies have them: files that differ, lack columns, hold no rows, or are none.

use arrow::array::{Date32Array, Float64Array, Int64Array, StringArray, TimestampMicrosecondArray};
use chrono::NaiveDate;
use datafusion::functions_aggregate::expr_fn::count;
use datafusion::prelude::{DataFrame, JoinType, col, lit};
use datafusion::scalar::ScalarValue;

use super::*;
use crate::error::ErrorCode;
use crate::values::Instant;

fn ids(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

fn numbers(values: &[i64]) -> ArrayRef {
    Arc::new(Int64Array::from(values.to_vec()))
}

#[tokio::test]
async fn files_may_differ_in_order_extra_and_optional_columns() {
    let mut seats = column("seats", ColumnType::Int);
    seats.optional = true;
    let mut note = column("note", ColumnType::Text);
    note.optional = true;
    let warehouse =
        Warehouse::new().declare(dataset("t", [column("id", ColumnType::Text), seats, note]));
    warehouse.write("t/a.parquet", &[("id", ids(&["a"])), ("seats", numbers(&[1]))]);
    warehouse.write("t/x/b.parquet", &[("extra", numbers(&[9])), ("id", ids(&["b"]))]);
    warehouse.write("t/c.PARQ", &[("seats", numbers(&[3])), ("id", ids(&["c"]))]);
    warehouse.write("t/_temporary/d.parquet", &[("id", ids(&["d"]))]);
    warehouse.place("t/_SUCCESS", b"");
    let catalog = warehouse.open();
    assert_eq!(
        read(&catalog, "t", &["id", "seats", "note"]).await,
        ["a|1|null", "b|null|null", "c|3|null"]
    );
    let table = snapshot(&catalog, "t").await.unwrap();
    let paths: Vec<&str> = table.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!((paths, table.rows), (vec!["a.parquet", "c.PARQ", "x/b.parquet"], 3));
}

#[tokio::test]
async fn a_missing_column_names_the_nearest_found_one() {
    let mut amount = column("amount", ColumnType::Int);
    amount.in_files = "mrr_delta".to_owned();
    let warehouse = Warehouse::new().declare(dataset("mrr_movements", [amount]));
    warehouse.write("mrr_movements/a.parquet", &[("mrr_delta", numbers(&[1]))]);
    warehouse.write("mrr_movements/b.parquet", &[("mrr_dleta", numbers(&[1]))]);
    let error = snapshot(&warehouse.open(), "mrr_movements").await.unwrap_err();
    assert_eq!(error.code, ErrorCode::BadData);
    assert_eq!(
        error.message,
        "table `mrr_movements`: column `amount` is missing: file `b.parquet` has no column \
         `mrr_delta`. Did you mean `mrr_dleta`? Another name is mapped under \
         `canonical.mrr_movements.columns`."
    );
}

#[tokio::test]
async fn a_folder_without_files_is_unavailable_and_parquet_without_rows_is_empty() {
    let id = || [column("id", ColumnType::Text)];
    let warehouse = Warehouse::new()
        .declare(dataset("missing", id()))
        .declare(dataset("hollow", id()))
        .declare(dataset("empty", id()));
    warehouse.place("hollow/readme.txt", b"nothing here");
    warehouse.write("empty/a.parquet", &[("id", ids(&[]))]);
    let catalog = warehouse.open();
    // They ship, under their own names: yours may have others.
    let told = |name: &str| {
        format!(
            "table folder `{name}` holds no Parquet files; if yours has another name, map it in \
             upswell.yml: `canonical: {{ {name}: {{ table: … }} }}`"
        )
    };
    for name in ["missing", "hollow"] {
        let error = snapshot(&catalog, name).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::Unavailable);
        assert_eq!(error.message, told(name));
    }
    assert_eq!(snapshot(&catalog, "empty").await.unwrap().rows, 0);
    assert!(read(&catalog, "empty", &["id"]).await.is_empty());

    let all: Vec<DatasetName> = ["missing", "hollow", "empty"].map(DatasetName::new).into();
    let reports = catalog.view(&all).await.statuses();
    let available: Vec<_> = reports.iter().map(|r| (r.dataset.as_str(), r.available)).collect();
    assert_eq!(available, [("empty", true), ("hollow", false), ("missing", false)]);
    assert_eq!((reports[0].files, reports[0].rows), (Some(1), Some(0)));
    assert_eq!(reports[1].problem, Some(told("hollow")));
}

#[tokio::test]
async fn months_prune_files_a_month_wider_on_each_side() {
    let mut declared = dataset("t", [column("id", ColumnType::Text)]);
    declared.partition = Some("occurred_month".to_owned());
    let warehouse = Warehouse::new().declare(declared);
    for month in 1..=8 {
        let path = format!("t/occurred_month=2024-{month:02}/a.parquet");
        warehouse.write(&path, &[("id", ids(&[&format!("{month}")]))]);
    }
    warehouse.write("t/late/b.parquet", &[("id", ids(&["late"]))]);
    let catalog = warehouse.open();
    let table = snapshot(&catalog, "t").await.unwrap();
    let day = |month, day| NaiveDate::from_ymd_opt(2024, month, day).unwrap();
    let before = catalog.read_count();
    let plan = table.scan(&names(&["id"]), Some((day(4, 15), day(5, 1)))).unwrap();
    let found = rows(&run(&catalog, plan).await.unwrap());
    assert_eq!(found, ["3", "4", "5", "6", "late"]);
    // One read per file left: its only column; footers are known.
    assert_eq!(catalog.read_count().requests - before.requests, 5);

    let long_ago = NaiveDate::from_ymd_opt(1999, 1, 1).unwrap();
    let plan = table.scan(&names(&["id"]), Some((long_ago, long_ago))).unwrap();
    assert_eq!(rows(&run(&catalog, plan).await.unwrap()), ["late"]);
}

const DAY: i64 = 86_400_000_000;

/// Ten days in row groups of one day each, times in the given type.
fn ten_days(warehouse: &Warehouse, times: &dyn Fn(Vec<i64>) -> ArrayRef) {
    let at: Vec<i64> = (0..1000).map(|row| row * DAY / 100).collect();
    let values = numbers(&(0..1000).collect::<Vec<_>>());
    let path = warehouse.dir.path().join("t/a.parquet");
    write_parquet(&path, &[("at", times(at)), ("n", values)], 100);
}

/// Rows found in `[from, to)` and bytes read for them.
async fn between(catalog: &Catalog, from: i64, to: i64) -> (usize, u64) {
    let table = snapshot(catalog, "t").await.unwrap();
    let at = |value| lit(ScalarValue::TimestampMicrosecond(Some(value), None));
    let plan = table.scan(&names(&["at", "n"]), None).unwrap();
    let before = catalog.read_count().bytes;
    let frame = DataFrame::new(context(catalog).state(), plan)
        .filter(col("at").gt_eq(at(from)).and(col("at").lt(at(to))))
        .unwrap();
    let found = run_frame(frame).await.unwrap().iter().map(RecordBatch::num_rows).sum();
    (found, catalog.read_count().bytes - before)
}

#[tokio::test]
async fn conditions_on_time_prune_row_groups_whatever_the_unit() {
    use arrow::array::{TimestampMillisecondArray, TimestampNanosecondArray};
    let micros = |at: Vec<i64>| Arc::new(TimestampMicrosecondArray::from(at)) as ArrayRef;
    let nanos = |at: Vec<i64>| {
        let at: Vec<i64> = at.iter().map(|at| at * 1000).collect();
        Arc::new(TimestampNanosecondArray::from(at).with_timezone("UTC")) as ArrayRef
    };
    let millis = |at: Vec<i64>| {
        let at: Vec<i64> = at.iter().map(|at| at / 1000).collect();
        Arc::new(TimestampMillisecondArray::from(at)) as ArrayRef
    };
    let days = |at: Vec<i64>| {
        let days: Vec<i32> = at.iter().map(|at| i32::try_from(at / DAY).unwrap()).collect();
        Arc::new(Date32Array::from(days)) as ArrayRef
    };
    let cases: [&dyn Fn(Vec<i64>) -> ArrayRef; 4] = [&micros, &nanos, &millis, &days];
    for times in cases {
        let warehouse = Warehouse::new().declare(dataset(
            "t",
            [column("at", ColumnType::Timestamp), column("n", ColumnType::Int)],
        ));
        ten_days(&warehouse, times);
        let catalog = warehouse.open();
        let (all, everything) = between(&catalog, 0, 10 * DAY).await;
        let (some, little) = between(&catalog, 3 * DAY, 4 * DAY).await;
        assert_eq!((all, some), (1000, 100));
        assert!(little * 5 < everything, "{little} of {everything} bytes");
        let (none, nothing) = between(&catalog, 20 * DAY, 30 * DAY).await;
        assert_eq!((none, nothing), (0, 0));
    }
}

#[tokio::test]
async fn footers_tell_the_range_of_a_time_column() {
    let declared = || [column("at", ColumnType::Timestamp), column("n", ColumnType::Int)];
    let warehouse = Warehouse::new().declare(dataset("t", declared()));
    ten_days(&warehouse, &|at| Arc::new(TimestampMicrosecondArray::from(at)));
    let nothing: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![None, None]));
    warehouse.write("t/b.parquet", &[("at", nothing), ("n", numbers(&[1, 2]))]);
    let table = snapshot(&warehouse.open(), "t").await.unwrap();
    let range = table.time_range(&ColumnName::new("at"));
    assert_eq!(range, Some((Instant(0), Instant(999 * DAY / 100))));
    assert_eq!(table.time_range(&ColumnName::new("n")), None);
}

#[tokio::test]
async fn keys_of_different_kinds_of_files_join() {
    // A join hands its keys down into the other scan as a filter, through the conversions.
    let declared =
        |name: &str| dataset(name, [column("id", ColumnType::Text), column("n", ColumnType::Int)]);
    let warehouse = Warehouse::new().declare(declared("left")).declare(declared("right"));
    let some: Vec<i64> = (0..500).map(|n| n * 7).collect();
    let texts: Vec<String> = (0..2000).map(|n| n.to_string()).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    warehouse.write("left/a.parquet", &[("id", numbers(&some)), ("n", numbers(&some))]);
    let all: Vec<i64> = (0..2000).collect();
    warehouse
        .write("right/a.parquet", &[("id", ids(&texts[..1000])), ("n", numbers(&all[..1000]))]);
    warehouse
        .write("right/b.parquet", &[("id", numbers(&all[1000..])), ("n", numbers(&all[1000..]))]);
    let catalog = warehouse.open();
    let state = context(&catalog).state();
    let mut frames = Vec::new();
    for (table, key, n) in [("left", "a", "an"), ("right", "b", "bn")] {
        let plan =
            snapshot(&catalog, table).await.unwrap().scan(&names(&["id", "n"]), None).unwrap();
        let columns = vec![col("id").alias(key), col("n").alias(n)];
        frames.push(DataFrame::new(state.clone(), plan).select(columns).unwrap());
    }
    let [left, right] = <[DataFrame; 2]>::try_from(frames).unwrap();
    let joined =
        left.join(right, JoinType::Inner, &["a"], &["b"], Some(col("bn").gt_eq(lit(700)))).unwrap();
    let found = rows(&run_frame(joined).await.unwrap());
    let mut expected: Vec<String> =
        (100..286).map(|n| n * 7).map(|n| format!("{n}|{n}|{n}|{n}")).collect();
    expected.sort();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn counting_needs_no_column_and_dictionaries_filter() {
    let warehouse = Warehouse::new()
        .declare(dataset("t", [column("id", ColumnType::Text), column("x", ColumnType::Float)]));
    let x: ArrayRef = Arc::new(Float64Array::from(vec![1.0, 2.0, 3.0]));
    warehouse.write("t/a.parquet", &[("id", ids(&["a", "b", "a"])), ("x", x)]);
    let catalog = warehouse.open();
    let table = snapshot(&catalog, "t").await.unwrap();
    let plan = table.scan(&names(&["id", "x"]), None).unwrap();
    let frame = DataFrame::new(context(&catalog).state(), plan);
    let counted = frame.clone().aggregate(vec![], vec![count(lit(1))]).unwrap();
    assert_eq!(rows(&counted.collect().await.unwrap()), ["3"]);
    let filtered = frame.filter(col("id").eq(lit("a"))).unwrap().select(vec![col("x")]).unwrap();
    assert_eq!(rows(&filtered.collect().await.unwrap()), ["1.0", "3.0"]);
}
