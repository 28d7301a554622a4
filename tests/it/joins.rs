//! Own tables: owners at a row's time through as-of joins, attributes by keys, passes that
//! questions share, cumulative windows. Numbers are worked out by hand or by SQL over the same
//! files.

use std::fmt::Write as _;
use std::path::Path;

use datafusion::prelude::{ParquetReadOptions, SessionContext};
use serde_json::{Value as Json, json};
use tempfile::TempDir;
use upswell::graphql::Api;

use crate::support::demo::demo;
use crate::support::{api_of, ask, execute, open, refused, warehouse::write_table};

const PROJECT: &str = "version: 1\nwarehouse: warehouse\n";

const TICKETS: &str = r#"
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
"#;

const METRICS: &str = r"
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

fn project(root: &Path) -> (Api, upswell::catalog::Catalog) {
    let files = [
        ("upswell.yml", PROJECT),
        ("datasets/support.yml", TICKETS),
        ("metrics/support.yml", METRICS),
    ];
    open(root, &files)
}

/// Customer a changes hands on 1 February, b has two owners, c three without shares, d nobody.
fn support_desk() -> TempDir {
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

const JANUARY: &str = r#"period: {start: "2026-01-01", end: "2026-02-01"}"#;
const BOTH: &str = r#"period: {start: "2026-01-01", end: "2026-03-01"}, grain: MONTH"#;

/// The rows of `metrics`, as arrays of values in column order.
async fn rows(api: &Api, arguments: &str) -> Vec<Json> {
    let data = ask(api, &format!("{{ metrics({arguments}) {{ rows }} }}")).await;
    let rows = data["metrics"]["rows"].as_array().unwrap().iter();
    rows.map(|row| row.as_object().unwrap().values().cloned().collect()).collect()
}

/// Equal as written, numbers to the digit.
fn assert_rows(found: &[Json], expected: &str) {
    let expected: Vec<Json> = serde_json::from_str(expected).unwrap();
    let text = |rows: &[Json]| rows.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    assert_eq!(text(found), text(&expected));
}

#[tokio::test]
async fn rows_are_split_over_their_owners_at_the_time_and_sums_conserve() {
    let root = support_desk();
    let (api, _) = project(root.path());
    let select = "select: [tickets_opened, ticket_fees, ticket_items]";
    let january = rows(&api, &format!("{select}, {JANUARY}, groupBy: [csm_id]")).await;
    // t1 is m1's; t2 0.6 m1, 0.4 m2 (3 and 2 cents); t3 a third each, the odd unit to m1; t4 nobody's.
    assert_rows(
        &january,
        r#"[["m1", 1.933334, 10.37, 6.600000],
            ["m2", 0.733333, 0.35, 1.400000],
            ["m3", 0.333333, 0.33, 1.000000],
            [null, 1.000000, 7.00, 2.000000]]"#,
    );
    // In February a's ticket is m2's. t6: -1.01 by 0.6 and 0.4; t7 has no customer.
    let february = rows(&api, &format!("{select}, {BOTH}, groupBy: [csm_team]")).await;
    assert_rows(
        &february,
        r#"[["2026-01-01", "East", 2.266667, 10.70, 7.600000],
            ["2026-01-01", "West", 0.733333, 0.35, 1.400000],
            ["2026-01-01", null, 1.000000, 7.00, 2.000000],
            ["2026-02-01", "East", 0.600000, -0.61, 0],
            ["2026-02-01", "West", 1.400000, 19.60, 4.000000],
            ["2026-02-01", null, 1.000000, 2.00, 1.000000]]"#,
    );
    let whole = rows(&api, &format!("{select}, {BOTH}")).await;
    assert_rows(&whole, r#"[["2026-01-01", 4, 18.05, 11], ["2026-02-01", 3, 20.99, 5]]"#);
}

