//! Balances: recurring revenue of customers and products over time, in up to three shapes.

use super::{BalanceName, ColumnName, DatasetName, SourcePos};

/// Recurring revenue `B(customer, product, t)`. The first shape whose table is there is used
/// (ledger, intervals, snapshots, in this order unless the definition orders them otherwise).
#[derive(Debug, Clone)]
pub struct Balance {
    pub name: BalanceName,
    pub description: String,
    pub shapes: Vec<BalanceShape>,
    pub source: SourcePos,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BalanceShape {
    Ledger(Ledger),
    Intervals(Intervals),
    Snapshots(Snapshots),
}

impl BalanceShape {
    #[must_use]
    pub fn dataset(&self) -> &DatasetName {
        match self {
            Self::Ledger(shape) => &shape.dataset,
            Self::Intervals(shape) => &shape.dataset,
            Self::Snapshots(shape) => &shape.dataset,
        }
    }
}

/// Signed movements; the balance is their sum before t.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ledger {
    pub dataset: DatasetName,
    pub time: ColumnName,
    pub customer: ColumnName,
    pub product: Option<ColumnName>,
    pub amount: ColumnName,
    /// The column of [`MovementClass`] names.
    pub class: ColumnName,
    pub expansion_type: Option<ColumnName>,
    pub offer: Option<ColumnName>,
}

/// `[from, to)` with a monthly amount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intervals {
    pub dataset: DatasetName,
    pub customer: ColumnName,
    pub product: Option<ColumnName>,
    pub amount: ColumnName,
    pub from: ColumnName,
    pub to: ColumnName,
}

/// The balance at each month's end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshots {
    pub dataset: DatasetName,
    /// First day of the month.
    pub month: ColumnName,
    pub customer: ColumnName,
    pub product: Option<ColumnName>,
    pub amount: ColumnName,
}

/// The five classes of a movement of recurring revenue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MovementClass {
    New,
    Expansion,
    Contraction,
    Churn,
    Reactivation,
}

impl MovementClass {
    pub const ALL: [Self; 5] =
        [Self::New, Self::Expansion, Self::Contraction, Self::Churn, Self::Reactivation];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Expansion => "expansion",
            Self::Contraction => "contraction",
            Self::Churn => "churn",
            Self::Reactivation => "reactivation",
        }
    }

    /// The class of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.as_str() == name)
    }

    /// Whether recorded amounts of the class are expected to be negative.
    #[must_use]
    pub fn is_loss(self) -> bool {
        matches!(self, Self::Contraction | Self::Churn)
    }
}
