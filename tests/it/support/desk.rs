//! A support desk: a small warehouse of a company's own tables, its definitions, and questions to
//! both Upswell and SQL.

use std::fmt::Write as _;
use std::path::Path;

use datafusion::prelude::{ParquetReadOptions, SessionContext};
use serde_json::Value as Json;
use tempfile::TempDir;
use upswell::graphql::Api;

use super::{ask, open, warehouse::write_table};

pub const PROJECT: &str = "version: 1\nwarehouse: warehouse\n";

pub const TICKETS: &str = r"
datasets:
  - name: tickets
    description: One row per support ticket.
    entity: ticket
    time: opened_at
    keys: { primary: ticket_id, customer: customer_id, device: device_id }
    columns:
      ticket_id: text
      customer_id: text
      device_id: text
      opened_at: timestamp
      amount: decimal(18, 2)
      quantity: int
      priority: text
    dimensions:
      - { name: ticket_priority, expr: priority }
      - { name: ticket_urgency, roll_up: { of: ticket_priority, map: { P1: urgent, P2: urgent } } }
    joins:
      - { to: csm_assignments, as_of: opened_at, valid: [valid_from, valid_to], weight: share }
  - name: devices
    entity: device
    keys: { primary: device_id }
    columns: { device_id: text, model: text }
    dimensions:
      - { name: device_id, key: true }
      - { name: device_model, expr: model }
      - { name: device_line, roll_up: { of: device_model, map: { A1: desk, A2: desk } } }
";

pub const METRICS: &str = r"
metrics:
  - { name: tickets_opened, kind: aggregate, dataset: tickets, aggregate: count }
  - { name: ticket_customers, kind: aggregate, dataset: tickets, aggregate: count_distinct, expr: customer_id }
  - { name: ticket_fees, kind: aggregate, dataset: tickets, aggregate: sum, expr: amount, unit: currency }
  - { name: ticket_items, kind: aggregate, dataset: tickets, aggregate: sum, expr: quantity }
  - { name: largest_fee, kind: aggregate, dataset: tickets, aggregate: max, expr: amount }
  - { name: average_fee, kind: aggregate, dataset: tickets, aggregate: average, expr: amount }
  - { name: median_fee, kind: aggregate, dataset: tickets, aggregate: median, expr: amount }
  - { name: urgent_tickets, kind: aggregate, dataset: tickets, aggregate: count, filter: priority = 'P1' }
  - { name: fee_per_ticket, kind: ratio, numerator: ticket_fees, denominator: tickets_opened }
  - { name: median_per_ticket, kind: ratio, numerator: median_fee, denominator: tickets_opened }
  - { name: fees_so_far, kind: cumulative, of: ticket_fees, window: all_time }
  - { name: fees_three_weeks, kind: cumulative, of: ticket_fees, window: 21 days }
  - { name: largest_so_far, kind: cumulative, of: largest_fee, window: year_to_date }
  - { name: average_two_months, kind: cumulative, of: average_fee, window: 2 months }
  - { name: customers_so_far, kind: cumulative, of: ticket_customers, window: all_time }
  - name: reopened
    kind: conversion
    entity: customer
    base: { dataset: tickets, filter: priority = 'P1' }
    conversion: { dataset: tickets, filter: priority = 'P2' }
    within_days: 30
";

pub fn project(root: &Path) -> (Api, upswell::catalog::Catalog) {
    let files = [
        ("upswell.yml", PROJECT),
        ("datasets/support.yml", TICKETS),
        ("metrics/support.yml", METRICS),
    ];
    open(root, &files)
}

