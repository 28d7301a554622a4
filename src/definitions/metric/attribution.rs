//! Expansion credited to the customers' owners.

use crate::definitions::read::Text;
use crate::definitions::record::{choice, record};

choice! {
    /// Whose expansion it is.
    pub enum RuleWord {
        OwnerAtEvent = "owner_at_event",
        CurrentOwner = "current_owner",
        OwnerAtPeriodStart = "owner_at_period_start",
        OfferOwner = "offer_owner",
    }
}

record! {
    /// Expansion credited to owners.
    pub struct AttributionDef is "an attribution metric" {
        /// The balance whose expansions are credited; needed where there is more than one.
        balance: Option<Text>,
        /// Who owned a customer when.
        owners: OwnersDef,
        /// Who presented an offer, for offer_owner.
        offers: Option<OffersDef>,
        /// owner_at_event unless set.
        rule: Option<RuleWord>,
        /// Only what this condition over the metric's dimensions lets through.
        filter: Option<Text>,
    }
}

record! {
    /// Who owned a customer when; the dataset says from when to when its rows are valid.
    pub struct OwnersDef is "`owners`" {
        /// The dataset of assignments.
        dataset: Text,
        /// The customer's column; the dataset's key of customer unless set.
        customer: Option<Text>,
        /// The owner's column.
        owner: Text,
        /// The column of the owner's share.
        share: Option<Text>,
        /// The dimension of the owner's key.
        id_dimension: Text,
        /// The dimension of the owner's name.
        name_dimension: Option<Text>,
    }
}

record! {
    /// Who presented an offer, and whether it was accepted.
    pub struct OffersDef is "`offers`" {
        /// The dataset of offers.
        dataset: Text,
        /// The offer's column.
        offer: Text,
        /// The column of who presented it.
        presenter: Text,
        /// When it was presented.
        presented_at: Text,
        /// When it was answered.
        responded_at: Text,
        /// What the answer was.
        outcome: Text,
        /// The outcome that means accepted.
        accepted: Text,
    }
}
