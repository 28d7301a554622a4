//! Balances at month ends → the changes between them.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::ArrayRef;
use chrono::{Datelike, NaiveDate};

use crate::engine::keys::{Interner, KeySpace};
use crate::error::ApiResult;
use crate::kernels::{BalanceFacts, Changes, Code, Known, NONE};
use crate::model::{Model, Snapshots};
use crate::values::{Calendar, Instant, shift_months};

use super::balance::{Coded, Read, coded, key_space_of};
use super::columns::{codes, money, scale_of, times};
use super::kept::sorted;
use super::reader::{Reader, Visit, column};

/// Reads snapshots, by product or each customer's as one.
pub async fn load_snapshots(
    reader: &Reader<'_>,
    model: &Model,
    keys: &KeySpace,
    (shape, by_product): (&Snapshots, bool),
) -> ApiResult<Read> {
    let dataset = model.datasets.get(&shape.dataset);
    let mut columns = vec![shape.customer.clone(), shape.month.clone(), shape.amount.clone()];
    let product = shape.product.as_ref().filter(|_| by_product).map(|name| {
        columns.push(name.clone());
        (columns.len() - 1, keys.of(&key_space_of(dataset, name)))
    });
    let scale = scale_of(reader.table(&shape.dataset)?.column_type(&shape.amount));
    let visitor = Balances {
        customers: keys.of(&key_space_of(dataset, &shape.customer)),
        calendar: *reader.calendar,
        scale,
        product,
        rows: Vec::new(),
        left_out: 0,
    };
    let compact = [shape.customer.clone(), shape.amount.clone()];
    let parts = reader.read(&shape.dataset, &columns, &compact, &visitor).await?;
    let left_out = parts.iter().map(|part| part.left_out).sum();
    let rows = parts.into_iter().flat_map(|part| part.rows).collect();
    let by_product = shape.product.is_some() && by_product;
    let facts = snapshot_facts(rows, (scale, by_product), &model.calendar)?;
    Ok(Read { facts, left_out, unmapped: BTreeSet::new(), others: 0 })
}

/// Takes in balances.
#[derive(Clone)]
struct Balances {
    customers: Arc<Interner>,
    calendar: Calendar,
    scale: u8,
    product: Option<Coded>,
    rows: Vec<SnapshotRow>,
    left_out: usize,
}

impl Visit for Balances {
    fn visit(&mut self, batch: &[ArrayRef]) -> ApiResult<()> {
        let customer = codes(column(batch, 0)?, &self.customers)?;
        let month = times(column(batch, 1)?, &self.calendar)?;
        let amount = money(column(batch, 2)?, self.scale)?;
        let product = coded(batch, self.product.as_ref())?;
        // Rows of one month lie together.
        let mut last: Option<(i64, i32)> = None;
        for (row, customer) in customer.into_iter().enumerate() {
            let known = [&month.nulls, &amount.nulls]
                .iter()
                .all(|nulls| nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row)));
            if !known || customer == NONE {
                self.left_out += 1;
                continue;
            }
            let at = month.values[row];
            let month = match last {
                Some((same, month)) if same == at => month,
                _ => month_index(&self.calendar, at),
            };
            last = Some((at, month));
            self.rows.push(SnapshotRow {
                customer,
                product: product.get(row).copied().unwrap_or(NONE),
                month,
                amount: amount.values[row],
            });
        }
        Ok(())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct SnapshotRow {
    customer: Code,
    product: Code,
    /// Months since year 0.
    month: i32,
    amount: i64,
}

/// Snapshot months are labels of the reporting zone: midnight there, or a plain date.
fn month_index(calendar: &Calendar, at: i64) -> i32 {
    let day = calendar.day_of(Instant(at));
    day.year() * 12 + i32::try_from(day.month0()).unwrap_or(0)
}

fn month_end(calendar: &Calendar, month: i32) -> i64 {
    let first = NaiveDate::from_ymd_opt(
        month.div_euclid(12),
        u32::try_from(month.rem_euclid(12)).unwrap_or(0) + 1,
        1,
    )
    .unwrap_or_default();
    calendar.midnight(shift_months(first, 1)).0
}

/// Balances at month ends → changes between consecutive snapshots of each unit. A unit without a
/// row in a month that other units have is at zero there.
fn snapshot_facts(
    mut units: Vec<SnapshotRow>,
    (scale, by_product): (u8, bool),
    calendar: &Calendar,
) -> ApiResult<BalanceFacts> {
    units.sort_unstable();
    let months: BTreeSet<i32> = units.iter().map(|row| row.month).collect();
    let months: Vec<i32> = months.into_iter().collect();
    let ends: Vec<i64> = months.iter().map(|month| month_end(calendar, *month)).collect();
    let mut rows = Changes::default();
    let mut start = 0;
    while start < units.len() {
        let unit = (units[start].customer, units[start].product);
        let end = start + units[start..].partition_point(|row| (row.customer, row.product) == unit);
        let mut balance = 0i64;
        let mut place = 0;
        while place < months.len() {
            let amount = amount_in(&units[start..end], months[place]);
            if amount != balance {
                rows.customer.push(unit.0);
                rows.product.extend(by_product.then_some(unit.1));
                rows.time.push(ends[place] - 1);
                rows.amount.push(amount.saturating_sub(balance));
                balance = amount;
            }
            place += 1;
        }
        start = end;
    }
    drop(units);
    let mut facts = sorted(&[rows])?;
    facts.scale = scale;
    facts.first = ends.first().map(|end| end - 1);
    facts.newest = ends.last().map(|end| end - 1);
    facts.known = Known::At(ends);
    Ok(facts)
}

fn amount_in(unit: &[SnapshotRow], month: i32) -> i64 {
    let from = unit.partition_point(|row| row.month < month);
    unit[from..].iter().take_while(|row| row.month == month).map(|row| row.amount).sum()
}