/// Customer a changes hands on 1 February, b has two owners, c three without shares, d nobody.
pub fn support_desk() -> TempDir {
    let root = TempDir::new().unwrap();
    let warehouse = root.path().join("warehouse");
    write_table(
        &warehouse,
        "customers",
        "customer_id,name,segment\na,A,SMB\nb,B,SMB\nc,C,Large\nd,D,",
    );
    write_table(&warehouse, "csms", "csm_id,name,team\nm1,Ann,East\nm2,Bob,West\nm3,Cy,East");
    write_table(
        &warehouse,
        "csm_assignments",
        "customer_id,csm_id,share,valid_from,valid_to\n\
         a,m1,1,2026-01-01T00:00:00Z,2026-02-01T00:00:00Z\n\
         a,m2,1,2026-02-01T00:00:00Z,\n\
         b,m1,0.6,2026-01-01T00:00:00Z,\n\
         b,m2,0.4,2026-01-01T00:00:00Z,\n\
         c,m1,,2026-01-01T00:00:00Z,\n\
         c,m2,,2026-01-01T00:00:00Z,\n\
         c,m3,,2026-01-01T00:00:00Z,",
    );
    write_table(&warehouse, "devices", "device_id,model\nx,A1\ny,A2\nz,B1");
    write_table(
        &warehouse,
        "tickets",
        "ticket_id,customer_id,device_id,opened_at,amount,quantity,priority\n\
         t1,a,x,2026-01-10T00:00:00Z,10.00,5,P1\n\
         t2,b,y,2026-01-15T00:00:00Z,0.05,1,P1\n\
         t3,c,z,2026-01-20T00:00:00Z,1.00,3,P2\n\
         t4,d,,2026-01-21T00:00:00Z,7.00,2,\n\
         t5,a,x,2026-02-10T00:00:00Z,20.00,4,P2\n\
         t6,b,q,2026-02-03T00:00:00Z,-1.01,,P2\n\
         t7,,x,2026-02-04T00:00:00Z,2.00,1,P1",
    );
    root
}

pub const JANUARY: &str = r#"period: {start: "2026-01-01", end: "2026-02-01"}"#;
pub const BOTH: &str = r#"period: {start: "2026-01-01", end: "2026-03-01"}, grain: MONTH"#;

/// The rows of `metrics`, as arrays of values in column order.
pub async fn rows(api: &Api, arguments: &str) -> Vec<Json> {
    let data = ask(api, &format!("{{ metrics({arguments}) {{ rows }} }}")).await;
    let rows = data["metrics"]["rows"].as_array().unwrap().iter();
    rows.map(|row| row.as_object().unwrap().values().cloned().collect()).collect()
}

/// Equal as written, numbers to the digit.
pub fn assert_rows(found: &[Json], expected: &str) {
    let expected: Vec<Json> = serde_json::from_str(expected).unwrap();
    let text = |rows: &[Json]| rows.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    assert_eq!(text(found), text(&expected));
}

/// A DataFusion session of its own over the same folders.
pub async fn session(warehouse: &Path) -> SessionContext {
    let context = SessionContext::new();
    for entry in std::fs::read_dir(warehouse).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let options = ParquetReadOptions::default();
        context.register_parquet(&name, path.to_str().unwrap(), options).await.unwrap();
    }
    context
}

/// Rows of SQL as CSV without a header.
pub async fn sql(context: &SessionContext, text: &str) -> String {
    let batches = context.sql(text).await.unwrap().collect().await.unwrap();
    let mut out = String::new();
    for batch in &batches {
        for row in 0..batch.num_rows() {
            let cell = |column: &arrow::array::ArrayRef| {
                arrow::util::display::array_value_to_string(column, row).unwrap()
            };
            let _ =
                writeln!(out, "{}", batch.columns().iter().map(cell).collect::<Vec<_>>().join(","));
        }
    }
    out
}

/// The same rows of the API as CSV without a header, nulls empty.
pub async fn csv(api: &Api, arguments: &str) -> String {
    let mut out = String::new();
    for row in rows(api, arguments).await {
        let cells = row.as_array().unwrap().iter().map(|cell| match cell {
            Json::Null => String::new(),
            Json::String(text) => text.clone(),
            other => other.to_string(),
        });
        let _ = writeln!(out, "{}", cells.collect::<Vec<_>>().join(","));
    }
    out
}
