//! Balances: recurring revenue of customers and products over time, in up to three shapes.

use indexmap::IndexMap;

use super::{AsOfJoin, BalanceName, ColumnName, Dataset, DatasetName, EntityName, SourcePos};

/// Recurring revenue `B(customer, product, t)`. The first shape whose table is there is used
/// (ledger, intervals, snapshots, in this order unless the definition orders them otherwise).
#[derive(Debug, Clone)]
pub struct Balance {
    pub name: BalanceName,
    pub description: String,
    pub shapes: Vec<BalanceShape>,
    pub source: SourcePos,
}

impl Balance {
    /// What the balance's customers were or whose at a time, and the as-of joins that lead there:
    /// those of the first of its tables that has any. They are about the customer, so one table's
    /// ways serve them all.
    #[must_use]
    pub fn owners<'a>(
        &self,
        datasets: &'a IndexMap<DatasetName, Dataset>,
    ) -> Vec<(&'a EntityName, &'a AsOfJoin)> {
        let of_shape = |shape: &BalanceShape| {
            let dataset = datasets.get(shape.dataset())?;
            let customer = dataset.entity_of(shape.customer())?;
            let led = dataset.bridged(datasets).filter(|(_, join)| join.on == *customer);
            Some(led.collect::<Vec<_>>()).filter(|led| !led.is_empty())
        };
        self.shapes.iter().find_map(of_shape).unwrap_or_default()
    }
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

    #[must_use]
    pub fn customer(&self) -> &ColumnName {
        match self {
            Self::Ledger(shape) => &shape.customer,
            Self::Intervals(shape) => &shape.customer,
            Self::Snapshots(shape) => &shape.customer,
        }
    }

    #[must_use]
    pub fn product(&self) -> Option<&ColumnName> {
        match self {
            Self::Ledger(shape) => shape.product.as_ref(),
            Self::Intervals(shape) => shape.product.as_ref(),
            Self::Snapshots(shape) => shape.product.as_ref(),
        }
    }

    /// The column whose values are the kinds of movements.
    #[must_use]
    pub fn kind(&self) -> Option<&ColumnName> {
        match self {
            Self::Ledger(shape) => shape.expansion_type.as_ref(),
            Self::Intervals(_) | Self::Snapshots(_) => None,
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
