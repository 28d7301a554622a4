//! `check --data`: every code about data, on a warehouse in which everything is wrong.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Float64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use serde_json::Value as Json;
use tempfile::TempDir;
use upswell::diagnostics::Code;

use crate::support::tables::write_batch;
use crate::support::warehouse::write_table;

/// Code → messages, and the exit code.
fn check(root: &Path, environment: &[(&str, &str)]) -> (Option<i32>, BTreeMap<String, Vec<Json>>) {
    let output = Command::new(env!("CARGO_BIN_EXE_upswell"))
        .args(["check", "-p", root.to_str().unwrap(), "--data", "--format", "json"])
        .envs(environment.iter().copied())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let found: Json = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}"));
    let mut by_code: BTreeMap<String, Vec<Json>> = BTreeMap::new();
    for finding in found.as_array().unwrap() {
        by_code
            .entry(finding["code"].as_str().unwrap().to_owned())
            .or_default()
            .push(finding.clone());
    }
    (output.status.code(), by_code)
}

const PROJECT: &str = "\
version: 1
warehouse: warehouse
canonical:
  offers: { table: deals }
  products: { columns: { product_id: prod_id } }
  acquisition_spend: { columns: { segment: market } }
";

fn everything_wrong() -> TempDir {
    let root = TempDir::new().unwrap();
    fs::write(root.path().join("upswell.yml"), PROJECT).unwrap();
    let warehouse = root.path().join("warehouse");
    write_table(
        &warehouse,
        "mrr_movements",
        "movement_id,customer_id,product_id,occurred_at,movement,amount\n\
         m1,a,p,2024-01-10T00:00:00Z,new,10.00\n\
         m2,a,p,2024-01-20T00:00:00Z,upgrade,5.00\n\
         m3,a,p,2024-02-20T00:00:00Z,contraction,3.00\n\
         m4,,p,2024-02-20T00:00:00Z,new,3.00\n\
         m5,b,p,2024-02-21T00:00:00Z,new,-4.00\n",
    );
    write_table(
        &warehouse,
        "subscription_months",
        "month,customer_id,product_id,mrr\n2024-01-01,a,p,15.01\n2024-02-01,b,p,-4.00\n2024-02-01,a,p,18.00\n",
    );
    write_table(&warehouse, "customers", "customer_id,segment\na,SMB\nb,SMB\na,Enterprise\n");
    write_table(&warehouse, "products", "product_id,kind\np,core\n");
    write_table(
        &warehouse,
        "csm_assignments",
        "customer_id,csm_id,share,valid_from,valid_to\n\
         a,ann,1,2024-01-01T00:00:00Z,2024-02-01T00:00:00Z\n\
         a,bob,1,2024-03-01T00:00:00Z,\n\
         b,ann,,2024-01-01T00:00:00Z,\n\
         b,bob,,2024-01-05T00:00:00Z,\n\
         c,ann,0.5,2024-01-01T00:00:00Z,\n\
         c,bob,0.4,2024-01-01T00:00:00Z,\n\
         d,ann,0.6,2024-01-01T00:00:00Z,\n\
         d,bob,0.4,2024-01-01T00:00:00Z,\n\
         e,ann,1,2024-03-01T00:00:00Z,2024-02-01T00:00:00Z\n\
         f,ann,1,2024-01-01T00:00:00Z,2024-02-01T00:00:00Z\n\
         f,bob,1,2024-05-01T00:00:00Z,2024-05-01T00:00:00Z\n\
         ,ann,1,2024-01-01T00:00:00Z,\n\
         g,,1,2024-01-01T00:00:00Z,\n\
         h,ann,1,,\n",
    );
    let schema = Schema::new(vec![
        Field::new("month", DataType::Date32, true),
        Field::new("channel", DataType::Utf8, true),
        Field::new("amount", DataType::Float64, true),
    ]);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Date32Array::from(vec![19_723])),
        Arc::new(StringArray::from(vec!["web"])),
        Arc::new(Float64Array::from(vec![0.1])),
    ];
    let batch = RecordBatch::try_new(Arc::new(schema), columns).unwrap();
    write_batch(&warehouse.join("acquisition_spend/a.parquet"), &batch);
    root
}

