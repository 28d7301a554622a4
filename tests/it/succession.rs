//! What goes on from one engine to the next: after a reload that changes only one key, the new engine
//! answers as one that knows nothing, whatever the old one had read.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value as Json, json};
use tempfile::TempDir;
use upswell::catalog::{Catalog, CatalogSettings};
use upswell::clock::SystemClock;
use upswell::engine::{Engine, EngineSettings, LocalEngine};
use upswell::graphql::Api;

use crate::support::warehouse::write_table;
use crate::support::{api_of, ask, model_of};

const PROJECT: &str = "version: 1\nwarehouse: warehouse\n";

const DEFINITIONS: &str = r"
datasets:
  - name: visits
    time: opened_at
    keys: { primary: visit_id, customer: customer_id }
    columns: { visit_id: text, customer_id: text, opened_at: timestamp, responded_at: timestamp, amount: decimal }
    joins:
      - { to: plans, as_of: opened_at, weight: share }
  - name: plans
    keys: { customer: customer_id }
    valid: [valid_from, valid_to]
    columns: { customer_id: text, other_id: text, plan: text, share: { type: decimal, scale: 4 }, valid_from: timestamp, valid_to: timestamp, reached_at: timestamp }
    dimensions: [{ name: plan }]
metrics:
  - { name: visit_amount, kind: aggregate, dataset: visits, aggregate: sum, expr: amount, filter: amount > 0 }
  - name: attached
    kind: attach
    orders: { dataset: order_lines, order: order_id }
    products: products
    base: kind = 'core'
    attached: kind = 'add_on'
    versions:
      - { until: 2026-01-15, because: Services counted., attached: kind = 'service' }
";

fn warehouse() -> TempDir {
    let root = TempDir::new().unwrap();
    let folder = root.path().join("warehouse");
    write_table(
        &folder,
        "plans",
        "customer_id,other_id,plan,share,valid_from,valid_to,reached_at\n\
         a,b,silver,0.9,2026-01-01T00:00:00Z,,2026-01-20T00:00:00Z\n\
         a,b,gold,0.1,2026-01-01T00:00:00Z,,2026-01-03T00:00:00Z",
    );
    write_table(
        &folder,
        "visits",
        "visit_id,customer_id,opened_at,responded_at,amount\n\
         v1,a,2026-01-10T00:00:00Z,2025-12-01T00:00:00Z,10.00\n\
         v2,a,2026-01-11T00:00:00Z,2026-01-12T00:00:00Z,1.00",
    );
    write_table(&folder, "products", "product_id,kind\np,core\nq,add_on\ns,service\nt,service");
    write_table(
        &folder,
        "order_lines",
        "order_id,customer_id,ordered_at,product_id\n\
         1,a,2026-01-10T00:00:00Z,p\n1,a,2026-01-10T00:00:00Z,q\n\
         2,a,2026-01-10T00:00:00Z,p\n2,a,2026-01-10T00:00:00Z,q\n2,a,2026-01-10T00:00:00Z,s\n\
         3,a,2026-01-10T00:00:00Z,p",
    );
    root
}

fn engine(root: &Path, definitions: &str) -> LocalEngine {
    let model = model_of(root, &[("upswell.yml", PROJECT), ("datasets/d.yml", definitions)]);
    let catalog = Catalog::open(Arc::clone(&model), CatalogSettings::default()).unwrap();
    LocalEngine::new(model, catalog, EngineSettings::default(), Arc::new(SystemClock)).unwrap()
}

async fn told(engine: &LocalEngine) -> Json {
    let api = Api::new(Arc::new(engine.clone()) as Arc<dyn Engine>).unwrap();
    let period = r#"period: {start: "2026-01-01", end: "2026-02-01"}"#;
    let document = format!(
        "{{ plans: metrics(select: [visit_amount], {period}, groupBy: [plan]) {{ rows }}
            attached: metrics(select: [attached], {period}, definedAt: \"2026-01-01\") {{ rows }} }}"
    );
    ask(&api, &document).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_that_changes_one_key_is_answered_as_from_nothing() {
    let root = warehouse();
    let before = engine(root.path(), DEFINITIONS);
    let first = told(&before).await;
    for (was, is) in [
        ("as_of: opened_at, weight: share", "as_of: opened_at"),
        ("as_of: opened_at, weight", "as_of: responded_at, weight"),
        ("valid: [valid_from, valid_to]", "valid: [reached_at, valid_to]"),
        ("keys: { customer: customer_id }", "keys: { customer: other_id }"),
        ("plan: text", "plan: { type: text, values: { gold: silver } }"),
        ("filter: amount > 0", "filter: amount > 5"),
        ("expr: amount", "expr: amount * 2"),
        ("amount: decimal }", "amount: { type: decimal, scale: 3 } }"),
        ("attached: kind = 'service'", "attached: kind = 'add_on'"),
    ] {
        let edited = DEFINITIONS.replacen(was, is, 1);
        assert_ne!(edited, DEFINITIONS, "{was} is not there");
        let after = engine(root.path(), &edited);
        let fresh = told(&after).await;
        assert_ne!(fresh, first, "{is} changes nothing that is asked");
        let succeeding = engine(root.path(), &edited).succeeding(&before);
        assert_eq!(told(&succeeding).await, fresh, "{is}");
        // What the old engine goes on to answer is its own.
        assert_eq!(told(&before).await, first, "{is}");
    }
}

/// Two datasets lead through one bridge, one by shares and one without.
#[tokio::test]
async fn joins_through_one_bridge_keep_their_own_weights() {
    let root = warehouse();
    let more = "  - name: calls\n    table: visits\n    time: opened_at\n    keys: { primary: visit_id, customer: \
                customer_id }\n    columns: { visit_id: text, customer_id: text, opened_at: timestamp, amount: \
                decimal }\n    joins: [{ to: plans, as_of: opened_at }]\nmetrics:\n  - { name: call_amount, kind: \
                aggregate, dataset: calls, aggregate: sum, expr: amount }\n";
    let definitions = DEFINITIONS.replacen("metrics:\n", more, 1);
    let files = [("upswell.yml", PROJECT), ("datasets/d.yml", definitions.as_str())];
    let api = api_of(root.path(), &files);
    let period = r#"period: {start: "2026-01-01", end: "2026-02-01"}, groupBy: [plan]"#;
    let document =
        format!("{{ metrics(select: [visit_amount, call_amount], {period}) {{ rows }} }}");
    let rows = ask(&api, &document).await["metrics"]["rows"].clone();
    let expected = json!([
        {"plan": "gold", "visit_amount": 1.1, "call_amount": 5.5},
        {"plan": "silver", "visit_amount": 9.9, "call_amount": 5.5},
    ]);
    let number = |value: &Json| value.as_f64();
    for (row, wanted) in rows.as_array().unwrap().iter().zip(expected.as_array().unwrap()) {
        for name in ["visit_amount", "call_amount"] {
            assert_eq!(number(&row[name]), number(&wanted[name]), "{rows}");
        }
    }
    assert_eq!(rows.as_array().unwrap().len(), 2);
}
