//! Stage: dimensions of datasets; later, which of them have a known past.

use super::names::Written;
use super::{Resolver, columns, label_of};
use crate::definitions::{DimensionDef, RollUpDef, Text};
use crate::diagnostics::{Code, Diagnostic};
use crate::model::{
    ColumnType, DatasetName, Dimension, DimensionName, DimensionType, DimensionValue, EntityName,
    ScalarExpr,
};

impl Resolver<'_> {
    pub(super) fn resolve_dimensions(&mut self, written: &Written) {
        for (dataset, def) in written.dimensions.values() {
            let dataset_name = DatasetName::new(dataset.name.as_str());
            // Roll-ups of roll-ups are left out, so that none can lead back to itself.
            let siblings: Vec<&str> = dataset
                .dimensions
                .iter()
                .filter(|other| other.roll_up.is_none())
                .map(|other| other.name.as_str())
                .collect();
            let Some((value, data_type)) = self.dimension_value(&dataset_name, def, &siblings)
            else {
                self.broken.insert(def.name.as_str().to_owned());
                continue;
            };
            let name = DimensionName::new(def.name.as_str());
            let entity = dataset.entity.as_ref().map(|entity| EntityName::new(entity.as_str()));
            let dimension = Dimension {
                label: def.label.clone().unwrap_or_else(|| label_of(name.as_str())),
                description: def.description.clone().unwrap_or_default(),
                data_type,
                dataset: dataset_name,
                entity,
                value,
                history: false,
                source: self.source_pos(def.name.span()),
                name: name.clone(),
            };
            self.dimensions.insert(name, dimension);
        }
    }

    fn dimension_value(
        &mut self,
        dataset: &DatasetName,
        def: &DimensionDef,
        siblings: &[&str],
    ) -> Option<(DimensionValue, DimensionType)> {
        let ways = [def.expr.is_some(), def.key, def.roll_up.is_some()];
        if ways.iter().filter(|way| **way).count() > 1 {
            let message = format!("`{}` has more than one source", def.name.as_str());
            let found = Diagnostic::new(Code::InvalidValue, def.name.span(), message);
            self.out.push(found.help("write one of `expr`, `key` and `roll_up`"));
            return None;
        }
        let declared = def.data_type.as_ref().map(columns::column_type);
        if def.key {
            return self.key_value(dataset, def).map(|key| (key, DimensionType::Text));
        }
        if let Some(roll_up) = &def.roll_up {
            return self.roll_up_value(roll_up, siblings).map(|value| (value, DimensionType::Text));
        }
        let own_name = Text { value: def.name.as_str().to_owned(), span: def.name.span() };
        let text = def.expr.as_ref().unwrap_or(&own_name);
        let expr = self.bind_scalar(dataset, text)?;
        let found = declared.unwrap_or_else(|| self.type_of(dataset, &expr));
        self.check_dimension(dataset, text, (found, declared.is_some()));
        Some((DimensionValue::Expr(expr), dimension_type(found)))
    }

    fn key_value(&mut self, dataset: &DatasetName, def: &DimensionDef) -> Option<DimensionValue> {
        if self.datasets.get(dataset).is_some_and(|found| found.entity.is_some()) {
            return Some(DimensionValue::Key);
        }
        let message = format!("`{dataset}` has no entity whose key this could be");
        let found = Diagnostic::new(Code::UnknownEntity, def.name.span(), message);
        self.out.push(found.help("add `entity: …` to the dataset"));
        None
    }

    fn roll_up_value(&mut self, def: &RollUpDef, siblings: &[&str]) -> Option<DimensionValue> {
        if !siblings.contains(&def.of.value.as_str()) {
            let known = siblings.iter().map(|name| (*name).to_owned()).collect();
            self.unknown(Code::UnknownDimension, "dimension to roll up", &def.of, known);
            return None;
        }
        let map = def.map.iter().map(|(from, to)| (from.value.clone(), to.value.clone())).collect();
        Some(DimensionValue::RollUp { of: DimensionName::new(def.of.value.as_str()), map })
    }

    /// The column's type where the expression is a column, else text.
    fn type_of(&self, dataset: &DatasetName, expr: &ScalarExpr) -> ColumnType {
        let [column] = expr.columns.as_slice() else { return ColumnType::Text };
        let found = self.datasets.get(dataset).and_then(|found| found.columns.get(column));
        let found = found.filter(|_| expr.is_column(column));
        found.map_or(ColumnType::Text, |column| column.data_type)
    }

    /// Entities that bridges lead to have a past: breakdowns use the one at the window's start.
    pub(super) fn resolve_history(&mut self) {
        let bridged: Vec<EntityName> = self
            .datasets
            .values()
            .flat_map(|dataset| dataset.bridged(&self.datasets))
            .map(|(entity, _)| entity.clone())
            .collect();
        for dimension in self.dimensions.values_mut() {
            dimension.history =
                dimension.entity.as_ref().is_some_and(|entity| bridged.contains(entity));
        }
    }
}

fn dimension_type(column: ColumnType) -> DimensionType {
    match column {
        ColumnType::Text | ColumnType::AsFound => DimensionType::Text,
        ColumnType::Int => DimensionType::Int,
        ColumnType::Decimal { .. } => DimensionType::Decimal,
        ColumnType::Float => DimensionType::Float,
        ColumnType::Bool => DimensionType::Bool,
        ColumnType::Date => DimensionType::Date,
        ColumnType::Timestamp => DimensionType::Timestamp,
    }
}
