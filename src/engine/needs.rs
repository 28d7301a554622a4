//! Which tables a plan may read: what the view of the warehouse must pin.

use crate::model::{BalanceShape, DatasetName, DimensionName, DimensionValue, Model};
use crate::planner::{Axes, Leaf, MetricPlan};

/// Every dataset that the plan's passes, grouping and filter may read.
#[must_use]
pub fn datasets_of(model: &Model, plan: &MetricPlan) -> Vec<DatasetName> {
    let mut datasets: Vec<DatasetName> = Vec::new();
    let mut add = |name: &DatasetName| {
        if !datasets.contains(name) {
            datasets.push(name.clone());
        }
    };
    for leaf in &plan.leaves {
        let leaf = match leaf {
            Leaf::Filtered { pass, .. } => pass,
            leaf => leaf,
        };
        if let Some(balance) = leaf.balance().and_then(|name| model.balances.get(name)) {
            balance.shapes.iter().map(BalanceShape::dataset).for_each(&mut add);
            if let Some(owner) = Axes::of_balance(model, balance).owner {
                add(&owner.join.bridge);
            }
        }
        match leaf {
            Leaf::Attach(kind) => {
                add(&kind.orders.dataset);
                add(&kind.products);
            }
            Leaf::Duration(kind) => {
                add(&kind.acquisition.0);
                kind.milestones.iter().for_each(|milestones| add(&milestones.dataset));
            }
            Leaf::Cohort(kind) => add(&kind.acquisition.0),
            Leaf::Attribution(kind) => {
                add(&kind.owners.dataset);
                kind.offers.iter().for_each(|offers| add(&offers.dataset));
                if let Some(dimension) =
                    kind.owners.name_dimension.as_ref().and_then(|name| model.dimensions.get(name))
                {
                    add(&dimension.dataset);
                }
            }
            Leaf::Aggregate(kind) | Leaf::Cumulative { of: kind, .. } => add(&kind.dataset),
            Leaf::Conversion(kind) => {
                add(&kind.base.dataset);
                add(&kind.conversion.dataset);
            }
            Leaf::Balance { .. }
            | Leaf::Movement { .. }
            | Leaf::Retention { .. }
            | Leaf::Filtered { .. } => {}
        }
    }
    for dimension in dimensions_of(plan) {
        add_dimension(model, dimension, &mut add);
    }
    datasets
}

/// The dimensions of grouping, filter and the metrics' own filters.
fn dimensions_of(plan: &MetricPlan) -> impl Iterator<Item = &DimensionName> {
    let own = plan.leaves.iter().filter_map(|leaf| match leaf {
        Leaf::Filtered { filter, .. } => Some(filter),
        _ => None,
    });
    let filters = plan.query.filter.iter().chain(own).flat_map(|filter| filter.dimensions());
    plan.query.group_by.iter().chain(filters)
}

/// The dataset that carries a dimension, and those of what it rolls up.
fn add_dimension(model: &Model, name: &DimensionName, add: &mut impl FnMut(&DatasetName)) {
    let mut dimension = model.dimensions.get(name);
    while let Some(found) = dimension {
        add(&found.dataset);
        dimension = match &found.value {
            DimensionValue::RollUp { of, .. } => model.dimensions.get(of),
            _ => None,
        };
    }
}
