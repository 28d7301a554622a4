//! Changes in the order they were read → facts sorted by customer and time.
//!
//! A counting sort by customer writes every row once, straight to its place; parts of the customers
//! are written on every core. Rows of a customer that came in the order of time (as from files by
//! month) need no further sorting.

use std::ops::Range;

use super::cores::{on_every_core, parts_of};
use super::{BalanceFacts, Code};

/// Changes as they were read; every row counts. Columns that were not read are empty.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    pub customer: Vec<Code>,
    pub time: Vec<i64>,
    pub amount: Vec<i64>,
    pub product: Vec<Code>,
    /// Index into `MovementClass::ALL`, or [`BalanceFacts::UNMAPPED`].
    pub class: Vec<u8>,
    pub kind: Vec<Code>,
    pub offer: Vec<Code>,
}

impl Changes {
    /// Leaves out the rows that do not count.
    pub fn keep(&mut self, counts: &[bool]) {
        fn filter<T: Copy>(column: &mut Vec<T>, counts: &[bool]) {
            let mut counts = counts.iter();
            column.retain(|_| counts.next().copied().unwrap_or(false));
        }
        filter(&mut self.customer, counts);
        filter(&mut self.time, counts);
        filter(&mut self.amount, counts);
        filter(&mut self.product, counts);
        filter(&mut self.class, counts);
        filter(&mut self.kind, counts);
        filter(&mut self.offer, counts);
    }

    /// Adds the rows of others, which have the same columns, behind these.
    pub fn append(&mut self, others: &Self) {
        self.customer.extend_from_slice(&others.customer);
        self.time.extend_from_slice(&others.time);
        self.amount.extend_from_slice(&others.amount);
        self.product.extend_from_slice(&others.product);
        self.class.extend_from_slice(&others.class);
        self.kind.extend_from_slice(&others.kind);
        self.offer.extend_from_slice(&others.offer);
    }
}

/// The places of one part of the customers in every column.
#[derive(Default)]
struct Part<'a> {
    customers: Range<usize>,
    offsets: &'a [u32],
    time: &'a mut [i64],
    amount: &'a mut [i64],
    product: &'a mut [Code],
    class: &'a mut [u8],
    kind: &'a mut [Code],
    offer: &'a mut [Code],
}

/// What a part learned on the way.
#[derive(Default)]
struct Seen {
    first: Option<i64>,
    newest: Option<i64>,
    gross: u64,
}

impl BalanceFacts {
    /// The rows of `before` and of the changes, which have the same columns, sorted. Rows are fewer
    /// than 2^32.
    #[must_use]
    pub fn sorted(changes: &[Changes], before: Option<&Self>) -> Self {
        let known = before.map_or(0, Self::customers);
        let read = changes.iter().flat_map(|part| &part.customer).max();
        let customers = read.map_or(0, |last| *last as usize + 1).max(known);
        let offsets = count(changes, before, customers);
        let parts = parts_of(customers, &offsets);
        let rows = offsets.last().copied().unwrap_or(0) as usize;
        let has = |of: fn(&Changes) -> bool, old: fn(&Self) -> bool| {
            changes.iter().any(of) || before.is_some_and(old)
        };
        let coded = |is_read: bool| vec![0; if is_read { rows } else { 0 }];
        let mut facts = Self {
            time: vec![0; rows],
            amount: vec![0; rows],
            product: coded(has(|c| !c.product.is_empty(), |f| !f.product.is_empty())),
            class: vec![
                0;
                if has(|c| !c.class.is_empty(), |f| !f.class.is_empty()) { rows } else { 0 }
            ],
            kind: coded(has(|c| !c.kind.is_empty(), |f| !f.kind.is_empty())),
            offer: coded(has(|c| !c.offer.is_empty(), |f| !f.offer.is_empty())),
            ..Self::default()
        };
        let seen = facts.fill(&offsets, &parts, changes, before);
        facts.first = seen.iter().filter_map(|part| part.first).min();
        facts.newest = seen.iter().filter_map(|part| part.newest).max();
        facts.gross = seen.iter().try_fold(0u64, |sum, part| sum.checked_add(part.gross));
        facts.offsets = offsets;
        facts
    }

