//! The catalogue.

use super::super::ProblemInfo;
use super::super::testing::{FakeEngine, api, model, over};
use super::{answer, execute, parsed, text};
use crate::model::{DimensionName, MetricName, Tile};

#[tokio::test]
async fn metrics_are_listed_and_searched_without_the_private_ones() {
    let response = parsed("{ catalog { metrics { name } } }", "{}").await;
    let names: Vec<&str> = response["data"]["catalog"]["metrics"]
        .as_array()
        .unwrap()
        .iter()
        .map(|metric| metric["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["nrr", "mrr", "expansion_mrr", "customers", "old_mrr"]);
    let found = answer("{ catalog { metrics(search: \"WHAT Expansion\") { name } } }").await;
    assert_eq!(found, r#"{"data":{"catalog":{"metrics":[{"name":"expansion_mrr"}]}}}"#);
}

#[tokio::test]
async fn a_metric_shows_its_definition() {
    let query = "query($m: MetricName!) { catalog { metric(name: $m) { name label kind unit additive goodDirection
        status deprecated formula definition file line dimensions lineage sql available
        unavailableBecause windowMonths
        bands { label low high source standing } } } }";
    let response = parsed(query, r#"{"m": "nrr"}"#).await;
    let expected = concat!(
        r#"{"name":"nrr","label":"nrr","kind":"retention","unit":"ratio","additive":"adds up","#,
        r#""goodDirection":null,"status":"stable","deprecated":null,"formula":"a / b","#,
        r#""definition":"name: nrr","file":"canonical/metrics.yml","line":12,"#,
        r#""dimensions":["segment","region"],"lineage":["mrr_movements.amount"],"sql":"select nrr","#,
        r#""available":true,"unavailableBecause":null,"windowMonths":12,"bands":["#,
        r#"{"label":"problem","low":null,"high":0.9,"source":"handbook","standing":null},"#,
        r#"{"label":"excellent","low":1.1,"high":null,"source":"handbook","standing":null}]}"#,
    );
    assert_eq!(response["data"]["catalog"]["metric"].to_string(), expected);
    let customers =
        answer("{ catalog { metric(name: customers) { available unavailableBecause } } }").await;
    assert!(
        customers.contains(
            r#"{"available":false,"unavailableBecause":"Table `customers` has no files."}"#
        )
    );
    let old = answer("{ catalog { metric(name: old_mrr) { deprecated } } }").await;
    assert!(old.contains(r#"Counts \"trials\". Use `mrr`. Removed after 2027-05-31."#), "{old}");
}

#[tokio::test]
async fn dimensions_that_go_with_all_of_some_metrics() {
    let found =
        answer("{ catalog { dimensions(of: [nrr, customers]) { name metrics dataType } } }").await;
    let expected = r#"[{"name":"region","metrics":["nrr","mrr","expansion_mrr","customers","old_mrr"],"dataType":"string"}]"#;
    assert_eq!(found, format!(r#"{{"data":{{"catalog":{{"dimensions":{expected}}}}}}}"#));
    let all = parsed("{ catalog { dimensions { name } } }", "{}").await;
    assert_eq!(all["data"]["catalog"]["dimensions"].as_array().unwrap().len(), 5);
}

#[tokio::test]
async fn values_of_dimensions_and_their_errors() {
    let found = answer(
        "{ catalog { some: dimensionValues(dimension: segment, limit: 2)
           dimensionValues(dimension: segment, search: \"S\", limit: null)
           away: dimensionValues(dimension: region)
           odd: dimensionValues(dimension: segment, limit: -1) } }",
    )
    .await;
    let data = r#"{"data":{"catalog":{"some":["Enterprise","Mid-Market"],"dimensionValues":["SMB"],"away":null,"odd":null}},"#;
    assert!(found.starts_with(data), "{found}");
    assert!(
        found.contains(r#""path":["catalog","away"],"extensions":{"code":"STORE_UNAVAILABLE""#)
    );
    assert!(found.contains(r#""path":["catalog","odd"],"extensions":{"code":"BAD_REQUEST""#));
}

#[tokio::test]
async fn tables_and_problems() {
    let (api, _) = api();
    let api = api.with_problems(vec![ProblemInfo {
        code: "unknown-column".into(),
        severity: "error".into(),
        message: "Column `amont` is not in `mrr_movements`.".into(),
        file: Some("metrics/own.yml".into()),
        line: Some(7),
    }]);
    let query = "{ catalog { definitionVersion tables { name available files bytes rows dataThrough problem }
        problems { code severity file line } } }";
    let expected = concat!(
        r#"{"data":{"catalog":{"definitionVersion":"v1","tables":[{"name":"mrr_movements","available":true,"#,
        r#""files":3,"bytes":1024,"rows":null,"dataThrough":"1970-01-01T00:00:00Z","problem":null}],"#,
        r#""problems":[{"code":"unknown-column","severity":"error","file":"metrics/own.yml","line":7}]}}}"#,
    );
    assert_eq!(text(&execute(&api, query, "{}").await), expected);
}

#[tokio::test]
async fn the_project_says_its_name_currency_zone_and_tiles() {
    let mut model = model();
    model.tiles = vec![Tile {
        metric: MetricName::new("mrr"),
        label: "MRR by segment".into(),
        group_by: vec![DimensionName::new("segment")],
    }];
    let (api, _) = over(FakeEngine::new(model));
    let query = "{ catalog { name currency timeZone tiles { metric label groupBy } } }";
    let expected = r#"{"data":{"catalog":{"name":"test","currency":"EUR","timeZone":"UTC","tiles":[{"metric":"mrr","label":"MRR by segment","groupBy":["segment"]}]}}}"#;
    assert_eq!(text(&execute(&api, query, "{}").await), expected);
}
