//! What two models say differently: definitions added, removed and changed, which of their parts,
//! and which metrics are computed from them.

use std::fmt::{Debug, Write};

use serde_json::{Value as Json, json};

use crate::model::{Dataset, Dimension, Metric, MetricKind, MetricName, Model};

/// One definition that is not the same in both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// metric, dimension, dataset, balance or project.
    pub what: &'static str,
    pub name: String,
    pub how: How,
    /// Metrics of the new version that are computed from it, directly or through others.
    pub affects: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum How {
    Added,
    Removed,
    /// Part → old, new.
    Changed(Vec<(String, String, String)>),
}

impl Change {
    pub fn human(&self) -> String {
        let mark = match self.how {
            How::Added => '+',
            How::Removed => '-',
            How::Changed(_) => '~',
        };
        let mut out = format!("{mark} {} {}\n", self.what, self.name);
        if let How::Changed(parts) = &self.how {
            for (part, old, new) in parts {
                let _ = writeln!(
                    out,
                    "    {part}: {old}\n    {:>1$}: {new}",
                    "→",
                    part.chars().count()
                );
            }
        }
        if !self.affects.is_empty() {
            let _ = writeln!(out, "    affects {}", self.affects.join(", "));
        }
        out
    }

    pub fn json(&self) -> Json {
        let (how, parts) = match &self.how {
            How::Added => ("added", &[][..]),
            How::Removed => ("removed", &[][..]),
            How::Changed(parts) => ("changed", &parts[..]),
        };
        let parts: Vec<Json> = parts
            .iter()
            .map(|(part, old, new)| json!({ "part": part, "old": old, "new": new }))
            .collect();
        json!({ "what": self.what, "name": self.name, "how": how, "parts": parts, "affects": self.affects })
    }
}

/// Everything that differs: the project, datasets, dimensions, balances, metrics.
pub fn changes(old: &Model, new: &Model) -> Vec<Change> {
    let mut all = Vec::new();
    let project = |model: &Model| {
        vec![
            ("time zone", model.calendar.zone.to_string()),
            ("fiscal year starts in month", model.calendar.fiscal_start.to_string()),
            ("currency", model.currency.clone()),
        ]
    };
    let parts = differing(project(old), project(new));
    if !parts.is_empty() {
        let affects = new.metrics.keys().map(ToString::to_string).collect();
        let name = new.name.clone();
        all.push(Change { what: "project", name, how: How::Changed(parts), affects });
    }
    let names = |model: &Model| model.datasets.keys().map(ToString::to_string).collect();
    let dataset = |model: &Model, name: &str| model.datasets.get(name).map(dataset_parts);
    all.extend(compare("dataset", (names(old), names(new)), |name| {
        (dataset(old, name), dataset(new, name))
    }));
    let names = |model: &Model| model.dimensions.keys().map(ToString::to_string).collect();
    let dimension = |model: &Model, name: &str| model.dimensions.get(name).map(dimension_parts);
    all.extend(compare("dimension", (names(old), names(new)), |name| {
        (dimension(old, name), dimension(new, name))
    }));
    let names = |model: &Model| model.balances.keys().map(ToString::to_string).collect();
    let balance = |model: &Model, name: &str| {
        let shapes = |shapes| vec![("shapes", shown(&shapes))];
        model.balances.get(name).map(|balance| shapes(balance.shapes.clone()))
    };
    all.extend(compare("balance", (names(old), names(new)), |name| {
        (balance(old, name), balance(new, name))
    }));
    let names = |model: &Model| model.metrics.keys().map(ToString::to_string).collect();
    let metric = |model: &Model, name: &str| model.metrics.get(name).map(metric_parts);
    all.extend(compare("metric", (names(old), names(new)), |name| {
        (metric(old, name), metric(new, name))
    }));
    for change in &mut all {
        if change.affects.is_empty() {
            change.affects = affected(new, change);
        }
    }
    all
}

