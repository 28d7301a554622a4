//! Times: instants in UTC microseconds, floored, and calendar days.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Date32Array, TimestampMicrosecondArray};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Date32Type, Date64Type, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType,
};
use arrow::error::ArrowError;
use chrono::{NaiveDate, TimeDelta};
use chrono_tz::Tz;
use datafusion::common::ScalarValue;

use super::checked_cast;
use crate::values::{Calendar, Instant, MICROS_PER_DAY};

const MILLIS_PER_DAY: i64 = MICROS_PER_DAY / 1000;

pub(super) fn is_day_or_instant(found: &DataType) -> bool {
    matches!(found, DataType::Timestamp(..) | DataType::Date32 | DataType::Date64)
}

/// The instants of a delivered timestamp column.
pub(in crate::catalog) fn instants(array: &ArrayRef) -> impl Iterator<Item = Option<Instant>> {
    array.as_primitive::<TimestampMicrosecondType>().iter().map(|value| value.map(Instant))
}

/// Arrow's own cast truncates nanoseconds towards zero, which before 1970 is towards the future,
/// and moves zoned values to local time; a zone only says how to show an instant.
pub(super) fn to_instants(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let DataType::Timestamp(unit, _) = array.data_type() else {
        return Err(ArrowError::CastError("not a timestamp".to_owned()));
    };
    let micros: TimestampMicrosecondArray = match unit {
        TimeUnit::Second => {
            array.as_primitive::<TimestampSecondType>().try_unary(|v| times(v, 1_000_000))?
        }
        TimeUnit::Millisecond => {
            array.as_primitive::<TimestampMillisecondType>().try_unary(|v| times(v, 1000))?
        }
        TimeUnit::Microsecond => array.as_primitive::<TimestampMicrosecondType>().clone(),
        TimeUnit::Nanosecond => {
            array.as_primitive::<TimestampNanosecondType>().unary(|v| v.div_euclid(1000))
        }
    };
    Ok(Arc::new(micros.with_timezone_opt(None::<Arc<str>>)))
}

fn times(value: i64, factor: i64) -> Result<i64, ArrowError> {
    value
        .checked_mul(factor)
        .ok_or_else(|| ArrowError::ComputeError("a timestamp is out of range".to_owned()))
}

/// The midnights that dates begin with in the reporting zone.
pub(super) fn to_midnights(array: &ArrayRef, zone: Tz) -> Result<ArrayRef, ArrowError> {
    let calendar = Calendar { zone, fiscal_start: 1 };
    let mut known: HashMap<i32, i64> = HashMap::new();
    let mut midnight = |day: i32| {
        if let Some(at) = known.get(&day) {
            return Ok(*at);
        }
        let at = calendar.midnight(date_of(day)?).0;
        known.insert(day, at);
        Ok::<_, ArrowError>(at)
    };
    let midnights = days(array)?
        .iter()
        .map(|day| day.map(&mut midnight).transpose())
        .collect::<Result<TimestampMicrosecondArray, _>>()?;
    Ok(Arc::new(midnights))
}

fn date_of(day: i32) -> Result<NaiveDate, ArrowError> {
    TimeDelta::try_days(i64::from(day))
        .and_then(|by| NaiveDate::default().checked_add_signed(by))
        .ok_or_else(|| ArrowError::ComputeError("a date is out of range".to_owned()))
}

/// Calendar days: of a timestamp, the one in its own zone (without a zone: UTC).
pub(super) fn to_days(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    match array.data_type() {
        // The zone's own days are what the writer saw; Arrow's cast knows the zones.
        DataType::Timestamp(_, Some(zone)) if !is_utc(zone) => {
            checked_cast(array, &DataType::Date32)
        }
        DataType::Timestamp(..) => {
            let instants = to_instants(array)?;
            let days: Date32Array = instants
                .as_primitive::<TimestampMicrosecondType>()
                .try_unary(|at| day_number(at, MICROS_PER_DAY))?;
            Ok(Arc::new(days))
        }
        _ => Ok(Arc::new(days(array)?)),
    }
}

fn days(array: &ArrayRef) -> Result<Date32Array, ArrowError> {
    match array.data_type() {
        DataType::Date64 => {
            array.as_primitive::<Date64Type>().try_unary(|at| day_number(at, MILLIS_PER_DAY))
        }
        _ => Ok(cast(array, &DataType::Date32)?.as_primitive::<Date32Type>().clone()),
    }
}

