//! Dimensions: what numbers can be grouped and filtered by.

use std::collections::BTreeMap;

use super::{DatasetName, DimensionName, EntityName, ScalarExpr, SourcePos};

#[derive(Debug, Clone)]
pub struct Dimension {
    pub name: DimensionName,
    pub label: String,
    pub description: String,
    pub data_type: DimensionType,
    /// The dataset whose rows carry it.
    pub dataset: DatasetName,
    /// The entity it describes (customer); none: the dataset's own rows (`expansion_type`).
    pub entity: Option<EntityName>,
    pub value: DimensionValue,
    /// Its past values are known, so that breakdowns use the value at the window's start.
    pub history: bool,
    pub source: SourcePos,
}

#[derive(Debug, Clone)]
pub enum DimensionValue {
    /// The entity's key itself: known for every row that has the key, with or without the
    /// entity's own table.
    Key,
    /// A scalar expression over the dataset's columns.
    Expr(ScalarExpr),
    /// Another dimension's values rolled up (expansion type → family); values not named → null.
    RollUp { of: DimensionName, map: BTreeMap<String, String> },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DimensionType {
    Text,
    Int,
    Decimal,
    Float,
    Bool,
    Date,
    Timestamp,
}

impl DimensionType {
    /// The name clients see in the catalogue and in columns.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "string",
            Self::Int => "int",
            Self::Decimal => "decimal",
            Self::Float => "float",
            Self::Bool => "boolean",
            Self::Date => "date",
            Self::Timestamp => "timestamp",
        }
    }

    /// Whether lt, lte, gt and gte are offered.
    #[must_use]
    pub fn is_ordered(self) -> bool {
        !matches!(self, Self::Text | Self::Bool)
    }
}
