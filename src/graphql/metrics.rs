//! What the API shows of the model's metrics: the public ones, their deprecation in words, and
//! the scalar that holds them.

use crate::model::{
    Aggregate, AggregateKind, BalanceMeasure, ColumnType, DurationMeasure, Metric, MetricExpr,
    MetricKind, MetricName, Model, MovementMeasure,
};
use crate::planner::MetricQuery;

/// Metrics that the API offers, in catalogue order.
pub(super) fn public_metrics(model: &Model) -> impl Iterator<Item = &Metric> {
    model.metrics.values().filter(|metric| !metric.private)
}

/// A metric that the API offers.
pub(super) fn public_metric<'m>(model: &'m Model, name: &str) -> Option<&'m Metric> {
    model.metrics.get(name).filter(|metric| !metric.private)
}

/// The deprecated metrics that questions ask for, each once, in catalogue order.
pub(super) fn deprecated_in<'q>(
    model: &Model,
    questions: impl Iterator<Item = &'q MetricQuery>,
) -> Vec<String> {
    let asked: Vec<&MetricName> = questions.flat_map(|query| query.ask.metrics()).collect();
    let deprecated = model.metrics.values().filter(|metric| metric.deprecated.is_some());
    let deprecated = deprecated.filter(|metric| asked.contains(&&metric.name));
    deprecated.map(|metric| metric.name.to_string()).collect()
}

/// Why a metric should no longer be used, what instead, and how long it stays.
pub(super) fn reason_of(metric: &Metric) -> Option<String> {
    let deprecation = metric.deprecated.as_ref()?;
    let why = deprecation.reason.trim().trim_end_matches('.');
    let sentences = [
        (!why.is_empty()).then(|| format!("{why}.")),
        deprecation.replacement.as_ref().map(|replacement| format!("Use `{replacement}`.")),
        deprecation.removed_after.map(|day| format!("Removed after {day}.")),
    ];
    Some(sentences.into_iter().flatten().collect::<Vec<_>>().join(" "))
}

/// The scalar of a metric in `MetricRecord`: counts are Int, sums and balances of money Decimal,
/// whatever is divided or estimated Float.
pub(super) fn record_scalar(model: &Model, metric: &Metric) -> &'static str {
    match &metric.kind {
        MetricKind::Aggregate(aggregate) => aggregate_scalar(model, aggregate),
        MetricKind::Cumulative { of, .. } => scalar_of(model, of),
        MetricKind::Derived { expr } => derived_scalar(model, expr),
        MetricKind::Balance { measure, .. } => match measure {
            BalanceMeasure::Amount => "Decimal",
            BalanceMeasure::Customers => "Int",
        },
        MetricKind::Movement { measure, .. } => match measure {
            MovementMeasure::Amount => "Decimal",
            MovementMeasure::Events | MovementMeasure::Customers => "Int",
        },
        MetricKind::Attribution(_) => "Decimal",
        MetricKind::Duration(duration) => match duration.measure {
            DurationMeasure::QuantileDays(_) => "Int",
            DurationMeasure::ShareByDay(_) | DurationMeasure::ObservedMedianDays => "Float",
        },
        MetricKind::Ratio { .. }
        | MetricKind::Retention(_)
        | MetricKind::Attach(_)
        | MetricKind::Conversion(_)
        | MetricKind::Cohort(_) => "Float",
    }
}

fn aggregate_scalar(model: &Model, aggregate: &AggregateKind) -> &'static str {
    match aggregate.aggregate {
        // Owners share a row: then counts have decimals.
        Aggregate::Count if leads_to_owners(model, aggregate) => "Decimal",
        Aggregate::Count | Aggregate::CountDistinct => "Int",
        Aggregate::Average | Aggregate::Median => "Float",
        Aggregate::Sum | Aggregate::Min | Aggregate::Max => {
            let column = aggregate.expr.as_ref().and_then(|expr| {
                model.datasets.get(&aggregate.dataset)?.columns.get(expr.sql.trim())
            });
            match column.map(|column| (column.data_type, column.minor_units)) {
                Some((ColumnType::Decimal { .. }, _) | (_, Some(_))) => "Decimal",
                _ => "Float",
            }
        }
    }
}

fn leads_to_owners(model: &Model, aggregate: &AggregateKind) -> bool {
    let dataset = model.datasets.get(&aggregate.dataset);
    dataset.is_some_and(|dataset| dataset.bridged(&model.datasets).next().is_some())
}

fn derived_scalar(model: &Model, expr: &MetricExpr) -> &'static str {
    match expr {
        MetricExpr::Metric(name) => scalar_of(model, name),
        MetricExpr::Constant(_, 0) => "Int",
        MetricExpr::Constant(..) => "Decimal",
        MetricExpr::Neg(inner) => derived_scalar(model, inner),
        MetricExpr::Div(..) => "Float",
        MetricExpr::Add(a, b) | MetricExpr::Sub(a, b) => {
            match (derived_scalar(model, a), derived_scalar(model, b)) {
                ("Float", _) | (_, "Float") => "Float",
                ("Int", "Int") => "Int",
                _ => "Decimal",
            }
        }
        MetricExpr::Mul(a, b) => match (derived_scalar(model, a), derived_scalar(model, b)) {
            ("Int", "Int") => "Int",
            ("Int", "Decimal") | ("Decimal", "Int") => "Decimal",
            _ => "Float",
        },
    }
}

/// The metric graph is acyclic, so this ends.
fn scalar_of(model: &Model, name: &MetricName) -> &'static str {
    model.metrics.get(name).map_or("Float", |metric| record_scalar(model, metric))
}
