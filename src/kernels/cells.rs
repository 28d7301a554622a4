//! Results of kernels: one cell per group and period, built by parts of the customers in parallel
//! and merged.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use super::cores::{on_every_core, parts_of};
use super::facts::code_of;
use super::{Bounds, Code, Slicer};

/// Up to this many group keys are found by position, beyond it by hash.
const DENSE_KEYS: u64 = 1 << 16;

/// Customers, or rows, between two looks at whether to stop: many enough to cost nothing, few enough
/// to be done within milliseconds.
const CUSTOMERS_UNTIL_A_LOOK: usize = 64;
const ROWS_UNTIL_A_LOOK: usize = 4_096;

/// Something that parts of the customers contribute to.
pub trait Merge {
    fn merge(&mut self, other: Self);

    /// Bytes that it holds beside its own.
    fn heap_bytes(&self) -> usize {
        0
    }
}

/// Cells by group, `width` (one per period or window) a group, created when first touched.
#[derive(Debug, Clone)]
pub struct Cells<T> {
    width: usize,
    keys: Vec<u64>,
    cells: Vec<T>,
    index: Index,
    /// Most groups.
    most: usize,
}

#[derive(Debug, Clone)]
enum Index {
    /// Group number + 1 by key, 0 = not seen.
    Dense(Vec<u32>),
    Hashed(HashMap<u64, u32>),
}

impl<T: Default + Clone> Cells<T> {
    /// Cells for so many groups at most, within the bounds: the group that exceeds them is the last
    /// to be kept apart.
    #[must_use]
    pub fn new(cardinality: u64, width: usize, bounds: &Bounds) -> Self {
        let index = match usize::try_from(cardinality) {
            Ok(count) if cardinality <= DENSE_KEYS => Index::Dense(vec![0; count]),
            _ => Index::Hashed(HashMap::new()),
        };
        let most = bounds.cells / width.max(1);
        Self { width, keys: Vec::new(), cells: Vec::new(), index, most }
    }

    /// So many more cells a group, for what does not show in the answer and is not bound.
    #[must_use]
    pub fn with_more(self, cells: usize) -> Self {
        Self { width: self.width + cells, ..self }
    }

    /// The cells of a group, one per period.
    pub fn of(&mut self, key: u64) -> &mut [T] {
        let next = u32::try_from(self.keys.len() + 1).unwrap_or(u32::MAX);
        let slot = match &mut self.index {
            Index::Dense(slots) => {
                let position = usize::try_from(key).unwrap_or(0).min(slots.len().saturating_sub(1));
                &mut slots[position]
            }
            Index::Hashed(slots) => slots.entry(key).or_insert(0),
        };
        if *slot == 0 {
            if self.keys.len() > self.most {
                return &mut self.cells[..self.width];
            }
            *slot = next;
            self.keys.push(key);
            self.cells.resize(self.cells.len() + self.width, T::default());
        }
        let start = (*slot as usize - 1) * self.width;
        &mut self.cells[start..start + self.width]
    }

    /// Every group with its cells, in the order of first appearance.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &[T])> {
        let width = self.width;
        self.keys
            .iter()
            .enumerate()
            .map(move |(group, key)| (*key, &self.cells[group * width..(group + 1) * width]))
    }

    /// Every group in which something happened in any period, with its cells.
    pub fn found(&self) -> impl Iterator<Item = (u64, &[T])>
    where
        T: PartialEq,
    {
        let nothing = T::default();
        self.iter().filter(move |(_, cells)| cells.iter().any(|cell| *cell != nothing))
    }

    #[must_use]
    pub fn groups(&self) -> usize {
        self.keys.len()
    }

    /// Cells a group.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Whether every group has cells of its own.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.keys.len() <= self.most
    }

    /// Bytes of the cells, about.
    #[must_use]
    pub fn bytes(&self) -> usize
    where
        T: Merge,
    {
        let cells: usize = self.cells.iter().map(|cell| size_of::<T>() + cell.heap_bytes()).sum();
        cells + self.keys.len() * 16
    }

    /// The cells of every group added to those of the group it belongs to, if any.
    #[must_use]
    pub fn regroup(&self, mut to: Self, group_of: impl Fn(u64) -> Option<u64>) -> Self
    where
        T: Merge,
    {
        for (key, cells) in self.iter() {
            let Some(group) = group_of(key) else { continue };
            for (sum, cell) in to.of(group).iter_mut().zip(cells) {
                sum.merge(cell.clone());
            }
        }
        to
    }

    /// The cells of a group, if any fact fell into it.
    #[must_use]
    pub fn get(&self, key: u64) -> Option<&[T]> {
        let slot = match &self.index {
            Index::Dense(slots) => slots.get(usize::try_from(key).ok()?).copied()?,
            Index::Hashed(slots) => slots.get(&key).copied()?,
        };
        let start = (slot as usize).checked_sub(1)? * self.width;
        self.cells.get(start..start + self.width)
    }
}

