//! Datasets as written: a table, its keys and times, its columns, dimensions and joins.

use super::read::{Located, Mapping, Name, OneOrMany, Read, Reader, Text};
use super::record::record;
use super::yaml::{Node, Value};
use crate::diagnostics::{Code, Diagnostic};

record! {
    /// One table of the warehouse.
    pub struct DatasetDef is "a dataset" {
        /// Its name, unique over datasets.
        name: Name,
        /// What one row is, for readers.
        description: Option<String>,
        /// Folder of Parquet files below the warehouse, or an absolute URL; the name unless set.
        table: Option<Text>,
        /// Hive folder whose value is the UTC month of the time (it prunes, nothing else).
        partition: Option<Text>,
        /// The column that says when a row happened.
        time: Option<Text>,
        /// The time is the first day of a month and a row is true at that month's end.
        month_end: bool,
        /// The column that `asOf` bounds; the time (else the start of validity) unless set.
        known_from: Option<Text>,
        /// The entity that the primary key identifies (customer). With no column but its key, the
        /// dataset needs no table.
        entity: Option<Name>,
        /// `primary` and one key per entity that rows belong to.
        keys: Mapping<OneOrMany<Text>>,
        /// From and to of the rows' validity, half-open; an empty end is open.
        valid: Option<PairDef>,
        /// The columns; without them, columns are taken as the files have them.
        columns: Option<Mapping<ColumnDef>>,
        /// What numbers can be grouped and filtered by.
        dimensions: Vec<DimensionDef>,
        /// Slowly changing tables: what else a row led to at its time, and what it was then.
        joins: Vec<JoinDef>,
    }
}

record! {
    /// A dimension: a column, an expression, the entity's key, or a roll-up of another one.
    pub struct DimensionDef is "a dimension" {
        /// Its name, unique over metrics and dimensions.
        name: Name,
        /// For people; the name in words unless set.
        label: Option<String>,
        /// What it says, for readers.
        description: Option<String>,
        /// A scalar SQL expression over the dataset's columns; the column of its name unless set.
        expr: Option<Text>,
        /// The type of its values; the column's, else text.
        data_type as "type": Option<ColumnTypeDef>,
        /// It is the key of the dataset's entity.
        key: bool,
        /// Another dimension's values, rolled up.
        roll_up: Option<RollUpDef>,
    }
}

record! {
    /// Another dimension's values rolled up; values not named become null.
    pub struct RollUpDef is "a roll-up" {
        /// The dimension that is rolled up, of the same dataset.
        of: Text,
        /// Its value → the value of this one.
        map: Mapping<Text>,
    }
}

record! {
    /// Rows of a bridge valid at this dataset's time lead to the bridge's other entities and to its own
    /// columns that are dimensions.
    pub struct JoinDef is "a join" {
        /// The bridge: a dataset that shares an entity with this one.
        to: Text,
        /// The column of this dataset at whose instant the bridge's rows must be valid.
        as_of: Text,
        /// From and to of the bridge's validity, where the bridge does not say it itself.
        valid: Option<PairDef>,
        /// The bridge's column that holds a row's share; equal shares unless set.
        weight: Option<Text>,
    }
}

/// `[from, to]`.
#[derive(Debug, Clone)]
pub struct PairDef {
    pub from: Text,
    pub to: Text,
}

impl Read for PairDef {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let items = Vec::<Text>::read(node, reader)?;
        if let [from, to] = items.as_slice() {
            return Some(Self { from: from.clone(), to: to.clone() });
        }
        reader.report(Code::WrongType, node.span, "expected two columns: [from, to]");
        None
    }

    fn schema() -> serde_json::Value {
        serde_json::json!({
            "type": "array", "items": Text::schema(), "minItems": 2, "maxItems": 2
        })
    }
}

/// A column as declared: its type alone, or in full.
#[derive(Debug, Clone)]
pub struct ColumnDef {
    pub data_type: Option<ColumnTypeDef>,
    pub full: Option<FullColumnDef>,
}

record! {
    /// A column in full.
    pub struct FullColumnDef is "a column" {
        /// text, int, decimal, decimal(18, 2), float, bool, date or timestamp.
        data_type as "type": Option<ColumnTypeDef>,
        /// Scale of a decimal.
        scale: Option<Located<u32>>,
        /// The column's name in the files; the same unless set.
        from: Option<Text>,
        /// Where the files lack it, it reads as null.
        optional: bool,
        /// The files hold integers in minor units: 2 means cents.
        minor_units: Option<Located<u32>>,
        /// The files' value → ours; values not named stay.
        values: Mapping<Text>,
        /// What it holds, for readers.
        description: Option<String>,
    }
}

impl Read for ColumnDef {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        if let Value::Map(_) = &node.value {
            let full = FullColumnDef::read(node, reader)?;
            return Some(Self { data_type: full.data_type.clone(), full: Some(full) });
        }
        Some(Self { data_type: Some(ColumnTypeDef::read(node, reader)?), full: None })
    }

    fn schema() -> serde_json::Value {
        serde_json::json!({ "anyOf": [ColumnTypeDef::schema(), FullColumnDef::schema()] })
    }
}

/// A type as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ColumnTypeDef {
    Text,
    Int,
    /// With its scale, where one is given.
    Decimal(Option<u8>),
    Float,
    Bool,
    Date,
    Timestamp,
}

impl ColumnTypeDef {
    const WORDS: [&str; 7] = ["text", "int", "decimal", "float", "bool", "date", "timestamp"];

    fn parse(text: &str) -> Option<Self> {
        let word = text.trim().to_lowercase();
        Some(match word.as_str() {
            "text" | "string" => Self::Text,
            "int" | "integer" => Self::Int,
            "decimal" => Self::Decimal(None),
            "float" | "double" => Self::Float,
            "bool" | "boolean" => Self::Bool,
            "date" => Self::Date,
            "timestamp" => Self::Timestamp,
            other => {
                let inner = other.strip_prefix("decimal(")?.strip_suffix(')')?;
                let (precision, scale) = inner.split_once(',')?;
                let precision: u8 = precision.trim().parse().ok()?;
                let scale: u8 = scale.trim().parse().ok()?;
                (precision <= 38 && scale <= precision).then_some(Self::Decimal(Some(scale)))?
            }
        })
    }
}

impl Read for ColumnTypeDef {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let text = Text::read(node, reader)?;
        let found = Self::parse(&text.value);
        if found.is_none() {
            let message = format!("`{}` is not a type", text.value);
            let problem = Diagnostic::new(Code::UnknownChoice, text.span, message);
            reader.out.push(problem.suggest(&text.value, Self::WORDS));
        }
        found
    }

    fn schema() -> serde_json::Value {
        let decimal = r"^decimal\(\d+, ?\d+\)$";
        serde_json::json!({ "anyOf": [{ "enum": Self::WORDS }, { "pattern": decimal }] })
    }
}
