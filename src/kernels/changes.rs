//! Changes of balances as they were read, in columns.

use super::Code;

/// Changes as they were read; every row counts. Columns that were not read are empty.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    pub customer: Vec<Code>,
    pub time: Vec<i64>,
    pub amount: Vec<i64>,
    pub product: Vec<Code>,
    /// Index into `MovementClass::ALL`, or [`super::BalanceFacts::UNMAPPED`].
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

    /// Makes room for so many rows of the columns that others have.
    pub fn make_room(&mut self, rows: usize, like: &Self) {
        fn make<T>(column: &mut Vec<T>, rows: usize, like: &[T]) {
            column.reserve_exact(if like.is_empty() { 0 } else { rows });
        }
        make(&mut self.customer, rows, &like.customer);
        make(&mut self.time, rows, &like.time);
        make(&mut self.amount, rows, &like.amount);
        make(&mut self.product, rows, &like.product);
        make(&mut self.class, rows, &like.class);
        make(&mut self.kind, rows, &like.kind);
        make(&mut self.offer, rows, &like.offer);
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
