//! Of the base events of a period, the share followed by a conversion.

use crate::definitions::read::{Located, Text};
use crate::definitions::record::record;

record! {
    /// Base events followed by a conversion of the same entity.
    pub struct ConversionDef is "a conversion metric" {
        /// The events that may be followed.
        base: EventsDef,
        /// The events that follow.
        conversion: EventsDef,
        /// The entity that both are about (customer).
        entity: Text,
        /// Calendar days within which the conversion counts.
        within_days: Located<u32>,
    }
}

record! {
    /// Events: rows of a dataset.
    pub struct EventsDef is "events" {
        /// The dataset whose rows are the events.
        dataset: Text,
        /// Only rows where this scalar SQL expression is true.
        filter: Option<Text>,
        /// The column that says when; the dataset's time unless set.
        time: Option<Text>,
    }
}
