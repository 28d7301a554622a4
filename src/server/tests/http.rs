//! The other routes, and what is around every request.

use std::io::Read;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use bytes::Bytes;

use super::super::{Front, ServerState};
use super::{Answer, app, get, post, request, send, state};
use crate::graphql::{Api, Caller, ProblemInfo, RequestKey, testing};

#[tokio::test]
async fn request_ids_are_taken_or_made() {
    let headers = [("content-type", "application/json"), ("x-request-id", "abc-1")];
    let answer = request(Method::POST, &headers, r#"{"query": "{"}"#).await;
    assert_eq!(answer.header("x-request-id"), "abc-1");
    assert_eq!(answer.json()["errors"][0]["extensions"]["requestId"], "abc-1");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    let headers = [("content-type", "application/json"), ("x-request-id", "no spaces {}")];
    let made = request(Method::POST, &headers, r#"{"query": "{ __typename }"}"#).await;
    assert_eq!(made.header("x-request-id").len(), 32);
}

#[tokio::test]
async fn large_bodies_are_refused_and_large_answers_compressed() {
    let body = format!(r#"{{"query": "{}"}}"#, "x".repeat(1024 * 1024));
    let answer = post("", &body).await;
    assert_eq!(answer.status, 413);
    assert_eq!(answer.json()["errors"][0]["extensions"]["code"], "QUERY_TOO_LARGE");
    let zipped = Request::get("/schema.graphql").header("accept-encoding", "gzip");
    let answer = send(app(), zipped.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.header("content-encoding"), "gzip");
    assert!(answer.body.len() < get("/schema.graphql").await.body.len() / 2);
}

#[tokio::test]
async fn tables_in_three_formats() {
    let csv = get("/api/v1/metrics.csv?select=mrr&groupBy=segment").await;
    assert_eq!(csv.text(), "segment,mrr\r\nSMB,10.00\r\n,430.50\r\n");
    assert!(csv.header("content-type").starts_with("text/csv"));
    assert!(csv.header("content-disposition").contains("metrics.csv"));
    let json = get("/api/v1/metrics.json?select=mrr&period.last=3&grain=MONTH").await;
    assert_eq!(json.json()["rowCount"], 2);
    assert!(json.text().contains(r#""rows":[{"segment":"SMB","mrr":10.00}"#));
    let arrow = get("/api/v1/metrics.arrow?select=mrr").await;
    assert_eq!(arrow.header("content-type"), "application/vnd.apache.arrow.stream");
    assert_eq!(arrow.body.get(..4), Some(&[0xff; 4][..]));
}

#[tokio::test]
async fn errors_of_tables_have_a_status_and_the_shape_of_graphql_errors() {
    let answer = get("/api/v1/metrics.csv?select=nrrr").await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.header("content-disposition"), "");
    let error = &answer.json()["errors"][0];
    assert_eq!(error["extensions"]["code"], "UNKNOWN_METRIC");
    assert_eq!(error["extensions"]["requestId"], answer.header("x-request-id"));
    assert_eq!(error["message"], "`select.0`: metric `nrrr` is not defined. Did you mean `nrr`?");
}

#[tokio::test]
async fn the_schema_and_the_pages_load_nothing_from_elsewhere() {
    let schema = get("/schema.graphql").await;
    assert_eq!(schema.text(), testing::api().0.sdl());
    for path in ["/", "/explorer"] {
        let page = get(path).await;
        assert_eq!(page.status, 200);
        assert!(page.header("content-type").starts_with("text/html"));
        assert!(!page.text().contains("http://") && !page.text().contains("https://"), "{path}");
    }
}

#[tokio::test]
async fn what_is_not_there_says_so() {
    let missing = get("/nothing").await;
    assert_eq!(missing.status, 404);
    assert!(missing.json()["errors"][0]["message"].is_string());
    let posted = Request::post("/healthz").body(Body::empty()).unwrap();
    assert_eq!(send(app(), posted).await.status, 405);
}

#[tokio::test]
async fn health_says_whether_to_send_requests_and_what_is_wrong() {
    assert_eq!(get("/healthz").await.text(), "ok\n");
    let state = state();
    let ready = || async {
        let request = Request::get("/readyz").body(Body::empty()).unwrap();
        send(Front::new(Arc::clone(&state)), request).await
    };
    let expected = r#"{"status":"ready","definitionVersion":"v1","problems":[]}"#;
    assert_eq!(ready().await.text(), expected);
    let problem = ProblemInfo {
        code: "unknown-key".into(),
        severity: "error".into(),
        message: "Unknown key `knd`.".into(),
        file: None,
        line: None,
    };
    state.swap(Api::clone(&state.api()).with_problems(vec![problem]));
    assert_eq!(ready().await.json()["problems"][0]["code"], "unknown-key");
    state.drain();
    let draining = ready().await;
    assert_eq!(
        (draining.status.as_u16(), draining.json()["status"].clone()),
        (503, "draining".into())
    );
}

#[tokio::test]
async fn requests_are_counted_by_route_not_by_path() {
    let state = state();
    for path in ["/healthz", "/healthz", "/a", "/b"] {
        let request = Request::get(path).body(Body::empty()).unwrap();
        send(Front::new(Arc::clone(&state)), request).await;
    }
    let request = Request::get("/metrics").body(Body::empty()).unwrap();
    let text = send(Front::new(state), request).await;
    for line in [
        r#"upswell_http_requests_total{method="GET",route="/healthz",status="200"} 2"#,
        r#"upswell_http_requests_total{method="GET",route="unmatched",status="404"} 2"#,
        r#"upswell_http_request_duration_seconds_count{route="/healthz"} 2"#,
        "upswell_http_requests_in_flight 1",
    ] {
        assert!(text.text().contains(line), "{line} is not in {}", text.text());
    }
}

#[tokio::test]
async fn deprecated_metrics_are_counted_by_their_name_through_both_doors() {
    let app = app();
    let document = r#"{"query": "{ a: metrics(select: [mrr, old_mrr], period: {start: \"2026-01-01\"}) { rowCount } b: metrics(select: [old_mrr], period: {start: \"2026-01-01\"}) { rowCount } }"}"#;
    let json = [("content-type", "application/json")];
    let asking = |uri: &str, body: &str| {
        let mut request = Request::builder().uri(uri);
        if !body.is_empty() {
            request = request.method(Method::POST).header(json[0].0, json[0].1);
        }
        request.body(Body::from(body.to_owned())).unwrap()
    };
    assert_eq!(send(app.clone(), asking("/graphql", document)).await.status, StatusCode::OK);
    let rows = "/api/v1/metrics.csv?select=old_mrr&start=2026-01-01";
    assert_eq!(send(app.clone(), asking(rows, "")).await.status, StatusCode::OK);
    let rows = "/api/v1/metrics.csv?select=mrr&start=2026-01-01";
    assert_eq!(send(app.clone(), asking(rows, "")).await.status, StatusCode::OK);
    let counted = send(app, asking("/metrics", "")).await;
    let lines = counted.text().lines();
    let lines: Vec<&str> = lines.filter(|line| line.contains("deprecated_metrics_asked")).collect();
    let total = "upswell_deprecated_metrics_asked_total{metric=\"old_mrr\"} 2";
    assert!(lines.contains(&total), "{lines:?}");
    assert!(!lines.iter().any(|line| line.contains("\"mrr\"")), "{lines:?}");
}

/// Asks twice on one server, which keeps what may be kept.
async fn twice(headers: [&[(&str, &str)]; 2], body: &str) -> [Answer; 2] {
    let state = ServerState::new(testing::api().0.keeping(1 << 20));
    let ask = |headers: &[(&str, &str)]| {
        let mut request = Request::builder().method(Method::POST).uri("/graphql");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        send(Front::new(Arc::clone(&state)), request.body(Body::from(body.to_owned())).unwrap())
    };
    [ask(headers[0]).await, ask(headers[1]).await]
}

#[tokio::test]
async fn a_kept_response_is_negotiated_like_any_other() {
    let json = ("content-type", "application/json");
    let graphql = [json, ("accept", "application/graphql-response+json")];
    let body = r#"{"query": "{ __typename }"}"#;
    let [first, again] = twice([&[json], &graphql], body).await;
    assert_eq!(first.body, again.body);
    assert!(first.header("content-type").starts_with("application/json"));
    assert!(again.header("content-type").starts_with("application/graphql-response+json"));
    assert_ne!(first.header("x-request-id"), again.header("x-request-id"));
    let [_, refused] = twice([&[json], &[("content-type", "text/plain")]], body).await;
    assert_eq!(refused.status, 415);
    let [_, refused] = twice([&[json], &[json, ("accept", "text/html")]], body).await;
    assert_eq!(refused.status, 406);
}

#[tokio::test]
async fn documents_are_answered_in_gzip_where_it_is_wanted_and_kept_so() {
    let state = ServerState::new(testing::api().0.keeping(1 << 20));
    let body = r#"{"query": "{ __schema { types { name description } } }"}"#;
    let ask = |encodings: &'static str| {
        let request = Request::post("/graphql")
            .header("content-type", "application/json")
            .header("accept-encoding", encodings)
            .body(Body::from(body))
            .unwrap();
        send(Front::new(Arc::clone(&state)), request)
    };
    let scope = Caller::unrestricted("anyone", "").scope;
    let key = RequestKey::new(b'P', Bytes::from_static(body.as_bytes()), &scope);
    let in_gzip = || state.api().recall(&key).map(|kept| kept.gzip.is_some());
    let plain = ask("identity").await;
    assert_eq!((plain.header("content-encoding"), in_gzip()), ("", Some(false)));
    for encodings in ["gzip", "br, gzip;q=0.5", "deflate, gzip"] {
        let zipped = ask(encodings).await;
        assert_eq!(zipped.header("content-encoding"), "gzip");
        assert_eq!(zipped.header("vary"), "accept, accept-encoding");
        assert!(zipped.body.len() < plain.body.len() / 2);
        let mut text = Vec::new();
        flate2::read::GzDecoder::new(&zipped.body[..]).read_to_end(&mut text).unwrap();
        assert_eq!(text, plain.body);
        assert_eq!(in_gzip(), Some(true));
    }
    for encodings in ["", "identity", "gzip;q=0", "br"] {
        let again = ask(encodings).await;
        assert_eq!((again.header("content-encoding"), &again.body), ("", &plain.body));
    }
    // What is computed and what is short.
    let computed = |body: &'static str| {
        let request = Request::post("/graphql")
            .header("content-type", "application/json")
            .header("accept-encoding", "gzip");
        send(app(), request.body(Body::from(body)).unwrap())
    };
    assert_eq!(computed(body).await.header("content-encoding"), "gzip");
    let short = computed(r#"{"query": "{ __typename }"}"#).await;
    assert_eq!(
        (short.header("content-encoding"), short.header("vary")),
        ("", "accept, accept-encoding")
    );
}

#[tokio::test]
async fn a_body_is_read_as_it_is_or_not_at_all() {
    let json = ("content-type", "application/json");
    let body = r#"{"query": "{ __typename }"}"#;
    for encoding in ["gzip", "br", "identity, gzip", ""] {
        let headers = [json, ("content-encoding", encoding)];
        let refused = request(Method::POST, &headers, body).await;
        assert_eq!(refused.status, 415, "{encoding}");
        let message = refused.json()["errors"][0]["message"].to_string();
        assert!(message.contains("Content-Encoding"), "{message}");
    }
    let plain = request(Method::POST, &[json, ("content-encoding", "Identity")], body).await;
    assert_eq!(plain.status, 200);
}

#[tokio::test]
async fn errors_are_never_kept() {
    let json = [("content-type", "application/json"), ("x-request-id", "first")];
    let other = [("content-type", "application/json"), ("x-request-id", "second")];
    let [first, again] = twice([&json, &other], r#"{"query": "{ nothing }"}"#).await;
    assert_eq!(first.json()["errors"][0]["extensions"]["requestId"], "first");
    assert_eq!(again.json()["errors"][0]["extensions"]["requestId"], "second");
}
