//! Changes in the order they were read → facts sorted by customer and time.
//!
//! A counting sort by customer writes every row once, straight to its place; parts of the customers
//! are written on every core. Tables are mostly written in runs of ascending customers (a file a
//! month, say): then all runs advance together, some customers at a time, so that their places stay
//! at hand. Rows of a customer that came in the order of time need no further sorting.

use std::ops::Range;

use super::cores::{on_every_core, parts_of};
use super::{BalanceFacts, Changes, Code};

/// Rows of one of the changes in which customers ascend.
#[derive(Debug, Clone)]
struct Run<'a> {
    changes: &'a Changes,
    rows: Range<usize>,
}

impl<'a> Run<'a> {
    /// Fewer rows in a run are not worth looking at it again and again.
    const SHORT: usize = 512;

    /// All rows in runs, where these are long enough, and how many customers there are.
    fn all(changes: &'a [Changes]) -> (Option<Vec<Self>>, usize) {
        let of = |changes: &'a Changes| {
            let customers = &changes.customer;
            let most = customers.len() / Self::SHORT + 1;
            let (mut runs, mut start, mut last) = (Vec::new(), 0, 0);
            for (row, two) in (1..).zip(customers.windows(2)) {
                last = last.max(two[0]);
                if two[0] > two[1] {
                    if runs.len() <= most {
                        runs.push(Self { changes, rows: start..row });
                    }
                    start = row;
                }
            }
            runs.push(Self { changes, rows: start..customers.len() });
            let count = customers.last().map_or(0, |newest| last.max(*newest) as usize + 1);
            ((runs.len() <= most).then_some(runs), count)
        };
        let found = on_every_core(changes.iter().collect(), of);
        let count = found.iter().map(|(_, count)| *count).max().unwrap_or(0);
        let runs: Option<Vec<_>> = found.into_iter().map(|(runs, _)| runs).collect();
        (runs.map(|runs| runs.concat()), count)
    }

    /// Its rows of the customers from this one on.
    fn from(&self, customer: usize) -> Self {
        let customers = &self.changes.customer[self.rows.clone()];
        let before = customers.partition_point(|other| (*other as usize) < customer);
        Self { changes: self.changes, rows: self.rows.start + before..self.rows.end }
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
        const MANY: usize = 1 << 16;
        let (runs, customers) = Run::all(changes);
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
        // Some a core: how long each takes depends on how its rows lie. Without runs each part looks
        // at all rows, so that more parts would be more work; few rows are not worth many threads.
        let a_core = if runs.is_some() && rows > MANY { 4 } else { 1 };
        let jobs = parts_of(customers, &offsets, a_core)
            .into_iter()
            .map(|part| (places.take(&offsets[part.start..=part.end]), part))
            .collect();
        let seen = on_every_core(jobs, |(mut places, part): (Places, _)| {
            places.fill((changes, runs.as_deref()), &part);
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
        for Changes { time, kind, amount, product, class, .. } in changes {
            times.push((time, kind));
            rest.push((amount, product, class));
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
    for part in parts_of(customers, &[], 1) {
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
struct Places<'a> {
    /// Of the part's customers, in all of the facts.
    offsets: &'a [u32],
    time: &'a mut [i64],
    amount: &'a mut [i64],
    product: &'a mut [Code],
    class: &'a mut [u8],
    kind: &'a mut [Code],
    offer: &'a mut [Code],
}

impl<'a> Places<'a> {
    fn of(facts: &'a mut BalanceFacts) -> Self {
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
    fn take(&mut self, offsets: &'a [u32]) -> Self {
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

    /// Sorts the rows of these customers into their places.
    fn fill(&mut self, (changes, runs): (&[Changes], Option<&[Run]>), customers: &Range<usize>) {
        /// Customers whose places stay at hand.
        const TOGETHER: usize = 2_048;
        let base = self.offsets[0];
        let next = self.offsets.iter().map(|offset| offset - base).collect();
        let mut pen = Pen { first: customers.start, next, places: Vec::new() };
        let Some(runs) = runs else {
            for changes in changes {
                self.pick(changes, customers, &mut pen);
            }
            return self.sort(customers, customers);
        };
        let mut runs: Vec<Run> = runs.iter().map(|run| run.from(customers.start)).collect();
        for first in customers.clone().step_by(TOGETHER) {
            let these = first..customers.end.min(first + TOGETHER);
            for run in &mut runs {
                self.advance(run, these.end, &mut pen);
            }
            self.sort(&these, customers);
        }
    }

    /// Writes the rows of these customers, among those of others.
    fn pick(&mut self, changes: &Changes, customers: &Range<usize>, pen: &mut Pen) {
        for (block, part) in changes.customer.chunks(Pen::AT_ONCE).enumerate() {
            for (row, customer) in (block * Pen::AT_ONCE..).zip(part) {
                if customers.contains(&(*customer as usize)) {
                    pen.put(row, *customer);
                }
            }
            self.write(changes, pen);
        }
    }

    /// Writes the next rows of a run, those of customers before `end`.
    fn advance(&mut self, run: &mut Run, end: usize, pen: &mut Pen) {
        for customer in &run.changes.customer[run.rows.clone()] {
            if *customer as usize >= end {
                break;
            }
            pen.put(run.rows.start, *customer);
            run.rows.start += 1;
            if pen.places.len() == Pen::AT_ONCE {
                self.write(run.changes, pen);
            }
        }
        self.write(run.changes, pen);
    }

    /// Copies the rows at hand, column by column.
    fn write(&mut self, from: &Changes, pen: &mut Pen) {
        scatter(&pen.places, &from.time, self.time);
        scatter(&pen.places, &from.amount, self.amount);
        scatter(&pen.places, &from.product, self.product);
        scatter(&pen.places, &from.class, self.class);
        scatter(&pen.places, &from.kind, self.kind);
        scatter(&pen.places, &from.offer, self.offer);
        pen.places.clear();
    }

    /// Puts each of these customers' rows into the order of time, and of their coming.
    fn sort(&mut self, these: &Range<usize>, customers: &Range<usize>) {
        let mut order = Order::default();
        let base = self.offsets[0];
        let from = these.start - customers.start;
        let bounds = &self.offsets[from..=from + these.len()];
        for rows in bounds.windows(2) {
            let rows = (rows[0] - base) as usize..(rows[1] - base) as usize;
            let times = &self.time[rows.clone()];
            if times.is_sorted() {
                continue;
            }
            order.rows.clear();
            order.rows.extend(times.iter().copied().zip(0..));
            order.rows.sort_unstable();
            let Order { rows: order, numbers, codes, classes } = &mut order;
            reorder(order, (self.time, &rows), numbers);
            reorder(order, (self.amount, &rows), numbers);
            reorder(order, (self.product, &rows), codes);
            reorder(order, (self.class, &rows), classes);
            reorder(order, (self.kind, &rows), codes);
            reorder(order, (self.offer, &rows), codes);
        }
    }
}

/// Where rows go, and those that are about to be copied.
struct Pen {
    /// The first customer, and each one's next place.
    first: usize,
    next: Vec<u32>,
    /// A row and its place.
    places: Vec<(usize, u32)>,
}

impl Pen {
    const AT_ONCE: usize = 8_192;

    fn put(&mut self, row: usize, customer: Code) {
        let place = &mut self.next[customer as usize - self.first];
        self.places.push((row, *place));
        *place += 1;
    }
}

/// The order of one customer's rows, and room for the columns in the old one.
#[derive(Debug, Default)]
struct Order {
    rows: Vec<(i64, u32)>,
    numbers: Vec<i64>,
    codes: Vec<Code>,
    classes: Vec<u8>,
}

/// Columns that were not read are empty.
fn scatter<T: Copy>(places: &[(usize, u32)], from: &[T], to: &mut [T]) {
    if from.is_empty() {
        return;
    }
    for (row, place) in places {
        to[*place as usize] = from[*row];
    }
}

fn reorder<T: Copy>(
    order: &[(i64, u32)],
    (column, rows): (&mut [T], &Range<usize>),
    old: &mut Vec<T>,
) {
    let Some(column) = column.get_mut(rows.clone()) else { return };
    old.clear();
    old.extend_from_slice(column);
    for (new, (_, row)) in column.iter_mut().zip(order) {
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
            let once = BalanceFacts::sorted(&[changes(&rows)]);
            let batches = [changes(&rows[..cut]), changes(&rows[cut..])];
            let in_two = BalanceFacts::sorted(&batches);
            let first = BalanceFacts::sorted(&batches[..1]);
            let added = first.with_added(&BalanceFacts::sorted(&batches[1..]));
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
    fn runs_of_ascending_customers_are_sorted_as_rows_in_any_order_are() {
        // Months in which every third customer moves once or twice, two files each, later rows of a
        // customer not always later in time.
        let month = |month: u32| {
            let customers =
                (0..30_000).filter(move |customer| (customer + month).is_multiple_of(3));
            customers.flat_map(move |customer| {
                let rows = 1 + (customer / 7 + month) % 2;
                let at = i64::from(month * 31 + customer * 17 % 29);
                (0..rows)
                    .map(move |row| (customer, at - i64::from(row * 5), i64::from(month + row)))
            })
        };
        let files: Vec<Vec<(Code, i64, i64)>> =
            [0..6, 6..12].map(|months| months.flat_map(month).collect()).into();
        let parts: Vec<Changes> = files.iter().map(|rows| changes(rows)).collect();
        assert_eq!(Run::all(&parts).0.unwrap().len(), 12);
        let mut expected = files.concat();
        expected.sort_by_key(|row| (row.0, row.1));
        assert_eq!(rows_of(&BalanceFacts::sorted(&parts)), expected);
        let (known, new) = (BalanceFacts::sorted(&parts[..1]), BalanceFacts::sorted(&parts[1..]));
        assert_eq!(rows_of(&known.with_added(&new)), expected);

        let mut turned: Vec<_> = files.concat();
        turned.reverse();
        let turned_parts = [changes(&turned)];
        assert!(Run::all(&turned_parts).0.is_none());
        turned.sort_by_key(|row| (row.0, row.1));
        assert_eq!(rows_of(&BalanceFacts::sorted(&turned_parts)), turned);
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
