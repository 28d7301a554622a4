//! Facts that grew: those of added files, sorted, put between those that were known. Most customers
//! have no new rows: what lies between two that have is copied at once.

use std::ops::Range;

use super::BalanceFacts;
use super::cores::{on_every_core, parts_of, rows_before};
use super::sorting::Places;

impl BalanceFacts {
    /// These rows, which are new, with those that were known; both have the same columns. Of one
    /// customer and instant the known ones come first. Together they are fewer than 2^32.
    #[must_use]
    pub fn added_to(&self, known: &Self) -> Self {
        let customers = self.customers().max(known.customers());
        let both = |customer| {
            let before = |facts: &Self| rows_before(&facts.offsets, customer);
            before(self).saturating_add(before(known))
        };
        let offsets: Vec<u32> = (0..=customers).map(both).collect();
        let mut all = Self {
            time: vec![0; self.time.len() + known.time.len()],
            amount: vec![0; self.amount.len() + known.amount.len()],
            product: vec![0; self.product.len() + known.product.len()],
            class: vec![0; self.class.len() + known.class.len()],
            kind: vec![0; self.kind.len() + known.kind.len()],
            offer: vec![0; self.offer.len() + known.offer.len()],
            first: self.first.into_iter().chain(known.first).min(),
            newest: self.newest.max(known.newest),
            gross: self.gross.zip(known.gross).and_then(|(own, known)| own.checked_add(known)),
            ..Self::default()
        };
        let mut places = Places::of(&mut all);
        let jobs = parts_of(customers, &offsets, 1)
            .into_iter()
            .map(|part| (places.take(&offsets[part.start..=part.end]), part))
            .collect();
        on_every_core(jobs, |(places, part): (Places, Range<usize>)| {
            Adding { places, known, new: self, written: 0 }.run(part);
        });
        all.offsets = offsets;
        all
    }
}

/// Writes the rows of a part of the customers.
struct Adding<'a> {
    places: Places<'a>,
    known: &'a BalanceFacts,
    new: &'a BalanceFacts,
    /// Rows that are written.
    written: usize,
}

impl Adding<'_> {
    fn run(mut self, customers: Range<usize>) {
        // Known rows that follow on each other and are not written yet.
        let first = self.known.rows_of(customers.start).start;
        let mut waiting = first..first;
        for customer in customers {
            let (known, new) = (self.known.rows_of(customer), self.new.rows_of(customer));
            if new.is_empty() {
                // One of whom nothing was known has no place among the known rows.
                waiting.end = waiting.end.max(known.end);
                continue;
            }
            for row in new {
                let at = self.new.time[row];
                while waiting.end < known.end && self.known.time[waiting.end] <= at {
                    waiting.end += 1;
                }
                self.write(self.known, waiting.clone());
                self.write(self.new, row..row + 1);
                waiting.start = waiting.end;
            }
            waiting.end = waiting.end.max(known.end);
        }
        self.write(self.known, waiting);
    }

    fn write(&mut self, from: &BalanceFacts, rows: Range<usize>) {
        let to = self.written..self.written + rows.len();
        copy(self.places.time, &to, &from.time, &rows);
        copy(self.places.amount, &to, &from.amount, &rows);
        copy(self.places.product, &to, &from.product, &rows);
        copy(self.places.class, &to, &from.class, &rows);
        copy(self.places.kind, &to, &from.kind, &rows);
        copy(self.places.offer, &to, &from.offer, &rows);
        self.written = to.end;
    }
}

/// Columns that were not read have no rows.
fn copy<T: Copy>(to: &mut [T], places: &Range<usize>, from: &[T], rows: &Range<usize>) {
    if let (Some(to), Some(from)) = (to.get_mut(places.clone()), from.get(rows.clone())) {
        to.copy_from_slice(from);
    }
}
