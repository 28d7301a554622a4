//! Rows of one dataset with the question's dimensions beside them, as a DataFusion plan.
//!
//! Dimensions of entities come through left joins on keys that were checked to be unique, so a
//! join never multiplies rows.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::Column;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, JoinType, LogicalPlan, LogicalPlanBuilder, lit};
use datafusion::prelude::cast;
use datafusion::scalar::ScalarValue;

use crate::engine::context::Context;
use crate::engine::load::{ident, lower_expr};
use crate::error::{ApiError, ApiResult, ErrorCode};
use crate::kernels::Span;
use crate::model::{
    ColumnName, Dataset, DatasetName, Dimension, DimensionName, DimensionValue, EntityName,
    ScalarExpr,
};
use crate::planner::{Predicate, Test};
use crate::values::Scalar;

use super::period_index::period_index;

/// Names of columns that the plan adds.
pub const PERIOD: &str = "__period";
pub const TIME: &str = "__time";
pub const KEY: &str = "__key";

/// The name of the n-th group-by dimension's column.
#[must_use]
pub fn group_column(index: usize) -> String {
    format!("__group_{index}")
}

/// The name of the n-th measured value's column.
#[must_use]
pub fn value_column(index: usize) -> String {
    format!("__value_{index}")
}

/// The name of the n-th filter's column.
#[must_use]
pub fn filter_column(index: usize) -> String {
    format!("__filter_{index}")
}

/// What is measured on the rows: an expression (none: the row itself) and a filter of its own.
#[derive(Debug, Clone, Copy, Default)]
pub struct Measured<'a> {
    pub expr: Option<&'a ScalarExpr>,
    pub filter: Option<&'a ScalarExpr>,
}

/// Which rows to read.
pub struct RowsAsk<'a> {
    pub dataset: &'a DatasetName,
    /// Places rows in time; rows without one are left out where periods are asked for.
    pub time: Option<&'a ColumnName>,
    /// Every measure of one pass. Rows that no measure counts are left out.
    pub measures: &'a [Measured<'a>],
    /// Places rows in periods; rows outside are left out. None: no periods.
    pub spans: Option<Arc<[Span]>>,
    /// A key column to keep (conversions).
    pub key: Option<&'a ColumnName>,
    /// Whether the question's grouping and filter apply.
    pub slices: bool,
}

