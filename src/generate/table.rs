//! The tables that are written: names, folders and files, columns and sort orders.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

use super::timeline::Month;

/// Digits of every decimal column.
pub(super) const PRECISION: u8 = 18;

/// A canonical table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Table {
    Customers,
    Products,
    MrrMovements,
    SubscriptionMonths,
    Subscriptions,
    Csms,
    CsmAssignments,
    OrderLines,
    Offers,
    Milestones,
    UsageMonths,
    HealthMonths,
    AcquisitionSpend,
}

impl Table {
    pub(super) const ALL: [Self; 13] = [
        Self::Customers,
        Self::Products,
        Self::MrrMovements,
        Self::SubscriptionMonths,
        Self::Subscriptions,
        Self::Csms,
        Self::CsmAssignments,
        Self::OrderLines,
        Self::Offers,
        Self::Milestones,
        Self::UsageMonths,
        Self::HealthMonths,
        Self::AcquisitionSpend,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Customers => "customers",
            Self::Products => "products",
            Self::MrrMovements => "mrr_movements",
            Self::SubscriptionMonths => "subscription_months",
            Self::Subscriptions => "subscriptions",
            Self::Csms => "csms",
            Self::CsmAssignments => "csm_assignments",
            Self::OrderLines => "order_lines",
            Self::Offers => "offers",
            Self::Milestones => "milestones",
            Self::UsageMonths => "usage_months",
            Self::HealthMonths => "health_months",
            Self::AcquisitionSpend => "acquisition_spend",
        }
    }

    /// Tables with a file for every month; the others have one file.
    pub(super) fn is_monthly(self) -> bool {
        !matches!(self, Self::Products | Self::Csms)
    }

    /// The file of a month, below the warehouse. A month's file holds what began in that month, so
    /// that later months never change it.
    pub(super) fn file(self, month: Month) -> String {
        let (name, label) = (self.name(), month.label());
        match self {
            Self::MrrMovements => format!("{name}/occurred_month={label}/part-0.parquet"),
            Self::SubscriptionMonths => format!("{name}/month={label}/part-0.parquet"),
            Self::OrderLines => format!("{name}/ordered_month={label}/part-0.parquet"),
            Self::Products | Self::Csms => format!("{name}/part-0.parquet"),
            _ => format!("{name}/part-{label}.parquet"),
        }
    }

    /// Columns that the rows of every file are sorted by. Rows of a customer lie together: a
    /// question about one customer reads a page per column, and whoever adds up a customer's
    /// movements in time finds them in order. Time itself is pruned by the file.
    pub(super) fn sorted_by(self) -> &'static [&'static str] {
        match self {
            Self::Products => &["product_id"],
            Self::Csms => &["csm_id"],
            Self::MrrMovements => &["customer_id", "occurred_at"],
            Self::SubscriptionMonths => &["customer_id", "product_id"],
            Self::Subscriptions | Self::CsmAssignments => &["customer_id", "valid_from"],
            Self::OrderLines => &["customer_id", "ordered_at"],
            Self::AcquisitionSpend => &["channel"],
            _ => &["customer_id"],
        }
    }

    pub(super) fn schema(self) -> SchemaRef {
        Arc::new(Schema::new(self.fields()))
    }

    fn fields(self) -> Vec<Field> {
        match self {
            Self::Customers => vec![
                text("customer_id"),
                text("name"),
                text("segment").with_nullable(true),
                text("industry").with_nullable(true),
                text("region"),
                text("country"),
                date("acquired_on"),
                text("acquisition_channel"),
                money("acquisition_cost"),
            ],
            Self::Products => {
                vec![text("product_id"), text("name"), text("family"), text("kind"), int("tier")]
            }
            Self::MrrMovements => vec![
                text("movement_id"),
                text("customer_id"),
                text("product_id"),
                instant("occurred_at"),
                text("movement"),
                text("expansion_type").with_nullable(true),
                money("amount"),
                text("offer_id").with_nullable(true),
            ],
            Self::SubscriptionMonths => vec![
                date("month"),
                text("customer_id"),
                text("product_id"),
                money("mrr"),
                int("seats"),
            ],
            Self::Subscriptions => vec![
                text("subscription_id"),
                text("customer_id"),
                text("product_id"),
                money("mrr"),
                instant("valid_from"),
                instant("valid_to").with_nullable(true),
            ],
            Self::OrderLines => vec![
                text("order_id"),
                text("customer_id"),
                instant("ordered_at"),
                text("product_id"),
                int("quantity"),
                money("amount"),
            ],
            other => other.fields_of_people_and_signals(),
        }
    }

    fn fields_of_people_and_signals(self) -> Vec<Field> {
        match self {
            Self::Csms => vec![text("csm_id"), text("name"), text("team")],
            Self::CsmAssignments => vec![
                text("customer_id"),
                text("csm_id"),
                decimal("share", 6).with_nullable(true),
                instant("valid_from"),
                instant("valid_to").with_nullable(true),
            ],
            Self::Offers => vec![
                text("offer_id"),
                text("customer_id"),
                text("product_id"),
                text("csm_id").with_nullable(true),
                text("offer_type"),
                text("playbook"),
                text("trigger"),
                text("channel"),
                instant("presented_at"),
                instant("responded_at").with_nullable(true),
                text("outcome"),
                money("amount"),
                money("cost"),
            ],
            Self::Milestones => vec![text("customer_id"), text("milestone"), instant("reached_at")],
            Self::UsageMonths => vec![
                date("month"),
                text("customer_id"),
                text("product_id"),
                int("seats_used").with_nullable(true),
                int("seats_limit").with_nullable(true),
                decimal("quantity", 4).with_nullable(true),
                decimal("quantity_limit", 4).with_nullable(true),
            ],
            Self::HealthMonths => vec![
                date("month"),
                text("customer_id"),
                decimal("health_score", 4),
                int("nps").with_nullable(true),
                decimal("csat", 4).with_nullable(true),
            ],
            Self::AcquisitionSpend => {
                vec![
                    date("month"),
                    text("channel"),
                    text("segment").with_nullable(true),
                    money("amount"),
                ]
            }
            _ => Vec::new(),
        }
    }
}

fn text(name: &str) -> Field {
    Field::new(name, DataType::Utf8, false)
}

fn int(name: &str) -> Field {
    Field::new(name, DataType::Int64, false)
}

fn date(name: &str) -> Field {
    Field::new(name, DataType::Date32, false)
}

fn instant(name: &str) -> Field {
    let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    Field::new(name, utc, false)
}

fn money(name: &str) -> Field {
    decimal(name, 2)
}

fn decimal(name: &str, scale: i8) -> Field {
    Field::new(name, DataType::Decimal128(PRECISION, scale), false)
}
