//! Weights of as-of joins: numbers of any type split alike, what is no number is refused, and odd
//! ones are noted once an answer.

use serde_json::json;
use tempfile::TempDir;
use upswell::graphql::Api;

use crate::support::desk::{JANUARY, assert_rows, rows};
use crate::support::warehouse::write_table;
use crate::support::{api_of, ask, refused};

const PROJECT: &str = "version: 1\nwarehouse: warehouse\n";

const BOTH: &str =
    r#"period: {start: "2026-01-01", end: "2026-03-01"}, grain: MONTH, sparse: true"#;

/// Calls split over lines by a weight of any type; `line_part` is the weight's own column.
fn weighted(weight: &str, columns: &str, second: &str) -> (TempDir, Api) {
    let root = TempDir::new().unwrap();
    let folder = root.path().join("warehouse");
    write_table(
        &folder,
        "lines",
        &format!(
            "customer_id,line,float_amount,part,seats,valid_from,valid_to\n\
             a,north,0.75,0.75,3,2026-01-01T00:00:00Z,\n\
             a,south,0.25,{second},1,2026-01-01T00:00:00Z,\n\
             b,north,0.5,0.5,2,2026-01-01T00:00:00Z,"
        ),
    );
    write_table(&folder, "later", "call_id,customer_id,opened_at\nl1,b,2026-01-11T00:00:00Z");
    write_table(
        &folder,
        "calls",
        "call_id,customer_id,opened_at,amount\nc1,a,2026-01-10T00:00:00Z,10.00",
    );
    let definitions = format!(
        r"
datasets:
  - name: calls
    time: opened_at
    keys: {{ primary: call_id, customer: customer_id }}
    joins: [{{ to: lines, as_of: opened_at, weight: {weight} }}]
  - name: later
    time: opened_at
    keys: {{ primary: call_id, customer: customer_id }}
    joins: [{{ to: lines, as_of: opened_at, weight: {weight} }}]
  - name: lines
    keys: {{ customer: customer_id }}
    valid: [valid_from, valid_to]
    {columns}
    dimensions: [{{ name: line }}, {{ name: line_part, expr: part }}]
metrics:
  - {{ name: calls_made, kind: aggregate, dataset: calls, aggregate: count }}
  - {{ name: later_calls, kind: aggregate, dataset: later, aggregate: count }}
  - {{ name: call_amount, kind: aggregate, dataset: calls, aggregate: sum, expr: amount }}
"
    );
    let api = api_of(root.path(), &[("upswell.yml", PROJECT), ("datasets/d.yml", &definitions)]);
    (root, api)
}

#[tokio::test]
async fn weights_split_alike_whatever_their_type() {
    let typed = |name: &str, of: &str| {
        format!(
            "columns: {{ customer_id: text, line: text, part: text, {name}: {of}, \
             valid_from: timestamp, valid_to: timestamp }}"
        )
    };
    for (weight, columns) in [
        ("float_amount", String::new()),
        ("float_amount", typed("float_amount", "float")),
        ("float_amount", typed("float_amount", "{ type: decimal, scale: 2 }")),
        ("part", String::new()),
        ("part", typed("line_name", "{ type: text, optional: true }")),
        ("seats", typed("seats", "int")),
    ] {
        let (_root, api) = weighted(weight, &columns, "0.25");
        let asked =
            |by: &str| format!("select: [calls_made, call_amount], {BOTH}, groupBy: [{by}]");
        assert_rows(
            &rows(&api, &asked("line")).await,
            r#"[["2026-01-01", "north", 0.750000, 7.50], ["2026-01-01", "south", 0.250000, 2.50]]"#,
        );
        assert_rows(
            &rows(&api, &asked("line_part")).await,
            r#"[["2026-01-01", "0.25", 0.250000, 2.50], ["2026-01-01", "0.75", 0.750000, 7.50]]"#,
        );
    }
}

#[tokio::test]
async fn a_weight_that_is_no_number_is_refused_by_name() {
    let (_root, api) = weighted("part", "", "a quarter");
    let document =
        format!("{{ metrics(select: [calls_made], {BOTH}, groupBy: [line]) {{ rows }} }}");
    let (code, message) = refused(&api, &document).await;
    assert_eq!(code, "BAD_DATA");
    assert!(message.contains("`part` of `lines`") && message.contains("no numbers"), "{message}");
}

/// Two passes over different rows meet different customers: each is counted once, in one note.
#[tokio::test]
async fn odd_shares_are_noted_once_an_answer() {
    let (_root, api) = weighted("part", "", "0.3");
    let document = format!(
        "{{ metrics(select: [calls_made, later_calls], {JANUARY}, groupBy: [line]) {{ provenance {{ notes }} }} }}"
    );
    assert_eq!(
        ask(&api, &document).await["metrics"]["provenance"]["notes"],
        json!([
            "2 customer(s) had `line` in `lines` whose `part` do not sum to 1; they were normalised"
        ])
    );
}
