//! Acquisition cohorts: a small ledger worked out by hand, through Parquet, engine and GraphQL.
//!
//! January: a leaves and returns, b shrinks, f starts to pay in March. February: c's churn lies on
//! the instant that March ends, d grows. Nobody is acquired in March and April; e has no day.

use serde_json::{Value as Json, json};
use tempfile::TempDir;
use upswell::graphql::Api;

use crate::support::warehouse::write_table;
use crate::support::{api, ask, refused};

const CUSTOMERS: &str = "\
customer_id,name,segment,acquired_on
a,A,SMB,2024-01-10
b,B,ENT,2024-01-31
c,C,SMB,2024-02-01
d,D,ENT,2024-02-15
e,E,SMB,
f,F,SMB,2024-01-25";

const MOVEMENTS: &str = "\
movement_id,customer_id,product_id,occurred_at,movement,expansion_type,amount
1,a,core,2024-01-10T00:00:00Z,new,,100.00
2,b,core,2024-01-20T09:00:00Z,new,,50.00
3,c,core,2024-02-05T00:00:00Z,new,,200.00
4,d,core,2024-02-15T00:00:00Z,new,,40.00
5,e,core,2024-01-05T00:00:00Z,new,,70.00
6,a,seats,2024-02-10T00:00:00Z,expansion,seat,20.00
7,a,core,2024-03-05T00:00:00Z,churn,,-100.00
8,a,seats,2024-03-05T00:00:00Z,churn,,-20.00
9,b,core,2024-03-10T00:00:00Z,contraction,,-10.00
10,f,core,2024-03-15T00:00:00Z,new,,30.00
11,c,core,2024-04-01T00:00:00Z,churn,,-200.00
12,a,core,2024-04-02T00:00:00Z,reactivation,,90.00
13,d,core,2024-04-30T12:00:00Z,expansion,seat,10.00";

const PERIOD: &str = "period: {start: \"2024-01-01\", end: \"2024-05-01\"}";
const ROW: &str = "cohort { start end complete } age group { value } customers mrr mrrRetention \
                   logoRetention startingCustomers startingMrr";

fn open() -> (TempDir, Api) {
    let root = TempDir::new().unwrap();
    write_table(&root.path().join("warehouse"), "customers", CUSTOMERS);
    write_table(&root.path().join("warehouse"), "mrr_movements", MOVEMENTS);
    let api = api(root.path(), "");
    (root, api)
}

async fn rows(api: &Api, arguments: &str) -> Vec<Json> {
    let data = ask(api, &format!("{{ cohorts({arguments}) {{ rows {{ {ROW} }} }} }}")).await;
    data["cohorts"]["rows"].as_array().unwrap().clone()
}

/// Numbers by value: 150.00 is 150.
fn plain(value: &Json) -> Json {
    match value {
        Json::Number(number) => json!(number.as_f64()),
        Json::Array(items) => items.iter().map(plain).collect(),
        other => other.clone(),
    }
}

/// [month, age, customers, MRR, MRR retention, logo retention] of each row.
fn short(rows: &[Json]) -> Json {
    let rows: Json = rows
        .iter()
        .map(|row| {
            let month = &row["cohort"]["start"].as_str().unwrap()[..7];
            let (mrr, logos) = (&row["mrrRetention"], &row["logoRetention"]);
            json!([month, row["age"], row["customers"], row["mrr"], mrr, logos])
        })
        .collect();
    plain(&rows)
}

