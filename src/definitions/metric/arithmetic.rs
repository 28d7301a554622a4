//! Metrics computed from metrics: ratios and arithmetic.

use crate::definitions::read::Text;
use crate::definitions::record::record;

record! {
    /// One metric over another; null where the denominator is zero.
    pub struct RatioDef is "a ratio metric" {
        /// The metric above the line.
        numerator: Text,
        /// The metric below the line.
        denominator: Text,
    }
}

record! {
    /// Arithmetic over metrics.
    pub struct DerivedDef is "a derived metric" {
        /// +, -, *, / and parentheses over metric names and numbers.
        expr: Text,
    }
}
