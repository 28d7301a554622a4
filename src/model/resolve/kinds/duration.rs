//! Durations: where the waiting starts, what ends it, what is measured.

use super::super::Resolver;
use super::super::balances::CUSTOMER;
use super::MAX_DAYS;
use crate::definitions::metric::{DurationDef, DurationWord, MilestonesDef, OriginWord};
use crate::diagnostics::{Code, Diagnostic, Span};
use crate::model::{DurationKind, DurationMeasure, Milestones, TimeOrigin};

impl Resolver<'_> {
    pub(super) fn bind_duration(&mut self, def: &DurationDef, span: Span) -> Option<DurationKind> {
        let balance = self.balance(def.balance.as_ref(), span);
        let acquisition = self.acquisition(&def.acquisition)?;
        let milestones = match &def.milestones {
            None => None,
            Some(written) => Some(self.milestones(written)?),
        };
        let origin = match def.origin {
            Some(OriginWord::Milestone) => TimeOrigin::Milestone,
            Some(OriginWord::PreviousExpansion) => TimeOrigin::PreviousExpansion,
            Some(OriginWord::Acquisition) | None => TimeOrigin::Acquisition,
        };
        if origin == TimeOrigin::Milestone && (milestones.is_none() || def.milestone.is_none()) {
            let found = Diagnostic::new(
                Code::MissingKey,
                span,
                "the origin is a milestone, but `milestone` or `milestones` is missing",
            );
            self.out.push(found.help("say where milestones are and which one is meant"));
        }
        Some(DurationKind {
            balance: balance?,
            origin,
            acquisition,
            milestones,
            milestone: def.milestone.as_ref().map(|text| text.value.clone()),
            nth: self.number(def.nth.as_ref(), 1, (1, 1_000)),
            types: def
                .types
                .as_ref()
                .map(|types| types.iter().map(|text| text.value.clone()).collect()),
            competing: def.competing,
            measure: self.duration_measure(def),
        })
    }

    fn milestones(&mut self, written: &MilestonesDef) -> Option<Milestones> {
        let dataset = self.dataset_name(&written.dataset)?;
        let named = written.customer.as_ref();
        Some(Milestones {
            customer: self.key_column(&dataset, CUSTOMER, named, written.span)?,
            milestone: self.use_column(&dataset, &written.milestone)?,
            time: self.time_column(&dataset, written.time.as_ref(), written.span)?,
            dataset,
        })
    }

    fn duration_measure(&mut self, def: &DurationDef) -> DurationMeasure {
        let missing = |resolver: &mut Self, key: &str| {
            let message = format!("{} needs `{key}`", def.measure.as_str());
            resolver.report(Code::MissingKey, def.span, message);
        };
        match def.measure {
            DurationWord::MedianDays => DurationMeasure::QuantileDays(50),
            DurationWord::ObservedMedianDays => DurationMeasure::ObservedMedianDays,
            DurationWord::QuantileDays => {
                if def.quantile.is_none() {
                    missing(self, "quantile");
                }
                let percent = self.number(def.quantile.as_ref(), 50, (1, 99));
                DurationMeasure::QuantileDays(u8::try_from(percent).unwrap_or(50))
            }
            DurationWord::ShareByDay => {
                if def.day.is_none() {
                    missing(self, "day");
                }
                DurationMeasure::ShareByDay(self.number(def.day.as_ref(), 365, (0, MAX_DAYS)))
            }
        }
    }
}
