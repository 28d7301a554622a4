//! Recurring revenue in any of its shapes → [`BalanceFacts`].

use std::collections::BTreeSet;

use arrow::array::ArrayRef;
use chrono::{Datelike, NaiveDate};

use crate::engine::keys::{Interner, KeySpace};
use crate::error::ApiResult;
use crate::kernels::{BalanceFacts, Code, Known, NONE};
use crate::model::{
    BalanceShape, ColumnName, Dataset, Intervals, Ledger, Model, MovementClass, Snapshots,
};
use crate::values::{Calendar, Instant, shift_months};

use super::columns::{amounts, codes, instants, scale_of};
use super::reader::{Reader, column};

/// Facts with what their reading left out.
#[derive(Debug)]
pub struct LoadedBalance {
    pub facts: BalanceFacts,
    pub shape: BalanceShape,
    /// Rows without customer, time or amount.
    pub left_out: usize,
    /// Movement classes that no mapping names, and how many rows carry them.
    pub unmapped: Vec<String>,
}

/// Reads one shape of a balance.
pub async fn load_balance(
    reader: &Reader<'_>,
    model: &Model,
    keys: &KeySpace,
    shape: &BalanceShape,
) -> ApiResult<LoadedBalance> {
    match shape {
        BalanceShape::Ledger(ledger) => load_ledger(reader, model, keys, ledger).await,
        BalanceShape::Intervals(intervals) => load_intervals(reader, model, keys, intervals).await,
        BalanceShape::Snapshots(snapshots) => load_snapshots(reader, model, keys, snapshots).await,
    }
    .map(|(facts, left_out, unmapped)| LoadedBalance {
        facts,
        shape: shape.clone(),
        left_out,
        unmapped,
    })
}

type Loaded = (BalanceFacts, usize, Vec<String>);

/// The name of the interner of a key column: its entity, so that tables share codes.
#[must_use]
pub fn key_space_of(dataset: Option<&Dataset>, column: &ColumnName) -> String {
    dataset
        .and_then(|dataset| dataset.keys.iter().find(|(_, key)| *key == column))
        .map_or_else(|| format!("column {column}"), |(entity, _)| entity.as_str().to_owned())
}

async fn load_ledger(
    reader: &Reader<'_>,
    model: &Model,
    keys: &KeySpace,
    ledger: &Ledger,
) -> ApiResult<Loaded> {
    let dataset = model.datasets.get(&ledger.dataset);
    let customers = keys.of(&key_space_of(dataset, &ledger.customer));
    let classes = Interner::default();
    let mut columns = vec![
        ledger.customer.clone(),
        ledger.time.clone(),
        ledger.amount.clone(),
        ledger.class.clone(),
    ];
    let product = optional(&mut columns, ledger.product.as_ref());
    let kind = optional(&mut columns, ledger.expansion_type.as_ref());
    let offer = optional(&mut columns, ledger.offer.as_ref());
    let interner = |column: &Option<ColumnName>| {
        column.as_ref().map(|column| keys.of(&key_space_of(dataset, column)))
    };
    let coded = [
        (product, interner(&ledger.product)),
        (kind, interner(&ledger.expansion_type)),
        (offer, interner(&ledger.offer)),
    ];
    let scale = scale_of(reader.table(&ledger.dataset)?.column_type(&ledger.amount));
    let mut rows = Rows { extra: vec![Vec::new(); 3], ..Rows::default() };
    reader
        .scan(&ledger.dataset, &columns, |batch| {
            let part = Batch {
                customer: codes(column(batch, 0)?, &customers)?,
                time: instants(column(batch, 1)?)?,
                amount: amounts(column(batch, 2)?, scale)?,
            };
            let class = codes(column(batch, 3)?, &classes)?;
            let extra = coded
                .iter()
                .map(|(place, interner)| optional_codes(batch, *place, interner.as_deref()))
                .collect::<ApiResult<Vec<_>>>()?;
            rows.push(&part, Some(&class), &extra);
            Ok(())
        })
        .await?;
    let names = classes.names();
    let by_code: Vec<u8> = names.iter().map(|name| class_index(name)).collect();
    let mut unmapped: Vec<String> = names
        .iter()
        .filter(|name| class_index(name) == BalanceFacts::UNMAPPED)
        .map(|name| name.to_string())
        .collect();
    if rows.class.contains(&NONE) {
        unmapped.push("null".to_owned());
    }
    unmapped.sort();
    let left_out = rows.left_out;
    let class = rows
        .class
        .iter()
        .map(|code| by_code.get(*code as usize).copied().unwrap_or(BalanceFacts::UNMAPPED))
        .collect();
    let mut facts = rows.into_facts(scale, Some(class));
    facts.recorded = true;
    Ok((facts, left_out, unmapped))
}

