//! Answers, as exact values: the doors (GraphQL, HTTP, CLI) only write them out.

use chrono::NaiveDate;

use crate::model::{DimensionName, MetricName, RetentionMethod, Unit};
use crate::values::{Instant, Number, Scalar};

/// The answer to one `MetricQuery`.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    Retention(Vec<RetentionAnswerRow>, Provenance),
    Expansion(Vec<ExpansionAnswerRow>, Provenance),
    Attach(Vec<AttachAnswerRow>, Provenance),
    Duration(Vec<DurationAnswerRow>, Provenance),
    Attribution(AttributionAnswer, Provenance),
    Cohorts(Vec<CohortAnswerRow>, Provenance),
    Variants(Vec<VariantAnswerRow>, Provenance),
    Table(TableAnswer, Provenance),
}

impl Answer {
    #[must_use]
    pub fn provenance(&self) -> &Provenance {
        match self {
            Self::Retention(_, provenance)
            | Self::Expansion(_, provenance)
            | Self::Attach(_, provenance)
            | Self::Duration(_, provenance)
            | Self::Attribution(_, provenance)
            | Self::Cohorts(_, provenance)
            | Self::Variants(_, provenance)
            | Self::Table(_, provenance) => provenance,
        }
    }

    fn provenance_mut(&mut self) -> &mut Provenance {
        match self {
            Self::Retention(_, provenance)
            | Self::Expansion(_, provenance)
            | Self::Attach(_, provenance)
            | Self::Duration(_, provenance)
            | Self::Attribution(_, provenance)
            | Self::Cohorts(_, provenance)
            | Self::Variants(_, provenance)
            | Self::Table(_, provenance) => provenance,
        }
    }

    /// The same answer, given again.
    #[must_use]
    pub fn as_cached(mut self) -> Self {
        self.provenance_mut().cached = true;
        self
    }

    /// Whether another answer differs in nothing but when it was computed.
    #[must_use]
    pub fn says_the_same(&self, mut other: Self) -> bool {
        let known = self.provenance();
        let provenance = other.provenance_mut();
        provenance.computed_at = known.computed_at;
        provenance.cached = known.cached;
        *self == other
    }
}

/// Where a number comes from.
#[derive(Debug, Clone, PartialEq)]
pub struct Provenance {
    pub definition_version: String,
    pub snapshot: String,
    pub data_through: Option<Instant>,
    pub computed_at: Instant,
    pub cached: bool,
    pub notes: Vec<String>,
}

/// `[start, end)` in days of the reporting zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeriodInfo {
    pub start: NaiveDate,
    pub end: NaiveDate,
    pub complete: bool,
}

/// The values of the group-by dimensions, in the order asked for.
pub type Group = Vec<(DimensionName, Scalar)>;

#[derive(Debug, Clone, PartialEq)]
pub struct BandHit {
    pub label: String,
    pub low: Option<f64>,
    pub high: Option<f64>,
    pub source: String,
    /// None where the metric does not say which direction is better.
    pub standing: Option<Standing>,
    /// The slice it is for; empty: every slice.
    pub only: Vec<(DimensionName, Scalar)>,
}

/// How good a band is among the bands of its slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Bad,
    Watch,
    Good,
}

impl Standing {
    /// The word that clients read.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bad => "BAD",
            Self::Watch => "WATCH",
            Self::Good => "GOOD",
        }
    }
}

/// The target of a value, and how much of it is reached.
#[derive(Debug, Clone, PartialEq)]
pub struct TargetHit {
    pub value: f64,
    pub source: String,
    /// Value over target; none without a value or against zero.
    pub attainment: Option<f64>,
}

/// What a metric's value in one row of a flat table is judged by.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    pub row: usize,
    pub metric: MetricName,
    pub band: Option<BandHit>,
    pub target: Option<TargetHit>,
    /// Whether everything that the value counts has had its time; none: it waits for nothing.
    pub mature: Option<bool>,
}