#[tokio::test]
async fn cohorts_by_age() {
    let (_root, api) = open();
    let found = rows(&api, PERIOD).await;
    let expected = json!([
        ["2024-01", 0, 2, 150.0, 1.0, 1.0],
        ["2024-01", 1, 2, 170.0, 170.0 / 150.0, 1.0],
        ["2024-01", 2, 2, 70.0, 70.0 / 150.0, 0.5],
        ["2024-01", 3, 3, 160.0, 160.0 / 150.0, 1.0],
        ["2024-02", 0, 2, 240.0, 1.0, 1.0],
        ["2024-02", 1, 2, 240.0, 1.0, 1.0],
        ["2024-02", 2, 1, 50.0, 50.0 / 240.0, 0.5],
        ["2024-03", 0, 0, 0.0, null, null],
        ["2024-03", 1, 0, 0.0, null, null],
        ["2024-04", 0, 0, 0.0, null, null],
    ]);
    assert_eq!(short(&found), plain(&expected));
    let starts: Vec<Option<f64>> = found.iter().map(|row| row["startingMrr"].as_f64()).collect();
    assert_eq!((starts[3], starts[6]), (Some(150.0), Some(240.0)));
    assert_eq!(found[6]["startingCustomers"], 2);
    let period = json!({"start": "2024-02-01", "end": "2024-03-01", "complete": true});
    assert_eq!(found[4]["cohort"], period);
    assert_eq!(rows(&api, &format!("{PERIOD}, grain: MONTH")).await, found);
}

#[tokio::test]
async fn quarters_clips_and_what_was_known() {
    let (_root, api) = open();
    let quarters = rows(&api, &format!("{PERIOD}, grain: QUARTER")).await;
    // The second quarter is not over: it has no row.
    let wanted = json!([["2024-01", 0, 4, 310.0, 1.0, 1.0]]);
    assert_eq!(short(&quarters), plain(&wanted));

    // A clipped cohort (b and f) is seen at the ends of whole months.
    let clipped = "period: {start: \"2024-01-20\", end: \"2024-02-01\"}";
    let found = rows(&api, clipped).await;
    let wanted = json!([
        ["2024-01", 0, 1, 50.0, 1.0, 1.0],
        ["2024-01", 1, 1, 50.0, 1.0, 1.0],
        ["2024-01", 2, 2, 70.0, 1.4, 1.0],
        ["2024-01", 3, 2, 70.0, 1.4, 1.0],
    ]);
    assert_eq!(short(&found), plain(&wanted));
    assert_eq!(found[0]["cohort"]["complete"], false);

    let known = rows(&api, &format!("{PERIOD}, asOf: \"2024-03-01\"")).await;
    let wanted = json!([
        ["2024-01", 0, 2, 150.0, 1.0, 1.0],
        ["2024-01", 1, 2, 170.0, 170.0 / 150.0, 1.0],
        ["2024-02", 0, 2, 240.0, 1.0, 1.0],
    ]);
    assert_eq!(short(&known), plain(&wanted));
}

#[tokio::test]
async fn groups_filters_and_what_does_not_go() {
    let (_root, api) = open();
    let document = format!("{PERIOD}, groupBy: [segment]");
    let groups = rows(&api, &document).await;
    assert_eq!(groups.len(), 20);
    let january: Vec<(&Json, &Json)> =
        groups[..8].iter().map(|row| (&row["group"][0]["value"], &row["mrr"])).collect();
    let mrr: Vec<f64> = january.iter().map(|(_, mrr)| mrr.as_f64().unwrap()).collect();
    assert_eq!(mrr, [50.0, 50.0, 40.0, 40.0, 100.0, 120.0, 30.0, 120.0]);
    assert_eq!((january[3].0, january[4].0), (&json!("ENT"), &json!("SMB")));

    // What the board asks when a cohort is clicked.
    let clicked = "where: {acquired_on: {gte: \"2024-01-01\", lt: \"2024-02-01\"}}";
    let found = rows(&api, &format!("{PERIOD}, {clicked}")).await;
    assert_eq!(short(&found[..4]), short(&rows(&api, PERIOD).await[..4]));
    assert_eq!(found[6]["customers"], 0);

    for arguments in ["groupBy: [product_id]", "where: {csm_id: {isNull: true}}"] {
        let document = format!("{{ cohorts({PERIOD}, {arguments}) {{ rows {{ age }} }} }}");
        assert_eq!(refused(&api, &document).await.0, "INCOMPATIBLE_DIMENSION");
    }
    let days = "{ cohorts(period: {start: \"2023-01-01\"}, grain: DAY) { rows { age } } }";
    assert_eq!(refused(&api, days).await.0, "TOO_MANY_ROWS");
}

