//! Retention: what is measured of a cohort, over which window, by which rules.

use super::{BalanceName, MetricName};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetentionKind {
    pub balance: BalanceName,
    pub measure: RetentionMeasure,
    pub window: Window,
    /// None: the ledger method where a ledger is recorded, else endpoint.
    pub method: Option<RetentionMethod>,
    pub unit: RetentionUnit,
    pub rules: RetentionRules,
}

/// Rules of a retention metric that the book's own do not have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RetentionRules {
    /// The metric of which this is a named variant.
    pub variant_of: Option<MetricName>,
    /// Revenue of units that were inactive at the start and came back is in the numerator.
    pub reactivation_counted: bool,
    /// Types of expansion that are left out of what the cohort pays at the end, sorted.
    pub left_out: Vec<String>,
    /// The product of the rates of the window's months.
    pub chained: bool,
}

impl RetentionRules {
    /// Whether the numbers are those of the book's own rules.
    #[must_use]
    pub fn are_the_books(&self) -> bool {
        !self.reactivation_counted && self.left_out.is_empty() && !self.chained
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RetentionMeasure {
    Nrr,
    Grr,
    LogoRetention,
    LogoChurnRate,
    GrossChurnRate,
    ExpansionRate,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Window {
    Period,
    TrailingMonths(u8),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RetentionMethod {
    Ledger,
    Endpoint,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RetentionUnit {
    Customer,
    CustomerProduct,
}

impl RetentionKind {
    /// Its rules in words, from the window to what is special.
    #[must_use]
    pub fn in_words(&self) -> String {
        let mut words = vec![match self.window {
            Window::Period => "the row's own period".to_owned(),
            Window::TrailingMonths(months) => format!("{months} months before the period's end"),
        }];
        words.push(
            match self.unit {
                RetentionUnit::Customer => "customers",
                RetentionUnit::CustomerProduct => "product lines of customers by themselves",
            }
            .to_owned(),
        );
        match self.method {
            Some(RetentionMethod::Ledger) => words.push("by the ledger".to_owned()),
            Some(RetentionMethod::Endpoint) => words.push("by comparing both ends".to_owned()),
            None => {}
        }
        words.extend(self.rules.in_words());
        words.join("; ")
    }
}

impl RetentionRules {
    /// What is special, if anything.
    #[must_use]
    pub fn in_words(&self) -> Vec<String> {
        let mut words = Vec::new();
        if !self.left_out.is_empty() {
            words.push(format!("expansion of type {} left out", self.left_out.join(", ")));
        }
        if self.reactivation_counted {
            words.push("revenue that came back counted".to_owned());
        }
        if self.chained {
            words.push("product of the rates of the window's months".to_owned());
        }
        words
    }
}