#[test]
fn every_code_about_data_has_a_case_that_names_what_is_wrong() {
    let root = everything_wrong();
    let (code, found) = check(root.path(), &[]);
    assert_eq!(code, Some(1));
    // U0801 … and the words that each of its findings, or its only one, must hold.
    let wanted: [(&str, &[&str]); 14] = [
        ("U0801", &["`deals`"]),
        (
            "U0802",
            &[
                "`products`",
                "`prod_id`",
                "Did you mean `product_id`?",
                "canonical.products.columns",
            ],
        ),
        ("U0804", &["`acquisition_spend`", "`amount`", "floating-point"]),
        ("U0805", &["`mrr_movements`", "1 row(s)"]),
        (
            "U0805",
            &[
                "`csm_assignments` holds 3 row(s) without customer_id, csm_id or valid_from; they lead \
                 nowhere: g (null) from 2024-01-01T00:00:00Z to (null), h ann from (null) to (null), \
                 (null) ann from 2024-01-01T00:00:00Z to (null)",
            ],
        ),
        ("U0806", &["upgrade (1 rows)", "canonical.mrr_movements.values.movement"]),
        ("U0807", &["contraction (1 rows)", "new (1 rows)"]),
        ("U0808", &["`customers`", "1 key(s)", "a (2 times)"]),
        // The ledger says 15.00 at the end of January, the snapshots 15.01; February agrees.
        (
            "U0809",
            &[
                "disagree on 1 balance(s)",
                "by 0.01 in all",
                "a p before 2024-02-01: 15.00 against 15.01",
            ],
        ),
        ("U0810", &["1 customer(s)", "a from 2024-02-01 to 2024-03-01"]),
        ("U0811", &["1 customer(s)", "several `csm_id` at once", "b from 2024-01-05 (2 at once)"]),
        ("U0812", &["1 customer(s)", "c from 2024-01-01"]),
        ("U0813", &["`acquisition_spend`", "`segment`", "`market`, which no file has"]),
        (
            "U0814",
            &[
                "`csm_assignments` holds 2 row(s) whose valid_to is not after their valid_from; they \
                 are true at no time: e ann from 2024-03-01T00:00:00Z to 2024-02-01T00:00:00Z, f bob \
                 from 2024-05-01T00:00:00Z to 2024-05-01T00:00:00Z",
            ],
        ),
    ];
    for (code, words) in wanted {
        let findings = found.get(code).unwrap_or_else(|| panic!("{code} is not there: {found:#?}"));
        assert_eq!(findings.len(), wanted.iter().filter(|(other, _)| *other == code).count());
        let messages: Vec<&str> =
            findings.iter().map(|finding| finding["message"].as_str().unwrap()).collect();
        let says_all = |message: &&str| words.iter().all(|word| message.contains(word));
        assert!(messages.iter().any(says_all), "{code}: {words:?} are not in one of {messages:#?}");
    }
    // Findings stand where the project says how the table is found.
    let place = |code: &str| (found[code][0]["file"].clone(), found[code][0]["line"].clone());
    assert_eq!(place("U0801"), ("upswell.yml".into(), 4.into()));
    assert_eq!(place("U0802"), ("upswell.yml".into(), 5.into()));
    assert_eq!(place("U0808").0, "canonical/datasets/core.yml");
    let all = Code::ALL.iter().filter(|code| code.as_str().starts_with("U08"));
    let shown: Vec<&str> = wanted.iter().map(|(code, _)| *code).chain(["U0803"]).collect();
    assert!(all.clone().all(|code| shown.contains(&code.as_str())), "every code has a case");
    let codes: std::collections::BTreeSet<&str> = wanted.iter().map(|(code, _)| *code).collect();
    assert_eq!(found.len(), codes.len(), "{found:#?}");
}

#[test]
fn a_store_that_does_not_answer_is_told() {
    let root = TempDir::new().unwrap();
    fs::write(root.path().join("upswell.yml"), "version: 1\nwarehouse: s3://nowhere/dw\n").unwrap();
    let environment = [
        ("AWS_ENDPOINT", "http://127.0.0.1:9"),
        ("AWS_ALLOW_HTTP", "true"),
        ("AWS_ACCESS_KEY_ID", "x"),
        ("AWS_SECRET_ACCESS_KEY", "x"),
        ("AWS_REGION", "us-east-1"),
    ];
    let (code, found) = check(root.path(), &environment);
    assert_eq!(code, Some(1));
    assert_eq!(found.keys().collect::<Vec<_>>(), ["U0803"], "{found:#?}");
    assert!(found["U0803"][0]["message"].as_str().unwrap().contains("does not answer"));
}

#[test]
fn tables_that_ship_and_are_not_there_are_no_finding() {
    let root = TempDir::new().unwrap();
    fs::write(root.path().join("upswell.yml"), "version: 1\nwarehouse: warehouse\n").unwrap();
    let movements =
        "customer_id,product_id,occurred_at,movement,amount\na,p,2024-01-10T00:00:00Z,new,10.00\n";
    write_table(&root.path().join("warehouse"), "mrr_movements", movements);
    let (code, found) = check(root.path(), &[]);
    assert_eq!((code, found.len()), (Some(0), 0), "{found:#?}");
}

/// A subscription that ends before it begins is no revenue, and whoever wrote it should know.
#[test]
fn intervals_of_a_balance_that_end_before_they_begin_are_told() {
    let root = TempDir::new().unwrap();
    fs::write(root.path().join("upswell.yml"), "version: 1\nwarehouse: warehouse\n").unwrap();
    let subscriptions = "subscription_id,customer_id,product_id,mrr,valid_from,valid_to\n\
                         s1,a,p,10.00,2024-02-01T00:00:00Z,2024-01-10T12:00:00Z\n\
                         s2,a,p,10.00,2024-02-01T00:00:00Z,";
    write_table(&root.path().join("warehouse"), "subscriptions", subscriptions);
    let (code, found) = check(root.path(), &[]);
    assert_eq!(code, Some(0), "a warning");
    assert_eq!(found.keys().collect::<Vec<_>>(), ["U0814"], "{found:#?}");
    let wanted = "`subscriptions` holds 1 row(s) whose valid_to is not after their valid_from; they are \
                  true at no time: a p from 2024-02-01T00:00:00Z to 2024-01-10T12:00:00Z";
    assert_eq!(found["U0814"][0]["message"], wanted);
}
