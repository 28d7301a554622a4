//! The real binary: generate, query, check, explain, schema, serve.

use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use serde_json::Value as Json;
use tempfile::TempDir;

use crate::support::server::{Server, serve};
use crate::support::warehouse::write_file;

fn upswell(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_upswell")).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn project(root: &Path, customers: &str) {
    let warehouse = root.join("warehouse");
    let made = upswell(&[
        "generate",
        "--dir",
        warehouse.to_str().unwrap(),
        "--customers",
        customers,
        "--months",
        "36",
    ]);
    assert!(made.status.success(), "{}", text(&made.stderr));
    std::fs::write(root.join("upswell.yml"), "version: 1\nwarehouse: warehouse\n").unwrap();
}

const FIVE: &str = "{ nrr(period: {last: 4}, grain: QUARTER) { rows { nrr grr startingMrr endingMrr } } \
    expansionByType(period: {last: 1}, grain: YEAR) { rows { expansionType amount } } \
    attachRate(period: {last: 1}, grain: QUARTER) { rows { attached rate } } \
    timeToExpansion(groupBy: [segment]) { rows { medianDays subjects } } \
    csmExpansionAttribution(period: {last: 1}, grain: QUARTER) { rows { csmId creditedMrr } } }";

#[test]
fn twenty_thousand_customers_answer_all_five_metrics() {
    let root = TempDir::new().unwrap();
    project(root.path(), "20000");
    let file = root.path().join("five.graphql");
    std::fs::write(&file, FIVE).unwrap();
    let at = root.path().to_str().unwrap();
    let asked = upswell(&["query", "-p", at, file.to_str().unwrap()]);
    assert!(asked.status.success(), "{}", text(&asked.stdout));
    let answer: Json = serde_json::from_slice(&asked.stdout).unwrap();
    let rows = |field: &str| answer["data"][field]["rows"].as_array().unwrap().clone();
    assert_eq!(rows("nrr").len(), 4);
    assert!(rows("nrr").iter().all(|row| row["nrr"].as_f64().is_some_and(|nrr| nrr > 0.9)));
    assert!(rows("expansionByType").len() >= 11);
    assert!(rows("attachRate").iter().any(|row| row["attached"].is_null()));
    let subjects: i64 =
        rows("timeToExpansion").iter().map(|row| row["subjects"].as_i64().unwrap()).sum();
    assert_eq!(subjects, 20_000);
    assert!(rows("csmExpansionAttribution").len() > 10);
}

#[test]
fn the_commands_and_their_exit_codes() {
    let root = TempDir::new().unwrap();
    project(root.path(), "200");
    let at = root.path().to_str().unwrap();
    let file = root.path().join("q.graphql");
    std::fs::write(&file, "{ metrics(select: [mrr], period: {last: 2}, grain: MONTH) { rows } }")
        .unwrap();
    let csv =
        text(&upswell(&["query", "-p", at, "--format", "csv", file.to_str().unwrap()]).stdout);
    assert!(csv.starts_with("period,mrr\r\n2025-11-01,"), "{csv}");
    let table =
        text(&upswell(&["query", "-p", at, "--format", "table", file.to_str().unwrap()]).stdout);
    assert!(table.contains("2025-12-01"), "{table}");
    std::fs::write(&file, "{ metrics(select: [mrrr]) { rows } }").unwrap();
    assert_eq!(upswell(&["query", "-p", at, file.to_str().unwrap()]).status.code(), Some(1));

    assert_eq!(upswell(&["check", "-p", at]).status.code(), Some(0));
    let data = upswell(&["check", "-p", at, "--data"]);
    assert_eq!(data.status.code(), Some(0), "{}", text(&data.stdout));
    // The demo's customers are without an owner now and then: a warning, which counts if it should.
    assert!(text(&data.stdout).contains("warning[U0810]"), "{}", text(&data.stdout));
    let strict = upswell(&["check", "-p", at, "--data", "--strict"]);
    assert_eq!(strict.status.code(), Some(1));
    assert_eq!(upswell(&["check", "-p", "/nonexistent"]).status.code(), Some(2));
    std::fs::create_dir(root.path().join("metrics")).unwrap();
    std::fs::write(root.path().join("metrics/bad.yml"), "metrics:\n  - { name: x, kind: ratoi }\n")
        .unwrap();
    let bad = upswell(&["check", "-p", at]);
    assert_eq!(bad.status.code(), Some(1));
    assert!(text(&bad.stdout).contains("ratio"), "{}", text(&bad.stdout));
    std::fs::remove_file(root.path().join("metrics/bad.yml")).unwrap();

    let explained = text(&upswell(&["explain", "nrr", "-p", at]).stdout);
    for word in ["NRR", "formula", "mrr_movements.amount", "Retention of=recurring_revenue"] {
        assert!(explained.contains(word), "{word}: {explained}");
    }
    let own = "metrics:\n  - { name: won, kind: conversion, entity: customer, base: { dataset: offers }, \
               conversion: { dataset: mrr_movements }, within_days: 9 }\n";
    std::fs::write(root.path().join("metrics/own.yml"), own).unwrap();
    let explained = text(&upswell(&["explain", "won", "-p", at]).stdout);
    assert!(explained.contains("\nsql\n  WITH base__ AS ("), "{explained}");
    std::fs::remove_file(root.path().join("metrics/own.yml")).unwrap();
    let committed = include_str!("../../schema/schema.graphql");
    assert_eq!(text(&upswell(&["schema", "-p", at]).stdout), committed);
}

async fn mrr(server: &Server) -> Option<f64> {
    let query = r#"{"query": "{ metrics(select: [mrr], period: {start: \"2024-02-01\", end: \"2024-03-01\"}) { rows } }"}"#;
    let request = reqwest::Client::new().post(format!("{}/graphql", server.address));
    let response =
        request.header("content-type", "application/json").body(query).send().await.unwrap();
    let body: Json = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
    body["data"]["metrics"]["rows"][0]["mrr"].as_f64()
}

#[tokio::test]
async fn files_added_while_serving_are_seen_and_a_stop_is_graceful() {
    let root = TempDir::new().unwrap();
    let warehouse = root.path().join("warehouse");
    std::fs::create_dir(&warehouse).unwrap();
    std::fs::write(root.path().join("upswell.yml"), "version: 1\nwarehouse: warehouse\n").unwrap();
    let mut server = serve(root.path(), &["--refresh-seconds", "1"]);
    assert_eq!(mrr(&server).await, None, "no table yet, and the server stands");
    let header = "customer_id,occurred_at,movement,amount";
    let movement = |name: &str, row: &str| {
        write_file(
            &warehouse,
            &format!("mrr_movements/{name}.parquet"),
            &format!("{header}\n{row}"),
        );
    };
    movement("one", "a,2024-01-01T00:00:00Z,new,10.00");
    assert!(sees(&server, 10.0).await);
    movement("two", "b,2024-01-05T00:00:00Z,new,5.50");
    assert!(sees(&server, 15.5).await);
    assert!(Command::new("kill").arg(server.process.id().to_string()).status().unwrap().success());
    let begun = Instant::now();
    loop {
        if let Some(status) = server.process.try_wait().unwrap() {
            assert!(status.success(), "{status}");
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "does not stop");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn sees(server: &Server, wanted: f64) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(20) {
        if mrr(server).await == Some(wanted) {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    false
}
