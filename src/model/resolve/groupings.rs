//! Which dimensions a metric can be grouped and filtered by: attributes of the entities that its
//! rows lead to, by key or through an as-of bridge, and the rows' own dimensions.

use std::collections::HashSet;

use indexmap::IndexMap;

use super::balances::{CUSTOMER, PRODUCT};
use super::{Resolver, graph};
use crate::model::{
    Balance, BalanceName, BalanceShape, Dataset, DatasetName, DimensionName, EntityName, Metric,
    MetricKind,
};

/// Entities that rows lead to, and the datasets whose own rows they are.
#[derive(Default)]
struct Reach {
    entities: HashSet<EntityName>,
    rows: HashSet<DatasetName>,
}

impl Resolver<'_> {
    /// In catalogue order. Inputs of the metric must have theirs already.
    pub(super) fn dimensions_of(&self, metric: &Metric) -> Vec<DimensionName> {
        let reach = match &metric.kind {
            MetricKind::Ratio { .. }
            | MetricKind::Derived { .. }
            | MetricKind::Cumulative { .. } => {
                return self.common_dimensions(metric);
            }
            MetricKind::Aggregate(kind) => self.reach_of_rows(&kind.dataset),
            MetricKind::Conversion(kind) => self.reach_of_rows(&kind.base.dataset),
            MetricKind::Balance { balance, .. } => self.reach_of_balance(balance, &[]),
            // Owners at the window's start, with product lines for units that have them.
            MetricKind::Retention(kind) => self.reach_of_balance(&kind.balance, &[Extra::Owners]),
            MetricKind::Movement { balance, .. } => {
                self.reach_of_balance(balance, &[Extra::Owners, Extra::LedgerRows])
            }
            MetricKind::Attribution(kind) => {
                let extras = [Extra::Owners, Extra::LedgerRows];
                let mut reach = self.reach_of_balance(&kind.balance, &extras);
                let owner = self.dimensions.get(&kind.owners.id_dimension);
                reach.entities.extend(owner.and_then(|dimension| dimension.entity.clone()));
                reach
            }
            MetricKind::Attach(_) | MetricKind::Duration(_) | MetricKind::Cohort(_) => {
                Reach { entities: [EntityName::new(CUSTOMER)].into(), rows: HashSet::new() }
            }
        };
        self.within(&reach)
    }

    fn within(&self, reach: &Reach) -> Vec<DimensionName> {
        self.dimensions
            .values()
            .filter(|dimension| match &dimension.entity {
                Some(entity) => reach.entities.contains(entity),
                None => reach.rows.contains(&dimension.dataset),
            })
            .map(|dimension| dimension.name.clone())
            .collect()
    }

    /// What all inputs can be grouped by.
    fn common_dimensions(&self, metric: &Metric) -> Vec<DimensionName> {
        let mut inputs =
            graph::inputs(metric).into_iter().filter_map(|name| self.metrics.get(name));
        let Some(first) = inputs.next() else { return Vec::new() };
        let others: Vec<&Metric> = inputs.collect();
        let in_all = |name: &&DimensionName| others.iter().all(|o| o.dimensions.contains(name));
        first.dimensions.iter().filter(in_all).cloned().collect()
    }

    fn reach_of_rows(&self, name: &DatasetName) -> Reach {
        let mut reach = Reach { rows: [name.clone()].into(), ..Reach::default() };
        if let Some(dataset) = self.datasets.get(name) {
            reach.entities.extend(dataset.keys.keys().cloned());
            reach.entities.extend(self.bridged(dataset));
        }
        reach
    }

    /// Entities that the dataset's as-of joins lead to.
    fn bridged(&self, dataset: &Dataset) -> Vec<EntityName> {
        dataset
            .as_of_joins
            .iter()
            .filter_map(|join| Some((join, self.datasets.get(&join.bridge)?)))
            .flat_map(|(join, bridge)| bridge.keys.keys().filter(|key| **key != join.on))
            .cloned()
            .collect()
    }

    fn reach_of_balance(&self, name: &BalanceName, extras: &[Extra]) -> Reach {
        let mut reach = Reach::default();
        let Some(balance) = self.balances.get(name) else { return reach };
        reach.entities.insert(EntityName::new(CUSTOMER));
        if balance.shapes.iter().any(has_product) {
            reach.entities.insert(EntityName::new(PRODUCT));
        }
        for shape in &balance.shapes {
            let Some(dataset) = self.datasets.get(shape.dataset()) else { continue };
            if extras.contains(&Extra::Owners) {
                reach.entities.extend(self.bridged(dataset));
            }
        }
        if extras.contains(&Extra::LedgerRows) {
            reach.rows.extend(ledgers(balance));
        }
        reach
    }

    /// Dimensions by metric, once every metric has its own.
    pub(super) fn warn_ungroupable(&mut self, dimensions: &IndexMap<String, usize>) {
        use crate::diagnostics::{Code, Diagnostic};
        for (name, count) in dimensions {
            let written = self.definitions.metrics.iter().rev();
            let def = written.map(|def| &def.common.name).find(|def| def.as_str() == name);
            if let (0, Some(def)) = (*count, def) {
                let message = format!("`{name}` has no dimension that all its metrics share");
                self.out.push(Diagnostic::new(Code::NothingGroups, def.span(), message));
            }
        }
    }
}

#[derive(PartialEq, Eq)]
enum Extra {
    /// Entities behind as-of bridges: who owned the customer then.
    Owners,
    /// The ledger's own dimensions: the type of an expansion.
    LedgerRows,
}

fn has_product(shape: &BalanceShape) -> bool {
    match shape {
        BalanceShape::Ledger(shape) => shape.product.is_some(),
        BalanceShape::Intervals(shape) => shape.product.is_some(),
        BalanceShape::Snapshots(shape) => shape.product.is_some(),
    }
}

fn ledgers(balance: &Balance) -> impl Iterator<Item = DatasetName> {
    balance.shapes.iter().filter_map(|shape| match shape {
        BalanceShape::Ledger(ledger) => Some(ledger.dataset.clone()),
        _ => None,
    })
}
