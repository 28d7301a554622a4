//! A metric's own filter is what `where` would be, on every kind, and is joined to it by AND.

use serde_json::Value as Json;
use upswell::graphql::Api;

use crate::support::demo::demo;
use crate::support::{api_of, ask, refused};

/// Filtered metrics of every kind, each beside one without a filter.
const OWN: &str = "metrics:
  - &mrr { name: mrr_f, kind: balance, measure: amount, filter: segment <> 'SMB' }
  - { name: payers_f, kind: balance, measure: customers, filter: segment <> 'SMB' }
  - { name: expansion_f, kind: movement, classes: [expansion], measure: amount, filter: segment <> 'SMB' }
  - { name: nrr_f, kind: retention, measure: nrr, window: period, filter: segment <> 'SMB' }
  - name: attach_f
    kind: attach
    orders: { dataset: order_lines, order: order_id }
    products: products
    base: kind = 'core'
    attached: kind = 'add_on'
    filter: segment <> 'SMB'
  - name: days_f
    kind: duration
    acquisition: { dataset: customers, date: acquired_on }
    measure: observed_median_days
    filter: segment <> 'SMB'
  - { name: days_u, kind: duration, acquisition: { dataset: customers, date: acquired_on }, measure: observed_median_days }
  - name: credited_f
    kind: attribution
    owners: { dataset: csm_assignments, owner: csm_id, share: share, id_dimension: csm_id }
    filter: segment <> 'SMB'
  - name: cohort_f
    kind: cohort
    acquisition: { dataset: customers, date: acquired_on }
    measure: mrr_retention
    filter: segment <> 'SMB'
  - { name: mrr_eu, kind: balance, measure: amount, filter: \"region = 'EMEA' or country like 'U%' and not contains(customer_name, 'a')\" }
  - { name: mrr_old, kind: balance, measure: amount, filter: acquired_on < '2023-06-01' and acquired_on is not null }
  - { name: seats_f, kind: movement, classes: [expansion], measure: amount, filter: expansion_type in ('seat') }
  - { name: share_f, kind: ratio, numerator: mrr_f, denominator: mrr }
";

const PAIRS: [(&str, &str); 9] = [
    ("mrr_f", "mrr"),
    ("payers_f", "active_customers"),
    ("expansion_f", "expansion_mrr"),
    ("nrr_f", "nrr_period"),
    ("attach_f", "attach_rate"),
    ("days_f", "days_u"),
    ("credited_f", "credited_mrr"),
    ("cohort_f", "cohort_mrr_retention"),
    ("seats_f", "expansion_mrr"),
];

const PERIOD: &str = r#"period: {start: "2023-01-01", end: "2024-04-01"}, grain: QUARTER"#;

fn project(extra: &str) -> (tempfile::TempDir, Api) {
    let root = demo(250, 16, 4);
    let settings = ("upswell.yml", "version: 1\nwarehouse: warehouse\n");
    let api = api_of(root.path(), &[settings, ("metrics/own.yml", &format!("{OWN}{extra}"))]);
    (root, api)
}

async fn column(api: &Api, name: &str, arguments: &str) -> Vec<(Json, Json)> {
    let document = format!("{{ metrics(select: [{name}], {PERIOD} {arguments}) {{ rows }} }}");
    let data = ask(api, &document).await;
    let rows = data["metrics"]["rows"].as_array().unwrap().iter();
    let key = |row: &Json| serde_json::json!([row["period"], row["country"]]);
    rows.map(|row| (key(row), row[name].clone())).collect()
}

#[tokio::test]
async fn every_kind_takes_its_filter_like_where() {
    let (_root, api) = project("");
    for (filtered, base) in PAIRS {
        let own = if filtered == "seats_f" {
            "expansion_type: {in: [\"seat\"]}"
        } else {
            "segment: {ne: \"SMB\"}"
        };
        let mine = column(&api, filtered, "").await;
        assert_eq!(mine, column(&api, base, &format!("where: {{{own}}}")).await, "{filtered}");
        assert_ne!(mine, column(&api, base, "").await, "{filtered} filters nothing");
        // Beside a where of the question, both hold, with or without groups.
        for group in ["", "groupBy: [country],"] {
            let both = format!("{group} where: {{region: {{ne: \"x\"}}, {own}}}");
            let asked = format!("{group} where: {{region: {{ne: \"x\"}}}}");
            assert_eq!(
                column(&api, filtered, &asked).await,
                column(&api, base, &both).await,
                "{filtered} {group}"
            );
        }
    }
}

#[tokio::test]
async fn filtered_and_whole_stand_in_one_table() {
    let (_root, api) = project("");
    let document = format!(
        "{{ metrics(select: [mrr, mrr_f, share_f, seats_f, expansion_mrr], {PERIOD}, \
         compareTo: [PREVIOUS_PERIOD]) {{ rows totals }} \
         smb: metrics(select: [mrr], {PERIOD}, where: {{segment: {{eq: \"SMB\"}}}}) {{ rows }} }}"
    );
    let data = ask(&api, &document).await;
    let amount = |row: &Json, name: &str| row[name].as_f64().unwrap();
    let rows = data["metrics"]["rows"].as_array().unwrap();
    for (row, smb) in rows.iter().zip(data["smb"]["rows"].as_array().unwrap()) {
        let (all, kept) = (amount(row, "mrr"), amount(row, "mrr_f"));
        // What is kept and what is not make up the whole; no segment is kept.
        assert!((all - kept - amount(smb, "mrr")).abs() < 0.005, "{row} {smb}");
        let cents = |amount: f64| (amount * 100.0).round();
        assert_eq!(amount(row, "share_f"), cents(kept) / cents(all));
        assert!(amount(row, "seats_f") < amount(row, "expansion_mrr"));
    }
    let last = rows.last().unwrap();
    assert_eq!(data["metrics"]["totals"]["mrr_f"], last["mrr_f"]);
}

#[tokio::test]
async fn conditions_mean_what_where_means() {
    let (_root, api) = project("");
    for (name, filter) in [
        (
            "mrr_eu",
            "or: [{region: {eq: \"EMEA\"}}, {country: {startsWith: \"U\"}, not: {customer_name: {contains: \"a\"}}}]",
        ),
        ("mrr_old", "acquired_on: {lt: \"2023-06-01\", isNull: false}"),
    ] {
        let mine = column(&api, name, "").await;
        assert_eq!(mine, column(&api, "mrr", &format!("where: {{{filter}}}")).await, "{name}");
    }
}

#[tokio::test]
async fn a_typed_field_and_the_catalogue_carry_the_filter() {
    let own = "  - { name: nrr_ours, kind: retention, measure: nrr, field: nrr, filter: segment <> 'SMB' }\n";
    let (_root, api) = project(own);
    let fields = "rows { startingMrr expansionMrr endingMrr nrr }";
    let data = ask(
        &api,
        &format!(
            "{{ nrr({PERIOD}, window: PERIOD) {{ {fields} }} \
             metrics(select: [nrr_f], {PERIOD}) {{ rows sql }} \
             catalog {{ metric(name: nrr_f) {{ filter formula lineage }} }} }}"
        ),
    )
    .await;
    let typed: Vec<&Json> =
        data["nrr"]["rows"].as_array().unwrap().iter().map(|row| &row["nrr"]).collect();
    let flat: Vec<&Json> =
        data["metrics"]["rows"].as_array().unwrap().iter().map(|row| &row["nrr_f"]).collect();
    assert_eq!(typed, flat);
    let metric = &data["catalog"]["metric"];
    assert_eq!(metric["filter"], "segment <> 'SMB'");
    assert!(metric["formula"].as_str().unwrap().ends_with("only where segment <> 'SMB'"));
    assert!(metric["lineage"].to_string().contains("customers.segment"), "{metric}");
    // Grouped by a product, the filter still meets a dimension that does not fit.
    let by_product =
        format!("{{ metrics(select: [cohort_f], {PERIOD}, groupBy: [product_id]) {{ rows }} }}");
    assert_eq!(refused(&api, &by_product).await.0, "INCOMPATIBLE_DIMENSION");
}
