//! Edges of the definitions, each a warehouse of a few rows worked out by hand: what is unknown is
//! null and never zero, groups exist where something happened, owners of one group count once.

use serde_json::{Value as Json, json};
use tempfile::TempDir;
use upswell::graphql::Api;

use crate::support::warehouse::write_table;
use crate::support::{api, api_of, ask, refused};

const LEDGER: &str =
    "movement_id,customer_id,product_id,occurred_at,movement,expansion_type,amount\n";

fn open(tables: &[(&str, &str)]) -> (TempDir, Api) {
    let root = TempDir::new().unwrap();
    for (table, rows) in tables {
        let header = if *table == "mrr_movements" { LEDGER } else { "" };
        write_table(&root.path().join("warehouse"), table, &format!("{header}{rows}"));
    }
    let api = api(root.path(), "");
    (root, api)
}

/// Numbers by value: 150.00 is 150.
fn plain(value: &Json) -> Json {
    match value {
        Json::Number(number) => json!(number.as_f64()),
        Json::Array(items) => items.iter().map(plain).collect(),
        Json::Object(fields) => fields.iter().map(|(key, v)| (key.clone(), plain(v))).collect(),
        other => other.clone(),
    }
}

/// One column of a flat table's rows.
fn column(data: &Json, name: &str) -> Json {
    data["metrics"]["rows"].as_array().unwrap().iter().map(|row| plain(&row[name])).collect()
}

#[tokio::test]
async fn credits_are_unknown_where_expansion_is() {
    let (_root, api) = open(&[
        (
            "mrr_movements",
            "1,a,p,2024-02-15T00:00:00Z,new,,10.00\n2,a,p,2024-03-01T00:00:00Z,expansion,seat,1.00",
        ),
        ("csm_assignments", "customer_id,csm_id,share,valid_from,valid_to\n"),
    ]);
    let data = ask(
        &api,
        "{ metrics(select: [expansion_mrr, credited_mrr], grain: MONTH,
           period: {start: \"2024-01-01\", end: \"2024-04-01\"}) { rows } }",
    )
    .await;
    assert_eq!(column(&data, "expansion_mrr"), json!([null, 0.0, 1.0]));
    assert_eq!(column(&data, "credited_mrr"), json!([null, 0.0, 1.0]));
}

#[tokio::test]
async fn nothing_is_known_as_of_a_day_before_the_data() {
    let (_root, api) = open(&[("mrr_movements", "1,a,p,2024-03-01T00:00:00Z,new,,10.00")]);
    let data = ask(
        &api,
        "{ metrics(select: [mrr, new_mrr], period: {start: \"2024-01-01\", end: \"2024-05-01\"},
           asOf: \"2024-02-15\") { rows provenance { notes } } }",
    )
    .await;
    assert_eq!(column(&data, "mrr"), json!([null]));
    assert_eq!(column(&data, "new_mrr"), json!([null]));
    assert!(data["metrics"]["provenance"]["notes"].to_string().contains("before the data began"));
}

/// February has no snapshot: only what moved between March's end and April's is known.
#[tokio::test]
async fn snapshots_say_nothing_about_movements_around_a_missing_month() {
    let (_root, api) = open(&[
        (
            "subscription_months",
            "month,customer_id,product_id,mrr,seats\n\
             2024-01-01,a,p,10.00,1\n2024-01-01,a,q,1.00,1\n2024-03-01,a,p,12.00,1\n2024-04-01,a,p,13.00,1",
        ),
        (
            "csm_assignments",
            "customer_id,csm_id,share,valid_from,valid_to\na,x,,2023-01-01T00:00:00Z,",
        ),
    ]);
    let period = "period: {start: \"2023-12-01\", end: \"2024-06-01\"}, grain: MONTH";
    let data = ask(
        &api,
        &format!(
            "{{ metrics(select: [expansion_mrr, credited_mrr], {period}) {{ rows }}
               csmExpansionAttribution({period}) {{
                 rows {{ period {{ start }} creditedMrr accounts cohortMrr }} provenance {{ notes }} }}
               expansionByType({period}) {{ rows {{ period {{ start }} amount }} provenance {{ notes }} }} }}"
        ),
    )
    .await;
    let april_only = json!([null, null, null, null, 1.0, null]);
    assert_eq!(column(&data, "expansion_mrr"), april_only);
    assert_eq!(column(&data, "credited_mrr"), april_only);
    let attribution = &data["csmExpansionAttribution"];
    assert_eq!(
        plain(&attribution["rows"]),
        json!([{"period": {"start": "2024-04-01"}, "creditedMrr": 1.0, "accounts": 1.0, "cohortMrr": 12.0}])
    );
    assert!(attribution["provenance"]["notes"].to_string().contains("between snapshots"));
    let expansion = &data["expansionByType"];
    assert_eq!(
        plain(&expansion["rows"]),
        json!([{"period": {"start": "2024-04-01"}, "amount": 1.0}])
    );
    assert!(expansion["provenance"]["notes"].to_string().contains("between snapshots"));
}

