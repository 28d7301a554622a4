//! Tests that definitions carry: those that ship pass, and `upswell test` tells what does not.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use serde_json::Value as Json;
use tempfile::TempDir;
use upswell::diagnostics::{Format, SourceFile};
use upswell::metric_tests::{self, TestResult};
use upswell::project::{ProjectFiles, load_with_tests};

/// The worked examples of the definition book, through Parquet, planner and engine.
#[tokio::test(flavor = "multi_thread")]
async fn the_tests_of_what_ships_pass() {
    let files = vec![SourceFile::new("upswell.yml", "version: 1\nwarehouse: nowhere\n")];
    let loaded = load_with_tests(&ProjectFiles::from_texts(Path::new("/nonexistent"), files));
    let found = loaded.diagnostics.render(Format::Human);
    assert!(loaded.diagnostics.is_empty(), "{found}");
    let model = Arc::new(loaded.model.unwrap());
    let results = metric_tests::run(&model, model.tests.clone()).await;
    let report = metric_tests::render(&results, metric_tests::Format::Human);
    assert!(results.iter().all(TestResult::passed), "{report}");
    for field in
        ["nrr", "expansionByType", "attachRate", "timeToExpansion", "csmExpansionAttribution"]
    {
        let metric = &model.metric_of_field(field).unwrap().name;
        let tested = results.iter().filter(|result| result.test.metric == *metric);
        assert!(tested.count() > 0, "{metric} has no test");
    }
    assert!(results.len() >= 27, "{report}");
}

fn upswell(arguments: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } =
        Command::new(env!("CARGO_BIN_EXE_upswell")).args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

const METRICS: &str = "\
metrics:
  - name: paid
    kind: aggregate
    dataset: order_lines
    aggregate: sum
    expr: amount
    tests:
      - name: two lines
        given: &lines
          order_lines:
            - { order_id: a, customer_id: x, ordered_at: 2026-01-03, product_id: p, amount: 1.10 }
            - { order_id: b, customer_id: y, ordered_at: 2026-02-03, product_id: p, amount: 2.20 }
        ask: { period: [2026-01-01, 2026-03-01], grain: month }
        expect:
          - { period: 2026-01-01, paid: 1.10 }
          - { period: 2026-02-01, paid: EXPECTED }
      - name: of one customer
        given: *lines
        ask: { period: [2026-01-01, 2026-03-01], where: { customer_id: y } }
        expect: { paid: 2.2 }
";

fn project(expected: &str) -> TempDir {
    let root = TempDir::new().unwrap();
    fs::write(root.path().join("upswell.yml"), "version: 1\nwarehouse: nowhere\n").unwrap();
    fs::create_dir(root.path().join("metrics")).unwrap();
    fs::write(root.path().join("metrics/m.yml"), METRICS.replace("EXPECTED", expected)).unwrap();
    root
}

#[test]
fn a_passing_project_exits_with_0() {
    let root = project("2.20");
    let (code, out, err) = upswell(&["test", "-p", root.path().to_str().unwrap()]);
    assert_eq!(code, Some(0), "{out}{err}");
    assert!(
        out.contains("ok    paid · two lines") && out.ends_with("2 passed, 0 failed\n"),
        "{out}"
    );
}

#[test]
fn a_failing_test_says_where_what_was_expected_and_what_came() {
    let root = project("2.21");
    let at = root.path().to_str().unwrap();
    let (code, out, _) = upswell(&["test", "-p", at]);
    assert_eq!(code, Some(1), "{out}");
    for line in [
        "FAIL  paid · two lines",
        "metrics/m.yml:8",
        "period 2026-02-01",
        "paid  expected 2.21  got 2.20",
        "1 passed, 1 failed",
    ] {
        assert!(out.contains(line), "{line}\n{out}");
    }
    // Only what was asked for runs.
    assert_eq!(upswell(&["test", "-p", at, "of one"]).0, Some(0));
    let (code, _, err) = upswell(&["test", "-p", at, "nothing like it"]);
    assert_eq!(code, Some(2), "{err}");

    let json: Json =
        serde_json::from_str(&upswell(&["test", "-p", at, "--format", "json"]).1).unwrap();
    assert_eq!(json[0]["passed"], false);
    assert_eq!(json[0]["differences"][0]["got"], "2.20");
    assert_eq!(json[1]["passed"], true);

    let file = root.path().join("report.xml");
    let (code, out, _) =
        upswell(&["test", "-p", at, "--format", "junit", "--output", file.to_str().unwrap()]);
    assert_eq!((code, out.as_str()), (Some(1), ""));
    let xml = fs::read_to_string(file).unwrap();
    assert!(
        xml.starts_with("<?xml") && xml.contains("<testsuite name=\"upswell\" tests=\"2\""),
        "{xml}"
    );
    assert!(xml.contains("classname=\"paid\"") && xml.contains("<failure"), "{xml}");
    assert!(xml.contains("failures=\"1\""), "{xml}");
}

#[test]
fn missing_and_unexpected_rows_are_told_by_their_keys() {
    let root = project("2.20");
    let file = root.path().join("metrics/m.yml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("period: 2026-02-01", "period: 2026-04-01")).unwrap();
    let (code, out, _) = upswell(&["test", "-p", root.path().to_str().unwrap()]);
    assert_eq!(code, Some(1));
    assert!(out.contains("missing row: period 2026-04-01"), "{out}");
    assert!(out.contains("unexpected row: period 2026-02-01"), "{out}");
}

#[test]
fn a_refused_question_is_a_failure_with_its_words() {
    let root = project("2.20");
    let file = root.path().join("metrics/m.yml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(
        &file,
        text.replace(", grain: month }", ", group_by: [csm_team, product_tier, milestone] }"),
    )
    .unwrap();
    let (code, out, err) = upswell(&["test", "-p", root.path().to_str().unwrap()]);
    // A dimension that does not exist stops at the definitions.
    assert_eq!(code, Some(2), "{out}{err}");
    assert!(err.contains("unknown dimension `milestone`"), "{err}");
    let document = "ask: { document: \"{ nrr(period: {last: 1}) { rows { nrr } } }\" }";
    let wrong = text.replace("ask: { period: [2026-01-01, 2026-03-01], grain: month }", document);
    fs::write(&file, wrong).unwrap();
    let (code, out, _) = upswell(&["test", "-p", root.path().to_str().unwrap()]);
    assert_eq!(code, Some(1), "{out}");
    assert!(out.contains("BAD_PERIOD"), "{out}");
}
