//! What a caller asks, independent of the door it came through (GraphQL, HTTP, CLI).

use chrono::NaiveDate;

use crate::model::{
    AttachBasis, AttributionRule, DimensionName, MetricName, RetentionMethod, RetentionUnit,
    TimeOrigin, Window,
};
use crate::values::{Grain, Instant};

use super::{Predicate, Scope, Test};

/// One question to one typed field or to the flat table.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricQuery {
    pub scope: Scope,
    pub ask: Ask,
    pub period: Option<PeriodAsk>,
    /// None: the whole period as one row.
    pub grain: Option<Grain>,
    pub group_by: Vec<DimensionName>,
    pub filter: Option<Predicate>,
    pub sparse: bool,
    pub as_of: Option<Instant>,
}

/// A period as asked: `[start, end)`, or the last n complete periods of the grain.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PeriodAsk {
    pub start: Option<NaiveDate>,
    pub end: Option<NaiveDate>,
    pub last: Option<i64>,
}

/// What is asked for. Typed asks name the metric whose definition answers the field.
#[derive(Debug, Clone, PartialEq)]
pub enum Ask {
    Retention {
        metric: MetricName,
        window: Window,
        method: Option<RetentionMethod>,
        unit: RetentionUnit,
    },
    Expansion {
        metric: MetricName,
        /// Whether customers, or the part of the opening cohort, are wanted: without them the
        /// movements of a customer need not be brought together.
        by_customer: bool,
    },
    Attach {
        metric: MetricName,
        basis: AttachBasis,
        within_days: i64,
    },
    Duration {
        metric: MetricName,
        origin: TimeOrigin,
        milestone: Option<String>,
        nth: i64,
        types: Option<Vec<String>>,
        competing: bool,
    },
    Attribution {
        metric: MetricName,
        rule: AttributionRule,
        /// Whether the owners' books are wanted beside their credits.
        book: bool,
    },
    Cohorts {
        metric: MetricName,
    },
    /// A metric beside its named variants.
    Variants {
        of: MetricName,
        /// The window of all of them; none: each metric's own.
        window: Option<Window>,
    },
    Table(TableAsk),
}

impl Ask {
    /// The metrics that are named.
    #[must_use]
    pub fn metrics(&self) -> Vec<&MetricName> {
        match self {
            Self::Table(table) => table.select.iter().collect(),
            Self::Retention { metric, .. }
            | Self::Expansion { metric, .. }
            | Self::Attach { metric, .. }
            | Self::Duration { metric, .. }
            | Self::Attribution { metric, .. }
            | Self::Cohorts { metric }
            | Self::Variants { of: metric, .. } => vec![metric],
        }
    }
}

/// Any metrics as one flat table.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TableAsk {
    pub select: Vec<MetricName>,
    /// (column key, test): all must hold. Keys are metric or comparison columns.
    pub having: Vec<(String, Test)>,
    pub compare_to: Vec<Compare>,
    pub order_by: Vec<OrderBy>,
    pub limit: i64,
    pub offset: i64,
    /// Whether totals were asked for (they cost a query of their own).
    pub totals: bool,
    /// The day whose definitions are meant; today's unless given.
    pub defined_at: Option<NaiveDate>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Compare {
    PreviousPeriod,
    PreviousYear,
}

impl Compare {
    /// The part of column keys after `__`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PreviousPeriod => "previous_period",
            Self::PreviousYear => "previous_year",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderBy {
    /// A column's key: period, a dimension, a metric or a comparison.
    pub by: String,
    pub descending: bool,
    pub nulls: Option<Nulls>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nulls {
    First,
    Last,
}
