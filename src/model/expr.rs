//! Expressions of definitions, parsed and checked once, at load.

use super::{ColumnName, MetricName, SourcePos};

/// A scalar SQL expression over one dataset's columns: parsed, every function on the allow-list,
/// every column known. The planner lowers `sql` against the table's schema.
#[derive(Debug, Clone)]
pub struct ScalarExpr {
    pub sql: String,
    pub columns: Vec<ColumnName>,
    pub source: SourcePos,
}

impl ScalarExpr {
    /// Whether it is nothing but the column.
    #[must_use]
    pub fn is_column(&self, column: &ColumnName) -> bool {
        let bare = self.sql.trim().trim_matches('"');
        self.columns == [column.clone()] && bare.eq_ignore_ascii_case(column.as_str())
    }

    /// Whether something is computed, and not only read.
    #[must_use]
    pub fn computes(&self) -> bool {
        !self.columns.iter().any(|column| self.is_column(column))
    }
}

/// Arithmetic over metrics, exact until it is written out.
#[derive(Debug, Clone, PartialEq)]
pub enum MetricExpr {
    Metric(MetricName),
    /// A constant, as an exact decimal: (units, scale).
    Constant(i128, u8),
    Add(Box<Self>, Box<Self>),
    Sub(Box<Self>, Box<Self>),
    Mul(Box<Self>, Box<Self>),
    /// Null where the divisor is zero.
    Div(Box<Self>, Box<Self>),
    Neg(Box<Self>),
}

impl MetricExpr {
    /// Every metric the expression names.
    #[must_use]
    pub fn metrics(&self) -> Vec<&MetricName> {
        match self {
            Self::Metric(name) => vec![name],
            Self::Constant(..) => Vec::new(),
            Self::Neg(inner) => inner.metrics(),
            Self::Add(a, b) | Self::Sub(a, b) | Self::Mul(a, b) | Self::Div(a, b) => {
                let mut all = a.metrics();
                all.extend(b.metrics());
                all
            }
        }
    }
}
