//! Every type that files may have under every type that a dataset may declare.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Date32Array, Date64Array, Decimal128Array,
    Decimal256Array, DictionaryArray, Float32Array, Float64Array, Int16Array, Int32Array,
    Int64Array, LargeStringArray, ListArray, StringArray, StringViewArray,
    TimestampMicrosecondArray, TimestampMillisecondArray, TimestampNanosecondArray,
    TimestampSecondArray, UInt64Array,
};
use arrow::datatypes::{DataType, Int8Type, Int32Type, TimeUnit, i256};
use datafusion::prelude::{DataFrame, col, lit};

use super::*;
use crate::error::ErrorCode;

/// The values of one column, one file per array, in the order given.
async fn deliver(
    declared: Column,
    files: &[ArrayRef],
) -> Result<(DataType, Vec<String>), ApiError> {
    deliver_in(Warehouse::new(), declared, files).await
}

async fn deliver_in(
    warehouse: Warehouse,
    declared: Column,
    files: &[ArrayRef],
) -> Result<(DataType, Vec<String>), ApiError> {
    let warehouse = warehouse.declare(dataset("t", [declared]));
    for (index, array) in files.iter().enumerate() {
        warehouse.write(&format!("t/{index}.parquet"), &[("c", array.clone())]);
    }
    let catalog = warehouse.open();
    let table = snapshot(&catalog, "t").await?;
    let data_type = table.column_type(&ColumnName::new("c")).unwrap().clone();
    let plan = table.scan(&names(&["c"]), None)?;
    match run(&catalog, plan).await {
        Ok(batches) => {
            assert!(batches.iter().all(|batch| *batch.column(0).data_type() == data_type));
            Ok((data_type, rows(&batches)))
        }
        Err(error) => Err(catalog.diagnose(&error, &[&table]).await),
    }
}

fn array<T: Array + 'static>(array: T) -> ArrayRef {
    Arc::new(array)
}

fn text() -> DataType {
    DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
}

fn micros() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, None)
}

#[tokio::test]
async fn text_of_every_encoding_arrives_as_one_dictionary() {
    let narrow: DictionaryArray<Int8Type> = vec!["core", "add_on"].into_iter().collect();
    let files = [
        array(StringArray::from(vec![Some("plain"), None])),
        array(LargeStringArray::from(vec!["large"])),
        array(StringViewArray::from(vec!["a string view that does not fit inline"])),
        array(narrow),
        array(BinaryArray::from_vec(vec![b"bytes"])),
        array(Int64Array::from(vec![-42])),
        array(Decimal128Array::from(vec![7]).with_precision_and_scale(38, 0).unwrap()),
    ];
    let (data_type, values) = deliver(column("c", ColumnType::Text), &files).await.unwrap();
    assert_eq!(data_type, text());
    let expected = [
        "-42",
        "7",
        "a string view that does not fit inline",
        "add_on",
        "bytes",
        "core",
        "large",
        "null",
        "plain",
    ];
    assert_eq!(values, expected);
}

#[tokio::test]
async fn dictionaries_of_the_files_pass_through_undecoded() {
    let warehouse = Warehouse::new().declare(dataset("t", [column("c", ColumnType::Text)]));
    let values: StringArray = (0..10_000).map(|row| Some(["a", "b", "c"][row % 3])).collect();
    warehouse.write("t/0.parquet", &[("c", array(values))]);
    let catalog = warehouse.open();
    let table = snapshot(&catalog, "t").await.unwrap();
    let batches = run(&catalog, table.scan(&names(&["c"]), None).unwrap()).await.unwrap();
    for batch in &batches {
        assert_eq!(batch.column(0).as_dictionary::<Int32Type>().values().len(), 3);
    }
}

