//! What is kept between requests: told as kept, never older than the refresh setting allows, and
//! computed again to the same digits.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::Request;
use axum::http::header::CONTENT_TYPE;
use serde_json::Value as Json;
use tempfile::TempDir;
use upswell::catalog::{Catalog, CatalogSettings};
use upswell::clock::SystemClock;
use upswell::diagnostics::SourceFile;
use upswell::engine::{Engine, EngineSettings, LocalEngine};
use upswell::graphql::{Api, Caller, GraphqlRequest, ProblemInfo, RequestKey};
use upswell::model::Model;
use upswell::project::{ProjectFiles, load};
use upswell::server::{Front, ServerState};

use crate::support::demo::demo;
use crate::support::warehouse::write_file;

fn model(root: &Path) -> Arc<Model> {
    let project = vec![SourceFile::new("upswell.yml", "version: 1\nwarehouse: warehouse\n")];
    Arc::new(load(&ProjectFiles::from_texts(root, project)).model.unwrap())
}

fn api(root: &Path, refresh: Duration, settings: EngineSettings) -> Api {
    let catalog = CatalogSettings { refresh, ..CatalogSettings::default() };
    let catalog = Catalog::open(model(root), catalog).unwrap();
    let engine = LocalEngine::new(model(root), catalog, settings, Arc::new(SystemClock)).unwrap();
    Api::new(Arc::new(engine) as Arc<dyn Engine>).unwrap().keeping(1 << 20)
}

/// Asks as the server does: what is kept of the whole response goes first.
async fn ask(api: &Api, query: &str) -> (Json, bool) {
    let caller = Caller::unrestricted("test", "test");
    let key = RequestKey::new(b'P', query.to_owned().into(), &caller.scope);
    if let Some(kept) = api.recall(&key) {
        return (serde_json::from_slice(&kept.body).unwrap(), true);
    }
    let answered = api.execute_keyed(key, GraphqlRequest::new(query), &caller).await;
    (serde_json::from_slice(&answered.body).unwrap(), false)
}

fn measured(api: &Api, name: &str) -> u64 {
    let all = api.measurements();
    all.iter().find(|measured| measured.name == name).unwrap().value
}

const MRR: &str = r#"{ metrics(select: [mrr, nrr_period], period: {start: "2024-02-01", end: "2024-03-01"})
    { rows provenance { cached snapshot computedAt } } }"#;

fn movement(root: &Path, name: &str, row: &str) {
    let text = format!("customer_id,occurred_at,movement,amount\n{row}");
    write_file(&root.join("warehouse"), &format!("mrr_movements/{name}.parquet"), &text);
}

