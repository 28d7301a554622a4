//! Text columns: dictionaries of UTF-8, with the company's values mapped onto ours.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, DictionaryArray, StringArray};
use arrow::datatypes::{DataType, Int32Type};
use arrow::error::ArrowError;

use super::checked_cast;
use super::number::is_whole;

/// The type of every delivered text column.
pub(in crate::catalog) fn dictionary() -> DataType {
    DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
}

/// Strings of any kind, bytes without an annotation (old writers' strings), and whole numbers,
/// which keys often are.
pub(super) fn is_textual(found: &DataType) -> bool {
    is_string(found) || is_whole(found)
}

/// What Parquet readers can deliver as a dictionary of strings.
pub(in crate::catalog) fn is_string(found: &DataType) -> bool {
    match found {
        DataType::Utf8
        | DataType::LargeUtf8
        | DataType::Utf8View
        | DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView => true,
        DataType::Dictionary(_, value) => is_string(value),
        _ => false,
    }
}

pub(super) fn to_dictionary(
    array: &ArrayRef,
    values: &BTreeMap<String, String>,
) -> Result<ArrayRef, ArrowError> {
    let array = if *array.data_type() == dictionary() {
        Arc::clone(array)
    } else {
        checked_cast(&checked_cast(array, &DataType::Utf8)?, &dictionary())?
    };
    if values.is_empty() {
        return Ok(array);
    }
    let coded = array.as_dictionary::<Int32Type>();
    let mapped: StringArray = coded
        .values()
        .as_string::<i32>()
        .iter()
        .map(|value| value.map(|value| values.get(value).map_or(value, String::as_str)))
        .collect();
    Ok(Arc::new(DictionaryArray::try_new(coded.keys().clone(), Arc::new(mapped))?))
}
