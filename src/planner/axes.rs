//! Which axis of a fact a dimension lies on: its customer, its product, its own kind, or the
//! owner that an as-of join leads to.

use crate::kernels::Axis;
use crate::model::{
    AsOfJoin, Balance, BalanceShape, ColumnName, Dataset, DatasetName, Dimension, DimensionValue,
    EntityName, Model,
};

/// How the facts of a balance (or of orders) reach dimensions.
#[derive(Debug, Clone, Default)]
pub struct Axes {
    pub customer: Option<EntityName>,
    pub product: Option<EntityName>,
    pub owner: Option<OwnerAxis>,
    /// The dataset and column whose values are the kinds of movements.
    pub kind: Option<(DatasetName, ColumnName)>,
}

#[derive(Debug, Clone)]
pub struct OwnerAxis {
    pub entity: EntityName,
    pub join: AsOfJoin,
}

impl Axes {
    /// The axes of a balance's facts in one of its shapes.
    #[must_use]
    pub fn of_shape(model: &Model, shape: &BalanceShape) -> Self {
        let Some(dataset) = model.datasets.get(shape.dataset()) else {
            return Self::default();
        };
        let (customer, product, kind) = match shape {
            BalanceShape::Ledger(ledger) => {
                (&ledger.customer, ledger.product.as_ref(), ledger.expansion_type.as_ref())
            }
            BalanceShape::Intervals(shape) => (&shape.customer, shape.product.as_ref(), None),
            BalanceShape::Snapshots(shape) => (&shape.customer, shape.product.as_ref(), None),
        };
        let customer = entity_of(dataset, customer);
        Self {
            owner: customer.as_ref().and_then(|customer| owner_axis(model, dataset, customer)),
            product: product.and_then(|column| entity_of(dataset, column)),
            kind: kind.map(|column| (dataset.name.clone(), column.clone())),
            customer,
        }
    }

    /// The axes of a balance, whatever its shape: what any shape reaches.
    #[must_use]
    pub fn of_balance(model: &Model, balance: &Balance) -> Self {
        let mut all = Self::default();
        for shape in &balance.shapes {
            let axes = Self::of_shape(model, shape);
            all.customer = all.customer.or(axes.customer);
            all.product = all.product.or(axes.product);
            all.owner = all.owner.or(axes.owner);
            all.kind = all.kind.or(axes.kind);
        }
        all
    }

    /// The axis a dimension lies on, if facts reach it.
    #[must_use]
    pub fn axis(&self, model: &Model, dimension: &Dimension) -> Option<Axis> {
        if let Some(entity) = &dimension.entity {
            let is = |own: Option<&EntityName>| own == Some(entity);
            return if is(self.customer.as_ref()) {
                Some(Axis::Customer)
            } else if is(self.product.as_ref()) {
                Some(Axis::Product)
            } else if is(self.owner.as_ref().map(|owner| &owner.entity)) {
                Some(Axis::Owner)
            } else {
                None
            };
        }
        match &dimension.value {
            DimensionValue::Expr(expr) => {
                let (dataset, column) = self.kind.as_ref()?;
                let same = *dataset == dimension.dataset && expr.columns == [column.clone()];
                same.then_some(Axis::Kind)
            }
            DimensionValue::RollUp { of, .. } => self.axis(model, model.dimensions.get(of)?),
            DimensionValue::Key => None,
        }
    }
}

fn entity_of(dataset: &Dataset, column: &ColumnName) -> Option<EntityName> {
    dataset.keys.iter().find(|(_, key)| *key == column).map(|(entity, _)| entity.clone())
}

/// The other entity of the bridge that an as-of join of the dataset leads to.
fn owner_axis(model: &Model, dataset: &Dataset, customer: &EntityName) -> Option<OwnerAxis> {
    // Owners are the customer's, so any table's way to them serves every table with the customer.
    let others = model.datasets.values().flat_map(|other| &other.as_of_joins);
    let join = dataset.as_of_joins.iter().chain(others).find(|join| join.on == *customer)?;
    let bridge = model.datasets.get(&join.bridge)?;
    let entity = bridge.keys.keys().find(|entity| *entity != customer)?.clone();
    Some(OwnerAxis { entity, join: join.clone() })
}
