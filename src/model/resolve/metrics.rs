//! Stage: metrics, what each says about itself and its kind; then which typed field each answers.

use indexmap::IndexMap;

use super::names::Written;
use super::{Resolver, label_of};
use crate::definitions::MetricDef;
use crate::definitions::metric::GoodWord;
use crate::diagnostics::{Code, Diagnostic, Span};
use crate::model::{Deprecation, GoodDirection, Metric, MetricKind, MetricName, Unit};

/// The typed root fields and the kind of metric that answers each.
const FIELDS: [(&str, &str); 6] = [
    ("nrr", "retention"),
    ("expansionByType", "movement"),
    ("attachRate", "attach"),
    ("timeToExpansion", "duration"),
    ("csmExpansionAttribution", "attribution"),
    ("cohorts", "cohort"),
];

impl Resolver<'_> {
    pub(super) fn resolve_metrics(&mut self, written: &Written) {
        for (name, def) in &written.metrics {
            match self.bind_metric(MetricName::new(*name), def) {
                Some(metric) => {
                    self.metrics.insert(metric.name.clone(), metric);
                }
                None => {
                    self.broken.insert((*name).to_owned());
                }
            }
            self.resolve_versions(name, def);
        }
    }

    /// A metric with all that its own text says.
    pub(super) fn bind_metric(&mut self, name: MetricName, def: &MetricDef) -> Option<Metric> {
        let kind = self.bind_kind(&def.kind, def.span);
        let written = def.kind.filter();
        let filter = written.and_then(|text| self.bind_condition(text));
        self.filters.extend(written.map(|text| (name.clone(), text.clone())));
        let deprecated = self.deprecation(def);
        let bands = self.bands(&def.common.bands);
        let targets = self.targets(&def.common.targets);
        let common = &def.common;
        Some(Metric {
            label: common.label.clone().unwrap_or_else(|| label_of(common.name.as_str())),
            description: common.description.clone().unwrap_or_default(),
            unit: common
                .unit
                .as_ref()
                .map_or(Unit::Other(String::new()), |unit| unit_of(&unit.value)),
            kind: kind?,
            filter,
            additive: String::new(),
            good: common.good.map(|word| match word {
                GoodWord::Up => GoodDirection::Up,
                GoodWord::Down => GoodDirection::Down,
            }),
            owner: common.owner.clone(),
            tags: common.tags.iter().map(|tag| tag.value.clone()).collect(),
            format: common.format.clone(),
            status: common.status.clone().unwrap_or_else(|| "active".to_owned()),
            private: common.private,
            deprecated,
            bands,
            targets,
            formula: String::new(),
            definition: self.definition_text(def.span),
            dimensions: Vec::new(),
            lineage: Vec::new(),
            field: None,
            versions: Vec::new(),
            source: self.source_pos(common.name.span()),
            name,
        })
    }

    fn deprecation(&mut self, def: &MetricDef) -> Option<Deprecation> {
        let written = def.common.deprecated.as_ref()?;
        let replacement = written.replacement.as_ref().and_then(|text| self.metric_name(text));
        let removed_after = written.removed_after.as_ref().and_then(|text| self.day(text));
        Some(Deprecation { reason: written.reason.clone(), replacement, removed_after })
    }

    /// The definition's own lines, moved to the left edge.
    fn definition_text(&self, span: Span) -> String {
        let Some(file) = self.sources.get(span.source) else { return String::new() };
        let indent = file.position(span.start).column as usize - 1;
        let mut text = String::new();
        for (index, line) in file.slice(span).lines().enumerate() {
            let shift =
                if index == 0 { 0 } else { indent.min(line.len() - line.trim_start().len()) };
            text.push_str(line.get(shift..).unwrap_or(line).trim_end());
            text.push('\n');
        }
        if text.starts_with('{') && !text.trim_end().ends_with('}') {
            text = format!("{} }}\n", text.trim_end());
        }
        text
    }

    /// Each typed field is answered by one metric; the project's go before those that ship.
    pub(super) fn resolve_fields(&mut self, written: &Written) {
        let mut answered: IndexMap<&str, (&str, Span)> = IndexMap::new();
        for own in [true, false] {
            for (name, def) in &written.metrics {
                let Some(field) = &def.common.field else { continue };
                if self.is_own(field.span) != own || !self.is_answerable(name, field) {
                    continue;
                }
                match answered.get(field.value.as_str()) {
                    None => {
                        answered.insert(&field.value, (*name, field.span));
                    }
                    // What ships gives way to the project's.
                    Some((_, first)) if self.is_own(*first) && !own => {}
                    Some((other, first)) => {
                        let message =
                            format!("the field `{}` is answered by `{other}`", field.value);
                        let found = Diagnostic::new(Code::FieldTaken, field.span, message);
                        self.out.push(found.related(*first, "first here"));
                    }
                }
            }
        }
        for (field, (name, _)) in answered {
            if let Some(metric) = self.metrics.get_mut(name) {
                metric.field = Some(field.to_owned());
            }
        }
    }

    fn is_answerable(&mut self, name: &str, field: &crate::definitions::Text) -> bool {
        let Some((_, kind)) = FIELDS.iter().find(|(known, _)| *known == field.value) else {
            let message = format!("there is no typed field `{}`", field.value);
            let found = Diagnostic::new(Code::UnknownField, field.span, message);
            self.out.push(found.suggest(&field.value, FIELDS.iter().map(|(known, _)| *known)));
            return false;
        };
        let Some(metric) = self.metrics.get(name) else { return false };
        let found = metric.kind.as_str();
        let fits = match &metric.kind {
            MetricKind::Retention(kind) => kind.rules.are_the_books(),
            _ => true,
        };
        if found != *kind {
            let message = format!(
                "`{}` is answered by a metric of kind {kind}; `{name}` is of kind {found}",
                field.value
            );
            self.report(Code::WrongMetricKind, field.span, message);
        }
        if !fits {
            let message = format!(
                "`{}` shows the waterfall, which the rules of `{name}` do not change: leave the \
                 field to the metric without them",
                field.value
            );
            self.report(Code::WrongMetricKind, field.span, message);
        }
        fits && found == *kind
    }
}

fn unit_of(word: &str) -> Unit {
    match word {
        "currency" => Unit::Currency,
        "ratio" => Unit::Ratio,
        "count" => Unit::Count,
        "days" => Unit::Days,
        other => Unit::Other(other.to_owned()),
    }
}
