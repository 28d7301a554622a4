//! What the catalogue lists, what a question may ask and what the engine can answer are the same:
//! for every metric and dimension of the canonical definitions.

use std::collections::BTreeSet;

use serde_json::Value as Json;
use upswell::error::ErrorCode;
use upswell::model::{DimensionName, Metric, MetricName, Model, RetentionUnit, Window};
use upswell::planner::{Ask, MetricQuery, PeriodAsk, Predicate, Scope, TableAsk, Test, bind};
use upswell::values::Grain;

use crate::support::demo::demo;
use crate::support::{api, ask, execute, model_of};

fn canonical() -> std::sync::Arc<Model> {
    model_of(std::path::Path::new("."), &[("upswell.yml", "version: 1\nwarehouse: warehouse\n")])
}

fn question(ask: Ask, dimension: &DimensionName, filters: bool) -> MetricQuery {
    let test = Predicate::Test { dimension: dimension.clone(), test: Test::IsNull(false) };
    MetricQuery {
        scope: Scope::unrestricted("test"),
        ask,
        period: Some(PeriodAsk { last: Some(1), ..PeriodAsk::default() }),
        grain: Some(Grain::Quarter),
        group_by: if filters { Vec::new() } else { vec![dimension.clone()] },
        filter: filters.then_some(test),
        sparse: false,
        as_of: None,
        defined_at: None,
    }
}

fn table(metric: &Metric) -> Ask {
    Ask::Table(TableAsk { select: vec![metric.name.clone()], limit: 10, ..TableAsk::default() })
}

/// Whether both grouping and filter are accepted; a refusal names the metric and the dimension.
fn accepts(model: &Model, ask: &Ask, metric: &Metric, dimension: &DimensionName) -> bool {
    let answers =
        [false, true].map(|filters| bind(model, &question(ask.clone(), dimension, filters)));
    for error in answers.iter().filter_map(|answer| answer.as_ref().err()) {
        assert_eq!(error.code, ErrorCode::IncompatibleDimension, "{error}");
        assert!(error.message.contains(&format!("`{dimension}`")), "{error}");
        assert!(error.message.contains(&format!("`{}`", metric.name)), "{error}");
    }
    let [grouped, filtered] = answers.map(|answer| answer.is_ok());
    assert_eq!(grouped, filtered, "{} by {dimension}", metric.name);
    grouped
}

#[test]
fn a_table_takes_exactly_the_dimensions_that_a_metric_lists() {
    let model = canonical();
    let mut pairs = (0, 0);
    for metric in model.metrics.values().filter(|metric| !metric.private) {
        for dimension in model.dimensions.keys() {
            let listed = metric.dimensions.contains(dimension);
            let taken = accepts(&model, &table(metric), metric, dimension);
            assert_eq!(listed, taken, "{} by {dimension}", metric.name);
            if listed { pairs.0 += 1 } else { pairs.1 += 1 }
        }
    }
    assert!(pairs.0 > 100 && pairs.1 > 100, "{pairs:?}");
}

#[test]
fn a_unit_decides_whether_retention_goes_by_product() {
    let model = canonical();
    let metric = &model.metrics[&MetricName::new("nrr")];
    for dimension in model.dimensions.keys() {
        for (unit, products) in
            [(RetentionUnit::Customer, false), (RetentionUnit::CustomerProduct, true)]
        {
            let ask = Ask::Retention {
                metric: metric.name.clone(),
                window: Window::Period,
                method: None,
                unit,
            };
            let is_product = dimension.as_str().starts_with("product_");
            let expected =
                if is_product { products } else { metric.dimensions.contains(dimension) };
            assert_eq!(accepts(&model, &ask, metric, dimension), expected, "{dimension} {unit:?}");
        }
    }
    assert!(!metric.dimensions.contains(&DimensionName::new("product_id")));
}

fn names(list: &Json) -> BTreeSet<String> {
    list.as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn the_catalogue_s_three_lists_agree_and_everything_listed_is_answered() {
    let root = demo(40, 15, 3);
    let api = api(root.path(), "");
    let document = "{ catalog { metrics { name dimensions } dimensions { name metrics } } }";
    let catalog = ask(&api, document).await;
    let catalog = &catalog["catalog"];
    for metric in catalog["metrics"].as_array().unwrap() {
        let name = metric["name"].as_str().unwrap();
        let listed = names(&metric["dimensions"]);
        let goes_with: BTreeSet<String> = catalog["dimensions"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|dimension| names(&dimension["metrics"]).contains(name))
            .map(|dimension| dimension["name"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(listed, goes_with, "{name}");
        let of =
            ask(&api, &format!("{{ catalog {{ dimensions(of: [{name}]) {{ name }} }} }}")).await;
        let of: BTreeSet<String> = of["catalog"]["dimensions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|dimension| dimension["name"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(listed, of, "{name}");
        let fields: Vec<String> = listed
            .iter()
            .map(|by| {
                format!(
                    "{by}: metrics(select: [{name}], period: {{last: 1}}, grain: QUARTER, \
                     groupBy: [{by}], where: {{{by}: {{isNull: false}}}}, limit: 1) {{ rowCount }}"
                )
            })
            .collect();
        assert!(!fields.is_empty(), "{name} goes with nothing");
        let response = execute(&api, &format!("{{ {} }}", fields.join("\n"))).await;
        assert!(response.get("errors").is_none(), "{name}: {}", response["errors"]);
    }
}
