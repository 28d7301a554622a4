//! Sums of many small groups → sums of the larger groups that a question asks for.
//!
//! Sums that are kept by attributes of customers answer every question that tells fewer customers
//! apart: a customer is in one group, so that amounts, customers and units of groups add up.

use super::facts::code_of;
use super::{Axis, Merge, Place, Slicer};

/// Which group of a question each group is part of that was kept.
///
/// Kept groups are of customers first and then of whatever else, asked ones of customers, if at all,
/// and then of the same: only customers are told apart less.
#[derive(Debug, Clone, Copy)]
pub struct Regrouping<'a> {
    asked: &'a Slicer,
    /// How many kept groups there are for each of customers.
    others: u64,
}

impl<'a> Regrouping<'a> {
    /// `asked` slices the kept groups of customers as if these were customers.
    #[must_use]
    pub fn new(kept: &Slicer, asked: &'a Slicer) -> Self {
        let others = kept.axes().iter().filter(|groups| groups.axis != Axis::Customer);
        Self { asked, others: others.map(|groups| groups.values.len().max(1) as u64).product() }
    }

    /// The group that a kept one is part of; none: the filter holds it back.
    #[must_use]
    pub fn group_of(&self, kept: u64) -> Option<u64> {
        let customers = self.customers_of(kept / self.others)?;
        Some(customers * self.others + kept % self.others)
    }

    /// The same for groups of customers alone.
    #[must_use]
    pub fn customers_of(&self, kept: u64) -> Option<u64> {
        let place = Place::of_customer(usize::try_from(kept).map_or(super::NONE, code_of));
        self.asked.passes(&place).then(|| self.asked.sub_group(Axis::Customer, &place))
    }

    /// The slices that are asked for.
    #[must_use]
    pub fn asked(&self) -> &Slicer {
        self.asked
    }
}

/// What a kernel sums up, if it can be added up over groups.
pub trait RollUp {
    #[must_use]
    fn roll_up(&self, groups: &Regrouping) -> Self;

    /// Whether no group was left out because there were too many.
    fn is_whole(&self) -> bool;

    /// Rough size in memory, in bytes.
    fn bytes(&self) -> usize;
}

impl<T: Default + Clone + Merge> RollUp for super::Cells<T> {
    fn roll_up(&self, groups: &Regrouping) -> Self {
        self.regroup(groups.asked().cells(self.width()), |kept| groups.group_of(kept))
    }

    fn is_whole(&self) -> bool {
        Self::is_whole(self)
    }

    fn bytes(&self) -> usize {
        Self::bytes(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::{AxisGroups, Bounds, Cells, Filter};
    use crate::values::Scalar;

    #[derive(Debug, Clone, Copy, Default)]
    struct Sum(i64);

    impl Merge for Sum {
        fn merge(&mut self, other: Self) {
            self.0 += other.0;
        }
    }

    fn groups(axis: Axis, by_code: Vec<u32>, names: &[&str], positions: Vec<usize>) -> AxisGroups {
        let values = names.iter().map(|name| vec![Scalar::text(*name)]).collect();
        AxisGroups { axis, by_code, values, positions }
    }

    #[test]
    fn groups_that_pass_are_added_up_and_others_left_out() {
        // Kept: four groups of customers by two kinds in one of two families; asked: two of customers,
        // and not the first of the four.
        let others = [
            groups(Axis::Kind, vec![0, 0], &["grown", "dear"], vec![1]),
            groups(Axis::Kind, vec![0, 1], &["seats", "price"], vec![2]),
        ];
        let customers = groups(Axis::Customer, vec![], &["a", "b", "c", "d"], vec![0]);
        let kept = Slicer::new([vec![customers], others.to_vec()].concat(), None);
        let customers = groups(Axis::Customer, vec![0, 0, 1, 1], &["ab", "cd"], vec![2]);
        let [mut families, mut kinds] = others;
        (families.positions, kinds.positions) = (vec![0], vec![1]);
        let asked = Slicer::new(
            vec![customers, families, kinds],
            Some(Filter::Mask(Axis::Customer, vec![false, true, true, true])),
        );
        let mut sums: Cells<Sum> = kept.cells(1);
        for group in 0..16 {
            sums.of(group)[0] = Sum(1 << group);
        }
        let sums = sums.roll_up(&Regrouping::new(&kept, &asked));
        let mut found: Vec<(Vec<Scalar>, i64)> =
            sums.iter().map(|(key, cells)| (asked.values(key), cells[0].0)).collect();
        found.sort_by_key(|(_, sum)| *sum);
        let texts = |names: [&str; 3]| names.map(Scalar::text).to_vec();
        let expected = vec![
            (texts(["grown", "seats", "ab"]), 1 << 4),
            (texts(["grown", "price", "ab"]), 1 << 5),
            (texts(["dear", "seats", "ab"]), 1 << 6),
            (texts(["dear", "price", "ab"]), 1 << 7),
            (texts(["grown", "seats", "cd"]), (1 << 8) + (1 << 12)),
            (texts(["grown", "price", "cd"]), (1 << 9) + (1 << 13)),
            (texts(["dear", "seats", "cd"]), (1 << 10) + (1 << 14)),
            (texts(["dear", "price", "cd"]), (1 << 11) + (1 << 15)),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn sums_beyond_the_bound_are_not_whole() {
        let bounds = Bounds { cells: 2, ..Bounds::default() };
        let mut sums: Cells<Sum> = Cells::new(9, 1, &bounds);
        (0..2).for_each(|group| sums.of(group)[0].0 += 1);
        assert!(RollUp::is_whole(&sums));
        (0..9).for_each(|group| sums.of(group)[0].0 += 1);
        assert!(!RollUp::is_whole(&sums));
    }
}
