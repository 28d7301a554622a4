//! Damaged, foreign and hostile files: the table is unavailable in words, the others go on.

use std::path::PathBuf;

use arrow::array::{Int64Array, StringArray};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::*;
use crate::error::ErrorCode;

fn good(warehouse: &Warehouse, path: &str) {
    let ids: ArrayRef = Arc::new(StringArray::from(vec!["a", "b"]));
    warehouse.write(path, &[("id", ids)]);
}

fn parquet_bytes(warehouse: &Warehouse) -> Vec<u8> {
    good(warehouse, "scratch/a.parquet");
    fs::read(warehouse.dir.path().join("scratch/a.parquet")).unwrap()
}

#[tokio::test]
async fn files_that_are_no_parquet_make_only_their_own_table_unavailable() {
    let sample = parquet_bytes(&Warehouse::new());
    let mut broken_footer = sample.clone();
    let footer = broken_footer.len() - 30;
    broken_footer[footer..footer + 20].fill(0xff);
    let mut endless_footer = sample.clone();
    let length = endless_footer.len() - 8;
    endless_footer[length..length + 4].copy_from_slice(&u32::MAX.to_le_bytes());
    let cases: [(&[u8], &str); 6] = [
        (b"", "is empty (zero bytes)"),
        (b"PAR1", "is truncated or no Parquet file"),
        (b"id,name\n1,Ada\n2,Grace\n", "is truncated or no Parquet file"),
        (&sample[..sample.len() - 10], "is truncated or no Parquet file"),
        (&broken_footer, "is damaged"),
        (&endless_footer, "is damaged"),
    ];
    for (bytes, reason) in cases {
        let warehouse = Warehouse::new()
            .declare(dataset("bad", [column("id", ColumnType::Text)]))
            .declare(dataset("fine", [column("id", ColumnType::Text)]));
        good(&warehouse, "bad/a.parquet");
        good(&warehouse, "fine/a.parquet");
        warehouse.place("bad/region=eu/b.parquet", bytes);
        let catalog = warehouse.open();
        let error = snapshot(&catalog, "bad").await.unwrap_err();
        assert_eq!(error.code, ErrorCode::BadData);
        assert_eq!(error.message, format!("table `bad`: file `region=eu/b.parquet` {reason}"));
        assert_eq!(read(&catalog, "fine", &["id"]).await, ["a", "b"]);
    }
}

#[tokio::test]
async fn several_bad_files_are_counted() {
    let warehouse = Warehouse::new().declare(dataset("t", [column("id", ColumnType::Text)]));
    for name in ["b", "a", "c"] {
        warehouse.place(&format!("t/{name}.parquet"), b"");
    }
    let error = snapshot(&warehouse.open(), "t").await.unwrap_err();
    assert_eq!(
        error.message,
        "table `t`: file `a.parquet` is empty (zero bytes) (and 2 more such files)"
    );
}

#[tokio::test]
async fn a_damaged_page_is_found_and_its_file_named() {
    let warehouse = Warehouse::new().declare(dataset("t", [column("n", ColumnType::Int)]));
    let numbers: ArrayRef = Arc::new(Int64Array::from((0..1000).collect::<Vec<_>>()));
    warehouse.write("t/a.parquet", &[("n", numbers.clone())]);
    warehouse.write("t/b.parquet", &[("n", numbers)]);
    let path = warehouse.dir.path().join("t/b.parquet");
    let mut bytes = fs::read(&path).unwrap();
    bytes[4..400].fill(0xff);
    fs::write(&path, bytes).unwrap();
    let catalog = warehouse.open();
    let table = snapshot(&catalog, "t").await.unwrap();
    let plan = table.scan(&names(&["n"]), None).unwrap();
    let error = run(&catalog, plan).await.unwrap_err();
    let told = catalog.diagnose(&error, &[&table]).await;
    assert_eq!(told, ApiError::new(ErrorCode::BadData, "table `t`: file `b.parquet` is damaged"));
}

fn bad_file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/parquet-bad").join(name)
}

/// The columns of a bad file as its footer declares them, where it can be read that far.
fn declared_columns(path: &Path) -> Vec<Column> {
    let file = File::open(path).unwrap();
    let Ok(builder) = ParquetRecordBatchReaderBuilder::try_new(file) else { return Vec::new() };
    let fields = builder.schema().fields().clone();
    fields.iter().map(|field| column(field.name(), ColumnType::AsFound)).collect()
}

#[tokio::test]
async fn the_parquet_projects_bad_files_never_break_another_table() {
    for name in [
        "ARROW-GH-41317.parquet",
        "ARROW-GH-41321.parquet",
        "ARROW-GH-45185.parquet",
        "ARROW-GH-47662.parquet",
        "ARROW-RS-GH-6229-DICTHEADER.parquet",
        "ARROW-RS-GH-6229-LEVELS.parquet",
        "PARQUET-1481.parquet",
    ] {
        let path = bad_file(name);
        let columns = declared_columns(&path);
        let names_of: Vec<ColumnName> = columns.iter().map(|column| column.name.clone()).collect();
        let warehouse = Warehouse::new()
            .declare(dataset("bad", columns))
            .declare(dataset("fine", [column("id", ColumnType::Text)]));
        warehouse.place("bad/hostile.parquet", &fs::read(&path).unwrap());
        good(&warehouse, "fine/a.parquet");
        let catalog = warehouse.open();
        let told = match snapshot(&catalog, "bad").await {
            Err(error) => error,
            Ok(table) => {
                let plan = table.scan(&names_of, None).unwrap();
                let error = run(&catalog, plan).await.expect_err(name);
                catalog.diagnose(&error, &[&table]).await
            }
        };
        assert_eq!(told.code, ErrorCode::BadData, "{name}: {told}");
        assert_eq!(told.message, "table `bad`: file `hostile.parquet` is damaged", "{name}");
        assert_eq!(read(&catalog, "fine", &["id"]).await, ["a", "b"]);
    }
}

#[tokio::test]
async fn indices_of_no_bits_into_a_dictionary_of_one_value_are_sound() {
    // Other readers fell over this file of the bad ones; its every value is the only one.
    let warehouse = Warehouse::new().declare(dataset("t", [column("min_fl", ColumnType::Int)]));
    warehouse.place("t/a.parquet", &fs::read(bad_file("ARROW-GH-43605.parquet")).unwrap());
    let values = read(&warehouse.open(), "t", &["min_fl"]).await;
    assert_eq!(values.len(), 21_186);
    assert!(values.iter().all(|value| value == "0"));
}
