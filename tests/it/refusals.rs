//! What the data cannot give: periods that it does not reach, columns and values that do not fit what
//! a metric takes them for.

use serde_json::json;
use tempfile::TempDir;

use crate::support::warehouse::write_table;
use crate::support::{api, api_of, ask, refused};

const LEDGER: &str =
    "movement_id,customer_id,product_id,occurred_at,movement,expansion_type,amount\n";

/// Balances go on for ever; a note says where the data does not.
#[tokio::test]
async fn periods_after_the_data_ends_are_noted() {
    let ledger = "m1,a,p,2025-12-01T00:00:00Z,new,,100.00\n\
                  m2,a,p,2026-02-12T00:00:00Z,expansion,upsell,10.00";
    let root = TempDir::new().unwrap();
    write_table(&root.path().join("warehouse"), "mrr_movements", &format!("{LEDGER}{ledger}"));
    let api = api(root.path(), "");
    let months = |from: &str, to: &str| {
        format!(r#"period: {{start: "2026-{from}-01", end: "2026-{to}-01"}}, grain: MONTH"#)
    };
    let note = |count: u32| {
        json!([format!(
            "{count} period(s) begin after the data ends (2026-02-13): balances are carried on, \
             nothing has happened in them yet."
        )])
    };
    // February is not over, and has begun.
    for (to, notes) in [("03", json!([])), ("05", note(2))] {
        let period = months("02", to);
        let document = format!(
            "{{ metrics(select: [mrr, expansion_mrr], {period}) {{ provenance {{ notes }} }}
               nrr({period}) {{ provenance {{ notes }} }}
               expansionByType({period}) {{ provenance {{ notes }} }} }}"
        );
        let data = ask(&api, &document).await;
        for field in ["metrics", "nrr", "expansionByType"] {
            assert_eq!(data[field]["provenance"]["notes"], notes, "{field} to {to}");
        }
    }
}

/// What only a table's own types and values say is refused when it is asked, with the table's and
/// the column's name.
#[tokio::test]
async fn what_does_not_fit_a_table_is_refused_by_name() {
    let root = TempDir::new().unwrap();
    let calls = "call_id,topic,opened_at,reached_at,quantity\n\
                 c1,a,2026-01-10T00:00:00Z,2026-01-11T00:00:00Z,0";
    write_table(&root.path().join("warehouse"), "calls", calls);
    let definitions = r"
datasets:
  - { name: calls, time: opened_at, keys: { primary: call_id } }
metrics:
  - { name: topics, kind: aggregate, dataset: calls, aggregate: sum, expr: topic }
  - { name: mean_time, kind: aggregate, dataset: calls, aggregate: average, expr: reached_at }
  - { name: first_time, kind: aggregate, dataset: calls, aggregate: min, expr: reached_at }
  - { name: by_topic, kind: aggregate, dataset: calls, aggregate: count, time: topic }
  - { name: per_piece, kind: aggregate, dataset: calls, aggregate: sum, expr: length(topic) / quantity }
";
    let project = "version: 1\nwarehouse: warehouse\n";
    let api = api_of(root.path(), &[("upswell.yml", project), ("datasets/d.yml", definitions)]);
    for (metric, wanted) in [
        ("topics", "metric `topics`: `topic` of table `calls` holds no numbers"),
        ("mean_time", "metric `mean_time`: `reached_at` of table `calls` holds no numbers"),
        ("first_time", "metric `first_time`: `reached_at` of table `calls` holds no numbers"),
        ("by_topic", "metric `by_topic`: `topic` of table `calls` holds no times"),
        (
            "per_piece",
            "metric `per_piece`: `length(topic) / quantity` (datasets/d.yml:9) divides by zero for \
             some row of table `calls`; divide by `nullif(divisor, 0)` to get null there",
        ),
    ] {
        let period = r#"period: {start: "2026-01-01", end: "2026-02-01"}"#;
        let document = format!("{{ metrics(select: [{metric}], {period}) {{ rows }} }}");
        let (code, message) = refused(&api, &document).await;
        assert_eq!((code.as_str(), message.contains(wanted)), ("BAD_DATA", true), "{message}");
    }
}

