//! A fiscal year from February in a zone with daylight saving, worked out by hand.
//!
//! Berlin is one hour before UTC in winter and two in summer: February 2024 begins at 23:00 UTC of
//! 31 January, April at 22:00 UTC of 31 March; 31 March has 23 hours, 27 October 25.

use serde_json::Value as Json;
use tempfile::TempDir;
use upswell::graphql::Api;

use crate::support::warehouse::write_table;
use crate::support::{api, ask};

const MOVEMENTS: &str =
    "movement_id,customer_id,product_id,occurred_at,movement,expansion_type,amount
1,a,p,2024-01-31T22:59:59Z,new,,100.00
2,b,p,2024-01-31T23:00:00Z,new,,10.00
3,c,p,2024-03-31T21:59:59Z,new,,1.00
4,d,p,2024-03-31T22:00:00Z,new,,1000.00
5,e,p,2024-10-31T22:59:59Z,new,,20.00
6,f,p,2024-10-31T23:00:00Z,new,,300.00
7,g,p,2025-01-31T23:00:00Z,new,,5.00
8,a,p,2024-03-30T22:59:59Z,expansion,seat,0.01
9,a,p,2024-03-30T23:00:00Z,expansion,seat,0.02
10,a,p,2024-03-31T21:59:59Z,expansion,seat,0.04
11,b,p,2024-03-31T22:00:00Z,expansion,seat,0.08
12,a,p,2024-10-26T21:59:59Z,expansion,seat,0.10
13,a,p,2024-10-26T22:00:00Z,expansion,seat,0.20
14,c,p,2024-10-27T22:59:59Z,expansion,seat,0.40
15,a,p,2024-10-27T23:00:00Z,expansion,seat,0.80
16,a,p,2024-12-29T22:59:59Z,expansion,seat,2.00
17,a,p,2024-12-29T23:00:00Z,expansion,seat,3.00";

fn berlin() -> (TempDir, Api) {
    let root = TempDir::new().unwrap();
    let warehouse = root.path().join("warehouse");
    write_table(&warehouse, "mrr_movements", MOVEMENTS);
    // b expands on the second day after its own, 47 hours on; c on the first, 48:59:59 on.
    let customers = "customer_id,acquired_on\na,2024-01-31\nb,2024-03-30\nc,2024-10-26";
    write_table(&warehouse, "customers", customers);
    let api = api(root.path(), "time_zone: Europe/Berlin\nfiscal_year_starts: february\n");
    (root, api)
}

async fn rows(api: &Api, select: &str, arguments: &str) -> Vec<(String, f64)> {
    let document = format!("{{ metrics(select: [{select}], {arguments}) {{ rows }} }}");
    let data = ask(api, &document).await;
    let rows = data["metrics"]["rows"].as_array().unwrap().iter();
    let period = |row: &Json| row["period"].as_str().unwrap().to_owned();
    rows.map(|row| (period(row), row[select].as_f64().unwrap())).collect()
}

fn expected(rows: &[(&str, f64)]) -> Vec<(String, f64)> {
    rows.iter().map(|(period, value)| ((*period).to_owned(), *value)).collect()
}

#[tokio::test]
async fn months_begin_at_midnight_of_the_zone() {
    let (_root, api) = berlin();
    let months = r#"period: {start: "2024-01-01", end: "2024-05-01"}, grain: MONTH"#;
    assert_eq!(
        rows(&api, "new_mrr", months).await,
        expected(&[
            ("2024-01-01", 100.0),
            ("2024-02-01", 10.0),
            ("2024-03-01", 1.0),
            ("2024-04-01", 1000.0)
        ])
    );
    // Balances at the months' ends, the expansions of March and April among them.
    assert_eq!(
        rows(&api, "mrr", months).await,
        expected(&[
            ("2024-01-01", 100.0),
            ("2024-02-01", 110.0),
            ("2024-03-01", 111.07),
            ("2024-04-01", 1111.15)
        ])
    );
    let autumn = r#"period: {start: "2024-10-01", end: "2024-12-01"}, grain: MONTH"#;
    let expected_autumn = expected(&[("2024-10-01", 20.0), ("2024-11-01", 300.0)]);
    assert_eq!(rows(&api, "new_mrr", autumn).await, expected_autumn);
}

