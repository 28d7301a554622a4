//! Results of kernels: one cell per group and period, built by parts of the customers in parallel
//! and merged.

use std::collections::HashMap;
use std::num::NonZero;
use std::ops::Range;

use super::Code;

/// Up to this many group keys are found by position, beyond it by hash.
const DENSE_KEYS: u64 = 1 << 16;

/// Something that parts of the customers contribute to.
pub trait Merge {
    fn merge(&mut self, other: Self);
}

/// Cells by group, `width` (one per period or window) a group, created when first touched.
#[derive(Debug, Clone)]
pub struct Cells<T> {
    width: usize,
    keys: Vec<u64>,
    cells: Vec<T>,
    index: Index,
}

#[derive(Debug, Clone)]
enum Index {
    /// Group number + 1 by key, 0 = not seen.
    Dense(Vec<u32>),
    Hashed(HashMap<u64, u32>),
}

impl<T: Default + Clone> Cells<T> {
    #[must_use]
    pub fn new(cardinality: u64, width: usize) -> Self {
        let index = match usize::try_from(cardinality) {
            Ok(count) if cardinality <= DENSE_KEYS => Index::Dense(vec![0; count]),
            _ => Index::Hashed(HashMap::new()),
        };
        Self { width, keys: Vec::new(), cells: Vec::new(), index }
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
    /// Every group's cells as others.
    pub fn map<U>(self, mut of: impl FnMut(&[T]) -> Vec<U>) -> Cells<U> {
        let mut cells = Vec::with_capacity(self.cells.len());
        for group in self.cells.chunks(self.width.max(1)) {
            cells.extend(of(group));
        }
        Cells { width: self.width, keys: self.keys, cells, index: self.index }
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

/// A part of the customers (or orders): consecutive ones, or those that a filter names.
#[derive(Debug, Clone)]
pub enum Part<'a> {
    Range(Range<usize>),
    These(std::slice::Iter<'a, Code>),
}

impl Iterator for Part<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        match self {
            Self::Range(range) => range.next(),
            Self::These(codes) => codes.next().map(|code| *code as usize),
        }
    }
}

/// Runs a kernel over parts of the customers on every core and merges the parts in order, so that
/// the answer does not depend on how many cores there are. With `only`, over these of them.
pub fn over_customers<R, F>(customers: usize, only: Option<&[Code]>, kernel: F) -> R
where
    R: Merge + Send,
    F: Fn(Part) -> R + Sync,
{
    let only =
        only.map(|codes| &codes[..codes.partition_point(|code| (*code as usize) < customers)]);
    let count = only.map_or(customers, <[Code]>::len);
    in_parts(count, |bounds| {
        kernel(match only {
            Some(codes) => Part::These(codes[bounds].iter()),
            None => Part::Range(bounds),
        })
    })
}

/// Runs a kernel over parts of so many things, as [`over_customers`] does.
pub fn in_parts<R, F>(count: usize, kernel: F) -> R
where
    R: Merge + Send,
    F: Fn(Range<usize>) -> R + Sync,
{
    const SMALLEST_PART: usize = 4_096;
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let parts = cores.min(count / SMALLEST_PART).max(1);
    let part = |part: usize| count * part / parts..count * (part + 1) / parts;
    std::thread::scope(|scope| {
        let (kernel, part) = (&kernel, &part);
        let others: Vec<_> =
            (1..parts).map(|place| scope.spawn(move || kernel(part(place)))).collect();
        let mut all = kernel(part(0));
        for other in others {
            match other.join() {
                Ok(part) => all.merge(part),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        all
    })
}
