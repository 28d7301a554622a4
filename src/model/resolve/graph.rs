//! Stage: the graph of metrics. It has no circles; the order found is one in which every metric
//! comes after those that it is computed from.

use std::collections::HashSet;

use super::Resolver;
use crate::diagnostics::{Code, Diagnostic, Span};
use crate::model::{Metric, MetricName};

/// Metrics of metrics of metrics …: enough for people, not for a stack.
const MAX_LEVELS: usize = 64;

/// The metrics a metric is computed from.
pub(super) fn inputs(metric: &Metric) -> Vec<&MetricName> {
    metric.inputs()
}

impl Resolver<'_> {
    pub(super) fn order_metrics(&mut self) -> Option<Vec<MetricName>> {
        let mut walk =
            Walk { order: Vec::new(), done: HashSet::new(), circles: Vec::new(), deep: Vec::new() };
        let names: Vec<MetricName> = self.metrics.keys().cloned().collect();
        for name in &names {
            walk.visit(self, name, &mut Vec::new());
        }
        for circle in &walk.circles {
            let path: Vec<&str> = circle.iter().map(MetricName::as_str).collect();
            let message = format!("metrics are defined by each other: {}", path.join(" → "));
            let span = circle.first().and_then(|name| self.span_of_metric(name));
            self.out.push(match span {
                Some(span) => Diagnostic::new(Code::MetricCycle, span, message),
                None => Diagnostic::without_place(Code::MetricCycle, message),
            });
        }
        for name in &walk.deep {
            let message = format!("`{name}` is computed through more than {MAX_LEVELS} metrics");
            self.out.push(match self.span_of_metric(name) {
                Some(span) => Diagnostic::new(Code::TooLarge, span, message),
                None => Diagnostic::without_place(Code::TooLarge, message),
            });
        }
        self.warn_deprecated(&names);
        (walk.circles.is_empty() && walk.deep.is_empty()).then_some(walk.order)
    }

    fn span_of_metric(&self, name: &MetricName) -> Option<Span> {
        let all = self.definitions.metrics.iter().rev();
        all.map(|def| &def.common.name).find(|n| n.as_str() == name.as_str()).map(|n| n.span())
    }

    fn warn_deprecated(&mut self, names: &[MetricName]) {
        for name in names {
            let Some(metric) = self.metrics.get(name) else { continue };
            if metric.deprecated.is_some() {
                continue;
            }
            let used: Vec<(String, Option<String>)> = inputs(metric)
                .into_iter()
                .filter_map(|input| {
                    let deprecated = self.metrics.get(input)?.deprecated.as_ref()?;
                    let replacement = deprecated.replacement.as_ref().map(ToString::to_string);
                    Some((input.to_string(), replacement))
                })
                .collect();
            for (input, replacement) in used {
                let Some(span) = self.span_of_metric(name) else { continue };
                let message = format!("`{name}` is computed from `{input}`, which is deprecated");
                let mut found = Diagnostic::new(Code::DeprecatedUsed, span, message);
                found.help = replacement.map(|other| format!("use `{other}`"));
                self.out.push(found);
            }
        }
    }
}

struct Walk {
    order: Vec<MetricName>,
    done: HashSet<MetricName>,
    circles: Vec<Vec<MetricName>>,
    /// Where the walk gave up.
    deep: Vec<MetricName>,
}

impl Walk {
    fn visit(&mut self, resolver: &Resolver, name: &MetricName, path: &mut Vec<MetricName>) {
        if let Some(start) = path.iter().position(|above| above == name) {
            let mut circle = path[start..].to_vec();
            circle.push(name.clone());
            self.circles.push(circle);
            return;
        }
        let Some(metric) = resolver.metrics.get(name) else { return };
        if self.done.contains(name) {
            return;
        }
        if path.len() >= MAX_LEVELS {
            self.deep.push(name.clone());
            return;
        }
        path.push(name.clone());
        for input in inputs(metric) {
            self.visit(resolver, input, path);
        }
        path.pop();
        self.done.insert(name.clone());
        self.order.push(name.clone());
    }
}
