//! The flat table outside GraphQL.

use crate::error::{ApiResult, ErrorCode};
use crate::planner::Ask;

use super::super::testing::api;
use super::super::{Export, Format};
use super::caller;

async fn export(parameters: &[(&str, &str)], format: Format) -> ApiResult<Export> {
    let owned: Vec<(String, String)> =
        parameters.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    api().0.export(&owned, format, &caller()).await
}

#[tokio::test]
async fn parameters_ask_what_the_field_s_arguments_ask() {
    let (api, engine) = api();
    let parameters = [
        ("select", "nrr,mrr"),
        ("select", "customers"),
        ("period.start", "2026-01-01"),
        ("end", "2026-04-01"),
        ("grain", "MONTH"),
        ("groupBy", "segment"),
        ("where", r#"{"region": {"in": ["EU"]}}"#),
        ("having", r#"{"nrr": {"gt": 1}}"#),
        ("sparse", "true"),
        ("compareTo", "PREVIOUS_YEAR"),
        ("orderBy", "-nrr,segment"),
        ("limit", "10"),
        ("offset", ""),
        ("asOf", "2026-05-01"),
    ]
    .map(|(name, text)| (name.to_owned(), text.to_owned()));
    api.export(&parameters, Format::Csv, &caller()).await.unwrap();
    let query = r#"{ metrics(select: [nrr, mrr, customers], period: {start: "2026-01-01", end: "2026-04-01"},
        grain: MONTH, groupBy: [segment], where: {region: {in: ["EU"]}}, having: {nrr: {gt: 1}},
        sparse: true, compareTo: [PREVIOUS_YEAR],
        orderBy: [{by: "nrr", descending: true}, {by: "segment", descending: false}], limit: 10,
        asOf: "2026-05-01") { rowCount } }"#;
    super::execute(&api, query, "{}").await;
    let runs = engine.runs.lock().unwrap();
    assert_eq!(runs[0], runs[1]);
    assert!(matches!(&runs[0][0].ask, Ask::Table(table) if table.select.len() == 3));
}

#[tokio::test]
async fn json_has_columns_rows_and_provenance() {
    let asked = [("select", "mrr"), ("totals", "true")];
    let body = export(&asked, Format::Json).await.unwrap().body;
    let expected = concat!(
        r#"{"columns":[{"name":"segment","label":"SEGMENT","kind":"DIMENSION","dataType":"string","unit":null,"description":null},"#,
        r#"{"name":"mrr","label":"MRR","kind":"METRIC","dataType":"decimal","unit":null,"description":null}],"#,
        r#""rows":[{"segment":"SMB","mrr":10.00},{"segment":null,"mrr":430.50}],"totals":{"mrr":440.50},"#,
        r#""rowCount":2,"truncated":false,"marks":[],"provenance":{"definitionVersion":"v1","snapshot":"s1","#,
        r#""dataThrough":"2026-01-01T00:00:00Z","computedAt":"2026-01-01T00:00:00Z","cached":false,"#,
        r#""notes":["1 row without a customer was left out."]}}"#,
    );
    assert_eq!(std::str::from_utf8(&body).unwrap(), expected);
}

/// A mistake has one message, whichever door it came through.
#[tokio::test]
async fn parameters_are_refused_in_the_words_of_graphql() {
    for (parameters, arguments) in [
        (vec![("select", "mrr,nrrr")], "select: [mrr, nrrr]"),
        (
            vec![("select", "mrr"), ("groupBy", "segment,regin")],
            "select: [mrr], groupBy: [segment, regin]",
        ),
        (vec![("select", "mrr"), ("grain", "MONTHS")], "select: [mrr], grain: MONTHS"),
        (
            vec![("select", "mrr"), ("compareTo", "PREVIOUS_YEAR,PREVIOUS_YEARS")],
            "select: [mrr], compareTo: [PREVIOUS_YEAR, PREVIOUS_YEARS]",
        ),
        (
            vec![("select", "mrr"), ("orderBy", r#"[{"by": "mrr"}, {"on": "mrr"}]"#)],
            r#"select: [mrr], orderBy: [{by: "mrr"}, {by: "mrr", on: "mrr"}]"#,
        ),
        (
            vec![("select", "mrr"), ("where", r#"{"segmnt": {"eq": "SMB"}}"#)],
            r#"select: [mrr], where: {segmnt: {eq: "SMB"}}"#,
        ),
        (
            vec![("select", "mrr"), ("where", r#"{"or": [{}, {"segmnt": {"eq": "SMB"}}]}"#)],
            r#"select: [mrr], where: {or: [{}, {segmnt: {eq: "SMB"}}]}"#,
        ),
    ] {
        let refused = export(&parameters, Format::Json).await.unwrap_err();
        let document = format!("{{ metrics({arguments}) {{ rowCount }} }}");
        let (code, message) = super::first_error(&document, "{}").await;
        assert_eq!((code.as_str(), message), (refused.code.as_str(), refused.message));
    }
}

#[tokio::test]
async fn mistakes_in_parameters_are_named() {
    for (parameters, code, part) in [
        (vec![("select", "nrrr")], ErrorCode::UnknownMetric, "`nrr`?"),
        (vec![("select", "secret")], ErrorCode::UnknownMetric, "`secret`"),
        (vec![], ErrorCode::BadRequest, "`select`"),
        (vec![("select", "nrr"), ("groupby", "x")], ErrorCode::BadRequest, "`groupBy`?"),
        (vec![("select", "nrr"), ("groupBy", "regin")], ErrorCode::UnknownDimension, "`region`?"),
        (vec![("select", "nrr"), ("where", "{")], ErrorCode::BadRequest, "`where`"),
        (vec![("select", "nrr"), ("limit", "all")], ErrorCode::BadRequest, "`limit`"),
        (vec![("select", "nrr"), ("limit", "-1")], ErrorCode::BadRequest, "`limit`"),
        (vec![("select", "nrr"), ("grain", "MONTHS")], ErrorCode::BadRequest, "`MONTH`?"),
        (vec![("select", "nrr"), ("start", "x")], ErrorCode::BadPeriod, "`period.start`"),
        (
            vec![("select", "nrr"), ("grain", "DAY"), ("grain", "DAY")],
            ErrorCode::BadRequest,
            "twice",
        ),
        (vec![("select", "nrr"), ("orderBy", r#"[{"on": "nrr"}]"#)], ErrorCode::BadRequest, "`on`"),
    ] {
        let error = export(&parameters, Format::Json).await.unwrap_err();
        assert_eq!(error.code, code, "{error}");
        assert!(error.message.contains(part), "{error}");
    }
}
