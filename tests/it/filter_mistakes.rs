//! Mistakes in `where`: the same words through GraphQL and the exports.

use serde_json::{Value as Json, json};
use tempfile::TempDir;
use upswell::graphql::{Caller, Format, GraphqlRequest};

use crate::support::{api, warehouse::write_case};

#[tokio::test]
async fn filters_are_refused_in_the_same_words_through_every_door() {
    let root = TempDir::new().unwrap();
    write_case(&root.path().join("warehouse"), "eight-customers");
    let api = api(root.path(), "");
    let query = "query($w: Where) { metrics(select: mrr, period: {last: 1}, grain: MONTH, where: $w) { rows } }";
    for (filter, code, message) in [
        (
            r#"{"segmnt": {"eq": "x"}}"#,
            "UNKNOWN_DIMENSION",
            "`where`: dimension `segmnt` is not defined. Did you mean `segment`?",
        ),
        (
            r#"{"not": {"segmnt": {"eq": "x"}}}"#,
            "UNKNOWN_DIMENSION",
            "`where.not`: dimension `segmnt` is not defined. Did you mean `segment`?",
        ),
        (
            r#"{"and": [{}, {"segmnt": {"eq": "x"}}]}"#,
            "UNKNOWN_DIMENSION",
            "`where.and.1`: dimension `segmnt` is not defined. Did you mean `segment`?",
        ),
        (
            r#"{"segment": {"eqq": "x"}}"#,
            "BAD_REQUEST",
            "`where.segment` has no operator `eqq`. It has eq, ne, in, notIn, isNull, contains, startsWith. Did you mean `eq`?",
        ),
        (
            r#"{"product_tier": {"contains": 1}}"#,
            "BAD_REQUEST",
            "`where.product_tier` has no operator `contains`. It has eq, ne, in, notIn, isNull, lt, lte, gt, gte.",
        ),
        (r#"{"segment": {"eq": 5}}"#, "BAD_REQUEST", "`where.segment.eq` must be a text."),
        (
            r#"{"segment": {"in": ["SMB", 5]}}"#,
            "BAD_REQUEST",
            "`where.segment.in.1` must be a text.",
        ),
        (
            r#"{"segment": {"notIn": [null]}}"#,
            "BAD_REQUEST",
            "`where.segment.notIn.0` must be a text.",
        ),
        (
            r#"{"segment": {"contains": ["a"]}}"#,
            "BAD_REQUEST",
            "`where.segment.contains` must be a text.",
        ),
        (
            r#"{"segment": {"isNull": "yes"}}"#,
            "BAD_REQUEST",
            "`where.segment.isNull` must be true or false.",
        ),
        (
            r#"{"product_tier": {"in": [1, 2.5]}}"#,
            "BAD_REQUEST",
            "`where.product_tier.in.1` must be a whole number.",
        ),
        (
            r#"{"acquired_on": {"in": ["2024-01-01", "soon"]}}"#,
            "BAD_REQUEST",
            "`where.acquired_on.in.1` must be a day like 2026-03-31.",
        ),
        (r#"{"segment": "SMB"}"#, "BAD_REQUEST", "`where.segment` must be an object."),
        (
            r#"{"or": []}"#,
            "BAD_REQUEST",
            "`where.or` is empty: nothing could match. Leave it out for no condition.",
        ),
        (r#"{"or": [null]}"#, "BAD_REQUEST", "`where.or.0` must be an object."),
        ("5", "BAD_REQUEST", "`where` must be an object."),
    ] {
        let variables = json!({ "w": serde_json::from_str::<Json>(filter).unwrap() });
        let request = GraphqlRequest::from_json(json!({ "query": query, "variables": variables }));
        let caller = Caller::unrestricted("test", "test");
        let response = api.execute(request.unwrap(), &caller).await;
        let response: Json = serde_json::from_slice(&response.body).unwrap();
        let error = &response["errors"][0];
        assert_eq!(error["extensions"]["code"], code, "{filter}: {response}");
        assert_eq!(error["message"], message, "{filter}");
        let parameters = [("select", "mrr"), ("last", "1"), ("grain", "MONTH"), ("where", filter)];
        let parameters: Vec<(String, String)> = parameters
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let refused = api.export(&parameters, Format::Csv, &caller).await.unwrap_err();
        assert_eq!((refused.code.as_str(), refused.message.as_str()), (code, message), "{filter}");
    }
}
