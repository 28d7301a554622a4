//! Definitions → [`Model`]: every name bound, every expression checked, in stages that can be read
//! from top to bottom in [`resolve`]. Pure: no IO, no clock.
//!
//! A stage reports what is wrong and goes on with the rest, so that all problems come at once; a
//! reference to a definition that is itself broken is no second problem.

mod attributes;
mod balances;
mod bridges;
mod columns;
mod condition;
mod datasets;
mod dimensions;
mod expression;
mod graph;
mod groupings;
mod kinds;
mod lineage;
mod metrics;
mod names;
mod pre_aggregates;
mod project;
mod sorts;
mod tests;
mod tiles;
mod variants;
mod versions;
mod words;

use std::collections::HashSet;

use indexmap::IndexMap;

use super::{
    Balance, BalanceName, Dataset, DatasetName, Dimension, DimensionName, Metric, MetricName,
    Model, SourcePos,
};
use crate::definitions::{Definitions, Text};
use versions::Earlier;

use crate::diagnostics::{Code, Diagnostic, Diagnostics, Severity, Sources, Span};

/// Binds everything. The model is there unless something is an error.
#[must_use]
pub fn resolve(
    definitions: &Definitions,
    sources: &Sources,
    shape_problems: Vec<Diagnostic>,
) -> (Option<Model>, Diagnostics) {
    let mut resolver = Resolver::new(definitions, sources, shape_problems);

    let project = resolver.resolve_project();
    let written = resolver.choose_definitions();
    resolver.resolve_datasets(&written);
    resolver.resolve_dimensions(&written);
    resolver.resolve_joins(&written);
    resolver.resolve_balances(&written);
    resolver.resolve_metrics(&written);
    resolver.resolve_fields(&written);
    resolver.resolve_history();
    if let Some(order) = resolver.order_metrics() {
        resolver.finish_metrics(&order);
        resolver.check_filters();
    }
    resolver.check_variants(&written);
    resolver.attach_versions();
    let tiles = resolver.resolve_tiles();
    let pre_aggregates = resolver.resolve_pre_aggregates();
    let tests = resolver.resolve_tests(&written, project.as_ref().map(|project| project.calendar));

    let Resolver { datasets, dimensions, balances, metrics, out, .. } = resolver;
    let failed = out.iter().any(|found| found.severity() == Severity::Error);
    let model = project.filter(|_| !failed).map(|project| Model {
        name: project.name,
        warehouse: project.warehouse,
        calendar: project.calendar,
        currency: project.currency,
        version: project::version_of(sources),
        datasets,
        dimensions,
        balances,
        metrics,
        tiles,
        pre_aggregates,
        tests,
    });
    (model, Diagnostics::new(sources.clone(), out))
}

/// What the stages have bound so far.
struct Resolver<'a> {
    definitions: &'a Definitions,
    sources: &'a Sources,
    out: Vec<Diagnostic>,
    /// Names whose definitions could not be read or bound.
    broken: HashSet<String>,
    /// Every metric that is written, bound or not.
    metric_names: HashSet<String>,
    /// Datasets without declared columns: what is used is taken as the files have it.
    open: HashSet<DatasetName>,
    datasets: IndexMap<DatasetName, Dataset>,
    dimensions: IndexMap<DimensionName, Dimension>,
    balances: IndexMap<BalanceName, Balance>,
    metrics: IndexMap<MetricName, Metric>,
    /// Earlier versions, under names that no definition can have, until they are put in place.
    earlier: Vec<Earlier>,
    /// Filters as written, by the metric that carries them.
    filters: Vec<(MetricName, Text)>,
}

impl<'a> Resolver<'a> {
    fn new(definitions: &'a Definitions, sources: &'a Sources, out: Vec<Diagnostic>) -> Self {
        Self {
            definitions,
            sources,
            out,
            broken: definitions.broken.iter().cloned().collect(),
            metric_names: HashSet::new(),
            open: HashSet::new(),
            datasets: IndexMap::new(),
            dimensions: IndexMap::new(),
            balances: IndexMap::new(),
            metrics: IndexMap::new(),
            earlier: Vec::new(),
            filters: Vec::new(),
        }
    }

    fn report(&mut self, code: Code, span: Span, message: impl Into<String>) {
        self.out.push(Diagnostic::new(code, span, message));
    }

    fn source_pos(&self, span: Span) -> SourcePos {
        self.sources.locate(span).map_or_else(SourcePos::default, |(path, at)| SourcePos {
            file: path.to_owned(),
            line: at.line,
            column: at.column,
        })
    }

    /// Reports an unknown name with the nearest known one, unless its definition is broken.
    fn unknown(&mut self, code: Code, what: &str, text: &Text, known: Vec<String>) {
        if self.broken.contains(&text.value) {
            return;
        }
        let found = Diagnostic::new(code, text.span, format!("unknown {what} `{}`", text.value));
        let candidates: Vec<&str> = known.iter().map(String::as_str).collect();
        self.out.push(found.suggest(&text.value, candidates));
    }

    fn dataset_name(&mut self, text: &Text) -> Option<DatasetName> {
        if let Some((name, _)) = self.datasets.get_key_value(text.value.as_str()) {
            return Some(name.clone());
        }
        let known = self.datasets.keys().map(ToString::to_string).collect();
        self.unknown(Code::UnknownDataset, "dataset", text, known);
        None
    }

    fn dimension_name(&mut self, text: &Text) -> Option<DimensionName> {
        if let Some((name, _)) = self.dimensions.get_key_value(text.value.as_str()) {
            return Some(name.clone());
        }
        let known = self.dimensions.keys().map(ToString::to_string).collect();
        self.unknown(Code::UnknownDimension, "dimension", text, known);
        None
    }

    fn metric_name(&mut self, text: &Text) -> Option<MetricName> {
        if self.metric_names.contains(&text.value) {
            return Some(MetricName::new(text.value.as_str()));
        }
        let mut known: Vec<String> = self.metric_names.iter().cloned().collect();
        known.sort_unstable();
        self.unknown(Code::UnknownMetric, "metric", text, known);
        None
    }
}

/// `tickets_opened` → `Tickets opened`.
fn label_of(name: &str) -> String {
    let words = name.replace('_', " ");
    let mut chars = words.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
