//! Filters over dimensions, with two-valued logic: `ne`, `notIn` and `not` keep nulls.

use std::cmp::Ordering;

use crate::values::Scalar;

use super::DimensionName;

/// A filter over dimensions, values already of the dimensions' types.
#[derive(Debug, Clone, PartialEq)]
pub enum Predicate {
    /// True where there are none.
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    Test {
        dimension: DimensionName,
        test: Test,
    },
}

/// A test of one value.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    Eq(Scalar),
    Ne(Scalar),
    In(Vec<Scalar>),
    NotIn(Vec<Scalar>),
    IsNull(bool),
    Lt(Scalar),
    Lte(Scalar),
    Gt(Scalar),
    Gte(Scalar),
    Contains(String),
    StartsWith(String),
}

impl Predicate {
    /// Both hold.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self::All(vec![self, other])
    }

    /// Every dimension the filter tests, in order of appearance.
    #[must_use]
    pub fn dimensions(&self) -> Vec<&DimensionName> {
        match self {
            Self::All(parts) | Self::Any(parts) => {
                parts.iter().flat_map(Self::dimensions).collect()
            }
            Self::Not(inner) => inner.dimensions(),
            Self::Test { dimension, .. } => vec![dimension],
        }
    }
}

impl Test {
    /// Whether a value passes. A null passes only `ne`, `notIn` and `isNull: true`.
    #[must_use]
    pub fn passes(&self, value: &Scalar) -> bool {
        let same = |other: &Scalar| value.total_cmp(other) == Ordering::Equal;
        let ordered = |other: &Scalar, accept: fn(Ordering) -> bool| {
            !value.is_null() && !other.is_null() && accept(value.total_cmp(other))
        };
        match self {
            Self::Eq(other) => !value.is_null() && same(other),
            Self::Ne(other) => value.is_null() || !same(other),
            Self::In(others) => !value.is_null() && others.iter().any(same),
            Self::NotIn(others) => value.is_null() || !others.iter().any(same),
            Self::IsNull(wanted) => value.is_null() == *wanted,
            Self::Lt(other) => ordered(other, Ordering::is_lt),
            Self::Lte(other) => ordered(other, Ordering::is_le),
            Self::Gt(other) => ordered(other, Ordering::is_gt),
            Self::Gte(other) => ordered(other, Ordering::is_ge),
            Self::Contains(part) => matches!(value, Scalar::Text(text) if text.contains(part)),
            Self::StartsWith(part) => matches!(value, Scalar::Text(text) if text.starts_with(part)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nulls_pass_only_negations() {
        let smb = Scalar::text("SMB");
        assert!(!Test::Eq(smb.clone()).passes(&Scalar::Null));
        assert!(Test::Ne(smb.clone()).passes(&Scalar::Null));
        assert!(Test::NotIn(vec![smb.clone()]).passes(&Scalar::Null));
        assert!(!Test::In(vec![]).passes(&smb));
        assert!(!Test::Lt(Scalar::Int(3)).passes(&Scalar::Null));
    }
}