#[tokio::test]
async fn customers_without_a_day_are_counted_in_a_note() {
    let (_root, api) = open();
    let document = format!("{{ cohorts({PERIOD}) {{ provenance {{ notes dataThrough }} }} }}");
    let source = &ask(&api, &document).await["cohorts"]["provenance"];
    let note = "1 customer(s) with revenue but without a day of acquisition are in no cohort.";
    assert_eq!(source["notes"], json!([note]));
    assert_eq!(source["dataThrough"], "2024-04-30T12:00:00Z");
}

#[tokio::test]
async fn the_flat_table_has_the_retention_to_date() {
    let (_root, api) = open();
    let select = "select: [cohort_mrr_retention]";
    let document = format!(
        "{{ monthly: metrics({select}, {PERIOD}, grain: MONTH) {{ rows totals }}
           whole: metrics({select}, {PERIOD}) {{ rows }}
           always: metrics({select}) {{ rows }}
           ent: metrics({select}, {PERIOD}, groupBy: [segment]) {{ rows }} }}"
    );
    let data = ask(&api, &document).await;
    let values = |field: &str| -> Vec<Option<f64>> {
        let rows = data[field]["rows"].as_array().unwrap();
        rows.iter().map(|row| row["cohort_mrr_retention"].as_f64()).collect()
    };
    let months = [Some(160.0 / 150.0), Some(50.0 / 240.0), None, None];
    assert_eq!(values("monthly"), months);
    // Without a grain each customer's own month is where it started.
    assert_eq!(values("whole"), [Some(210.0 / 390.0)]);
    assert_eq!(values("always"), values("whole"));
    let total = &data["monthly"]["totals"]["cohort_mrr_retention"];
    assert_eq!(total.as_f64(), values("whole")[0]);
    assert_eq!(values("ent"), [Some(90.0 / 90.0), Some(120.0 / 300.0)]);
}

#[tokio::test]
async fn between_snapshots_nothing_is_known() {
    let root = TempDir::new().unwrap();
    let warehouse = root.path().join("warehouse");
    write_table(&warehouse, "customers", CUSTOMERS);
    // There is no snapshot of March.
    let months = "month,customer_id,product_id,mrr\n2024-01-01,a,core,100.00\n\
                  2024-02-01,a,core,120.00\n2024-04-01,a,core,90.00";
    write_table(&warehouse, "subscription_months", months);
    let api = api(root.path(), "");
    let found = rows(&api, "period: {start: \"2024-01-01\", end: \"2024-02-01\"}").await;
    let expected = json!([
        ["2024-01", 0, 1, 100.0, 1.0, 1.0],
        ["2024-01", 1, 1, 120.0, 1.2, 1.0],
        ["2024-01", 2, null, null, null, null],
        ["2024-01", 3, 1, 90.0, 0.9, 1.0],
    ]);
    assert_eq!(short(&found), plain(&expected));
    let document = "{ cohorts(period: {start: \"2024-01-29\", end: \"2024-02-05\"}, grain: WEEK) \
                    { rows { mrr } provenance { notes } } }";
    let data = ask(&api, document).await;
    let weeks = data["cohorts"]["rows"].as_array().unwrap();
    assert!(weeks.iter().all(|row| row["mrr"].is_null()) && weeks.len() == 13);
    let note = data["cohorts"]["provenance"]["notes"][0].as_str().unwrap();
    assert!(note.starts_with("13 age(s) of cohorts lie before the data began"), "{note}");
}
