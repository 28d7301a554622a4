//! Attributes of an entity (a customer's segment, a product's family) by the entity's code.

use std::collections::HashMap;

use arrow::array::{Array, ArrayRef};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, col};

use crate::engine::keys::Interner;
use crate::error::{ApiError, ApiResult, ErrorCode};
use crate::kernels::{Code, NONE};
use crate::model::{ColumnName, Dataset, Dimension, DimensionName, DimensionValue, ScalarExpr};
use crate::values::{Instant, Scalar};

use super::columns::{codes, instants_in};
use super::reader::{Reader, column};

/// One dimension's values, by the entity's code; the last entry is the null entity's.
#[derive(Debug, Clone)]
pub struct AttributeColumn {
    /// Index into `values` by code.
    pub by_code: Vec<u32>,
    pub values: Vec<Scalar>,
}

/// The attributes of one entity, as its table has them.
#[derive(Debug, Default)]
pub struct Attributes {
    pub columns: HashMap<DimensionName, AttributeColumn>,
    /// When each entity became known, where the table says so.
    pub known_from: Option<Vec<Option<i64>>>,
}

impl AttributeColumn {
    /// All null.
    #[must_use]
    pub fn unknown() -> Self {
        Self { by_code: vec![0], values: vec![Scalar::Null] }
    }

    /// The same column as it was known at `as_of`.
    #[must_use]
    pub fn known_by(&self, known_from: Option<&[Option<i64>]>, as_of: i64) -> Self {
        let Some(known_from) = known_from.filter(|_| as_of != i64::MAX) else {
            return self.clone();
        };
        let null = self.by_code.last().copied().unwrap_or(0);
        let mut known = self.clone();
        for (value, from) in known.by_code.iter_mut().zip(known_from) {
            if from.is_some_and(|from| from >= as_of) {
                *value = null;
            }
        }
        known
    }
}

/// Reads every expression dimension of an entity in one scan.
///
/// # Errors
/// `BAD_DATA` where the key is not unique: joining would multiply rows.
pub async fn load_attributes(
    reader: &Reader<'_>,
    dataset: &Dataset,
    key: &ColumnName,
    dimensions: &[&Dimension],
    interner: &Interner,
) -> ApiResult<Attributes> {
    let exprs: Vec<(&Dimension, &ScalarExpr)> = dimensions
        .iter()
        .filter_map(|dimension| match &dimension.value {
            DimensionValue::Expr(expr) => Some((*dimension, expr)),
            DimensionValue::Key | DimensionValue::RollUp { .. } => None,
        })
        .collect();
    let plan = attribute_plan(reader, dataset, key, &exprs)?;
    let known_at = dataset.known_from.as_ref().map(|_| exprs.len() + 1);
    let mut builders: Vec<ColumnBuilder> = exprs.iter().map(|_| ColumnBuilder::default()).collect();
    let mut keys: Vec<Code> = Vec::new();
    let mut known: Vec<Option<i64>> = Vec::new();
    let table = reader.table(&dataset.name)?;
    reader
        .execute(plan, &[table], |batch| {
            keys.extend(codes(column(batch, 0)?, interner)?);
            for (index, builder) in builders.iter_mut().enumerate() {
                builder.push(column(batch, index + 1)?)?;
            }
            if let Some(place) = known_at {
                known.extend(instants_in(column(batch, place)?, reader.calendar)?);
            }
            Ok(())
        })
        .await?;
    let places = unique(dataset, key, &keys, interner.len())?;
    let by_code = |of: &dyn Fn(usize) -> Option<i64>| -> Vec<Option<i64>> {
        places.iter().map(|row| row.and_then(of)).collect()
    };
    Ok(Attributes {
        columns: exprs
            .iter()
            .zip(builders)
            .map(|((dimension, _), builder)| (dimension.name.clone(), builder.finish(&places)))
            .collect(),
        known_from: known_at.map(|_| by_code(&|row| known[row])),
    })
}

