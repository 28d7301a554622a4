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
            self.check_attribute(text, &name);
            match dimensions.contains(&name) {
                true => self.report_twice(text),
                false => dimensions.push(name),
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

    fn check_attribute(&mut self, text: &Text, name: &DimensionName) {
        let Some(dimension) = self.dimensions.get(name) else { return };
        let is_of_customers =
            dimension.entity.as_ref().is_some_and(|entity| entity.as_str() == CUSTOMER);
        let problem = match &dimension.value {
            DimensionValue::Key if is_of_customers => {
                "has as many groups as there are customers: nothing is summed up by it"
            }
            _ if is_of_customers => return,
            _ => "is no attribute of customers: questions may group by it all the same",
        };
        let message = format!(
            "`{name}` {problem}; a pre-aggregate names attributes of customers, such as a segment"
        );
        self.report(Code::InvalidValue, text.span, message);
    }

    fn check_summed(&mut self, text: &Text, metric: &Metric, dimensions: &[DimensionName]) {
        let is_kept = matches!(
            metric.kind,
            MetricKind::Retention(_)
                | MetricKind::Movement { .. }
                | MetricKind::Attach(_)
                | MetricKind::Duration(_)
                | MetricKind::Attribution(_)
                | MetricKind::Ratio { .. }
                | MetricKind::Derived { .. }
        );
        if !is_kept {
            let message = format!(
                "`{}` cannot be pre-aggregated: kept are sums of retention, movement, attach, duration \
                 and attribution metrics, and of what is computed from these",
                metric.name
            );
            self.report(Code::InvalidValue, text.span, message);
            return;
        }
        // Without a formula it has no dimensions yet either: the metrics are defined in a circle.
        if metric.formula.is_empty() {
            return;
        }
        for name in dimensions.iter().filter(|name| !metric.dimensions.contains(name)) {
            let message = format!("`{}` cannot be grouped by `{name}`", metric.name);
            let offered = metric.dimensions.iter().map(DimensionName::as_str);
            let found = Diagnostic::new(Code::InvalidValue, text.span, message);
            self.out.push(found.suggest(name.as_str(), offered));
        }
    }
}
