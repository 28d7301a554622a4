//! Rows of one dataset with the question's dimensions beside them, as a DataFusion plan.

use std::sync::Arc;

use arrow::datatypes::DataType;
use chrono::NaiveDate;
use datafusion::common::{Column, DFSchema};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, Volatility, create_udf,
    lit,
};
use datafusion::prelude::{cast, col, when};
use datafusion::scalar::ScalarValue;

use crate::engine::context::Context;
use crate::engine::load::ident;
use crate::error::ApiResult;
use crate::kernels::Span;
use crate::model::{ColumnName, Dataset, DatasetName, DimensionName, ScalarExpr};
use crate::planner::Predicate;
use crate::values::Instant;

use super::beside::Beside;
use super::columns::{KEY, PERIOD, TIME, filter_column, group_column, value_column, weight_column};
use super::errors::{internal, plan_error};
use super::fits::{check_time, fitting_condition, lower_fitting};
use super::owners::RowOwners;
use super::period_index::place;
use super::predicate::predicate_expr;

/// What is measured on the rows: an expression (none: the row itself), and which rows count.
#[derive(Debug, Clone, Copy, Default)]
pub struct Measured<'a> {
    pub expr: Option<&'a ScalarExpr>,
    pub filter: Option<&'a ScalarExpr>,
    /// A filter over dimensions that is this measure's alone.
    pub only: Option<&'a Predicate>,
    /// Whether owners of a row share its value; else each sees the whole.
    pub is_shared: bool,
}

impl Measured<'_> {
    /// Whether some rows do not count.
    #[must_use]
    pub fn is_filtered(&self) -> bool {
        self.filter.is_some() || self.only.is_some()
    }
}

/// Which rows to read.
#[derive(Default)]
pub struct RowsAsk<'a> {
    /// Places rows in time; rows without one are left out where periods are asked for.
    pub time: Option<&'a ColumnName>,
    /// Every measure of one pass. Rows that no measure counts are left out.
    pub measures: &'a [Measured<'a>],
    /// Places rows in periods; rows outside are left out. None: no periods.
    pub spans: Option<Arc<[Span]>>,
    /// A key column to keep (conversions).
    pub key: Option<&'a ColumnName>,
    pub group_by: &'a [DimensionName],
    /// What every row must pass.
    pub filter: Option<&'a Predicate>,
    /// Who the rows are split over.
    pub owners: Option<&'a RowOwners>,
}

impl<'a> RowsAsk<'a> {
    /// Filters over dimensions: that of every row and those of single measures.
    pub fn filters(&self) -> impl Iterator<Item = &'a Predicate> {
        let only = self.measures.iter().filter_map(|measure| measure.only);
        self.filter.into_iter().chain(only)
    }

    fn dimensions(&self) -> Vec<&'a DimensionName> {
        let filters = self.filters().flat_map(Predicate::dimensions);
        self.group_by.iter().chain(filters).collect()
    }
}

