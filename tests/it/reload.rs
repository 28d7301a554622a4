//! Reloading while serving: swapped whole, refused with places, never taken away.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use proptest::prelude::*;
use serde_json::Value as Json;
use tempfile::TempDir;
use upswell::app::open_reloadable;
use upswell::config::GivenLimits;
use upswell::definitions::canonical_sources;
use upswell::server::{Reloaded, ServerState};

use crate::support::execute;
use crate::support::server::{Server, serve};
use crate::support::warehouse::write_table;

/// A metric that says by its value which definitions answered.
fn definitions(number: u32) -> String {
    format!(
        "metrics:\n  - {{ name: tell, label: Tell {number}, kind: derived, expr: mrr * 0 + {number} }}\n"
    )
}

fn project() -> TempDir {
    let root = TempDir::new().unwrap();
    fs::write(root.path().join("upswell.yml"), "version: 1\nwarehouse: warehouse\n").unwrap();
    fs::create_dir(root.path().join("metrics")).unwrap();
    write_table(
        &root.path().join("warehouse"),
        "mrr_movements",
        "customer_id,product_id,occurred_at,movement,amount\na,p,2024-01-10T00:00:00Z,new,10.00\n",
    );
    define(root.path(), &definitions(1));
    root
}

/// Replaces the file whole, as careful editors do.
fn define(root: &Path, text: &str) {
    let half = root.join("half.tmp");
    fs::write(&half, text).unwrap();
    fs::rename(half, root.join("metrics/m.yml")).unwrap();
}

const QUESTION: &str = r#"{"query": "{ metrics(select: [tell], period: {start: \"2024-02-01\", end: \"2024-03-01\"}) { rows columns { name label } provenance { definitionVersion } } catalog { definitionVersion metric(name: tell) { label definition } problems { code file line } } }"}"#;

async fn post(client: &reqwest::Client, server: &Server, path: &str) -> (u16, Json) {
    let request = client.post(format!("{}{path}", server.address));
    let request = request.header("content-type", "application/json").body(QUESTION);
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    (status, serde_json::from_slice(&response.bytes().await.unwrap()).unwrap())
}

async fn ask(client: &reqwest::Client, server: &Server) -> Json {
    let (status, body) = post(client, server, "/graphql").await;
    assert!(status == 200 && body.get("errors").is_none(), "{body:#}");
    body["data"].clone()
}

/// The number that every part of an answer tells; all must tell the same.
fn told(answer: &Json) -> u64 {
    let number = answer["metrics"]["rows"][0]["tell"].as_f64().unwrap();
    let label = format!("Tell {number}");
    assert_eq!(answer["metrics"]["columns"][0]["label"], label, "{answer:#}");
    let metric = &answer["catalog"]["metric"];
    assert_eq!(metric["label"], label, "{answer:#}");
    assert!(metric["definition"].as_str().unwrap().contains(&label), "{answer:#}");
    let version = &answer["catalog"]["definitionVersion"];
    assert_eq!(*version, answer["metrics"]["provenance"]["definitionVersion"]);
    format!("{number}").parse().unwrap()
}

