//! Stage: which definitions count. A project's definition stands in for the one that ships under
//! the same name; two of one layer under one name are an error.

use indexmap::IndexMap;

use super::Resolver;
use crate::definitions::{BalanceDef, CANONICAL_PREFIX, DatasetDef, DimensionDef, MetricDef, Name};
use crate::diagnostics::{Code, Diagnostic, Span};

/// The definitions that count, by name, those that ship first.
pub(super) struct Written<'a> {
    pub(super) datasets: IndexMap<&'a str, &'a DatasetDef>,
    pub(super) balances: IndexMap<&'a str, &'a BalanceDef>,
    pub(super) metrics: IndexMap<&'a str, &'a MetricDef>,
    pub(super) dimensions: IndexMap<&'a str, (&'a DatasetDef, &'a DimensionDef)>,
}

/// What a query gives a meaning of its own.
const RESERVED: [&str; 7] = ["true", "false", "null", "and", "or", "not", "period"];

impl<'a> Resolver<'a> {
    pub(super) fn choose_definitions(&mut self) -> Written<'a> {
        let definitions = self.definitions;
        let datasets = self.choose(&definitions.datasets, |def| &def.name, "dataset");
        let balances = self.choose(&definitions.balances, |def| &def.name, "balance");
        let metrics = self.choose(&definitions.metrics, |def| &def.common.name, "metric");
        let dimensions = self.choose_dimensions(&datasets, &metrics);
        for (name, span) in metrics
            .values()
            .map(|def| &def.common.name)
            .map(place)
            .chain(dimensions.values().map(|(_, def)| &def.name).map(place))
        {
            if RESERVED.contains(&name) {
                let found = Diagnostic::new(
                    Code::ReservedName,
                    span,
                    format!("`{name}` has a meaning of its own in queries"),
                );
                self.out.push(found.help(format!("write `{name}_value`, or a fuller name")));
            }
        }
        self.metric_names = metrics.keys().map(|name| (*name).to_owned()).collect();
        Written { datasets, balances, metrics, dimensions }
    }

    fn choose<T>(
        &mut self,
        all: &'a [T],
        name_of: fn(&T) -> &Name,
        what: &str,
    ) -> IndexMap<&'a str, &'a T> {
        let mut chosen: IndexMap<&str, &T> = IndexMap::new();
        for own in [false, true] {
            let mut seen: IndexMap<&str, Span> = IndexMap::new();
            for def in all {
                let (name, span) = place(name_of(def));
                if self.is_own(span) != own {
                    continue;
                }
                if let Some(first) = seen.get(name) {
                    self.name_taken(what, name, span, *first);
                    continue;
                }
                seen.insert(name, span);
                chosen.insert(name, def);
            }
        }
        chosen
    }

    fn choose_dimensions(
        &mut self,
        datasets: &IndexMap<&'a str, &'a DatasetDef>,
        metrics: &IndexMap<&'a str, &'a MetricDef>,
    ) -> IndexMap<&'a str, (&'a DatasetDef, &'a DimensionDef)> {
        let mut chosen: IndexMap<&str, (&DatasetDef, &DimensionDef)> = IndexMap::new();
        for dataset in datasets.values() {
            for def in &dataset.dimensions {
                let (name, span) = place(&def.name);
                if let Some((_, first)) = chosen.get(name) {
                    self.name_taken("dimension", name, span, first.name.span());
                } else if let Some(metric) = metrics.get(name) {
                    // The one that the project wrote is the one to change.
                    let other = metric.common.name.span();
                    match self.is_own(span) {
                        true => self.name_taken("metric", name, span, other),
                        false => self.name_taken("dimension", name, other, span),
                    }
                } else {
                    chosen.insert(name, (dataset, def));
                }
            }
        }
        chosen
    }

    fn name_taken(&mut self, what: &str, name: &str, span: Span, first: Span) {
        let message = format!("the name `{name}` is taken by another {what}");
        let found = Diagnostic::new(Code::DuplicateName, span, message);
        self.out.push(found.related(first, "first here").help("give one of them another name"));
    }

    /// Whether the project wrote it, not this repository.
    pub(super) fn is_own(&self, span: Span) -> bool {
        let path = self.sources.get(span.source).map_or("", |file| file.path.as_str());
        !path.starts_with(CANONICAL_PREFIX)
    }
}

fn place(name: &Name) -> (&str, Span) {
    (name.as_str(), name.span())
}
