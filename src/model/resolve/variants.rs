//! Stage: named variants. Each differs from its base by rules alone, so that both can be asked side
//! by side and reconciled.

use super::Resolver;
use super::names::Written;
use crate::definitions::Text;
use crate::definitions::metric::KindDef;
use crate::diagnostics::{Code, Diagnostic};
use crate::model::{MetricKind, RetentionKind, RetentionRules};

impl Resolver<'_> {
    pub(super) fn check_variants(&mut self, written: &Written) {
        for (name, def) in &written.metrics {
            let KindDef::Retention(retention) = &def.kind else { continue };
            if let Some(of) = &retention.variant_of {
                self.check_variant(name, of);
            }
        }
    }

    fn check_variant(&mut self, name: &str, of: &Text) {
        // What could not be bound has been reported.
        let (Some(own), Some(base)) = (self.metrics.get(name), self.metrics.get(of.value.as_str()))
        else {
            return;
        };
        let MetricKind::Retention(rules) = &own.kind else { return };
        let same_filter = own.filter == base.filter;
        let problem = match &base.kind {
            _ if of.value == name => Some("a metric is no variant of itself".to_owned()),
            MetricKind::Retention(base) if base.rules.variant_of.is_some() => {
                Some(format!("`{}` is a variant itself", of.value))
            }
            MetricKind::Retention(base) if base.measure != rules.measure => {
                Some(format!("`{}` measures something else than `{name}`", of.value))
            }
            MetricKind::Retention(base) if base.balance != rules.balance => {
                Some(format!("`{}` is about another balance than `{name}`", of.value))
            }
            MetricKind::Retention(base) if same_filter && same_rules(base, rules) => {
                Some(format!("`{name}` differs in no rule from `{}`", of.value))
            }
            MetricKind::Retention(_) => None,
            other => Some(format!("`{}` is of kind {}", of.value, other.as_str())),
        };
        let Some(problem) = problem else { return };
        if self.is_own(of.span) {
            let found = Diagnostic::new(Code::VariantMismatch, of.span, problem);
            self.out.push(found.help(
                "a variant is a retention metric of the same measure and balance as its base, \
                 under another rule",
            ));
        } else if let Some(MetricKind::Retention(kind)) =
            self.metrics.get_mut(name).map(|metric| &mut metric.kind)
        {
            // The project has redefined the base: what ships is a metric by itself then.
            kind.rules.variant_of = None;
        }
    }
}

fn same_rules(a: &RetentionKind, b: &RetentionKind) -> bool {
    let plain = |kind: &RetentionKind| RetentionRules { variant_of: None, ..kind.rules.clone() };
    (a.window, a.method, a.unit) == (b.window, b.method, b.unit) && plain(a) == plain(b)
}
