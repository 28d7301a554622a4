//! Order lines, and what part products play in attachment.

use std::sync::Arc;

use arrow::array::AsArray;
use datafusion::logical_expr::LogicalPlanBuilder;
use datafusion::prelude::cast;

use crate::engine::keys::KeySpace;
use crate::error::{ApiError, ApiResult, ErrorCode};
use crate::kernels::{NONE, OrderColumns, OrderFacts, ProductRoles};
use crate::model::{AttachKind, Model, OrderLines};

use super::attributes::{ident, lower_expr};
use super::balance::key_space_of;
use super::columns::{codes, instants_in};
use super::reader::{Reader, column};

/// Order lines with what their reading left out.
#[derive(Debug)]
pub struct LoadedOrders {
    pub facts: OrderFacts,
    pub first: Option<i64>,
    pub newest: Option<i64>,
    /// Lines without an order, customer or time.
    pub left_out: usize,
}

/// Reads order lines.
pub async fn load_orders(
    reader: &Reader<'_>,
    model: &Model,
    keys: &KeySpace,
    orders: &OrderLines,
) -> ApiResult<LoadedOrders> {
    let dataset = model.datasets.get(&orders.dataset);
    let interner = |column| keys.of(&key_space_of(dataset, column));
    let (order_keys, customers, products) =
        (interner(&orders.order), interner(&orders.customer), interner(&orders.product));
    let wanted = [
        orders.order.clone(),
        orders.customer.clone(),
        orders.product.clone(),
        orders.time.clone(),
    ];
    let mut columns = OrderColumns::default();
    let mut without_time = 0;
    reader
        .scan(&orders.dataset, &wanted, |batch| {
            let order = codes(column(batch, 0)?, &order_keys)?;
            let customer = codes(column(batch, 1)?, &customers)?;
            let product = codes(column(batch, 2)?, &products)?;
            let time = instants_in(column(batch, 3)?, reader.calendar)?;
            for row in 0..order.len() {
                let Some(time) = time[row] else {
                    without_time += 1;
                    continue;
                };
                columns.order.push(order[row]);
                columns.customer.push(customer[row]);
                columns.product.push(product[row]);
                columns.time.push(time);
            }
            Ok(())
        })
        .await?;
    let facts = OrderFacts::new(&columns);
    Ok(LoadedOrders {
        left_out: facts.left_out + without_time,
        first: columns.time.iter().min().copied(),
        newest: columns.time.iter().max().copied(),
        facts,
    })
}

/// Products with the parts that a definition's conditions give them.
#[derive(Debug)]
pub struct LoadedProducts {
    pub roles: ProductRoles,
    /// Products' keys by code.
    pub names: Vec<Arc<str>>,
}

/// Evaluates the conditions for base and attached products.
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
        lower_expr(reader, expr, scan.schema())
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
