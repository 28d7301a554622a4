//! Retention of a cohort over a window.

use crate::definitions::read::Text;
use crate::definitions::record::{choice, record};

choice! {
    /// What is measured of the cohort.
    pub enum RetentionWord {
        Nrr = "nrr",
        Grr = "grr",
        LogoRetention = "logo_retention",
        LogoChurnRate = "logo_churn_rate",
        GrossChurnRate = "gross_churn_rate",
        ExpansionRate = "expansion_rate",
    }
}

choice! {
    /// From when the cohort is taken.
    pub enum WindowWord {
        Period = "period",
        Trailing3 = "trailing_3_months",
        Trailing6 = "trailing_6_months",
        Trailing12 = "trailing_12_months",
    }
}

choice! {
    /// How the change is split.
    pub enum MethodWord {
        Ledger = "ledger",
        Endpoint = "endpoint",
    }
}

choice! {
    /// What is retained or lost.
    pub enum UnitWord {
        Customer = "customer",
        CustomerProduct = "customer_product",
    }
}

record! {
    /// Retention over a window.
    pub struct RetentionDef is "a retention metric" {
        /// The balance; needed where there is more than one.
        balance: Option<Text>,
        /// Which rate.
        measure: RetentionWord,
        /// The row's own period, or trailing months before its end (12 unless set).
        window: Option<WindowWord>,
        /// ledger or endpoint; ledger where one is recorded unless set.
        method: Option<MethodWord>,
        /// customer (unless set) or customer_product.
        retention_unit: Option<UnitWord>,
    }
}
