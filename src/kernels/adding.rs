//! Facts that grow: those of added files, sorted, put between those that were known, where these are
//! in memory. Most customers have no new rows: what lies between two that have moves at once.

use std::ops::Range;

use super::cores::{on_every_core, parts_of, rows_before};
use super::facts::code_of;
use super::{Added, BalanceFacts};

impl BalanceFacts {
    /// These rows with new ones, which have the same columns. Of one customer and instant the known
    /// ones come first. Together they are fewer than 2^32. Walks that end before the new rows begin
    /// are still good.
    #[must_use]
    pub fn with_added(mut self, new: &Self) -> Self {
        let cuts = self.rows_before_each(new);
        let customers = self.customers().max(new.customers());
        let both = |customer| {
            let before = |facts: &Self| rows_before(&facts.offsets, customer);
            before(&self).saturating_add(before(new))
        };
        self.offsets = (0..=customers).map(both).collect();
        let Self { time, amount, product, class, kind, offer, .. } = &mut self;
        std::thread::scope(|scope| {
            scope.spawn(|| {
                widen(time, &new.time, &cuts);
                widen(class, &new.class, &cuts);
                widen(kind, &new.kind, &cuts);
            });
            widen(amount, &new.amount, &cuts);
            widen(product, &new.product, &cuts);
            widen(offer, &new.offer, &cuts);
        });
        let is_added = |customer: &usize| !new.rows_of(*customer).is_empty();
        // Of what is recorded, nothing lies after the newest.
        let newest = self.newest.filter(|_| self.recorded);
        self.added = Added {
            all_before: newest.map(|newest| newest.saturating_add(1)),
            customers: (0..new.customers()).filter(is_added).map(code_of).collect(),
        };
        self.first = self.first.into_iter().chain(new.first).min();
        self.newest = self.newest.max(new.newest);
        self.gross = self.gross.zip(new.gross).and_then(|(own, new)| own.checked_add(new));
        self.walks = self.walks.until(new.time.iter().copied().min().unwrap_or(i64::MAX));
        self
    }

    /// How many of these rows come before each of the new ones.
    fn rows_before_each(&self, new: &Self) -> Vec<u32> {
        // Each look is somewhere else in memory.
        let parts = parts_of(new.customers(), &new.offsets, 1);
        on_every_core(parts, |customers| self.rows_before_those_of(new, customers)).concat()
    }

    fn rows_before_those_of(&self, new: &Self, customers: Range<usize>) -> Vec<u32> {
        let mut cuts = Vec::new();
        for customer in customers {
            let mut cut = rows_before(&self.offsets, customer);
            let end = rows_before(&self.offsets, customer + 1);
            let comes_before = |row: u32, at: i64| self.time[row as usize] <= at;
            for row in new.rows_of(customer) {
                let at = new.time[row];
                // Mostly all of them.
                if cut < end && comes_before(end - 1, at) {
                    cut = end;
                }
                while cut < end && comes_before(cut, at) {
                    cut += 1;
                }
                cuts.push(cut);
            }
        }
        cuts
    }
}

/// Puts new values into a column, each behind so many of those that are there. A column that was not
/// read has no values.
fn widen<T: Copy + Default>(column: &mut Vec<T>, new: &[T], cuts: &[u32]) {
    let mut end = column.len();
    column.reserve_exact(new.len());
    column.resize(end + new.len(), T::default());
    for (place, (value, cut)) in new.iter().zip(cuts).enumerate().rev() {
        let cut = *cut as usize;
        column.copy_within(cut..end, cut + place + 1);
        column[cut + place] = *value;
        end = cut;
    }
}
