//! Named variants beside their metric: worked out by hand, and reconciled on any warehouse.

use serde_json::Value as Json;
use tempfile::TempDir;
use upswell::graphql::Api;

use crate::support::demo::{demo, flat};
use crate::support::warehouse::{write_case, write_table};
use crate::support::{api, api_of, ask, refused};

const FIELDS: &str = "rows { name value numerator denominator difference label rule \
                      items { name label amount denominatorAmount ratio } } provenance { notes }";

fn of_ledger(csv: &str) -> (TempDir, Api) {
    let root = TempDir::new().unwrap();
    let header = "movement_id,customer_id,product_id,occurred_at,movement,expansion_type,amount";
    let rows = csv.trim().lines().enumerate().map(|(id, row)| format!("{id},{}", row.trim()));
    let rows: Vec<String> = rows.collect();
    let csv = format!("{header}\n{}", rows.join("\n"));
    write_table(&root.path().join("warehouse"), "mrr_movements", &csv);
    let api = api(root.path(), "");
    (root, api)
}

async fn variants(api: &Api, arguments: &str) -> Vec<Json> {
    let data = ask(api, &format!("{{ variants({arguments}) {{ {FIELDS} }} }}")).await;
    data["variants"]["rows"].as_array().unwrap().clone()
}

fn of<'r>(rows: &'r [Json], name: &str) -> &'r Json {
    rows.iter().find(|row| row["name"] == name).unwrap_or_else(|| panic!("no {name}"))
}

/// (name, amount) of a row's items.
fn items(row: &Json) -> Vec<(&str, Option<f64>)> {
    let items = row["items"].as_array().unwrap().iter();
    items.map(|item| (item["name"].as_str().unwrap(), item["amount"].as_f64())).collect()
}

#[track_caller]
fn is(row: &Json, value: f64, numerator: f64, wanted: &[(&str, Option<f64>)]) {
    assert_eq!(row["value"].as_f64(), Some(value), "{row:#}");
    assert_eq!(row["numerator"].as_f64(), Some(numerator), "{row:#}");
    assert_eq!(items(row), wanted, "{row:#}");
}

#[tokio::test]
async fn eight_customers_by_every_rule() {
    let root = TempDir::new().unwrap();
    write_case(&root.path().join("warehouse"), "eight-customers");
    let api = api(root.path(), "");
    let february = r#"period: {start: "2024-02-01", end: "2024-03-01"}, window: PERIOD"#;
    let rows = variants(&api, &format!("of: nrr, {february}")).await;
    let names: Vec<&str> = rows.iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        [
            "nrr",
            "nrr_reactivation_counted",
            "nrr_without_price",
            "nrr_chained_monthly",
            "nrr_endpoint",
            "nrr_product_lines"
        ]
    );
    is(of(&rows, "nrr"), 423.0 / 430.0, 423.0, &[]);
    let counted = of(&rows, "nrr_reactivation_counted");
    is(counted, 448.0 / 430.0, 448.0, &[("reactivation", Some(25.0))]);
    assert_eq!(counted["difference"].as_f64(), Some(25.0 / 430.0));
    let without = of(&rows, "nrr_without_price");
    is(without, 415.0 / 430.0, 415.0, &[("exclude_types", Some(-8.0))]);
    assert_eq!(without["items"][0]["denominatorAmount"].as_f64(), Some(0.0));
    let netted = [
        ("expansion", Some(-20.0)),
        ("contraction", Some(20.0)),
        ("churn", Some(0.0)),
        ("cohort_reactivation", Some(0.0)),
    ];
    is(of(&rows, "nrr_endpoint"), 423.0 / 430.0, 423.0, &netted);
    // B's lines: core 50 → 30, add-on 20 → 45: the sum stays, so does the numerator.
    is(of(&rows, "nrr_product_lines"), 423.0 / 430.0, 423.0, &[("unit", Some(0.0))]);
    // One month chained is that month.
    let chained = of(&rows, "nrr_chained_monthly");
    assert_eq!(chained["value"].as_f64(), Some(423.0 / 430.0));
    assert_eq!(chained["difference"].as_f64(), Some(0.0));

    let rows = variants(&api, &format!("of: grr, {february}")).await;
    is(of(&rows, "grr"), 380.0 / 430.0, 380.0, &[]);
    is(of(&rows, "grr_without_price"), 380.0 / 430.0, 380.0, &[("exclude_types", Some(0.0))]);
    is(of(&rows, "grr_product_lines"), 360.0 / 430.0, 360.0, &[("unit", Some(-20.0))]);
}

