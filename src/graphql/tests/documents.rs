//! Planning of whole documents: one run, aliases, fragments, directives, variables, order.

use chrono::NaiveDate;

use crate::model::{
    AttachBasis, AttributionRule, DimensionName, MetricName, RetentionUnit, TimeOrigin, Window,
};
use crate::planner::{Ask, Compare, MetricQuery, Nulls, OrderBy, PeriodAsk, Predicate, Test};
use crate::values::{Grain, Scalar};

use super::super::testing::{api, empty_model, over};
use super::super::{GraphqlRequest, Outcome};
use super::{answer, caller, execute, parsed, text};

const FIRST: &str = "period: {start: \"2026-01-01\", end: \"2026-02-01\"}";

/// The questions of a document, which the engine must have been asked in one run.
async fn asked(query: &str, variables: &str) -> Vec<MetricQuery> {
    let (api, engine) = api();
    let response = execute(&api, query, variables).await;
    let mut runs = engine.runs.lock().unwrap();
    assert_eq!(runs.len(), 1, "{}", text(&response));
    runs.remove(0)
}

async fn asked_one(query: &str, variables: &str) -> MetricQuery {
    let mut asked = asked(query, variables).await;
    assert_eq!(asked.len(), 1);
    asked.remove(0)
}

fn metrics_of(queries: &[MetricQuery]) -> usize {
    queries.iter().filter(|query| matches!(query.ask, Ask::Table(_))).count()
}

#[tokio::test]
async fn all_questions_of_a_document_are_asked_at_once() {
    let query = format!(
        "{{ a: nrr({FIRST}) {{ rows {{ nrr }} }} b: nrr({FIRST}, grain: MONTH) {{ rows {{ nrr }} }}
           ...more }}
         fragment more on Query {{ metrics(select: [mrr]) {{ rowCount }} catalog {{ definitionVersion }} }}"
    );
    let queries = asked(&query, "{}").await;
    assert_eq!(queries.len(), 3);
    assert_eq!(metrics_of(&queries), 1);
}

#[tokio::test]
async fn keys_come_in_document_order_through_fragments_and_errors() {
    let query = format!(
        "{{ z: catalog {{ definitionVersion }}
           ... on Query {{ gone: attachRate({FIRST}) {{ rows {{ rate }} }} }}
           ...rest __typename a: nrr({FIRST}) {{ rows {{ customers nrr }} }} }}
         fragment rest on Query {{ m: metrics(select: mrr) {{ rowCount }} }}"
    );
    let expected = r#"{"data":{"z":{"definitionVersion":"v1"},"gone":null,"m":{"rowCount":2},"__typename":"Query","a":{"rows":[{"customers":8,"nrr":0.9837209302325581}]}},"errors":[{"message":"`attachRate` cannot be answered: no metric of this project's definitions says `field: attachRate`.","locations":[{"line":2,"column":27}],"path":["gone"],"extensions":{"code":"UNAVAILABLE","requestId":"r-1"}}]}"#;
    assert_eq!(answer(&query).await, expected);
}

#[tokio::test]
async fn one_response_key_said_twice_is_one_question() {
    let query = format!(
        "{{ nrr({FIRST}) {{ rows {{ nrr }} }} ... {{ nrr({FIRST}) {{ provenance {{ snapshot }} }} }} }}"
    );
    let response = parsed(&query, "{}").await;
    assert_eq!(response["data"]["nrr"]["provenance"]["snapshot"], "s1");
    assert_eq!(response["data"]["nrr"]["rows"][0]["nrr"], 423.0 / 430.0);
    assert_eq!(asked(&query, "{}").await.len(), 1);
}

