//! `upswell.yml`: the warehouse, the calendar, and the company's own names for what ships.

use super::read::{Located, Mapping, NonEmpty, Read, Reader, Text};
use super::record::record;
use super::yaml::{Node, Value};
use crate::diagnostics::Span;

record! {
    /// A project: `upswell.yml`.
    pub struct ProjectDef is "`upswell.yml`" {
        /// Version of the definition language: 1.
        version: Located<u32>,
        /// What the project is called.
        name: Option<Text>,
        /// Where the tables are: a path (relative to the project) or a URL (s3://, gs://, az://).
        warehouse: Text,
        /// IANA name of the reporting time zone; UTC unless set.
        time_zone: Option<Text>,
        /// First month of the fiscal year: a name or a number from 1 to 12.
        fiscal_year_starts: Option<Text>,
        /// ISO code of the one currency of the warehouse.
        currency: Option<Text>,
        /// false leaves out the definitions that ship.
        canonical_definitions: Option<bool>,
        /// Own tables, columns and values for the tables that ship.
        canonical: Mapping<MappingDef>,
        /// Own tiles on the dashboard's board, in order.
        tiles: Vec<TileDef>,
        /// Sums to keep by dimensions of customers, from which questions about some of them are
        /// answered.
        pre_aggregates: Vec<PreAggregateDef>,
        /// Settings of the server; flags and UPSWELL_* variables go before them.
        settings: Mapping<Text>,
    }
}

record! {
    /// A metric on the board, alone or by dimensions.
    pub struct TileDef is "a tile" {
        /// The metric that is shown.
        metric: Text,
        /// The tile's title; the metric's label unless set.
        label: Option<String>,
        /// Dimensions to show it by; over time unless set.
        group_by: Vec<Text>,
    }
}

record! {
    /// What is summed up once and kept.
    pub struct PreAggregateDef is "a pre-aggregate" {
        /// Metrics whose questions are answered from it.
        metrics: NonEmpty<Text>,
        /// Attributes of customers that such a question may group and filter by.
        dimensions: NonEmpty<Text>,
    }
}

record! {
    /// How one canonical table is found in the company's warehouse.
    pub struct MappingDef is "a table's mapping" {
        /// Folder of Parquet files below the warehouse, or an absolute URL.
        table: Option<Text>,
        /// Hive folder that holds the UTC month of the time; `none` where there is none.
        partition: Option<Text>,
        /// Canonical column → the files' column.
        columns: Mapping<MappedColumn>,
        /// Canonical column → the files' value → the canonical value.
        values: Mapping<Mapping<Text>>,
    }
}

/// The files' name of a column, with what is special about it there.
#[derive(Debug, Clone)]
pub struct MappedColumn {
    pub span: Span,
    pub from: Text,
    pub minor_units: Option<Located<u32>>,
}

record! {
    /// A mapped column in full.
    pub struct MappedColumnDef is "a mapped column" {
        /// The column's name in the files.
        from: Text,
        /// The files hold integers in minor units: 2 means cents.
        minor_units: Option<Located<u32>>,
    }
}

impl Read for MappedColumn {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        if let Value::Map(_) = &node.value {
            let MappedColumnDef { span, from, minor_units } = MappedColumnDef::read(node, reader)?;
            return Some(Self { span, from, minor_units });
        }
        Some(Self { span: node.span, from: Text::read(node, reader)?, minor_units: None })
    }

    fn schema() -> serde_json::Value {
        serde_json::json!({ "anyOf": [Text::schema(), MappedColumnDef::schema()] })
    }
}
