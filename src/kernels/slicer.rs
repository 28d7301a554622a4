//! Slices: which group a fact falls into, and whether the filter lets it through.
//!
//! A fact is placed on up to four axes (customer, product, kind of movement, owner). Each axis
//! knows the sub-group of every code; a group's key is the mixed-radix number of its sub-groups.

use crate::values::Scalar;

use super::{Bounds, Cells, Code, NONE};

/// Where a fact lies. Axes that a kernel does not know stay [`NONE`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub customer: Code,
    pub product: Code,
    pub kind: Code,
    pub owner: Code,
}

impl Place {
    #[must_use]
    pub fn of_customer(customer: Code) -> Self {
        Self { customer, product: NONE, kind: NONE, owner: NONE }
    }

    fn on(&self, axis: Axis) -> Code {
        match axis {
            Axis::Customer => self.customer,
            Axis::Product => self.product,
            Axis::Kind => self.kind,
            Axis::Owner => self.owner,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Axis {
    Customer,
    Product,
    Kind,
    Owner,
}

/// The sub-groups of one axis. `by_code` has one entry per code and a last one for null.
#[derive(Debug, Clone)]
pub struct AxisGroups {
    pub axis: Axis,
    pub by_code: Vec<u32>,
    /// Values of each sub-group: one per group-by dimension of this axis.
    pub values: Vec<Vec<Scalar>>,
    /// Places of this axis's dimensions in the group-by list.
    pub positions: Vec<usize>,
}

/// A filter over places. Masks have one entry per code and a last one for null.
#[derive(Debug, Clone)]
pub enum Filter {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    Mask(Axis, Vec<bool>),
    /// These codes, ascending.
    Only(Axis, Vec<Code>),
}

impl Filter {
    #[must_use]
    pub fn passes(&self, place: &Place) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.passes(place)),
            Self::Any(parts) => parts.iter().any(|part| part.passes(place)),
            Self::Not(inner) => !inner.passes(place),
            Self::Mask(axis, mask) => at(mask, place.on(*axis)).unwrap_or(false),
            Self::Only(axis, codes) => codes.binary_search(&place.on(*axis)).is_ok(),
        }
    }

    /// Whether facts of a customer can pass, and whether they can be held back, wherever else they
    /// lie.
    fn of_customer(&self, customer: Code) -> Possible {
        match self {
            Self::All(parts) => {
                let parts = parts.iter().map(|part| part.of_customer(customer));
                parts.fold(Possible::PASS, |all, part| Possible {
                    pass: all.pass && part.pass,
                    fail: all.fail || part.fail,
                })
            }
            Self::Any(parts) => {
                let parts = parts.iter().map(|part| part.of_customer(customer));
                parts.fold(Possible::FAIL, |any, part| Possible {
                    pass: any.pass || part.pass,
                    fail: any.fail && part.fail,
                })
            }
            Self::Not(inner) => {
                let Possible { pass, fail } = inner.of_customer(customer);
                Possible { pass: fail, fail: pass }
            }
            Self::Mask(Axis::Customer, _) | Self::Only(Axis::Customer, _) => {
                match self.passes(&Place::of_customer(customer)) {
                    true => Possible::PASS,
                    false => Possible::FAIL,
                }
            }
            Self::Mask(..) | Self::Only(..) => Possible { pass: true, fail: true },
        }
    }

    /// The codes of an axis that can pass, ascending, where the filter names them.
    fn only(&self, axis: Axis) -> Option<Vec<Code>> {
        match self {
            Self::Only(own, codes) if *own == axis => Some(codes.clone()),
            Self::All(parts) => {
                parts.iter().filter_map(|part| part.only(axis)).min_by_key(Vec::len)
            }
            Self::Any(parts) => {
                let codes = parts.iter().map(|part| part.only(axis)).collect::<Option<Vec<_>>>()?;
                let mut codes = codes.concat();
                codes.sort_unstable();
                codes.dedup();
                Some(codes)
            }
            Self::Not(_) | Self::Mask(..) | Self::Only(..) => None,
        }
    }

    /// How many codes of an axis are told apart, null included.
    fn width(&self, axis: Axis) -> usize {
        match self {
            Self::All(parts) | Self::Any(parts) => {
                parts.iter().map(|part| part.width(axis)).max().unwrap_or(1)
            }
            Self::Not(inner) => inner.width(axis),
            Self::Mask(own, mask) if *own == axis => mask.len(),
            Self::Only(own, codes) if *own == axis => {
                codes.last().map_or(1, |last| (*last as usize).saturating_add(2))
            }
            Self::Mask(..) | Self::Only(..) => 1,
        }
    }

    fn uses(&self, axis: Axis) -> bool {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().any(|part| part.uses(axis)),
            Self::Not(inner) => inner.uses(axis),
            Self::Mask(own, _) | Self::Only(own, _) => *own == axis,
        }
    }
}

/// What a filter can say of facts of which only a part is known.
#[derive(Debug, Clone, Copy)]
struct Possible {
    pass: bool,
    fail: bool,
}

