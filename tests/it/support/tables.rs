//! Tables of a warehouse read whole and written back in another guise.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use arrow::array::{ArrayRef, RecordBatch, UInt32Array};
use arrow::compute::{cast, concat_batches, take_record_batch};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

/// Every Parquet file below a folder, in order of their names.
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_below(&path));
        } else if path.extension().is_some_and(|extension| extension == "parquet") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// All rows of a table.
pub fn read_table(warehouse: &Path, table: &str) -> RecordBatch {
    let batches: Vec<RecordBatch> = files_below(&warehouse.join(table))
        .into_iter()
        .flat_map(|file| {
            ParquetRecordBatchReaderBuilder::try_new(File::open(file).unwrap())
                .unwrap()
                .build()
                .unwrap()
                .map(Result::unwrap)
        })
        .collect();
    concat_batches(&batches[0].schema(), &batches).unwrap()
}

pub fn write_batch(file: &Path, batch: &RecordBatch) {
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    let mut writer =
        ArrowWriter::try_new(File::create(file).unwrap(), batch.schema(), None).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
}

/// Puts these rows in the place of a table's files: as many files of about the same size, without
/// partition folders.
pub fn replace_table(warehouse: &Path, table: &str, rows: &RecordBatch, files: usize) {
    let folder = warehouse.join(table);
    fs::remove_dir_all(&folder).unwrap();
    let step = rows.num_rows().div_ceil(files).max(1);
    for (number, start) in (0..rows.num_rows()).step_by(step).enumerate() {
        let part = rows.slice(start, step.min(rows.num_rows() - start));
        write_batch(&folder.join(format!("deep/er/chunk-{number:03}.parquet")), &part);
    }
}

/// The same rows in another order.
pub fn shuffled(rows: &RecordBatch, seed: u64) -> RecordBatch {
    let mut order: Vec<u32> = (0..u32::try_from(rows.num_rows()).unwrap()).collect();
    order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    take_record_batch(rows, &UInt32Array::from(order)).unwrap()
}

/// Physical types that mean the same.
#[derive(Debug, Clone, Copy)]
pub enum Guise {
    /// Dictionaries, milliseconds without a zone, narrow integers, wide decimals.
    Dictionary,
    /// String views, nanoseconds of another zone, `Date64`.
    View,
    /// Large strings, microseconds without a zone, decimals of 256 bits.
    Large,
    /// As the generator writes them.
    Plain,
}

impl Guise {
    fn of(self, found: &DataType) -> DataType {
        match (self, found) {
            (Self::Dictionary, DataType::Utf8) => {
                DataType::Dictionary(DataType::Int16.into(), DataType::Utf8.into())
            }
            (Self::View, DataType::Utf8) => DataType::Utf8View,
            (Self::Large, DataType::Utf8) => DataType::LargeUtf8,
            (Self::Dictionary, DataType::Timestamp(..)) => {
                DataType::Timestamp(TimeUnit::Millisecond, None)
            }
            (Self::View, DataType::Timestamp(..)) => {
                DataType::Timestamp(TimeUnit::Nanosecond, Some("Europe/Berlin".into()))
            }
            (Self::Large, DataType::Timestamp(..)) => {
                DataType::Timestamp(TimeUnit::Microsecond, None)
            }
            (Self::Dictionary, DataType::Int64) => DataType::Int16,
            (Self::Dictionary, DataType::Decimal128(_, scale)) => DataType::Decimal128(38, *scale),
            (Self::Large, DataType::Decimal128(_, scale)) => DataType::Decimal256(50, *scale),
            (Self::View, DataType::Date32) => DataType::Date64,
            (Self::Plain, DataType::Dictionary(..) | DataType::Utf8View | DataType::LargeUtf8) => {
                DataType::Utf8
            }
            (Self::Plain, DataType::Timestamp(..)) => {
                DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
            }
            (Self::Plain, DataType::Int16) => DataType::Int64,
            (Self::Plain, DataType::Decimal256(_, scale) | DataType::Decimal128(38, scale)) => {
                DataType::Decimal128(18, *scale)
            }
            (Self::Plain, DataType::Date64) => DataType::Date32,
            (_, other) => other.clone(),
        }
    }
}

/// The same rows in other physical types.
pub fn disguised(rows: &RecordBatch, guise: Guise) -> RecordBatch {
    let schema = rows.schema();
    let fields: Vec<Field> = schema
        .fields()
        .iter()
        .map(|field| Field::new(field.name(), guise.of(field.data_type()), true))
        .collect();
    let columns: Vec<ArrayRef> = rows
        .columns()
        .iter()
        .zip(&fields)
        .map(|(column, field)| {
            let other = cast(column, field.data_type()).unwrap();
            assert_eq!(other.null_count(), column.null_count(), "{} loses values", field.name());
            other
        })
        .collect();
    RecordBatch::try_new(Schema::new(fields).into(), columns).unwrap()
}
