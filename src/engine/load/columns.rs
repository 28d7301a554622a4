//! Arrow columns → codes and integers.

use std::collections::HashMap;

use arrow::array::{Array, ArrayRef, AsArray, DictionaryArray, StringViewArray};
use arrow::buffer::{NullBuffer, ScalarBuffer};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Date32Type, Decimal64Type, Decimal128Type, Int32Type, TimeUnit,
    TimestampMicrosecondType,
};
use chrono::{NaiveDate, TimeDelta};

use crate::engine::keys::{Interner, Key};
use crate::error::{ApiError, ApiResult, ErrorCode};
use crate::kernels::{Code, NONE};
use crate::values::Calendar;

/// Codes of a text column.
pub fn codes(array: &ArrayRef, interner: &Interner) -> ApiResult<Vec<Code>> {
    if let Some(dictionary) = array.as_any().downcast_ref::<DictionaryArray<Int32Type>>() {
        let values = codes(dictionary.values(), interner)?;
        return Ok(by_dictionary(dictionary, &values, NONE));
    }
    Ok(match array.data_type() {
        DataType::Utf8 => interner.intern(array.as_string::<i32>().iter()),
        DataType::LargeUtf8 => interner.intern(array.as_string::<i64>().iter()),
        DataType::Utf8View => interner.codes(keys(array.as_string_view())),
        _ => interner.intern(as_type(array, &DataType::Utf8)?.as_string::<i32>().iter()),
    })
}

/// What stands for each row's value, given what stands for each value of the dictionary.
pub fn by_dictionary<T: Copy>(
    dictionary: &DictionaryArray<Int32Type>,
    values: &[T],
    null: T,
) -> Vec<T> {
    let of = |key: &i32| {
        let place = usize::try_from(*key).ok();
        place.and_then(|place| values.get(place)).copied().unwrap_or(null)
    };
    let keys = dictionary.keys();
    match keys.nulls().filter(|nulls| nulls.null_count() > 0) {
        None => keys.values().iter().map(of).collect(),
        Some(nulls) => {
            let rows = keys.values().iter().zip(nulls);
            rows.map(|(key, is_valid)| if is_valid { of(key) } else { null }).collect()
        }
    }
}

/// The keys of a text column, row by row.
pub fn for_each_key(
    array: &ArrayRef,
    mut visit: impl FnMut(usize, Option<Key<'_>>),
) -> ApiResult<()> {
    if let Some(texts) = array.as_string_view_opt() {
        keys(texts).enumerate().for_each(|(row, key)| visit(row, key));
        return Ok(());
    }
    let texts = as_type(array, &DataType::Utf8)?;
    let texts = texts.as_string::<i32>().iter().enumerate();
    texts.for_each(|(row, text)| visit(row, text.map(Key::new)));
    Ok(())
}

/// Texts as keys, without copying those that lie in their views.
fn keys(texts: &StringViewArray) -> impl Iterator<Item = Option<Key<'_>>> {
    texts.views().iter().enumerate().map(|(row, view)| {
        let is_valid = texts.is_valid(row);
        is_valid.then(|| Key::inline(*view).unwrap_or_else(|| Key::new(texts.value(row))))
    })
}

/// Numbers with the rows that have none, whose number means nothing.
pub struct Numbers {
    pub values: ScalarBuffer<i64>,
    pub nulls: Option<NullBuffer>,
}

/// Instants of a time or date column; a date is its midnight in the reporting zone.
pub fn times(array: &ArrayRef, calendar: &Calendar) -> ApiResult<Numbers> {
    let nulls = array.logical_nulls().filter(|nulls| nulls.null_count() > 0);
    if array.data_type() != &DataType::Date32 {
        let times = as_type(array, &DataType::Timestamp(TimeUnit::Microsecond, None))?;
        let values = times.as_primitive::<TimestampMicrosecondType>().values().clone();
        return Ok(Numbers { values, nulls });
    }
    // Days repeat.
    let mut known: HashMap<i32, i64> = HashMap::new();
    let mut midnight = |days: i32| {
        let at = |days| date(days).map_or(0, |day| calendar.midnight(day).0);
        *known.entry(days).or_insert_with(|| at(days))
    };
    let days = array.as_primitive::<Date32Type>().values();
    let values = days.iter().map(|days| midnight(*days)).collect::<Vec<i64>>().into();
    Ok(Numbers { values, nulls })
}

/// Amounts in units of `10^-scale`.
///
/// # Errors
/// `OUT_OF_RANGE` for an amount that does not fit 64 bits.
pub fn money(array: &ArrayRef, scale: u8) -> ApiResult<Numbers> {
    let places = i8::try_from(scale).unwrap_or(i8::MAX);
    if let Some(narrow) = array.as_primitive_opt::<Decimal64Type>()
        && narrow.scale() == places
    {
        let nulls = narrow.nulls().filter(|nulls| nulls.null_count() > 0).cloned();
        return Ok(Numbers { values: narrow.values().clone(), nulls });
    }
    let decimals = as_type(array, &DataType::Decimal128(38, places))?;
    let decimals = decimals.as_primitive::<Decimal128Type>();
    let nulls = decimals.nulls().filter(|nulls| nulls.null_count() > 0).cloned();
    let mut fits = true;
    let narrow = |value: &i128| {
        let value = i64::try_from(*value);
        fits &= value.is_ok();
        value.unwrap_or(0)
    };
    let values: Vec<i64> = decimals.values().iter().map(narrow).collect();
    // What does not fit may be a null's leftover.
    if !fits && decimals.iter().flatten().any(|value| i64::try_from(value).is_err()) {
        return Err(too_large());
    }
    Ok(Numbers { values: values.into(), nulls })
}

fn too_large() -> ApiError {
    ApiError::new(
        ErrorCode::OutOfRange,
        "An amount in the table is too large to be summed exactly (more than 18 digits).",
    )
}

/// Instants of a time column, in microseconds UTC.
fn instants(array: &ArrayRef) -> ApiResult<Vec<Option<i64>>> {
    let times = as_type(array, &DataType::Timestamp(TimeUnit::Microsecond, None))?;
    Ok(times.as_primitive::<TimestampMicrosecondType>().iter().collect())
}

/// Instants of a time or date column, row by row.
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
        .map(|value| value.map(i64::try_from).transpose().map_err(|_| too_large()))
        .collect()
}

/// Decimal places of weights that are not decimals in the table.
const WEIGHT_SCALE: u8 = 9;

/// The scale in which a column's weights are read: decimals in their own, floats and texts in nine
/// places. None where the column's type holds no numbers.
#[must_use]
pub fn weight_scale(data_type: Option<&DataType>) -> Option<u8> {
    match data_type? {
        DataType::Decimal128(..) | DataType::Decimal256(..) => Some(scale_of(data_type)),
        whole if whole.is_integer() => Some(0),
        float if float.is_floating() => Some(WEIGHT_SCALE),
        DataType::Dictionary(_, value) => weight_scale(Some(value)),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => {
            Some(WEIGHT_SCALE)
        }
        _ => None,
    }
}

/// Weights in units of `10^-scale`; none where a value is not a number.
///
/// # Errors
/// `OUT_OF_RANGE` for a weight that does not fit 64 bits.
pub fn weights(array: &ArrayRef, scale: u8) -> ApiResult<Option<Vec<Option<i64>>>> {
    let found = amounts(array, scale)?;
    // The cast makes null of what it cannot read.
    let read = found.iter().filter(|weight| weight.is_some()).count();
    let given = array.len() - array.logical_null_count();
    Ok((read == given).then_some(found))
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