    /// The rows of changes in the order they come: of nobody, and in no order of time.
    #[must_use]
    pub fn as_they_come(changes: Vec<Changes>) -> Self {
        fn whole<T: Copy>(parts: Vec<Vec<T>>) -> Vec<T> {
            let rows: usize = parts.iter().map(Vec::len).sum();
            let mut parts = parts.into_iter();
            // The first part stays where it is.
            let mut whole = parts.next().unwrap_or_default();
            whole.reserve_exact(rows - whole.len());
            parts.for_each(|part| whole.extend_from_slice(&part));
            whole
        }
        let (mut times, mut rest) = (Vec::new(), Vec::new());
        for mut part in changes {
            times.push((std::mem::take(&mut part.time), std::mem::take(&mut part.kind)));
            rest.push((part.amount, part.product, part.class));
        }
        std::thread::scope(|scope| {
            let times = scope.spawn(|| {
                let (times, kinds): (Vec<_>, Vec<_>) = times.into_iter().unzip();
                let time = whole(times);
                (Seen::of_rows(&time, &[]), time, whole(kinds))
            });
            let (amounts, (products, classes)): (Vec<_>, (Vec<_>, Vec<_>)) =
                rest.into_iter().map(|(amount, product, class)| (amount, (product, class))).unzip();
            let rest = Self {
                amount: whole(amounts),
                product: whole(products),
                class: whole(classes),
                ..Self::default()
            };
            let (Seen { first, newest, .. }, time, kind) = match times.join() {
                Ok(times) => times,
                Err(panic) => std::panic::resume_unwind(panic),
            };
            Self { time, kind, first, newest, ..rest }
        })
    }

    fn fill(
        &mut self,
        offsets: &[u32],
        parts: &[Range<usize>],
        changes: &[Changes],
        before: Option<&Self>,
    ) -> Vec<Seen> {
        let mut rest = Part {
            customers: 0..0,
            offsets: &[],
            time: &mut self.time,
            amount: &mut self.amount,
            product: &mut self.product,
            class: &mut self.class,
            kind: &mut self.kind,
            offer: &mut self.offer,
        };
        let jobs: Vec<Part> = parts.iter().map(|part| rest.take(offsets, part)).collect();
        let seen = on_every_core(jobs, |mut job| {
            job.write(changes, before);
            job.sort(before);
            // What was seen of earlier rows is known.
            if before.is_none() { job.seen() } else { Seen::default() }
        });
        match before {
            Some(before) => changes.iter().map(Seen::of).chain([Seen::known(before)]).collect(),
            None => seen,
        }
    }
}

/// Where each customer's rows begin.
fn count(changes: &[Changes], before: Option<&BalanceFacts>, customers: usize) -> Vec<u32> {
    let mut offsets = vec![0u32; customers + 1];
    let mut rest = &mut offsets[1..];
    let mut jobs = Vec::new();
    for part in parts_of(customers, &[]) {
        let (counts, others) = rest.split_at_mut(part.len());
        rest = others;
        jobs.push((part, counts));
    }
    on_every_core(jobs, |(part, counts)| {
        if let Some(before) = before {
            for (count, customer) in counts.iter_mut().zip(part.clone()) {
                *count = u32::try_from(before.rows_of(customer).len()).unwrap_or(u32::MAX);
            }
        }
        for customer in changes.iter().flat_map(|changes| &changes.customer) {
            if let Some(count) = counts.get_mut((*customer as usize).wrapping_sub(part.start)) {
                *count += 1;
            }
        }
    });
    let mut sum = 0u32;
    for offset in &mut offsets {
        sum = sum.saturating_add(*offset);
        *offset = sum;
    }
    offsets
}

