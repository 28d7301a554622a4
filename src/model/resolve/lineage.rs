//! Lineage: every column that a metric reads, through the metrics it is computed from.

use super::{Resolver, graph};
use crate::model::{
    AggregateKind, AttachBasis, AttributionRule, BalanceName, BalanceShape, ColumnName,
    DatasetName, DimensionName, DimensionValue, Metric, MetricKind, TimeOrigin,
};

type Columns = Vec<(DatasetName, ColumnName)>;

impl Resolver<'_> {
    /// In order of reading, each once. Inputs of the metric must have theirs already.
    pub(super) fn lineage_of(&self, metric: &Metric) -> Columns {
        let mut all = Columns::new();
        for input in graph::inputs(metric) {
            all.extend(self.metrics.get(input).into_iter().flat_map(|m| m.lineage.clone()));
        }
        match &metric.kind {
            MetricKind::Ratio { .. }
            | MetricKind::Derived { .. }
            | MetricKind::Cumulative { .. } => {}
            MetricKind::Aggregate(kind) => aggregate(&mut all, kind),
            MetricKind::Balance { balance, .. } | MetricKind::Movement { balance, .. } => {
                self.balance_columns(&mut all, balance);
            }
            MetricKind::Retention(kind) => self.balance_columns(&mut all, &kind.balance),
            MetricKind::Attach(kind) => {
                let orders = &kind.orders;
                for column in [&orders.order, &orders.customer, &orders.product, &orders.time] {
                    all.push((orders.dataset.clone(), column.clone()));
                }
                for column in kind.base.columns.iter().chain(&kind.attached.columns) {
                    all.push((kind.products.clone(), column.clone()));
                }
                if kind.basis == AttachBasis::Customer {
                    self.balance_columns(&mut all, &kind.balance);
                }
            }
            MetricKind::Duration(kind) => {
                let (dataset, customer, date) = &kind.acquisition;
                all.extend([customer, date].map(|column| (dataset.clone(), column.clone())));
                let milestones = kind.milestones.as_ref();
                if let Some(from) = milestones.filter(|_| kind.origin == TimeOrigin::Milestone) {
                    for column in [&from.customer, &from.milestone, &from.time] {
                        all.push((from.dataset.clone(), column.clone()));
                    }
                }
                self.balance_columns(&mut all, &kind.balance);
            }
            MetricKind::Attribution(kind) => {
                self.balance_columns(&mut all, &kind.balance);
                let owners = &kind.owners;
                let fixed = [&owners.customer, &owners.owner, &owners.from, &owners.to];
                for column in fixed.into_iter().chain(&owners.share) {
                    all.push((owners.dataset.clone(), column.clone()));
                }
                let offers = kind.offers.as_ref();
                let by_offer = kind.rule == AttributionRule::OfferOwner;
                if let Some(offers) = offers.filter(|_| by_offer) {
                    for column in [&offers.offer, &offers.presenter, &offers.outcome] {
                        all.push((offers.dataset.clone(), column.clone()));
                    }
                }
            }
            MetricKind::Cohort(kind) => {
                let (dataset, customer, date) = &kind.acquisition;
                all.extend([customer, date].map(|column| (dataset.clone(), column.clone())));
                self.balance_columns(&mut all, &kind.balance);
            }
            MetricKind::Conversion(kind) => {
                aggregate(&mut all, &kind.base);
                all.push((kind.base.dataset.clone(), kind.base_key.clone()));
                aggregate(&mut all, &kind.conversion);
                all.push((kind.conversion.dataset.clone(), kind.conversion_key.clone()));
            }
        }
        let filter = metric.filter.iter().flat_map(|filter| filter.predicate.dimensions());
        for name in filter {
            self.dimension_columns(&mut all, name);
        }
        let mut once = Columns::new();
        for column in all {
            if !once.contains(&column) {
                once.push(column);
            }
        }
        once
    }

    /// The columns that a dimension's values come from.
    fn dimension_columns(&self, all: &mut Columns, name: &DimensionName) {
        let Some(dimension) = self.dimensions.get(name) else { return };
        let dataset = self.datasets.get(&dimension.dataset);
        match &dimension.value {
            DimensionValue::Expr(expr) => {
                all.extend(expr.columns.iter().map(|c| (dimension.dataset.clone(), c.clone())));
            }
            DimensionValue::Key => {
                let entity = dimension.entity.as_ref();
                let key = dataset.zip(entity).and_then(|(dataset, of)| dataset.keys.get(of));
                all.extend(key.map(|column| (dimension.dataset.clone(), column.clone())));
            }
            DimensionValue::RollUp { of, .. } => self.dimension_columns(all, of),
        }
    }

    /// The columns of every shape: which one is read depends on the tables found.
    fn balance_columns(&self, all: &mut Columns, name: &BalanceName) {
        let Some(balance) = self.balances.get(name) else { return };
        for shape in &balance.shapes {
            let (fixed, optional): (Vec<&ColumnName>, Vec<Option<&ColumnName>>) = match shape {
                BalanceShape::Ledger(s) => (
                    vec![&s.time, &s.customer, &s.amount, &s.class],
                    vec![s.product.as_ref(), s.expansion_type.as_ref()],
                ),
                BalanceShape::Intervals(s) => {
                    (vec![&s.from, &s.to, &s.customer, &s.amount], vec![s.product.as_ref()])
                }
                BalanceShape::Snapshots(s) => {
                    (vec![&s.month, &s.customer, &s.amount], vec![s.product.as_ref()])
                }
            };
            for column in fixed.into_iter().chain(optional.into_iter().flatten()) {
                all.push((shape.dataset().clone(), column.clone()));
            }
        }
    }
}

fn aggregate(all: &mut Columns, kind: &AggregateKind) {
    let expressions = kind.expr.iter().chain(&kind.filter).flat_map(|expr| &expr.columns);
    for column in kind.time.iter().chain(expressions) {
        all.push((kind.dataset.clone(), column.clone()));
    }
}