impl Possible {
    const PASS: Self = Self { pass: true, fail: false };
    const FAIL: Self = Self { pass: false, fail: true };
}

/// Grouping and filter of one question, and the bounds of what may be computed for it.
#[derive(Debug, Clone, Default)]
pub struct Slicer {
    axes: Vec<AxisGroups>,
    filter: Option<Filter>,
    bounds: Bounds,
}

impl Slicer {
    #[must_use]
    pub fn new(axes: Vec<AxisGroups>, filter: Option<Filter>) -> Self {
        Self { axes, filter, bounds: Bounds::default() }
    }

    /// The same slices within these bounds.
    #[must_use]
    pub fn within(self, bounds: Bounds) -> Self {
        Self { bounds, ..self }
    }

    #[must_use]
    pub fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    /// The same slices, split further by one more axis.
    #[must_use]
    pub fn with_axis(mut self, groups: AxisGroups) -> Self {
        self.axes.push(groups);
        self
    }

    /// Whether nothing is told apart and nothing held back.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.axes.is_empty() && self.filter.is_none()
    }

    /// Whether the axis takes part in grouping or filter.
    #[must_use]
    pub fn uses(&self, axis: Axis) -> bool {
        self.axes.iter().any(|groups| groups.axis == axis)
            || self.filter.as_ref().is_some_and(|filter| filter.uses(axis))
    }

    /// How many codes of an axis are told apart, null included; all others are as null is.
    #[must_use]
    pub fn width(&self, axis: Axis) -> usize {
        let groups = self.axes.iter().filter(|groups| groups.axis == axis);
        let filter = self.filter.as_ref().map_or(1, |filter| filter.width(axis));
        groups.map(|groups| groups.by_code.len()).max().unwrap_or(1).max(filter).max(1)
    }

    /// The only customers that can pass, ascending; none: any of them.
    #[must_use]
    pub fn customers(&self) -> Option<Vec<Code>> {
        self.filter.as_ref()?.only(Axis::Customer)
    }

    /// Whether any fact of the customer can pass the filter: false spares looking at them.
    #[must_use]
    pub fn may_pass(&self, customer: Code) -> bool {
        match &self.filter {
            None => true,
            Some(Filter::Mask(Axis::Customer, mask)) => at(mask, customer).unwrap_or(false),
            Some(filter) => filter.of_customer(customer).pass,
        }
    }

    /// Whether the filter lets a fact through.
    #[must_use]
    pub fn passes(&self, place: &Place) -> bool {
        self.filter.as_ref().is_none_or(|filter| filter.passes(place))
    }

    /// The group's key, or none where the filter holds the fact back.
    #[must_use]
    pub fn key(&self, place: &Place) -> Option<u64> {
        if !self.passes(place) {
            return None;
        }
        Some(self.axes.iter().fold(0, |key, groups| {
            let group = at(&groups.by_code, place.on(groups.axis)).unwrap_or(0);
            key * groups.values.len() as u64 + u64::from(group)
        }))
    }

    /// The sub-group of a place on one axis; 0 where nothing is told apart by it.
    #[must_use]
    pub fn sub_group(&self, axis: Axis, place: &Place) -> u64 {
        let groups = self.axes.iter().find(|groups| groups.axis == axis);
        groups.map_or(0, |groups| at(&groups.by_code, place.on(axis)).unwrap_or(0).into())
    }

    /// How each axis is grouped.
    #[must_use]
    pub fn axes(&self) -> &[AxisGroups] {
        &self.axes
    }

    /// What groups are called, without what falls into them.
    #[must_use]
    pub fn names(&self) -> Self {
        let names = |groups: &AxisGroups| AxisGroups { by_code: Vec::new(), ..groups.clone() };
        let axes = self.axes.iter().map(names).collect();
        Self { axes, filter: None, bounds: Bounds::default() }
    }

    /// What several owners hold of one thing, by the group each falls into: `merge` adds up what
    /// lands in the same one, so that a team with two owners of a customer counts the customer once.
    pub fn by_owner<T>(
        &self,
        place: &Place,
        parts: impl Iterator<Item = (Code, T)>,
        merge: impl Fn(&mut T, T),
    ) -> Vec<(u64, T)> {
        let mut groups: Vec<(u64, T)> = Vec::new();
        for (owner, part) in parts {
            let Some(key) = self.key(&Place { owner, ..*place }) else { continue };
            match groups.iter_mut().find(|(group, _)| *group == key) {
                Some((_, sum)) => merge(sum, part),
                None => groups.push((key, part)),
            }
        }
        groups
    }

    /// How many keys there can be.
    #[must_use]
    pub fn cardinality(&self) -> u64 {
        self.axes
            .iter()
            .fold(1u64, |all, groups| all.saturating_mul(groups.values.len().max(1) as u64))
    }

    /// Cells for its groups, so many each.
    #[must_use]
    pub fn cells<T: Default + Clone>(&self, width: usize) -> Cells<T> {
        Cells::new(self.cardinality(), width, &self.bounds)
    }

    /// The values of a group, in the order of the group-by list.
    #[must_use]
    pub fn values(&self, mut key: u64) -> Vec<Scalar> {
        let width = self.axes.iter().map(|groups| groups.positions.len()).sum();
        let mut values = vec![Scalar::Null; width];
        for groups in self.axes.iter().rev() {
            let count = groups.values.len().max(1) as u64;
            let group = usize::try_from(key % count).unwrap_or(0);
            key /= count;
            for (position, value) in groups.positions.iter().zip(&groups.values[group]) {
                values[*position] = value.clone();
            }
        }
        values
    }
}