fn class_index(name: &str) -> u8 {
    MovementClass::parse(name)
        .and_then(|class| MovementClass::ALL.iter().position(|other| *other == class))
        .and_then(|index| u8::try_from(index).ok())
        .unwrap_or(BalanceFacts::UNMAPPED)
}

async fn load_intervals(
    reader: &Reader<'_>,
    model: &Model,
    keys: &KeySpace,
    shape: &Intervals,
) -> ApiResult<Loaded> {
    let dataset = model.datasets.get(&shape.dataset);
    let customers = keys.of(&key_space_of(dataset, &shape.customer));
    let products = shape.product.as_ref().map(|column| keys.of(&key_space_of(dataset, column)));
    let mut columns =
        vec![shape.customer.clone(), shape.from.clone(), shape.to.clone(), shape.amount.clone()];
    let product = optional(&mut columns, shape.product.as_ref());
    let scale = scale_of(reader.table(&shape.dataset)?.column_type(&shape.amount));
    let (mut first, mut newest) = (None, None);
    let mut rows = Rows { extra: vec![Vec::new()], ..Rows::default() };
    reader
        .scan(&shape.dataset, &columns, |batch| {
            let from = instants(column(batch, 1)?)?;
            let to = instants(column(batch, 2)?)?;
            first = from.iter().flatten().copied().min().into_iter().chain(first).min();
            newest = newest.max(from.iter().flatten().copied().max());
            let customer = codes(column(batch, 0)?, &customers)?;
            let amount = amounts(column(batch, 3)?, scale)?;
            let product = optional_codes(batch, product, products.as_deref())?;
            for row in 0..from.len() {
                let code = product.get(row).copied().unwrap_or(NONE);
                rows.interval(customer[row], code, amount[row], from[row], to[row]);
            }
            Ok(())
        })
        .await?;
    let left_out = rows.left_out;
    let mut facts = rows.into_facts(scale, None);
    // Ends may lie in the future (contracts); what was observed are beginnings.
    facts.first = first;
    facts.newest = newest;
    Ok((facts, left_out, Vec::new()))
}

