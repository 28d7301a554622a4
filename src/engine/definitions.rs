//! What an answer says about the definitions behind it: which are deprecated, and which version of
//! each was used.

use crate::model::{Metric, MetricName, Model};
use crate::planner::{Ask, MetricQuery, side_by_side};

use super::context::Context;

/// Notes on the metrics of the question, and on those they are computed from.
pub fn note_definitions(context: &Context<'_>) {
    let model = context.facts.model;
    let day = match &context.query().ask {
        Ask::Table(table) => table.defined_at,
        _ => None,
    };
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
