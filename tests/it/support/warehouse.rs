//! Warehouses for tests: CSV text → Parquet folders of the canonical tables.

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use parquet::arrow::ArrowWriter;

/// The canonical type of a column by its name.
fn type_of(column: &str) -> DataType {
    match column {
        "amount" | "mrr" | "acquisition_cost" | "cost" => DataType::Decimal128(18, 2),
        "float_amount" => DataType::Float64,
        "share" => DataType::Decimal128(9, 4),
        "occurred_at" | "ordered_at" | "valid_from" | "valid_to" | "reached_at"
        | "presented_at" | "responded_at" | "opened_at" => {
            DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
        }
        "acquired_on" | "month" => DataType::Date32,
        "tier" | "quantity" | "seats" | "seats_used" | "seats_limit" => DataType::Int32,
        _ => DataType::Utf8,
    }
}

/// Writes a table from CSV with a header; empty cells are null.
pub fn write_table(warehouse: &Path, table: &str, csv: &str) {
    write_file(warehouse, &format!("{table}/part-0.parquet"), csv);
}

/// Writes one Parquet file from CSV with a header.
pub fn write_file(warehouse: &Path, path: &str, csv: &str) {
    let mut lines = csv.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    let rows: Vec<Vec<&str>> = lines.map(|line| line.split(',').collect()).collect();
    let columns: Vec<ArrayRef> = header
        .iter()
        .enumerate()
        .map(|(index, name)| {
            let cells = rows.iter().map(|row| Some(row[index]).filter(|cell| !cell.is_empty()));
            let text: ArrayRef = Arc::new(cells.collect::<StringArray>());
            let typed = cast(&text, &type_of(name)).unwrap();
            assert_eq!(typed.null_count(), text.null_count(), "{path}: {name} does not parse");
            typed
        })
        .collect();
    let fields: Vec<Field> =
        header.iter().map(|name| Field::new(*name, type_of(name), true)).collect();
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap();
    let file = warehouse.join(path);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    let mut writer =
        ArrowWriter::try_new(File::create(file).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

/// Writes every CSV of a case folder as a table.
pub fn write_case(warehouse: &Path, case: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(case);
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "csv") {
            let table = path.file_stem().unwrap().to_str().unwrap().to_owned();
            write_table(warehouse, &table, &fs::read_to_string(&path).unwrap());
        }
    }
}
