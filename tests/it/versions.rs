//! Earlier versions of definitions, and metrics that will go.

use serde_json::Value as Json;
use tempfile::TempDir;
use upswell::graphql::Api;

use crate::support::warehouse::write_table;
use crate::support::{api_of, ask, refused};

const OWN: &str = "metrics:
  - name: size
    label: Size today
    kind: balance
    measure: amount
    versions:
      - { until: 2024-01-01, because: We counted heads., measure: customers, label: Heads }
      - { until: 2025-01-01, because: Credits were left out., filter: customer_id <> 'c' }
  - name: size_per_head
    kind: ratio
    numerator: size
    denominator: active_customers
  - name: old_size
    kind: derived
    expr: size * 2
    deprecated: { reason: Twice as large., replacement: size, removed_after: 2027-03-31 }
  - name: from_old
    kind: derived
    expr: old_size / 2
  - name: nrr
    kind: retention
    measure: nrr
    window: period
    field: nrr
    versions:
      - { until: 2025-01-01, because: Credits were left out., filter: customer_id <> 'c' }
";

fn project() -> (TempDir, Api) {
    let root = TempDir::new().unwrap();
    let warehouse = root.path().join("warehouse");
    let csv = "movement_id,customer_id,product_id,occurred_at,movement,expansion_type,amount
1,a,p,2024-01-01T00:00:00Z,new,,100.00
2,b,p,2024-01-01T00:00:00Z,new,,50.00
3,c,p,2024-01-01T00:00:00Z,new,,7.00";
    write_table(&warehouse, "mrr_movements", csv);
    write_table(&warehouse, "customers", "customer_id,customer_name,segment\na,A,x\nb,B,x\nc,C,y");
    let settings = ("upswell.yml", "version: 1\nwarehouse: warehouse\n");
    let api = api_of(root.path(), &[settings, ("metrics/own.yml", OWN)]);
    (root, api)
}

async fn at(api: &Api, select: &str, day: &str) -> (Json, Vec<String>) {
    let day = if day.is_empty() { String::new() } else { format!(", definedAt: \"{day}\"") };
    let period = r#"period: {start: "2024-01-01", end: "2024-02-01"}"#;
    let document = format!(
        "{{ metrics(select: [{select}], {period}{day}) {{ rows columns {{ label }} provenance {{ notes }} }} }}"
    );
    let data = ask(api, &document).await;
    let notes = data["metrics"]["provenance"]["notes"].as_array().unwrap();
    let notes = notes.iter().map(|note| note.as_str().unwrap().to_owned()).collect();
    (data["metrics"]["rows"][0].clone(), notes)
}

#[tokio::test]
async fn a_day_chooses_the_definition_that_held_on_it() {
    let (_root, api) = project();
    for (day, size, note) in [
        ("", 157.0, "`size` as it is defined since 2025-01-01."),
        ("2025-01-01", 157.0, "`size` as it is defined since 2025-01-01."),
        ("2024-12-31", 150.0, "`size` as it was defined until 2025-01-01."),
        ("2024-01-01", 150.0, "`size` as it was defined until 2025-01-01."),
        ("2023-12-31", 3.0, "`size` as it was defined until 2024-01-01."),
    ] {
        let (row, notes) = at(&api, "size", day).await;
        assert_eq!(row["size"].as_f64(), Some(size), "{day}");
        assert_eq!(notes, [note], "{day}");
        // What is computed from it follows.
        let (row, notes) = at(&api, "size_per_head", day).await;
        assert_eq!(row["size_per_head"].as_f64(), Some(size / 3.0), "{day}");
        assert_eq!(notes, [note], "{day}");
    }
    let document =
        r#"{ metrics(select: [size], period: {start: "2024-01-01"}, definedAt: "soon") { rows } }"#;
    let (code, message) = refused(&api, document).await;
    assert_eq!(code, "BAD_REQUEST");
    assert!(message.contains("definedAt"), "{message}");
}

