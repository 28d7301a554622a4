//! What became of the customers acquired in a period.

use super::AcquisitionDef;
use crate::definitions::read::Text;
use crate::definitions::record::{choice, record};

choice! {
    /// What is measured of an acquisition cohort.
    pub enum CohortWord {
        MrrRetention = "mrr_retention",
        LogoRetention = "logo_retention",
    }
}

record! {
    /// Acquisition cohorts by age.
    pub struct CohortDef is "a cohort metric" {
        /// The balance; needed where there is more than one.
        balance: Option<Text>,
        /// Where acquisitions are.
        acquisition: AcquisitionDef,
        /// What is measured in a flat table: mrr_retention or logo_retention, to date.
        measure: CohortWord,
        /// Only what this condition over the metric's dimensions lets through.
        filter: Option<Text>,
    }
}