#[tokio::test]
async fn fields_of_one_response_key_are_one_object_at_every_depth() {
    let query = format!(
        "query($no: Boolean = false) {{ nrr({FIRST}) {{ rows {{ period {{ start }} n: nrr }}
           ...OfRetention rows {{ period {{ end }} nrr @include(if: $no) ... on Band {{ label }} }} }} }}
         fragment OfRetention on Retention {{ __typename rows {{ kind: __typename period {{ start s: start }} n: nrr }} }}"
    );
    let expected = r#"{"data":{"nrr":{"rows":[{"period":{"start":"2026-01-01","s":"2026-01-01","end":"2026-02-01"},"n":0.9837209302325581,"kind":"RetentionRow"}],"__typename":"Retention"}}}"#;
    let response = answer(&query).await;
    assert!(response.contains("never be of type"), "{response}");
    let query = query
        .replace("... on Band { label }", "... on RetentionRow { __typename @skip(if: true) }");
    assert_eq!(answer(&query).await, expected);
}

/// async-graphql answers null where all fields of an object are skipped, and loses what other
/// occurrences of its key select.
#[tokio::test]
async fn an_object_of_which_all_is_skipped_is_an_object() {
    let query = format!(
        "query($yes: Boolean = true) {{ nrr({FIRST}) {{ rows @skip(if: $yes) {{ nrr }} }}
           nrr({FIRST}) {{ rows {{ grr @skip(if: $yes) }} rows {{ nrr period {{ end @skip(if: $yes) }} }} }} }}"
    );
    let expected = r#"{"data":{"nrr":{"rows":[{"nrr":0.9837209302325581,"period":{}}]}}}"#;
    assert_eq!(answer(&query).await, expected);
    let query = format!("{{ nrr({FIRST}) {{ rows {{ nrr @include(if: false) }} }} }}");
    assert_eq!(answer(&query).await, r#"{"data":{"nrr":{"rows":[{}]}}}"#);
}

#[tokio::test]
async fn skipped_questions_are_not_asked() {
    let query = format!(
        "query($yes: Boolean = true, $no: Boolean!) {{
           a: nrr({FIRST}) @skip(if: $yes) {{ rows {{ nrr }} }}
           b: nrr({FIRST}) @include(if: $yes) {{ rows {{ nrr }} }}
           ... @include(if: $no) {{ c: nrr({FIRST}) {{ rows {{ nrr }} }} }} }}"
    );
    let response = parsed(&query, r#"{"no": false}"#).await;
    let keys: Vec<&String> = response["data"].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["b"]);
    assert_eq!(asked(&query, r#"{"no": false}"#).await.len(), 1);
}

#[tokio::test]
async fn defaults_hold_for_omitted_and_null_arguments() {
    let expected = Ask::Retention {
        metric: MetricName::new("nrr"),
        window: Window::TrailingMonths(12),
        method: None,
        unit: RetentionUnit::Customer,
    };
    let query = "query($w: Window, $u: RetentionUnit, $d: [DimensionName!], $f: Where, $p: PeriodInput!) {
        nrr(period: $p, window: $w, unit: $u, groupBy: $d, where: $f, grain: null) { rows { nrr } } }";
    for variables in [
        r#"{"p": {"start": "2026-01-01"}}"#,
        r#"{"p": {"start": "2026-01-01", "last": null}, "w": null, "u": null, "d": null, "f": null}"#,
    ] {
        let asked = asked_one(query, variables).await;
        assert_eq!(asked.ask, expected);
        assert_eq!((asked.grain, asked.filter), (None, None));
        assert!(asked.group_by.is_empty());
        let start = NaiveDate::from_ymd_opt(2026, 1, 1);
        assert_eq!(asked.period, Some(PeriodAsk { start, end: None, last: None }));
    }
}

#[tokio::test]
async fn variables_inside_objects_and_single_values_for_lists() {
    let query = "query($s: String, $r: [String!], $n: Int = 2) {
        nrr(period: {last: $n}, grain: MONTH, groupBy: segment, sparse: true, asOf: \"2026-04-01\",
            where: {segment: {eq: $s}, region: {in: $r}}) { rows { nrr } } }";
    let asked = asked_one(query, r#"{"r": "EU"}"#).await;
    assert_eq!(asked.period, Some(PeriodAsk { last: Some(2), ..PeriodAsk::default() }));
    assert_eq!(asked.grain, Some(Grain::Month));
    assert_eq!(asked.group_by, [DimensionName::new("segment")]);
    assert!(asked.sparse);
    assert_eq!(asked.as_of.unwrap().to_rfc3339(), "2026-04-01T00:00:00Z");
    let region = DimensionName::new("region");
    let test = Test::In(vec![Scalar::text("EU")]);
    assert_eq!(asked.filter, Some(Predicate::Test { dimension: region, test }));
}

