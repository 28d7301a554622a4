//! The semantic model: definitions with every name bound, expressions typed, joins and groupings
//! known. Pure data; knows nothing of files found, engines or clocks.

mod balance;
mod dataset;
mod dimension;
mod expr;
mod metric;
mod names;
mod pre_aggregate;
mod predicate;
mod resolve;
mod retention;
mod test;
mod tile;

use chrono::NaiveDate;
use indexmap::IndexMap;

pub use balance::{Balance, BalanceShape, Intervals, Ledger, MovementClass, Snapshots};
pub use dataset::{AsOfJoin, Column, ColumnType, Dataset, Validity};
pub use dimension::{Dimension, DimensionType, DimensionValue};
pub use expr::{MetricExpr, ScalarExpr};
pub use metric::{
    Aggregate, AggregateKind, AttachBasis, AttachKind, AttributionKind, AttributionRule,
    BalanceMeasure, Band, CohortKind, CohortMeasure, ConversionKind, CumulativeWindow, Deprecation,
    DurationKind, DurationMeasure, GoodDirection, Metric, MetricFilter, MetricKind, MetricVersion,
    Milestones, MovementMeasure, Offers, OrderLines, Owners, Target, TimeOrigin, Unit,
};
pub use names::{BalanceName, ColumnName, DatasetName, DimensionName, EntityName, MetricName};
pub use pre_aggregate::PreAggregate;
pub use predicate::{Predicate, Test};

pub use resolve::resolve;
pub use retention::{
    RetentionKind, RetentionMeasure, RetentionMethod, RetentionRules, RetentionUnit, Window,
};
pub use test::{ExpectedRow, Fixture, FixtureRow, MetricTest, TestAsk};
pub use tile::Tile;

use crate::definitions::CANONICAL_PREFIX;
use crate::values::Calendar;

/// What the address of a warehouse or a table begins with, where it is a URL.
pub const SCHEMES: [&str; 9] = ["file", "s3", "s3a", "gs", "az", "azure", "adl", "abfs", "abfss"];

/// Where in the definition files something is written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourcePos {
    /// Path relative to the project (or `canonical/…` for the definitions that ship).
    pub file: String,
    pub line: u32,
    pub column: u32,
}

impl SourcePos {
    /// Whether it is one of the definitions that ship.
    #[must_use]
    pub fn ships(&self) -> bool {
        self.file.starts_with(CANONICAL_PREFIX)
    }
}

/// Everything the definitions say.
#[derive(Debug, Clone)]
pub struct Model {
    pub name: String,
    /// URL or path of the warehouse, as written (relative paths already joined to the project).
    pub warehouse: String,
    pub calendar: Calendar,
    pub currency: String,
    /// Hash of every definition text: two models with the same version give the same numbers.
    pub version: String,
    pub datasets: IndexMap<DatasetName, Dataset>,
    pub dimensions: IndexMap<DimensionName, Dimension>,
    pub balances: IndexMap<BalanceName, Balance>,
    pub metrics: IndexMap<MetricName, Metric>,
    /// The project's own tiles, in order.
    pub tiles: Vec<Tile>,
    /// Sums to keep, in order: the first that covers a question answers it.
    pub pre_aggregates: Vec<PreAggregate>,
    /// Tests of metrics, in the order written.
    pub tests: Vec<MetricTest>,
}

impl Model {
    /// The metric that answers a typed root field.
    #[must_use]
    pub fn metric_of_field(&self, field: &str) -> Option<&Metric> {
        self.metrics.values().find(|metric| metric.field.as_deref() == Some(field))
    }

    /// The metric as it was defined on a day; today's definition without one.
    #[must_use]
    pub fn metric_at(&self, name: &MetricName, day: Option<NaiveDate>) -> Option<&Metric> {
        let metric = self.metrics.get(name)?;
        Some(day.map_or(metric, |day| metric.as_of(day)))
    }

    /// The named variants of a metric, in catalogue order.
    pub fn variants_of(&self, name: &MetricName) -> impl Iterator<Item = &Metric> {
        self.metrics.values().filter(move |metric| metric.variant_of() == Some(name))
    }

    /// The owners that an as-of join leads to.
    #[must_use]
    pub fn owners_of_join(&self, entity: &EntityName, join: &AsOfJoin) -> Option<Owners> {
        let bridge = self.datasets.get(&join.bridge)?;
        let valid = bridge.valid.clone()?;
        Some(Owners {
            dataset: bridge.name.clone(),
            customer: bridge.keys.get(&join.on)?.clone(),
            owner: bridge.keys.get(entity)?.clone(),
            share: join.weight.clone(),
            from: valid.from,
            to: valid.to,
            id_dimension: DimensionName::new(entity.as_str()),
            name_dimension: None,
        })
    }

    /// What is owned: the entity that a table of owners is about, else its column.
    #[must_use]
    pub fn owned_by<'a>(&'a self, owners: &'a Owners) -> &'a str {
        let entity = self.datasets.get(&owners.dataset).and_then(|d| d.entity_of(&owners.customer));
        entity.map_or(owners.customer.as_str(), EntityName::as_str)
    }

    /// Whether something is read from a dataset's rows. One that is nothing but an entity's key
    /// needs no table: the key's values are wherever rows have it.
    #[must_use]
    pub fn needs_table(&self, dataset: &Dataset) -> bool {
        let is_key = |column| dataset.primary_key.contains(column);
        let is_bare = dataset.entity.is_some()
            && dataset.columns.keys().all(is_key)
            && dataset.as_of_joins.is_empty();
        let read = || {
            self.metrics.values().any(|metric| {
                let earlier = metric.versions.iter().map(|version| &version.metric.kind);
                std::iter::once(&metric.kind).chain(earlier).any(|kind| kind.reads(&dataset.name))
            })
        };
        !is_bare || read()
    }

    /// The dataset whose rows an entity's key identifies.
    #[must_use]
    pub fn dataset_of_entity(&self, entity: &EntityName) -> Option<&Dataset> {
        self.datasets.values().find(|dataset| dataset.entity.as_ref() == Some(entity))
    }
}