#[tokio::test]
async fn groups_are_those_found_in_a_period_of_the_answer() {
    let (_root, api) = open(&[
        (
            "customers",
            "customer_id,name,segment,acquired_on\na,A,Now,2024-01-05\nb,B,Later,2024-06-05\nc,C,Earlier,2023-01-05",
        ),
        (
            "mrr_movements",
            "1,c,p,2023-01-05T00:00:00Z,new,,1.00\n2,c,p,2023-02-05T00:00:00Z,churn,,-1.00\n\
             3,a,p,2024-01-05T00:00:00Z,new,,1.00\n4,b,p,2024-06-05T00:00:00Z,new,,1.00",
        ),
    ]);
    let january = "period: {start: \"2024-01-01\", end: \"2024-02-01\"}, groupBy: [segment]";
    let data = ask(
        &api,
        &format!(
            "{{ metrics(select: [mrr, nrr_period], {january}) {{ rows }}
               nrr({january}, window: PERIOD) {{ rows {{ group {{ value }} endingMrr }} }} }}"
        ),
    )
    .await;
    assert_eq!(column(&data, "segment"), json!(["Now"]));
    assert_eq!(
        plain(&data["nrr"]["rows"]),
        json!([{"group": [{"value": "Now"}], "endingMrr": 1.0}])
    );
}

#[tokio::test]
async fn empty_months_before_the_data_do_not_void_a_cohort() {
    let (_root, api) = open(&[
        ("customers", "customer_id,name,segment,acquired_on\nc,C,S,2024-02-20"),
        (
            "mrr_movements",
            "1,c,p,2024-02-20T00:00:00Z,new,,10.00\n2,c,p,2024-03-10T00:00:00Z,expansion,seat,5.00",
        ),
    ]);
    let data = ask(
        &api,
        "{ metrics(select: [cohort_mrr_retention], period: {start: \"2023-12-01\", end: \"2024-03-01\"}) {
           rows totals } }",
    )
    .await;
    assert_eq!(column(&data, "cohort_mrr_retention"), json!([1.5]));
    assert_eq!(plain(&data["metrics"]["totals"]["cohort_mrr_retention"]), json!(1.5));
}

