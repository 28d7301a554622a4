//! Datasets: tables of the warehouse with declared columns, keys and joins.

use std::collections::BTreeMap;

use indexmap::IndexMap;

use super::{ColumnName, DatasetName, EntityName, SourcePos};

/// One table of the warehouse.
#[derive(Debug, Clone)]
pub struct Dataset {
    pub name: DatasetName,
    pub description: String,
    /// Folder of Parquet files below the warehouse (or an absolute URL).
    pub table: String,
    /// Every column that keys, times, dimensions or metrics use, in declaration order.
    pub columns: IndexMap<ColumnName, Column>,
    /// The column that says when a row happened; none for tables without a time.
    pub time: Option<ColumnName>,
    /// Periodic snapshots: `time` is the first day of a month and a row is true at its end.
    pub month_end: bool,
    pub primary_key: Vec<ColumnName>,
    /// The entity that the primary key identifies (customers → customer).
    pub entity: Option<EntityName>,
    /// Columns that identify entities, the own one included.
    pub keys: IndexMap<EntityName, ColumnName>,
    /// Rows are true from/to: the validity of assignments and intervals, `[from, to)`.
    pub valid: Option<Validity>,
    /// Hive folder (`occurred_month`) whose value is the UTC month of `time`.
    pub partition: Option<String>,
    /// Slowly changing bridges to other entities (owners of a customer).
    pub as_of_joins: Vec<AsOfJoin>,
    /// `asOf` bounds rows by this column (None: rows always exist).
    pub known_from: Option<ColumnName>,
    pub source: SourcePos,
}

impl Dataset {
    /// The entity that a key column identifies.
    #[must_use]
    pub fn entity_of(&self, column: &ColumnName) -> Option<&EntityName> {
        self.keys.iter().find(|(_, key)| *key == column).map(|(entity, _)| entity)
    }

    /// Entities that the as-of joins lead to, each with its join: the bridges' other keys that the
    /// rows do not have themselves.
    pub fn bridged<'a>(
        &'a self,
        datasets: &'a IndexMap<DatasetName, Self>,
    ) -> impl Iterator<Item = (&'a EntityName, &'a AsOfJoin)> {
        let bridge = |join: &'a AsOfJoin| Some((datasets.get(&join.bridge)?, join));
        self.as_of_joins.iter().filter_map(bridge).flat_map(move |(bridge, join)| {
            let others = bridge.keys.keys().filter(|entity| !self.keys.contains_key(*entity));
            others.map(move |entity| (entity, join))
        })
    }

    /// The as-of join that leads to an entity.
    #[must_use]
    pub fn as_of_join_to<'a>(
        &'a self,
        datasets: &'a IndexMap<DatasetName, Self>,
        entity: &EntityName,
    ) -> Option<&'a AsOfJoin> {
        self.bridged(datasets).find(|(found, _)| *found == entity).map(|(_, join)| join)
    }
}

/// `[from, to)`, an open end where `to` is null.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Validity {
    pub from: ColumnName,
    pub to: ColumnName,
}

/// Rows of `bridge` valid at this dataset's `at` column lead to the bridge's other entities, each
/// with a weight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AsOfJoin {
    pub bridge: DatasetName,
    /// The shared entity (customer).
    pub on: EntityName,
    pub at: ColumnName,
    /// The column of the bridge that holds a row's share; none = equal shares.
    pub weight: Option<ColumnName>,
}

/// A column as declared, and where the files keep it.
#[derive(Debug, Clone)]
pub struct Column {
    pub name: ColumnName,
    /// The column's name in the files.
    pub in_files: String,
    pub data_type: ColumnType,
    /// A missing column reads as null instead of making the table unavailable.
    pub optional: bool,
    /// Integers hold money in minor units: 2 means cents.
    pub minor_units: Option<u8>,
    /// The files' values → ours (upgrade → expansion). Values not named stay as they are.
    pub values: BTreeMap<String, String>,
    pub description: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnType {
    Text,
    Int,
    /// Decimal with at least this scale; files with a wider one keep theirs.
    Decimal {
        scale: u8,
    },
    Float,
    Bool,
    Date,
    Timestamp,
    /// As the files have it (columns of own datasets that nobody declared).
    AsFound,
}
