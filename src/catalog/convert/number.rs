//! Numbers: decimals of any width, integers in minor units, floats rounded once and exactly.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Decimal128Array, PrimitiveArray};
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use arrow::error::ArrowError;

use super::{Conversion, PRECISION, checked_cast};

const LIMIT: u128 = 10u128.pow(PRECISION as u32);
/// A double's 53 bits times 10^22 still fit 128 bits; more digits no float carries anyway.
const MOST_DIGITS_OF_A_FLOAT: i8 = 22;

/// Integers, and decimals without a fraction, as which some warehouses export them.
pub(super) fn is_whole(found: &DataType) -> bool {
    found.is_integer() || scale_of(found) == Some(0)
}

/// The scale of a decimal type.
pub(in crate::catalog) fn scale_of(found: &DataType) -> Option<i8> {
    match found {
        DataType::Decimal32(_, scale)
        | DataType::Decimal64(_, scale)
        | DataType::Decimal128(_, scale)
        | DataType::Decimal256(_, scale) => Some(*scale),
        _ => None,
    }
}

pub(super) fn to_decimal(
    found: &DataType,
    scale: i8,
    minor_units: Option<u8>,
) -> Option<Conversion> {
    match (found, minor_units) {
        (integer, Some(units)) if is_whole(integer) => (i16::from(units) <= i16::from(scale))
            .then_some(Conversion::MinorUnits { units, scale }),
        (decimal, _) if decimal.is_decimal() && scale.unsigned_abs() <= PRECISION => {
            Some(Conversion::Cast(DataType::Decimal128(PRECISION, scale)))
        }
        (float, _) if float.is_floating() => {
            (0..=MOST_DIGITS_OF_A_FLOAT).contains(&scale).then_some(Conversion::Round { scale })
        }
        _ => None,
    }
}

pub(super) fn from_minor_units(
    array: &ArrayRef,
    units: u8,
    scale: i8,
) -> Result<ArrayRef, ArrowError> {
    let whole = checked_cast(array, &DataType::Int64)?;
    let shift = u32::try_from(i16::from(scale) - i16::from(units)).unwrap_or_default();
    let factor = 10i128.checked_pow(shift).ok_or_else(|| out_of_range("minor units"))?;
    let decimals: Decimal128Array = whole.as_primitive::<Int64Type>().try_unary(|value| {
        let value = i128::from(value).checked_mul(factor);
        value.filter(|v| v.unsigned_abs() < LIMIT).ok_or_else(|| out_of_range("an integer"))
    })?;
    Ok(Arc::new(decimals.with_precision_and_scale(PRECISION, scale)?))
}

/// Each float to the decimal nearest to its exact value, halves away from zero. NaN, which writers
/// of missing values leave behind, is null; an infinity is an error.
pub(super) fn round_floats(array: &ArrayRef, scale: i8) -> Result<ArrayRef, ArrowError> {
    let floats = checked_cast(array, &DataType::Float64)?;
    let floats: &PrimitiveArray<Float64Type> = floats.as_primitive();
    let digits = u32::try_from(scale).unwrap_or_default();
    let decimals = floats
        .iter()
        .map(|value| match value {
            Some(value) if !value.is_nan() => nearest_decimal(value, digits)
                .map(Some)
                .ok_or_else(|| out_of_range("a floating-point number")),
            _ => Ok(None),
        })
        .collect::<Result<Decimal128Array, _>>()?;
    Ok(Arc::new(decimals.with_precision_and_scale(PRECISION, scale)?))
}

/// `value × 10^digits` to the nearest integer, computed exactly; none beyond 38 digits.
fn nearest_decimal(value: f64, digits: u32) -> Option<i128> {
    if !value.is_finite() {
        return None;
    }
    let bits = value.to_bits();
    let (exponent, fraction) = ((bits >> 52) & 0x7ff, bits & ((1 << 52) - 1));
    // value = ± mantissa × 2^power, exactly (IEEE 754; exponent 0 holds the subnormals).
    let mantissa = if exponent == 0 { fraction } else { fraction | (1 << 52) };
    let power = i32::try_from(exponent.max(1)).ok()? - 1075;
    let scaled = u128::from(mantissa).checked_mul(10u128.checked_pow(digits)?)?;
    let magnitude = match u32::try_from(-power) {
        Ok(down) if down >= 128 => 0,
        Ok(0) => scaled,
        Ok(down) => (scaled >> down) + ((scaled >> (down - 1)) & 1),
        Err(_) => scaled.checked_mul(2u128.checked_pow(u32::try_from(power).ok()?)?)?,
    };
    let signed = i128::try_from(magnitude).ok().filter(|_| magnitude < LIMIT)?;
    Some(if value.is_sign_negative() { -signed } else { signed })
}

fn out_of_range(what: &str) -> ArrowError {
    ArrowError::ComputeError(format!("{what} does not fit a decimal of {PRECISION} digits"))
}

#[cfg(test)]
mod tests {
    use num_bigint::BigInt;
    use num_rational::BigRational;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn floats_round_by_their_exact_value() {
        // 1.005 is really 1.00499999999999989…; 0.125 and 2.5 are exact halves.
        for (value, digits, expected) in [
            (1.005, 2, 100),
            (0.125, 2, 13),
            (-0.125, 2, -13),
            (2.5, 0, 3),
            (0.1 + 0.2, 2, 30),
            (19.99, 2, 1999),
            (1e22, 2, 1_000_000_000_000_000_000_000_000),
            (5e-324, 22, 0),
            (-0.0, 2, 0),
        ] {
            assert_eq!(nearest_decimal(value, digits), Some(expected), "{value}");
        }
        assert_eq!(nearest_decimal(1e37, 2), None);
        assert_eq!(nearest_decimal(f64::INFINITY, 2), None);
    }

    proptest! {
        #[test]
        fn rounding_is_never_off_by_more_than_half_a_unit(value in any::<f64>(), digits in 0u32..=22) {
            if let Some(rounded) = nearest_decimal(value, digits) {
                let unit = BigRational::from_integer(BigInt::from(10).pow(digits));
                let exact = BigRational::from_float(value).unwrap() * unit;
                let off = exact - BigRational::from_integer(rounded.into());
                let half = BigRational::new(1.into(), 2.into());
                prop_assert!(off.clone() <= half && -off <= half);
            }
        }
    }
}