fn at<T: Copy>(by_code: &[T], code: Code) -> Option<T> {
    let last = by_code.len().checked_sub(1)?;
    by_code.get((code as usize).min(last)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_decode_to_values_in_the_order_asked_for() {
        let by_product = AxisGroups {
            axis: Axis::Product,
            by_code: vec![0, 1, 2],
            values: vec![
                vec![Scalar::text("core")],
                vec![Scalar::text("addon")],
                vec![Scalar::Null],
            ],
            positions: vec![0],
        };
        let by_customer = AxisGroups {
            axis: Axis::Customer,
            by_code: vec![1, 0, 0],
            values: vec![vec![Scalar::Null], vec![Scalar::text("SMB")]],
            positions: vec![1],
        };
        let slicer = Slicer::new(vec![by_customer, by_product], None);
        let key = slicer.key(&Place { product: 1, ..Place::of_customer(0) }).unwrap();
        assert_eq!(slicer.values(key), vec![Scalar::text("addon"), Scalar::text("SMB")]);
        let unknown = slicer.key(&Place::of_customer(NONE)).unwrap();
        assert_eq!(slicer.values(unknown), vec![Scalar::Null, Scalar::Null]);
        assert_eq!(slicer.cardinality(), 6);
    }

    #[test]
    fn filters_combine_axes() {
        let smb = Filter::Mask(Axis::Customer, vec![true, false, false]);
        let core = Filter::Mask(Axis::Product, vec![true, false]);
        let filter = Filter::Any(vec![smb, Filter::Not(Box::new(core))]);
        let slicer = Slicer::new(vec![], Some(filter));
        assert!(slicer.key(&Place { product: 0, ..Place::of_customer(0) }).is_some());
        assert!(slicer.key(&Place { product: 0, ..Place::of_customer(1) }).is_none());
        assert!(slicer.key(&Place { product: NONE, ..Place::of_customer(1) }).is_some());
    }

    #[test]
    fn a_customer_may_pass_where_some_fact_of_theirs_does() {
        let smb = Filter::Mask(Axis::Customer, vec![true, false, false]);
        let core = Filter::Mask(Axis::Product, vec![true, false]);
        let not = |filter: &Filter| Filter::Not(Box::new(filter.clone()));
        let (smb, core) = (&smb, &core);
        for filter in [
            smb.clone(),
            not(smb),
            Filter::All(vec![smb.clone(), core.clone()]),
            Filter::All(vec![not(smb), not(core)]),
            Filter::Any(vec![smb.clone(), core.clone()]),
            Filter::Any(vec![smb.clone(), Filter::All(vec![core.clone(), not(smb)])]),
            Filter::All(vec![]),
            Filter::Any(vec![]),
        ] {
            let slicer = Slicer::new(vec![], Some(filter.clone()));
            for customer in [0, 1, NONE] {
                let place = |product| Place { product, ..Place::of_customer(customer) };
                let some = [0, NONE].iter().any(|product| slicer.key(&place(*product)).is_some());
                assert_eq!(slicer.may_pass(customer), some, "{filter:?} of {customer}");
            }
        }
        assert!(Slicer::default().may_pass(7));
    }

    #[test]
    fn named_customers_are_the_only_ones_that_can_pass() {
        let only = |codes: &[Code]| Filter::Only(Axis::Customer, codes.to_vec());
        let core = Filter::Mask(Axis::Product, vec![true, false]);
        let customers = |filter: Filter| Slicer::new(vec![], Some(filter)).customers();
        assert_eq!(customers(Filter::All(vec![core.clone(), only(&[3, 5])])), Some(vec![3, 5]));
        assert_eq!(customers(Filter::Any(vec![only(&[3, 5]), only(&[1, 3])])), Some(vec![1, 3, 5]));
        assert_eq!(customers(Filter::Any(vec![only(&[3]), core])), None);
        assert_eq!(customers(Filter::Not(Box::new(only(&[3])))), None);
        assert_eq!(customers(Filter::Only(Axis::Product, vec![1])), None);
        assert_eq!(customers(Filter::Any(vec![])), Some(vec![]));
        let slicer = Slicer::new(vec![], Some(only(&[3, 5])));
        assert!(slicer.key(&Place::of_customer(5)).is_some());
        assert!(slicer.key(&Place::of_customer(4)).is_none());
        assert!(slicer.key(&Place::of_customer(NONE)).is_none());
    }
}