/// c's 7.00 came into the metric on 2025-01-01.
#[tokio::test]
async fn a_typed_field_is_asked_by_the_definition_of_a_day_too() {
    let (_root, api) = project();
    let period = r#"period: {start: "2024-02-01", end: "2024-03-01"}, window: PERIOD"#;
    let fields = "{ rows { startingMrr } provenance { notes } }";
    let document = format!(
        r#"{{ today: nrr({period}) {fields} new: nrr({period}, definedAt: "2025-01-01") {fields}
              old: nrr({period}, definedAt: "2024-12-31") {fields} }}"#
    );
    let data = ask(&api, &document).await;
    for (field, starting, note) in [
        ("today", 157.0, "`nrr` as it is defined since 2025-01-01."),
        ("new", 157.0, "`nrr` as it is defined since 2025-01-01."),
        ("old", 150.0, "`nrr` as it was defined until 2025-01-01."),
    ] {
        assert_eq!(data[field]["rows"][0]["startingMrr"].as_f64(), Some(starting), "{field}");
        // The data ends before February.
        let ahead = "1 period(s) begin after the data ends (2024-01-02): balances are carried on, \
                     nothing has happened in them yet.";
        assert_eq!(data[field]["provenance"]["notes"], serde_json::json!([note, ahead]), "{field}");
    }
    // Rules that are compared are today's.
    let (code, message) = refused(
        &api,
        r#"{ variants(of: nrr, period: {start: "2024-02-01"}, definedAt: "2024-12-31") { rows { value } } }"#,
    )
    .await;
    assert_eq!(code, "BAD_REQUEST");
    assert!(message.contains("`variants` has no argument `definedAt`"), "{message}");
}

#[tokio::test]
async fn the_catalogue_shows_every_version() {
    let (_root, api) = project();
    let data = ask(
        &api,
        r#"{ catalog {
          today: metric(name: size) { label formula versions { until because formula definition file line } }
          then: metric(name: size, definedAt: "2023-06-01") { name label formula filter }
          later: metric(name: size, definedAt: "2024-06-01") { label filter } } }"#,
    )
    .await;
    let catalog = &data["catalog"];
    assert_eq!(catalog["today"]["formula"], "sum of recurring_revenue at the period's end");
    let versions = catalog["today"]["versions"].as_array().unwrap();
    assert_eq!(versions.len(), 2);
    assert_eq!(versions[0]["until"], "2024-01-01");
    assert_eq!(versions[0]["because"], "We counted heads.");
    assert_eq!(versions[0]["line"], 7);
    assert!(versions[0]["definition"].as_str().unwrap().contains("measure: customers"));
    let then = &catalog["then"];
    assert_eq!((then["name"].as_str(), then["label"].as_str()), (Some("size"), Some("Heads")));
    assert!(then["formula"].as_str().unwrap().starts_with("customers with"), "{then}");
    assert!(then["filter"].is_null());
    assert_eq!(catalog["later"]["label"], "Size today");
    assert_eq!(catalog["later"]["filter"], "customer_id <> 'c'");
}

#[tokio::test]
async fn a_deprecated_metric_says_so_in_every_answer() {
    let (_root, api) = project();
    let note = "`old_size` is deprecated: Twice as large; use `size`; gone after 2027-03-31.";
    for (select, value) in [("old_size", 314.0), ("from_old", 157.0)] {
        let (row, notes) = at(&api, select, "").await;
        assert_eq!(row[select].as_f64(), Some(value));
        assert!(notes.iter().any(|found| found == note), "{notes:?}");
    }
    let (_, notes) = at(&api, "mrr", "").await;
    assert!(notes.is_empty(), "{notes:?}");
    let sdl = api.sdl();
    let reason = "@deprecated(reason: \"Twice as large. Use `size`. Removed after 2027-03-31.\")";
    assert!(sdl.contains(&format!("  old_size {reason}")), "the enum value");
    assert!(sdl.contains(&format!("  old_size: Decimal {reason}")), "the field of records");
}