impl<'a> Part<'a> {
    /// The next customers' places.
    fn take<'o>(&mut self, offsets: &'o [u32], customers: &Range<usize>) -> Part<'o>
    where
        'a: 'o,
    {
        let rows = (offsets[customers.end] - offsets[customers.start]) as usize;
        Part {
            customers: customers.clone(),
            offsets: &offsets[customers.start..=customers.end],
            time: self.time.split_off_mut(..rows.min(self.time.len())).unwrap_or_default(),
            amount: self.amount.split_off_mut(..rows.min(self.amount.len())).unwrap_or_default(),
            product: self.product.split_off_mut(..rows.min(self.product.len())).unwrap_or_default(),
            class: self.class.split_off_mut(..rows.min(self.class.len())).unwrap_or_default(),
            kind: self.kind.split_off_mut(..rows.min(self.kind.len())).unwrap_or_default(),
            offer: self.offer.split_off_mut(..rows.min(self.offer.len())).unwrap_or_default(),
        }
    }

    fn write<'c>(&mut self, changes: &'c [Changes], before: Option<&BalanceFacts>) {
        const TOGETHER: usize = 8_192;
        let base = self.offsets[0];
        let mut next: Vec<u32> =
            self.offsets[..self.customers.len()].iter().map(|offset| offset - base).collect();
        if let Some(before) = before {
            self.keep(before, &mut next);
        }
        // Which rows are this part's, and where they go: so many at a time that they are at hand
        // for every column.
        let mut places: Vec<(u32, u32)> = Vec::new();
        let blocks = |batch: &'c Changes| {
            (0u32..)
                .step_by(TOGETHER)
                .zip(batch.customer.chunks(TOGETHER))
                .map(move |(first, customers)| (batch, first, customers))
        };
        for (batch, first, customers) in changes.iter().flat_map(blocks) {
            places.clear();
            for (row, customer) in (first..).zip(customers) {
                let customer = (*customer as usize).wrapping_sub(self.customers.start);
                if let Some(place) = next.get_mut(customer) {
                    places.push((row, *place));
                    *place += 1;
                }
            }
            scatter(&places, &batch.time, self.time);
            scatter(&places, &batch.amount, self.amount);
            scatter(&places, &batch.product, self.product);
            scatter(&places, &batch.class, self.class);
            scatter(&places, &batch.kind, self.kind);
            scatter(&places, &batch.offer, self.offer);
        }
    }

    /// Copies earlier rows: at once those of all customers up to the next one with new rows.
    fn keep(&mut self, before: &BalanceFacts, next: &mut [u32]) {
        let first = |customer: usize| before.rows_of(customer).start;
        let (mut rows, mut to) = (first(self.customers.start)..first(self.customers.start), 0);
        for (place, customer) in next.iter_mut().zip(self.customers.clone()) {
            let theirs = before.rows_of(customer);
            if *place as usize != to + rows.len() || theirs.start != rows.end {
                self.keep_rows(before, to, &rows);
                (rows, to) = (theirs.start..theirs.start, *place as usize);
            }
            rows.end = theirs.end;
            *place += u32::try_from(theirs.len()).unwrap_or(u32::MAX);
        }
        self.keep_rows(before, to, &rows);
    }

    fn keep_rows(&mut self, before: &BalanceFacts, to: usize, rows: &Range<usize>) {
        let to = to..to + rows.len();
        self.time[to.clone()].copy_from_slice(&before.time[rows.clone()]);
        self.amount[to.clone()].copy_from_slice(&before.amount[rows.clone()]);
        copy_if_read(self.product, &before.product, &to, rows);
        copy_if_read(self.class, &before.class, &to, rows);
        copy_if_read(self.kind, &before.kind, &to, rows);
        copy_if_read(self.offer, &before.offer, &to, rows);
    }

    /// Sorts the rows of each customer; earlier ones alone are sorted already.
    fn sort(&mut self, before: Option<&BalanceFacts>) {
        let base = self.offsets[0];
        let mut order: Vec<(i64, u32)> = Vec::new();
        for (customer, bounds) in self.customers.clone().zip(self.offsets.windows(2)) {
            let rows = (bounds[0] - base) as usize..(bounds[1] - base) as usize;
            let is_known =
                before.is_some_and(|before| before.rows_of(customer).len() == rows.len());
            if is_known || self.time[rows.clone()].is_sorted() {
                continue;
            }
            order.clear();
            order.extend(self.time[rows.clone()].iter().copied().zip(0..));
            order.sort_unstable();
            reorder(&order, self.time, &rows);
            reorder(&order, self.amount, &rows);
            reorder(&order, self.product, &rows);
            reorder(&order, self.class, &rows);
            reorder(&order, self.kind, &rows);
            reorder(&order, self.offer, &rows);
        }
    }

    fn seen(&self) -> Seen {
        Seen::of_rows(self.time, self.amount)
    }
}

