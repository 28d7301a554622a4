//! Metrics: kinds with their parameters. Code knows kinds, never metric names.

use chrono::NaiveDate;

use crate::values::Grain;

use super::{
    BalanceName, ColumnName, DatasetName, DimensionName, MetricExpr, MetricName, MovementClass,
    Predicate, RetentionKind, ScalarExpr, SourcePos,
};

#[derive(Debug, Clone)]
pub struct Metric {
    pub name: MetricName,
    pub label: String,
    pub description: String,
    pub kind: MetricKind,
    /// Only what it lets through counts.
    pub filter: Option<MetricFilter>,
    pub unit: Unit,
    /// Over what it adds up, in words ("adds up over segment, … and over time", "does not add up").
    pub additive: String,
    pub good: Option<GoodDirection>,
    pub owner: Option<String>,
    pub tags: Vec<String>,
    /// How a client should write it, for example `0.0 %`.
    pub format: Option<String>,
    pub status: String,
    /// Not offered by the API; usable by other definitions.
    pub private: bool,
    pub deprecated: Option<Deprecation>,
    pub bands: Vec<Band>,
    pub targets: Vec<Target>,
    /// How it is computed, in words.
    pub formula: String,
    /// The definition's own YAML text.
    pub definition: String,
    /// Every dimension it can be grouped and filtered by, in catalogue order.
    pub dimensions: Vec<DimensionName>,
    /// Every column it reads.
    pub lineage: Vec<(DatasetName, ColumnName)>,
    /// The typed root field that it answers (`nrr`), if any.
    pub field: Option<String>,
    /// What it was before, the oldest first.
    pub versions: Vec<MetricVersion>,
    pub source: SourcePos,
}

impl Metric {
    /// The definition that held on a day.
    #[must_use]
    pub fn as_of(&self, day: NaiveDate) -> &Self {
        self.version_on(day).map_or(self, |version| &version.metric)
    }

    /// The earlier version that held on a day; none: today's definition did.
    #[must_use]
    pub fn version_on(&self, day: NaiveDate) -> Option<&MetricVersion> {
        self.versions.iter().find(|version| day < version.until)
    }

    /// The metrics that it is computed from.
    #[must_use]
    pub fn inputs(&self) -> Vec<&MetricName> {
        match &self.kind {
            MetricKind::Ratio { numerator, denominator } => vec![numerator, denominator],
            MetricKind::Derived { expr } => expr.metrics(),
            MetricKind::Cumulative { of, .. } => vec![of],
            _ => Vec::new(),
        }
    }

    /// The metric of which this is a named variant.
    #[must_use]
    pub fn variant_of(&self) -> Option<&MetricName> {
        match &self.kind {
            MetricKind::Retention(kind) => kind.rules.variant_of.as_ref(),
            _ => None,
        }
    }
}

/// A metric as it was defined until a day.
#[derive(Debug, Clone)]
pub struct MetricVersion {
    /// The first day of the definition that came after.
    pub until: NaiveDate,
    pub because: Option<String>,
    pub metric: Box<Metric>,
}

/// A condition over dimensions that is part of a metric.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricFilter {
    /// As written.
    pub text: String,
    pub predicate: Predicate,
}

#[derive(Debug, Clone)]
pub enum MetricKind {
    Aggregate(AggregateKind),
    /// Numerator over denominator, null where the denominator is zero.
    Ratio {
        numerator: MetricName,
        denominator: MetricName,
    },
    Derived {
        expr: MetricExpr,
    },
    /// An aggregate accumulated over a trailing window, to date, or since the beginning.
    Cumulative {
        of: MetricName,
        window: CumulativeWindow,
    },
    Balance {
        balance: BalanceName,
        measure: BalanceMeasure,
    },
    /// Recorded movements (derived ones without a ledger) of the given classes.
    Movement {
        balance: BalanceName,
        classes: Vec<MovementClass>,
        measure: MovementMeasure,
    },
    Retention(RetentionKind),
    Attach(AttachKind),
    Duration(DurationKind),
    Attribution(AttributionKind),
    Conversion(ConversionKind),
    Cohort(CohortKind),
}

