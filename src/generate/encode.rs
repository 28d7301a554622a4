//! Rows into Arrow columns, in the order that `table` declares them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Array, Decimal128Array, Int64Array, RecordBatch, StringArray, StringBuilder,
    TimestampMicrosecondArray,
};
use arrow::error::ArrowError;

use super::catalogue::{CHANNELS, COUNTRIES, ExpansionType, PRODUCTS, Segment};
use super::owners::Roster;
use super::profile::{acquired_on, company_name};
use super::rows::{
    AssignmentRow, BalanceRow, CustomerRow, HealthRow, IntervalRow, MilestoneRow, MonthRows,
    MovementRow, OfferRow, OrderLineRow, UsageRow,
};
use super::table::{PRECISION, Table};
use super::timeline::Month;
use super::words::{FIRST_NAMES, LAST_NAMES};

/// Acquisition cost by channel and segment, as the customer's own row shows the segment.
pub(super) type Spend = BTreeMap<(&'static str, Option<Segment>), i64>;

type Encoded = Result<RecordBatch, ArrowError>;

/// The batches of a month, empty ones left out.
pub(super) fn month_batches(
    rows: &MonthRows,
    month: Month,
) -> Result<Vec<(Table, RecordBatch)>, ArrowError> {
    let batches = vec![
        (Table::Customers, customers(&rows.customers)?),
        (Table::MrrMovements, movements(&rows.movements)?),
        (Table::SubscriptionMonths, balances(&rows.balances, month)?),
        (Table::Subscriptions, intervals(&rows.intervals)?),
        (Table::CsmAssignments, assignments(&rows.assignments)?),
        (Table::OrderLines, order_lines(&rows.order_lines)?),
        (Table::Offers, offers(&rows.offers)?),
        (Table::Milestones, milestones(&rows.milestones)?),
        (Table::UsageMonths, usage(&rows.usage, month)?),
        (Table::HealthMonths, health(&rows.health, month)?),
    ];
    Ok(batches.into_iter().filter(|(_, batch)| batch.num_rows() > 0).collect())
}

fn batch(table: Table, columns: Vec<ArrayRef>) -> Encoded {
    RecordBatch::try_new(table.schema(), columns)
}

fn customers(rows: &[CustomerRow]) -> Encoded {
    let country = |row: &CustomerRow| COUNTRIES[row.profile.country];
    let segment =
        |row: &CustomerRow| row.profile.segment_known.then(|| row.profile.segment.traits().name);
    let names: Vec<String> = rows.iter().map(|row| company_name(row.customer)).collect();
    let columns = vec![
        customer_ids(rows.iter().map(|row| row.customer)),
        texts(names.iter().map(String::as_str)),
        optional_texts(rows.iter().map(segment)),
        optional_texts(rows.iter().map(|row| row.profile.industry)),
        texts(rows.iter().map(|row| country(row).0)),
        texts(rows.iter().map(|row| country(row).1)),
        Arc::new(Date32Array::from_iter_values(rows.iter().map(|row| acquired_on(&row.profile)))),
        texts(rows.iter().map(|row| CHANNELS[row.profile.channel].0)),
        money(rows.iter().map(|row| row.profile.acquisition_cost_cents))?,
    ];
    batch(Table::Customers, columns)
}

fn movements(rows: &[MovementRow]) -> Encoded {
    let columns = vec![
        numbered_ids('m', rows.iter().map(|row| (row.customer, Some(row.number)))),
        customer_ids(rows.iter().map(|row| row.customer)),
        texts(rows.iter().map(|row| PRODUCTS[row.product].id)),
        instants(rows.iter().map(|row| Some(row.at))),
        texts(rows.iter().map(|row| row.movement.as_str())),
        optional_texts(rows.iter().map(|row| row.expansion_type.map(ExpansionType::as_str))),
        money(rows.iter().map(|row| row.cents))?,
        numbered_ids('f', rows.iter().map(|row| (row.customer, row.offer))),
    ];
    batch(Table::MrrMovements, columns)
}

fn balances(rows: &[BalanceRow], month: Month) -> Encoded {
    let columns = vec![
        months(month, rows.len()),
        customer_ids(rows.iter().map(|row| row.customer)),
        texts(rows.iter().map(|row| PRODUCTS[row.product].id)),
        money(rows.iter().map(|row| row.cents))?,
        ints(rows.iter().map(|row| Some(row.seats))),
    ];
    batch(Table::SubscriptionMonths, columns)
}

fn intervals(rows: &[IntervalRow]) -> Encoded {
    let columns = vec![
        numbered_ids('s', rows.iter().map(|row| (row.customer, Some(row.number)))),
        customer_ids(rows.iter().map(|row| row.customer)),
        texts(rows.iter().map(|row| PRODUCTS[row.product].id)),
        money(rows.iter().map(|row| row.cents))?,
        instants(rows.iter().map(|row| Some(row.from))),
        instants(rows.iter().map(|row| row.to)),
    ];
    batch(Table::Subscriptions, columns)
}

fn assignments(rows: &[AssignmentRow]) -> Encoded {
    let columns = vec![
        customer_ids(rows.iter().map(|row| row.customer)),
        csm_ids(rows.iter().map(|row| Some(row.csm))),
        decimals(rows.iter().map(|row| row.share.map(|percent| percent * 10_000)), 6)?,
        instants(rows.iter().map(|row| Some(row.from))),
        instants(rows.iter().map(|row| row.to)),
    ];
    batch(Table::CsmAssignments, columns)
}

fn order_lines(rows: &[OrderLineRow]) -> Encoded {
    let columns = vec![
        numbered_ids('o', rows.iter().map(|row| (row.customer, Some(row.order)))),
        customer_ids(rows.iter().map(|row| row.customer)),
        instants(rows.iter().map(|row| Some(row.at))),
        texts(rows.iter().map(|row| PRODUCTS[row.product].id)),
        ints(rows.iter().map(|row| Some(row.quantity))),
        money(rows.iter().map(|row| row.cents))?,
    ];
    batch(Table::OrderLines, columns)
}

fn offers(rows: &[OfferRow]) -> Encoded {
    let columns = vec![
        numbered_ids('f', rows.iter().map(|row| (row.customer, Some(row.number)))),
        customer_ids(rows.iter().map(|row| row.customer)),
        texts(rows.iter().map(|row| PRODUCTS[row.product].id)),
        csm_ids(rows.iter().map(|row| row.csm)),
        texts(rows.iter().map(|row| row.offer_type.as_str())),
        texts(rows.iter().map(|row| row.offer_type.playbook())),
        texts(rows.iter().map(|row| row.trigger)),
        texts(rows.iter().map(|row| row.channel)),
        instants(rows.iter().map(|row| Some(row.presented_at))),
        instants(rows.iter().map(|row| row.responded_at)),
        texts(rows.iter().map(|row| row.outcome.as_str())),
        money(rows.iter().map(|row| row.cents))?,
        money(rows.iter().map(|row| row.cost_cents))?,
    ];
    batch(Table::Offers, columns)
}

fn milestones(rows: &[MilestoneRow]) -> Encoded {
    let columns = vec![
        customer_ids(rows.iter().map(|row| row.customer)),
        texts(rows.iter().map(|row| row.milestone)),
        instants(rows.iter().map(|row| Some(row.at))),
    ];
    batch(Table::Milestones, columns)
}

fn usage(rows: &[UsageRow], month: Month) -> Encoded {
    let columns = vec![
        months(month, rows.len()),
        customer_ids(rows.iter().map(|row| row.customer)),
        texts(rows.iter().map(|row| PRODUCTS[row.product].id)),
        ints(rows.iter().map(|row| row.seats.map(|(used, _)| used))),
        ints(rows.iter().map(|row| row.seats.map(|(_, limit)| limit))),
        decimals(rows.iter().map(|row| row.quantity.map(|(used, _)| used * 10_000)), 4)?,
        decimals(rows.iter().map(|row| row.quantity.map(|(_, limit)| limit * 10_000)), 4)?,
    ];
    batch(Table::UsageMonths, columns)
}

fn health(rows: &[HealthRow], month: Month) -> Encoded {
    let columns = vec![
        months(month, rows.len()),
        customer_ids(rows.iter().map(|row| row.customer)),
        decimals(rows.iter().map(|row| Some(row.score * 10_000)), 4)?,
        ints(rows.iter().map(|row| row.nps)),
        decimals(rows.iter().map(|row| row.csat.map(|tenths| tenths * 1000)), 4)?,
    ];
    batch(Table::HealthMonths, columns)
}

/// What a month's customers cost to win, by channel and segment.
pub(super) fn spend(spend: &Spend, month: Month) -> Encoded {
    let columns = vec![
        months(month, spend.len()),
        texts(spend.keys().map(|(channel, _)| *channel)),
        optional_texts(spend.keys().map(|(_, segment)| segment.map(|s| s.traits().name))),
        money(spend.values().copied())?,
    ];
    batch(Table::AcquisitionSpend, columns)
}

pub(super) fn products() -> Encoded {
    let columns = vec![
        texts(PRODUCTS.iter().map(|product| product.id)),
        texts(PRODUCTS.iter().map(|product| product.name)),
        texts(PRODUCTS.iter().map(|product| product.family)),
        texts(PRODUCTS.iter().map(|product| product.kind)),
        ints(PRODUCTS.iter().map(|product| Some(product.tier))),
    ];
    batch(Table::Products, columns)
}

pub(super) fn csms(roster: &Roster) -> Encoded {
    let members: Vec<_> = roster.members().collect();
    let names: Vec<String> = members.iter().map(|(csm, _)| csm_name(*csm as usize)).collect();
    let columns = vec![
        csm_ids(members.iter().map(|(csm, _)| Some(*csm))),
        texts(names.iter().map(String::as_str)),
        texts(members.iter().map(|(_, segment)| segment.traits().team)),
    ];
    batch(Table::Csms, columns)
}

/// First and last names run in cycles without a common factor: no two managers share both.
fn csm_name(csm: usize) -> String {
    let first = FIRST_NAMES[csm % FIRST_NAMES.len()];
    let last = LAST_NAMES[csm * 7 % LAST_NAMES.len()];
    format!("{first} {last}")
}

/// `c0000001`: numbered from one, as wide as seven digits so that text and number sort alike.
fn customer_ids(customers: impl Iterator<Item = u32>) -> ArrayRef {
    let mut ids = StringBuilder::new();
    let mut last = (u32::MAX, String::new());
    for customer in customers {
        // Rows of a customer lie together.
        if last.0 != customer {
            last = (customer, format!("c{:07}", customer + 1));
        }
        ids.append_value(&last.1);
    }
    Arc::new(ids.finish())
}

/// `m0000001-3`: the customer's third.
fn numbered_ids(prefix: char, rows: impl Iterator<Item = (u32, Option<u32>)>) -> ArrayRef {
    let mut ids = StringBuilder::new();
    let mut id = String::new();
    for (customer, number) in rows {
        if let Some(number) = number {
            id.clear();
            // Writing to a string cannot fail.
            let _ = write!(id, "{prefix}{:07}-{number}", customer + 1);
            ids.append_value(&id);
        } else {
            ids.append_null();
        }
    }
    Arc::new(ids.finish())
}

fn csm_ids(csms: impl Iterator<Item = Option<u32>>) -> ArrayRef {
    let ids = csms.map(|csm| csm.map(|csm| format!("csm{:03}", csm + 1)));
    Arc::new(ids.collect::<StringArray>())
}

fn texts<'a>(values: impl Iterator<Item = &'a str>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(values))
}

fn optional_texts<'a>(values: impl Iterator<Item = Option<&'a str>>) -> ArrayRef {
    Arc::new(values.collect::<StringArray>())
}

fn ints(values: impl Iterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(values.collect::<Int64Array>())
}

fn instants(values: impl Iterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(values.collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
}

fn months(month: Month, rows: usize) -> ArrayRef {
    let day =
        Date32Array::from_iter_values(std::iter::repeat_n(month.first_day().to_epoch_days(), rows));
    Arc::new(day)
}

fn money(cents: impl Iterator<Item = i64>) -> Result<ArrayRef, ArrowError> {
    decimals(cents.map(Some), 2)
}

/// Decimals of a scale from their units: cents for scale 2.
fn decimals(units: impl Iterator<Item = Option<i64>>, scale: i8) -> Result<ArrayRef, ArrowError> {
    let values: Decimal128Array = units.map(|unit| unit.map(i128::from)).collect();
    Ok(Arc::new(values.with_precision_and_scale(PRECISION, scale)?))
}
