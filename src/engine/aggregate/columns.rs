//! Names of the columns that plans over rows add.

pub const PERIOD: &str = "__period";
pub const TIME: &str = "__time";
pub const KEY: &str = "__key";

/// The name of the n-th group-by dimension's column.
#[must_use]
pub fn group_column(index: usize) -> String {
    format!("__group_{index}")
}

/// The name of the n-th measured value's column.
#[must_use]
pub fn value_column(index: usize) -> String {
    format!("__value_{index}")
}

/// The name of the column that says how much of a row the n-th measure counts.
#[must_use]
pub fn weight_column(index: usize) -> String {
    format!("__weight_{index}")
}

/// The name of the n-th filter's column.
#[must_use]
pub fn filter_column(index: usize) -> String {
    format!("__filter_{index}")
}
