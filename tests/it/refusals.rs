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
        ("per_piece", "table `calls`: an expression divides by zero for some row"),
    ] {
        let period = r#"period: {start: "2026-01-01", end: "2026-02-01"}"#;
        let document = format!("{{ metrics(select: [{metric}], {period}) {{ rows }} }}");
        let (code, message) = refused(&api, &document).await;
        assert_eq!((code.as_str(), message.contains(wanted)), ("BAD_DATA", true), "{message}");
    }
}
