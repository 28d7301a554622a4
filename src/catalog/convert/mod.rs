//! From a column as a file holds it to the column as scans deliver it: one [`Conversion`] per pair
//! of types, exact or refused.

mod number;
mod text;
mod time;

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, TimeUnit};
use arrow::error::ArrowError;
use arrow::util::display::FormatOptions;
use chrono_tz::Tz;
use datafusion::common::ScalarValue;

pub(super) use number::scale_of;
pub(super) use text::{dictionary, is_string};
pub(super) use time::instants;

/// Digits of a delivered decimal: the most that 128 bits hold.
pub(super) const PRECISION: u8 = 38;
/// The most that 64 bits hold.
pub(super) const NARROW_PRECISION: u8 = 18;

/// A column as scans deliver it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    /// `Dictionary(Int32, Utf8)`: the files' own dictionaries pass through, so that a reader looks
    /// at each distinct value once per batch. With the files' values → ours.
    Text(Arc<BTreeMap<String, String>>),
    /// `Utf8View`, for texts that hardly repeat: building dictionaries of them is wasted.
    Key,
    Int,
    Decimal {
        scale: i8,
        minor_units: Option<u8>,
    },
    /// A decimal that every file holds as an integer of at most 64 bits, left as it is.
    Narrow {
        scale: i8,
    },
    Float,
    Bool,
    Date,
    /// Microseconds, UTC, without a zone; a date is its midnight in the reporting zone.
    Timestamp {
        zone: Tz,
    },
    /// Nested and other types that no declaration names.
    Same(DataType),
}

impl Target {
    pub fn arrow_type(&self) -> DataType {
        match self {
            Self::Text(_) => dictionary(),
            Self::Key => DataType::Utf8View,
            Self::Int => DataType::Int64,
            Self::Decimal { scale, .. } => DataType::Decimal128(PRECISION, *scale),
            Self::Narrow { scale } => DataType::Decimal64(NARROW_PRECISION, *scale),
            Self::Float => DataType::Float64,
            Self::Bool => DataType::Boolean,
            Self::Date => DataType::Date32,
            Self::Timestamp { .. } => DataType::Timestamp(TimeUnit::Microsecond, None),
            Self::Same(data_type) => data_type.clone(),
        }
    }
}

/// How a column of a file becomes the delivered one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Conversion {
    Keep,
    /// A lossless cast, checked value by value.
    Cast(DataType),
    Text(Arc<BTreeMap<String, String>>),
    /// Integers in units of 10^-`units`.
    MinorUnits {
        units: u8,
        scale: i8,
    },
    /// Floats to the nearest decimal.
    Round {
        scale: i8,
    },
    Instant,
    /// Dates to their midnights.
    Midnight(Tz),
    Day,
}

impl Conversion {
    /// The way from a found type to a target; none: the type does not fit.
    pub fn between(found: &DataType, target: &Target) -> Option<Self> {
        if *found == target.arrow_type() && !matches!(target, Target::Text(map) if !map.is_empty())
        {
            return Some(Self::Keep);
        }
        match target {
            Target::Text(values) => text::is_textual(found).then(|| Self::Text(Arc::clone(values))),
            Target::Int => number::is_whole(found).then_some(Self::Cast(DataType::Int64)),
            Target::Decimal { scale, minor_units } => {
                number::to_decimal(found, *scale, *minor_units)
            }
            Target::Float => found.is_numeric().then_some(Self::Cast(DataType::Float64)),
            Target::Key | Target::Narrow { .. } | Target::Bool | Target::Same(_) => None,
            Target::Date => time::is_day_or_instant(found).then_some(Self::Day),
            Target::Timestamp { zone } => match found {
                DataType::Timestamp(..) => Some(Self::Instant),
                DataType::Date32 | DataType::Date64 => Some(Self::Midnight(*zone)),
                _ => None,
            },
        }
    }

    pub fn apply(&self, array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
        match self {
            Self::Keep => Ok(Arc::clone(array)),
            Self::Cast(to) => checked_cast(array, to),
            Self::Text(values) => text::to_dictionary(array, values),
            Self::MinorUnits { units, scale } => number::from_minor_units(array, *units, *scale),
            Self::Round { scale } => number::round_floats(array, *scale),
            Self::Instant => time::to_instants(array),
            Self::Midnight(zone) => time::to_midnights(array, *zone),
            Self::Day => time::to_days(array),
        }
    }

    /// For conversions that keep order: the smallest value of the file's type that becomes `bound`
    /// or more. It lets a condition on the delivered column prune row groups of the file.
    pub fn first_at_or_after(&self, found: &DataType, bound: i64) -> Option<ScalarValue> {
        match self {
            Self::Instant => time::first_instant(found, bound),
            Self::Midnight(zone) => time::first_day(found, *zone, bound),
            _ => None,
        }
    }
}

/// A cast that fails where a value does not fit, instead of making it null.
fn checked_cast(array: &ArrayRef, to: &DataType) -> Result<ArrayRef, ArrowError> {
    let options = CastOptions { safe: false, format_options: FormatOptions::default() };
    cast_with_options(array, to, &options)
}
