//! Errors: closed codes, subjects and near names, null beside the error, limits.

use crate::error::{ApiError, ErrorCode};

use super::super::testing::{FakeEngine, answer, api, over};
use super::super::{GraphqlRequest, Outcome};
use super::{caller, execute, first_error, parsed, text};

const PERIOD: &str = "period: {last: 3}, grain: MONTH";

async fn expect(query: &str, code: &str, parts: &[&str]) {
    let (found, message) = first_error(query, "{}").await;
    assert_eq!(found, code, "{query}: {message}");
    for part in parts {
        assert!(message.contains(part), "{query}: {message}");
    }
}

#[tokio::test]
async fn unknown_names_are_named_with_the_nearest_valid_one() {
    expect("{ metrics(select: [nrrr]) { rowCount } }", "UNKNOWN_METRIC", &["`nrrr`", "`nrr`?"])
        .await;
    expect("{ metrics(select: secret) { rowCount } }", "UNKNOWN_METRIC", &["`secret`"]).await;
    expect(
        "{ metrics(select: mrr, groupBy: [segmnt]) { rowCount } }",
        "UNKNOWN_DIMENSION",
        &["`segmnt`", "`segment`?"],
    )
    .await;
    expect(
        "{ metrics(select: mrr, where: {segmnt: {eq: \"x\"}}) { rowCount } }",
        "UNKNOWN_DIMENSION",
        &["`segmnt`", "`segment`?"],
    )
    .await;
    expect("{ metrics(select: mrr) { records { mmr } } }", "UNKNOWN_METRIC", &["`mmr`", "`mrr`?"])
        .await;
    expect("{ nr(period: {last: 1}) { rows { nrr } } }", "BAD_REQUEST", &["`Query`", "`nrr`?"])
        .await;
    expect(
        "{ metrics(select: mrr, grain: MONTHS) { rowCount } }",
        "BAD_REQUEST",
        &["`grain`", "`MONTHS`", "DAY, ", "`MONTH`?"],
    )
    .await;
    expect(
        "{ metrics(select: mrr, where: {segment: {eqq: \"x\"}}) { rowCount } }",
        "BAD_REQUEST",
        &["`eqq`", "`eq`?"],
    )
    .await;
    let both = parsed("{ metrics(selekt: mrr) { rowCount } }", "{}").await;
    assert_eq!(both["errors"].as_array().unwrap().len(), 2);
    assert!(
        both.to_string().contains("`metrics` has no argument `selekt`. Did you mean `select`?")
    );
    assert!(both.to_string().contains("`metrics` needs the argument `select`."));
    expect("{ nrr { rows { nrr } } }", "BAD_REQUEST", &["`period`"]).await;
    expect(
        "{ nrr(period: {last: \"x\"}) { rows { nrr } } }",
        "BAD_REQUEST",
        &["`period.last`", "`Int`"],
    )
    .await;
}

#[tokio::test]
async fn unknown_names_in_variables_are_named_too() {
    let query =
        "query($m: [MetricName!]!, $w: Where) { metrics(select: $m, where: $w) { rowCount } }";
    let (code, message) = first_error(query, r#"{"m": ["nrrr"]}"#).await;
    assert_eq!(code, "UNKNOWN_METRIC", "{message}");
    let (code, message) =
        first_error(query, r#"{"m": ["nrr"], "w": {"and": [{"regin": {"eq": "EU"}}]}}"#).await;
    assert_eq!(code, "UNKNOWN_DIMENSION");
    assert!(message.ends_with("Did you mean `region`?"), "{message}");
    let (code, message) = first_error(query, "{}").await;
    assert_eq!(
        (code.as_str(), message.as_str()),
        ("BAD_REQUEST", "Variable `$m` of type `[MetricName!]!` is required.")
    );
}

#[tokio::test]
async fn one_field_s_bad_arguments_leave_the_others_standing() {
    let query = format!(
        "{{ bad: nrr(period: {{start: \"2026-02-30\"}}) {{ rows {{ nrr }} }}
           worse: metrics(select: mrr, where: {{or: []}}) {{ rowCount }}
           text: nrr(period: \"2026\") {{ rows {{ nrr }} }}
           good: nrr({PERIOD}) {{ rows {{ customers }} }} }}"
    );
    let response = parsed(&query, "{}").await;
    let data = r#"{"bad":null,"worse":null,"text":null,"good":{"rows":[{"customers":8}]}}"#;
    assert_eq!(response["data"].to_string(), data);
    let errors: Vec<(&str, &str)> = response["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| {
            (error["path"][0].as_str().unwrap(), error["extensions"]["code"].as_str().unwrap())
        })
        .collect();
    let expected = [("bad", "BAD_PERIOD"), ("worse", "BAD_REQUEST"), ("text", "BAD_PERIOD")];
    assert_eq!(errors, expected);
}