/// The plan: columns `__time`, `__period`, `__key` (as asked); for each measure `__value_n`,
/// `__weight_n` (where rows are split) and `__filter_n`; then `__group_n`.
pub async fn rows_plan(
    context: &Context<'_>,
    name: &DatasetName,
    ask: &RowsAsk<'_>,
) -> ApiResult<LogicalPlan> {
    let dataset = context.facts.model.datasets.get(name);
    let dataset = dataset.ok_or_else(|| internal("the dataset is not in the model"))?;
    if let Some(time) = ask.time {
        check_time(context, name, time)?;
    }
    let beside = Beside::new(context, dataset, ask.owners, &ask.dimensions())?;
    let columns = columns_of(dataset, ask, &beside)?;
    let table = context.facts.reader.table(&dataset.name)?;
    let mut builder =
        LogicalPlanBuilder::from(table.scan(&columns, months_of(context, dataset, ask))?);
    if let (Some(time), Some(_)) = (ask.time, context.query().as_of) {
        let bound = Arc::from([Span { start: i64::MIN, end: context.as_of() }]);
        let known = place(context, table.column_type(time), time, bound);
        builder = builder.filter(known.is_not_null()).map_err(plan_error)?;
    }
    if let Some(owners) = ask.owners {
        builder = owners.expand(builder)?;
    }
    builder = beside.join(builder).await?;
    if let Some(predicate) = ask.filter {
        let filter = predicate_of(predicate, &beside, builder.schema())?;
        builder = builder.filter(filter).map_err(plan_error)?;
    }
    let counts = counts_of(context, (dataset, ask), &beside, builder.schema())?;
    if let Some(counted) = counted_by_any(&counts) {
        builder = builder.filter(counted).map_err(plan_error)?;
    }
    let found = ask.time.and_then(|time| table.column_type(time));
    let mut projection = projection_of(context, ask, found);
    for (index, counts) in counts.into_iter().enumerate() {
        // Where rows are there for another measure too, what this one does not count may be what
        // its expression has no result for.
        let only = counts.as_ref().filter(|_| ask.measures.len() > 1);
        projection.extend(measured(context, (dataset, ask, only), index, &builder)?);
        projection.extend(counts.map(|counts| holds(counts).alias(filter_column(index))));
    }
    for (index, name) in ask.group_by.iter().enumerate() {
        let value = beside.value(name, builder.schema())?;
        let found = value.get_type(builder.schema()).map_err(plan_error)?;
        let value = if found == DataType::Boolean { holds(value) } else { value };
        projection.push(value.alias(group_column(index)));
    }
    if projection.is_empty() {
        projection.push(lit(true).alias("__row"));
    }
    builder = builder.project(projection).map_err(plan_error)?;
    if ask.spans.is_some() && ask.time.is_some() {
        let inside = col(Column::new_unqualified(PERIOD)).is_not_null();
        builder = builder.filter(inside).map_err(plan_error)?;
    }
    builder.build().map_err(plan_error)
}

/// Columns to read, each once.
fn columns_of(
    dataset: &Dataset,
    ask: &RowsAsk<'_>,
    beside: &Beside<'_>,
) -> ApiResult<Vec<ColumnName>> {
    let measures =
        ask.measures.iter().flat_map(|measure| measure.expr.iter().chain(&measure.filter));
    let wanted = ask.time.into_iter().chain(ask.key).cloned();
    let wanted = wanted.chain(ask.owners.into_iter().flat_map(RowOwners::columns));
    let wanted = wanted.chain(measures.flat_map(|expr| expr.columns.iter().cloned()));
    let mut columns: Vec<ColumnName> = Vec::new();
    for name in wanted.chain(beside.columns()?) {
        if !columns.contains(&name) {
            columns.push(name);
        }
    }
    if columns.is_empty() {
        // Counting rows needs a column to read: the smallest promise is the key.
        let some = dataset.primary_key.iter().chain(dataset.columns.keys()).next();
        columns.extend(some.cloned());
    }
    Ok(columns)
}

/// The days between which rows can count, where they lie in folders by month of that time.
fn months_of(
    context: &Context<'_>,
    dataset: &Dataset,
    ask: &RowsAsk<'_>,
) -> Option<(NaiveDate, NaiveDate)> {
    let (spans, time) = (ask.spans.as_ref()?, ask.time?);
    let (first, last) = (spans.first()?, spans.last()?);
    let bounded = dataset.time.as_ref() == Some(time) && first.start > i64::MIN;
    let day = |at| context.facts.model.calendar.day_of(Instant(at));
    bounded.then(|| (day(first.start), day(last.end)))
}

