//! The table as an Arrow IPC stream, columns typed by what they hold: Int64, Decimal128, Float64,
//! Utf8, Boolean, Date32 and microsecond timestamps.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array, RecordBatch,
    StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType, Field, Schema};
use arrow::error::ArrowError;
use arrow::ipc::writer::StreamWriter;
use chrono::{Datelike, NaiveDate};

use crate::engine::{Cell, TableAnswer};
use crate::error::{ApiError, ApiResult, ErrorCode};
use crate::values::{Number, Scalar};

use super::column;

/// The scale of a decimal column without a value.
const DEFAULT_SCALE: u8 = 2;

pub(super) fn write(table: &TableAnswer) -> ApiResult<Vec<u8>> {
    let mut fields = Vec::new();
    let mut arrays = Vec::new();
    for (index, info) in table.columns.iter().enumerate() {
        let array = array(table, index, &info.data_type).map_err(|Misfit| {
            let message = format!("`{}` has a value beyond what Arrow columns hold.", info.name);
            ApiError::new(ErrorCode::OutOfRange, message)
        })?;
        fields.push(Field::new(&info.name, array.data_type().clone(), true));
        arrays.push(array);
    }
    stream(Schema::new(fields), arrays).map_err(|error| {
        tracing::error!(%error, "the Arrow stream could not be written");
        ApiError::new(ErrorCode::Internal, "The answer could not be written as Arrow.")
    })
}

fn stream(schema: Schema, arrays: Vec<ArrayRef>) -> Result<Vec<u8>, ArrowError> {
    let schema = Arc::new(schema);
    let mut writer = StreamWriter::try_new(Vec::new(), &schema)?;
    if !arrays.is_empty() {
        writer.write(&RecordBatch::try_new(Arc::clone(&schema), arrays)?)?;
    }
    writer.finish()?;
    writer.into_inner()
}

/// A value that its column cannot hold.
struct Misfit;

/// A cell by the Arrow type that it fits.
enum Plain<'t> {
    Null,
    Bool(bool),
    Int(i128),
    Decimal(i128, u8),
    Float(f64),
    Text(&'t str),
    Date(NaiveDate),
    Timestamp(i64),
}

fn plain(cell: Option<&Cell>) -> Plain<'_> {
    match cell {
        None | Some(Cell::Metric(None)) => Plain::Null,
        Some(Cell::Period(start)) => Plain::Date(*start),
        Some(Cell::Dimension(value)) => match value {
            Scalar::Null => Plain::Null,
            Scalar::Bool(value) => Plain::Bool(*value),
            Scalar::Int(value) => Plain::Int(i128::from(*value)),
            Scalar::Decimal(units, scale) => Plain::Decimal(*units, *scale),
            Scalar::Float(value) => Plain::Float(*value),
            Scalar::Text(text) => Plain::Text(text),
            Scalar::Date(day) => Plain::Date(*day),
            Scalar::Timestamp(at) => Plain::Timestamp(at.0),
        },
        Some(Cell::Metric(Some(number))) => match number {
            Number::Int(count) => Plain::Int(*count),
            Number::Decimal(units, scale) => Plain::Decimal(*units, *scale),
            Number::Ratio(_) | Number::Float(_) => Plain::Float(number.to_f64()),
        },
    }
}

fn array(table: &TableAnswer, index: usize, data_type: &str) -> Result<ArrayRef, Misfit> {
    let cells: Vec<Plain<'_>> = column(table, index).map(plain).collect();
    match data_type {
        "string" => texts(&cells),
        "boolean" => collect::<bool, BooleanArray>(&cells, |cell| match cell {
            Plain::Bool(value) => Some(*value),
            _ => None,
        }),
        "date" => collect::<i32, Date32Array>(&cells, |cell| match cell {
            Plain::Date(day) => NaiveDate::default()
                .num_days_from_ce()
                .checked_neg()?
                .checked_add(day.num_days_from_ce()),
            _ => None,
        }),
        "timestamp" => timestamps(&cells),
        _ => numbers(&cells, data_type),
    }
}