#[tokio::test]
async fn errors_of_the_engine_stand_beside_a_null() {
    let (api, _) = over(FakeEngine::answering(|query| match query.grain {
        Some(_) => answer(query),
        None => Err(ApiError::new(ErrorCode::Timeout, "The question took more than 30 s.")),
    }));
    let query = format!(
        "{{ slow: nrr(period: {{start: \"2026-01-01\"}}) {{ rows {{ nrr }} }} nrr({PERIOD}) {{ rows {{ nrr }} }} }}"
    );
    let response = execute(&api, &query, "{}").await;
    assert_eq!(response.outcome, Outcome::Answered { errors: true });
    let body = text(&response);
    assert!(body.starts_with(r#"{"data":{"slow":null,"nrr":{"rows":[{"nrr":0.98"#), "{body}");
    let error = r#""path":["slow"],"extensions":{"code":"TIMEOUT","requestId":"r-1"}"#;
    assert!(body.contains(error), "{body}");
}

#[tokio::test]
async fn an_answer_of_another_kind_is_a_fault_of_ours() {
    let (api, _) = over(FakeEngine::answering(|query| {
        let mut table = query.clone();
        table.ask = crate::planner::Ask::Table(crate::planner::TableAsk::default());
        answer(&table)
    }));
    let response = execute(&api, &format!("{{ nrr({PERIOD}) {{ rows {{ nrr }} }} }}"), "{}").await;
    assert!(text(&response).starts_with(r#"{"data":{"nrr":null},"errors""#));
    assert!(text(&response).contains("INTERNAL"));
}

#[tokio::test]
async fn syntax_errors_say_where_and_nothing_of_the_parser() {
    let (code, message) = first_error("{ nrr(", "{}").await;
    assert_eq!(code, "BAD_REQUEST");
    assert!(message.starts_with("Syntax error at line 1, column 7"), "{message}");
    assert!(!message.contains(['\n', '|', '_']), "{message}");
    let response = parsed("{ nrr(", "{}").await;
    assert!(response.get("data").is_none());
    for query in ["", "fragment a on Query { catalog { definitionVersion } }", "{ a } { b }"] {
        assert_eq!(first_error(query, "{}").await.0, "BAD_REQUEST", "{query}");
    }
}

#[tokio::test]
async fn mutations_and_subscriptions_are_no_queries() {
    for query in ["mutation { __typename }", "subscription { __typename }"] {
        let response = execute(&api().0, query, "{}").await;
        assert_eq!(response.outcome, Outcome::NotAQuery);
        assert!(text(&response).starts_with(r#"{"errors":[{"message":"There is no "#));
    }
}

#[tokio::test]
async fn documents_beyond_the_limits_are_refused() {
    let aliases: Vec<String> =
        (0..101).map(|alias| format!("a{alias}: catalog {{ definitionVersion }}")).collect();
    let many = format!("{{ {} }}", aliases.join(" "));
    let wide = format!("{{ catalog {{ {} }} }}", "definitionVersion ".repeat(2_000));
    let long = format!("{{ catalog {{ definitionVersion }} }} # {}", "x".repeat(256 * 1024));
    let nested = format!("{{ nrr(period: {}", "[".repeat(100_000));
    let declared = format!("query({}) {{ __typename }}", "$a: Int ".repeat(600));
    let directed = format!("{{ __typename {} }}", "@skip(if: false) ".repeat(2_000));
    for query in [many, wide, long, nested, declared, directed] {
        let (code, message) = first_error(&query, "{}").await;
        assert_eq!(code, "QUERY_TOO_LARGE", "{message}");
    }
}

#[tokio::test]
async fn requests_are_read_strictly() {
    for body in [
        "[]",
        "{}",
        r#"{"query": 1}"#,
        r#"{"query": "{a}", "variables": []}"#,
        r#"{"query": "{a}", "extensions": "x"}"#,
        r#"{"query": "{a}", "operationName": 0}"#,
    ] {
        let error = GraphqlRequest::from_json(serde_json::from_str(body).unwrap()).unwrap_err();
        assert_eq!(error.code, ErrorCode::BadRequest, "{body}");
    }
    let parameters = vec![
        ("query".to_owned(), "{a}".to_owned()),
        ("variables".to_owned(), r#"{"n": 1.50}"#.to_owned()),
    ];
    let request = GraphqlRequest::from_parameters(parameters).unwrap();
    assert_eq!(request.variables["n"].to_string(), "1.50");
    let request = GraphqlRequest {
        operation_name: Some("B".into()),
        ..GraphqlRequest::new("query A { __typename }")
    };
    let unknown = api().0.execute(request, &caller()).await;
    assert!(text(&unknown).contains("`B`"));
}