impl MetricKind {
    /// Whether it reads rows of a dataset of its own, beside those of a balance.
    #[must_use]
    pub fn reads(&self, dataset: &DatasetName) -> bool {
        match self {
            Self::Aggregate(kind) => kind.dataset == *dataset,
            Self::Conversion(kind) => {
                kind.base.dataset == *dataset || kind.conversion.dataset == *dataset
            }
            Self::Attach(kind) => kind.products == *dataset || kind.orders.dataset == *dataset,
            Self::Duration(kind) => {
                let milestones = kind.milestones.as_ref();
                kind.acquisition.0 == *dataset
                    || milestones.is_some_and(|milestones| milestones.dataset == *dataset)
            }
            Self::Attribution(kind) => {
                let offers = kind.offers.as_ref();
                kind.owners.dataset == *dataset
                    || offers.is_some_and(|offers| offers.dataset == *dataset)
            }
            Self::Cohort(kind) => kind.acquisition.0 == *dataset,
            Self::Ratio { .. }
            | Self::Derived { .. }
            | Self::Cumulative { .. }
            | Self::Balance { .. }
            | Self::Movement { .. }
            | Self::Retention(_) => false,
        }
    }

    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Aggregate(_) => "aggregate",
            Self::Ratio { .. } => "ratio",
            Self::Derived { .. } => "derived",
            Self::Cumulative { .. } => "cumulative",
            Self::Balance { .. } => "balance",
            Self::Movement { .. } => "movement",
            Self::Retention(_) => "retention",
            Self::Attach(_) => "attach",
            Self::Duration(_) => "duration",
            Self::Attribution(_) => "attribution",
            Self::Conversion(_) => "conversion",
            Self::Cohort(_) => "cohort",
        }
    }

    /// The scalar expressions of its own.
    #[must_use]
    pub fn expressions(&self) -> Vec<&ScalarExpr> {
        match self {
            Self::Aggregate(kind) => kind.expr.iter().chain(&kind.filter).collect(),
            Self::Conversion(kind) => {
                kind.base.filter.iter().chain(&kind.conversion.filter).collect()
            }
            Self::Attach(kind) => vec![&kind.base, &kind.attached],
            _ => Vec::new(),
        }
    }

    /// The balance that it is measured on.
    #[must_use]
    pub fn balance(&self) -> Option<&BalanceName> {
        match self {
            Self::Balance { balance, .. } | Self::Movement { balance, .. } => Some(balance),
            Self::Retention(kind) => Some(&kind.balance),
            Self::Attach(kind) => Some(&kind.balance),
            Self::Duration(kind) => Some(&kind.balance),
            Self::Attribution(kind) => Some(&kind.balance),
            Self::Cohort(kind) => Some(&kind.balance),
            Self::Aggregate(_)
            | Self::Ratio { .. }
            | Self::Derived { .. }
            | Self::Cumulative { .. }
            | Self::Conversion(_) => None,
        }
    }
}

