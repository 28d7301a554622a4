//! Time from an origin to the n-th expansion, with those who have not expanded counted as censored.

use crate::definitions::read::{Located, Text};
use crate::definitions::record::{choice, record};

choice! {
    /// What the waiting starts with.
    pub enum OriginWord {
        Acquisition = "acquisition",
        Milestone = "milestone",
        PreviousExpansion = "previous_expansion",
    }
}

choice! {
    /// What is measured of the waiting.
    pub enum DurationWord {
        MedianDays = "median_days",
        QuantileDays = "quantile_days",
        ShareByDay = "share_by_day",
        ObservedMedianDays = "observed_median_days",
    }
}

record! {
    /// Days to an expansion.
    pub struct DurationDef is "a duration metric" {
        /// The balance whose expansions count; needed where there is more than one.
        balance: Option<Text>,
        /// acquisition (unless set), milestone or previous_expansion.
        origin: Option<OriginWord>,
        /// Where acquisitions are.
        acquisition: AcquisitionDef,
        /// Where milestones are.
        milestones: Option<MilestonesDef>,
        /// Which milestone the waiting starts with.
        milestone: Option<Text>,
        /// Which expansion ends it; the first unless set.
        nth: Option<Located<u32>>,
        /// Only expansions of these types.
        types: Option<Vec<Text>>,
        /// Churn is a competing risk instead of a censoring.
        competing: bool,
        /// What is measured.
        measure: DurationWord,
        /// The quantile in percent, for quantile_days.
        quantile: Option<Located<u32>>,
        /// The day, for share_by_day.
        day: Option<Located<u32>>,
        /// Only what this condition over the metric's dimensions lets through.
        filter: Option<Text>,
    }
}

record! {
    /// Where acquisitions are.
    pub struct AcquisitionDef is "`acquisition`" {
        /// The dataset of customers.
        dataset: Text,
        /// The customer's column; the dataset's key of customer unless set.
        customer: Option<Text>,
        /// The column of the day of acquisition.
        date: Text,
    }
}

record! {
    /// Where milestones are.
    pub struct MilestonesDef is "`milestones`" {
        /// The dataset of milestones.
        dataset: Text,
        /// The customer's column; the dataset's key of customer unless set.
        customer: Option<Text>,
        /// The column of the milestone's name.
        milestone: Text,
        /// When it was reached; the dataset's time unless set.
        time: Option<Text>,
    }
}
