//! Order lines, and what part products play in attachment.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray};
use datafusion::logical_expr::LogicalPlanBuilder;
use datafusion::prelude::cast;

use crate::engine::context::compute;
use crate::engine::keys::{Interner, KeyHasher, KeySpace};
use crate::error::{ApiError, ApiResult, ErrorCode};
use crate::kernels::{NONE, OrderFacts, OrderPart, ProductRoles};
use crate::model::{AttachKind, Model, OrderLines};
use crate::values::Calendar;

use super::balance::key_space_of;
use super::columns::{codes, for_each_key, times};
use super::expression::{ident, lower_condition};
use super::reader::{Reader, Visit, column};
use super::runs::{Runs, orders_of_runs};

/// Order lines with what their reading left out.
#[derive(Debug)]
pub struct LoadedOrders {
    pub facts: OrderFacts,
    pub first: Option<i64>,
    pub newest: Option<i64>,
    /// Lines without an order, customer or time.
    pub left_out: usize,
}

/// Reads order lines. Orders are told apart by their keys, which are not kept. Where nobody asks
/// whose they are (`by_customer`), their customers are not read either: all lines are one's.
pub async fn load_orders(
    reader: &Reader<'_>,
    model: &Model,
    keys: &KeySpace,
    (orders, by_customer): (&OrderLines, bool),
) -> ApiResult<LoadedOrders> {
    let dataset = model.datasets.get(&orders.dataset);
    let interner = |column| keys.of(&key_space_of(dataset, column));
    let mut wanted = vec![orders.order.clone(), orders.product.clone(), orders.time.clone()];
    // A line without a customer does not count, whoever asks.
    let reads_customers =
        by_customer || reader.table(&orders.dataset)?.may_have_nulls(&orders.customer);
    wanted.extend(reads_customers.then(|| orders.customer.clone()));
    let keys = [orders.order.clone(), orders.customer.clone()];
    let lines = Lines {
        customers: reads_customers.then(|| interner(&orders.customer)),
        products: interner(&orders.product),
        calendar: *reader.calendar,
        hasher: KeyHasher::default(),
        part: OrderPart::default(),
        runs: Runs::default(),
    };
    let parts = reader.read(&orders.dataset, &wanted, &keys, &lines).await?;
    let (parts, runs): (Vec<OrderPart>, Vec<Runs>) =
        parts.into_iter().map(|lines| (lines.part, lines.runs)).unzip();
    let facts = compute(|| {
        let orders = orders_of_runs(&runs);
        drop(runs);
        OrderFacts::of_parts(parts, orders.as_deref())
    });
    let (first, newest) = facts.range();
    Ok(LoadedOrders { left_out: facts.left_out, first, newest, facts })
}

/// Takes in order lines.
#[derive(Clone)]
struct Lines {
    /// None: customers are not read.
    customers: Option<Arc<Interner>>,
    products: Arc<Interner>,
    calendar: Calendar,
    hasher: KeyHasher,
    part: OrderPart,
    runs: Runs,
}

impl Visit for Lines {
    fn visit(&mut self, batch: &[ArrayRef]) -> ApiResult<()> {
        let product = codes(column(batch, 1)?, &self.products)?;
        let time = times(column(batch, 2)?, &self.calendar)?;
        let customer = match &self.customers {
            Some(customers) => codes(column(batch, 3)?, customers)?,
            None => vec![0; product.len()],
        };
        let Self { part, runs, hasher, .. } = self;
        for_each_key(column(batch, 0)?, |row, key| {
            let timed = time.nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
            let Some(key) = key.filter(|_| timed && customer[row] != NONE) else {
                part.left_out += 1;
                return;
            };
            let last = runs.keys.len().checked_sub(1);
            let begins = last.is_none_or(|last| !runs.keys.is(last, &key));
            if begins {
                runs.hashes.push(hasher.hash(&key));
                runs.keys.push(&key);
            }
            part.push(begins, customer[row], product[row], time.values[row]);
        })
    }
}

/// Products with the parts that a definition's conditions give them.
#[derive(Debug)]
pub struct LoadedProducts {
    pub roles: ProductRoles,
    /// Products' keys by code.
    pub names: Vec<Arc<str>>,
}

/// Evaluates the conditions for base and attached products.
///
/// # Errors
/// What is wrong with a condition, for the caller to name.
pub async fn load_products(
    reader: &Reader<'_>,
    model: &Model,
    keys: &KeySpace,
    kind: &AttachKind,
) -> ApiResult<LoadedProducts> {
    let dataset =
        model.datasets.get(&kind.products).filter(|products| !products.primary_key.is_empty());
    let dataset = dataset.ok_or_else(|| {
        ApiError::new(ErrorCode::Unavailable, format!("`{}` has no key.", kind.products))
    })?;
    let key = &dataset.primary_key[0];
    let products = keys.of(&key_space_of(Some(dataset), key));
    let mut wanted = vec![key.clone()];
    for name in kind.base.columns.iter().chain(&kind.attached.columns) {
        if !wanted.contains(name) {
            wanted.push(name.clone());
        }
    }
    let table = reader.table(&kind.products)?;
    let scan = table.scan(&wanted, None)?;
    let condition = |expr| {
        lower_condition(reader, expr, scan.schema())
            .map(|expr| cast(expr.is_true(), arrow::datatypes::DataType::Boolean))
    };
    let projection = [
        ident(key),
        condition(&kind.base)?.alias("__base"),
        condition(&kind.attached)?.alias("__attached"),
    ];
    let plan = LogicalPlanBuilder::from(scan.clone())
        .project(projection)
        .and_then(LogicalPlanBuilder::build)
        .map_err(crate::engine::aggregate::plan_error)?;
    let (mut base, mut attached) = (Vec::new(), Vec::new());
    reader
        .execute(plan, &[table], |batch| {
            let product = codes(column(batch, 0)?, &products)?;
            let is_base = column(batch, 1)?.as_boolean();
            let is_attached = column(batch, 2)?.as_boolean();
            for (row, product) in product.into_iter().enumerate().filter(|(_, code)| *code != NONE)
            {
                let place = product as usize;
                if base.len() <= place {
                    base.resize(place + 1, false);
                    attached.resize(place + 1, false);
                }
                base[place] |= is_base.value(row);
                attached[place] |= is_attached.value(row);
            }
            Ok(())
        })
        .await?;
    Ok(LoadedProducts {
        roles: ProductRoles::new(base, &attached, kind.both_count),
        names: products.names(),
    })
}