impl Seen {
    fn of_rows(time: &[i64], amount: &[i64]) -> Self {
        let none = (i64::MAX, i64::MIN);
        let range = |(first, newest): (i64, i64), at: &i64| (first.min(*at), newest.max(*at));
        let (first, newest) = time.iter().fold(none, range);
        let is_any = !time.is_empty();
        let add = |sum: u64, amount: &i64| sum.saturating_add(amount.unsigned_abs());
        Self {
            first: is_any.then_some(first),
            newest: is_any.then_some(newest),
            gross: amount.iter().fold(0, add),
        }
    }

    fn of(changes: &Changes) -> Self {
        Self::of_rows(&changes.time, &changes.amount)
    }

    fn known(before: &BalanceFacts) -> Self {
        let gross = before.gross.unwrap_or(u64::MAX);
        Self { first: before.first, newest: before.newest, gross }
    }
}

fn scatter<T: Copy>(places: &[(u32, u32)], from: &[T], to: &mut [T]) {
    if from.is_empty() {
        return;
    }
    for (row, place) in places {
        to[*place as usize] = from[*row as usize];
    }
}

fn copy_if_read<T: Copy>(to: &mut [T], from: &[T], place: &Range<usize>, rows: &Range<usize>) {
    if !to.is_empty() {
        to[place.clone()].copy_from_slice(&from[rows.clone()]);
    }
}

fn reorder<T: Copy>(order: &[(i64, u32)], column: &mut [T], rows: &Range<usize>) {
    if column.is_empty() {
        return;
    }
    let old: Vec<T> = column[rows.clone()].to_vec();
    for (new, (_, row)) in column[rows.clone()].iter_mut().zip(order) {
        *new = old[*row as usize];
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn changes(rows: &[(Code, i64, i64)]) -> Changes {
        Changes {
            customer: rows.iter().map(|row| row.0).collect(),
            time: rows.iter().map(|row| row.1).collect(),
            amount: rows.iter().map(|row| row.2).collect(),
            // Follows its row wherever it goes.
            kind: rows.iter().map(|row| u32::try_from(row.2).unwrap()).collect(),
            ..Changes::default()
        }
    }

    fn rows_of(facts: &BalanceFacts) -> Vec<(Code, i64, i64)> {
        let customers = 0..facts.customers();
        let rows = customers.flat_map(|customer| {
            let code = Code::try_from(customer).unwrap();
            facts.rows_of(customer).map(move |row| (code, facts.time[row], facts.amount[row]))
        });
        rows.collect()
    }

    proptest! {
        #[test]
        fn rows_are_sorted_by_customer_and_time_however_they_come(
            rows in prop::collection::vec((0..9_000_u32, 0..50_i64, 0..1_000_i64), 0..400),
            cut in 0..400_usize,
        ) {
            let mut expected = rows.clone();
            expected.sort_by_key(|row| (row.0, row.1));
            let cut = cut.min(rows.len());
            let once = BalanceFacts::sorted(&[changes(&rows)], None);
            let batches = [changes(&rows[..cut]), changes(&rows[cut..])];
            let in_two = BalanceFacts::sorted(&batches, None);
            let first = BalanceFacts::sorted(&batches[..1], None);
            let added = BalanceFacts::sorted(&batches[1..], Some(&first));
            for facts in [&once, &in_two, &added] {
                prop_assert_eq!(rows_of(facts), expected.clone());
                let kinds: Vec<i64> = facts.kind.iter().map(|kind| i64::from(*kind)).collect();
                prop_assert_eq!(&kinds, &facts.amount);
                prop_assert_eq!(facts.first, rows.iter().map(|row| row.1).min());
                prop_assert_eq!(facts.newest, rows.iter().map(|row| row.1).max());
                let gross: i64 = rows.iter().map(|row| row.2).sum();
                prop_assert_eq!(facts.gross, Some(gross.unsigned_abs()));
                prop_assert!(facts.product.is_empty() && facts.class.is_empty());
            }
        }
    }

    #[test]
    fn many_customers_are_sorted_on_every_core() {
        let count = 50_000_u32;
        let rows: Vec<_> =
            (0..3 * count).map(|n| (n * 7 % count, i64::from(n % 11), i64::from(n))).collect();
        let facts = BalanceFacts::sorted(&[changes(&rows)], None);
        let mut expected = rows;
        expected.sort_by_key(|row| (row.0, row.1));
        assert_eq!(rows_of(&facts), expected);
    }
}
