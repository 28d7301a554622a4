//! Attach rates: order lines, products and the conditions on them.

use super::super::Resolver;
use super::super::balances::{CUSTOMER, PRODUCT};
use super::MAX_DAYS;
use crate::definitions::metric::{AttachDef, BasisWord};
use crate::diagnostics::Span;
use crate::model::{AttachBasis, AttachKind, OrderLines};

/// Days of an attach rate within days, unless set.
const ATTACH_DAYS: u32 = 90;

impl Resolver<'_> {
    pub(super) fn bind_attach(&mut self, def: &AttachDef, span: Span) -> Option<AttachKind> {
        let balance = self.balance(def.balance.as_ref(), span);
        let products = self.dataset_name(&def.products)?;
        let base = self.bind_scalar(&products, &def.base);
        let attached = self.bind_scalar(&products, &def.attached);
        for (text, bound) in [(&def.base, &base), (&def.attached, &attached)] {
            if bound.is_some() {
                self.check_condition(&products, text);
            }
        }
        let orders = &def.orders;
        let dataset = self.dataset_name(&orders.dataset)?;
        let order = self.use_column(&dataset, &orders.order);
        let customer = self.key_column(&dataset, CUSTOMER, orders.customer.as_ref(), orders.span);
        let product = self.key_column(&dataset, PRODUCT, orders.product.as_ref(), orders.span);
        let time = self.time_column(&dataset, orders.time.as_ref(), orders.span);
        let orders = OrderLines {
            dataset,
            order: order?,
            customer: customer?,
            product: product?,
            time: time?,
        };
        Some(AttachKind {
            orders,
            balance: balance?,
            base: base?,
            attached: attached?,
            products,
            both_count: def.both_count,
            basis: match def.basis {
                Some(BasisWord::Customer) => AttachBasis::Customer,
                Some(BasisWord::WithinDays) => AttachBasis::WithinDays,
                Some(BasisWord::Order) | None => AttachBasis::Order,
            },
            within_days: self.number(def.within_days.as_ref(), ATTACH_DAYS, (0, MAX_DAYS)),
        })
    }
}