#[tokio::test]
async fn mapped_values_and_names_are_ours() {
    let mut movement = column("movement", ColumnType::Text);
    movement.in_files = "change_class".to_owned();
    movement.values = [("upgrade", "expansion"), ("cancelled", "churn"), ("1", "new")]
        .map(|(theirs, ours)| (theirs.to_owned(), ours.to_owned()))
        .into();
    let mut class = column("change_class", ColumnType::Int);
    class.in_files = "movement".to_owned();
    let warehouse = Warehouse::new().declare(dataset("t", [movement, class]));
    let classes = ["upgrade", "cancelled", "expansion", "other"];
    warehouse.write(
        "t/a.parquet",
        &[
            ("movement", array(Int32Array::from(vec![1, 2, 3, 4]))),
            ("change_class", array(StringArray::from(classes.to_vec()))),
        ],
    );
    warehouse.write(
        "t/b.parquet",
        &[
            ("change_class", array(Int32Array::from(vec![1]))),
            ("movement", array(Int64Array::from(vec![5]))),
        ],
    );
    let catalog = warehouse.open();
    let expected = ["churn|2", "expansion|1", "expansion|3", "new|5", "other|4"];
    assert_eq!(read(&catalog, "t", &["movement", "change_class"]).await, expected);
    assert_eq!(read(&catalog, "t", &["change_class", "movement"]).await[0], "1|expansion");

    // Two entries of a mapped dictionary may hold one value: they are one group and one filter.
    let table = snapshot(&catalog, "t").await.unwrap();
    let plan = table.scan(&names(&["movement"]), None).unwrap();
    let frame = DataFrame::new(context(&catalog).state(), plan);
    let grouped = frame.clone().distinct().unwrap().collect().await.unwrap();
    assert_eq!(rows(&grouped), ["churn", "expansion", "new", "other"]);
    let filtered = frame.filter(col("movement").eq(lit("expansion"))).unwrap();
    assert_eq!(filtered.count().await.unwrap(), 2);
}

#[tokio::test]
async fn integers_of_every_width_arrive_as_bigint() {
    let files = [
        array(Int16Array::from(vec![Some(-3), None])),
        array(UInt64Array::from(vec![9_000_000_000])),
        array(Decimal128Array::from(vec![5]).with_precision_and_scale(38, 0).unwrap()),
    ];
    let (data_type, values) = deliver(column("c", ColumnType::Int), &files).await.unwrap();
    assert_eq!(
        (data_type, values),
        (DataType::Int64, ["-3", "5", "9000000000", "null"].map(String::from).into())
    );

    let error = deliver(column("c", ColumnType::Int), &[array(UInt64Array::from(vec![u64::MAX]))])
        .await
        .unwrap_err();
    assert_eq!(error.code, ErrorCode::BadData);
    assert_eq!(
        error.message,
        "table `t`: file `0.parquet` holds values that column `c` cannot hold"
    );
}

#[tokio::test]
async fn decimals_keep_the_widest_scale() {
    let files = [
        array(
            Decimal128Array::from(vec![Some(1050), None]).with_precision_and_scale(18, 2).unwrap(),
        ),
        array(Decimal128Array::from(vec![12345]).with_precision_and_scale(9, 4).unwrap()),
        array(Decimal256Array::from(vec![i256::from(-7)]).with_precision_and_scale(60, 0).unwrap()),
    ];
    let declared = column("c", ColumnType::Decimal { scale: 2 });
    let (data_type, values) = deliver(declared.clone(), &files).await.unwrap();
    assert_eq!(data_type, DataType::Decimal128(38, 4));
    assert_eq!(values, ["-7.0000", "1.2345", "10.5000", "null"]);

    let huge = i256::from_i128(i128::MAX);
    let huge = array(Decimal256Array::from(vec![huge]).with_precision_and_scale(60, 0).unwrap());
    assert_eq!(deliver(declared, &[huge]).await.unwrap_err().code, ErrorCode::BadData);
}

