//! What plans read of a balance: columns that nobody asks for stay in the files, and so do customers
//! that no question is about.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::kernels::Axis;
use crate::model::{
    AttachBasis, AttributionRule, BalanceName, DimensionName, DimensionValue, Model, RetentionUnit,
};
use crate::planner::{Ask, Axes, Leaf, MetricPlan, Predicate, Test};
use crate::values::Scalar;

use super::load::BalanceColumns;

/// What the plans of a document read of each balance between them.
#[derive(Debug, Clone, Default)]
pub struct Reads {
    balances: HashMap<BalanceName, Read>,
    /// Whether any of them looks at whose orders are.
    pub orders_by_customer: bool,
}

/// What is read of one balance.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Read {
    pub columns: BalanceColumns,
    /// The only customers that any of the plans is about, by their keys; none: any of them.
    pub only: Option<BTreeSet<Arc<str>>>,
    /// The movements of a customer must be brought together.
    pub by_customer: bool,
}

impl Reads {
    #[must_use]
    pub fn of<'p>(model: &Model, plans: impl Iterator<Item = &'p MetricPlan>) -> Self {
        let mut reads = Self::default();
        for plan in plans {
            for leaf in &plan.leaves {
                reads.orders_by_customer |= looks_at_buyers(leaf, plan);
                if let Some(balance) = leaf.balance() {
                    let (pass, filter) = unfiltered(leaf);
                    let columns = own(pass, plan).and(sliced(model, balance, plan, filter));
                    let only = customers(model, balance, plan);
                    let by_customer = filter.is_some() || by_customer(model, balance, plan);
                    let read = Read { columns, only, by_customer };
                    let both = match reads.balances.remove(balance) {
                        Some(known) => known.and(read),
                        None => read,
                    };
                    reads.balances.insert(balance.clone(), both);
                }
            }
        }
        reads
    }

    /// All columns where no plan speaks of the balance.
    #[must_use]
    pub fn of_balance(&self, name: &BalanceName) -> Read {
        let all = || Read { columns: BalanceColumns::ALL, only: None, by_customer: true };
        self.balances.get(name).cloned().unwrap_or_else(all)
    }
}

impl Read {
    fn and(self, other: Self) -> Self {
        let only = match (self.only, other.only) {
            (Some(mine), Some(theirs)) => Some(&mine | &theirs),
            _ => None,
        };
        let by_customer = self.by_customer || other.by_customer;
        Self { columns: self.columns.and(other.columns), only, by_customer }
    }
}

/// The pass itself, and the filter of the metric that it is for.
fn unfiltered(leaf: &Leaf) -> (&Leaf, Option<&Predicate>) {
    match leaf {
        Leaf::Filtered { pass, filter } => (unfiltered(pass).0, Some(filter)),
        pass => (pass, None),
    }
}

/// Whether a plan looks at customers, be it to slice by them.
fn by_customer(model: &Model, balance: &BalanceName, plan: &MetricPlan) -> bool {
    let Some(balance) = model.balances.get(balance) else { return true };
    let axes = Axes::of_balance(model, balance);
    let filter = plan.query.filter.iter().flat_map(|filter| filter.dimensions());
    let slices = plan.query.group_by.iter().chain(filter).any(|name| {
        let dimension = model.dimensions.get(name);
        let axis = dimension.and_then(|dimension| axes.axis(model, dimension));
        !matches!(axis, Some(Axis::Product | Axis::Kind))
    });
    slices || !matches!(plan.query.ask, Ask::Expansion { by_customer: false, .. })
}

/// Whether a pass over orders looks at customers, be it to slice by them.
fn looks_at_buyers(leaf: &Leaf, plan: &MetricPlan) -> bool {
    match unfiltered(leaf) {
        (Leaf::Attach(kind), filter) => {
            let is_sliced = !plan.query.group_by.is_empty() || plan.query.filter.is_some();
            is_sliced || filter.is_some() || kind.basis != AttachBasis::Order
        }
        _ => false,
    }
}

/// The customers that a plan's filter names.
fn customers(
    model: &Model,
    balance: &BalanceName,
    plan: &MetricPlan,
) -> Option<BTreeSet<Arc<str>>> {
    let axes = Axes::of_balance(model, model.balances.get(balance)?);
    let is_key = |name: &DimensionName| {
        model.dimensions.get(name).is_some_and(|dimension| {
            matches!(dimension.value, DimensionValue::Key)
                && dimension.entity.is_some()
                && dimension.entity == axes.customer
        })
    };
    named(plan.query.filter.as_ref()?, &is_key)
}

