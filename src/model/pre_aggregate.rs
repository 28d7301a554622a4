//! Pre-aggregates: which sums the engine keeps, so that questions about them read no rows.

use super::{DimensionName, MetricName};

/// Sums of some metrics by dimensions of customers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreAggregate {
    pub metrics: Vec<MetricName>,
    /// Attributes of customers, at least one, each once.
    pub dimensions: Vec<DimensionName>,
}
