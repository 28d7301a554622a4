//! Exact numbers of metrics: counted, scaled or a fraction of exact parts, divided once, at the
//! end (definition book: "Money is exact").

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{ToPrimitive, Zero};

/// A metric's value before it is written out. `None` around it is the API's null.
#[derive(Debug, Clone, PartialEq)]
pub enum Number {
    /// A count.
    Int(i128),
    /// Money or another decimal: value in units of `10^-scale`.
    Decimal(i128, u8),
    /// An exact fraction that becomes the nearest double when written.
    Ratio(BigRational),
    /// A value that was computed in floating point (estimates, medians of floats).
    Float(f64),
}

impl Number {
    /// `numerator / denominator`, null for a zero denominator.
    #[must_use]
    pub fn ratio(numerator: &Self, denominator: &Self) -> Option<Self> {
        numerator.div(denominator)
    }

    /// The fraction of two integers, null for a zero denominator.
    #[must_use]
    pub fn fraction(numerator: i128, denominator: i128) -> Option<Self> {
        (denominator != 0)
            .then(|| Self::Ratio(BigRational::new(numerator.into(), denominator.into())))
    }

    #[must_use]
    pub fn is_zero(&self) -> bool {
        match self {
            Self::Int(v) | Self::Decimal(v, _) => *v == 0,
            Self::Ratio(v) => v.is_zero(),
            Self::Float(v) => *v == 0.0,
        }
    }

    /// The exact value; none for a float that is not finite.
    #[must_use]
    pub fn rational(&self) -> Option<BigRational> {
        match self {
            Self::Int(v) => Some(BigRational::from_integer((*v).into())),
            Self::Decimal(v, scale) => {
                Some(BigRational::new((*v).into(), BigInt::from(10).pow(u32::from(*scale))))
            }
            Self::Ratio(v) => Some(v.clone()),
            Self::Float(v) => BigRational::from_float(*v),
        }
    }

    /// The double nearest to the exact value.
    #[must_use]
    pub fn to_f64(&self) -> f64 {
        match self {
            Self::Float(v) => *v,
            other => other.rational().map_or(f64::NAN, |v| nearest_double(&v)),
        }
    }

    #[must_use]
    pub fn add(&self, other: &Self) -> Option<Self> {
        self.combine(other, i128::checked_add, |a, b| a + b, |a, b| a + b)
    }

    #[must_use]
    pub fn sub(&self, other: &Self) -> Option<Self> {
        self.combine(other, i128::checked_sub, |a, b| a - b, |a, b| a - b)
    }

    /// Product; decimals by counts stay decimals, everything else becomes a fraction.
    #[must_use]
    pub fn mul(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (Self::Float(_), _) | (_, Self::Float(_)) => {
                Some(Self::Float(self.to_f64() * other.to_f64()))
            }
            (Self::Int(a), Self::Int(b)) => a.checked_mul(*b).map(Self::Int),
            (Self::Int(a), Self::Decimal(b, s)) | (Self::Decimal(b, s), Self::Int(a)) => {
                a.checked_mul(*b).map(|v| Self::Decimal(v, *s))
            }
            _ => Some(Self::Ratio(self.rational()? * other.rational()?)),
        }
    }

    /// Quotient, null for a zero divisor.
    #[must_use]
    pub fn div(&self, other: &Self) -> Option<Self> {
        if other.is_zero() {
            return None;
        }
        match (self, other) {
            (Self::Float(_), _) | (_, Self::Float(_)) => {
                Some(Self::Float(self.to_f64() / other.to_f64()))
            }
            _ => Some(Self::Ratio(self.rational()? / other.rational()?)),
        }
    }

    #[must_use]
    pub fn abs(&self) -> Self {
        match self {
            Self::Int(v) => Self::Int(v.abs()),
            Self::Decimal(v, s) => Self::Decimal(v.abs(), *s),
            Self::Ratio(v) => Self::Ratio(if *v < BigRational::zero() { -v.clone() } else { v.clone() }),
            Self::Float(v) => Self::Float(v.abs()),
        }
    }

    #[must_use]
    pub fn compare(&self, other: &Self) -> std::cmp::Ordering {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => a.cmp(b),
            (Self::Decimal(a, s), Self::Decimal(b, t)) if s == t => a.cmp(b),
            _ => match (self.rational(), other.rational()) {
                (Some(a), Some(b)) => a.cmp(&b),
                _ => self.to_f64().total_cmp(&other.to_f64()),
            },
        }
    }

    fn combine(
        &self,
        other: &Self,
        ints: fn(i128, i128) -> Option<i128>,
        rationals: fn(BigRational, BigRational) -> BigRational,
        floats: fn(f64, f64) -> f64,
    ) -> Option<Self> {
        match (self, other) {
            (Self::Float(_), _) | (_, Self::Float(_)) => {
                Some(Self::Float(floats(self.to_f64(), other.to_f64())))
            }
            (Self::Int(a), Self::Int(b)) => ints(*a, *b).map(Self::Int),
            (Self::Ratio(_), _) | (_, Self::Ratio(_)) => {
                Some(Self::Ratio(rationals(self.rational()?, other.rational()?)))
            }
            _ => {
                let scale = self.scale().max(other.scale());
                ints(self.at_scale(scale)?, other.at_scale(scale)?).map(|v| Self::Decimal(v, scale))
            }
        }
    }

    fn scale(&self) -> u8 {
        match self {
            Self::Decimal(_, scale) => *scale,
            _ => 0,
        }
    }

    fn at_scale(&self, scale: u8) -> Option<i128> {
        match self {
            Self::Int(v) => v.checked_mul(10i128.checked_pow(u32::from(scale))?),
            Self::Decimal(v, s) => v.checked_mul(10i128.checked_pow(u32::from(scale - s))?),
            _ => None,
        }
    }
}

/// The double nearest to an exact fraction (ties to even).
#[must_use]
pub fn nearest_double(value: &BigRational) -> f64 {
    value.to_f64().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_the_double_nearest_to_its_exact_parts() {
        let ratio = Number::fraction(423, 430).unwrap();
        assert_eq!(ratio.to_f64(), 423.0 / 430.0);
        // Beyond 2^53 a division of rounded parts would be off; independent value from
        // Python's fractions.Fraction.
        let big = Number::fraction(9_007_199_254_740_993 * 3, 9_007_199_254_740_995).unwrap();
        assert_eq!(big.to_f64(), 2.999_999_999_999_999_6);
        assert_eq!(Number::fraction(1, 0), None);
    }

    #[test]
    fn decimals_keep_the_wider_scale() {
        let sum = Number::Decimal(1050, 2).add(&Number::Decimal(5, 1)).unwrap();
        assert_eq!(sum, Number::Decimal(1100, 2));
        assert_eq!(Number::Int(12).mul(&sum).unwrap(), Number::Decimal(13200, 2));
    }
}
