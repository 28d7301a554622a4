//! Exact values → JSON values: the one place where numbers get their text.

use std::str::FromStr;

use async_graphql::{Number as JsonNumber, Value};

use crate::engine::Cell;
use crate::values::{Number, Scalar};

/// A double holds this many significant decimal digits, whatever they are.
const EXACT_DIGITS: u32 = 15;

/// A decimal that a JSON reader would not read back as it is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLong;

/// A number in fixed notation, by its own kind: counts, decimals with their scale, ratios and
/// estimates as doubles.
pub(super) fn number(value: &Number) -> Result<Value, TooLong> {
    match value {
        Number::Int(count) if digits(*count) > EXACT_DIGITS => Err(TooLong),
        Number::Int(count) => Ok(json_number(&count.to_string())),
        Number::Decimal(units, scale) => decimal(*units, *scale),
        Number::Ratio(_) | Number::Float(_) => Ok(float(value.to_f64())),
    }
}

/// `units × 10^-scale` in fixed notation.
pub(super) fn decimal(units: i128, scale: u8) -> Result<Value, TooLong> {
    if digits(units) > EXACT_DIGITS {
        return Err(TooLong);
    }
    Ok(json_number(&fixed(units, scale)))
}

/// A ratio or estimate; null where there is none.
pub(super) fn ratio(value: Option<&Number>) -> Value {
    value.map_or(Value::Null, |number| float(number.to_f64()))
}

pub(super) fn float(value: f64) -> Value {
    // Minus zero is a zero that looks like an error.
    JsonNumber::from_f64(value + 0.0).map_or(Value::Null, Value::Number)
}

pub(super) fn text(value: Option<&str>) -> Value {
    value.map_or(Value::Null, Value::from)
}

pub(super) fn integer(value: Option<i64>) -> Value {
    value.map_or(Value::Null, Value::from)
}

/// A dimension's value: a text, number, boolean, day or instant.
pub(super) fn scalar(value: &Scalar) -> Result<Value, TooLong> {
    Ok(match value {
        Scalar::Null => Value::Null,
        Scalar::Bool(value) => Value::from(*value),
        Scalar::Int(value) => Value::from(*value),
        Scalar::Decimal(units, scale) => return decimal(*units, *scale),
        Scalar::Float(value) => float(*value),
        Scalar::Text(value) => Value::from(value.as_ref()),
        Scalar::Date(day) => Value::from(day.to_string()),
        Scalar::Timestamp(at) => Value::from(at.to_rfc3339()),
    })
}

pub(super) fn cell(value: &Cell) -> Result<Value, TooLong> {
    match value {
        Cell::Period(start) => Ok(Value::from(start.to_string())),
        Cell::Dimension(value) => scalar(value),
        Cell::Metric(value) => value.as_ref().map_or(Ok(Value::Null), number),
    }
}

/// `fixed(-43005, 2)` is `-430.05`.
pub(super) fn fixed(units: i128, scale: u8) -> String {
    let scale = usize::from(scale);
    if scale == 0 {
        return units.to_string();
    }
    let sign = if units < 0 { "-" } else { "" };
    let digits = format!("{:0>width$}", units.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    format!("{sign}{whole}.{fraction}")
}

/// Significant digits: zeros at the end do not make a value harder to hold.
fn digits(units: i128) -> u32 {
    let mut rest = units.unsigned_abs();
    while rest != 0 && rest.is_multiple_of(10) {
        rest /= 10;
    }
    rest.checked_ilog10().map_or(1, |log| log + 1)
}

fn json_number(text: &str) -> Value {
    JsonNumber::from_str(text).map_or(Value::Null, Value::Number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(value: &Value) -> String {
        serde_json::to_string(value).unwrap()
    }

    #[test]
    fn decimals_keep_their_scale() {
        assert_eq!(json(&decimal(43000, 2).unwrap()), "430.00");
        assert_eq!(json(&decimal(-5, 2).unwrap()), "-0.05");
        assert_eq!(json(&decimal(7, 0).unwrap()), "7");
        assert_eq!(
            json(&number(&Number::fraction(423, 430).unwrap()).unwrap()),
            "0.9837209302325581"
        );
        assert_eq!(json(&float(-0.0)), "0.0");
        assert_eq!(float(f64::NAN), Value::Null);
    }

    #[test]
    fn sixteen_significant_digits_are_too_many() {
        assert_eq!(json(&decimal(999_999_999_999_999, 2).unwrap()), "9999999999999.99");
        assert_eq!(decimal(1_000_000_000_000_001, 2), Err(TooLong));
        assert_eq!(number(&Number::Int(-1_000_000_000_000_001)), Err(TooLong));
        assert_eq!(json(&decimal(100_000_000_000_000_000, 2).unwrap()), "1000000000000000.00");
    }

    #[test]
    fn dates_and_instants_are_texts() {
        let day = chrono::NaiveDate::from_ymd_opt(2026, 3, 31).unwrap();
        assert_eq!(scalar(&Scalar::Date(day)).unwrap(), Value::from("2026-03-31"));
        let at = Scalar::Timestamp(crate::values::Instant(1_500_000));
        assert_eq!(scalar(&at).unwrap(), Value::from("1970-01-01T00:00:01.500Z"));
    }
}
