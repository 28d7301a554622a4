//! Earlier versions of metrics: bound like metrics of their own, under names that no definition can
//! have, and then put beside what the metric is today.

use chrono::NaiveDate;

use super::Resolver;
use crate::definitions::MetricDef;
use crate::diagnostics::{Code, Diagnostic};
use crate::model::{MetricName, MetricVersion};

/// A version on its way to its metric.
pub(super) struct Earlier {
    of: MetricName,
    until: NaiveDate,
    because: Option<String>,
    /// Where it is among the metrics meanwhile.
    held_as: MetricName,
}

impl Resolver<'_> {
    /// Binds the versions of a metric.
    pub(super) fn resolve_versions(&mut self, name: &str, def: &MetricDef) {
        let mut ends: Vec<NaiveDate> = Vec::new();
        for version in &def.versions {
            let Some(until) = self.day(&version.until) else { continue };
            if ends.contains(&until) {
                let message = format!("two versions of `{name}` end on {until}");
                self.report(Code::VersionOrder, version.until.span, message);
                continue;
            }
            ends.push(until);
            let held_as = MetricName::new(format!("{name}@{until}"));
            let said = self.out.len();
            let bound = self.bind_metric(held_as.clone(), &version.metric);
            self.forget_repeated(said);
            if let Some(mut metric) = bound {
                metric.source = self.source_pos(version.span);
                self.metrics.insert(held_as.clone(), metric);
                let (of, because) = (MetricName::new(name), version.because.clone());
                self.earlier.push(Earlier { of, until, because, held_as });
            }
        }
    }

    /// What is wrong with today's definition is not said again of its versions.
    fn forget_repeated(&mut self, said: usize) {
        let new: Vec<Diagnostic> = self.out.drain(said..).collect();
        let new = new.into_iter().filter(|found| !self.out.contains(found));
        let new: Vec<Diagnostic> = new.collect();
        self.out.extend(new);
    }

    /// Puts each version beside its metric, the oldest first, under the metric's own name.
    pub(super) fn attach_versions(&mut self) {
        for Earlier { of, until, because, held_as } in std::mem::take(&mut self.earlier) {
            let Some(mut metric) = self.metrics.shift_remove(&held_as) else { continue };
            let Some(today) = self.metrics.get_mut(&of) else { continue };
            metric.name = of;
            metric.private = today.private;
            today.versions.push(MetricVersion { until, because, metric: Box::new(metric) });
            today.versions.sort_by_key(|version| version.until);
        }
    }
}
