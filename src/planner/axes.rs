//! Which axis of a fact a dimension lies on: its customer, its product, its own kind, or the
//! owner that an as-of join leads to.

use crate::kernels::Axis;
use crate::model::{
    AsOfJoin, Balance, BalanceShape, ColumnName, DatasetName, Dimension, DimensionValue,
    EntityName, Model,
};

/// How the facts of a balance (or of orders) reach dimensions.
#[derive(Debug, Clone, Default)]
pub struct Axes {
    pub customer: Option<EntityName>,
    pub product: Option<EntityName>,
    /// A question splits facts over one of them.
    pub owners: Vec<OwnerAxis>,
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
        let is_of = |balance: &&Balance| {
            balance.shapes.iter().any(|other| other.dataset() == shape.dataset())
        };
        let balance = model.balances.values().find(is_of);
        let owners = balance.map(|of| of.owners(&model.datasets)).unwrap_or_default();
        Self {
            customer: dataset.entity_of(shape.customer()).cloned(),
            product: shape.product().and_then(|column| dataset.entity_of(column)).cloned(),
            owners: owners
                .into_iter()
                .map(|(entity, join)| OwnerAxis { entity: entity.clone(), join: join.clone() })
                .collect(),
            kind: shape.kind().map(|column| (dataset.name.clone(), column.clone())),
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
            if all.owners.is_empty() {
                all.owners = axes.owners;
            }
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
            } else if self.owners.iter().any(|owner| owner.entity == *entity) {
                Some(Axis::Owner)
            } else {
                None
            };
        }
        match &dimension.value {
            DimensionValue::Expr(expr) => {
                let (dataset, column) = self.kind.as_ref()?;
                let same = *dataset == dimension.dataset && expr.is_column(column);
                same.then_some(Axis::Kind)
            }
            DimensionValue::RollUp { of, .. } => self.axis(model, model.dimensions.get(of)?),
            DimensionValue::Key => None,
        }
    }
}
