//! What two models say differently: definitions added, removed and changed, which of their keys,
//! and which metrics answer otherwise because of it.

use std::fmt::Write;

use serde_json::{Value as Json, json};

use super::reach::Reach;
use crate::cli::written::{
    Flow, Parts, balance_parts, dataset_parts, dimension_parts, metric_parts, project_parts,
};
use crate::model::{DimensionName, Metric, MetricName, Model, SourcePos};

/// One definition that is not the same in both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub what: What,
    pub name: String,
    pub how: How,
    /// Where it is written: in the new version, or in the old one if it is gone.
    pub source: Option<SourcePos>,
    /// Metrics of both versions whose numbers or groupings may change with it.
    pub affects: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    Project,
    Dataset,
    Dimension,
    Balance,
    Metric,
}

impl What {
    fn as_str(self) -> &'static str {
        match self {
            Self::Project => "project",
            Self::Dataset => "dataset",
            Self::Dimension => "dimension",
            Self::Balance => "balance",
            Self::Metric => "metric",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum How {
    Added,
    Removed,
    Changed(Vec<Part>),
}

/// A key of the definition, and what it says in each version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    pub key: String,
    pub old: String,
    pub new: String,
}

/// What stands for a key that is not there.
const NONE: &str = "none";

impl Change {
    pub fn human(&self) -> String {
        let mark = match self.how {
            How::Added => '+',
            How::Removed => '-',
            How::Changed(_) => '~',
        };
        let mut out = format!("{mark} {} {}\n", self.what.as_str(), self.name);
        if let How::Changed(parts) = &self.how {
            for Part { key, old, new } in parts {
                let _ =
                    writeln!(out, "    {key}: {old}\n    {:>1$}: {new}", "→", key.chars().count());
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
            .map(|part| json!({ "part": part.key, "old": part.old, "new": part.new }))
            .collect();
        json!({
            "what": self.what.as_str(),
            "name": self.name,
            "how": how,
            "file": self.source.as_ref().map(|source| &source.file),
            "line": self.source.as_ref().map(|source| source.line),
            "parts": parts,
            "affects": self.affects,
        })
    }
}

/// Everything that differs: the project, datasets, dimensions, balances, metrics.
pub fn changes(old: &Model, new: &Model) -> Vec<Change> {
    let both = Both { old, new };
    let mut all = Vec::new();
    let parts = differing(&project_parts(old), &project_parts(new));
    if !parts.is_empty() {
        let (what, name, how) = (What::Project, new.name.clone(), How::Changed(parts));
        all.push(Change { what, name, how, source: None, affects: Vec::new() });
    }
    all.extend(both.compare(What::Dataset, |model| {
        let all = model.datasets.values();
        all.map(|one| (one.name.to_string(), dataset_parts(one), one.source.clone())).collect()
    }));
    all.extend(both.compare(What::Dimension, |model| {
        let all = model.dimensions.values();
        all.map(|one| (one.name.to_string(), dimension_parts(one), one.source.clone())).collect()
    }));
    all.extend(both.compare(What::Balance, |model| {
        let all = model.balances.values();
        all.map(|one| (one.name.to_string(), balance_parts(one), one.source.clone())).collect()
    }));
    all.extend(both.compare(What::Metric, |model| {
        let all = model.metrics.values();
        all.map(|one| (one.name.to_string(), metric_parts(model, one), one.source.clone()))
            .collect()
    }));
    both.add_what_follows(&mut all);
    let reach = Reach::new(old, new);
    for change in &mut all {
        change.affects = reach.of(change);
    }
    all
}

struct Both<'a> {
    old: &'a Model,
    new: &'a Model,
}

/// Name, keys, place.
type Written = (String, Parts, SourcePos);

impl Both<'_> {
    /// In the order of the new version; what is gone comes last.
    fn compare(&self, what: What, written: fn(&Model) -> Vec<Written>) -> Vec<Change> {
        let (old, new) = (written(self.old), written(self.new));
        let change = |name: &String, how, source: &SourcePos| {
            let (name, source) = (name.clone(), Some(source.clone()));
            Change { what, name, how, source, affects: Vec::new() }
        };
        let find = |all: &[Written], name: &str| all.iter().any(|(known, ..)| known == name);
        let mut changes = Vec::new();
        for (name, parts, source) in &new {
            let before = old.iter().find(|(known, ..)| known == name);
            let how = match before.map(|(_, before, _)| differing(before, parts)) {
                None => How::Added,
                Some(parts) if parts.is_empty() => continue,
                Some(parts) => How::Changed(parts),
            };
            changes.push(change(name, how, source));
        }
        let gone = old.iter().filter(|(name, ..)| !find(&new, name));
        changes.extend(gone.map(|(name, _, source)| change(name, How::Removed, source)));
        changes
    }

    /// What the catalogue says of a metric, beside the keys from which that follows; and dimensions
    /// that were there before and now fit, or no longer do.
    fn add_what_follows(&self, all: &mut Vec<Change>) {
        for (name, new) in &self.new.metrics {
            let Some(old) = self.old.metrics.get(name) else { continue };
            let mut follows = Parts::default();
            let mut before = Parts::default();
            for (parts, metric) in [(&mut before, old), (&mut follows, new)] {
                parts.text("formula", &metric.formula);
                parts.text("adds up", &metric.additive);
            }
            let is_it =
                |change: &&mut Change| change.what == What::Metric && change.name == name.as_str();
            let known = all.iter_mut().find(is_it);
            let dimensions = self.dimensions(old, new);
            match known {
                Some(Change { how: How::Changed(parts), .. }) => {
                    parts.extend(differing(&before, &follows));
                    parts.extend(dimensions);
                }
                _ => {
                    let how = dimensions.map(|part| How::Changed(vec![part]));
                    all.extend(how.map(|how| self.of_metric(name, how, new)));
                }
            }
        }
    }

    fn of_metric(&self, name: &MetricName, how: How, metric: &Metric) -> Change {
        Change {
            what: What::Metric,
            name: name.to_string(),
            how,
            source: Some(metric.source.clone()),
            affects: Vec::new(),
        }
    }

    /// Dimensions of both versions that only one of them offers. Those that are new or gone say
    /// themselves whom they affect.
    fn dimensions(&self, old: &Metric, new: &Metric) -> Option<Part> {
        let in_both = |name: &&DimensionName| {
            self.old.dimensions.contains_key(*name) && self.new.dimensions.contains_key(*name)
        };
        let list = |metric: &Metric| {
            let names = metric.dimensions.iter().filter(in_both);
            names.map(ToString::to_string).collect::<Vec<_>>()
        };
        let (old, new) = (list(old), list(new));
        let only = |these: &[String], others: &[String]| {
            let found = these.iter().filter(|name| !others.contains(name));
            let found: Vec<&str> = found.map(String::as_str).collect();
            if found.is_empty() { NONE.to_owned() } else { found.join(", ") }
        };
        let (gone, come) = (only(&old, &new), only(&new, &old));
        let same = gone == NONE && come == NONE;
        (!same).then(|| Part { key: "dimensions".to_owned(), old: gone, new: come })
    }
}

fn differing(old: &Parts, new: &Parts) -> Vec<Part> {
    let shown = |value: Option<&Flow>| value.map_or(NONE.to_owned(), ToString::to_string);
    let differing = old.differing(new).into_iter();
    differing
        .map(|(key, old, new)| Part { key: key.to_owned(), old: shown(old), new: shown(new) })
        .collect()
}
