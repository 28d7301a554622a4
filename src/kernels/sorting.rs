//! Changes in the order they were read → facts sorted by customer and time.
//!
//! A counting sort by customer writes every row once, whole, straight to its place; parts of the
//! customers are written on every core. Then each customer's rows are put into the order of time,
//! which those of files by month nearly have, and written out as columns.

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

/// A row on its way to its place, with zeros for what was not read.
#[derive(Debug, Clone, Copy, Default)]
struct Row {
    time: i64,
    amount: i64,
    product: Code,
    kind: Code,
    offer: Code,
    class: u8,
}

impl Row {
    fn of(changes: &Changes, row: usize) -> Self {
        Self {
            time: changes.time[row],
            amount: changes.amount[row],
            product: changes.product.get(row).copied().unwrap_or_default(),
            kind: changes.kind.get(row).copied().unwrap_or_default(),
            offer: changes.offer.get(row).copied().unwrap_or_default(),
            class: changes.class.get(row).copied().unwrap_or_default(),
        }
    }
}

/// What a part learned on the way.
#[derive(Debug, Default)]
struct Seen {
    first: Option<i64>,
    newest: Option<i64>,
    gross: u64,
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
}

impl BalanceFacts {
    /// The rows of the changes, which have the same columns, sorted. Rows are fewer than 2^32.
    #[must_use]
    pub fn sorted(changes: &[Changes]) -> Self {
        let last = changes.iter().flat_map(|part| &part.customer).max();
        let customers = last.map_or(0, |last| *last as usize + 1);
        let offsets = count(changes, customers);
        let rows = offsets.last().copied().unwrap_or(0) as usize;
        let read = |is_read: fn(&Changes) -> bool| {
            if changes.iter().any(is_read) { rows } else { 0 }
        };
        let mut facts = Self {
            time: vec![0; rows],
            amount: vec![0; rows],
            product: vec![0; read(|part| !part.product.is_empty())],
            class: vec![0; read(|part| !part.class.is_empty())],
            kind: vec![0; read(|part| !part.kind.is_empty())],
            offer: vec![0; read(|part| !part.offer.is_empty())],
            ..Self::default()
        };
        let mut places = Places::of(&mut facts);
        let jobs = parts_of(customers, &offsets)
            .into_iter()
            .map(|part| (places.take(&offsets[part.start..=part.end]), part))
            .collect();
        let seen = on_every_core(jobs, |(mut places, part): (Places, _)| {
            places.fill(changes, &part);
            Seen::of_rows(places.time, places.amount)
        });
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
}

/// Where each customer's rows begin.
fn count(changes: &[Changes], customers: usize) -> Vec<u32> {
    let mut offsets = vec![0u32; customers + 1];
    let mut rest = &mut offsets[1..];
    let mut jobs = Vec::new();
    for part in parts_of(customers, &[]) {
        let (counts, others) = rest.split_at_mut(part.len());
        rest = others;
        jobs.push((part.start, counts));
    }
    on_every_core(jobs, |(first, counts)| {
        for customer in changes.iter().flat_map(|changes| &changes.customer) {
            if let Some(count) = counts.get_mut((*customer as usize).wrapping_sub(first)) {
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

/// The places of one part of the customers in every column.
pub(super) struct Places<'a> {
    /// Of the part's customers, in all of the facts.
    offsets: &'a [u32],
    pub time: &'a mut [i64],
    pub amount: &'a mut [i64],
    pub product: &'a mut [Code],
    pub class: &'a mut [u8],
    pub kind: &'a mut [Code],
    pub offer: &'a mut [Code],
}

impl<'a> Places<'a> {
    pub fn of(facts: &'a mut BalanceFacts) -> Self {
        Self {
            offsets: &[],
            time: &mut facts.time,
            amount: &mut facts.amount,
            product: &mut facts.product,
            class: &mut facts.class,
            kind: &mut facts.kind,
            offer: &mut facts.offer,
        }
    }

    /// The places of the next customers.
    pub fn take(&mut self, offsets: &'a [u32]) -> Self {
        let rows = (offsets[offsets.len() - 1] - offsets[0]) as usize;
        Self {
            offsets,
            time: self.time.split_off_mut(..rows.min(self.time.len())).unwrap_or_default(),
            amount: self.amount.split_off_mut(..rows.min(self.amount.len())).unwrap_or_default(),
            product: self.product.split_off_mut(..rows.min(self.product.len())).unwrap_or_default(),
            class: self.class.split_off_mut(..rows.min(self.class.len())).unwrap_or_default(),
            kind: self.kind.split_off_mut(..rows.min(self.kind.len())).unwrap_or_default(),
            offer: self.offer.split_off_mut(..rows.min(self.offer.len())).unwrap_or_default(),
        }
    }

    /// Sorts the changes of these customers into their places.
    fn fill(&mut self, changes: &[Changes], customers: &Range<usize>) {
        const TOGETHER: usize = 256;
        let base = self.offsets[0];
        let mut next: Vec<u32> =
            self.offsets[..customers.len()].iter().map(|offset| offset - base).collect();
        let mut rows = vec![Row::default(); self.time.len()];
        for changes in changes {
            for (row, customer) in changes.customer.iter().enumerate() {
                let customer = (*customer as usize).wrapping_sub(customers.start);
                if let Some(place) = next.get_mut(customer) {
                    rows[*place as usize] = Row::of(changes, row);
                    *place += 1;
                }
            }
        }
        // Each customer's in the order of time, and as columns while they are at hand.
        let ends = self.offsets[1..].chunks(TOGETHER);
        let mut start = 0;
        for ends in ends {
            let first = start;
            for end in ends {
                let theirs = &mut rows[start..(end - base) as usize];
                if !theirs.is_sorted_by_key(|row| row.time) {
                    theirs.sort_by_key(|row| row.time);
                }
                start = (end - base) as usize;
            }
            self.write(first, &rows[first..start]);
        }
    }

    fn write(&mut self, first: usize, rows: &[Row]) {
        fn column<T>(to: &mut [T], first: usize, rows: &[Row], of: impl Fn(&Row) -> T) {
            // Columns that were not read have no places.
            let to = to.iter_mut().skip(first);
            to.zip(rows).for_each(|(to, row)| *to = of(row));
        }
        column(self.time, first, rows, |row| row.time);
        column(self.amount, first, rows, |row| row.amount);
        column(self.product, first, rows, |row| row.product);
        column(self.class, first, rows, |row| row.class);
        column(self.kind, first, rows, |row| row.kind);
        column(self.offer, first, rows, |row| row.offer);
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
            let once = BalanceFacts::sorted(&[changes(&rows)]);
            let batches = [changes(&rows[..cut]), changes(&rows[cut..])];
            let in_two = BalanceFacts::sorted(&batches);
            let first = BalanceFacts::sorted(&batches[..1]);
            let added = BalanceFacts::sorted(&batches[1..]).added_to(&first);
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
        let facts = BalanceFacts::sorted(&[changes(&rows)]);
        let mut expected = rows;
        expected.sort_by_key(|row| (row.0, row.1));
        assert_eq!(rows_of(&facts), expected);
    }
}