/// The only keys that can pass; none: the filter names none.
fn named(
    filter: &Predicate,
    is_key: &impl Fn(&DimensionName) -> bool,
) -> Option<BTreeSet<Arc<str>>> {
    let texts = |values: &[Scalar]| {
        let text = |value: &Scalar| match value {
            Scalar::Text(text) => Some(Arc::clone(text)),
            _ => None,
        };
        values.iter().map(text).collect::<Option<BTreeSet<_>>>()
    };
    match filter {
        Predicate::All(parts) => parts.iter().find_map(|part| named(part, is_key)),
        Predicate::Test { dimension, test } if is_key(dimension) => match test {
            Test::Eq(value) => texts(std::slice::from_ref(value)),
            Test::In(values) => texts(values),
            _ => None,
        },
        _ => None,
    }
}

/// What the pass itself needs.
fn own(leaf: &Leaf, plan: &MetricPlan) -> BalanceColumns {
    let none = BalanceColumns::default();
    match leaf {
        Leaf::Retention { unit, left_out, .. } => BalanceColumns {
            product: *unit == RetentionUnit::CustomerProduct,
            kind: !left_out.is_empty(),
            ..none
        },
        Leaf::Movement { .. } => {
            BalanceColumns { kind: matches!(plan.query.ask, Ask::Expansion { .. }), ..none }
        }
        Leaf::Attach(kind) => {
            BalanceColumns { product: kind.basis == AttachBasis::Customer, ..none }
        }
        Leaf::Duration(kind) => BalanceColumns { kind: kind.types.is_some(), ..none },
        Leaf::Attribution(kind) => {
            BalanceColumns { offer: kind.rule == AttributionRule::OfferOwner, ..none }
        }
        Leaf::Filtered { pass, .. } => own(pass, plan),
        Leaf::Balance { .. }
        | Leaf::Cohort(_)
        | Leaf::Aggregate(_)
        | Leaf::Cumulative { .. }
        | Leaf::Conversion(_) => none,
    }
}

/// What grouping and filter need.
fn sliced(
    model: &Model,
    balance: &BalanceName,
    plan: &MetricPlan,
    own: Option<&Predicate>,
) -> BalanceColumns {
    let Some(balance) = model.balances.get(balance) else { return BalanceColumns::ALL };
    let axes = Axes::of_balance(model, balance);
    let filters = plan.query.filter.iter().chain(own);
    let filter = filters.flat_map(|filter| filter.dimensions());
    let mut wanted = BalanceColumns::default();
    for name in plan.query.group_by.iter().chain(filter) {
        let dimension = model.dimensions.get(name);
        match dimension.and_then(|dimension| axes.axis(model, dimension)) {
            Some(Axis::Product) => wanted.product = true,
            Some(Axis::Kind) => wanted.kind = true,
            Some(Axis::Customer | Axis::Owner) | None => {}
        }
    }
    wanted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_names_customers_where_no_other_can_pass() {
        let test = |name: &str, test| Predicate::Test { dimension: DimensionName::new(name), test };
        let is_key = |name: &DimensionName| name.as_str() == "customer_id";
        let found = |filter: &Predicate| {
            named(filter, &is_key).map(|names| names.iter().map(ToString::to_string).collect())
        };
        let of = |names: &[&str]| Some(names.iter().map(ToString::to_string).collect::<Vec<_>>());
        let one = test("customer_id", Test::Eq(Scalar::text("c1")));
        let two = test("customer_id", Test::In(vec![Scalar::text("c2"), Scalar::text("c1")]));
        let smb = test("segment", Test::Eq(Scalar::text("SMB")));
        assert_eq!(found(&one), of(&["c1"]));
        assert_eq!(found(&smb.clone().and(two.clone())), of(&["c1", "c2"]));
        assert_eq!(found(&Predicate::Any(vec![one.clone(), smb])), None);
        assert_eq!(found(&Predicate::Not(Box::new(one))), None);
        assert_eq!(found(&test("customer_id", Test::Ne(Scalar::text("c1")))), None);
        let read = |names: &Predicate| Read { only: named(names, &is_key), ..Read::default() };
        assert_eq!(read(&two.clone()).and(Read::default()).only, None);
        assert_eq!(
            read(&two).and(read(&test("customer_id", Test::In(vec![])))).only.unwrap().len(),
            2
        );
    }
}