/// a (1.01, owned half by x, half by y, both of team t) churns; b (3.00, x) expands by 10.
#[tokio::test]
async fn two_owners_of_one_team_count_a_customer_and_an_event_once() {
    let (_root, api) = open(&[
        (
            "mrr_movements",
            "1,a,p,2023-01-05T00:00:00Z,new,,1.00\n2,a,p,2024-01-06T00:00:00Z,churn,,-1.01\n\
             3,b,p,2023-01-05T00:00:00Z,new,,3.00\n4,b,p,2024-01-06T00:00:00Z,expansion,seat,10.00\n\
             5,a,p,2023-12-06T00:00:00Z,expansion,seat,0.01",
        ),
        ("csms", "csm_id,name,team\nx,X,t\ny,Y,t"),
        (
            "csm_assignments",
            "customer_id,csm_id,share,valid_from,valid_to\n\
             a,x,0.5,2023-01-01T00:00:00Z,\na,y,0.5,2023-01-01T00:00:00Z,\nb,x,1,2023-01-01T00:00:00Z,",
        ),
    ]);
    let january = "period: {start: \"2024-01-01\", end: \"2024-02-01\"}";
    let columns = "customers churnedCustomers logoRetention expansionRate cohortStartingMrr";
    let data = ask(
        &api,
        &format!(
            "{{ byTeam: nrr({january}, window: PERIOD, groupBy: [csm_team]) {{ rows {{ {columns} }} }}
               owned: nrr({january}, window: PERIOD, where: {{csm_id: {{isNull: false}}}}) {{ rows {{ {columns} }} }}
               december: metrics(select: [average_expansion_per_event], groupBy: [csm_team],
                 period: {{start: \"2023-12-01\", end: \"2024-01-01\"}}) {{ rows }} }}"
        ),
    )
    .await;
    let expected = json!([{
        "customers": 2.0, "churnedCustomers": 1.0, "logoRetention": 0.5, "expansionRate": 0.5,
        "cohortStartingMrr": 4.01,
    }]);
    assert_eq!(plain(&data["byTeam"]["rows"]), expected);
    assert_eq!(plain(&data["owned"]["rows"]), expected);
    let december = &data["december"]["rows"][0]["average_expansion_per_event"];
    assert_eq!(plain(december), json!(0.01));
}

#[tokio::test]
async fn endless_names_are_refused_at_once_and_not_sent_back() {
    let (_root, api) = open(&[("mrr_movements", "1,a,p,2024-03-01T00:00:00Z,new,,10.00")]);
    let name = "s".repeat(200_000);
    let started = std::time::Instant::now();
    let (code, message) = refused(&api, &format!("{{ {name} }}")).await;
    assert_eq!(code, "BAD_REQUEST");
    assert!(message.len() < 5_000, "{} bytes", message.len());
    let order = format!(
        "{{ metrics(select: [mrr], period: {{start: \"2024-01-01\"}}, orderBy: [{{by: \"{name}\"}}]) {{ rows }} }}"
    );
    let (code, message) = refused(&api, &order).await;
    assert_eq!(code, "UNKNOWN_METRIC");
    assert!(message.len() < 5_000, "{} bytes", message.len());
    // Minutes before; generous for a busy machine.
    assert!(started.elapsed().as_secs() < 30);
}

#[tokio::test]
async fn contradictions_are_said() {
    let (_root, api) = open(&[("mrr_movements", "1,a,p,2024-03-01T00:00:00Z,new,,10.00")]);
    let ask_with = |having: &str| {
        format!(
            "{{ metrics(select: [mrr], period: {{start: \"2024-01-01\"}}, having: {having}) {{ rows }} }}"
        )
    };
    let (code, message) = refused(&api, &ask_with("{or: [{mrr: {gt: 1}}]}")).await;
    assert_eq!(code, "BAD_REQUEST");
    assert!(message.contains("`having` knows no `or`"), "{message}");
    let (_, message) = refused(&api, &ask_with("{segment: {eq: \"x\"}}")).await;
    assert!(message.contains("is a dimension"), "{message}");
    let (code, message) =
        refused(&api, "{ timeToExpansion(milestone: \"ok\") { rows { subjects } } }").await;
    assert_eq!(code, "BAD_REQUEST");
    assert!(message.contains("origin: MILESTONE"), "{message}");
}

/// C-1 of a on the 1st is followed by C-2 on the 11th; b calls once. A call is no answer to itself.
#[tokio::test]
async fn a_row_does_not_follow_itself() {
    let root = TempDir::new().unwrap();
    write_table(
        &root.path().join("warehouse"),
        "mrr_movements",
        &format!(
            "{LEDGER}1,a,p,2024-01-01T08:00:00Z,new,,1.00\n2,a,p,2024-01-11T08:00:00Z,expansion,seat,1.00\n\
             3,b,p,2024-01-05T08:00:00Z,new,,1.00"
        ),
    );
    let again = "metrics:\n  - name: moved_again\n    kind: conversion\n    entity: customer\n    within_days: 30\n\
                 \u{20}   base: { dataset: mrr_movements }\n    conversion: { dataset: mrr_movements }\n";
    let api = api_of(
        root.path(),
        &[("upswell.yml", "version: 1\nwarehouse: warehouse\n"), ("metrics/m.yml", again)],
    );
    let data = ask(
        &api,
        "{ metrics(select: [moved_again], groupBy: [customer_id],
           period: {start: \"2024-01-01\", end: \"2024-02-01\"}) { rows } }",
    )
    .await;
    assert_eq!(column(&data, "moved_again"), json!([0.5, 0.0]));
}

#[tokio::test]
async fn the_median_of_money_is_its_exact_middle() {
    let root = TempDir::new().unwrap();
    write_table(
        &root.path().join("warehouse"),
        "mrr_movements",
        &format!(
            "{LEDGER}1,a,p,2024-01-01T08:00:00Z,new,,0.01\n2,b,p,2024-01-11T08:00:00Z,new,,63.33"
        ),
    );
    let median = "metrics:\n  - { name: middle, kind: aggregate, dataset: mrr_movements, aggregate: median, expr: amount }\n";
    let api = api_of(
        root.path(),
        &[("upswell.yml", "version: 1\nwarehouse: warehouse\n"), ("metrics/m.yml", median)],
    );
    let data = ask(
        &api,
        "{ metrics(select: [middle], period: {start: \"2024-01-01\", end: \"2024-02-01\"}) { rows } }",
    )
    .await;
    assert_eq!(column(&data, "middle"), json!([31.67]));
}

/// Offer o was accepted in rows of two people, and p in two rows of one: whatever the order of files,
/// the latest who presented it by the expansion is credited.
#[tokio::test]
async fn an_offer_that_several_presented_is_the_latest_s_by_the_expansion() {
    let rows = [
        "o,x,2024-01-05T00:00:00Z,2024-01-06T00:00:00Z,accepted",
        "o,y,2024-02-10T00:00:00Z,2024-02-11T00:00:00Z,accepted",
        "o,w,2024-02-10T00:00:00Z,2024-02-11T00:00:00Z,accepted",
        "o,z,2024-01-20T00:00:00Z,,declined",
        "p,x,2024-01-05T00:00:00Z,2024-01-06T00:00:00Z,accepted",
        "p,x,2024-02-01T00:00:00Z,2024-02-06T00:00:00Z,accepted",
    ];
    for turn in 0..rows.len() {
        let mut turned = rows;
        turned.rotate_left(turn);
        let offers =
            format!("offer_id,csm_id,presented_at,responded_at,outcome\n{}", turned.join("\n"));
        let root = TempDir::new().unwrap();
        let warehouse = root.path().join("warehouse");
        write_table(&warehouse, "offers", &offers);
        write_table(
            &warehouse,
            "csm_assignments",
            "customer_id,csm_id,share,valid_from,valid_to\na,x,,2023-01-01T00:00:00Z,",
        );
        write_table(
            &warehouse,
            "mrr_movements",
            "customer_id,occurred_at,movement,amount,offer_id\n\
             a,2024-01-01T00:00:00Z,new,10.00,\n\
             a,2024-01-31T00:00:00Z,expansion,1.00,o\n\
             a,2024-02-10T00:00:00Z,expansion,2.00,o\n\
             a,2024-02-20T00:00:00Z,expansion,4.00,p\n\
             a,2024-01-02T00:00:00Z,expansion,8.00,o",
        );
        let api = api(root.path(), "");
        let data = ask(
            &api,
            "{ csmExpansionAttribution(period: {start: \"2024-01-01\", end: \"2024-03-01\"}, rule: OFFER_OWNER) {
                 rows { csmId creditedMrr } provenance { notes } } }",
        )
        .await;
        let answer = &data["csmExpansionAttribution"];
        let credited = |csm: &str| {
            let rows = answer["rows"].as_array().unwrap();
            let row = rows.iter().find(|row| row["csmId"] == csm);
            row.map(|row| plain(&row["creditedMrr"]))
        };
        // x presented o first, so also for the expansion of 2 January; of y and w on 10 February w.
        assert_eq!(credited("x"), Some(json!(13.0)), "{answer:#}");
        assert_eq!(credited("w"), Some(json!(2.0)), "{answer:#}");
        assert_eq!(credited("y"), None, "{answer:#}");
        let notes = answer["provenance"]["notes"].to_string();
        assert!(
            notes.contains("1 accepted offer(s) of offers have rows of several `csm_id`"),
            "{notes}"
        );
    }
}

#[tokio::test]
async fn several_days_of_acquisition_are_the_earliest_and_noted() {
    let (_root, api) = open(&[
        (
            "mrr_movements",
            "1,a,p,2024-01-05T00:00:00Z,new,,10.00\n2,a,p,2024-01-25T00:00:00Z,expansion,seat,1.00\n\
             3,b,p,2024-01-05T00:00:00Z,new,,10.00",
        ),
        (
            "customers",
            "customer_id,acquired_on\na,2024-01-15\nb,2024-01-05\na,2024-01-05\nb,2024-01-05",
        ),
    ]);
    let data = ask(
        &api,
        "{ timeToExpansion { rows { subjects events observedMedianDays } provenance { notes } }
           cohorts(period: {start: \"2024-01-01\", end: \"2024-02-01\"}) { provenance { notes } } }",
    )
    .await;
    let found = &data["timeToExpansion"];
    assert_eq!(
        plain(&found["rows"]),
        json!([{"subjects": 2.0, "events": 1.0, "observedMedianDays": 20.0}])
    );
    for field in ["timeToExpansion", "cohorts"] {
        let notes = data[field]["provenance"]["notes"].to_string();
        let wanted = "1 customer(s) have rows in customers that differ in `acquired_on`: the earliest counts.";
        assert!(notes.contains(wanted), "{field}: {notes}");
    }
}

#[tokio::test]
async fn last_counts_back_from_the_table_that_ends_first_and_says_so() {
    let tables = |newest: &str| {
        let ledger = format!(
            "1,a,p,2024-01-05T00:00:00Z,new,,10.00\n2,a,p,{newest}T00:00:00Z,expansion,seat,1.00"
        );
        let orders = "order_id,customer_id,ordered_at,product_id\n\
                      o1,a,2024-01-10T00:00:00Z,p\no2,a,2024-04-20T00:00:00Z,p";
        open(&[
            ("mrr_movements", &ledger),
            ("order_lines", orders),
            ("products", "product_id,kind\np,core"),
        ])
    };
    let document = |period: &str| {
        format!(
            "{{ metrics(select: [attach_rate, expansion_mrr], {period}) {{ rows provenance {{ notes }} }} }}"
        )
    };
    let last = document("period: {last: 1}, grain: MONTH");
    let (_root, api) = tables("2024-02-10");
    let data = ask(&api, &last).await["metrics"].clone();
    assert_eq!(data["rows"][0]["period"], "2024-01-01");
    let note = "`last` counts back from 2024-02-11, where mrr_movements ends; the other tables of the \
                answer reach 2024-04-21.";
    assert!(data["provenance"]["notes"].to_string().contains(note), "{data}");
    // Where both end in one month nothing is lost, and with days of one's own nothing is counted back.
    let (_root, both) = tables("2024-04-02");
    let whole = document("period: {start: \"2024-01-01\", end: \"2024-03-01\"}, grain: MONTH");
    for (api, document) in [(&both, &last), (&api, &whole)] {
        let data = ask(api, document).await["metrics"].clone();
        assert!(!data["provenance"]["notes"].to_string().contains("counts back"), "{data}");
    }
}

/// 0.1 + 0.2 is no 0.30 as a float, and 2.675 lies below the middle.
#[tokio::test]
async fn money_that_is_kept_as_floats_says_so_wherever_it_counts() {
    let root = TempDir::new().unwrap();
    let warehouse = root.path().join("warehouse");
    let movements = "customer_id,occurred_at,movement,float_amount\n\
                     a,2024-01-01T00:00:00Z,new,0.30000000000000004\na,2024-01-02T00:00:00Z,expansion,2.675";
    write_table(&warehouse, "mrr_movements", movements);
    write_table(
        &warehouse,
        "products",
        "product_id,product_name,kind\np,Core,core\nq,Extra,add_on",
    );
    let orders = "order_id,customer_id,product_id,ordered_at,quantity,amount\n\
                  o1,a,p,2024-01-05T00:00:00Z,1,1.00\no1,a,q,2024-01-05T00:00:00Z,1,1.00";
    write_table(&warehouse, "order_lines", orders);
    let settings = "canonical: { mrr_movements: { columns: { amount: float_amount } } }\n";
    let api = api_of(
        root.path(),
        &[("upswell.yml", &format!("version: 1\nwarehouse: warehouse\n{settings}"))],
    );
    let period = "period: {start: \"2024-01-01\", end: \"2024-02-01\"}";
    let note = "`mrr_movements.amount` is kept as floating-point numbers: each was rounded once, to 2 decimals.";
    let data = ask(
        &api,
        &format!(
            "{{ table: metrics(select: [mrr, attach_rate], {period}) {{ rows provenance {{ notes }} }} \
               expansionByType({period}) {{ rows {{ amount }} provenance {{ notes }} }} \
               attach: metrics(select: [attach_rate], {period}) {{ rows provenance {{ notes }} }} }}"
        ),
    )
    .await;
    assert_eq!(data["table"]["rows"], json!([{ "mrr": 2.97, "attach_rate": 1.0 }]));
    assert_eq!(data["table"]["provenance"]["notes"], json!([note]));
    assert_eq!(data["expansionByType"]["rows"][0]["amount"].to_string(), "2.67");
    let notes = data["expansionByType"]["provenance"]["notes"].as_array().unwrap();
    assert!(notes.contains(&json!(note)), "{notes:?}");
    // Orders are counted, not paid.
    assert_eq!(data["attach"]["rows"], json!([{ "attach_rate": 1.0 }]));
    assert_eq!(data["attach"]["provenance"]["notes"], json!([]));
}