/// The plan: columns `__time`, `__period`, `__key` (as asked), `__value_n`, `__filter_n`, `__group_n`.
pub async fn rows_plan(context: &Context<'_>, ask: &RowsAsk<'_>) -> ApiResult<LogicalPlan> {
    let model = context.facts.model;
    let dataset = model
        .datasets
        .get(ask.dataset)
        .ok_or_else(|| internal("the dataset is not in the model"))?;
    let dimensions = if ask.slices { dimensions_of(context)? } else { Vec::new() };
    let mut columns = Vec::new();
    let mut want = |names: &[ColumnName]| {
        for name in names {
            if !columns.contains(name) {
                columns.push(name.clone());
            }
        }
    };
    want(&ask.time.into_iter().chain(ask.key).cloned().collect::<Vec<_>>());
    for expr in ask.measures.iter().flat_map(|measure| measure.expr.iter().chain(&measure.filter)) {
        want(&expr.columns);
    }
    for dimension in &dimensions {
        match (&dimension.entity, root_value(context, dimension)) {
            (Some(entity), _) => want(&[key_of(dataset, entity, dimension)?.clone()]),
            (None, Some(DimensionValue::Expr(expr))) => want(&expr.columns),
            (None, _) => {}
        }
    }
    if columns.is_empty() {
        // Counting rows needs a column to read: the smallest promise is the key.
        let some = dataset.primary_key.iter().chain(dataset.columns.keys()).next();
        columns.extend(some.cloned());
    }
    let table = context.facts.reader.table(&dataset.name)?;
    let scan = table.scan(&columns, None)?;
    let mut builder = LogicalPlanBuilder::from(scan);
    if let (Some(time), Some(_)) = (ask.time, context.query().as_of) {
        let bound = Arc::from([Span { start: i64::MIN, end: context.as_of() }]);
        let known = place(context, table.column_type(time), time, bound);
        builder = builder.filter(known.is_not_null()).map_err(plan_error)?;
    }
    if let Some(counted) = counted_by_any(context, ask, builder.schema())? {
        builder = builder.filter(counted).map_err(plan_error)?;
    }
    builder = join_entities(context, builder, dataset, &dimensions).await?;
    let names: Vec<&DimensionName> = dimensions.iter().map(|dimension| &dimension.name).collect();
    if let Some(predicate) = context.query().filter.as_ref().filter(|_| ask.slices) {
        let values = |name: &DimensionName| {
            let at = names.iter().position(|known| *known == name);
            at.map_or_else(
                || Err(internal("a filter's dimension was not planned")),
                |at| dimension_expr(context, dimensions[at], builder.schema()),
            )
        };
        let filter = predicate_expr(predicate, &values)?;
        builder = builder.filter(filter).map_err(plan_error)?;
    }
    let mut projection = Vec::new();
    if let Some(time) = ask.time {
        projection.push(ident(time).alias(TIME));
        if let Some(spans) = &ask.spans {
            let period = place(context, table.column_type(time), time, Arc::clone(spans));
            projection.push(period.alias(PERIOD));
        }
    }
    if let Some(key) = ask.key {
        projection.push(cast(ident(key), DataType::Utf8).alias(KEY));
    }
    for (index, measure) in ask.measures.iter().enumerate() {
        if let Some(expr) = measure.expr {
            let value = lower_expr(&context.facts.reader, expr, builder.schema())?;
            projection.push(value.alias(value_column(index)));
        }
        if let Some(filter) = measure.filter {
            let filter = lower_expr(&context.facts.reader, filter, builder.schema())?;
            projection.push(filter.is_true().alias(filter_column(index)));
        }
    }
    if ask.slices {
        for (index, name) in context.query().group_by.iter().enumerate() {
            let dimension = dimensions.iter().find(|dimension| dimension.name == *name).copied();
            let dimension = dimension.ok_or_else(|| internal("a grouping was not planned"))?;
            let value = dimension_expr(context, dimension, builder.schema())?;
            projection.push(value.alias(group_column(index)));
        }
    }
    if projection.is_empty() {
        projection.push(lit(true).alias("__row"));
    }
    builder = builder.project(projection).map_err(plan_error)?;
    if ask.spans.is_some() && ask.time.is_some() {
        let inside = datafusion::prelude::col(Column::new_unqualified(PERIOD)).is_not_null();
        builder = builder.filter(inside).map_err(plan_error)?;
    }
    builder.build().map_err(plan_error)
}

/// True for rows that at least one measure counts; none where some measure counts every row.
fn counted_by_any(
    context: &Context<'_>,
    ask: &RowsAsk<'_>,
    schema: &datafusion::common::DFSchema,
) -> ApiResult<Option<Expr>> {
    let mut any: Option<Expr> = None;
    for measure in ask.measures {
        let Some(filter) = measure.filter else { return Ok(None) };
        let counts = lower_expr(&context.facts.reader, filter, schema)?.is_true();
        any = Some(any.map_or_else(|| counts.clone(), |any| any.or(counts.clone())));
    }
    Ok(any)
}

fn place(
    context: &Context<'_>,
    found: Option<&DataType>,
    time: &ColumnName,
    spans: Arc<[Span]>,
) -> Expr {
    let found = found.cloned().unwrap_or(DataType::Null);
    period_index(ident(time), &found, spans, context.facts.model.calendar)
}

/// Dimensions of grouping and filter, each once.
fn dimensions_of<'a>(context: &Context<'a>) -> ApiResult<Vec<&'a Dimension>> {
    let query = &context.plan.query;
    let mut dimensions: Vec<&Dimension> = Vec::new();
    let filter = query.filter.iter().flat_map(|filter| filter.dimensions());
    for name in query.group_by.iter().chain(filter) {
        let dimension = context.facts.model.dimensions.get(name);
        let dimension = dimension.ok_or_else(|| internal("a dimension is not in the model"))?;
        if !dimensions.iter().any(|known| known.name == *name) {
            dimensions.push(dimension);
        }
    }
    Ok(dimensions)
}

/// The value of a dimension, roll-ups followed to what they roll up.
fn root_value<'a>(context: &Context<'a>, dimension: &'a Dimension) -> Option<&'a DimensionValue> {
    match &dimension.value {
        DimensionValue::RollUp { of, .. } => {
            root_value(context, context.facts.model.dimensions.get(of)?)
        }
        value => Some(value),
    }
}

fn key_of<'a>(
    dataset: &'a Dataset,
    entity: &EntityName,
    dimension: &Dimension,
) -> ApiResult<&'a ColumnName> {
    dataset.keys.get(entity).ok_or_else(|| {
        ApiError::new(
            ErrorCode::IncompatibleDimension,
            format!("Table `{}` does not lead to `{}`.", dataset.name, dimension.name),
        )
    })
}