const CALLS: &str = r"
datasets:
  - name: calls
    time: opened_at
    keys: { primary: call_id, customer: customer_id }
    dimensions:
      - { name: calls_per_piece, type: int, expr: 6 / quantity }
      - { name: calls_size, roll_up: { of: calls_per_piece, map: { '3': small } } }
  - name: people
    entity: customer
    keys: { primary: customer_id }
    columns: { customer_id: text, badge: text, quantity: int }
    dimensions:
      - { name: badge_number, type: int, expr: cast(badge as int) }
      - { name: customer_rank, type: int, expr: 12 / quantity }
metrics:
  - { name: calls, kind: aggregate, dataset: calls, aggregate: count }
  - { name: pieces, kind: aggregate, dataset: calls, aggregate: sum, expr: quantity }
  - { name: per_piece, kind: aggregate, dataset: calls, aggregate: sum, expr: 6 / quantity }
  - { name: per_piece_so_far, kind: cumulative, of: per_piece, window: all_time }
  - { name: numbers, kind: aggregate, dataset: calls, aggregate: max, expr: cast(topic as int) }
  - { name: numbers_or_not, kind: aggregate, dataset: calls, aggregate: max, expr: try_cast(topic as int) }
  - { name: short, kind: aggregate, dataset: calls, aggregate: sum, expr: 'cast(minutes as decimal(2, 0))' }
  - { name: many_pieces, kind: aggregate, dataset: calls, aggregate: count, filter: 6 / quantity > 1 }
  - { name: per_piece_if_any, kind: aggregate, dataset: calls, aggregate: sum, expr: 6 / quantity, filter: quantity > 0 }
  - { name: topical, kind: aggregate, dataset: calls, aggregate: count, filter: topic }
  - { name: upside_down, kind: aggregate, dataset: calls, aggregate: sum, expr: quantity * opened_at }
  - name: again
    kind: conversion
    entity: customer
    base: { dataset: calls }
    conversion: { dataset: calls, filter: 6 / quantity > 1 }
    within_days: 9
";

/// c1 has no pieces and a topic that is no number; c2 is alone in January.
fn calls() -> (TempDir, upswell::graphql::Api) {
    let root = TempDir::new().unwrap();
    let warehouse = root.path().join("warehouse");
    let calls = "call_id,customer_id,topic,opened_at,quantity,minutes\n\
                 c1,a,x,2026-02-10T00:00:00Z,0,100\n\
                 c2,b,7,2026-01-12T00:00:00Z,2,12";
    write_table(&warehouse, "calls", calls);
    write_table(&warehouse, "people", "customer_id,badge,quantity\na,none,0\nb,8,4");
    let project = "version: 1\nwarehouse: warehouse\ncanonical_definitions: false\n";
    let api = api_of(root.path(), &[("upswell.yml", project), ("datasets/d.yml", CALLS)]);
    (root, api)
}

