//! The warehouse as a reader finds it: everything here reads the Parquet files back.

mod books;
mod folder;

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::path::Path;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Int64Type, TimeUnit, TimestampMicrosecondType,
};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::table::Table;
use super::{GenerateSettings, generate};

const CUSTOMERS: u32 = 300;
const MONTHS: u32 = 15;

/// A value of any column as a test compares it: cents, microseconds, days, counts or text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Value {
    Null,
    Int(i128),
    Text(String),
}

impl Value {
    fn int(&self) -> i128 {
        match self {
            Self::Int(value) => *value,
            other => panic!("not a number: {other:?}"),
        }
    }

    fn instant(&self) -> i64 {
        i64::try_from(self.int()).unwrap()
    }

    fn text(&self) -> &str {
        match self {
            Self::Text(value) => value,
            other => panic!("not a text: {other:?}"),
        }
    }
}

type Row = HashMap<String, Value>;

fn settings(dir: &Path, months: u32) -> GenerateSettings {
    GenerateSettings { dir: dir.into(), customers: CUSTOMERS, months, seed: 42 }
}

fn warehouse(months: u32) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let summary = generate(&settings(dir.path(), months), &()).unwrap();
    assert_eq!((summary.months, summary.months_written), (months, months));
    dir
}

/// Every file below a folder with its bytes, by relative path.
fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![dir.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(dir).unwrap().to_str().unwrap().to_owned();
                found.insert(name, fs::read(path).unwrap());
            }
        }
    }
    found
}

fn read(dir: &Path, table: Table) -> Vec<Row> {
    let paths = files(dir).into_keys();
    let prefix = format!("{}/", table.name());
    let mut rows = Vec::new();
    for path in paths.filter(|path| path.starts_with(&prefix)) {
        rows.extend(read_file(&dir.join(path)));
    }
    rows
}

fn read_file(path: &Path) -> Vec<Row> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    reader.build().unwrap().flat_map(|batch| batch_rows(&batch.unwrap())).collect()
}

fn batch_rows(batch: &RecordBatch) -> Vec<Row> {
    let schema = batch.schema();
    let row = |index| {
        let cells = schema.fields().iter().zip(batch.columns());
        cells.map(|(field, column)| (field.name().clone(), value(column, index))).collect()
    };
    (0..batch.num_rows()).map(row).collect()
}

fn value(column: &dyn Array, row: usize) -> Value {
    if column.is_null(row) {
        return Value::Null;
    }
    match column.data_type() {
        DataType::Utf8 => Value::Text(column.as_string::<i32>().value(row).to_owned()),
        DataType::Int64 => Value::Int(column.as_primitive::<Int64Type>().value(row).into()),
        DataType::Date32 => Value::Int(column.as_primitive::<Date32Type>().value(row).into()),
        DataType::Decimal128(..) => Value::Int(column.as_primitive::<Decimal128Type>().value(row)),
        DataType::Timestamp(TimeUnit::Microsecond, Some(zone)) if zone.as_ref() == "UTC" => {
            Value::Int(column.as_primitive::<TimestampMicrosecondType>().value(row).into())
        }
        other => panic!("a column of type {other} is not in the contract"),
    }
}