#[tokio::test]
async fn integers_are_money_only_in_minor_units() {
    let cents = || array(Int32Array::from(vec![Some(-1999), None, Some(5)]));
    let mut declared = column("c", ColumnType::Decimal { scale: 2 });
    let error = deliver(declared.clone(), &[cents()]).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::BadData);
    assert!(error.message.contains("declare `minor_units`"), "{error}");

    declared.minor_units = Some(2);
    let (_, values) = deliver(declared.clone(), &[cents()]).await.unwrap();
    assert_eq!(values, ["-19.99", "0.05", "null"]);
    declared.minor_units = Some(3);
    let (data_type, values) = deliver(declared, &[cents()]).await.unwrap();
    assert_eq!((data_type, values[0].as_str()), (DataType::Decimal128(38, 3), "-1.999"));
}

#[tokio::test]
async fn floats_are_rounded_once_and_noted() {
    let declared = column("c", ColumnType::Decimal { scale: 2 });
    let doubles = vec![Some(19.99), Some(0.1 + 0.2), Some(-0.125), Some(f64::NAN), None];
    let files = [array(Float64Array::from(doubles)), array(Float32Array::from(vec![0.1]))];
    let (_, values) = deliver(declared.clone(), &files).await.unwrap();
    assert_eq!(values, ["-0.13", "0.10", "0.30", "19.99", "null", "null"]);

    let warehouse = Warehouse::new().declare(dataset("t", [declared.clone()]));
    warehouse.write("t/a.parquet", &[("c", files[0].clone())]);
    let table = snapshot(&warehouse.open(), "t").await.unwrap();
    assert_eq!(
        table.notes,
        ["table `t`: column `c` holds floating-point numbers (file `a.parquet`); each is rounded \
          once, to 2 decimals"]
    );

    assert_eq!(table.rounded_to(&ColumnName::new("c")), Some(2));
    assert_eq!(table.rounded_to(&ColumnName::new("d")), None);

    let infinite = array(Float64Array::from(vec![f64::INFINITY]));
    assert_eq!(deliver(declared, &[infinite]).await.unwrap_err().code, ErrorCode::BadData);
}

#[tokio::test]
async fn floats_booleans_and_dates() {
    let files = [array(Int32Array::from(vec![2])), array(Float32Array::from(vec![0.5]))];
    let (data_type, values) = deliver(column("c", ColumnType::Float), &files).await.unwrap();
    assert_eq!((data_type, values), (DataType::Float64, vec!["0.5".to_owned(), "2.0".to_owned()]));

    let files = [array(BooleanArray::from(vec![Some(true), None]))];
    let (_, values) = deliver(column("c", ColumnType::Bool), &files).await.unwrap();
    assert_eq!(values, ["null", "true"]);

    let berlin_midnight = 1_704_063_600; // 2024-01-01T00:00+01:00, the day before in UTC
    let files = [
        array(Date32Array::from(vec![-1])),
        array(Date64Array::from(vec![86_400_000])),
        array(TimestampMicrosecondArray::from(vec![-1])),
        array(TimestampSecondArray::from(vec![berlin_midnight]).with_timezone("UTC")),
        array(TimestampSecondArray::from(vec![berlin_midnight]).with_timezone("Europe/Berlin")),
    ];
    let (data_type, values) = deliver(column("c", ColumnType::Date), &files).await.unwrap();
    assert_eq!(data_type, DataType::Date32);
    assert_eq!(values, ["1969-12-31", "1969-12-31", "1970-01-02", "2023-12-31", "2024-01-01"]);
}

#[tokio::test]
async fn instants_of_every_unit_and_zone_are_utc_microseconds_floored() {
    let files = [
        array(TimestampSecondArray::from(vec![Some(-1), None])),
        array(TimestampMillisecondArray::from(vec![-1]).with_timezone("America/New_York")),
        array(TimestampMicrosecondArray::from(vec![-1]).with_timezone("+05:30")),
        array(TimestampNanosecondArray::from(vec![-1, 1_999])),
    ];
    let (data_type, values) = deliver(column("c", ColumnType::Timestamp), &files).await.unwrap();
    assert_eq!(data_type, micros());
    let expected = [
        "1969-12-31T23:59:59",
        "1969-12-31T23:59:59.999",
        "1969-12-31T23:59:59.999999",
        "1969-12-31T23:59:59.999999",
        "1970-01-01T00:00:00.000001",
        "null",
    ];
    assert_eq!(values, expected);
}