/// Every value through `read`, nulls as they are; a value that does not fit is an error.
fn collect<T, A>(cells: &[Plain<'_>], read: fn(&Plain<'_>) -> Option<T>) -> Result<ArrayRef, Misfit>
where
    A: arrow::array::Array + FromIterator<Option<T>> + 'static,
{
    let values = cells.iter().map(|cell| match cell {
        Plain::Null => Ok(None),
        value => read(value).map(Some).ok_or(Misfit),
    });
    Ok(Arc::new(values.collect::<Result<A, Misfit>>()?))
}

fn texts(cells: &[Plain<'_>]) -> Result<ArrayRef, Misfit> {
    let values = cells.iter().map(|cell| match cell {
        Plain::Null => Ok(None),
        Plain::Text(text) => Ok(Some(*text)),
        _ => Err(Misfit),
    });
    Ok(Arc::new(values.collect::<Result<StringArray, Misfit>>()?))
}

fn timestamps(cells: &[Plain<'_>]) -> Result<ArrayRef, Misfit> {
    let values = cells.iter().map(|cell| match cell {
        Plain::Null => Ok(None),
        Plain::Timestamp(at) => Ok(Some(*at)),
        _ => Err(Misfit),
    });
    let array = values.collect::<Result<TimestampMicrosecondArray, Misfit>>()?;
    Ok(Arc::new(array.with_timezone("UTC")))
}

/// Whatever is divided or estimated makes a column of doubles; decimals share the widest scale.
fn numbers(cells: &[Plain<'_>], data_type: &str) -> Result<ArrayRef, Misfit> {
    let floats = cells.iter().any(|cell| matches!(cell, Plain::Float(_)));
    let scale = cells.iter().filter_map(|cell| match cell {
        Plain::Decimal(_, scale) => Some(*scale),
        _ => None,
    });
    let widest = scale.max();
    if floats || data_type == "float" {
        return collect::<f64, Float64Array>(cells, |cell| match cell {
            Plain::Float(value) => Some(*value),
            Plain::Int(value) => Some(Number::Int(*value).to_f64()),
            Plain::Decimal(units, scale) => Some(Number::Decimal(*units, *scale).to_f64()),
            _ => None,
        });
    }
    match widest {
        None if data_type != "decimal" => collect::<i64, Int64Array>(cells, |cell| match cell {
            Plain::Int(value) => i64::try_from(*value).ok(),
            _ => None,
        }),
        _ => decimals(cells, widest.unwrap_or(DEFAULT_SCALE)),
    }
}

fn decimals(cells: &[Plain<'_>], scale: u8) -> Result<ArrayRef, Misfit> {
    let values = cells.iter().map(|cell| {
        let (units, own) = match cell {
            Plain::Null => return Ok(None),
            Plain::Int(value) => (*value, 0),
            Plain::Decimal(units, own) => (*units, *own),
            _ => return Err(Misfit),
        };
        let factor = 10i128.checked_pow(u32::from(scale - own)).ok_or(Misfit)?;
        units.checked_mul(factor).map(Some).ok_or(Misfit)
    });
    let array = values.collect::<Result<Decimal128Array, Misfit>>()?;
    let signed = i8::try_from(scale).map_err(|_| Misfit)?;
    let typed =
        array.with_precision_and_scale(DECIMAL128_MAX_PRECISION, signed).and_then(|typed| {
            typed.validate_decimal_precision(DECIMAL128_MAX_PRECISION).map(|()| typed)
        });
    let array: ArrayRef = Arc::new(typed.map_err(|_| Misfit)?);
    debug_assert_eq!(array.data_type(), &DataType::Decimal128(DECIMAL128_MAX_PRECISION, signed));
    Ok(array)
}

#[cfg(test)]
mod tests {
    use arrow::array::Array;
    use arrow::array::cast::AsArray;
    use arrow::datatypes::{Date32Type, Decimal128Type, Float64Type, Int64Type, TimeUnit};
    use arrow::ipc::reader::StreamReader;

    use super::super::super::testing::{column, table, typed};
    use super::*;
    use crate::engine::ColumnKind;
    use crate::values::Instant;

    fn read(table: &TableAnswer) -> RecordBatch {
        let bytes = write(table).unwrap();
        StreamReader::try_new(bytes.as_slice(), None).unwrap().next().unwrap().unwrap()
    }

    #[test]
    fn every_kind_of_column_is_exact() {
        let day = NaiveDate::from_ymd_opt(2026, 1, 1).unwrap();
        let columns = vec![
            typed("period", ColumnKind::Period, "date"),
            typed("segment", ColumnKind::Dimension, "string"),
            typed("at", ColumnKind::Dimension, "timestamp"),
            typed("customers", ColumnKind::Metric, "int"),
            typed("mrr", ColumnKind::Metric, "decimal"),
            typed("nrr", ColumnKind::Metric, "float"),
        ];
        let row = |mrr, nrr| {
            vec![
                Cell::Period(day),
                Cell::Dimension(Scalar::text("=SMB")),
                Cell::Dimension(Scalar::Timestamp(Instant(5))),
                Cell::Metric(Some(Number::Int(7))),
                Cell::Metric(mrr),
                Cell::Metric(nrr),
            ]
        };
        let batch = read(&table(
            columns,
            vec![
                row(Some(Number::Decimal(12_345_678_901_234_567_890, 2)), Number::fraction(1, 3)),
                row(None, None),
            ],
        ));
        assert_eq!(batch.column(0).as_primitive::<Date32Type>().value(0), 20_454);
        assert_eq!(batch.column(1).as_string::<i32>().value(0), "=SMB");
        let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        assert_eq!(batch.column(2).data_type(), &utc);
        assert_eq!(batch.column(3).as_primitive::<Int64Type>().value(1), 7);
        let mrr = batch.column(4).as_primitive::<Decimal128Type>();
        assert_eq!(mrr.value(0), 12_345_678_901_234_567_890);
        assert_eq!(mrr.data_type(), &DataType::Decimal128(38, 2));
        assert!(mrr.is_null(1));
        assert_eq!(batch.column(5).as_primitive::<Float64Type>().value(0), 1.0 / 3.0);
    }

    /// A dimension that says it is a float may be computed from decimals.
    #[test]
    fn a_column_of_floats_is_one_whatever_its_values_are() {
        let columns = vec![typed("rate", ColumnKind::Dimension, "float")];
        let cells = [Scalar::Decimal(165, 2), Scalar::Int(2), Scalar::Null];
        let rows = cells.into_iter().map(|cell| vec![Cell::Dimension(cell)]).collect();
        let batch = read(&table(columns, rows));
        let found = batch.column(0).as_primitive::<Float64Type>();
        assert_eq!(found.iter().collect::<Vec<_>>(), [Some(1.65), Some(2.0), None]);
    }

    #[test]
    fn columns_without_rows_keep_their_type() {
        let columns = vec![
            column("segment", ColumnKind::Dimension),
            typed("mrr", ColumnKind::Metric, "decimal"),
            typed("nrr", ColumnKind::Metric, "float"),
        ];
        let batch = read(&table(columns, Vec::new()));
        let types: Vec<&DataType> = batch.columns().iter().map(|array| array.data_type()).collect();
        assert_eq!(types, [&DataType::Utf8, &DataType::Decimal128(38, 2), &DataType::Float64]);
    }

    #[test]
    fn a_count_beyond_64_bits_is_out_of_range() {
        let columns = vec![typed("n", ColumnKind::Metric, "int")];
        let rows = vec![vec![Cell::Metric(Some(Number::Int(i128::from(i64::MAX) + 1)))]];
        let error = write(&table(columns, rows)).unwrap_err();
        assert_eq!(error.code, ErrorCode::OutOfRange);
        assert!(error.message.contains("`n`"));
    }
}
