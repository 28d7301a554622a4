//! Attach rates: of those who hold a base, the share that hold the attached thing too.

use crate::definitions::read::{Located, Text};
use crate::definitions::record::{choice, record};

choice! {
    /// What is counted.
    pub enum BasisWord {
        Order = "order",
        Customer = "customer",
        WithinDays = "within_days",
    }
}

record! {
    /// Attach rate of products.
    pub struct AttachDef is "an attach metric" {
        /// The balance of the customer basis; needed where there is more than one.
        balance: Option<Text>,
        /// Where order lines are.
        orders: OrdersDef,
        /// The dataset of products.
        products: Text,
        /// Which products are the base: a condition over the columns of the products.
        base: Text,
        /// Which products are attached: a condition over the columns of the products.
        attached: Text,
        /// A line that is both counts as both.
        both_count: bool,
        /// order (unless set), customer or within_days.
        basis: Option<BasisWord>,
        /// Calendar days of the within_days basis; 90 unless set.
        within_days: Option<Located<u32>>,
        /// Only what this condition over the metric's dimensions lets through.
        filter: Option<Text>,
    }
}

record! {
    /// Order lines.
    pub struct OrdersDef is "`orders`" {
        /// The dataset of order lines.
        dataset: Text,
        /// The order's column.
        order: Text,
        /// The customer's column; the dataset's key of customer unless set.
        customer: Option<Text>,
        /// The product's column; the dataset's key of product unless set.
        product: Option<Text>,
        /// When it was ordered; the dataset's time unless set.
        time: Option<Text>,
    }
}
