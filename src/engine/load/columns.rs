//! Arrow columns → codes and integers.

use arrow::array::{Array, ArrayRef, AsArray, DictionaryArray};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Int32Type, TimeUnit, TimestampMicrosecondType,
};
use chrono::{NaiveDate, TimeDelta};

use crate::engine::keys::Interner;
use crate::error::{ApiError, ApiResult, ErrorCode};
use crate::kernels::{Code, NONE};
use crate::values::Calendar;

/// Codes of a text column.
pub fn codes(array: &ArrayRef, interner: &Interner) -> ApiResult<Vec<Code>> {
    if let Some(dictionary) = array.as_any().downcast_ref::<DictionaryArray<Int32Type>>() {
        let values = codes(dictionary.values(), interner)?;
        return Ok(dictionary
            .keys()
            .iter()
            .map(|key| key.and_then(|key| values.get(usize::try_from(key).ok()?).copied()))
            .map(|code| code.unwrap_or(NONE))
            .collect());
    }
    Ok(match array.data_type() {
        DataType::Utf8 => interner.intern(array.as_string::<i32>().iter()),
        DataType::LargeUtf8 => interner.intern(array.as_string::<i64>().iter()),
        DataType::Utf8View => interner.intern(array.as_string_view().iter()),
        _ => interner.intern(as_type(array, &DataType::Utf8)?.as_string::<i32>().iter()),
    })
}

/// Instants of a time column, in microseconds UTC.
fn instants(array: &ArrayRef) -> ApiResult<Vec<Option<i64>>> {
    let times = as_type(array, &DataType::Timestamp(TimeUnit::Microsecond, None))?;
    Ok(times.as_primitive::<TimestampMicrosecondType>().iter().collect())
}

/// Instants of a time or date column; a date is its midnight in the reporting zone.
pub fn instants_in(array: &ArrayRef, calendar: &Calendar) -> ApiResult<Vec<Option<i64>>> {
    if array.data_type() != &DataType::Date32 {
        return instants(array);
    }
    let days = array.as_primitive::<Date32Type>();
    Ok(days.iter().map(|day| day.and_then(date).map(|day| calendar.midnight(day).0)).collect())
}

fn date(days: i32) -> Option<NaiveDate> {
    NaiveDate::default().checked_add_signed(TimeDelta::days(i64::from(days)))
}

/// Amounts in units of `10^-scale`.
///
/// # Errors
/// `OUT_OF_RANGE` for an amount that does not fit 64 bits.
pub fn amounts(array: &ArrayRef, scale: u8) -> ApiResult<Vec<Option<i64>>> {
    let decimals =
        as_type(array, &DataType::Decimal128(38, i8::try_from(scale).unwrap_or(i8::MAX)))?;
    decimals
        .as_primitive::<Decimal128Type>()
        .iter()
        .map(|value| {
            value.map(i64::try_from).transpose().map_err(|_| {
                ApiError::new(
                    ErrorCode::OutOfRange,
                    "An amount in the table is too large to be summed exactly (more than 18 digits).",
                )
            })
        })
        .collect()
}

/// The scale in which a column's decimals come.
#[must_use]
pub fn scale_of(data_type: Option<&DataType>) -> u8 {
    match data_type {
        Some(DataType::Decimal128(_, scale) | DataType::Decimal256(_, scale)) => {
            u8::try_from(*scale).unwrap_or(0)
        }
        _ => 0,
    }
}

fn as_type(array: &ArrayRef, wanted: &DataType) -> ApiResult<ArrayRef> {
    if array.data_type() == wanted {
        return Ok(array.clone());
    }
    cast(array, wanted).map_err(|error| {
        tracing::error!(%error, found = %array.data_type(), %wanted, "column does not convert");
        ApiError::new(ErrorCode::BadData, "A column of the table has a type that does not convert.")
    })
}