#[tokio::test]
async fn dates_stand_for_midnights_of_the_reporting_zone() {
    let warehouse = Warehouse::new().in_zone(chrono_tz::America::Sao_Paulo);
    // 2018-11-04 began at 01:00 there; 1969-12-31 lies before the epoch.
    let files = [
        array(Date32Array::from(vec![Some(17_839), Some(-1), None])),
        array(Date64Array::from(vec![17_839 * 86_400_000])),
        array(TimestampMicrosecondArray::from(vec![0])),
    ];
    let (_, values) =
        deliver_in(warehouse, column("c", ColumnType::Timestamp), &files).await.unwrap();
    let expected = [
        "1969-12-31T03:00:00",
        "1970-01-01T00:00:00",
        "2018-11-04T03:00:00",
        "2018-11-04T03:00:00",
        "null",
    ];
    assert_eq!(values, expected);
}

#[tokio::test]
async fn undeclared_types_are_taken_as_found() {
    let found = |files: Vec<ArrayRef>| async move {
        deliver(column("c", ColumnType::AsFound), &files).await.map(|(data_type, _)| data_type)
    };
    let cases: Vec<(Vec<ArrayRef>, DataType)> = vec![
        (
            vec![array(StringArray::from(vec!["a"])), array(StringViewArray::from(vec!["b"]))],
            text(),
        ),
        (vec![array(Int16Array::from(vec![1])), array(Int64Array::from(vec![2]))], DataType::Int64),
        (
            vec![array(Int16Array::from(vec![1])), array(Float64Array::from(vec![2.0]))],
            DataType::Float64,
        ),
        (
            vec![array(Decimal128Array::from(vec![1]).with_precision_and_scale(10, 3).unwrap())],
            DataType::Decimal128(38, 3),
        ),
        (vec![array(Date32Array::from(vec![1]))], DataType::Date32),
        (
            vec![array(Date32Array::from(vec![1])), array(TimestampSecondArray::from(vec![1]))],
            micros(),
        ),
    ];
    for (files, expected) in cases {
        assert_eq!(found(files).await.unwrap(), expected);
    }
    let mixed = vec![array(StringArray::from(vec!["a"])), array(BooleanArray::from(vec![true]))];
    let error = found(mixed).await.unwrap_err();
    assert!(error.message.contains("must be of one type in all files"), "{error}");
    let list = ListArray::from_iter_primitive::<Int32Type, _, _>([Some([Some(1)])]);
    assert!(matches!(found(vec![array(list)]).await.unwrap(), DataType::List(_)));
}

#[tokio::test]
async fn types_that_do_not_fit_are_refused_in_words() {
    let cases: [(ColumnType, ArrayRef, &str); 4] = [
        (
            ColumnType::Decimal { scale: 2 },
            array(StringArray::from(vec!["12.50"])),
            "table `t`: column `c` must be a decimal, but column `c` of file `0.parquet` holds \
             text. Another name is mapped under `canonical.t.columns`.",
        ),
        (ColumnType::Text, array(BooleanArray::from(vec![true])), "must be text"),
        (ColumnType::Timestamp, array(Int64Array::from(vec![0])), "must be a timestamp or date"),
        (
            ColumnType::Int,
            array(Decimal128Array::from(vec![1]).with_precision_and_scale(9, 2).unwrap()),
            "holds decimal(9,2)",
        ),
    ];
    for (declared, file, words) in cases {
        let error = deliver(column("c", declared), &[file]).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::BadData);
        assert!(error.message.contains(words), "{error}");
    }
}