#[tokio::test]
async fn a_filter_by_owner_keeps_the_owner_s_part() {
    let root = support_desk();
    let (api, _) = project(root.path());
    for (filter, expected) in [
        (r#"{csm_id: {eq: "m1"}}"#, r#"[["SMB", 1.600000, 10.03], ["Large", 0.333334, 0.34]]"#),
        (r#"{csm_name: {eq: "Bob"}}"#, r#"[["SMB", 0.400000, 0.02], ["Large", 0.333333, 0.33]]"#),
        ("{csm_id: {isNull: true}}", "[[null, 1.000000, 7.00]]"),
        (
            r#"{not: {csm_team: {eq: "East"}}}"#,
            r#"[["SMB", 0.400000, 0.02], ["Large", 0.333333, 0.33], [null, 1.000000, 7.00]]"#,
        ),
        (
            r#"{or: [{csm_id: {eq: "m3"}}, {segment: {isNull: true}}]}"#,
            r#"[["Large", 0.333333, 0.33], [null, 1.000000, 7.00]]"#,
        ),
    ] {
        let found = rows(
            &api,
            &format!(
                "select: [tickets_opened, ticket_fees], {JANUARY}, groupBy: [segment], where: {filter}, \
                 orderBy: [{{by: \"segment\", descending: true, nulls: LAST}}]"
            ),
        )
        .await;
        assert_rows(&found, expected);
    }
}

#[tokio::test]
async fn what_does_not_add_up_sees_a_row_once_for_each_owner() {
    let root = support_desk();
    let (api, _) = project(root.path());
    let found = rows(
        &api,
        &format!("select: [ticket_customers, largest_fee, average_fee, fee_per_ticket], {JANUARY}, groupBy: [csm_id]"),
    )
    .await;
    // The average is what the owner's parts of fees and tickets give: 10.37 / 1.933334.
    let average = |cents: f64, millionths: f64| json!(cents * 10_000.0 / millionths);
    let expected = json!([
        ["m1", 3, 10.00, average(1037.0, 1_933_334.0), average(1037.0, 1_933_334.0)],
        ["m2", 2, 1.00, average(35.0, 733_333.0), average(35.0, 733_333.0)],
        ["m3", 1, 1.00, average(33.0, 333_333.0), average(33.0, 333_333.0)],
        [null, 1, 7.00, 7.0, 7.0],
    ]);
    for (found, expected) in found.iter().zip(expected.as_array().unwrap()) {
        for (cell, wanted) in found.as_array().unwrap().iter().zip(expected.as_array().unwrap()) {
            assert_eq!(cell.as_f64(), wanted.as_f64(), "{found} {expected}");
        }
    }
    assert_eq!(found.len(), 4);
    let (code, message) = refused(
        &api,
        &format!("{{ metrics(select: [median_fee], {JANUARY}, groupBy: [csm_id]) {{ rows }} }}"),
    )
    .await;
    assert_eq!(code, "INCOMPATIBLE_DIMENSION");
    assert!(message.contains("`median_fee`") && message.contains("device_model"), "{message}");
}

#[tokio::test]
async fn conversions_are_split_too() {
    let root = support_desk();
    let (api, _) = project(root.path());
    let found = rows(&api, &format!("select: [reopened], {JANUARY}, groupBy: [csm_id]")).await;
    // P1 of a on 10 January: P2 after 31 days, too late. P1 of b on 15 January: P2 on 3 February.
    // m1 holds a and 0.6 of b.
    assert_rows(&found, r#"[["m1", 0.375], ["m2", 1.0]]"#);
}

#[tokio::test]
async fn odd_shares_are_noted_and_the_bridge_is_part_of_the_snapshot() {
    let root = support_desk();
    let (api, _) = project(root.path());
    let document = |by: &str| {
        format!(
            "{{ metrics(select: [tickets_opened], {JANUARY}, groupBy: [{by}]) {{ provenance {{ notes snapshot }} }} }}"
        )
    };
    let by_owner = ask(&api, &document("csm_id")).await;
    let notes = by_owner["metrics"]["provenance"]["notes"].to_string();
    assert!(notes.contains("1 customer had several owners at once without a share"), "{notes}");
    let by_device = ask(&api, &document("device_id")).await;
    assert_eq!(by_device["metrics"]["provenance"]["notes"], json!([]));
    let snapshot = |data: &Json| data["metrics"]["provenance"]["snapshot"].clone();
    assert_ne!(snapshot(&by_owner), snapshot(&by_device));
    // As of mid-January only t1 and t2 have happened.
    let early = rows(
        &api,
        &format!("select: [tickets_opened], {BOTH}, groupBy: [csm_id], asOf: \"2026-01-16\""),
    )
    .await;
    assert_rows(
        &early,
        r#"[["2026-01-01", "m1", 1.600000], ["2026-01-01", "m2", 0.400000],
            ["2026-02-01", "m1", 0.000000], ["2026-02-01", "m2", 0.000000]]"#,
    );
}

#[tokio::test]
async fn own_aggregates_over_the_ledger_are_credited_like_the_canonical_ones() {
    let root = demo(300, 18, 7);
    let own = "metrics:\n  - name: own_expansion\n    kind: aggregate\n    dataset: mrr_movements\n    \
               aggregate: sum\n    expr: amount\n    filter: movement = 'expansion'\n";
    let api = api_of(root.path(), &[("upswell.yml", PROJECT), ("metrics/own.yml", own)]);
    for by in ["csm_id", "csm_team, segment", "csm_name, expansion_type, product_family"] {
        let found = rows(
            &api,
            &format!(
                "select: [own_expansion, expansion_mrr, credited_mrr], groupBy: [{by}], grain: MONTH, \
                 period: {{start: \"2023-01-01\", end: \"2024-07-01\"}}, limit: 100000"
            ),
        )
        .await;
        assert!(found.len() > 100, "{by}: {}", found.len());
        let mut filled = 0;
        for row in &found {
            let numbers: Vec<Option<f64>> =
                row.as_array().unwrap().iter().rev().take(3).map(Json::as_f64).collect();
            assert!(numbers.iter().all(|number| *number == numbers[0]), "{by}: {row}");
            filled += usize::from(numbers[0] != Some(0.0));
        }
        assert!(filled > 50, "{by}: {filled}");
    }
}

/// A DataFusion session of its own over the same folders.
async fn session(warehouse: &Path) -> SessionContext {
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
async fn sql(context: &SessionContext, text: &str) -> String {
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
async fn csv(api: &Api, arguments: &str) -> String {
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

#[tokio::test]
async fn attributes_come_by_key_and_never_multiply_rows() {
    let root = support_desk();
    let (api, _) = project(root.path());
    let context = session(&root.path().join("warehouse")).await;
    let measures = "COUNT(*), SUM(t.amount), COUNT(DISTINCT t.customer_id)";
    let select = "select: [tickets_opened, ticket_fees, ticket_customers]";
    for (by, columns) in [
        ("device_model", "d.model"),
        ("device_id", "t.device_id"),
        ("segment, device_model", "c.segment, d.model"),
        ("ticket_priority", "t.priority"),
        ("ticket_urgency", "CASE WHEN t.priority IN ('P1', 'P2') THEN 'urgent' END"),
        ("device_line, segment", "CASE WHEN d.model IN ('A1', 'A2') THEN 'desk' END, c.segment"),
        ("customer_name, ticket_priority", "c.name, t.priority"),
    ] {
        let places: Vec<String> =
            (1..=columns.replace(", 'P2'", "").replace(", 'A2'", "").split(", ").count())
                .map(|place| format!("{place} NULLS LAST"))
                .collect();
        let expected = sql(
            &context,
            &format!(
                "SELECT {columns}, {measures} FROM tickets t LEFT JOIN devices d ON d.device_id = t.device_id \
                 LEFT JOIN customers c ON c.customer_id = t.customer_id GROUP BY {columns} ORDER BY {}",
                places.join(", ")
            ),
        )
        .await;
        let period = r#"period: {start: "2026-01-01", end: "2026-03-01"}"#;
        let found = csv(&api, &format!("{select}, {period}, groupBy: [{by}]")).await;
        assert_eq!(found, expected, "{by}");
    }
    write_table(&root.path().join("warehouse"), "devices", "device_id,model\nx,A1\nx,A2");
    let (api, _) = project(root.path());
    let document = format!(
        "{{ metrics(select: [tickets_opened], {JANUARY}, groupBy: [device_model]) {{ rows }} }}"
    );
    let (code, message) = refused(&api, &document).await;
    assert_eq!(code, "BAD_DATA");
    assert!(message.contains("devices") && message.contains("unique"), "{message}");
}

#[tokio::test]
async fn filters_of_metrics_count_what_is_true_whatever_is_null() {
    let root = support_desk();
    let (api, _) = project(root.path());
    let found = rows(&api, &format!("select: [urgent_tickets, tickets_opened], {BOTH}")).await;
    assert_rows(&found, r#"[["2026-01-01", 2, 4], ["2026-02-01", 1, 3]]"#);
    let alone = rows(&api, &format!("select: [urgent_tickets], {BOTH}, groupBy: [csm_id]")).await;
    assert_rows(
        &alone,
        r#"[["2026-01-01", "m1", 1.600000], ["2026-01-01", "m2", 0.400000],
            ["2026-01-01", null, 0.000000], ["2026-02-01", "m1", 0.000000],
            ["2026-02-01", "m2", 0.000000], ["2026-02-01", null, 1.000000]]"#,
    );
}

#[tokio::test]
async fn cumulative_windows_are_what_sql_says_of_each() {
    let root = support_desk();
    let (api, catalog) = project(root.path());
    let context = session(&root.path().join("warehouse")).await;
    let (mut weeks, mut expected) = (vec!["2026-01-05".to_owned()], String::new());
    for days in ["12", "19", "26"] {
        weeks.push(format!("2026-01-{days}"));
    }
    for day in ["2026-02-02", "2026-02-09", "2026-02-16"] {
        weeks.push(day.to_owned());
    }
    for pair in weeks.windows(2) {
        let (start, end) = (&pair[0], &pair[1]);
        let of = |what: &str, from: &str| {
            format!(
                "(SELECT {what} FROM tickets WHERE opened_at < TIMESTAMP '{end}' AND opened_at >= {from})"
            )
        };
        let text = format!(
            "SELECT '{start}', {}, {}, {}, {}, {}",
            of("COALESCE(SUM(amount), 0)", "TIMESTAMP '1900-01-01'"),
            of("COALESCE(SUM(amount), 0)", &format!("TIMESTAMP '{end}' - INTERVAL '21 days'")),
            of("MAX(amount)", "TIMESTAMP '2026-01-01'"),
            of(
                "CAST(SUM(100 * amount) AS DOUBLE) / (100 * COUNT(amount))",
                &format!("TIMESTAMP '{end}' - INTERVAL '2 months'")
            ),
            of("COUNT(DISTINCT customer_id)", "TIMESTAMP '1900-01-01'"),
        );
        expected.push_str(&sql(&context, &text).await);
    }
    let select = "select: [fees_so_far, fees_three_weeks, largest_so_far, average_two_months, customers_so_far]";
    let period = r#"period: {start: "2026-01-05", end: "2026-02-16"}, grain: WEEK"#;
    let numbers = |text: &str| -> Vec<Vec<Option<f64>>> {
        let line = |line: &str| line.split(',').skip(1).map(|cell| cell.parse().ok()).collect();
        text.lines().map(line).collect()
    };
    let found = csv(&api, &format!("{select}, {period}")).await;
    assert_eq!(numbers(&found), numbers(&expected), "{found}\n{expected}");
    assert_eq!(numbers(&found).len(), 6);
    // However many windows: one pass over the rows.
    let reads = |before: u64| catalog.read_count().requests - before;
    let before = catalog.read_count().requests;
    rows(&api, &format!("select: [fees_so_far], {JANUARY}")).await;
    let once = reads(before);
    let before = catalog.read_count().requests;
    rows(&api, &format!("select: [fees_so_far], {period}")).await;
    assert_eq!(reads(before), once);
    assert!(once > 0);
}

#[tokio::test]
async fn filters_of_several_fields_share_one_pass() {
    let root = support_desk();
    let (api, catalog) = project(root.path());
    let field = |alias: &str, select: &str, filter: &str| {
        format!(
            "{alias}: metrics(select: [{select}], {BOTH}, groupBy: [device_model]{filter}) {{ rows }}\n"
        )
    };
    let parts = [
        field("a", "tickets_opened, urgent_tickets", ""),
        field("b", "tickets_opened", r#", where: {segment: {eq: "SMB"}}"#),
        field("c", "ticket_fees, largest_fee", r#", where: {customer_name: {ne: "A"}}"#),
        field("d", "ticket_customers", r#", where: {segment: {eq: "nobody"}}"#),
    ];
    // Each by itself first: footers, attributes and the table's reach are known from then on.
    let mut alone = Vec::new();
    for part in &parts {
        alone.push(ask(&api, &format!("{{ {part} }}")).await);
    }
    let before = catalog.read_count().requests;
    ask(&api, &format!("{{ {} }}", parts[1])).await;
    let one = catalog.read_count().requests - before;
    let before = catalog.read_count().requests;
    let together = ask(&api, &format!("{{ {} }}", parts.concat())).await;
    // Segment and name are columns of one table: as many reads as the widest of the fields.
    assert_eq!(catalog.read_count().requests - before, one);
    for (alias, alone) in ["a", "b", "c", "d"].into_iter().zip(&alone) {
        assert_eq!(together[alias].to_string(), alone[alias].to_string(), "{alias}");
    }
    assert_eq!(together["d"]["rows"], json!([]));
}

#[tokio::test]
async fn a_failing_measure_of_a_shared_pass_leaves_the_others_standing() {
    let root = support_desk();
    let metrics = format!(
        "{METRICS}  - {{ name: broken, kind: aggregate, dataset: tickets, aggregate: sum, expr: priority }}\n"
    );
    let files = [
        ("upswell.yml", PROJECT),
        ("datasets/support.yml", TICKETS),
        ("metrics/support.yml", metrics.as_str()),
    ];
    let api = api_of(root.path(), &files);
    let document = format!(
        "{{ good: metrics(select: [tickets_opened], {JANUARY}) {{ rows }} \
            bad: metrics(select: [broken], {JANUARY}) {{ rows }} }}"
    );
    let response = execute(&api, &document).await;
    assert_eq!(response["data"]["good"]["rows"], json!([{ "tickets_opened": 4 }]));
    assert!(response["data"]["bad"].is_null());
    assert_eq!(response["errors"].as_array().unwrap().len(), 1);
    assert_eq!(response["errors"][0]["extensions"]["code"], "BAD_DATA");
}
