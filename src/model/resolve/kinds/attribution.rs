//! Attribution: who owned a customer when, who presented an offer.

use super::super::Resolver;
use super::super::balances::CUSTOMER;
use crate::definitions::metric::{AttributionDef, OffersDef, OwnersDef, RuleWord};
use crate::diagnostics::{Code, Diagnostic, Span};
use crate::model::{AttributionKind, AttributionRule, Offers, Owners};

impl Resolver<'_> {
    pub(super) fn bind_attribution(
        &mut self,
        def: &AttributionDef,
        span: Span,
    ) -> Option<AttributionKind> {
        let balance = self.balance(def.balance.as_ref(), span);
        let owners = self.owners(&def.owners);
        let offers = match &def.offers {
            Some(offers) => Some(self.offers(offers)?),
            None => None,
        };
        let rule = match def.rule {
            Some(RuleWord::CurrentOwner) => AttributionRule::CurrentOwner,
            Some(RuleWord::OwnerAtPeriodStart) => AttributionRule::OwnerAtPeriodStart,
            Some(RuleWord::OfferOwner) => AttributionRule::OfferOwner,
            Some(RuleWord::OwnerAtEvent) | None => AttributionRule::OwnerAtEvent,
        };
        if rule == AttributionRule::OfferOwner && offers.is_none() {
            self.report(Code::MissingKey, span, "the rule offer_owner needs `offers`");
        }
        Some(AttributionKind { balance: balance?, owners: owners?, offers, rule })
    }

    fn owners(&mut self, def: &OwnersDef) -> Option<Owners> {
        let dataset = self.dataset_name(&def.dataset)?;
        let Some(valid) = self.datasets.get(&dataset).and_then(|found| found.valid.clone()) else {
            let message = format!("`{dataset}` does not say when its rows are valid");
            let found = Diagnostic::new(Code::MissingKey, def.dataset.span, message);
            self.out.push(found.help("add `valid: [from, to]` to the dataset"));
            return None;
        };
        let name_dimension = match &def.name_dimension {
            Some(text) => Some(self.dimension_name(text)?),
            None => None,
        };
        Some(Owners {
            customer: self.key_column(&dataset, CUSTOMER, def.customer.as_ref(), def.span)?,
            owner: self.use_column(&dataset, &def.owner)?,
            share: self.optional_column(&dataset, def.share.as_ref()),
            from: valid.from,
            to: valid.to,
            id_dimension: self.dimension_name(&def.id_dimension)?,
            name_dimension,
            dataset,
        })
    }

    fn offers(&mut self, def: &OffersDef) -> Option<Offers> {
        let dataset = self.dataset_name(&def.dataset)?;
        Some(Offers {
            offer: self.use_column(&dataset, &def.offer)?,
            presenter: self.use_column(&dataset, &def.presenter)?,
            presented_at: self.use_column(&dataset, &def.presented_at)?,
            responded_at: self.use_column(&dataset, &def.responded_at)?,
            outcome: self.use_column(&dataset, &def.outcome)?,
            accepted: def.accepted.value.clone(),
            dataset,
        })
    }
}