async fn load_snapshots(
    reader: &Reader<'_>,
    model: &Model,
    keys: &KeySpace,
    shape: &Snapshots,
) -> ApiResult<Loaded> {
    let dataset = model.datasets.get(&shape.dataset);
    let customers = keys.of(&key_space_of(dataset, &shape.customer));
    let products = shape.product.as_ref().map(|column| keys.of(&key_space_of(dataset, column)));
    let mut columns = vec![shape.customer.clone(), shape.month.clone(), shape.amount.clone()];
    let product = optional(&mut columns, shape.product.as_ref());
    let scale = scale_of(reader.table(&shape.dataset)?.column_type(&shape.amount));
    let mut units = Vec::new();
    let mut left_out = 0;
    reader
        .scan(&shape.dataset, &columns, |batch| {
            let customer = codes(column(batch, 0)?, &customers)?;
            let month = instants(column(batch, 1)?)?;
            let amount = amounts(column(batch, 2)?, scale)?;
            let product = optional_codes(batch, product, products.as_deref())?;
            for row in 0..customer.len() {
                match (customer[row], month[row], amount[row]) {
                    (NONE, _, _) | (_, None, _) | (_, _, None) => left_out += 1,
                    (customer, Some(at), Some(amount)) => units.push(SnapshotRow {
                        customer,
                        product: product.get(row).copied().unwrap_or(NONE),
                        month: month_index(&model.calendar, at),
                        amount,
                    }),
                }
            }
            Ok(())
        })
        .await?;
    Ok((snapshot_facts(units, scale, &model.calendar), left_out, Vec::new()))
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
fn snapshot_facts(mut units: Vec<SnapshotRow>, scale: u8, calendar: &Calendar) -> BalanceFacts {
    units.sort_unstable();
    let months: BTreeSet<i32> = units.iter().map(|row| row.month).collect();
    let months: Vec<i32> = months.into_iter().collect();
    let ends: Vec<i64> = months.iter().map(|month| month_end(calendar, *month)).collect();
    let mut rows = Rows { extra: vec![Vec::new()], ..Rows::default() };
    let mut start = 0;
    while start < units.len() {
        let unit = (units[start].customer, units[start].product);
        let end = start + units[start..].partition_point(|row| (row.customer, row.product) == unit);
        let mut balance = 0i64;
        let mut place = 0;
        while place < months.len() {
            let amount = amount_in(&units[start..end], months[place]);
            if amount != balance {
                rows.change(unit.0, unit.1, ends[place] - 1, amount.saturating_sub(balance));
                balance = amount;
            }
            place += 1;
        }
        start = end;
    }
    let mut facts = rows.into_facts(scale, None);
    facts.first = ends.first().map(|end| end - 1);
    facts.newest = ends.last().map(|end| end - 1);
    facts.known = Known::At(ends);
    facts
}

fn amount_in(unit: &[SnapshotRow], month: i32) -> i64 {
    let from = unit.partition_point(|row| row.month < month);
    unit[from..].iter().take_while(|row| row.month == month).map(|row| row.amount).sum()
}

struct Batch {
    customer: Vec<Code>,
    time: Vec<Option<i64>>,
    amount: Vec<Option<i64>>,
}

/// Changes as they are read, not yet sorted.
#[derive(Default)]
struct Rows {
    customer: Vec<Code>,
    time: Vec<i64>,
    amount: Vec<i64>,
    class: Vec<Code>,
    /// Product, then (ledgers) kind and offer.
    extra: Vec<Vec<Code>>,
    left_out: usize,
}

impl Rows {
    fn push(&mut self, batch: &Batch, class: Option<&[Code]>, extra: &[Vec<Code>]) {
        for row in 0..batch.customer.len() {
            let (Some(at), Some(amount)) = (batch.time[row], batch.amount[row]) else {
                self.left_out += 1;
                continue;
            };
            if batch.customer[row] == NONE {
                self.left_out += 1;
                continue;
            }
            self.customer.push(batch.customer[row]);
            self.time.push(at);
            self.amount.push(amount);
            if let Some(class) = class {
                self.class.push(class[row]);
            }
            for (all, part) in self.extra.iter_mut().zip(extra) {
                all.push(part.get(row).copied().unwrap_or(NONE));
            }
        }
    }

    fn change(&mut self, customer: Code, product: Code, at: i64, amount: i64) {
        self.customer.push(customer);
        self.time.push(at);
        self.amount.push(amount);
        if let Some(products) = self.extra.first_mut() {
            products.push(product);
        }
    }

    fn interval(
        &mut self,
        customer: Code,
        product: Code,
        amount: Option<i64>,
        from: Option<i64>,
        to: Option<i64>,
    ) {
        let (Some(amount), Some(from)) = (amount, from) else {
            self.left_out += 1;
            return;
        };
        if customer == NONE || to.is_some_and(|to| to <= from) {
            self.left_out += 1;
            return;
        }
        self.change(customer, product, from, amount);
        if let Some(to) = to {
            self.change(customer, product, to, -amount);
        }
    }

    /// Sorts by customer (counting), then by time within each customer.
    fn into_facts(self, scale: u8, class: Option<Vec<u8>>) -> BalanceFacts {
        let customers = self.customer.iter().max().map_or(0, |last| *last as usize + 1);
        let mut offsets = vec![0usize; customers + 1];
        for customer in &self.customer {
            offsets[*customer as usize + 1] += 1;
        }
        for customer in 0..customers {
            offsets[customer + 1] += offsets[customer];
        }
        let mut next = offsets.clone();
        let mut order = vec![0u32; self.customer.len()];
        for (row, customer) in self.customer.iter().enumerate() {
            let place = &mut next[*customer as usize];
            order[*place] = u32::try_from(row).unwrap_or(u32::MAX);
            *place += 1;
        }
        for customer in 0..customers {
            let rows = &mut order[offsets[customer]..offsets[customer + 1]];
            if !rows.is_sorted_by_key(|row| self.time[*row as usize]) {
                rows.sort_by_key(|row| self.time[*row as usize]);
            }
        }
        let pick = |codes: Option<&Vec<Code>>| -> Vec<Code> {
            codes.map_or_else(Vec::new, |codes| {
                order.iter().map(|row| codes[*row as usize]).collect()
            })
        };
        let nth = |index: usize| self.extra.get(index).filter(|codes| !codes.is_empty());
        BalanceFacts {
            time: order.iter().map(|row| self.time[*row as usize]).collect(),
            amount: order.iter().map(|row| self.amount[*row as usize]).collect(),
            product: nth(0).map_or_else(|| vec![NONE; order.len()], |codes| pick(Some(codes))),
            kind: pick(nth(1)),
            offer: pick(nth(2)),
            class: class.map_or_else(Vec::new, |class| {
                order.iter().map(|row| class[*row as usize]).collect()
            }),
            recorded: false,
            scale,
            known: Known::Always,
            first: self.time.iter().min().copied(),
            newest: self.time.iter().max().copied(),
            offsets,
        }
    }
}

fn optional(columns: &mut Vec<ColumnName>, column: Option<&ColumnName>) -> Option<usize> {
    column.map(|column| {
        columns.push(column.clone());
        columns.len() - 1
    })
}

fn optional_codes(
    batch: &[ArrayRef],
    place: Option<usize>,
    interner: Option<&Interner>,
) -> ApiResult<Vec<Code>> {
    match (place, interner) {
        (Some(place), Some(interner)) => codes(column(batch, place)?, interner),
        _ => Ok(Vec::new()),
    }
}