#[tokio::test]
async fn a_price_rise_is_left_out_as_far_as_it_is_still_paid() {
    let (_root, api) = of_ledger(
        "a,p,2024-01-01T00:00:00Z,new,,100.00
         a,p,2024-02-05T00:00:00Z,expansion,price,10.00
         a,p,2024-02-10T00:00:00Z,contraction,,-15.00
         b,p,2024-01-01T00:00:00Z,new,,100.00
         b,p,2024-02-03T00:00:00Z,expansion,price_increase,20.00
         b,p,2024-02-20T00:00:00Z,churn,,-120.00
         c,p,2024-01-01T00:00:00Z,new,,50.00
         c,p,2024-02-02T00:00:00Z,expansion,price,5.00
         c,p,2024-02-03T00:00:00Z,churn,,-55.00
         c,p,2024-02-20T00:00:00Z,reactivation,,30.00
         d,p,2024-01-01T00:00:00Z,new,,100.00
         d,p,2024-01-20T00:00:00Z,expansion,price,10.00
         e,p,2024-02-07T00:00:00Z,new,,40.00
         e,p,2024-02-08T00:00:00Z,expansion,price,4.00
         f,p,2024-01-01T00:00:00Z,new,,20.00
         f,p,2024-02-08T00:00:00Z,expansion,renewal,30.00
         f,p,2024-02-09T00:00:00Z,contraction,,-45.00",
    );
    // Opening: a 100, b 100, c 50, d 110, f 20 = 380. Closing: a 95, b 0, c 30, d 110, f 5 = 240.
    // Price still paid: a 10; b left with it; c's went with the churn; d's is of January; of f's 30
    // only 5 are left.
    let period = r#"period: {start: "2024-02-01", end: "2024-03-01"}, window: PERIOD"#;
    let rows = variants(&api, &format!("of: nrr, {period}")).await;
    assert_eq!(of(&rows, "nrr")["value"].as_f64(), Some(240.0 / 380.0));
    is(of(&rows, "nrr_without_price"), 225.0 / 380.0, 225.0, &[("exclude_types", Some(-15.0))]);
    // Capped at the start: a 95, c 30, d 110, f 5 = 240; without the price a 85, f 0.
    let rows = variants(&api, &format!("of: grr, {period}")).await;
    is(of(&rows, "grr_without_price"), 225.0 / 380.0, 225.0, &[("exclude_types", Some(-15.0))]);
}

