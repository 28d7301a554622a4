//! Owners of rows at the rows' own time, through an as-of join.
//!
//! A row is split over its owners of that instant: what adds up (counts, sums) by their shares,
//! so that the parts sum to the row exactly (largest remainder, in the value's smallest unit; a
//! row counts 1,000,000 millionths); everything else sees the row once for each owner. A row
//! without an owner keeps a null one. Who owns with what share is the kernel's rule, the one of
//! attribution.

use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{
    Array, ArrayRef, AsArray, Decimal128Array, Float64Array, ListBuilder, StringBuilder,
};
use arrow::datatypes::{DataType, Decimal128Type, Field, Float64Type, TimeUnit};
use datafusion::common::Column;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{
    ColumnarValue, Expr, LogicalPlanBuilder, Volatility, create_udf, lit,
};
use datafusion::prelude::{cast, col};
use datafusion::scalar::ScalarValue;

use crate::engine::context::{Context, OddShares};
use crate::engine::keys::Interner;
use crate::engine::load::{ident, instants_in};
use crate::error::ApiResult;
use crate::kernels::{NONE, OwnerFacts, Share, Sharing, split};
use crate::model::{AsOfJoin, ColumnName, Dataset, DatasetName, EntityName, Owners};
use crate::values::Calendar;

use super::errors::{internal, plan_error};
use super::fits::check_time;

/// The column of a row's owner.
pub const OWNER: &str = "__owner";
/// Decimal places of a part of a row, and a whole row in them.
pub const ROW_SCALE: u8 = 6;
pub const WHOLE_ROW: i128 = 1_000_000;

/// The owners of a dataset's rows, where a question needs them.
pub struct RowOwners {
    pub entity: EntityName,
    /// Columns of the dataset: the key that is owned, and the instant.
    key: ColumnName,
    at: ColumnName,
    lookup: Arc<Lookup>,
    /// The table of owners, and the entity that is owned.
    table: Owners,
    owned: EntityName,
}

struct Lookup {
    owners: Arc<OwnerFacts>,
    keys: Arc<Interner>,
    owner_keys: Arc<Interner>,
    names: Vec<Arc<str>>,
    as_of: i64,
    calendar: Calendar,
    /// Customers whose shares had to be guessed, and those whose shares had to be normalised.
    odd: Mutex<OddShares>,
}

/// The entity and as-of join that grouping or filter of the question name; none where rows are not
/// split.
pub fn owners_asked_for<'a>(
    context: &Context<'a>,
    dataset: &'a Dataset,
) -> Option<(&'a EntityName, &'a AsOfJoin)> {
    let (model, query) = (context.facts.model, context.query());
    let filter = query.filter.iter().flat_map(|filter| filter.dimensions());
    query.group_by.iter().chain(filter).find_map(|name| {
        let entity = model.dimensions.get(name)?.entity.as_ref()?;
        Some((entity, dataset.as_of_join_to(&model.datasets, entity)?))
    })
}

impl RowOwners {
    /// The owners that grouping or filter of the question name; none where they name none.
    pub async fn of_question(
        context: &Context<'_>,
        dataset: &DatasetName,
    ) -> ApiResult<Option<Self>> {
        let model = context.facts.model;
        let dataset = model.datasets.get(dataset);
        let dataset = dataset.ok_or_else(|| internal("the dataset is not in the model"))?;
        let Some((entity, join)) = owners_asked_for(context, dataset) else { return Ok(None) };
        check_time(context, &dataset.name, &join.at)?;
        let key = dataset.keys.get(&join.on);
        let key = key.ok_or_else(|| internal("a join has no key"))?.clone();
        let table = model.owners_of_join(entity, join);
        let table = table.ok_or_else(|| internal("a join leads nowhere"))?;
        let owners = context.facts.owners(&table).await?;
        context.read(&join.bridge, None);
        let owner_keys = context.facts.keys.of(entity.as_str());
        let lookup = Lookup {
            owners,
            keys: context.facts.keys.of(join.on.as_str()),
            names: owner_keys.names(),
            owner_keys,
            as_of: context.as_of(),
            calendar: model.calendar,
            odd: Mutex::default(),
        };
        let (at, owned, lookup) = (join.at.clone(), join.on.clone(), Arc::new(lookup));
        Ok(Some(Self { entity: entity.clone(), key, at, lookup, table, owned }))
    }