/// Time, period and key, as asked.
fn projection_of(context: &Context<'_>, ask: &RowsAsk<'_>, found: Option<&DataType>) -> Vec<Expr> {
    let mut projection = Vec::new();
    if let Some(time) = ask.time {
        projection.push(ident(time).alias(TIME));
        if let Some(spans) = &ask.spans {
            projection.push(place(context, found, time, Arc::clone(spans)).alias(PERIOD));
        }
    }
    if let Some(key) = ask.key {
        projection.push(cast(ident(key), DataType::Utf8).alias(KEY));
    }
    projection
}

/// The value of a measure, on the rows that it counts where `only` says which; where rows are split,
/// the owner's part of it and of the row.
fn measured(
    context: &Context<'_>,
    (dataset, ask, only): (&Dataset, &RowsAsk<'_>, Option<&Expr>),
    index: usize,
    builder: &LogicalPlanBuilder,
) -> ApiResult<Vec<Expr>> {
    let measure = &ask.measures[index];
    let lower = |expr: &ScalarExpr| {
        let value = lower_fitting(context, &dataset.name, expr, builder.schema())?;
        match only.filter(|_| expr.computes()) {
            Some(counts) => when(counts.clone(), value).end().map_err(plan_error),
            None => Ok(value),
        }
    };
    let value = measure.expr.map(lower).transpose()?;
    let Some(owners) = ask.owners.filter(|_| measure.is_shared) else {
        return Ok(value.into_iter().map(|value| value.alias(value_column(index))).collect());
    };
    let row = owners.part_of_row(builder)?;
    let Some(value) = value else { return Ok(vec![row.alias(weight_column(index))]) };
    let found = value.get_type(builder.schema()).map_err(plan_error)?;
    let counted = when(value.clone().is_not_null(), row)
        .otherwise(lit(ScalarValue::Null))
        .map_err(plan_error)?;
    // What is no number can be counted all the same.
    let part = owners.part_of(builder, value.clone(), &found)?.unwrap_or(value);
    Ok(vec![part.alias(value_column(index)), counted.alias(weight_column(index))])
}

/// For each measure, whether a row counts; none where every row does.
fn counts_of(
    context: &Context<'_>,
    (dataset, ask): (&Dataset, &RowsAsk<'_>),
    beside: &Beside<'_>,
    schema: &DFSchema,
) -> ApiResult<Vec<Option<Expr>>> {
    let counts = |measure: &Measured<'_>| {
        let lower =
            |filter| fitting_condition(context, &dataset.name, filter, schema).map(Expr::is_true);
        let own = measure.filter.map(lower).transpose()?;
        let only = measure.only.map(|only| predicate_of(only, beside, schema)).transpose()?;
        Ok(match (own, only) {
            (Some(own), Some(only)) => Some(own.and(only)),
            (own, only) => own.or(only),
        })
    };
    ask.measures.iter().map(counts).collect()
}

/// True for rows that at least one measure counts; none where some measure counts every row.
fn counted_by_any(counts: &[Option<Expr>]) -> Option<Expr> {
    let mut any: Option<Expr> = None;
    for counts in counts {
        let counts = counts.clone()?;
        any = Some(match any {
            Some(any) if any == counts => any,
            Some(any) => any.or(counts),
            None => counts,
        });
    }
    any
}

/// A condition as a column. Conditions such as `IS TRUE` are never null to the logical planner and
/// may be to the physical one, which then refuses the plan; a function's result is the same to
/// both.
fn holds(condition: Expr) -> Expr {
    let same = |arguments: &[ColumnarValue]| match arguments {
        [condition] => Ok(condition.clone()),
        _ => Err(DataFusionError::Internal("holds takes one argument".to_owned())),
    };
    let types = vec![DataType::Boolean];
    create_udf("holds", types, DataType::Boolean, Volatility::Immutable, Arc::new(same))
        .call(vec![condition])
}

fn predicate_of(predicate: &Predicate, beside: &Beside<'_>, schema: &DFSchema) -> ApiResult<Expr> {
    predicate_expr(predicate, &|name: &DimensionName| beside.value(name, schema))
}