/// What a row makes fail is told by whose expression it is, where it is written and what to do; of
/// several in a question it is the one that failed.
#[tokio::test]
async fn an_expression_without_a_result_is_told_by_whose_it_is() {
    let (_root, api) = calls();
    let zero = |subject: &str| {
        format!(
            "{subject} divides by zero for some row of table `calls`; divide by `nullif(divisor, 0)` \
             to get null there"
        )
    };
    let per_piece = zero("metric `per_piece`: `6 / quantity` (datasets/d.yml:19)");
    let many = zero("metric `many_pieces`: `6 / quantity > 1` (datasets/d.yml:24)");
    let of_dimension = zero("dimension `calls_per_piece`: `6 / quantity` (datasets/d.yml:7)");
    let no_result = |subject: &str, table: &str| {
        format!(
            "{subject} has no result for some row of table `{table}`; write `try_cast` for `cast` to \
             get null where a value is none of the type's, and a type that is wide enough"
        )
    };
    let badge =
        no_result("dimension `badge_number`: `cast(badge as int)` (datasets/d.yml:14)", "people");
    for (arguments, wanted) in [
        ("select: [per_piece]", per_piece.clone()),
        ("select: [pieces, per_piece, numbers_or_not]", per_piece.clone()),
        ("select: [per_piece_so_far]", per_piece),
        ("select: [many_pieces]", many.clone()),
        ("select: [calls, many_pieces, per_piece_if_any]", many),
        ("select: [again]", zero("metric `again`: `6 / quantity > 1` (datasets/d.yml:32)")),
        ("select: [calls], groupBy: [calls_per_piece]", of_dimension.clone()),
        ("select: [calls], groupBy: [calls_size]", of_dimension.clone()),
        ("select: [calls, per_piece], where: {calls_per_piece: {gt: 1}}", of_dimension),
        (
            "select: [numbers]",
            no_result("metric `numbers`: `cast(topic as int)` (datasets/d.yml:21)", "calls"),
        ),
        (
            "select: [short]",
            no_result("metric `short`: `cast(minutes as decimal(2, 0))` (datasets/d.yml:23)", "calls"),
        ),
        ("select: [calls], groupBy: [badge_number]", badge),
        (
            "select: [topical]",
            "metric `topical`: `topic` (datasets/d.yml:26) is neither true nor false for a row of \
             table `calls`; compare it with a value"
                .to_owned(),
        ),
        (
            "select: [upside_down]",
            "metric `upside_down`: `quantity * opened_at` (datasets/d.yml:27) does not fit the types \
             of table `calls`; declare its columns in the dataset to see where"
                .to_owned(),
        ),
    ] {
        let period = r#"period: {start: "2026-01-01", end: "2026-03-01"}"#;
        let document = format!("{{ metrics({arguments}, {period}) {{ rows }} }}");
        let found = refused(&api, &document).await;
        assert_eq!(found, ("BAD_DATA".to_owned(), wanted), "{arguments}");
    }
    let document = "{ catalog { dimensionValues(dimension: customer_rank) } }";
    let wanted = "dimension `customer_rank`: `12 / quantity` (datasets/d.yml:15) divides by zero for some \
                  row of table `people`; divide by `nullif(divisor, 0)` to get null there";
    assert_eq!(refused(&api, document).await, ("BAD_DATA".to_owned(), wanted.to_owned()));
}

/// A row that a metric leaves out, or that lies in no period, cannot make it fail, whatever it is
/// asked with.
#[tokio::test]
async fn rows_that_do_not_count_cannot_fail() {
    let (_root, api) = calls();
    let period = r#"period: {start: "2026-01-01", end: "2026-03-01"}"#;
    let document = format!(
        "{{ metrics(select: [calls, pieces, per_piece_if_any, numbers_or_not], {period}) {{ rows }} }}"
    );
    let row = json!([{"calls": 2, "pieces": 2, "per_piece_if_any": 3, "numbers_or_not": 7}]);
    assert_eq!(ask(&api, &document).await["metrics"]["rows"], row);
    let january = r#"period: {start: "2026-01-01", end: "2026-02-01"}"#;
    let document = format!("{{ metrics(select: [per_piece, many_pieces], {january}) {{ rows }} }}");
    let row = json!([{"per_piece": 3, "many_pieces": 1}]);
    assert_eq!(ask(&api, &document).await["metrics"]["rows"], row);
}

/// Attributes of customers and conditions on products are read for balances and orders, by
/// themselves.
#[tokio::test]
async fn expressions_beside_balances_and_orders_are_told_by_whose_they_are() {
    let root = TempDir::new().unwrap();
    let warehouse = root.path().join("warehouse");
    let ledger = "m1,a,p,2025-12-01T00:00:00Z,new,,100.00";
    write_table(&warehouse, "mrr_movements", &format!("{LEDGER}{ledger}"));
    write_table(&warehouse, "customers", "customer_id,name,segment\na,A,SMB");
    write_table(&warehouse, "products", "product_id,kind,tier\np,core,0");
    let lines = "order_id,customer_id,ordered_at,product_id,quantity,amount\n\
                 o1,a,2026-01-02T00:00:00Z,p,1,1.00";
    write_table(&warehouse, "order_lines", lines);
    let definitions = r"
datasets:
  - name: customers
    entity: customer
    keys: { primary: customer_id }
    columns: { customer_id: text, name: text, segment: text, acquired_on: { type: date, optional: true }, acquisition_channel: { type: text, optional: true }, acquisition_cost: { type: decimal, optional: true } }
    dimensions: [{ name: segment_number, type: int, expr: cast(segment as int) }]
metrics:
  - name: by_tier
    kind: attach
    orders: { dataset: order_lines, order: order_id }
    products: products
    base: kind = 'core'
    attached: 10 / tier > 1
";
    let project = "version: 1\nwarehouse: warehouse\n";
    let api = api_of(root.path(), &[("upswell.yml", project), ("datasets/d.yml", definitions)]);
    let january = r#"period: {start: "2026-01-01", end: "2026-02-01"}"#;
    for (arguments, wanted) in [
        (
            "select: [mrr], groupBy: [segment_number]",
            "dimension `segment_number`: `cast(segment as int)` (datasets/d.yml:7) has no result for \
             some row of table `customers`",
        ),
        (
            "select: [by_tier]",
            "metric `by_tier`: `10 / tier > 1` (datasets/d.yml:14) divides by zero for some row of \
             table `products`",
        ),
    ] {
        let document = format!("{{ metrics({arguments}, {january}) {{ rows }} }}");
        let (code, message) = refused(&api, &document).await;
        assert_eq!((code.as_str(), message.starts_with(wanted)), ("BAD_DATA", true), "{message}");
    }
}