#[tokio::test]
async fn quarters_and_years_are_those_of_the_fiscal_calendar() {
    let (_root, api) = berlin();
    let quarters = r#"period: {start: "2024-02-01", end: "2025-02-01"}, grain: QUARTER"#;
    assert_eq!(
        rows(&api, "new_mrr", quarters).await,
        expected(&[
            ("2024-02-01", 1011.0),
            ("2024-05-01", 0.0),
            ("2024-08-01", 20.0),
            ("2024-11-01", 300.0)
        ])
    );
    // The newest movement is the first instant of February 2025: the fiscal year is complete.
    let year = "period: {last: 1}, grain: YEAR";
    assert_eq!(rows(&api, "new_mrr", year).await, expected(&[("2024-02-01", 1331.0)]));
    assert_eq!(rows(&api, "mrr", year).await, expected(&[("2024-02-01", 1437.65)]));
    let both = r#"period: {start: "2023-06-01", end: "2024-04-01"}, grain: YEAR"#;
    let document = format!(
        "{{ nrr({both}, window: PERIOD) {{ rows {{ period {{ start end complete }} newMrr }} }} }}"
    );
    let data = ask(&api, &document).await;
    let row = |place: usize| &data["nrr"]["rows"][place];
    let clipped =
        serde_json::json!({ "start": "2023-06-01", "end": "2024-02-01", "complete": false });
    assert_eq!(row(0)["period"], clipped);
    assert_eq!(row(0)["newMrr"].as_f64(), Some(100.0));
    assert_eq!(row(1)["period"]["start"], "2024-02-01");
    // To the first of April: b and c are new, and what a gained is expansion.
    assert_eq!(row(1)["newMrr"].as_f64(), Some(11.0));
}

#[tokio::test]
async fn days_of_23_and_25_hours_hold_what_happened_on_them() {
    let (_root, api) = berlin();
    let spring = r#"period: {start: "2024-03-30", end: "2024-04-02"}, grain: DAY"#;
    assert_eq!(
        rows(&api, "expansion_mrr", spring).await,
        expected(&[("2024-03-30", 0.01), ("2024-03-31", 0.06), ("2024-04-01", 0.08)])
    );
    let autumn = r#"period: {start: "2024-10-26", end: "2024-10-29"}, grain: DAY"#;
    assert_eq!(
        rows(&api, "expansion_mrr", autumn).await,
        expected(&[("2024-10-26", 0.1), ("2024-10-27", 0.6), ("2024-10-28", 0.8)])
    );
}

#[tokio::test]
async fn weeks_are_iso_weeks_from_monday() {
    let (_root, api) = berlin();
    let turn = r#"period: {start: "2024-12-23", end: "2025-01-06"}, grain: WEEK"#;
    assert_eq!(
        rows(&api, "expansion_mrr", turn).await,
        expected(&[("2024-12-23", 2.0), ("2024-12-30", 3.0)])
    );
    // The week of 25 March has 167 hours; a start inside a week clips it.
    let spring = r#"period: {start: "2024-03-27", end: "2024-04-08"}, grain: WEEK"#;
    assert_eq!(
        rows(&api, "expansion_mrr", spring).await,
        expected(&[("2024-03-27", 0.07), ("2024-04-01", 0.08)])
    );
}

#[tokio::test]
async fn waiting_is_counted_in_calendar_days_of_the_zone() {
    let (_root, api) = berlin();
    let days = |cohort: &str| {
        format!(
            "timeToExpansion(cohort: {{start: \"{cohort}\", end: \"2024-12-01\"}}) \
             {{ rows {{ subjects curve {{ day events }} }} }}"
        )
    };
    let document = format!("{{ both: {} last: {} }}", days("2024-03-01"), days("2024-10-01"));
    let data = ask(&api, &document).await;
    let curve = |name: &str| data[name]["rows"][0]["curve"].clone();
    let both = serde_json::json!([{ "day": 1, "events": 1 }, { "day": 2, "events": 1 }]);
    assert_eq!(curve("both"), both);
    assert_eq!(curve("last"), serde_json::json!([{ "day": 1, "events": 1 }]));
}