/// Amounts are `None` where nothing is known (before data began, between snapshots).
#[derive(Debug, Clone, PartialEq)]
pub struct RetentionAnswerRow {
    pub period: PeriodInfo,
    pub window: PeriodInfo,
    pub group: Group,
    pub method: RetentionMethod,
    pub starting: Option<Number>,
    pub new: Option<Number>,
    pub reactivation: Option<Number>,
    pub expansion: Option<Number>,
    pub contraction: Option<Number>,
    pub churn: Option<Number>,
    pub ending: Option<Number>,
    pub cohort_starting: Option<Number>,
    pub retained: Option<Number>,
    pub gross_retained: Option<Number>,
    pub cohort_reactivation: Option<Number>,
    pub nrr: Option<Number>,
    pub grr: Option<Number>,
    pub logo_retention: Option<Number>,
    pub expansion_rate: Option<Number>,
    pub customers: Option<i64>,
    pub churned_customers: Option<i64>,
    pub expanded_customers: Option<i64>,
    pub band: Option<BandHit>,
    pub target: Option<TargetHit>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ExpansionAnswerRow {
    pub period: PeriodInfo,
    pub group: Group,
    pub expansion_type: Option<String>,
    pub family: Option<String>,
    pub amount: Number,
    pub from_opening_cohort: Number,
    pub from_outside_cohort: Number,
    pub events: i64,
    pub customers: i64,
    pub share: Option<Number>,
    pub target: Option<TargetHit>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct AttachAnswerRow {
    pub period: PeriodInfo,
    pub group: Group,
    /// The attached product's key; none: any of them.
    pub attached: Option<String>,
    pub attached_name: Option<String>,
    pub base_units: i64,
    pub attached_units: i64,
    pub rate: Option<Number>,
    pub mature: bool,
    pub band: Option<BandHit>,
    pub target: Option<TargetHit>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct DurationAnswerRow {
    pub group: Group,
    pub subjects: i64,
    pub events: i64,
    /// Left without the event; under competing risks, those who churned are counted apart.
    pub censored: i64,
    pub churned: i64,
    pub p25_days: Option<i64>,
    pub median_days: Option<i64>,
    pub p75_days: Option<i64>,
    pub observed_median_days: Option<f64>,
    /// Of the metric's own measure, where the question is the definition's.
    pub band: Option<BandHit>,
    pub target: Option<TargetHit>,
    pub curve: Vec<SurvivalPoint>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct SurvivalPoint {
    pub day: i64,
    pub survival: f64,
    pub low95: Option<f64>,
    pub high95: Option<f64>,
    pub at_risk: i64,
    pub events: i64,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ExpandedBy {
    pub day: i64,
    pub share: f64,
}

impl DurationAnswerRow {
    /// Share with the event by the end of `day`: 1 − S(day).
    #[must_use]
    pub fn expanded_by(&self, day: i64) -> ExpandedBy {
        let reached = self.curve.partition_point(|point| point.day <= day);
        let survival = reached.checked_sub(1).map_or(1.0, |last| self.curve[last].survival);
        ExpandedBy { day, share: 1.0 - survival }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct AttributionAnswer {
    pub rows: Vec<AttributionAnswerRow>,
    pub warnings: Vec<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct AttributionAnswerRow {
    pub period: PeriodInfo,
    pub group: Group,
    /// None: unassigned.
    pub owner: Option<String>,
    pub owner_name: Option<String>,
    pub credited: Number,
    pub events: i64,
    pub customers: i64,
    pub share: Option<Number>,
    pub accounts: Option<i64>,
    pub cohort_mrr: Option<Number>,
    pub nrr: Option<Number>,
    pub target: Option<TargetHit>,
}

/// An acquisition cohort at one age. Numbers are `None` where the balances are not known.
#[derive(Debug, Clone, PartialEq)]
pub struct CohortAnswerRow {
    pub cohort: PeriodInfo,
    /// In grains after the cohort's period.
    pub age: i64,
    pub group: Group,
    pub customers: Option<i64>,
    pub mrr: Option<Number>,
    pub mrr_retention: Option<Number>,
    pub logo_retention: Option<Number>,
    pub starting_customers: Option<i64>,
    pub starting_mrr: Option<Number>,
}

/// A metric or one of its named variants, in one period and group.
#[derive(Debug, Clone, PartialEq)]
pub struct VariantAnswerRow {
    pub period: PeriodInfo,
    pub window: PeriodInfo,
    pub group: Group,
    pub variant: MetricName,
    pub label: String,
    /// Its rules in words.
    pub rule: String,
    pub value: Option<Number>,
    /// The parts of the value; none where it is no quotient of two (chained), or not known.
    pub numerator: Option<Number>,
    pub denominator: Option<Number>,
    /// Value less the base's.
    pub difference: Option<Number>,
    /// From the base to here, rule by rule.
    pub items: Vec<VariantItem>,
}

/// What one rule changes. Amounts add up to the difference of the numerators (and of the
/// denominators), ratios to that of the values.
#[derive(Debug, Clone, PartialEq)]
pub struct VariantItem {
    pub name: &'static str,
    pub label: String,
    pub amount: Option<Number>,
    pub denominator_amount: Option<Number>,
    pub ratio: Option<Number>,
}

/// The flat table: `rows[r][c]` belongs to `columns[c]`.
#[derive(Debug, Clone, PartialEq)]
pub struct TableAnswer {
    pub columns: Vec<ColumnInfo>,
    pub rows: Vec<Vec<Cell>>,
    /// Metrics of the same question with no grain and no groupBy, by column key.
    pub totals: Option<Vec<(String, Option<Number>)>>,
    pub truncated: bool,
    /// Values of the rows that have a band or a target.
    pub marks: Vec<Mark>,
    /// The statement or plan that produced the rows.
    pub sql: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// The start of the row's period.
    Period(NaiveDate),
    Dimension(Scalar),
    Metric(Option<Number>),
}

#[derive(Debug, Clone, PartialEq)]
pub struct ColumnInfo {
    /// The key in rows, CSV headers and orderBy.
    pub name: String,
    pub label: String,
    pub kind: ColumnKind,
    /// date, string, int, decimal, float, boolean, timestamp.
    pub data_type: String,
    pub unit: Option<Unit>,
    pub description: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    Period,
    Dimension,
    Metric,
    Comparison,
}

/// A table as the catalogue shows it.
#[derive(Debug, Clone)]
pub struct TableStatus {
    pub name: String,
    pub location: String,
    pub available: bool,
    pub problem: Option<String>,
    pub files: Option<i64>,
    pub bytes: Option<u64>,
    pub rows: Option<u64>,
    pub data_through: Option<Instant>,
}
