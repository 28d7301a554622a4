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

choice! {
    /// Whether revenue that came back counts.
    pub enum ReactivationWord {
        Excluded = "excluded",
        Counted = "counted",
    }
}

choice! {
    /// Steps of a chained rate.
    pub enum ChainWord {
        Month = "month",
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
        /// The metric of which this is a named variant: the same measure under another rule, asked beside it.
        variant_of: Option<Text>,
        /// counted: revenue of customers who were inactive at the start and came back is in the numerator of nrr.
        reactivation: Option<ReactivationWord>,
        /// Expansions of these types are left out of what the cohort pays at the end.
        exclude_types: Vec<Text>,
        /// Expansions whose type rolls up to these families are left out.
        exclude_families: Vec<Text>,
        /// month: the product of the rates of the window's months.
        chain: Option<ChainWord>,
        /// Only what this condition over the metric's dimensions lets through.
        filter: Option<Text>,
    }
}