#[tokio::test]
async fn the_table_takes_all_its_arguments() {
    let query = r#"{ metrics(select: [mrr, nrr], period: {start: "2026-01-01T00:00:00Z", end: "2026-03-31T12:00:00Z"},
        having: {nrr: {gte: 1.10, lt: 2}, mrr__previous_year: {isNull: false}}, compareTo: PREVIOUS_YEAR,
        orderBy: [{by: "mrr", descending: true, nulls: FIRST}, {by: "segment"}], limit: 5, offset: 10) {
        ...t } } fragment t on MetricTable { totals }"#;
    let asked = asked_one(query, "{}").await;
    assert_eq!(asked.period.unwrap().end, NaiveDate::from_ymd_opt(2026, 4, 1));
    let Ask::Table(table) = asked.ask else { panic!("not a table") };
    assert_eq!(table.select, [MetricName::new("mrr"), MetricName::new("nrr")]);
    assert_eq!(
        table.having,
        [
            ("nrr".to_owned(), Test::Gte(Scalar::Decimal(110, 2))),
            ("nrr".to_owned(), Test::Lt(Scalar::Int(2))),
            ("mrr__previous_year".to_owned(), Test::IsNull(false)),
        ]
    );
    assert_eq!(table.compare_to, [Compare::PreviousYear]);
    let order = |by: &str, descending, nulls| OrderBy { by: by.into(), descending, nulls };
    let expected = [order("mrr", true, Some(Nulls::First)), order("segment", false, None)];
    assert_eq!(table.order_by, expected);
    assert_eq!((table.limit, table.offset, table.totals), (5, 10, true));
    let plain = asked_one("{ metrics(select: mrr) { rowCount } }", "{}").await;
    let Ask::Table(table) = plain.ask else { panic!("not a table") };
    assert_eq!((table.limit, table.offset, table.totals), (1000, 0, false));
}

#[tokio::test]
async fn every_typed_field_has_its_own_ask() {
    let mut model = super::super::testing::model();
    let fields = ["attachRate", "timeToExpansion", "csmExpansionAttribution"];
    for (name, field) in ["mrr", "customers", "old_mrr"].into_iter().zip(fields) {
        model.metrics.get_mut(name).unwrap().field = Some(field.into());
    }
    let (api, engine) = over(super::super::testing::FakeEngine::new(model));
    let query = format!(
        "{{ attachRate({FIRST}, basis: WITHIN_DAYS) {{ rows {{ rate }} }}
           timeToExpansion(origin: MILESTONE, milestone: \"live\", nth: 2, types: [\"seat\"]) {{ rows {{ medianDays churned }} }}
           csmExpansionAttribution({FIRST}, rule: CURRENT_OWNER) {{ rows {{ csmId }} warnings }}
           credits: csmExpansionAttribution({FIRST}) {{ rows {{ csmId creditedMrr }} }}
           expansionByType({FIRST}) {{ rows {{ expansionType amount share }} }} }}"
    );
    let response = execute(&api, &query, "{}").await;
    assert_eq!(response.outcome, Outcome::Answered { errors: false }, "{}", text(&response));
    let runs = engine.runs.lock().unwrap();
    let asks: Vec<&Ask> = runs[0].iter().map(|query| &query.ask).collect();
    let expected = [
        Ask::Attach {
            metric: MetricName::new("mrr"),
            basis: AttachBasis::WithinDays,
            within_days: 90,
        },
        Ask::Duration {
            metric: MetricName::new("customers"),
            origin: TimeOrigin::Milestone,
            milestone: Some("live".into()),
            nth: 2,
            types: Some(vec!["seat".into()]),
            competing: false,
        },
        Ask::Attribution {
            metric: MetricName::new("old_mrr"),
            rule: AttributionRule::CurrentOwner,
            book: true,
        },
        Ask::Attribution {
            metric: MetricName::new("old_mrr"),
            rule: AttributionRule::OwnerAtEvent,
            book: false,
        },
        Ask::Expansion { metric: MetricName::new("expansion_mrr"), by_customer: false },
    ];
    for ask in &expected {
        assert!(asks.contains(&ask), "{ask:?} is not in {asks:?}");
    }
}

