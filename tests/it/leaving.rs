//! Clients that leave: what they asked ends soon, unless somebody else waits for it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value as Json;
use tempfile::TempDir;
use upswell::catalog::{Catalog, CatalogSettings};
use upswell::clock::SystemClock;
use upswell::engine::{EngineSettings, LocalEngine};
use upswell::graphql::Api;

use crate::support::demo::demo;
use crate::support::server::{Server, serve};
use crate::support::{ask, model_of, refused};

const PROJECT: &str = "version: 1\nwarehouse: warehouse\n";

fn project() -> TempDir {
    let root = demo(4_000, 12, 7);
    std::fs::write(root.path().join("upswell.yml"), PROJECT).unwrap();
    root
}

/// A question that keeps a core busy for a while: every customer in each of so many days. Another
/// number is another question.
fn heavy(number: usize) -> String {
    format!(
        "{{ metrics(select: [mrr, nrr_period], grain: DAY, limit: {}, \
         period: {{start: \"2013-01-01\", end: \"2026-09-01\"}}) {{ rowCount }} }}",
        number + 1
    )
}

fn address(server: &Server) -> &str {
    server.address.strip_prefix("http://").unwrap()
}

/// Sends a document and leaves the answer to whoever reads it.
fn send(server: &Server, query: &str) -> TcpStream {
    let body = serde_json::json!({ "query": query }).to_string();
    let mut stream = TcpStream::connect(address(server)).unwrap();
    write!(
        stream,
        "POST /graphql HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    stream
}

fn answer(mut stream: TcpStream) -> Json {
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    serde_json::from_str(body).unwrap()
}

/// Requests being answered, this one left out.
fn in_flight(server: &Server) -> u64 {
    let mut stream = TcpStream::connect(address(server)).unwrap();
    write!(stream, "GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let line = text.lines().find(|line| line.starts_with("upswell_http_requests_in_flight "));
    line.unwrap().rsplit(' ').next().unwrap().parse::<u64>().unwrap() - 1
}

/// Time that the server's process has computed for, in ticks.
fn computed(server: &Server) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", server.process.id())).unwrap();
    let after_name = stat.rsplit_once(')').unwrap().1;
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

/// Waits until the server computes nothing.
fn until_idle(server: &Server) {
    let begun = Instant::now();
    loop {
        let before = computed(server);
        std::thread::sleep(Duration::from_millis(500));
        if computed(server) - before <= 2 {
            return;
        }
        assert!(begun.elapsed() < Duration::from_mins(2), "it computes on");
    }
}

#[test]
fn what_nobody_waits_for_ends_soon() {
    const CLIENTS: usize = 30;
    let root = project();
    let server = serve(root.path(), &[]);
    // The facts are read once; then a whole question is measured.
    let warm = "{ metrics(select: [mrr, nrr_period], period: {last: 1}, grain: MONTH) { rows } }";
    assert!(answer(send(&server, warm))["data"]["metrics"]["rows"][0]["mrr"].is_number());
    let before = computed(&server);
    assert_eq!(answer(send(&server, &heavy(0)))["data"]["metrics"]["rowCount"], 1);
    let whole = computed(&server) - before;
    assert!(whole >= 10, "{whole} ticks are too few to be told from nothing");

    let clients: Vec<TcpStream> =
        (1..=CLIENTS).map(|number| send(&server, &heavy(number))).collect();
    let begun = Instant::now();
    while in_flight(&server) < CLIENTS as u64 {
        assert!(begun.elapsed() < Duration::from_secs(20), "they do not arrive");
        std::thread::sleep(Duration::from_millis(5));
    }
    drop(clients);
    let (left, before) = (Instant::now(), computed(&server));
    while in_flight(&server) > 0 {
        assert!(left.elapsed() < Duration::from_secs(10), "{} are left", in_flight(&server));
        std::thread::sleep(Duration::from_millis(20));
    }
    until_idle(&server);
    // Those that ran when their clients left had nearly all of it before them.
    let spent = computed(&server) - before;
    assert!(spent < 2 * whole, "{spent} ticks for nobody, where one question takes {whole}");
    assert!(answer(send(&server, warm))["data"]["metrics"]["rows"][0]["mrr"].is_number());
}

#[test]
fn who_still_waits_for_the_same_question_is_answered() {
    let root = project();
    let server = serve(root.path(), &[]);
    let first = send(&server, &heavy(6));
    let second = send(&server, &heavy(6));
    let begun = Instant::now();
    while in_flight(&server) < 2 {
        assert!(begun.elapsed() < Duration::from_secs(20), "they do not arrive");
    }
    drop(first);
    assert_eq!(answer(second)["data"]["metrics"]["rowCount"], 7);
}

/// Owners of every customer in each of so many days: many times longer than the timeout, and all of
/// it in one kernel, which awaits nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_takes_too_long_is_stopped_in_its_arithmetic() {
    const TIMEOUT: Duration = Duration::from_secs(1);
    let root = project();
    let model = model_of(root.path(), &[("upswell.yml", PROJECT)]);
    let catalog = Catalog::open(Arc::clone(&model), CatalogSettings::default()).unwrap();
    let settings = EngineSettings { timeout: TIMEOUT, ..EngineSettings::default() };
    let engine = LocalEngine::new(model, catalog, settings, Arc::new(SystemClock)).unwrap();
    let api = Api::new(Arc::new(engine)).unwrap();
    let by_team = "{ metrics(select: [nrr, grr], groupBy: [csm_team], compareTo: [PREVIOUS_YEAR],";
    let month = format!("{by_team} period: {{last: 1}}, grain: MONTH) {{ rowCount }} }}");
    assert!(ask(&api, &month).await["metrics"]["rowCount"].as_u64() > Some(0));
    let days = r#"period: {start: "2013-01-01", end: "2026-09-01"}, grain: DAY"#;
    let begun = Instant::now();
    let (code, message) = refused(&api, &format!("{by_team} {days}) {{ rowCount }} }}")).await;
    assert_eq!(code, "TIMEOUT", "{message}");
    assert!(begun.elapsed() < 4 * TIMEOUT, "{:?}", begun.elapsed());
}