type Parts = Vec<(&'static str, String)>;

fn compare(
    what: &'static str,
    (old, new): (Vec<String>, Vec<String>),
    parts_of: impl Fn(&str) -> (Option<Parts>, Option<Parts>),
) -> Vec<Change> {
    let mut names = new;
    names.extend(old.into_iter().filter(|name| !names.contains(name)).collect::<Vec<_>>());
    let changes = names.into_iter().filter_map(|name| {
        let how = match parts_of(&name) {
            (None, Some(_)) => How::Added,
            (Some(_), None) => How::Removed,
            (Some(old), Some(new)) => {
                let parts = differing(old, new);
                (!parts.is_empty()).then_some(How::Changed(parts))?
            }
            (None, None) => return None,
        };
        Some(Change { what, name, how, affects: Vec::new() })
    });
    changes.collect()
}

fn differing(old: Parts, new: Parts) -> Vec<(String, String, String)> {
    let pairs = old.into_iter().zip(new);
    let differing = pairs.filter(|((_, old), (_, new))| old != new);
    differing.map(|((part, old), (_, new))| (part.to_owned(), old, new)).collect()
}

/// The words that say what a metric is; its rules last, where words do not show the difference.
fn metric_parts(metric: &Metric) -> Parts {
    let list = |names: Vec<String>| names.join(", ");
    let option = |text: &Option<String>| text.clone().unwrap_or_else(|| "none".to_owned());
    let columns = metric.lineage.iter().map(|(table, column)| format!("{table}.{column}"));
    vec![
        ("kind", metric.kind.as_str().to_owned()),
        ("formula", metric.formula.clone()),
        ("rules", shown(&metric.kind)),
        ("label", metric.label.clone()),
        ("description", metric.description.clone()),
        ("unit", metric.unit.as_str().to_owned()),
        ("adds up", metric.additive.clone()),
        (
            "good",
            metric.good.map_or("neither".to_owned(), |good| format!("{good:?}").to_lowercase()),
        ),
        ("owner", option(&metric.owner)),
        ("tags", list(metric.tags.clone())),
        ("status", metric.status.clone()),
        ("private", metric.private.to_string()),
        (
            "deprecated",
            metric.deprecated.as_ref().map_or("no".to_owned(), |why| why.reason.clone()),
        ),
        ("bands", shown(&metric.bands)),
        ("typed field", option(&metric.field)),
        ("dimensions", list(metric.dimensions.iter().map(ToString::to_string).collect())),
        ("columns", list(columns.collect())),
    ]
}

fn dataset_parts(dataset: &Dataset) -> Parts {
    let columns = dataset.columns.values().map(|column| {
        let values = if column.values.is_empty() { String::new() } else { shown(&column.values) };
        format!("{} = {} {:?}{values}", column.name, column.in_files, column.data_type)
    });
    vec![
        ("table", dataset.table.clone()),
        ("partition", shown(&dataset.partition)),
        ("time", shown(&dataset.time)),
        ("keys", shown(&(&dataset.primary_key, &dataset.keys))),
        ("valid", shown(&dataset.valid)),
        ("columns", columns.collect::<Vec<_>>().join(", ")),
        ("joins", shown(&dataset.as_of_joins)),
    ]
}

fn dimension_parts(dimension: &Dimension) -> Parts {
    vec![
        ("label", dimension.label.clone()),
        ("dataset", dimension.dataset.to_string()),
        ("type", dimension.data_type.as_str().to_owned()),
        ("value", shown(&dimension.value)),
        ("history", dimension.history.to_string()),
    ]
}

/// A value in words of the model, without the places where things are written.
fn shown(value: &impl Debug) -> String {
    let text = format!("{value:?}");
    let mut parts = text.split("SourcePos");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |kept, part| kept + part.split_once('}').map_or("", |(_, rest)| rest))
}

/// Metrics computed from what changed.
fn affected(model: &Model, change: &Change) -> Vec<String> {
    let mut reached: Vec<&MetricName> = Vec::new();
    let reads = |metric: &Metric| match change.what {
        "dataset" => metric.lineage.iter().any(|(table, _)| table.as_str() == change.name),
        "dimension" => metric.dimensions.iter().any(|name| name.as_str() == change.name),
        "balance" => shown(&metric.kind).contains(&format!("BalanceName(\"{}\")", change.name)),
        _ => inputs(&metric.kind).iter().any(|name| name.as_str() == change.name),
    };
    reached.extend(model.metrics.values().filter(|metric| reads(metric)).map(|m| &m.name));
    let mut next = 0;
    while let Some(name) = reached.get(next).copied() {
        let more = model.metrics.values().filter(|metric| inputs(&metric.kind).contains(&name));
        let more: Vec<&MetricName> =
            more.map(|metric| &metric.name).filter(|name| !reached.contains(name)).collect();
        reached.extend(more);
        next += 1;
    }
    let others = reached.into_iter().filter(|name| name.as_str() != change.name);
    others.map(ToString::to_string).collect()
}

/// The metrics that a metric is computed from.
fn inputs(kind: &MetricKind) -> Vec<&MetricName> {
    match kind {
        MetricKind::Ratio { numerator, denominator } => vec![numerator, denominator],
        MetricKind::Derived { expr } => expr.metrics(),
        MetricKind::Cumulative { of, .. } => vec![of],
        _ => Vec::new(),
    }
}
