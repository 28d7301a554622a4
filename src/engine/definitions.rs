//! What an answer says about the definitions behind it: which are deprecated, which version of each
//! was used, and which of the columns they name are kept as floats.

use crate::model::{Metric, MetricName, Model};
use crate::planner::{Ask, MetricQuery, side_by_side};

use super::context::Context;

/// Notes on the metrics of the question, and on those they are computed from.
pub fn note_definitions(context: &Context<'_>) {
    let model = context.facts.model;
    let day = context.query().defined_at;
    let mut seen: Vec<MetricName> = Vec::new();
    let mut open = asked(model, context.query());
    open.reverse();
    while let Some(name) = open.pop() {
        if seen.contains(&name) {
            continue;
        }
        let (Some(today), Some(metric)) = (model.metrics.get(&name), model.metric_at(&name, day))
        else {
            continue;
        };
        if let Some(deprecated) = &today.deprecated {
            context.note(deprecated.note(&name));
        }
        if !today.versions.is_empty() {
            context.note(version_note(today, day));
        }
        open.extend(metric.inputs().into_iter().rev().cloned());
        seen.push(name);
    }
}

/// Notes on columns that the metrics are computed from, in the tables that were read.
pub fn note_floats(context: &Context<'_>) {
    let (_, read, _) = context.gathered();
    let model = context.facts.model;
    for name in asked(model, context.query()) {
        let metric = model.metric_at(&name, context.query().defined_at);
        let lineage = metric.map(|metric| metric.lineage.iter()).into_iter().flatten();
        for (dataset, column) in lineage.filter(|(dataset, _)| read.contains(dataset)) {
            let table = context.facts.reader.table(dataset);
            if let Some(scale) = table.ok().and_then(|table| table.rounded_to(column)) {
                context.note(format!(
                    "`{dataset}.{column}` is kept as floating-point numbers: each was rounded once, \
                     to {scale} decimals."
                ));
            }
        }
    }
}

fn version_note(metric: &Metric, day: Option<chrono::NaiveDate>) -> String {
    let name = &metric.name;
    match day.and_then(|day| metric.version_on(day)) {
        Some(version) => format!("`{name}` as it was defined until {}.", version.until),
        None => {
            let since = metric.versions.last().map(|version| version.until.to_string());
            format!("`{name}` as it is defined since {}.", since.unwrap_or_default())
        }
    }
}

/// The metrics that a question names.
fn asked(model: &Model, query: &MetricQuery) -> Vec<MetricName> {
    match &query.ask {
        Ask::Variants { of, .. } => side_by_side(model, of)
            .map(|metrics| metrics.into_iter().map(|metric| metric.name.clone()).collect())
            .unwrap_or_default(),
        ask => ask.metrics().into_iter().cloned().collect(),
    }
}
