//! Exact numbers of metrics: counted, scaled or a fraction of exact parts, divided once, at the
//! end (definition book: "Money is exact").

use num_bigint::BigInt;
use num_integer::Integer;
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
        (denominator != 0).then(|| Self::Ratio(lowest_terms(numerator, denominator)))
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
            (Self::Ratio(_), _) | (_, Self::Ratio(_)) => self.divided_exactly(other),
            _ => {
                let scale = self.scale().max(other.scale());
                match (self.at_scale(scale), other.at_scale(scale)) {
                    (Some(numerator), Some(denominator)) => Self::fraction(numerator, denominator),
                    _ => self.divided_exactly(other),
                }
            }
        }
    }

    fn divided_exactly(&self, other: &Self) -> Option<Self> {
        Some(Self::Ratio(self.rational()? / other.rational()?))
    }

    #[must_use]
    pub fn abs(&self) -> Self {
        match self {
            Self::Int(v) => Self::Int(v.abs()),
            Self::Decimal(v, s) => Self::Decimal(v.abs(), *s),
            Self::Ratio(v) => {
                Self::Ratio(if *v < BigRational::zero() { -v.clone() } else { v.clone() })
            }
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

/// A fraction reduced in machine numbers, which is many times faster than in large ones.
fn lowest_terms(numerator: i128, denominator: i128) -> BigRational {
    let divisor = gcd(numerator.unsigned_abs(), denominator.unsigned_abs());
    // None where a part or the divisor is the one number without an opposite.
    let reduced = i128::try_from(divisor).ok().and_then(|divisor| {
        let divisor = if denominator < 0 { -divisor } else { divisor };
        Some((numerator.checked_div(divisor)?, denominator.checked_div(divisor)?))
    });
    match reduced {
        Some((numerator, denominator)) => {
            BigRational::new_raw(numerator.into(), denominator.into())
        }
        None => BigRational::new(numerator.into(), denominator.into()),
    }
}

fn gcd(a: u128, b: u128) -> u128 {
    match (u64::try_from(a), u64::try_from(b)) {
        (Ok(a), Ok(b)) => a.gcd(&b).into(),
        _ => a.gcd(&b),
    }
}

/// The double nearest to an exact fraction (ties to even).
#[must_use]
pub fn nearest_double(value: &BigRational) -> f64 {
    // Doubles hold these integers exactly, and their quotient is rounded once.
    const EXACT: u64 = 1 << f64::MANTISSA_DIGITS;
    let exact = |part: &BigInt| part.to_i64().filter(|part| part.unsigned_abs() <= EXACT);
    match (exact(value.numer()), exact(value.denom())) {
        #[allow(clippy::cast_precision_loss, reason = "none is lost")]
        (Some(numerator), Some(denominator)) => numerator as f64 / denominator as f64,
        _ => value.to_f64().unwrap_or(f64::NAN),
    }
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

    /// Against the arithmetic of large numbers, which has no bounds.
    #[test]
    fn fractions_of_machine_numbers_are_those_of_large_ones() {
        let edges =
            [0, 1, 2, 3, 10, 1 << 53, (1 << 53) + 1, i128::from(u64::MAX), 1 << 64, i128::MAX];
        let all = || edges.iter().flat_map(|&edge| [edge, -edge, (-edge).saturating_sub(1)]);
        for numerator in all() {
            for denominator in all().filter(|&denominator| denominator != 0) {
                let exact = BigRational::new(numerator.into(), denominator.into());
                let fraction = Number::fraction(numerator, denominator).unwrap();
                assert_eq!(fraction, Number::Ratio(exact.clone()), "{numerator}/{denominator}");
                let double = ToPrimitive::to_f64(&exact).unwrap();
                assert_eq!(fraction.to_f64().to_bits(), (double + 0.0).to_bits(), "{exact}");
                let (a, b) = (Number::Decimal(numerator, 2), Number::Int(denominator));
                let divided = exact / BigRational::from_integer(100.into());
                assert_eq!(a.div(&b), Some(Number::Ratio(divided)), "{numerator}/{denominator}");
            }
        }
    }

    #[test]
    fn decimals_keep_the_wider_scale() {
        let sum = Number::Decimal(1050, 2).add(&Number::Decimal(5, 1)).unwrap();
        assert_eq!(sum, Number::Decimal(1100, 2));
        assert_eq!(Number::Int(12).mul(&sum).unwrap(), Number::Decimal(13200, 2));
    }
}
