//! Attributes of bridges: what a slowly changing table says of a key, as of another row's time.
//!
//! A plain column of a bridge becomes the key of an entity of its own, so that rows are led to it,
//! split over it and checked like over any other thing that a bridge leads to.

use super::Resolver;
use crate::model::{DatasetName, DimensionName, DimensionType, DimensionValue, EntityName};

impl Resolver<'_> {
    /// Leads through the bridge to its own dimensions; `on` is the entity it is joined by.
    pub(super) fn lead_to_attributes(&mut self, bridge: &DatasetName, on: &EntityName) {
        let Some(dataset) = self.datasets.get_mut(bridge.as_str()) else { return };
        let own = |dataset: &DatasetName, entity: &Option<EntityName>| {
            dataset == bridge && entity.is_none()
        };
        let mut led: Vec<(DimensionName, EntityName)> = Vec::new();
        for dimension in self.dimensions.values_mut() {
            let DimensionValue::Expr(expr) = &dimension.value else { continue };
            let [column] = expr.columns.as_slice() else { continue };
            let is_attribute = own(&dimension.dataset, &dimension.entity)
                && expr.is_column(column)
                && is_read_back(dimension.data_type)
                && dataset.keys.get(on) != Some(column);
            if !is_attribute {
                continue;
            }
            let entity = dataset.entity_of(column).cloned();
            // A dot is in no name that somebody can write.
            let entity = entity.unwrap_or_else(|| EntityName::new(format!("{bridge}.{column}")));
            dataset.keys.insert(entity.clone(), column.clone());
            led.push((dimension.name.clone(), entity.clone()));
            dimension.value = DimensionValue::Key;
            dimension.entity = Some(entity);
        }
        for dimension in self.dimensions.values_mut() {
            let DimensionValue::RollUp { of, .. } = &dimension.value else { continue };
            if own(&dimension.dataset, &dimension.entity)
                && let Some((_, entity)) = led.iter().find(|(name, _)| name == of)
            {
                dimension.entity = Some(entity.clone());
            }
        }
    }
}

/// Types whose values are the same when they are read back from their texts.
fn is_read_back(data_type: DimensionType) -> bool {
    matches!(
        data_type,
        DimensionType::Text | DimensionType::Int | DimensionType::Bool | DimensionType::Date
    )
}
