//! Attributes of an entity (a customer's segment, a product's family) by the entity's code.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};

use crate::engine::keys::Interner;
use crate::error::{ApiError, ApiResult, ErrorCode};
use crate::kernels::{Code, NONE};
use crate::model::{ColumnName, Dataset, Dimension, DimensionValue, ScalarExpr};
use crate::values::{Calendar, Instant, Scalar};

use super::columns::{codes, instants_in};
use super::expression::{ident, lower_dimension};
use super::reader::{Reader, Visit, column};

/// One dimension's values, by the entity's code; the last entry is the null entity's.
#[derive(Debug, Clone)]
pub struct AttributeColumn {
    /// Index into `values` by code.
    pub by_code: Vec<u32>,
    pub values: Vec<Scalar>,
}

impl AttributeColumn {
    /// All null.
    #[must_use]
    pub fn unknown() -> Self {
        Self { by_code: vec![0], values: vec![Scalar::Null] }
    }

    /// The same column as it was known at `as_of`.
    #[must_use]
    pub fn known_by(&self, known_from: &[Option<i64>], as_of: i64) -> Self {
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

/// Reads an expression dimension of an entity.
///
/// # Errors
/// `RESOURCE_LIMIT` for a table that would not fit into the memory for facts; `BAD_DATA` where the key is not unique: joining would multiply rows.
pub async fn load_attribute(
    reader: &Reader<'_>,
    (dataset, key): (&Dataset, &ColumnName),
    dimension: &Dimension,
    interner: &Arc<Interner>,
) -> ApiResult<AttributeColumn> {
    let DimensionValue::Expr(expr) = &dimension.value else {
        return Ok(AttributeColumn::unknown());
    };
    // A code and a place among the values a row.
    let table = reader.table(&dataset.name)?;
    reader.check_bound(table, 2)?;
    interner.make_room(table.rows);
    let plan = attribute_plan(reader, (dataset, key), expr)?;
    let values = Values { keys: Arc::clone(interner), ..Values::default() };
    let parts = reader.visit(plan, &[table], || values.clone()).await?;
    let mut all = values;
    for part in parts {
        all.add(part);
    }
    let mut by_code = vec![NONE; interner.len() + 1];
    let mut repeated = 0;
    let null = u32::try_from(all.len()).unwrap_or(NONE);
    for (code, value) in all.codes.iter().zip(&all.rows).filter(|(code, _)| **code != NONE) {
        let place = &mut by_code[*code as usize];
        repeated += usize::from(*place != NONE);
        *place = (*value).min(null);
    }
    unique(dataset, key, repeated)?;
    for place in &mut by_code {
        *place = (*place).min(null);
    }
    Ok(AttributeColumn { by_code, values: all.into_scalars() })
}

/// Reads when each of an entity's keys became known; empty where the table does not say.
///
/// # Errors
/// `BAD_DATA` where the key is not unique: joining would multiply rows.
pub async fn load_known_from(
    reader: &Reader<'_>,
    (dataset, key): (&Dataset, &ColumnName),
    interner: &Arc<Interner>,
) -> ApiResult<Vec<Option<i64>>> {
    let mut columns = vec![key.clone()];
    columns.extend(dataset.known_from.clone().filter(|name| name != key));
    let known = Known {
        keys: Arc::clone(interner),
        calendar: *reader.calendar,
        place: dataset.known_from.as_ref().map(|_| columns.len() - 1),
        codes: Vec::new(),
        from: Vec::new(),
    };
    let parts = reader.read(&dataset.name, &columns, std::slice::from_ref(key), &known).await?;
    let mut seen = vec![false; interner.len() + 1];
    let mut known_from = vec![None; if known.place.is_some() { seen.len() } else { 0 }];
    let mut repeated = 0;
    for part in parts {
        for (row, code) in part.codes.iter().enumerate().filter(|(_, code)| **code != NONE) {
            let place = *code as usize;
            repeated += usize::from(std::mem::replace(&mut seen[place], true));
            if let Some(from) = part.from.get(row) {
                known_from[place] = *from;
            }
        }
    }
    unique(dataset, key, repeated)?;
    Ok(known_from)
}

/// Takes in keys and since when they are known.
#[derive(Clone)]
struct Known {
    keys: Arc<Interner>,
    calendar: Calendar,
    place: Option<usize>,
    codes: Vec<Code>,
    from: Vec<Option<i64>>,
}

impl Visit for Known {
    fn visit(&mut self, batch: &[ArrayRef]) -> ApiResult<()> {
        self.codes.extend(codes(column(batch, 0)?, &self.keys)?);
        if let Some(place) = self.place {
            self.from.extend(instants_in(column(batch, place)?, &self.calendar)?);
        }
        Ok(())
    }
}

fn attribute_plan(
    reader: &Reader<'_>,
    (dataset, key): (&Dataset, &ColumnName),
    expr: &ScalarExpr,
) -> ApiResult<LogicalPlan> {
    let mut columns = vec![key.clone()];
    columns.extend(expr.columns.iter().filter(|name| *name != key).cloned());
    let table = reader.table(&dataset.name)?;
    // An expression over the key itself expects the text that expressions are written for.
    let keys = if expr.columns.contains(key) { &[][..] } else { std::slice::from_ref(key) };
    let scan = table.scan_files(&columns, keys, |_| true)?;
    let value = lower_dimension(reader, expr, scan.schema())?;
    let projection = [ident(key), value.alias("__dimension")];
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

fn unique(dataset: &Dataset, key: &ColumnName, repeated: usize) -> ApiResult<()> {
    if repeated == 0 {
        return Ok(());
    }
    Err(ApiError::new(
        ErrorCode::BadData,
        format!(
            "Table `{}` has {repeated} row(s) whose `{key}` is already taken; a join would count \
             facts twice. Make `{key}` unique.",
            dataset.name
        ),
    ))
}

/// Takes in keys and distinct values of a column, and each row's place among them. Texts have
/// places that all parts share.
#[derive(Clone, Default)]
struct Values {
    keys: Arc<Interner>,
    codes: Vec<Code>,
    rows: Vec<u32>,
    texts: Arc<Interner>,
    is_text: bool,
    values: Vec<ScalarValue>,
    places: HashMap<ScalarValue, u32>,
}

impl Visit for Values {
    fn visit(&mut self, batch: &[ArrayRef]) -> ApiResult<()> {
        self.codes.extend(codes(column(batch, 0)?, &self.keys)?);
        let array = column(batch, 1)?;
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
            let place = self.place(value);
            self.rows.push(place);
        }
        Ok(())
    }
}

impl Values {
    fn place(&mut self, value: ScalarValue) -> u32 {
        if value.is_null() {
            return NONE;
        }
        let next = u32::try_from(self.values.len()).unwrap_or(NONE);
        *self.places.entry(value).or_insert_with_key(|value| {
            self.values.push(value.clone());
            next
        })
    }

    /// Takes in another part.
    fn add(&mut self, part: Self) {
        self.is_text |= part.is_text;
        self.codes.extend(part.codes);
        if part.is_text {
            self.rows.extend(part.rows);
            return;
        }
        let places: Vec<u32> = part.values.into_iter().map(|value| self.place(value)).collect();
        let place = |row: &u32| places.get(*row as usize).copied().unwrap_or(NONE);
        self.rows.extend(part.rows.iter().map(place));
    }

    fn len(&self) -> usize {
        if self.is_text { self.texts.len() } else { self.values.len() }
    }

    /// The values, and null last.
    fn into_scalars(self) -> Vec<Scalar> {
        let values: Vec<Scalar> = if self.is_text {
            self.texts.names().into_iter().map(Scalar::Text).collect()
        } else {
            self.values.iter().map(to_scalar).collect()
        };
        values.into_iter().chain([Scalar::Null]).collect()
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