/// Left-joins the attributes of every entity that the dimensions need.
async fn join_entities(
    context: &Context<'_>,
    mut builder: LogicalPlanBuilder,
    dataset: &Dataset,
    dimensions: &[&Dimension],
) -> ApiResult<LogicalPlanBuilder> {
    let mut joined: Vec<&EntityName> = Vec::new();
    for dimension in dimensions {
        let Some(entity) = &dimension.entity else { continue };
        let is_own = dataset.entity.as_ref() == Some(entity);
        let needs_table = !matches!(root_value(context, dimension), Some(DimensionValue::Key));
        if is_own || !needs_table || joined.contains(&entity) {
            continue;
        }
        joined.push(entity);
        // Loading checks that the key is unique.
        context.facts.known_from(entity).await?;
        let of_entity: Vec<&Dimension> = dimensions
            .iter()
            .filter(|other| other.entity.as_ref() == Some(entity))
            .copied()
            .collect();
        let right = entity_plan(context, entity, &of_entity)?;
        let left_key = Column::new_unqualified(key_of(dataset, entity, dimension)?.as_str());
        let right_key = Column::new_unqualified(format!("__entity_{entity}"));
        builder = builder
            .join(right, JoinType::Left, (vec![left_key], vec![right_key]), None)
            .map_err(plan_error)?;
    }
    Ok(builder)
}

/// Key and attribute columns of an entity's table, as known at `asOf`.
fn entity_plan(
    context: &Context<'_>,
    entity: &EntityName,
    dimensions: &[&Dimension],
) -> ApiResult<LogicalPlan> {
    let dataset = context
        .facts
        .model
        .dataset_of_entity(entity)
        .ok_or_else(|| internal("an entity has no dataset"))?;
    let key = dataset.primary_key.first().ok_or_else(|| internal("an entity has no key"))?;
    let mut columns = vec![key.clone()];
    for dimension in dimensions {
        if let Some(DimensionValue::Expr(expr)) = root_value(context, dimension) {
            columns.extend(
                expr.columns.iter().filter(|c| !columns.contains(c)).cloned().collect::<Vec<_>>(),
            );
        }
    }
    columns.extend(
        dataset.known_from.iter().filter(|c| !columns.contains(c)).cloned().collect::<Vec<_>>(),
    );
    let table = context.facts.reader.table(&dataset.name)?;
    let mut builder = LogicalPlanBuilder::from(table.scan(&columns, None)?);
    if let (Some(known_from), Some(_)) = (&dataset.known_from, context.query().as_of) {
        let bound = Arc::from([Span { start: i64::MIN, end: context.as_of() }]);
        let known = place(context, table.column_type(known_from), known_from, bound).is_not_null();
        builder = builder.filter(known.or(ident(known_from).is_null())).map_err(plan_error)?;
    }
    let mut projection = vec![ident(key).alias(format!("__entity_{entity}"))];
    for dimension in dimensions {
        if let Some(DimensionValue::Expr(expr)) = root_value(context, dimension) {
            let value = lower_expr(&context.facts.reader, expr, builder.schema())?;
            projection.push(value.alias(attribute_column(&dimension.name)));
        }
    }
    builder.project(projection).and_then(LogicalPlanBuilder::build).map_err(plan_error)
}

fn attribute_column(name: &DimensionName) -> String {
    format!("__attribute_{name}")
}

/// A dimension's value over the joined rows.
fn dimension_expr(
    context: &Context<'_>,
    dimension: &Dimension,
    schema: &datafusion::common::DFSchema,
) -> ApiResult<Expr> {
    let model = context.facts.model;
    match (&dimension.value, &dimension.entity) {
        (DimensionValue::RollUp { of, map }, _) => {
            let parent =
                model.dimensions.get(of).ok_or_else(|| internal("a roll-up has no base"))?;
            let value = cast(dimension_expr(context, parent, schema)?, DataType::Utf8);
            let mut families: Vec<(&String, &String)> = map.iter().collect();
            families.sort();
            let mut rolled = lit(ScalarValue::Utf8(None));
            for (from, to) in families {
                let here = value.clone().eq(lit(from.as_str()));
                rolled = datafusion::prelude::when(here, lit(to.as_str()))
                    .otherwise(rolled)
                    .map_err(plan_error)?;
            }
            Ok(rolled)
        }
        (DimensionValue::Key, Some(entity)) => {
            let dataset = fact_dataset(context, entity, schema);
            dataset.ok_or_else(|| internal("a key is not among the columns"))
        }
        (DimensionValue::Expr(expr), Some(_)) => {
            let joined = attribute_column(&dimension.name);
            if schema.has_column_with_unqualified_name(&joined) {
                return Ok(datafusion::prelude::col(Column::new_unqualified(joined)));
            }
            lower_expr(&context.facts.reader, expr, schema)
        }
        (DimensionValue::Expr(expr), None) => lower_expr(&context.facts.reader, expr, schema),
        (DimensionValue::Key, None) => Err(internal("a key belongs to no entity")),
    }
}

