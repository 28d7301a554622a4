//! Stage: the project's pre-aggregates. Each names metrics whose sums can be kept and attributes of
//! customers that go with all of them, so that none is declared in vain.

use super::Resolver;
use super::balances::CUSTOMER;
use crate::definitions::{PreAggregateDef, Text};
use crate::diagnostics::{Code, Diagnostic};
use crate::model::{DimensionName, DimensionValue, Metric, MetricKind, MetricName, PreAggregate};

impl Resolver<'_> {
    /// In the order written. Metrics must have their dimensions.
    pub(super) fn resolve_pre_aggregates(&mut self) -> Vec<PreAggregate> {
        let Some(project) = &self.definitions.project else { return Vec::new() };
        project.pre_aggregates.iter().map(|def| self.pre_aggregate(def)).collect()
    }

    /// What can be bound of it.
    fn pre_aggregate(&mut self, def: &PreAggregateDef) -> PreAggregate {
        let mut dimensions: Vec<DimensionName> = Vec::new();
        for text in &def.dimensions.0 {
            let Some(name) = self.dimension_name(text) else { continue };
            match dimensions.contains(&name) {
                true => self.report_twice(text),
                false if self.is_attribute(text, &name) => dimensions.push(name),
                false => {}
            }
        }
        let mut metrics: Vec<MetricName> = Vec::new();
        for text in &def.metrics.0 {
            let Some(name) = self.metric_name(text) else { continue };
            // A metric that could not be bound has been reported.
            let Some(metric) = self.metrics.get(&name).cloned() else { continue };
            self.check_summed(text, &metric, &dimensions);
            match metrics.contains(&name) {
                true => self.report_twice(text),
                false => metrics.push(name),
            }
        }
        PreAggregate { metrics, dimensions }
    }

    fn report_twice(&mut self, text: &Text) {
        let message = format!("the pre-aggregate names `{}` twice", text.value);
        self.report(Code::InvalidValue, text.span, message);
    }

    /// Whether customers can be told apart by it; if not, it is said.
    fn is_attribute(&mut self, text: &Text, name: &DimensionName) -> bool {
        let Some(dimension) = self.dimensions.get(name) else { return false };
        let is_of_customers =
            dimension.entity.as_ref().is_some_and(|entity| entity.as_str() == CUSTOMER);
        let problem = match &dimension.value {
            DimensionValue::Key if is_of_customers => {
                "has as many groups as there are customers: nothing is summed up by it"
            }
            _ if is_of_customers => return true,
            _ => "is no attribute of customers: questions may group by it all the same",
        };
        let message = format!(
            "`{name}` {problem}; a pre-aggregate names attributes of customers, such as a segment"
        );
        self.report(Code::InvalidValue, text.span, message);
        false
    }

    fn check_summed(&mut self, text: &Text, metric: &Metric, dimensions: &[DimensionName]) {
        // Without a formula it has no dimensions yet: the metrics are defined in a circle.
        if metric.formula.is_empty() {
            return;
        }
        let unkept = self.unkept(metric);
        if let Some(unkept) = unkept {
            let through = match unkept == metric.name {
                true => String::new(),
                false => format!(" for the sake of `{unkept}`"),
            };
            let message = format!(
                "`{}` cannot be pre-aggregated{through}: kept are sums of retention, movement, attach, \
                 duration and attribution metrics, and of what is computed from these alone",
                metric.name
            );
            self.report(Code::InvalidValue, text.span, message);
            return;
        }
        let own = metric.filter.iter().flat_map(|filter| filter.predicate.dimensions());
        if let Some(name) = own.into_iter().find(|name| !dimensions.contains(name)) {
            let message = format!(
                "`{}` has a filter of its own by `{name}`, which the pre-aggregate does not keep: its \
                 sums would never be used",
                metric.name
            );
            self.report(Code::InvalidValue, text.span, message);
        }
        for name in dimensions.iter().filter(|name| !metric.dimensions.contains(name)) {
            let message = format!("`{}` cannot be grouped by `{name}`", metric.name);
            let offered = metric.dimensions.iter().map(DimensionName::as_str);
            let found = Diagnostic::new(Code::InvalidValue, text.span, message);
            self.out.push(found.suggest(name.as_str(), offered));
        }
    }

    /// The metric whose sums cannot be kept, if it is the metric or among what it is computed from.
    fn unkept(&self, metric: &Metric) -> Option<MetricName> {
        match &metric.kind {
            MetricKind::Retention(_)
            | MetricKind::Movement { .. }
            | MetricKind::Attach(_)
            | MetricKind::Duration(_)
            | MetricKind::Attribution(_) => None,
            MetricKind::Ratio { .. } | MetricKind::Derived { .. } => {
                let inputs = metric.inputs().into_iter().filter_map(|name| self.metrics.get(name));
                inputs.into_iter().find_map(|input| self.unkept(input))
            }
            _ => Some(metric.name.clone()),
        }
    }
}