fn mrr(answer: &Json) -> f64 {
    answer["data"]["metrics"]["rows"][0]["mrr"].as_f64().unwrap_or_else(|| panic!("{answer:#}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_answer_is_kept_and_the_third_is_the_whole_response() {
    let root = TempDir::new().unwrap();
    movement(root.path(), "one", "a,2024-01-01T00:00:00Z,new,10.00");
    let api = api(root.path(), Duration::from_mins(1), EngineSettings::default());
    let mut said = Vec::new();
    for _ in 0..4 {
        let (answer, whole) = ask(&api, MRR).await;
        assert_eq!(mrr(&answer), 10.0);
        let provenance = &answer["data"]["metrics"]["provenance"];
        said.push((provenance["cached"].as_bool().unwrap(), whole));
    }
    assert_eq!(said, [(false, false), (true, false), (true, true), (true, true)]);
    // Another document that asks the same question is answered by the same answer.
    let other = MRR.replace("{ metrics(", "query Other { mine: metrics(");
    let (answer, whole) = ask(&api, &other).await;
    assert_eq!(
        (&answer["data"]["mine"]["provenance"]["cached"], whole),
        (&Json::Bool(true), false)
    );
    assert_eq!(measured(&api, "result_cache_misses"), 1);
    // Another question is not.
    let (answer, _) = ask(&api, &MRR.replace("2024-03-01", "2024-04-01")).await;
    assert_eq!(answer["data"]["metrics"]["provenance"]["cached"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_that_is_old_is_looked_at_again_and_other_files_are_another_answer() {
    let root = TempDir::new().unwrap();
    movement(root.path(), "one", "a,2024-01-01T00:00:00Z,new,10.00");
    let refresh = Duration::from_millis(300);
    let api = api(root.path(), refresh, EngineSettings::default());
    for _ in 0..3 {
        assert_eq!(mrr(&ask(&api, MRR).await.0), 10.0);
    }
    movement(root.path(), "two", "b,2024-01-05T00:00:00Z,new,5.50");
    tokio::time::sleep(refresh).await;
    for cached in [false, true, true] {
        let (answer, _) = ask(&api, MRR).await;
        assert_eq!(mrr(&answer), 15.5);
        assert_eq!(answer["data"]["metrics"]["provenance"]["cached"], cached);
    }
    // The files of before are the answer of before.
    std::fs::remove_file(root.path().join("warehouse/mrr_movements/two.parquet")).unwrap();
    tokio::time::sleep(refresh).await;
    let (answer, _) = ask(&api, MRR).await;
    assert_eq!(mrr(&answer), 10.0);
    assert_eq!(answer["data"]["metrics"]["provenance"]["cached"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_that_find_a_listing_old_are_answered_by_one_execution() {
    let root = TempDir::new().unwrap();
    movement(root.path(), "one", "a,2024-01-01T00:00:00Z,new,10.00");
    let refresh = Duration::from_secs(1);
    let api = api(root.path(), refresh, EngineSettings::default());
    for _ in 0..3 {
        ask(&api, MRR).await;
    }
    let executed = || measured(&api, "result_cache_hits") + measured(&api, "result_cache_misses");
    let before = executed();
    tokio::time::sleep(refresh).await;
    let all = futures::future::join_all((0..16).map(|_| ask(&api, MRR))).await;
    assert!(all.iter().all(|(answer, _)| mrr(answer) == 10.0));
    assert_eq!(executed() - before, 1, "the others waited for the first");
    // Other files: nobody is given what was.
    movement(root.path(), "two", "b,2024-01-05T00:00:00Z,new,5.50");
    tokio::time::sleep(refresh).await;
    let all = futures::future::join_all((0..16).map(|_| ask(&api, MRR))).await;
    assert!(all.iter().all(|(answer, _)| mrr(answer) == 15.5), "{all:?}");
}

/// Asks for an export over HTTP.
async fn get(state: &Arc<ServerState>, path: &str, more: (&str, &str)) -> (u16, String, Vec<u8>) {
    let request = Request::get(path).header(more.0, more.1).body(Body::empty()).unwrap();
    let response = Front::new(Arc::clone(state)).answer(request, None).await;
    let status = response.status().as_u16();
    let media = response.headers()[CONTENT_TYPE].to_str().unwrap().to_owned();
    (status, media, to_bytes(response.into_body(), usize::MAX).await.unwrap().to_vec())
}

const EXPORT: &str = "select=mrr&start=2024-02-01&end=2024-03-01";

#[tokio::test(flavor = "multi_thread")]
async fn exports_are_kept_whole_by_format_and_parameters_and_as_long_as_documents() {
    let root = TempDir::new().unwrap();
    movement(root.path(), "one", "a,2024-01-01T00:00:00Z,new,10.00");
    let api = api(root.path(), Duration::from_mins(1), EngineSettings::default());
    let hits = {
        let api = api.clone();
        move || measured(&api, "result_cache_hits") + measured(&api, "result_cache_misses")
    };
    let state = ServerState::new(api);
    let ask = |format: &str, query: &str| {
        let path = format!("/api/v1/metrics.{format}?{query}");
        let state = Arc::clone(&state);
        async move { get(&state, &path, ("accept", "*/*")).await }
    };
    let (_, media, csv) = ask("csv", EXPORT).await;
    assert!(media.starts_with("text/csv"), "{media}");
    assert_eq!(csv, b"mrr\r\n10.00\r\n");
    // Said as computed, then as kept, then kept whole: the engine is not asked any more, whatever
    // the order of the parameters.
    let (_, _, json) = ask("json", EXPORT).await;
    assert!(String::from_utf8(json.clone()).unwrap().contains(r#""cached":true"#));
    let asked = hits();
    assert_eq!(asked, 2);
    let other_order = "end=2024-03-01&where=&start=2024-02-01&select=m%72r";
    assert_eq!(ask("json", other_order).await.2, json);
    let (status, media, again) = ask("json", EXPORT).await;
    assert_eq!((status, again), (200, json.clone()));
    assert!(media.starts_with("application/json"), "{media}");
    assert_eq!(hits(), asked, "kept whole");
    // Another format, another parameter: another answer.
    let (_, media, arrow) = ask("arrow", EXPORT).await;
    assert_eq!(
        (media.as_str(), &arrow[..4]),
        ("application/vnd.apache.arrow.stream", &[0xff; 4][..])
    );
    assert_eq!(ask("csv", EXPORT).await.2, csv);
    let (_, _, totals) = ask("json", &format!("{EXPORT}&totals=true")).await;
    assert!(String::from_utf8(totals).unwrap().contains(r#""totals":{"mrr":10.00}"#));
    // Errors say which request they belong to, each time.
    for id in ["first", "second"] {
        let path = "/api/v1/metrics.json?select=mrrr";
        let (status, _, body) = get(&state, path, ("x-request-id", id)).await;
        assert_eq!(status, 400);
        assert!(String::from_utf8(body).unwrap().contains(id));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn exports_are_kept_no_longer_than_the_listing_is_young() {
    let root = TempDir::new().unwrap();
    movement(root.path(), "one", "a,2024-01-01T00:00:00Z,new,10.00");
    let refresh = Duration::from_millis(300);
    let state = ServerState::new(api(root.path(), refresh, EngineSettings::default()));
    let csv = format!("/api/v1/metrics.csv?{EXPORT}");
    for _ in 0..3 {
        assert_eq!(get(&state, &csv, ("accept", "*/*")).await.2, b"mrr\r\n10.00\r\n");
    }
    movement(root.path(), "two", "b,2024-01-05T00:00:00Z,new,5.50");
    tokio::time::sleep(refresh).await;
    assert_eq!(get(&state, &csv, ("accept", "*/*")).await.2, b"mrr\r\n15.50\r\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_memory_or_without_a_listing_s_age_nothing_is_kept() {
    let root = TempDir::new().unwrap();
    movement(root.path(), "one", "a,2024-01-01T00:00:00Z,new,10.00");
    let off = EngineSettings { result_memory: 0, ..EngineSettings::default() };
    let computed = api(root.path(), Duration::from_mins(1), off);
    let listed = api(root.path(), Duration::ZERO, EngineSettings::default());
    for _ in 0..3 {
        let (answer, whole) = ask(&computed, MRR).await;
        assert_eq!(
            (&answer["data"]["metrics"]["provenance"]["cached"], whole),
            (&Json::Bool(false), false)
        );
        assert!(!ask(&listed, MRR).await.1, "every request looks at the files itself");
    }
}

const PROBLEMS: &str = "{ catalog { problems { message } } }";

#[tokio::test(flavor = "multi_thread")]
async fn other_problems_are_said_at_once() {
    let root = TempDir::new().unwrap();
    let before = api(root.path(), Duration::from_mins(1), EngineSettings::default());
    ask(&before, PROBLEMS).await;
    let (answer, whole) = ask(&before, PROBLEMS).await;
    assert_eq!(
        (answer["data"]["catalog"]["problems"].as_array().map(Vec::len), whole),
        (Some(0), true)
    );
    let problem = ProblemInfo {
        code: "U001".into(),
        severity: "error".into(),
        message: "A definition is broken.".into(),
        file: None,
        line: None,
    };
    let (answer, whole) = ask(&before.clone().with_problems(vec![problem]), PROBLEMS).await;
    assert_eq!(answer["data"]["catalog"]["problems"][0]["message"], "A definition is broken.");
    assert!(!whole);
}

/// One of each kind of answer.
const FIELDS: [&str; 7] = [
    "nrr(period: {last: 4}, grain: QUARTER, groupBy: [segment]) { rows { nrr startingMrr } }",
    "expansionByType(period: {last: 4}, grain: QUARTER) { rows { expansionType amount } }",
    "attachRate(period: {last: 2}, grain: QUARTER) { rows { attached rate } }",
    "timeToExpansion(groupBy: [segment]) { rows { medianDays curve { survival } } }",
    "csmExpansionAttribution(period: {last: 2}, grain: QUARTER) { rows { csmId creditedMrr } warnings }",
    "cohorts(period: {last: 4}, grain: QUARTER) { rows { age mrr } }",
    "metrics(select: [mrr, nrr, expansion_mrr, attach_rate, arpa], period: {last: 4}, grain: QUARTER, \
     groupBy: [segment], compareTo: [PREVIOUS_PERIOD]) { rows totals }",
];

#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_is_computed_again_from_the_files_to_the_same_digits() {
    let root = demo(400, 24, 5);
    let settings = EngineSettings { proof_percent: 100, ..EngineSettings::default() };
    let api = api(root.path(), Duration::ZERO, settings);
    for (field, proven) in FIELDS.into_iter().zip(1..) {
        let document = format!("{{ {field} }}");
        let (first, _) = ask(&api, &document).await;
        assert!(first.get("errors").is_none(), "{first:#}");
        let (again, _) = ask(&api, &document).await;
        assert_eq!(again["data"], first["data"]);
        // The second answer was kept, and so is computed again beside the requests.
        for _ in 0..500 {
            if measured(&api, "result_proofs") >= proven {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(measured(&api, "result_proofs"), proven, "{field}");
        assert_eq!(measured(&api, "result_differences"), 0, "{field}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn facts_that_would_not_fit_are_refused_by_name_and_the_rest_answers() {
    let root = demo(200, 12, 5);
    // Room for the dozen products, not for the ledger's columns.
    let settings = EngineSettings { facts_memory: 8 << 10, ..EngineSettings::default() };
    let api = api(root.path(), Duration::from_mins(1), settings);
    let (refused, _) = ask(&api, "{ nrr(period: {last: 1}, grain: YEAR) { rows { nrr } } }").await;
    let error = &refused["errors"][0];
    assert_eq!(error["extensions"]["code"], "RESOURCE_LIMIT", "{refused:#}");
    let message = error["message"].as_str().unwrap();
    assert!(
        message.contains("`mrr_movements`") && message.contains("facts_memory_mib"),
        "{message}"
    );
    let (values, _) = ask(&api, "{ catalog { dimensionValues(dimension: product_family) } }").await;
    let families = values["data"]["catalog"]["dimensionValues"].as_array();
    assert!(families.is_some_and(|families| !families.is_empty()), "{values:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn attributes_that_would_not_fit_are_refused_by_name_too() {
    let root = TempDir::new().unwrap();
    movement(root.path(), "one", "c1,2024-01-01T00:00:00Z,new,10.00");
    let customers: Vec<String> = (0..1_000).map(|number| format!("c{number},SMB")).collect();
    let customers = format!("customer_id,segment\n{}", customers.join("\n"));
    write_file(&root.path().join("warehouse"), "customers/part-0.parquet", &customers);
    let grouped = MRR.replace("mrr, nrr_period]", "mrr], groupBy: [segment]");
    // 1,000 customers take 16 bytes each.
    for (memory, answers) in [(12 << 10, false), (1 << 20, true)] {
        let settings = EngineSettings { facts_memory: memory, ..EngineSettings::default() };
        let api = api(root.path(), Duration::from_mins(1), settings);
        assert_eq!(mrr(&ask(&api, MRR).await.0), 10.0);
        let (answer, _) = ask(&api, &grouped).await;
        if answers {
            assert_eq!(answer["data"]["metrics"]["rows"][0]["segment"], "SMB", "{answer:#}");
            continue;
        }
        let error = &answer["errors"][0];
        assert_eq!(error["extensions"]["code"], "RESOURCE_LIMIT", "{answer:#}");
        let message = error["message"].as_str().unwrap();
        for word in ["`customers`", "1000 rows", "facts_memory_mib"] {
            assert!(message.contains(word), "{message}");
        }
    }
}