impl<T> Cells<T> {
    /// Every group's cells as others, `width` a group.
    pub fn map<U>(self, width: usize, mut of: impl FnMut(&[T]) -> Vec<U>) -> Cells<U> {
        let mut cells = Vec::with_capacity(self.keys.len() * width);
        for group in self.cells.chunks(self.width.max(1)) {
            cells.extend(of(group));
        }
        Cells { width, keys: self.keys, cells, index: self.index, most: self.most }
    }
}

impl<T: Default + Clone + Merge> Merge for Cells<T> {
    fn merge(&mut self, other: Self) {
        let width = other.width;
        for (group, key) in other.keys.iter().enumerate() {
            let theirs = &other.cells[group * width..(group + 1) * width];
            for (mine, their) in self.of(*key).iter_mut().zip(theirs) {
                mine.merge(their.clone());
            }
        }
    }
}

/// Parts of the customers (or rows) on a core, as many as it gets done while the others are at
/// theirs: consecutive customers, or those that a filter names. It leaves out customers of whom
/// nothing can pass the filter, and ends early where it is told to stop.
pub struct Part<'a> {
    slicer: &'a Slicer,
    are_customers: bool,
    /// Those that come before the next look at whether to stop, those after it, and parts that no
    /// core has begun.
    near: Items<'a>,
    far: Items<'a>,
    others: &'a Mutex<std::vec::IntoIter<Items<'a>>>,
}

#[derive(Debug, Clone)]
enum Items<'a> {
    Range(Range<usize>),
    These(std::slice::Iter<'a, Code>),
}

impl Iterator for Items<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        match self {
            Self::Range(range) => range.next(),
            Self::These(codes) => codes.next().map(|code| *code as usize),
        }
    }
}

impl Items<'_> {
    fn is_empty(&self) -> bool {
        match self {
            Self::Range(range) => range.is_empty(),
            Self::These(codes) => codes.as_slice().is_empty(),
        }
    }

    /// The first of them, which are these no longer.
    fn split_off(&mut self, count: usize) -> Self {
        match self {
            Self::Range(range) => {
                let end = range.end.min(range.start + count);
                let first = range.start..end;
                range.start = end;
                Self::Range(first)
            }
            Self::These(codes) => {
                let all = codes.as_slice();
                let (first, others) = all.split_at(count.min(all.len()));
                *codes = others.iter();
                Self::These(first.iter())
            }
        }
    }
}

impl Part<'_> {
    /// The next of them that follow on each other, at least one and few enough to look
    /// often at whether to stop.
    pub fn next_range(&mut self) -> Option<Range<usize>> {
        let first = self.next()?;
        Some(match &mut self.near {
            Items::Range(rest) => first..std::mem::take(rest).end,
            Items::These(_) => first..first + 1,
        })
    }
}

impl Iterator for Part<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        loop {
            for next in self.near.by_ref() {
                if !self.are_customers || self.slicer.may_pass(code_of(next)) {
                    return Some(next);
                }
            }
            if self.slicer.bounds().stop.is_set() {
                return None;
            }
            if self.far.is_empty() {
                self.far = self.others.lock().unwrap_or_else(PoisonError::into_inner).next()?;
            }
            let until_a_look =
                if self.are_customers { CUSTOMERS_UNTIL_A_LOOK } else { ROWS_UNTIL_A_LOOK };
            self.near = self.far.split_off(until_a_look);
        }
    }
}

/// Parts a core: how long one takes depends on whose rows are looked at.
const PARTS_A_CORE: usize = 8;

/// Runs a kernel over all customers of whom something can pass, on every core, and merges what the
/// cores found: which core finds what is left to chance, so merging has no order. Rows of customer
/// `c` are `offsets[c]..offsets[c + 1]`: parts have about as many.
pub fn over_customers<R, F>((customers, offsets): (usize, &[u32]), slicer: &Slicer, kernel: F) -> R
where
    R: Merge + Send,
    F: Fn(Part) -> R + Sync,
{
    let only = slicer.customers();
    let parts = match &only {
        Some(codes) => {
            let known = codes.partition_point(|code| (*code as usize) < customers);
            let these = |part: Range<usize>| Items::These(codes[part].iter());
            parts_of(known, &[], PARTS_A_CORE).into_iter().map(these).collect()
        }
        None => parts_of(customers, offsets, PARTS_A_CORE).into_iter().map(Items::Range).collect(),
    };
    over_parts(parts, (slicer, true), kernel)
}