    /// Columns that the owners are looked up by.
    #[must_use]
    pub fn columns(&self) -> [ColumnName; 2] {
        [self.key.clone(), self.at.clone()]
    }

    /// The same rows, once for each owner, with the owner's key beside them.
    pub fn expand(&self, builder: LogicalPlanBuilder) -> ApiResult<LogicalPlanBuilder> {
        let lookup = Arc::clone(&self.lookup);
        let owners = move |arguments: &[ColumnarValue]| {
            let arrays = ColumnarValue::values_to_arrays(arguments)?;
            lookup.owners_of(&arrays).map(ColumnarValue::Array)
        };
        let item = Field::new_list_field(DataType::Utf8, true);
        let (arguments, types) = self.looked_up(&builder)?;
        let owners = create_udf(
            "owners_at",
            types,
            DataType::List(Arc::new(item)),
            Volatility::Immutable,
            Arc::new(owners),
        );
        let mut columns: Vec<Expr> =
            builder.schema().columns().into_iter().map(Expr::Column).collect();
        columns.push(owners.call(arguments).alias(OWNER));
        builder
            .project(columns)
            .and_then(|rows| rows.unnest_column(Column::new_unqualified(OWNER)))
            .map_err(plan_error)
    }

    /// The owner's part of a row.
    pub fn part_of_row(&self, builder: &LogicalPlanBuilder) -> ApiResult<Expr> {
        let scale = i8::try_from(ROW_SCALE).unwrap_or(0);
        let row = lit(ScalarValue::Decimal128(Some(WHOLE_ROW), 38, scale));
        self.part(builder, row, DataType::Decimal128(38, scale))
    }

    /// The owner's part of a value: decimals in their own scale, whole numbers in millionths,
    /// floats as floats. None where the value is no number.
    pub fn part_of(
        &self,
        builder: &LogicalPlanBuilder,
        value: Expr,
        found: &DataType,
    ) -> ApiResult<Option<Expr>> {
        let of = match found {
            DataType::Decimal128(_, scale) => DataType::Decimal128(38, *scale),
            DataType::Float16 | DataType::Float32 | DataType::Float64 => DataType::Float64,
            whole if whole.is_integer() => {
                DataType::Decimal128(38, i8::try_from(ROW_SCALE).unwrap_or(0))
            }
            _ => return Ok(None),
        };
        self.part(builder, cast(value, of.clone()), of).map(Some)
    }

    fn part(&self, builder: &LogicalPlanBuilder, value: Expr, of: DataType) -> ApiResult<Expr> {
        let lookup = Arc::clone(&self.lookup);
        let part = move |arguments: &[ColumnarValue]| {
            let arrays = ColumnarValue::values_to_arrays(arguments)?;
            lookup.parts(&arrays).map(ColumnarValue::Array)
        };
        let (mut arguments, mut types) = self.looked_up(builder)?;
        arguments.extend([col(Column::new_unqualified(OWNER)), value]);
        types.extend([DataType::Utf8, of.clone()]);
        let part = create_udf("part_of", types, of, Volatility::Immutable, Arc::new(part));
        Ok(part.call(arguments))
    }

    /// Key and instant as arguments, with their types.
    fn looked_up(&self, builder: &LogicalPlanBuilder) -> ApiResult<(Vec<Expr>, Vec<DataType>)> {
        let schema = builder.schema();
        let found = schema.field_with_unqualified_name(self.at.as_str()).map_err(plan_error)?;
        let at = match found.data_type() {
            DataType::Date32 => DataType::Date32,
            _ => DataType::Timestamp(TimeUnit::Microsecond, None),
        };
        let arguments = vec![cast(ident(&self.key), DataType::Utf8), ident(&self.at)];
        Ok((arguments, vec![DataType::Utf8, at]))
    }