#[tokio::test]
async fn months_chained_compound_what_was_gained_inside_the_window() {
    let (_root, api) = of_ledger(
        "a,p,2024-01-01T00:00:00Z,new,,100.00
         a,p,2024-02-10T00:00:00Z,expansion,seat,50.00
         a,p,2024-03-10T00:00:00Z,expansion,seat,30.00
         b,p,2024-02-15T00:00:00Z,new,,100.00
         b,p,2024-03-20T00:00:00Z,churn,,-100.00
         a,p,2024-05-02T00:00:00Z,contraction,,-1.00",
    );
    // February 150/100, March 180/250 (b is in its cohort), April 180/180: 1.08. In one: 180/100.
    let period = r#"period: {start: "2024-04-01", end: "2024-05-01"}, window: TRAILING_3_MONTHS"#;
    let rows = variants(&api, &format!("of: nrr, {period}")).await;
    assert_eq!(of(&rows, "nrr")["value"].as_f64(), Some(1.8));
    let chained = of(&rows, "nrr_chained_monthly");
    assert_eq!(chained["value"].as_f64(), Some(1.08));
    assert!(chained["numerator"].is_null() && chained["denominator"].is_null());
    let item = &chained["items"][0];
    assert_eq!((item["name"].as_str(), item["amount"].as_f64()), (Some("chain"), None));
    assert_eq!(item["ratio"].as_f64(), Some(-0.72));
    assert!(item["label"].as_str().unwrap().contains("gained inside the window"));
    // Twelve months back nobody was there: no product.
    let rows = variants(&api, r#"of: nrr, period: {start: "2024-04-01", end: "2024-05-01"}"#).await;
    assert!(of(&rows, "nrr_chained_monthly")["value"].is_null());
}

#[tokio::test]
async fn what_a_warehouse_does_not_record_is_null_with_a_note() {
    let root = TempDir::new().unwrap();
    let csv = "month,customer_id,product_id,mrr\n2024-01-01,a,p,100.00\n2024-02-01,a,p,90.00";
    write_table(&root.path().join("warehouse"), "subscription_months", csv);
    let api = api(root.path(), "");
    let ask_for = |of: &str| {
        format!(
            "{{ variants(of: {of}, period: {{start: \"2024-02-01\", end: \"2024-03-01\"}}, \
             window: PERIOD) {{ {FIELDS} }} }}"
        )
    };
    let data = ask(&api, &ask_for("nrr")).await;
    let rows = data["variants"]["rows"].as_array().unwrap();
    assert_eq!(of(rows, "nrr")["value"].as_f64(), Some(0.9));
    assert_eq!(of(rows, "nrr_product_lines")["value"].as_f64(), Some(0.9));
    assert!(of(rows, "nrr_without_price")["value"].is_null());
    let notes = data["variants"]["provenance"]["notes"].to_string();
    assert!(notes.contains("`nrr_without_price` is not shown"), "{notes}");
    let (code, message) = refused(
        &api,
        r#"{ metrics(select: [nrr_without_price], period: {start: "2024-02-01"}) { rows } }"#,
    )
    .await;
    assert_eq!(code, "UNAVAILABLE");
    assert!(message.contains("subscription_months") && message.contains("price"), "{message}");
}

#[tokio::test]
async fn only_metrics_with_variants_are_asked_for() {
    let root = demo(20, 3, 1);
    let api = api(root.path(), "");
    for (of, hint) in
        [("mrr", "Metrics with variants: grr, nrr."), ("nrr_endpoint", "a variant of `nrr`")]
    {
        let document =
            format!("{{ variants(of: {of}, period: {{last: 1}}, grain: MONTH) {{ {FIELDS} }} }}");
        let (code, message) = refused(&api, &document).await;
        assert_eq!(code, "BAD_REQUEST");
        assert!(message.contains(hint), "{message}");
    }
    let by_product = "{ variants(of: nrr, period: {last: 1}, grain: MONTH, groupBy: [product_id]) \
                      { rows { value } } }";
    assert_eq!(refused(&api, by_product).await.0, "INCOMPATIBLE_DIMENSION");
}

/// An amount in cents.
#[allow(clippy::cast_possible_truncation)]
fn cents(value: &Json) -> i64 {
    let amount = value.as_f64().unwrap() * 100.0;
    assert!((amount - amount.round()).abs() < 1e-3, "{value}");
    amount.round() as i64
}

/// Own variants that combine rules, and a filtered one.
const COMBINED: &str = "metrics:
  - name: nrr_strict
    kind: retention
    variant_of: nrr
    measure: nrr
    method: endpoint
    retention_unit: customer_product
    exclude_types: [price, seat]
    filter: segment <> 'SMB'
  - name: nrr_generous
    kind: retention
    variant_of: nrr
    measure: nrr
    window: trailing_6_months
    reactivation: counted
    chain: month
  - name: lost_share
    kind: retention
    measure: gross_churn_rate
    window: trailing_12_months
  - name: lost_share_net
    kind: retention
    variant_of: lost_share
    measure: gross_churn_rate
    method: endpoint
";

#[tokio::test]
async fn items_add_up_to_the_difference_on_any_warehouse() {
    let mut checked = 0;
    for seed in [3, 11] {
        let root = demo(150, 20, seed);
        let settings = ("upswell.yml", "version: 1\nwarehouse: warehouse\n");
        let api = api_of(root.path(), &[settings, ("metrics/own.yml", COMBINED)]);
        for of in ["nrr", "grr", "lost_share"] {
            for slices in
                ["", "groupBy: [segment]", "groupBy: [csm_id], where: {region: {ne: \"x\"}}"]
            {
                let arguments = format!(
                    "period: {{start: \"2023-01-01\", end: \"2024-07-01\"}}, grain: QUARTER {slices}"
                );
                let fields = "rows { period { start } group { dimension value } name value numerator \
                              denominator difference items { name amount denominatorAmount ratio } }";
                let data =
                    ask(&api, &format!("{{ variants(of: {of}, {arguments}) {{ {fields} }} }}"))
                        .await;
                let rows = data["variants"]["rows"].as_array().unwrap();
                checked += reconcile(rows, of);
                same_as_flat(&api, rows, &arguments).await;
            }
        }
    }
    assert!(checked > 500, "{checked}");
}

/// Every row against the base's of its period and group, which comes first.
fn reconcile(rows: &[Json], of: &str) -> usize {
    let mut checked = 0;
    let mut base = &rows[0];
    for row in rows {
        if row["name"] == of {
            base = row;
            assert!(row["items"].as_array().unwrap().is_empty());
        }
        assert_eq!((&row["period"], &row["group"]), (&base["period"], &base["group"]));
        let items = row["items"].as_array().unwrap();
        if !row["numerator"].is_null() && items.iter().all(|item| !item["amount"].is_null()) {
            for (part, amount) in [("numerator", "amount"), ("denominator", "denominatorAmount")] {
                let sum: i64 = items.iter().map(|item| cents(&item[amount])).sum();
                assert_eq!(sum, cents(&row[part]) - cents(&base[part]), "{part} {row:#}\n{base:#}");
            }
            checked += 1;
        }
        let ratios: Option<Vec<f64>> = items.iter().map(|item| item["ratio"].as_f64()).collect();
        if let (Some(ratios), Some(difference)) = (ratios, row["difference"].as_f64()) {
            assert!((ratios.iter().sum::<f64>() - difference).abs() < 1e-9, "{row:#}");
            let values = row["value"].as_f64().unwrap() - base["value"].as_f64().unwrap();
            assert!((values - difference).abs() < 1e-12, "{row:#}");
            checked += 1;
        }
    }
    checked
}

/// A variant is the same number as the metric of its name in a flat table.
async fn same_as_flat(api: &Api, rows: &[Json], arguments: &str) {
    let mut names: Vec<&str> = rows.iter().map(|row| row["name"].as_str().unwrap()).collect();
    names.sort_unstable();
    names.dedup();
    let document = format!("{{ metrics(select: [{}], {arguments}) {{ rows }} }}", names.join(", "));
    let data = ask(api, &document).await;
    let flat_rows: Vec<_> = data["metrics"]["rows"].as_array().unwrap().iter().map(flat).collect();
    for row in rows.iter().map(flat) {
        let found = flat_rows.iter().find(|other| {
            let dimension = ["segment", "csm_id"].iter().find(|name| row.contains_key(**name));
            other["period"] == row["period.start"]
                && dimension.is_none_or(|name| other[*name] == row[*name])
        });
        let found = found.unwrap_or_else(|| panic!("no row for {row:?}"));
        assert_eq!(found[row["name"].as_str().unwrap()], row["value"], "{row:?}");
    }
}

#[tokio::test]
async fn what_came_back_is_the_waterfall_s_and_rows_name_their_rules() {
    let root = demo(200, 24, 5);
    let api = api(root.path(), "");
    let period = r#"period: {start: "2024-01-01", end: "2025-01-01"}, grain: QUARTER"#;
    let data = ask(
        &api,
        &format!(
            "{{ nrr({period}) {{ rows {{ reactivationMrr cohortReactivationMrr }} }} \
             variants(of: nrr, {period}) {{ rows {{ name rule items {{ amount }} }} }} }}"
        ),
    )
    .await;
    let counted = data["variants"]["rows"].as_array().unwrap().iter();
    let counted: Vec<&Json> =
        counted.filter(|row| row["name"] == "nrr_reactivation_counted").collect();
    let waterfall = data["nrr"]["rows"].as_array().unwrap();
    assert_eq!(counted.len(), waterfall.len());
    let mut some = 0;
    for (row, waterfall) in counted.iter().zip(waterfall) {
        let outside =
            cents(&waterfall["reactivationMrr"]) - cents(&waterfall["cohortReactivationMrr"]);
        assert_eq!(cents(&row["items"][0]["amount"]), outside);
        some += i64::from(outside != 0);
        assert!(row["rule"].as_str().unwrap().contains("revenue that came back counted"));
    }
    assert!(some > 0, "nobody came back in the demo");
}
