//! One value of a dimension, typed, with a total order (nulls last).

use std::cmp::Ordering;
use std::sync::Arc;

use chrono::NaiveDate;

use super::Instant;

/// A dimension's value. Decimals are scaled integers: `Decimal(1250, 2)` is 12.50.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar {
    Null,
    Bool(bool),
    Int(i64),
    Decimal(i128, u8),
    Float(f64),
    Text(Arc<str>),
    Date(NaiveDate),
    Timestamp(Instant),
}

impl Scalar {
    pub fn text(value: impl Into<Arc<str>>) -> Self {
        Self::Text(value.into())
    }

    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Compares two values of a kind; numbers of different kinds compare by value, otherwise by
    /// kind. Nulls come last.
    #[must_use]
    pub fn total_cmp(&self, other: &Self) -> Ordering {
        use Scalar::{Bool, Date, Null, Text, Timestamp};
        match (self, other) {
            (Null, Null) => Ordering::Equal,
            (Null, _) => Ordering::Greater,
            (_, Null) => Ordering::Less,
            (Bool(a), Bool(b)) => a.cmp(b),
            (Text(a), Text(b)) => a.cmp(b),
            (Date(a), Date(b)) => a.cmp(b),
            (Timestamp(a), Timestamp(b)) => a.cmp(b),
            _ => match (self.exact(), other.exact()) {
                (Some((a, a_scale)), Some((b, b_scale))) => cmp_scaled(a, a_scale, b, b_scale),
                _ => match (self.as_f64(), other.as_f64()) {
                    (Some(a), Some(b)) => a.total_cmp(&b),
                    _ => self.rank().cmp(&other.rank()),
                },
            },
        }
    }

    fn exact(&self) -> Option<(i128, u8)> {
        match self {
            Self::Int(value) => Some((i128::from(*value), 0)),
            Self::Decimal(value, scale) => Some((*value, *scale)),
            _ => None,
        }
    }

    #[allow(clippy::cast_precision_loss)]
    fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Int(value) => Some(*value as f64),
            Self::Decimal(value, scale) => Some(*value as f64 / 10f64.powi(i32::from(*scale))),
            Self::Float(value) => Some(*value),
            _ => None,
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Bool(_) => 0,
            Self::Int(_) | Self::Decimal(..) | Self::Float(_) => 1,
            Self::Date(_) => 2,
            Self::Timestamp(_) => 3,
            Self::Text(_) => 4,
            Self::Null => 5,
        }
    }
}

fn cmp_scaled(a: i128, a_scale: u8, b: i128, b_scale: u8) -> Ordering {
    let widen = |value: i128, by: u8| value.checked_mul(10i128.pow(u32::from(by)));
    match a_scale.cmp(&b_scale) {
        Ordering::Equal => a.cmp(&b),
        Ordering::Less => widen(a, b_scale - a_scale).map_or_else(|| a.signum().cmp(&0), |a| a.cmp(&b)),
        Ordering::Greater => widen(b, a_scale - b_scale).map_or_else(|| 0.cmp(&b.signum()), |b| a.cmp(&b)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_compare_by_value_and_nulls_come_last() {
        assert_eq!(Scalar::Int(2).total_cmp(&Scalar::Decimal(150, 2)), Ordering::Greater);
        assert_eq!(Scalar::Decimal(20, 1).total_cmp(&Scalar::Decimal(200, 2)), Ordering::Equal);
        assert_eq!(Scalar::Null.total_cmp(&Scalar::text("z")), Ordering::Greater);
    }
}