/// Rows of one dataset, aggregated by their time.
#[derive(Debug, Clone)]
pub struct AggregateKind {
    pub dataset: DatasetName,
    pub aggregate: Aggregate,
    /// What is aggregated; none for `count` of rows.
    pub expr: Option<ScalarExpr>,
    pub filter: Option<ScalarExpr>,
    /// The time that places a row in a period; none: the metric has no periods.
    pub time: Option<ColumnName>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Aggregate {
    Count,
    CountDistinct,
    Sum,
    Min,
    Max,
    /// Exact sum over exact count.
    Average,
    Median,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CumulativeWindow {
    /// Everything before the period's end.
    AllTime,
    /// The trailing number of months.
    Months(u32),
    /// The trailing number of days.
    Days(u32),
    /// Since the start of the grain that holds the period (year to date).
    ToDate(Grain),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BalanceMeasure {
    /// Sum of balances at the period's end.
    Amount,
    /// Customers with a balance above zero.
    Customers,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MovementMeasure {
    /// Losses positive, as the definition's classes say.
    Amount,
    Events,
    /// Distinct customers.
    Customers,
}

#[derive(Debug, Clone)]
pub struct AttachKind {
    pub orders: OrderLines,
    pub balance: BalanceName,
    /// Conditions on a line's product, over the columns of the product entity's dataset.
    pub base: ScalarExpr,
    pub attached: ScalarExpr,
    pub products: DatasetName,
    /// A line that is both counts as both.
    pub both_count: bool,
    pub basis: AttachBasis,
    pub within_days: u32,
}

#[derive(Debug, Clone)]
pub struct OrderLines {
    pub dataset: DatasetName,
    pub order: ColumnName,
    pub customer: ColumnName,
    pub product: ColumnName,
    pub time: ColumnName,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AttachBasis {
    Order,
    Customer,
    WithinDays,
}

#[derive(Debug, Clone)]
pub struct DurationKind {
    pub balance: BalanceName,
    pub origin: TimeOrigin,
    /// The dataset and columns of acquisition: (customer key, date).
    pub acquisition: (DatasetName, ColumnName, ColumnName),
    pub milestones: Option<Milestones>,
    pub milestone: Option<String>,
    pub nth: u32,
    pub types: Option<Vec<String>>,
    pub competing: bool,
    pub measure: DurationMeasure,
}

#[derive(Debug, Clone)]
pub struct Milestones {
    pub dataset: DatasetName,
    pub customer: ColumnName,
    pub milestone: ColumnName,
    pub time: ColumnName,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TimeOrigin {
    Acquisition,
    Milestone,
    PreviousExpansion,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DurationMeasure {
    /// Quantile of the survival estimate in percent: 50 = the median.
    QuantileDays(u8),
    /// Share with the event by that day.
    ShareByDay(u32),
    /// Median among those who had the event.
    ObservedMedianDays,
}

#[derive(Debug, Clone)]
pub struct AttributionKind {
    pub balance: BalanceName,
    pub owners: Owners,
    pub offers: Option<Offers>,
    pub rule: AttributionRule,
}

/// Who owned a customer when: the bridge dataset's columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owners {
    pub dataset: DatasetName,
    pub customer: ColumnName,
    pub owner: ColumnName,
    pub share: Option<ColumnName>,
    pub from: ColumnName,
    pub to: ColumnName,
    /// Dimension of the owner's key and of the owner's name (`csm_id`, `csm_name`).
    pub id_dimension: DimensionName,
    pub name_dimension: Option<DimensionName>,
}

/// Who presented an offer, and whether it was accepted.
#[derive(Debug, Clone)]
pub struct Offers {
    pub dataset: DatasetName,
    pub offer: ColumnName,
    pub presenter: ColumnName,
    pub presented_at: ColumnName,
    pub responded_at: ColumnName,
    pub outcome: ColumnName,
    pub accepted: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AttributionRule {
    OwnerAtEvent,
    CurrentOwner,
    OwnerAtPeriodStart,
    OfferOwner,
}

/// Of the base events of a period, the share followed by a conversion of the same entity.
#[derive(Debug, Clone)]
pub struct ConversionKind {
    pub base: AggregateKind,
    pub conversion: AggregateKind,
    pub base_key: ColumnName,
    pub conversion_key: ColumnName,
    /// Calendar days within which the conversion counts.
    pub within_days: u32,
}

impl ConversionKind {
    /// Whether both are rows of one dataset by one time: a row does not follow itself.
    #[must_use]
    pub fn is_of_the_same_rows(&self) -> bool {
        self.base.dataset == self.conversion.dataset && self.base.time == self.conversion.time
    }
}

/// Customers by the period of their acquisition, followed by age.
#[derive(Debug, Clone)]
pub struct CohortKind {
    pub balance: BalanceName,
    /// The dataset and columns of acquisition: (customer key, date).
    pub acquisition: (DatasetName, ColumnName, ColumnName),
    pub measure: CohortMeasure,
}

/// What a flat table shows of a cohort, to date, against the end of its first period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CohortMeasure {
    MrrRetention,
    LogoRetention,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unit {
    /// Money in the project's currency.
    Currency,
    /// A fraction: 1.15 means 115 %.
    Ratio,
    Count,
    Days,
    Other(String),
}

impl Unit {
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Currency => "currency",
            Self::Ratio => "ratio",
            Self::Count => "count",
            Self::Days => "days",
            Self::Other(name) => name,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GoodDirection {
    Up,
    Down,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deprecation {
    pub reason: String,
    pub replacement: Option<MetricName>,
    pub removed_after: Option<NaiveDate>,
}

impl Deprecation {
    /// Why, what instead, and how long it stays, for a note beside an answer.
    #[must_use]
    pub fn note(&self, name: &MetricName) -> String {
        let mut note =
            format!("`{name}` is deprecated: {}", self.reason.trim().trim_end_matches('.'));
        if let Some(other) = &self.replacement {
            note.push_str(&format!("; use `{other}`"));
        }
        if let Some(day) = self.removed_after {
            note.push_str(&format!("; gone after {day}"));
        }
        note.push('.');
        note
    }
}

/// A value to reach, with its source.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    pub value: f64,
    pub source: String,
    /// First day it holds, and first day it no longer does.
    pub from: Option<NaiveDate>,
    pub to: Option<NaiveDate>,
    /// The grain whose rows it is for; none: every row.
    pub grain: Option<Grain>,
    /// The slice it is for; none: the whole, and for ratios every slice.
    pub only: Vec<(DimensionName, String)>,
}

/// A half-open range `[low, high)` of values with a word for it and its source.
#[derive(Debug, Clone, PartialEq)]
pub struct Band {
    pub label: String,
    pub low: Option<f64>,
    pub high: Option<f64>,
    pub source: String,
    /// The slice it is for (segment = SMB); none: every slice.
    pub only: Vec<(DimensionName, String)>,
}