/// The same over all of the rows (or orders), whosever they are.
pub fn over_rows<R, F>(rows: usize, slicer: &Slicer, kernel: F) -> R
where
    R: Merge + Send,
    F: Fn(Part) -> R + Sync,
{
    let parts = parts_of(rows, &[], PARTS_A_CORE).into_iter().map(Items::Range).collect();
    over_parts(parts, (slicer, false), kernel)
}

fn over_parts<R, F>(parts: Vec<Items>, (slicer, are_customers): (&Slicer, bool), kernel: F) -> R
where
    R: Merge + Send,
    F: Fn(Part) -> R + Sync,
{
    let cores = parts.len().div_ceil(PARTS_A_CORE).max(1);
    let others = &Mutex::new(parts.into_iter());
    let none = || Items::Range(0..0);
    let run = |()| kernel(Part { slicer, are_customers, near: none(), far: none(), others });
    let together = |mut all: R, part: R| {
        all.merge(part);
        all
    };
    let found = on_every_core(vec![(); cores], run);
    found.into_iter().reduce(together).unwrap_or_else(|| run(()))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::kernels::{Axis, Filter, Stop};

    impl Merge for Vec<usize> {
        fn merge(&mut self, other: Self) {
            self.extend(other);
        }
    }

    fn slicer(only: Option<Vec<Code>>, stop: &Stop) -> Slicer {
        let filter = only.map(|codes| Filter::Only(Axis::Customer, codes));
        Slicer::new(vec![], filter).within(Bounds { stop: stop.clone(), ..Bounds::default() })
    }

    #[test]
    fn every_customer_comes_once() {
        let all = |slicer: &Slicer| {
            let mut all = over_customers((20_000, &[]), slicer, |part| {
                let some: Vec<usize> = part.collect();
                assert!(some.is_sorted(), "rows of a core ascend");
                some
            });
            all.sort_unstable();
            all
        };
        let stop = Stop::default();
        assert_eq!(all(&slicer(None, &stop)), (0..20_000).collect::<Vec<_>>());
        let odd: Vec<Code> = (0..15_000).map(|code| 2 * code + 1).collect();
        let known: Vec<usize> = (0..10_000).map(|code| 2 * code + 1).collect();
        assert_eq!(all(&slicer(Some(odd), &stop)), known);
        let mask: Vec<bool> = (0..20_001).map(|code| code % 2 == 1).collect();
        let odd = Slicer::new(vec![], Some(Filter::Mask(Axis::Customer, mask)));
        assert_eq!(all(&odd), known);
    }

    #[test]
    fn a_kernel_that_is_told_to_stop_ends_soon() {
        let stop = Stop::default();
        let seen = AtomicUsize::new(0);
        over_customers((1_000_000, &[]), &slicer(None, &stop), |part| {
            for _ in part {
                if seen.fetch_add(1, Ordering::Relaxed) == 5_000 {
                    stop.set();
                }
            }
            Vec::<usize>::new()
        });
        let seen = seen.into_inner();
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        assert!((5_000..=5_001 + CUSTOMERS_UNTIL_A_LOOK * cores).contains(&seen), "{seen}");
    }

    #[test]
    fn cells_beyond_the_bound_are_not_made() {
        let bounds = Bounds { cells: 10, ..Bounds::default() };
        let mut cells: Cells<i64> = Cells::new(1 << 40, 4, &bounds);
        for key in 0..100 {
            cells.of(key)[3] += 1;
        }
        // Three groups are more than ten cells, so that whoever counts them sees it.
        assert_eq!((cells.groups(), cells.cells.len()), (3, 12));

        // Cells that do not show count for nothing.
        let mut cells: Cells<i64> = Cells::new(1 << 40, 4, &bounds).with_more(2);
        (0..100).for_each(|key| cells.of(key)[5] += 1);
        assert_eq!(cells.groups(), 3);
        let shown = cells.map(4, |of| of[2..].to_vec());
        assert_eq!((shown.groups(), shown.get(1).unwrap().len()), (3, 4));
    }
}