fn attribute_plan(
    reader: &Reader<'_>,
    dataset: &Dataset,
    key: &ColumnName,
    exprs: &[(&Dimension, &ScalarExpr)],
) -> ApiResult<LogicalPlan> {
    let mut columns = vec![key.clone()];
    let wanted = exprs.iter().flat_map(|(_, expr)| &expr.columns).chain(&dataset.known_from);
    for name in wanted {
        if !columns.contains(name) {
            columns.push(name.clone());
        }
    }
    let scan = reader.table(&dataset.name)?.scan(&columns, None)?;
    let mut projection = vec![ident(key)];
    for (index, (_, expr)) in exprs.iter().enumerate() {
        let value = lower_expr(reader, expr, scan.schema())?;
        projection.push(value.alias(format!("__dimension_{index}")));
    }
    projection.extend(dataset.known_from.iter().map(|name| ident(name).alias("__known_from")));
    LogicalPlanBuilder::from(scan).project(projection).and_then(LogicalPlanBuilder::build).map_err(
        |error| {
            tracing::error!(%error, dataset = %dataset.name, "attributes do not plan");
            ApiError::new(
                ErrorCode::BadData,
                format!("The dimensions of table `{}` do not fit its columns.", dataset.name),
            )
        },
    )
}

/// A column by its exact name.
pub fn ident(name: &ColumnName) -> Expr {
    col(datafusion::common::Column::new_unqualified(name.as_str()))
}

/// A definition's scalar expression against a scan's schema.
///
/// # Errors
/// `BAD_DATA` naming the definition's place where types do not fit.
pub fn lower_expr(reader: &Reader<'_>, expr: &ScalarExpr, schema: &DFSchema) -> ApiResult<Expr> {
    if let [only] = expr.columns.as_slice()
        && only.as_str() == expr.sql.trim()
    {
        return Ok(ident(only));
    }
    reader.session.parse_sql_expr(&expr.sql, schema).map_err(|error| {
        tracing::error!(%error, sql = %expr.sql, "expression does not fit the table");
        ApiError::new(
            ErrorCode::BadData,
            format!(
                "The expression at {}:{} does not fit the table's columns.",
                expr.source.file, expr.source.line
            ),
        )
    })
}

/// The row of each code (and of null: none); a key in two rows is refused.
fn unique(
    dataset: &Dataset,
    key: &ColumnName,
    keys: &[Code],
    count: usize,
) -> ApiResult<Vec<Option<usize>>> {
    let mut places: Vec<Option<usize>> = vec![None; count + 1];
    let mut repeated = 0usize;
    for (row, code) in keys.iter().enumerate().filter(|(_, code)| **code != NONE) {
        let place = &mut places[*code as usize];
        repeated += usize::from(place.is_some());
        *place = Some(row);
    }
    if repeated > 0 {
        return Err(ApiError::new(
            ErrorCode::BadData,
            format!(
                "Table `{}` has {repeated} row(s) whose `{key}` is already taken; a join would count \
                 facts twice. Make `{key}` unique.",
                dataset.name
            ),
        ));
    }
    Ok(places)
}

/// Distinct values of a column and each row's place among them.
#[derive(Default)]
struct ColumnBuilder {
    rows: Vec<u32>,
    values: Vec<Scalar>,
    places: HashMap<ScalarValue, u32>,
    texts: Interner,
    is_text: bool,
}

impl ColumnBuilder {
    fn push(&mut self, array: &ArrayRef) -> ApiResult<()> {
        if is_text(array) {
            self.is_text = true;
            self.rows.extend(codes(array, &self.texts)?);
            return Ok(());
        }
        for row in 0..array.len() {
            let value = ScalarValue::try_from_array(array, row).map_err(|error| {
                tracing::error!(%error, "attribute value");
                ApiError::new(ErrorCode::BadData, "A dimension has values of an unknown type.")
            })?;
            if value.is_null() {
                self.rows.push(NONE);
                continue;
            }
            let next = u32::try_from(self.values.len()).unwrap_or(NONE);
            let place = *self.places.entry(value.clone()).or_insert_with(|| {
                self.values.push(to_scalar(&value));
                next
            });
            self.rows.push(place);
        }
        Ok(())
    }