fn day_number(at: i64, per_day: i64) -> Result<i32, ArrowError> {
    i32::try_from(at.div_euclid(per_day))
        .map_err(|_| ArrowError::ComputeError("a date is out of range".to_owned()))
}

fn is_utc(zone: &str) -> bool {
    matches!(zone, "UTC" | "Z" | "Etc/UTC" | "+00:00" | "+00" | "+0000")
}

/// The smallest timestamp of a unit that is at or after `bound` (in microseconds).
pub(super) fn first_instant(found: &DataType, bound: i64) -> Option<ScalarValue> {
    let DataType::Timestamp(unit, zone) = found else { return None };
    let zone = zone.clone();
    Some(match unit {
        TimeUnit::Second => ScalarValue::TimestampSecond(Some(ceil_div(bound, 1_000_000)), zone),
        TimeUnit::Millisecond => {
            ScalarValue::TimestampMillisecond(Some(ceil_div(bound, 1000)), zone)
        }
        TimeUnit::Microsecond => ScalarValue::TimestampMicrosecond(Some(bound), zone),
        TimeUnit::Nanosecond => {
            ScalarValue::TimestampNanosecond(Some(bound.checked_mul(1000)?), zone)
        }
    })
}

fn ceil_div(value: i64, by: i64) -> i64 {
    value.div_euclid(by) + i64::from(value.rem_euclid(by) != 0)
}

/// The first day whose midnight in the zone is at or after `bound`.
pub(super) fn first_day(found: &DataType, zone: Tz, bound: i64) -> Option<ScalarValue> {
    if *found != DataType::Date32 {
        return None;
    }
    let calendar = Calendar { zone, fiscal_start: 1 };
    let day = calendar.day_of(calendar.midnight_at_or_after(Instant(bound)));
    let number = day.signed_duration_since(NaiveDate::default()).num_days();
    Some(ScalarValue::Date32(Some(i32::try_from(number).ok()?)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Whether `value` becomes `bound` or more exactly if it is at or after the first that does.
    fn agrees(value: &ScalarValue, bound: i64, convert: fn(&ArrayRef) -> ArrayRef) -> bool {
        let converted = convert(&value.to_array().unwrap());
        let at = instants(&converted).next().unwrap().unwrap().0;
        let first = match value.data_type() {
            DataType::Date32 => first_day(&DataType::Date32, Tz::America__Sao_Paulo, bound),
            unit => first_instant(&unit, bound),
        };
        (at >= bound) == (*value >= first.unwrap())
    }

    proptest! {
        #[test]
        fn conditions_on_files_and_on_delivered_columns_agree(
            value in -200_000_000_000i64..200_000_000_000, off in -3_000_000i64..3_000_000,
        ) {
            let instant = |array: &ArrayRef| to_instants(array).unwrap();
            for (value, per_micro) in [
                (ScalarValue::TimestampSecond(Some(value), None), 1_000_000.0),
                (ScalarValue::TimestampMillisecond(Some(value), Some("UTC".into())), 1000.0),
                (ScalarValue::TimestampMicrosecond(Some(value), None), 1.0),
                (ScalarValue::TimestampNanosecond(Some(value), None), 0.001),
            ] {
                let units = value.cast_to(&DataType::Int64).unwrap();
                let ScalarValue::Int64(Some(units)) = units else { unreachable!() };
                #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
                let near = (units as f64 * per_micro) as i64;
                for bound in [near, near + 1, near - 1, near.saturating_add(off)] {
                    prop_assert!(agrees(&value, bound, instant), "{value:?} {bound}");
                }
            }
        }

        #[test]
        fn dates_agree_with_their_midnights(day in -40_000i32..60_000, off in -200_000i64..200_000) {
            let midnight = |array: &ArrayRef| to_midnights(array, Tz::America__Sao_Paulo).unwrap();
            let value = ScalarValue::Date32(Some(day));
            let at = instants(&midnight(&value.to_array().unwrap())).next().unwrap().unwrap().0;
            for bound in [at, at + 1, at - 1, at + off * 1_000_000] {
                prop_assert!(agrees(&value, bound, midnight), "{day} {bound}");
            }
        }
    }
}
