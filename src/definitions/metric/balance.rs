//! Recurring revenue at the period's end.

use crate::definitions::read::Text;
use crate::definitions::record::{choice, record};

choice! {
    /// What is measured of a balance.
    pub enum BalanceWord {
        Amount = "amount",
        Customers = "customers",
    }
}

record! {
    /// A balance at the period's end.
    pub struct BalanceMetricDef is "a balance metric" {
        /// The balance; needed where there is more than one.
        balance: Option<Text>,
        /// amount, or customers with a balance above zero.
        measure: BalanceWord,
        /// Only what this condition over the metric's dimensions lets through.
        filter: Option<Text>,
    }
}
