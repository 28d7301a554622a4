//! Which tables a plan may read: what the view of the warehouse must pin.

use crate::model::{BalanceShape, DatasetName, DimensionName, DimensionValue, Model};
use crate::planner::{Axes, Leaf, MetricPlan, MetricQuery};

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
            for owner in Axes::of_balance(model, balance).owners {
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
            Leaf::Aggregate(kind) | Leaf::Cumulative { of: kind, .. } => {
                add(&kind.dataset);
                bridges_of(model, plan, &kind.dataset).for_each(&mut add);
            }
            Leaf::Conversion(kind) => {
                add(&kind.base.dataset);
                bridges_of(model, plan, &kind.base.dataset).for_each(&mut add);
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
pub(super) fn dimensions_of(plan: &MetricPlan) -> impl Iterator<Item = &DimensionName> {
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

/// Bridges through which the question's dimensions are reached from a dataset's rows.
fn bridges_of<'a>(
    model: &'a Model,
    plan: &'a MetricPlan,
    dataset: &DatasetName,
) -> impl Iterator<Item = &'a DatasetName> {
    let dataset = model.datasets.get(dataset);
    let filter = plan.query.filter.iter().flat_map(|filter| filter.dimensions());
    plan.query.group_by.iter().chain(filter).filter_map(move |name| {
        let entity = model.dimensions.get(name)?.entity.as_ref()?;
        Some(&dataset?.as_of_join_to(&model.datasets, entity)?.bridge)
    })
}

/// Tables whose rows give the question's dimensions their values. A key is known without its
/// table.
#[must_use]
pub fn tables_of_dimensions(model: &Model, query: &MetricQuery) -> Vec<DatasetName> {
    let filter = query.filter.iter().flat_map(|filter| filter.dimensions());
    let mut tables: Vec<DatasetName> = Vec::new();
    for name in query.group_by.iter().chain(filter) {
        let mut dimension = model.dimensions.get(name);
        while let Some(found) = dimension {
            dimension = match &found.value {
                DimensionValue::RollUp { of, .. } => model.dimensions.get(of),
                DimensionValue::Expr(_) if !tables.contains(&found.dataset) => {
                    tables.push(found.dataset.clone());
                    None
                }
                _ => None,
            };
        }
    }
    tables
}
