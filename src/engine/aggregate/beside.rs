//! Dimensions beside the rows of a dataset: which columns they need, the joins that bring them,
//! and their values as expressions.
//!
//! Attributes of entities come through left joins on keys that were checked to be unique, so a
//! join never multiplies rows.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::{Column, DFSchema};
use datafusion::logical_expr::{Expr, JoinType, LogicalPlan, LogicalPlanBuilder, lit};
use datafusion::prelude::{cast, col, when};
use datafusion::scalar::ScalarValue;

use crate::engine::context::Context;
use crate::engine::load::ident;
use crate::error::{ApiError, ApiResult, ErrorCode};
use crate::kernels::Span;
use crate::model::{
    ColumnName, Dataset, Dimension, DimensionName, DimensionType, DimensionValue, EntityName,
    ScalarExpr,
};

use super::errors::{internal, plan_error};
use super::fits::fitting_dimension;
use super::owners::{OWNER, RowOwners};
use super::period_index::place;

/// The dimensions that one pass over a dataset's rows needs.
pub struct Beside<'a> {
    context: &'a Context<'a>,
    dataset: &'a Dataset,
    owners: Option<&'a RowOwners>,
    /// Dimensions whose values are read, each once; roll-ups stand for what they roll up.
    roots: Vec<&'a Dimension>,
}

impl<'a> Beside<'a> {
    pub fn new(
        context: &'a Context<'a>,
        dataset: &'a Dataset,
        owners: Option<&'a RowOwners>,
        names: &[&DimensionName],
    ) -> ApiResult<Self> {
        let mut beside = Self { context, dataset, owners, roots: Vec::new() };
        for name in names {
            let root = beside.root(beside.dimension(name)?)?;
            if !beside.roots.iter().any(|known| known.name == root.name) {
                beside.roots.push(root);
            }
        }
        Ok(beside)
    }

    /// Columns of the dataset that the dimensions are read from or joined by.
    pub fn columns(&self) -> ApiResult<Vec<ColumnName>> {
        let mut columns = Vec::new();
        for root in &self.roots {
            match (&root.entity, &root.value) {
                (Some(entity), _) if self.is_owner(entity) => {}
                (Some(entity), DimensionValue::Expr(_)) if !self.is_own(entity) => {
                    columns.push(self.key_of(entity, root)?.clone());
                }
                (_, DimensionValue::Expr(expr)) => columns.extend(expr.columns.iter().cloned()),
                (Some(entity), _) => columns.push(self.key_of(entity, root)?.clone()),
                (None, _) => {}
            }
        }
        Ok(columns)
    }

    /// Left-joins the attributes of every entity that the dimensions need.
    pub async fn join(&self, mut builder: LogicalPlanBuilder) -> ApiResult<LogicalPlanBuilder> {
        let mut joined: Vec<&EntityName> = Vec::new();
        for root in &self.roots {
            let Some((entity, _)) = self.attribute(root) else { continue };
            if joined.contains(&entity) {
                continue;
            }
            joined.push(entity);
            // Loading checks that the key is unique.
            self.context.facts.known_from(entity).await?;
            let left_key = if self.is_owner(entity) {
                Column::new_unqualified(OWNER)
            } else {
                Column::new_unqualified(self.key_of(entity, root)?.as_str())
            };
            let right_key = Column::new_unqualified(format!("__entity_{entity}"));
            builder = builder
                .join(
                    self.entity_plan(entity)?,
                    JoinType::Left,
                    (vec![left_key], vec![right_key]),
                    None,
                )
                .map_err(plan_error)?;
        }
        Ok(builder)
    }

