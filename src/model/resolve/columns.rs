//! Columns of datasets: declared ones are checked, those of open datasets are taken as used.

use std::collections::BTreeMap;

use super::Resolver;
use crate::definitions::{ColumnDef, ColumnTypeDef, Located, MappingDef, Text};
use crate::diagnostics::{Code, Diagnostic};
use crate::model::{Column, ColumnName, ColumnType, Dataset, DatasetName};

/// Scale of decimals where none is given: money.
const MONEY_SCALE: u8 = 2;

pub(super) fn column_type(def: &ColumnTypeDef) -> ColumnType {
    match def {
        ColumnTypeDef::Text => ColumnType::Text,
        ColumnTypeDef::Int => ColumnType::Int,
        ColumnTypeDef::Decimal(scale) => {
            ColumnType::Decimal { scale: scale.unwrap_or(MONEY_SCALE) }
        }
        ColumnTypeDef::Float => ColumnType::Float,
        ColumnTypeDef::Bool => ColumnType::Bool,
        ColumnTypeDef::Date => ColumnType::Date,
        ColumnTypeDef::Timestamp => ColumnType::Timestamp,
    }
}

fn plain(name: &str, data_type: ColumnType) -> Column {
    Column {
        name: ColumnName::new(name),
        in_files: name.to_owned(),
        data_type,
        optional: false,
        minor_units: None,
        values: BTreeMap::new(),
        description: String::new(),
    }
}

impl Resolver<'_> {
    pub(super) fn declared_column(&mut self, name: &Text, def: &ColumnDef) -> Column {
        let data_type = def.data_type.as_ref().map_or(ColumnType::AsFound, column_type);
        let mut column = plain(&name.value, data_type);
        let Some(full) = &def.full else { return column };
        if let Some(scale) = &full.scale {
            match (column.data_type, u8::try_from(scale.value)) {
                (ColumnType::Decimal { .. }, Ok(scale)) if scale <= 38 => {
                    column.data_type = ColumnType::Decimal { scale };
                }
                _ => self.report(
                    Code::InvalidValue,
                    scale.span,
                    "a scale from 0 to 38 belongs to a decimal",
                ),
            }
        }
        if let Some(from) = &full.from {
            column.in_files.clone_from(&from.value);
        }
        column.optional = full.optional;
        column.minor_units = full.minor_units.as_ref().and_then(|units| self.minor_units(units));
        column.values =
            full.values.iter().map(|(from, to)| (from.value.clone(), to.value.clone())).collect();
        column.description = full.description.clone().unwrap_or_default();
        column
    }

    fn minor_units(&mut self, units: &Located<u32>) -> Option<u8> {
        let small = u8::try_from(units.value).ok().filter(|digits| *digits <= 18);
        if small.is_none() {
            self.report(Code::InvalidValue, units.span, "minor units are digits from 0 to 18");
        }
        small
    }

    /// A column named as part of the dataset's structure (a key, a time): declared by its use.
    pub(super) fn structural_column(
        &mut self,
        dataset: &mut Dataset,
        name: &Text,
        data_type: ColumnType,
    ) -> ColumnName {
        let column = ColumnName::new(name.value.as_str());
        dataset.columns.entry(column.clone()).or_insert_with(|| plain(&name.value, data_type));
        column
    }

    /// A column that an expression or a role uses.
    pub(super) fn use_column(&mut self, dataset: &DatasetName, text: &Text) -> Option<ColumnName> {
        let open = self.open.contains(dataset);
        let found = self.datasets.get_mut(dataset.as_str())?;
        if let Some((name, _)) = found.columns.get_key_value(text.value.as_str()) {
            return Some(name.clone());
        }
        if open {
            let column = plain(&text.value, ColumnType::AsFound);
            let name = column.name.clone();
            found.columns.insert(name.clone(), column);
            return Some(name);
        }
        let known: Vec<String> = found.columns.keys().map(ToString::to_string).collect();
        let message = format!("`{dataset}` declares no column `{}`", text.value);
        let problem = Diagnostic::new(Code::UnknownColumn, text.span, message);
        let candidates: Vec<&str> = known.iter().map(String::as_str).collect();
        self.out.push(problem.suggest(&text.value, candidates));
        None
    }

    /// The company's own table, columns and values of a dataset that ships.
    pub(super) fn apply_mapping(&mut self, dataset: &mut Dataset, mapping: &MappingDef) {
        if let Some(table) = &mapping.table {
            self.check_address(table);
            dataset.table.clone_from(&table.value);
        }
        if let Some(partition) = &mapping.partition {
            dataset.partition = (partition.value != "none").then(|| partition.value.clone());
        }
        for (name, mapped) in mapping.columns.iter() {
            let units = mapped.minor_units.as_ref().and_then(|units| self.minor_units(units));
            if let Some(column) = self.mapped_column(dataset, name) {
                column.in_files.clone_from(&mapped.from.value);
                column.minor_units = units;
            }
        }
        for (name, values) in mapping.values.iter() {
            let Some(column) = self.mapped_column(dataset, name) else { continue };
            column.values =
                values.iter().map(|(from, to)| (from.value.clone(), to.value.clone())).collect();
            if column.data_type != ColumnType::Text {
                let message = format!("`{}` holds no named values", name.value);
                self.report(Code::UnusedMapping, name.span, message);
            }
        }
    }

    fn mapped_column<'d>(
        &mut self,
        dataset: &'d mut Dataset,
        name: &Text,
    ) -> Option<&'d mut Column> {
        if !dataset.columns.contains_key(name.value.as_str()) {
            let message = format!("`{}` declares no column `{}`", dataset.name, name.value);
            let found = Diagnostic::new(Code::UnknownColumn, name.span, message);
            let known: Vec<&str> = dataset.columns.keys().map(ColumnName::as_str).collect();
            self.out.push(found.suggest(&name.value, known));
        }
        dataset.columns.get_mut(name.value.as_str())
    }
}