async fn until(client: &reqwest::Client, server: &Server, holds: impl Fn(&Json) -> bool) -> Json {
    let begun = Instant::now();
    loop {
        let answer = ask(client, server).await;
        if holds(&answer) {
            return answer;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{answer:#}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_load_no_request_sees_two_models() {
    let root = project();
    let server = Arc::new(serve(root.path(), &[]));
    let client = reqwest::Client::new();
    let (done, answers) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let clients: Vec<_> = (0..8)
        .map(|_| {
            let (server, client) = (Arc::clone(&server), client.clone());
            let (done, answers) = (Arc::clone(&done), Arc::clone(&answers));
            tokio::spawn(async move {
                while !done.load(Ordering::Relaxed) {
                    told(&ask(&client, &server).await);
                    answers.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for number in 2..=12 {
        define(root.path(), &definitions(number));
        let (status, body) = post(&client, &server, "/admin/reload").await;
        assert_eq!((status, &body["status"]), (200, &Json::from("swapped")), "{body:#}");
        assert_eq!(told(&ask(&client, &server).await), u64::from(number));
        // A broken one in between takes nothing away.
        define(root.path(), "metrics:\n  - { name: tell, kind: derived, expr: mrrr }\n");
        let (status, body) = post(&client, &server, "/admin/reload").await;
        assert_eq!((status, &body["status"]), (422, &Json::from("refused")));
        // Asked again it is no better, though nothing was written since.
        let (status, again) = post(&client, &server, "/admin/reload").await;
        assert_eq!((status, &again["problems"]), (422, &body["problems"]));
        assert_eq!(told(&ask(&client, &server).await), u64::from(number));
    }
    done.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.unwrap();
    }
    assert!(answers.load(Ordering::Relaxed) > 20, "{answers:?} answers are no load");
}

#[tokio::test]
async fn a_broken_definition_is_told_everywhere_and_a_mended_one_counts() {
    let root = project();
    let server = serve(root.path(), &["--watch"]);
    let client = reqwest::Client::new();
    assert_eq!(told(&ask(&client, &server).await), 1);

    define(root.path(), "metrics:\n  - name: tell\n    kind: derived\n    expr: mrr * tel\n");
    let broken = until(&client, &server, |answer| {
        answer["catalog"]["problems"].as_array().is_some_and(|problems| !problems.is_empty())
    });
    let broken = broken.await;
    assert_eq!(told(&broken), 1, "the model before answers on");
    let problem = &broken["catalog"]["problems"][0];
    assert_eq!((&problem["code"], &problem["file"]), (&"U0403".into(), &"metrics/m.yml".into()));
    assert_eq!(problem["line"], 4);
    let ready: Json = client
        .get(format!("{}/readyz", server.address))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(ready["status"], "ready");
    assert_eq!(ready["problems"][0]["line"], 4, "{ready:#}");
    assert!(ready["problems"][0]["message"].as_str().unwrap().contains("`tel`"), "{ready:#}");

    define(root.path(), &definitions(7));
    let mended = until(&client, &server, |answer| told(answer) == 7).await;
    assert_eq!(mended["catalog"]["problems"], Json::Array(Vec::new()));

    // A project that is gone takes no model away either.
    fs::rename(root.path().join("upswell.yml"), root.path().join("away.yml")).unwrap();
    let gone =
        until(&client, &server, |answer| answer["catalog"]["problems"] != Json::Array(vec![]));
    assert_eq!(told(&gone.await), 7);
}

#[cfg(unix)]
#[tokio::test]
async fn a_hangup_reloads() {
    let root = project();
    let server = serve(root.path(), &[]);
    let client = reqwest::Client::new();
    assert_eq!(told(&ask(&client, &server).await), 1);
    define(root.path(), &definitions(5));
    assert_eq!(told(&ask(&client, &server).await), 1, "nothing is watched");
    let pid = server.process.id().to_string();
    assert!(Command::new("kill").args(["-HUP", &pid]).status().unwrap().success());
    until(&client, &server, |answer| told(answer) == 5).await;
    let (status, body) = post(&client, &server, "/admin/reload").await;
    assert_eq!((status, &body["status"]), (200, &Json::from("unchanged")));
}

#[tokio::test]
async fn reloading_is_for_callers_on_the_machine_itself() {
    let root = project();
    let server = serve(root.path(), &[]);
    let client = reqwest::Client::new();
    for header in ["x-forwarded-for", "forwarded", "origin"] {
        let request = client.post(format!("{}/admin/reload", server.address)).header(header, "x");
        let response = request.send().await.unwrap();
        assert_eq!(response.status().as_u16(), 403, "{header}");
        let body: Json = response.json().await.unwrap();
        assert_eq!(body["errors"][0]["extensions"]["code"], "FORBIDDEN");
    }
    let got = client.get(format!("{}/admin/reload", server.address)).send().await.unwrap();
    assert_eq!(got.status().as_u16(), 405);
}

/// Other bytes in the same file, as old as before.
fn overwrite(file: &Path, bytes: &[u8], modified: SystemTime) {
    let mut open = fs::OpenOptions::new().write(true).open(file).unwrap();
    open.write_all(bytes).unwrap();
    open.set_modified(modified).unwrap();
}

/// Facts in memory go on to the next engine: a reload reads no row twice.
#[tokio::test]
async fn what_is_in_memory_survives_a_reload_that_reads_tables_in_the_same_way() {
    let root = project();
    let (opened, reloader) = open_reloadable(root.path(), &GivenLimits::default()).unwrap();
    let state = ServerState::reloadable(opened.api, Box::new(reloader));
    let question = "{ metrics(select: [mrr, tell], period: {start: \"2024-02-01\", end: \"2024-03-01\"}) { rows } }";
    let first = execute(&state.api(), question).await;
    assert_eq!(first["data"]["metrics"]["rows"][0]["mrr"], 10.0, "{first:#}");
    // The file is damaged behind our back, its listing unchanged: only memory can answer now.
    let file = root.path().join("warehouse/mrr_movements/part-0.parquet");
    let (bytes, written) =
        (fs::read(&file).unwrap(), fs::metadata(&file).unwrap().modified().unwrap());
    overwrite(&file, &vec![0; bytes.len()], written);
    define(root.path(), &definitions(2));
    assert_eq!(state.reload().await, Reloaded::Swapped);
    let second = execute(&state.api(), question).await;
    assert_eq!(second["data"]["metrics"]["rows"][0]["mrr"], 10.0);
    assert_eq!(second["data"]["metrics"]["rows"][0]["tell"], 2.0);
    overwrite(&file, &bytes, written);
    // Other values of a column are other facts.
    let mapped = "version: 1\nwarehouse: warehouse\ncanonical: { mrr_movements: { columns: { amount: { from: amount } }, values: { movement: { new: churn } } } }\n";
    fs::write(root.path().join("upswell.yml"), mapped).unwrap();
    assert_eq!(state.reload().await, Reloaded::Swapped);
    let churned = "{ metrics(select: [churned_mrr, new_mrr], period: {start: \"2024-01-01\", end: \"2024-03-01\"}) { rows } }";
    let third = execute(&state.api(), churned).await;
    assert_eq!(third["data"]["metrics"]["rows"][0]["churned_mrr"], -10.0, "{third:#}");
    assert_eq!(third["data"]["metrics"]["rows"][0]["new_mrr"], 0.0, "{third:#}");
}

/// Hundreds of shipped files with a piece cut out and another put in, one after another under one
/// server state: each is swapped in or refused, and an answer comes every time.
#[test]
fn damaged_definitions_never_take_the_model_away() {
    let root = project();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (opened, reloader) = open_reloadable(root.path(), &GivenLimits::default()).unwrap();
    let state = ServerState::reloadable(opened.api, Box::new(reloader));
    let files = canonical_sources();
    let (mut swapped, mut refused) = (0, 0);
    let config = proptest::test_runner::Config {
        cases: 200,
        failure_persistence: None,
        ..proptest::test_runner::Config::default()
    };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let damage = (0usize..files.len(), 0.0f64..1.0, 0usize..40, "[a-z:{}\\[\\]\"'&*#\n\t ]{0,8}");
    let outcomes = std::cell::RefCell::new(Vec::new());
    runner
        .run(&damage, |(file, at, cut, put)| {
            let chars: Vec<char> = files[file].text.chars().collect();
            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                clippy::cast_precision_loss
            )]
            let start = (at * chars.len() as f64) as usize;
            let end = (start + cut).min(chars.len());
            let text: String = chars[..start]
                .iter()
                .copied()
                .chain(put.chars())
                .chain(chars[end..].iter().copied())
                .collect();
            define(root.path(), &text);
            let before = state.api().definition_version().to_owned();
            let outcome = runtime.block_on(state.reload());
            let api = state.api();
            match outcome {
                Reloaded::Refused => {
                    prop_assert_eq!(api.definition_version(), before.as_str());
                    prop_assert!(api.problems().iter().any(|problem| problem.severity == "error"));
                }
                _ => prop_assert!(api.problems().iter().all(|problem| problem.severity != "error")),
            }
            let answer = runtime.block_on(execute(&api, "{ catalog { definitionVersion } }"));
            prop_assert!(answer.get("errors").is_none(), "{}", answer);
            outcomes.borrow_mut().push(outcome);
            Ok(())
        })
        .unwrap();
    for outcome in outcomes.into_inner() {
        swapped += usize::from(outcome == Reloaded::Swapped);
        refused += usize::from(outcome == Reloaded::Refused);
    }
    assert!(
        refused > 50 && swapped > 5,
        "{swapped} swapped, {refused} refused: damage too much or too little"
    );
}
