//! The audits of graphql-http (`auditServer`), as tests: GraphQL over HTTP, both media types.

use axum::http::Method;

use super::{get, post, request};

const JSON: &str = "application/json";
const RESPONSE: &str = "application/graphql-response+json";
const TYPENAME: &str = r#"{"query": "{ __typename }"}"#;

fn query_of(document: &str) -> String {
    let encoded: String = url::form_urlencoded::byte_serialize(document.as_bytes()).collect();
    format!("/graphql?query={encoded}")
}

#[tokio::test]
async fn media_types() {
    // 22EB, 4655, 47DE, 80D8, 82A3, BF61, 78D5
    for (accept, expected) in [
        (RESPONSE, RESPONSE),
        ("application/graphql-response+json; charset=utf-8", RESPONSE),
        (JSON, JSON),
        ("*/*", JSON),
        ("", JSON),
    ] {
        let answer = post(accept, TYPENAME).await;
        assert_eq!(answer.status, 200, "{accept}");
        assert_eq!(answer.header("content-type"), format!("{expected}; charset=utf-8"));
        assert_eq!(answer.text(), r#"{"data":{"__typename":"Query"}}"#);
    }
    assert_eq!(post("text/html", TYPENAME).await.status, 406);
    let body = r#"{"query": "{ __type(name: \"Run🏃Swim🏊\") { name } }"}"#;
    let headers = [("content-type", "application/json; charset=utf-8")];
    assert_eq!(request(Method::POST, &headers, body).await.status, 200);
}

#[tokio::test]
async fn methods() {
    // 2C94, 5A70, 9C48, 9ABE, 03D4, A5BF
    assert_eq!(get(&query_of("{ __typename }")).await.status, 200);
    let mutation = get(&query_of("mutation { __typename }")).await;
    assert_eq!((mutation.status.as_u16(), mutation.header("allow")), (405, "POST"));
    assert!(mutation.json().get("data").is_none());
    for content_type in [None, Some("text/plain"), Some("application/x-www-form-urlencoded")] {
        let headers: Vec<(&str, &str)> =
            content_type.into_iter().map(|value| ("content-type", value)).collect();
        assert_eq!(request(Method::POST, &headers, TYPENAME).await.status, 415);
    }
    assert_eq!(post("", "").await.status, 400);
    for method in [Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS] {
        let answer = request(method, &[("content-type", JSON)], TYPENAME).await;
        assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, "GET, POST"));
    }
}

#[tokio::test]
async fn parameters_of_the_wrong_type_are_400() {
    // 423L, LKJ0-3, 6C00-3, 4760-3, 58B0-3, 8764, 3E3A
    let mut bodies = vec![
        r#"{"notquery": "{ __typename }"}"#.to_owned(),
        r#"{"qeury": "{ __typename }"}"#.to_owned(),
        r#"[{"query": "{ __typename }"}]"#.to_owned(),
    ];
    for wrong in [r#"{"obj": "ect"}"#, "0", "false", r#"["array"]"#] {
        bodies.push(format!(r#"{{"query": {wrong}}}"#));
        bodies.push(format!(r#"{{"query": "{{ __typename }}", "operationName": {wrong}}}"#));
    }
    for wrong in [r#""string""#, "0", "false", r#"["array"]"#] {
        bodies.push(format!(r#"{{"query": "{{ __typename }}", "variables": {wrong}}}"#));
        bodies.push(format!(r#"{{"query": "{{ __typename }}", "extensions": {wrong}}}"#));
    }
    for body in bodies {
        for accept in ["", JSON, RESPONSE] {
            let answer = post(accept, &body).await;
            assert_eq!(answer.status, 400, "{body}");
            assert_eq!(answer.json()["errors"][0]["extensions"]["code"], "BAD_REQUEST");
        }
    }
}

#[tokio::test]
async fn parameters_of_the_right_type_are_taken() {
    // 34A2, 13EE, 8161, B8B3, 94B0-2, 0220-2, 2EA1, 28B9, D6D5, 6A70, 428F, 1B7A
    let of_type = "query Type($name: String!) { __type(name: $name) { name } }";
    let with_variables =
        format!(r#"{{"query": "{of_type}", "variables": {{"name": "sometype"}}}}"#);
    let bodies = [
        TYPENAME,
        r#"{"query": "query Query { __typename }", "operationName": "Query"}"#,
        r#"{"query": "{ __typename }", "variables": null}"#,
        r#"{"query": "{ __typename }", "operationName": null}"#,
        r#"{"query": "{ __typename }", "extensions": null}"#,
        r#"{"query": "{ __typename }", "extensions": {"some": "value"}}"#,
        &with_variables,
    ];
    for body in bodies {
        for accept in [JSON, RESPONSE] {
            let answer = post(accept, body).await;
            assert_eq!(answer.status, 200, "{body}");
            assert!(answer.json().get("errors").is_none(), "{body}");
        }
    }
    let variables: String =
        url::form_urlencoded::byte_serialize(br#"{"name": "sometype"}"#).collect();
    let answer = get(&format!("{}&variables={variables}", query_of(of_type))).await;
    assert_eq!(answer.text(), r#"{"data":{"__type":null}}"#);
}

#[tokio::test]
async fn what_cannot_run() {
    // B6DC, BCF8, B7N8, 572B, FDE2, 7B9B, 865D, 556A, D586, 51FE, 74FF, 5E5B, 86EE
    for accept in [JSON, RESPONSE] {
        assert_eq!(post(accept, r#"{ "not a JSON"#).await.status, 400);
    }
    for body in [
        r#"{"query": "{"}"#,
        r#"{"query": "{ a8f31403dfe404bccbb0e835f2629c6a7 }"}"#,
        r#"{"query": "query CoerceFailure($id: ID!){ __typename }", "variables": {"id": null}}"#,
    ] {
        assert_eq!(post(JSON, body).await.status, 200, "{body}");
        let answer = post(RESPONSE, body).await;
        assert_eq!(answer.status, 400, "{body}");
        assert!(answer.json().get("data").is_none(), "{body}");
    }
}