    /// A dimension's value over the joined rows.
    pub fn value(&self, name: &DimensionName, schema: &DFSchema) -> ApiResult<Expr> {
        let dimension = self.dimension(name)?;
        if let DimensionValue::RollUp { of, map } = &dimension.value {
            let value = cast(self.value(of, schema)?, DataType::Utf8);
            let mut families: Vec<(&String, &String)> = map.iter().collect();
            families.sort();
            let mut rolled = lit(ScalarValue::Utf8(None));
            for (from, to) in families {
                let here = value.clone().eq(lit(from.as_str()));
                rolled = when(here, lit(to.as_str())).otherwise(rolled).map_err(plan_error)?;
            }
            return Ok(rolled);
        }
        if self.attribute(dimension).is_some() {
            return Ok(col(Column::new_unqualified(attribute_column(&dimension.name))));
        }
        match (&dimension.value, &dimension.entity) {
            (DimensionValue::Expr(expr), _) => {
                fitting_dimension(self.context, &self.dataset.name, expr, schema)
            }
            (_, Some(entity)) if self.is_owner(entity) => {
                let owner = col(Column::new_unqualified(OWNER));
                // Attributes of a bridge are read back from the texts that they are coded by.
                Ok(match dimension.data_type {
                    DimensionType::Int => cast(owner, DataType::Int64),
                    DimensionType::Bool => cast(owner, DataType::Boolean),
                    DimensionType::Date => cast(owner, DataType::Date32),
                    _ => owner,
                })
            }
            (_, Some(entity)) => Ok(ident(self.key_of(entity, dimension)?)),
            (_, None) => Err(internal("a key belongs to no entity")),
        }
    }

    fn dimension(&self, name: &DimensionName) -> ApiResult<&'a Dimension> {
        let dimension = self.context.facts.model.dimensions.get(name);
        dimension.ok_or_else(|| internal("a dimension is not in the model"))
    }

    /// Roll-ups followed to what they roll up.
    fn root(&self, dimension: &'a Dimension) -> ApiResult<&'a Dimension> {
        match &dimension.value {
            DimensionValue::RollUp { of, .. } => self.root(self.dimension(of)?),
            _ => Ok(dimension),
        }
    }

    fn is_own(&self, entity: &EntityName) -> bool {
        self.dataset.entity.as_ref() == Some(entity)
    }

    fn is_owner(&self, entity: &EntityName) -> bool {
        self.owners.is_some_and(|owners| owners.entity == *entity)
    }

    /// The entity and expression of an attribute that is read from the entity's own table.
    fn attribute(&self, root: &'a Dimension) -> Option<(&'a EntityName, &'a ScalarExpr)> {
        match (&root.entity, &root.value) {
            (Some(entity), DimensionValue::Expr(expr)) if !self.is_own(entity) => {
                Some((entity, expr))
            }
            _ => None,
        }
    }

    fn key_of(&self, entity: &EntityName, dimension: &Dimension) -> ApiResult<&'a ColumnName> {
        self.dataset.keys.get(entity).ok_or_else(|| {
            ApiError::new(
                ErrorCode::IncompatibleDimension,
                format!("Table `{}` does not lead to `{}`.", self.dataset.name, dimension.name),
            )
        })
    }

    /// Key and attribute columns of an entity's table, as known at `asOf`.
    fn entity_plan(&self, entity: &EntityName) -> ApiResult<LogicalPlan> {
        let context = self.context;
        let dataset = context.facts.model.dataset_of_entity(entity);
        let dataset = dataset.ok_or_else(|| internal("an entity has no dataset"))?;
        let key = dataset.primary_key.first().ok_or_else(|| internal("an entity has no key"))?;
        let attributes: Vec<(&DimensionName, &ScalarExpr)> = self
            .roots
            .iter()
            .filter_map(|root| Some((&root.name, self.attribute(root)?)))
            .filter(|(_, (of, _))| *of == entity)
            .map(|(name, (_, expr))| (name, expr))
            .collect();
        let mut columns = vec![key.clone()];
        let read = attributes.iter().flat_map(|(_, expr)| &expr.columns);
        for name in read.chain(&dataset.known_from) {
            if !columns.contains(name) {
                columns.push(name.clone());
            }
        }
        let table = context.facts.reader.table(&dataset.name)?;
        let mut builder = LogicalPlanBuilder::from(table.scan(&columns, None)?);
        if let (Some(known_from), Some(_)) = (&dataset.known_from, context.query().as_of) {
            let bound = Arc::from([Span { start: i64::MIN, end: context.as_of() }]);
            let known = place(context, table.column_type(known_from), known_from, bound);
            let known = known.is_not_null().or(ident(known_from).is_null());
            builder = builder.filter(known).map_err(plan_error)?;
        }
        let mut projection = vec![ident(key).alias(format!("__entity_{entity}"))];
        for (name, expr) in attributes {
            let value = fitting_dimension(context, &dataset.name, expr, builder.schema())?;
            projection.push(value.alias(attribute_column(name)));
        }
        builder.project(projection).and_then(LogicalPlanBuilder::build).map_err(plan_error)
    }
}

fn attribute_column(name: &DimensionName) -> String {
    format!("__attribute_{name}")
}