/// Types that only the table tells, and that fit no expression over them: the same for attributes,
/// their values in the catalogue and conditions on products.
#[tokio::test]
async fn expressions_that_do_not_fit_a_table_are_told_by_whose_they_are() {
    let root = TempDir::new().unwrap();
    let warehouse = root.path().join("warehouse");
    let ledger = "m1,a,p,2025-12-01T00:00:00Z,new,,100.00";
    write_table(&warehouse, "mrr_movements", &format!("{LEDGER}{ledger}"));
    write_table(
        &warehouse,
        "people",
        "customer_id,note,opened_at,acquired_on\na,A,2026-01-01T00:00:00Z,2026-01-01",
    );
    write_table(&warehouse, "parts", "product_id,part,opened_at\np,core,2026-01-01T00:00:00Z");
    let lines = "order_id,customer_id,ordered_at,product_id,quantity,amount\n\
                 o1,a,2026-01-02T00:00:00Z,p,1,1.00";
    write_table(&warehouse, "order_lines", lines);
    let definitions = r"
datasets:
  - name: customers
    table: people
    entity: customer
    keys: { primary: customer_id }
    dimensions: [{ name: note_product, type: int, expr: note * opened_at }]
  - { name: parts, entity: product, keys: { primary: product_id } }
  - { name: products, keys: { primary: product_id } }
metrics:
  - { name: by_part, kind: attach, orders: { dataset: order_lines, order: order_id }, products: parts, base: part, attached: part = 'core' }
  - { name: by_product, kind: attach, orders: { dataset: order_lines, order: order_id }, products: parts, base: part = 'core', attached: part * opened_at > 1 }
";
    let project = "version: 1\nwarehouse: warehouse\n";
    let api = api_of(root.path(), &[("upswell.yml", project), ("datasets/d.yml", definitions)]);
    let unfit = "does not fit the types of table";
    let of_dimension = format!(
        "dimension `note_product`: `note * opened_at` (datasets/d.yml:7) {unfit} `customers`; \
         declare its columns in the dataset to see where"
    );
    let january = r#"period: {start: "2026-01-01", end: "2026-02-01"}"#;
    for (arguments, wanted) in [
        ("select: [mrr], groupBy: [note_product]", of_dimension.clone()),
        (
            "select: [by_part]",
            "metric `by_part`: `part` (datasets/d.yml:11) is neither true nor false for a row of \
             table `parts`; compare it with a value"
                .to_owned(),
        ),
        (
            "select: [by_product]",
            format!(
                "metric `by_product`: `part * opened_at > 1` (datasets/d.yml:12) {unfit} `parts`; \
                 declare its columns in the dataset to see where"
            ),
        ),
    ] {
        let document = format!("{{ metrics({arguments}, {january}) {{ rows }} }}");
        let found = refused(&api, &document).await;
        assert_eq!(found, ("BAD_DATA".to_owned(), wanted), "{arguments}");
    }
    let values = "{ catalog { dimensionValues(dimension: note_product) } }";
    assert_eq!(refused(&api, values).await, ("BAD_DATA".to_owned(), of_dimension));
}