    fn finish(self, places: &[Option<usize>]) -> AttributeColumn {
        let mut values = if self.is_text {
            self.texts.names().into_iter().map(Scalar::Text).collect()
        } else {
            self.values
        };
        let null = u32::try_from(values.len()).unwrap_or(NONE);
        values.push(Scalar::Null);
        let by_code = places
            .iter()
            .map(|row| row.and_then(|row| self.rows.get(row).copied()).unwrap_or(NONE).min(null))
            .collect();
        AttributeColumn { by_code, values }
    }
}

fn is_text(array: &ArrayRef) -> bool {
    use arrow::datatypes::DataType::{Dictionary, LargeUtf8, Utf8, Utf8View};
    match array.data_type() {
        Utf8 | LargeUtf8 | Utf8View => true,
        Dictionary(_, value) => matches!(**value, Utf8 | LargeUtf8 | Utf8View),
        _ => false,
    }
}

/// An engine value as a dimension's value.
#[must_use]
pub fn to_scalar(value: &ScalarValue) -> Scalar {
    use ScalarValue::{
        Boolean, Date32, Decimal128, Dictionary, Float32, Float64, Int8, Int16, Int32, Int64,
        LargeUtf8, TimestampMicrosecond, TimestampMillisecond, TimestampNanosecond,
        TimestampSecond, UInt8, UInt16, UInt32, UInt64, Utf8, Utf8View,
    };
    let text = |text: &Option<String>| {
        text.as_ref().map_or(Scalar::Null, |text| Scalar::text(text.as_str()))
    };
    let int = |value: Option<i64>| value.map_or(Scalar::Null, Scalar::Int);
    let at = |micros: Option<i64>| micros.map_or(Scalar::Null, |at| Scalar::Timestamp(Instant(at)));
    match value {
        Utf8(value) | LargeUtf8(value) | Utf8View(value) => text(value),
        Dictionary(_, value) => to_scalar(value),
        Boolean(value) => value.map_or(Scalar::Null, Scalar::Bool),
        Int8(value) => int(value.map(i64::from)),
        Int16(value) => int(value.map(i64::from)),
        Int32(value) => int(value.map(i64::from)),
        Int64(value) => int(*value),
        UInt8(value) => int(value.map(i64::from)),
        UInt16(value) => int(value.map(i64::from)),
        UInt32(value) => int(value.map(i64::from)),
        UInt64(value) => int(value.and_then(|value| i64::try_from(value).ok())),
        Float32(value) => value.map_or(Scalar::Null, |value| Scalar::Float(f64::from(value))),
        Float64(value) => value.map_or(Scalar::Null, Scalar::Float),
        Decimal128(value, _, scale) => value.map_or(Scalar::Null, |value| {
            Scalar::Decimal(value, u8::try_from(*scale).unwrap_or(0))
        }),
        Date32(value) => value.map_or(Scalar::Null, |days| {
            chrono::NaiveDate::default()
                .checked_add_signed(chrono::TimeDelta::days(i64::from(days)))
                .map_or(Scalar::Null, Scalar::Date)
        }),
        TimestampSecond(value, _) => at(value.and_then(|value| value.checked_mul(1_000_000))),
        TimestampMillisecond(value, _) => at(value.and_then(|value| value.checked_mul(1_000))),
        TimestampMicrosecond(value, _) => at(*value),
        TimestampNanosecond(value, _) => at(value.map(|value| value.div_euclid(1_000))),
        _ => Scalar::Null,
    }
}
