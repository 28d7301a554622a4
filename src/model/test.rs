//! Tests that definitions carry, bound: fixture rows, a question, the rows to expect.

use chrono::NaiveDate;

use super::{ColumnName, DatasetName, DimensionName, MetricName, SourcePos};
use crate::values::{Grain, Instant};

/// A test of a metric.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricTest {
    pub metric: MetricName,
    /// What it shows; empty where the definition does not say.
    pub name: String,
    pub given: Vec<Fixture>,
    pub ask: TestAsk,
    pub expect: Vec<ExpectedRow>,
    pub source: SourcePos,
}

/// The rows of one dataset, under the dataset's own column names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fixture {
    pub dataset: DatasetName,
    pub rows: Vec<FixtureRow>,
}

/// Values as written; columns not named are null.
pub type FixtureRow = Vec<(ColumnName, Option<String>)>;

/// A column of the answer → the value as written. All rows of a test name the same columns.
pub type ExpectedRow = Vec<(String, Option<String>)>;

/// The question.
#[derive(Debug, Clone, PartialEq)]
pub enum TestAsk {
    /// The flat table of the metrics that the expectation names.
    Table {
        /// First day and the day after the last.
        period: Option<(NaiveDate, NaiveDate)>,
        grain: Option<Grain>,
        group_by: Vec<DimensionName>,
        /// Values of the dimension's type as written; none: it must be null.
        only: Vec<(DimensionName, Option<String>)>,
        as_of: Option<Instant>,
        select: Vec<MetricName>,
    },
    /// A GraphQL document; the rows of its first field are compared.
    Document(String),
}