#[tokio::test]
async fn the_named_operation_runs() {
    let (api, engine) = api();
    let query = format!(
        "query A {{ catalog {{ definitionVersion }} }} query B {{ nrr({FIRST}) {{ rows {{ nrr }} }} }}"
    );
    let request =
        GraphqlRequest { operation_name: Some("A".into()), ..GraphqlRequest::new(query.clone()) };
    let response = api.execute(request, &caller()).await;
    assert_eq!(text(&response), r#"{"data":{"catalog":{"definitionVersion":"v1"}}}"#);
    assert!(engine.runs.lock().unwrap().is_empty());
    let unnamed = api.execute(GraphqlRequest::new(query), &caller()).await;
    assert!(text(&unnamed).contains("operationName"));
}

#[tokio::test]
async fn nothing_is_asked_of_a_document_that_does_not_validate() {
    let (api, engine) = api();
    let query =
        format!("{{ nrr({FIRST}) {{ rows {{ nrr }} }} metrics(select: nrrr) {{ rowCount }} }}");
    let response = execute(&api, &query, "{}").await;
    assert!(matches!(response.outcome, Outcome::Refused(_)));
    assert!(engine.runs.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_project_without_definitions_answers_its_catalogue() {
    let (api, _) = over(super::super::testing::FakeEngine::new(empty_model()));
    let query = format!(
        "{{ catalog {{ metrics {{ name }} dimensions {{ name }} }} nrr({FIRST}) {{ rows {{ nrr }} }} }}"
    );
    let response = execute(&api, &query, "{}").await;
    let body = text(&response);
    assert!(body.starts_with(r#"{"data":{"catalog":{"metrics":[],"dimensions":[]},"nrr":null}"#));
    assert!(body.contains("UNAVAILABLE"));
}

#[tokio::test]
async fn directives_of_typename_are_those_of_any_field() {
    let query = "query($s: Boolean!) { a: __typename @include(if: $s) b: __typename @skip(if: $s) \
                 catalog { __typename @include(if: $s) definitionVersion } ...more } \
                 fragment more on Query { c: __typename @include(if: $s) }";
    let response = parsed(query, r#"{"s": true}"#).await;
    assert!(response.get("errors").is_none(), "{response}");
    let expected =
        r#"{"a":"Query","catalog":{"__typename":"Catalog","definitionVersion":"v1"},"c":"Query"}"#;
    assert_eq!(response["data"].to_string(), expected);
    let response = parsed(query, r#"{"s": false}"#).await;
    assert_eq!(
        response["data"].to_string(),
        r#"{"b":"Query","catalog":{"definitionVersion":"v1"}}"#
    );
}

#[tokio::test]
async fn what_typename_does_not_have_is_refused() {
    for (query, subject) in [
        ("{ __typename @foo }", "`foo`"),
        ("{ __typename @skip }", "`@skip` needs the argument `if`"),
        ("{ __typename @skip(if: $s) }", "$s"),
        ("{ __typename @skip(if: 5) }", "`if`"),
        ("{ catalog { definitionVersion __typename @foo } }", "`foo`"),
        ("{ ...f } fragment f on Query { __typename @foo }", "`foo`"),
        ("{ __typename(x: 1) }", "`x`"),
        ("{ __typename { x } }", "fields of its own"),
    ] {
        let response = parsed(query, "{}").await;
        let error = &response["errors"][0];
        assert_eq!(error["extensions"]["code"], "BAD_REQUEST", "{query}: {response}");
        assert!(error["message"].as_str().unwrap().contains(subject), "{query}: {response}");
        assert_eq!(error["locations"][0]["line"], 1, "{query}: {response}");
        assert!(response.get("data").is_none(), "{query}: {response}");
    }
}
