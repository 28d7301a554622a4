//! The parts of an answer, in one process without HTTP: sorting facts, the kernels, and the
//! questions of the workload, warm and with no facts read yet. `cargo bench`, or `cargo bench -- w1` for some.
//!
//! Only ratios within one run say something; `compare.py` measures against DuckDB.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use divan::{Bencher, black_box};
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use upswell::app::{self, Opened};
use upswell::config::GivenLimits;
use upswell::generate::{GenerateSettings, generate};
use upswell::graphql::{Caller, GraphqlRequest};
use upswell::kernels::{BalanceFacts, Changes, RetentionAsk, Slicer, Span, retention};

const CUSTOMERS: u32 = 200_000;
const MONTHS: u32 = 36;
const MONTH: i64 = 30 * 86_400_000_000;

fn main() {
    divan::main();
}

/// Movements of a month, customers ascending: a sixth of those who are there.
fn month(number: u32) -> Changes {
    let there = CUSTOMERS / 2 + CUSTOMERS / 72 * number;
    let mut changes = Changes::default();
    for customer in (0..there).filter(|customer| (customer / 3 + 7 * number).is_multiple_of(6)) {
        let nth = i64::from(customer % 29);
        changes.customer.push(customer);
        changes.time.push(i64::from(number) * MONTH + nth * 86_400_000_000);
        changes.amount.push(if nth % 4 == 3 { -100 } else { 1_000 + nth });
        changes.class.push(if nth % 4 == 3 { 2 } else { 1 });
    }
    changes
}

static CHANGES: LazyLock<Vec<Changes>> = LazyLock::new(|| (0..MONTHS).map(month).collect());

static FACTS: LazyLock<BalanceFacts> = LazyLock::new(|| {
    let mut facts = BalanceFacts::sorted(&CHANGES);
    facts.recorded = true;
    facts
});

#[divan::bench]
fn sorting_a_ledger(bencher: Bencher) {
    let changes = &*CHANGES;
    bencher.bench(|| BalanceFacts::sorted(black_box(changes)));
}

#[divan::bench]
fn adding_a_month_to_a_ledger(bencher: Bencher) {
    let (known, new) = (&*FACTS, BalanceFacts::sorted(&[month(MONTHS)]));
    bencher.with_inputs(|| known.clone()).bench_values(|known| known.with_added(black_box(&new)));
}

/// Windows of so many months at the end of each: those of one follow on each other.
#[divan::bench(args = [1, 12])]
fn waterfalls_of_months(bencher: Bencher, apart: i64) {
    let span = |end: i64| Span { start: (end - apart) * MONTH, end: end * MONTH };
    let windows: Vec<Span> = (apart..=i64::from(MONTHS)).map(span).collect();
    let facts = &*FACTS;
    let ask = RetentionAsk {
        windows: &windows,
        by_ledger: true,
        by_product: false,
        as_of: i64::MAX,
        owners: None,
    };
    bencher.bench(|| retention(black_box(facts), &ask, &Slicer::default()));
}

/// A demo project of 20,000 customers; the folder lives as long as the process.
static PROJECT: LazyLock<TempDir> = LazyLock::new(|| {
    let folder = TempDir::new().unwrap();
    let dir = folder.path().join("warehouse");
    generate(&GenerateSettings { dir, customers: 20_000, months: MONTHS, seed: 7 }, &()).unwrap();
    fs::write(folder.path().join("upswell.yml"), "version: 1\nname: bench\nwarehouse: warehouse\n")
        .unwrap();
    folder
});

fn open() -> Opened {
    let limits = GivenLimits { result_cache_mib: Some(0), ..GivenLimits::default() };
    app::open(PROJECT.path(), &limits).unwrap()
}

fn question(name: &str) -> GraphqlRequest {
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("benches/workload/{name}.graphql"));
    let query = fs::read_to_string(file).unwrap();
    let given = json!({
        "period": { "start": "2023-01-01", "end": "2026-01-01" },
        "ends": { "start": "2024-01-01", "end": "2026-01-01" },
        "where": match name {
            "w7" => json!({ "region": { "eq": "EMEA" } }),
            "w8" => json!({ "customer_id": { "eq": "C0000042" } }),
            _ => Value::Null,
        },
    });
    let Value::Object(given) = given else { unreachable!() };
    let variables: Map<String, Value> =
        given.into_iter().filter(|(name, _)| query.contains(&format!("${name}:"))).collect();
    GraphqlRequest { query, operation_name: None, variables }
}

fn ask(opened: &Opened, runtime: &Runtime, name: &str) {
    let answer = runtime
        .block_on(opened.api.execute(question(name), &Caller::unrestricted("bench", "bench")));
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    assert!(body.get("errors").is_none(), "{name}: {body}");
}

const QUESTIONS: [&str; 8] = ["w1", "w2", "w3", "w4", "w5", "w6", "w7", "w8"];

#[divan::bench(args = QUESTIONS)]
fn warm(bencher: Bencher, name: &str) {
    let (opened, runtime) = (open(), Runtime::new().unwrap());
    ask(&opened, &runtime, name);
    bencher.bench_local(|| ask(&opened, &runtime, name));
}

#[divan::bench(args = QUESTIONS)]
fn with_nothing_read(bencher: Bencher, name: &str) {
    let runtime = Runtime::new().unwrap();
    // Given back, so that taking the facts apart is not timed.
    bencher.with_inputs(open).bench_local_values(|opened| {
        ask(&opened, &runtime, name);
        opened
    });
}