    /// Notes what was odd about the shares of the rows that counted.
    pub fn note_odd(&self, context: &Context<'_>) {
        let odd = self.lookup.odd.lock().unwrap_or_else(PoisonError::into_inner);
        context.note_odd(&self.owned, &self.table, &odd);
    }
}

impl Lookup {
    /// For each row the keys of its owners, ascending; one null where it has none.
    fn owners_of(&self, arrays: &[ArrayRef]) -> Result<ArrayRef> {
        let [keys, at] = arrays else { return Err(arguments()) };
        let mut lists = ListBuilder::new(StringBuilder::new());
        let mut shares = Vec::new();
        for (key, at) in keys.as_string::<i32>().iter().zip(self.instants(at)?) {
            self.shares(key, at, &mut shares);
            for share in &shares {
                lists.values().append_option(self.names.get(share.owner as usize));
            }
            if shares.is_empty() {
                lists.values().append_null();
            }
            lists.append(true);
        }
        Ok(Arc::new(lists.finish()))
    }

    /// For each row and owner the part of the value that is the owner's.
    fn parts(&self, arrays: &[ArrayRef]) -> Result<ArrayRef> {
        let [keys, at, owners, values] = arrays else { return Err(arguments()) };
        let mut shares = Vec::new();
        let of = keys.as_string::<i32>().iter().zip(self.instants(at)?);
        let mut places = of.zip(owners.as_string::<i32>()).map(|((key, at), owner)| {
            let sharing = self.shares(key, at, &mut shares);
            let owner = owner.and_then(|owner| self.owner_keys.code(owner))?;
            let place = shares.iter().position(|share| share.owner == owner)?;
            self.note(key, sharing);
            Some((place, shares.clone()))
        });
        if values.data_type() == &DataType::Float64 {
            let values = values.as_primitive::<Float64Type>();
            let parts = values.iter().map(|value| {
                let place = places.next().flatten();
                value.map(|value| place.map_or(value, |(at, of)| value * portion(&of, at)))
            });
            return Ok(Arc::new(parts.collect::<Float64Array>()));
        }
        let values = values.as_primitive::<Decimal128Type>();
        let parts = values.iter().map(|value| {
            let place = places.next().flatten();
            value.map(|value| {
                place.map_or(value, |(at, of)| split(value, &of).get(at).copied().unwrap_or(0))
            })
        });
        let parts: Decimal128Array = parts.collect();
        Ok(Arc::new(parts.with_data_type(values.data_type().clone())))
    }

    fn instants(&self, at: &ArrayRef) -> Result<Vec<Option<i64>>> {
        instants_in(at, &self.calendar).map_err(|error| DataFusionError::Internal(error.message))
    }

    fn shares(&self, key: Option<&str>, at: Option<i64>, shares: &mut Vec<Share>) -> Sharing {
        let code = key.and_then(|key| self.keys.code(key)).unwrap_or(NONE);
        let Some(at) = at.filter(|_| code != NONE) else {
            shares.clear();
            return Sharing::Clean;
        };
        self.owners.owners_at(code, at, self.as_of, shares)
    }

    fn note(&self, key: Option<&str>, sharing: Sharing) {
        let kind = match sharing {
            Sharing::Clean => return,
            Sharing::Incomplete => 0,
            Sharing::NotOne => 1,
        };
        if let Some(code) = key.and_then(|key| self.keys.code(key)) {
            let mut odd = self.odd.lock().unwrap_or_else(PoisonError::into_inner);
            odd[kind].insert(code);
        }
    }
}

/// A share of 1 as a float.
#[allow(clippy::cast_precision_loss)]
fn portion(shares: &[Share], at: usize) -> f64 {
    let total: i128 = shares.iter().map(|share| share.weight).sum();
    let weight = shares.get(at).map_or(0, |share| share.weight);
    if total == 0 { 1.0 / shares.len() as f64 } else { weight as f64 / total as f64 }
}

fn arguments() -> DataFusionError {
    DataFusionError::Internal("an owner's function was given other arguments".to_owned())
}
