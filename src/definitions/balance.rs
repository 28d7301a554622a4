//! Balances as written: recurring revenue in up to three shapes.

use super::read::{Name, NonEmpty, Text};
use super::record::record;

record! {
    /// Recurring revenue, in up to three shapes that agree.
    pub struct BalanceDef is "a balance" {
        /// Its name, unique over balances.
        name: Name,
        /// What it is, for readers.
        description: Option<String>,
        /// The shapes; the first whose table is there is used.
        shapes: NonEmpty<ShapeDef>,
    }
}

record! {
    /// One shape: exactly one of the three keys.
    pub struct ShapeDef is "a shape" {
        /// Signed movements; the balance is their sum.
        ledger: Option<LedgerDef>,
        /// Amounts valid from and to.
        intervals: Option<IntervalsDef>,
        /// The balance at each month's end.
        snapshots: Option<SnapshotsDef>,
    }
}

record! {
    /// A ledger of signed movements.
    pub struct LedgerDef is "a ledger" {
        /// The dataset that holds it.
        dataset: Text,
        /// When a movement happened; the dataset's time unless set.
        time: Option<Text>,
        /// The customer's column; the dataset's key of customer unless set.
        customer: Option<Text>,
        /// The product's column; the dataset's key of product, if it has one, unless set.
        product: Option<Text>,
        /// The signed amount.
        amount: Text,
        /// new, expansion, contraction, churn or reactivation.
        class: Text,
        /// The column of expansion types.
        expansion_type: Option<Text>,
        /// The column of the offer that led to the movement.
        offer: Option<Text>,
    }
}

record! {
    /// Amounts valid from and to.
    pub struct IntervalsDef is "intervals" {
        /// The dataset that holds them; it says from when to when rows are valid.
        dataset: Text,
        /// The customer's column; the dataset's key of customer unless set.
        customer: Option<Text>,
        /// The product's column; the dataset's key of product, if it has one, unless set.
        product: Option<Text>,
        /// The monthly amount.
        amount: Text,
    }
}

record! {
    /// The balance at each month's end.
    pub struct SnapshotsDef is "snapshots" {
        /// The dataset that holds them; its time is the first day of the month.
        dataset: Text,
        /// The customer's column; the dataset's key of customer unless set.
        customer: Option<Text>,
        /// The product's column; the dataset's key of product, if it has one, unless set.
        product: Option<Text>,
        /// The amount at the month's end.
        amount: Text,
    }
}
