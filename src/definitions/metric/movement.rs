//! Recorded movements of recurring revenue.

use crate::definitions::read::{NonEmpty, Text};
use crate::definitions::record::{choice, record};

choice! {
    /// The five classes of movements.
    pub enum ClassWord {
        New = "new",
        Expansion = "expansion",
        Contraction = "contraction",
        Churn = "churn",
        Reactivation = "reactivation",
    }
}

choice! {
    /// What is measured of movements.
    pub enum MovementWord {
        Amount = "amount",
        Events = "events",
        Customers = "customers",
    }
}

record! {
    /// Movements in the period.
    pub struct MovementDef is "a movement metric" {
        /// The balance; needed where there is more than one.
        balance: Option<Text>,
        /// The classes that count.
        classes: NonEmpty<ClassWord>,
        /// amount (losses positive), events, or distinct customers.
        measure: MovementWord,
        /// Only what this condition over the metric's dimensions lets through.
        filter: Option<Text>,
    }
}