/// The fact's own key column of an entity.
fn fact_dataset(
    context: &Context<'_>,
    entity: &EntityName,
    schema: &datafusion::common::DFSchema,
) -> Option<Expr> {
    let keys = context.facts.model.datasets.values().filter_map(|dataset| dataset.keys.get(entity));
    keys.into_iter().find(|key| schema.has_column_with_unqualified_name(key.as_str())).map(ident)
}

/// A predicate with two-valued logic: every test is made true or false before it is combined.
fn predicate_expr(
    predicate: &Predicate,
    value: &impl Fn(&DimensionName) -> ApiResult<Expr>,
) -> ApiResult<Expr> {
    let all = |parts: &[Predicate]| {
        parts.iter().map(|part| predicate_expr(part, value)).collect::<ApiResult<Vec<_>>>()
    };
    Ok(match predicate {
        Predicate::All(parts) => all(parts)?.into_iter().fold(lit(true), Expr::and),
        Predicate::Any(parts) => all(parts)?.into_iter().fold(lit(false), Expr::or),
        Predicate::Not(inner) => Expr::Not(Box::new(predicate_expr(inner, value)?)),
        Predicate::Test { dimension, test } => test_expr(value(dimension)?, test),
    })
}

fn test_expr(value: Expr, test: &Test) -> Expr {
    let one_of = |wanted: &[Scalar]| {
        wanted.iter().fold(lit(false), |any, wanted| any.or(value.clone().eq(literal(wanted))))
    };
    let text = || cast(value.clone(), DataType::Utf8);
    match test {
        Test::Eq(wanted) => value.eq(literal(wanted)).is_true(),
        Test::Ne(wanted) => value.eq(literal(wanted)).is_not_true(),
        Test::In(wanted) => one_of(wanted).is_true(),
        Test::NotIn(wanted) => one_of(wanted).is_not_true(),
        Test::IsNull(true) => value.is_null(),
        Test::IsNull(false) => value.is_not_null(),
        Test::Lt(wanted) => value.lt(literal(wanted)).is_true(),
        Test::Lte(wanted) => value.lt_eq(literal(wanted)).is_true(),
        Test::Gt(wanted) => value.gt(literal(wanted)).is_true(),
        Test::Gte(wanted) => value.gt_eq(literal(wanted)).is_true(),
        Test::Contains(part) => {
            datafusion::functions::string::expr_fn::contains(text(), lit(part.as_str())).is_true()
        }
        Test::StartsWith(part) => {
            datafusion::functions::string::expr_fn::starts_with(text(), lit(part.as_str()))
                .is_true()
        }
    }
}

fn literal(value: &Scalar) -> Expr {
    match value {
        Scalar::Null => lit(ScalarValue::Null),
        Scalar::Bool(value) => lit(*value),
        Scalar::Int(value) => lit(*value),
        Scalar::Decimal(value, scale) => {
            lit(ScalarValue::Decimal128(Some(*value), 38, i8::try_from(*scale).unwrap_or(0)))
        }
        Scalar::Float(value) => lit(*value),
        Scalar::Text(value) => lit(value.as_ref()),
        Scalar::Date(day) => {
            let days = day.signed_duration_since(chrono::NaiveDate::default()).num_days();
            lit(ScalarValue::Date32(i32::try_from(days).ok()))
        }
        Scalar::Timestamp(at) => lit(ScalarValue::TimestampMicrosecond(Some(at.0), None)),
    }
}

/// A plan that does not fit is a fault of the definition's types; the text goes to the log.
pub fn plan_error(error: DataFusionError) -> ApiError {
    tracing::error!(%error, "a question does not plan");
    ApiError::new(
        ErrorCode::BadData,
        "The definition's expressions do not fit the types of the table's columns.",
    )
}

fn internal(what: &str) -> ApiError {
    ApiError::new(ErrorCode::Internal, format!("The question cannot be planned: {what}."))
}
