//! Which dimensions a metric can be grouped and filtered by: attributes of the entities that its
//! rows lead to, by key or through an as-of bridge, and the rows' own dimensions.

use std::collections::HashSet;

use indexmap::IndexMap;

use super::balances::CUSTOMER;
use super::{Resolver, graph};
use crate::model::{
    Aggregate, BalanceName, ColumnName, DatasetName, Dimension, DimensionName, DimensionValue,
    EntityName, Metric, MetricKind, RetentionUnit,
};

/// Entities that rows lead to, and the dataset whose own rows they are: whole ones, or their kind
/// alone.
#[derive(Default)]
struct Reach {
    entities: HashSet<EntityName>,
    rows: Option<DatasetName>,
    kind: Option<(DatasetName, ColumnName)>,
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
            // A row of two owners has no half value, so a median has no part of it.
            MetricKind::Aggregate(kind) => {
                self.reach_of_rows(&kind.dataset, kind.aggregate != Aggregate::Median)
            }
            MetricKind::Conversion(kind) => self.reach_of_rows(&kind.base.dataset, true),
            MetricKind::Balance { balance, .. } => {
                self.reach_of_balance(balance, &[Extra::Products])
            }
            // Owners at the window's start. Customers do not add up over products, lines do.
            MetricKind::Retention(kind) => match kind.unit {
                RetentionUnit::Customer => self.reach_of_balance(&kind.balance, &[Extra::Owners]),
                RetentionUnit::CustomerProduct => {
                    self.reach_of_balance(&kind.balance, &[Extra::Owners, Extra::Products])
                }
            },
            MetricKind::Movement { balance, .. } => {
                self.reach_of_balance(balance, &[Extra::Owners, Extra::Products, Extra::Kinds])
            }
            MetricKind::Attribution(kind) => {
                let mut reach =
                    self.reach_of_balance(&kind.balance, &[Extra::Products, Extra::Kinds]);
                let owner = self.dimensions.get(&kind.owners.id_dimension);
                reach.entities.extend(owner.and_then(|dimension| dimension.entity.clone()));
                reach
            }
            MetricKind::Attach(_) | MetricKind::Duration(_) | MetricKind::Cohort(_) => {
                Reach { entities: [EntityName::new(CUSTOMER)].into(), ..Reach::default() }
            }
        };
        self.within(&reach)
    }

    fn within(&self, reach: &Reach) -> Vec<DimensionName> {
        self.dimensions
            .values()
            .filter(|dimension| match &dimension.entity {
                Some(entity) => reach.entities.contains(entity),
                None => {
                    reach.rows.as_ref() == Some(&dimension.dataset)
                        || self.is_kind(reach, dimension)
                }
            })
            .map(|dimension| dimension.name.clone())
            .collect()
    }

    /// Whether a dimension is the kind of a movement, or rolls it up.
    fn is_kind(&self, reach: &Reach, dimension: &Dimension) -> bool {
        let Some((dataset, column)) = &reach.kind else { return false };
        match &dimension.value {
            DimensionValue::Expr(expr) => dimension.dataset == *dataset && expr.is_column(column),
            DimensionValue::RollUp { of, .. } => {
                self.dimensions.get(of).is_some_and(|base| self.is_kind(reach, base))
            }
            DimensionValue::Key => false,
        }
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

    fn reach_of_rows(&self, name: &DatasetName, with_owners: bool) -> Reach {
        let mut reach = Reach { rows: Some(name.clone()), ..Reach::default() };
        if let Some(dataset) = self.datasets.get(name) {
            reach.entities.extend(dataset.keys.keys().cloned());
            let bridged = dataset.bridged(&self.datasets).filter(|_| with_owners);
            reach.entities.extend(bridged.map(|(entity, _)| entity.clone()));
        }
        reach
    }

    fn reach_of_balance(&self, name: &BalanceName, extras: &[Extra]) -> Reach {
        let mut reach = Reach::default();
        let Some(balance) = self.balances.get(name) else { return reach };
        for shape in &balance.shapes {
            let Some(dataset) = self.datasets.get(shape.dataset()) else { continue };
            reach.entities.extend(dataset.entity_of(shape.customer()).cloned());
            if extras.contains(&Extra::Products) {
                let product = shape.product().and_then(|column| dataset.entity_of(column));
                reach.entities.extend(product.cloned());
            }
            if let (true, None, Some(kind)) =
                (extras.contains(&Extra::Kinds), &reach.kind, shape.kind())
            {
                reach.kind = Some((dataset.name.clone(), kind.clone()));
            }
        }
        if extras.contains(&Extra::Owners) {
            let owners = balance.owners(&self.datasets).into_iter();
            reach.entities.extend(owners.map(|(entity, _)| entity.clone()));
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
    /// The products that balances are of.
    Products,
    /// The entity behind the as-of bridge: who owned the customer then.
    Owners,
    /// The ledger's own kinds: the type of an expansion.
    Kinds,
}
