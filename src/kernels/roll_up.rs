//! Sums of many small groups → sums of the larger groups that a question asks for.
//!
//! Sums that are kept by attributes of customers answer every question that tells fewer customers
//! apart: a customer is in one group, so that amounts, customers and units of groups add up.

use super::{Axis, Merge, Place, Slicer};

/// Sums that were kept, by the slices they were made in.
#[derive(Debug, Clone, Copy)]
pub struct Regrouping<'a> {
    pub kept: &'a Slicer,
    /// The question's slices, over the kept groups as if these were codes.
    pub asked: &'a Slicer,
}

impl Regrouping<'_> {
    /// The group that a kept one is part of; none: the filter holds it back.
    #[must_use]
    pub fn group_of(&self, kept: u64) -> Option<u64> {
        self.asked.key(&self.kept.place_of(kept))
    }

    /// The same for groups of customers alone.
    #[must_use]
    pub fn customers_of(&self, kept: u64) -> Option<u64> {
        let place = Place::of_customer(kept.try_into().unwrap_or(super::NONE));
        self.asked.key(&place)?;
        Some(self.asked.sub_group(Axis::Customer, &place))
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
        self.regroup(groups.asked.cells(self.width()), |kept| groups.group_of(kept))
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
        // Kept: four groups of customers by two kinds; asked: two of them each, and not the first.
        let kept = Slicer::new(
            vec![
                groups(Axis::Customer, vec![], &["a", "b", "c", "d"], vec![0]),
                groups(Axis::Kind, vec![], &["up", "more"], vec![1]),
            ],
            None,
        );
        let asked = Slicer::new(
            vec![
                groups(Axis::Kind, vec![0, 1], &["up", "more"], vec![0]),
                groups(Axis::Customer, vec![0, 0, 1, 1], &["ab", "cd"], vec![1]),
            ],
            Some(Filter::Mask(Axis::Customer, vec![false, true, true, true])),
        );
        let mut sums: Cells<Sum> = kept.cells(1);
        for group in 0..8 {
            sums.of(group)[0] = Sum(1 << group);
        }
        let asked_sums = sums.roll_up(&Regrouping { kept: &kept, asked: &asked });
        let mut found: Vec<(Vec<Scalar>, i64)> =
            asked_sums.iter().map(|(key, cells)| (asked.values(key), cells[0].0)).collect();
        found.sort_by_key(|(_, sum)| *sum);
        let text = |kind: &str, of: &str| vec![Scalar::text(kind), Scalar::text(of)];
        let expected = vec![
            (text("up", "ab"), 1 << 2),
            (text("more", "ab"), 1 << 3),
            (text("up", "cd"), (1 << 4) + (1 << 6)),
            (text("more", "cd"), (1 << 5) + (1 << 7)),
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
