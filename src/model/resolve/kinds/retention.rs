//! Retention: what is measured of a cohort, over which window, by which rules.

use super::super::Resolver;
use crate::definitions::Text;
use crate::definitions::metric::{
    MethodWord, ReactivationWord, RetentionDef, RetentionWord, UnitWord, WindowWord,
};
use crate::diagnostics::{Code, Diagnostic, Span};
use crate::model::{
    BalanceName, BalanceShape, DimensionValue, Ledger, RetentionKind, RetentionMeasure,
    RetentionMethod, RetentionRules, RetentionUnit, Window,
};

impl Resolver<'_> {
    pub(super) fn bind_retention(
        &mut self,
        def: &RetentionDef,
        span: Span,
    ) -> Option<RetentionKind> {
        let balance = self.balance(def.balance.as_ref(), span)?;
        let measure = match def.measure {
            RetentionWord::Nrr => RetentionMeasure::Nrr,
            RetentionWord::Grr => RetentionMeasure::Grr,
            RetentionWord::LogoRetention => RetentionMeasure::LogoRetention,
            RetentionWord::LogoChurnRate => RetentionMeasure::LogoChurnRate,
            RetentionWord::GrossChurnRate => RetentionMeasure::GrossChurnRate,
            RetentionWord::ExpansionRate => RetentionMeasure::ExpansionRate,
        };
        Some(RetentionKind {
            measure,
            window: match def.window {
                Some(WindowWord::Period) => Window::Period,
                Some(WindowWord::Trailing3) => Window::TrailingMonths(3),
                Some(WindowWord::Trailing6) => Window::TrailingMonths(6),
                Some(WindowWord::Trailing12) | None => Window::TrailingMonths(12),
            },
            method: def.method.map(|method| match method {
                MethodWord::Ledger => RetentionMethod::Ledger,
                MethodWord::Endpoint => RetentionMethod::Endpoint,
            }),
            unit: match def.retention_unit {
                Some(UnitWord::CustomerProduct) => RetentionUnit::CustomerProduct,
                Some(UnitWord::Customer) | None => RetentionUnit::Customer,
            },
            rules: self.retention_rules(def, &balance, measure),
            balance,
        })
    }

    /// Rules, each only where it changes what is measured.
    fn retention_rules(
        &mut self,
        def: &RetentionDef,
        balance: &BalanceName,
        measure: RetentionMeasure,
    ) -> RetentionRules {
        use RetentionMeasure as M;
        let excludes = def.exclude_types.first().or(def.exclude_families.first());
        let rules = RetentionRules {
            variant_of: def.variant_of.as_ref().and_then(|text| self.metric_name(text)),
            reactivation_counted: def.reactivation == Some(ReactivationWord::Counted),
            left_out: self.left_out(def, balance),
            chained: def.chain.is_some(),
        };
        for (set, key, span, fits) in [
            (rules.reactivation_counted, "reactivation", def.span, measure == M::Nrr),
            (
                excludes.is_some(),
                "exclude_types",
                excludes.map_or(def.span, |text| text.span),
                matches!(measure, M::Nrr | M::Grr | M::ExpansionRate),
            ),
            (
                rules.chained,
                "chain",
                def.span,
                matches!(measure, M::Nrr | M::Grr | M::LogoRetention),
            ),
        ] {
            if set && !fits {
                let message = format!("`{key}` changes nothing of {}", def.measure.as_str());
                self.report(Code::VariantMismatch, span, message);
            }
        }
        rules
    }

    /// The types that are left out, those of the families included.
    fn left_out(&mut self, def: &RetentionDef, balance: &BalanceName) -> Vec<String> {
        let mut types: Vec<String> =
            def.exclude_types.iter().map(|text| text.value.clone()).collect();
        if let Some(first) = def.exclude_types.first().or(def.exclude_families.first())
            && self.ledger_of(balance).is_none_or(|ledger| ledger.expansion_type.is_none())
        {
            // A project's own balance takes the types from what ships: asking says so.
            types.extend(def.exclude_families.iter().map(|text| text.value.clone()));
            if self.is_own(first.span) {
                let message = format!("`{balance}` records no types of expansion");
                self.report(Code::VariantMismatch, first.span, message);
            }
            return types;
        }
        for family in &def.exclude_families {
            types.extend(self.types_of_family(family, balance));
        }
        types.sort();
        types.dedup();
        types
    }

    fn types_of_family(&mut self, family: &Text, balance: &BalanceName) -> Vec<String> {
        let roll_ups = self.families(balance);
        let of = roll_ups.iter().filter(|(_, name)| *name == family.value);
        let types: Vec<String> = of.map(|(kind, _)| kind.clone()).collect();
        if types.is_empty() && !self.is_own(family.span) {
            // The project rolls types up otherwise: what is named like the family is meant.
            return vec![family.value.clone()];
        }
        if types.is_empty() {
            let mut known: Vec<&str> = roll_ups.iter().map(|(_, name)| name.as_str()).collect();
            known.sort_unstable();
            known.dedup();
            let message = format!("no type of expansion rolls up to `{}`", family.value);
            let found = Diagnostic::new(Code::InvalidValue, family.span, message);
            self.out.push(found.suggest(&family.value, known));
        }
        types
    }

    /// (type, family) as the dimensions roll them up.
    fn families(&self, balance: &BalanceName) -> Vec<(String, String)> {
        let Some(ledger) = self.ledger_of(balance) else { return Vec::new() };
        let Some(kind) = &ledger.expansion_type else { return Vec::new() };
        let own = self.dimensions.values().filter(|found| found.dataset == ledger.dataset);
        let is_kind = |name| {
            self.dimensions.get(name).is_some_and(|found| {
                matches!(&found.value, DimensionValue::Expr(expr) if expr.columns == [kind.clone()])
            })
        };
        let mut all = Vec::new();
        for dimension in own {
            if let DimensionValue::RollUp { of, map } = &dimension.value
                && is_kind(of)
            {
                all.extend(map.iter().map(|(kind, family)| (kind.clone(), family.clone())));
            }
        }
        all
    }

    fn ledger_of(&self, balance: &BalanceName) -> Option<&Ledger> {
        self.balances.get(balance)?.shapes.iter().find_map(|shape| match shape {
            BalanceShape::Ledger(ledger) => Some(ledger),
            _ => None,
        })
    }
}
