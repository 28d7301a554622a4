//! Whom a change affects: metrics of both versions whose numbers, or whose list of dimensions, may
//! be others because of it. Words for readers affect nobody.

use super::definitions::{Change, How, Part, What};
use crate::model::{
    ColumnName, DatasetName, Dimension, DimensionName, DimensionValue, Metric, MetricName, Model,
    Unit,
};

/// Keys that change no number.
const PROSE: [&str; 11] = [
    "label",
    "description",
    "owner",
    "tags",
    "status",
    "format",
    "good",
    "bands",
    "targets",
    "deprecated",
    "name",
];

pub struct Reach<'a> {
    old: &'a Model,
    new: &'a Model,
}

impl<'a> Reach<'a> {
    pub fn new(old: &'a Model, new: &'a Model) -> Self {
        Self { old, new }
    }

    /// In catalogue order; a metric does not affect itself.
    pub fn of(&self, change: &Change) -> Vec<String> {
        let keys: Option<Vec<&str>> = match &change.how {
            How::Changed(parts) => Some(numeric(parts)),
            How::Added | How::Removed => None,
        };
        if keys.as_ref().is_some_and(Vec::is_empty) {
            return Vec::new();
        }
        let direct = |model: &'a Model, metric: &Metric| match change.what {
            What::Project => of_project(keys.as_deref().unwrap_or_default(), metric),
            What::Dataset => of_dataset(model, &change.name, keys.as_deref(), metric),
            What::Dimension => of_dimension(model, &change.name, metric),
            What::Balance => metric.kind.balance().is_some_and(|name| name.as_str() == change.name),
            What::Metric => metric.inputs().iter().any(|name| name.as_str() == change.name),
        };
        let mut reached: Vec<&MetricName> = Vec::new();
        for model in [self.new, self.old] {
            let found = model.metrics.values().filter(|metric| direct(model, metric));
            let found = found.map(|metric| &metric.name).filter(|name| !reached.contains(name));
            let found: Vec<&MetricName> = found.collect();
            reached.extend(found);
        }
        // A dimension that all inputs of a metric must share was found in the metric's own list.
        if change.what != What::Dimension {
            self.follow(&mut reached);
        }
        let in_both = |name: &&MetricName| {
            reached.contains(name)
                && self.old.metrics.contains_key(*name)
                && name.as_str() != change.name
        };
        self.new.metrics.keys().filter(in_both).map(ToString::to_string).collect()
    }

    /// What is computed from what was reached, and so on.
    fn follow(&self, reached: &mut Vec<&'a MetricName>) {
        let mut next = 0;
        while let Some(name) = reached.get(next).copied() {
            let from = |metric: &&Metric| metric.inputs().contains(&name);
            let more = self.new.metrics.values().filter(from).map(|metric| &metric.name);
            let more: Vec<&MetricName> = more.filter(|name| !reached.contains(name)).collect();
            reached.extend(more);
            next += 1;
        }
    }
}

/// Changed keys that numbers depend on.
fn numeric(parts: &[Part]) -> Vec<&str> {
    let keys = parts.iter().map(|part| part.key.as_str());
    let numberless = |key: &str| PROSE.contains(&key) || ["tiles", "pre_aggregates"].contains(&key);
    keys.filter(|key| !numberless(key)).collect()
}

fn of_project(keys: &[&str], metric: &Metric) -> bool {
    let all = ["time_zone", "fiscal_year_starts", "warehouse"];
    keys.iter().any(|key| all.contains(key))
        || (keys.contains(&"currency") && metric.unit == Unit::Currency)
}

/// Whether a metric reads what changed of a dataset: certain columns, or its rows at all.
fn of_dataset(model: &Model, dataset: &str, keys: Option<&[&str]>, metric: &Metric) -> bool {
    let columns: Option<Vec<&str>> =
        keys.and_then(|keys| keys.iter().map(|key| key.strip_prefix("columns.")).collect());
    let reads = |from: &DatasetName, column: &ColumnName| {
        let changed = columns.as_ref().is_none_or(|names| names.contains(&column.as_str()));
        from.as_str() == dataset && changed
    };
    let grouped = metric.dimensions.iter().filter_map(|name| model.dimensions.get(name));
    metric.lineage.iter().any(|(from, column)| reads(from, column))
        || grouped.flat_map(|one| columns_of(model, one)).any(|(from, column)| reads(from, column))
}

/// The columns that a dimension's values come from.
fn columns_of<'m>(
    model: &'m Model,
    dimension: &'m Dimension,
) -> Vec<(&'m DatasetName, &'m ColumnName)> {
    let dataset = &dimension.dataset;
    match &dimension.value {
        DimensionValue::Expr(expr) => expr.columns.iter().map(|name| (dataset, name)).collect(),
        DimensionValue::Key => {
            let key = model.datasets.get(dataset).and_then(|found| found.primary_key.first());
            key.map(|name| (dataset, name)).into_iter().collect()
        }
        DimensionValue::RollUp { of, .. } => {
            let base = model.dimensions.get(of).filter(|base| base.name != dimension.name);
            base.map_or_else(Vec::new, |base| columns_of(model, base))
        }
    }
}

/// Whether a metric can be grouped by a dimension, or carries a condition over it; by one that rolls
/// it up as well.
fn of_dimension(model: &Model, dimension: &str, metric: &Metric) -> bool {
    let is_it = |name: &DimensionName| {
        let base = model.dimensions.get(name).and_then(|found| match &found.value {
            DimensionValue::RollUp { of, .. } => Some(of),
            DimensionValue::Key | DimensionValue::Expr(_) => None,
        });
        name.as_str() == dimension || base.is_some_and(|base| base.as_str() == dimension)
    };
    let filter = metric.filter.iter().flat_map(|filter| filter.predicate.dimensions());
    metric.dimensions.iter().chain(filter).any(is_it)
}
