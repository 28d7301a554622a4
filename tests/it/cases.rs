//! The hand-checked cases, through Parquet, engine and GraphQL.

use serde_json::Value as Json;
use tempfile::TempDir;
use upswell::graphql::Api;

use crate::support::{api, ask, warehouse::write_case};

fn case(name: &str) -> (TempDir, Api, Vec<Json>) {
    let root = TempDir::new().unwrap();
    write_case(&root.path().join("warehouse"), name);
    let api = api(root.path(), "");
    let file = format!("{}/tests/cases/{name}/answers.json", env!("CARGO_MANIFEST_DIR"));
    let answers: Json = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let answers = answers["answers"].as_array().unwrap().clone();
    (root, api, answers)
}

fn period(answer: &Json) -> String {
    period_of(&answer["window"])
}

fn period_of(window: &Json) -> String {
    format!("{{start: {}, end: {}}}", window[0], window[1])
}

/// An exact expectation ("423/430", "63.00", 3, null) as the double that the API must print.
fn expected(value: &Json) -> Option<f64> {
    match value {
        Json::String(text) => Some(match text.split_once('/') {
            Some((n, d)) => n.parse::<f64>().unwrap() / d.parse::<f64>().unwrap(),
            None => text.parse().unwrap(),
        }),
        Json::Number(number) => number.as_f64(),
        _ => None,
    }
}

#[track_caller]
fn same(actual: &Json, wanted: &Json, what: &str) {
    assert_eq!(actual.as_f64(), expected(wanted), "{what}: {actual} instead of {wanted}");
}

const WATERFALL: [(&str, &str); 16] = [
    ("startingMrr", "starting"),
    ("newMrr", "new"),
    ("reactivationMrr", "reactivation"),
    ("expansionMrr", "expansion"),
    ("contractionMrr", "contraction"),
    ("churnMrr", "churn"),
    ("endingMrr", "ending"),
    ("retainedMrr", "retained"),
    ("grossRetainedMrr", "gross_retained"),
    ("cohortReactivationMrr", "cohort_reactivation"),
    ("customers", "cohort_customers"),
    ("churnedCustomers", "churned_customers"),
    ("expandedCustomers", "expanded_customers"),
    ("nrr", "nrr"),
    ("grr", "grr"),
    ("logoRetention", "logo_retention"),
];

async fn check_retention(name: &str) {
    let (_root, api, answers) = case(name);
    let mut checked = 0;
    for answer in answers.iter().filter(|answer| answer["metric"] == "nrr") {
        let text = |key: &str, default: &str| {
            answer[key].as_str().map_or(default.to_owned(), str::to_uppercase)
        };
        let fields: Vec<&str> = WATERFALL.iter().map(|(field, _)| *field).collect();
        let document = format!(
            "{{ nrr(period: {}, window: PERIOD, method: {}, unit: {}) {{ rows {{ {} expansionRate }} }} }}",
            period(answer),
            text("method", "LEDGER"),
            text("unit", "CUSTOMER"),
            fields.join(" "),
        );
        let data = ask(&api, &document).await;
        let rows = data["nrr"]["rows"].as_array().unwrap();
        assert_eq!(rows.len(), 1);
        for (field, key) in WATERFALL.iter().chain(&[("expansionRate", "expansion_rate")]) {
            same(&rows[0][*field], &answer["expect"][*key], &format!("{name} {field}"));
            checked += 1;
        }
    }
    assert!(checked >= 17, "{name} checked nothing");
}

#[tokio::test]
async fn waterfall_115() {
    check_retention("waterfall-115").await;
}

#[tokio::test]
async fn bridge_110() {
    check_retention("bridge-110").await;
}

#[tokio::test]
async fn eight_customers() {
    check_retention("eight-customers").await;
}

#[tokio::test]
async fn gross_churn_rate_is_a_metric_of_its_own() {
    for name in ["waterfall-115", "bridge-110", "eight-customers"] {
        let (_root, api, answers) = case(name);
        let answer = answers.iter().find(|answer| answer["method"] == "ledger").unwrap();
        let document = format!(
            "{{ metrics(select: [gross_churn_rate_period], period: {}) {{ rows }} }}",
            period(answer)
        );
        let data = ask(&api, &document).await;
        let rate = &data["metrics"]["rows"][0]["gross_churn_rate_period"];
        same(rate, &answer["expect"]["gross_churn_rate"], name);
    }
}

#[tokio::test]
async fn eight_customers_expansion_by_type() {
    let (_root, api, answers) = case("eight-customers");
    let answer = answers.iter().find(|answer| answer["metric"] == "expansion_by_type").unwrap();
    let document = format!(
        "{{ expansionByType(period: {}) {{ rows {{ expansionType amount fromOpeningCohort \
         fromOutsideCohort events customers share }} }} }}",
        period(answer)
    );
    let data = ask(&api, &document).await;
    let rows = data["expansionByType"]["rows"].as_array().unwrap();
    let wanted = answer["expect"]["rows"].as_array().unwrap();
    assert_eq!(rows.len(), wanted.len());
    for wanted in wanted {
        let row = rows.iter().find(|row| row["expansionType"] == wanted["expansion_type"]).unwrap();
        for (field, key) in [
            ("amount", "amount"),
            ("fromOpeningCohort", "from_opening_cohort"),
            ("fromOutsideCohort", "from_outside_cohort"),
            ("events", "events"),
            ("customers", "customers"),
            ("share", "share"),
        ] {
            same(&row[field], &wanted[key], field);
        }
    }
}

#[tokio::test]
async fn attach() {
    let (_root, api, answers) = case("attach");
    let mut checked = 0;
    for answer in answers.iter().filter(|answer| answer["metric"] == "attach_rate") {
        let basis = answer["basis"].as_str().unwrap();
        let days = answer["withinDays"].as_i64().unwrap_or(90);
        let expectations: Vec<(String, &Json)> = match &answer["expect"] {
            Json::Array(many) if basis == "CUSTOMER" => many
                .iter()
                .map(|each| {
                    (format!("{{start: \"2024-01-01\", end: {}}}", each["period_end"]), each)
                })
                .collect(),
            Json::Array(many) => many
                .iter()
                .zip(answer["windows"].as_array().unwrap())
                .map(|(each, window)| (period_of(window), each))
                .collect(),
            one => vec![(period(answer), one)],
        };
        for (period, wanted) in expectations {
            let document = format!(
                "{{ attachRate(period: {period}, basis: {basis}, withinDays: {days}) {{ rows {{ attached \
                 attachedName baseUnits attachedUnits rate }} }} }}"
            );
            let data = ask(&api, &document).await;
            let rows = data["attachRate"]["rows"].as_array().unwrap();
            assert_eq!(rows.len(), 2, "one attached product, and any");
            for row in rows {
                same(&row["baseUnits"], &wanted["base"], basis);
                same(&row["attachedUnits"], &wanted["attached"], basis);
                same(&row["rate"], &wanted["rate"], basis);
            }
            assert_eq!(rows[0]["attachedName"], "Analytics");
            checked += 1;
        }
    }
    assert_eq!(checked, 9);
}

#[tokio::test]
async fn attach_by_quarter_is_one_question() {
    let (_root, api, _) = case("attach");
    let data = ask(
        &api,
        "{ attachRate(period: {start: \"2024-01-01\", end: \"2024-10-01\"}, grain: QUARTER) \
         { rows { attached rate mature } } }",
    )
    .await;
    let rows = data["attachRate"]["rows"].as_array().unwrap();
    let rates: Vec<Option<f64>> = rows.iter().map(|row| row["rate"].as_f64()).collect();
    assert_eq!(rates, [Some(1.0 / 3.0), Some(1.0 / 3.0), None, None, None, None]);
}

#[tokio::test]
async fn time_to_expansion() {
    let (_root, api, answers) = case("time-to-expansion");
    let wanted = &answers[0]["expect"];
    let fields = "subjects events censored p25Days medianDays p75Days observedMedianDays \
                  expandedBy { day share } curve { day survival events atRisk low95 high95 }";
    let document = format!(
        "{{ timeToExpansion(asOf: \"2024-12-31\") {{ rows {{ {fields} }} }} \
           competing: timeToExpansion(asOf: \"2024-12-31\", competing: true) \
             {{ rows {{ expandedBy(days: [90]) {{ share }} }} }} }}"
    );
    let data = ask(&api, &document).await;
    let row = &data["timeToExpansion"]["rows"][0];
    for (field, key) in [
        ("subjects", "subjects"),
        ("events", "events"),
        ("censored", "censored"),
        ("p25Days", "p25"),
        ("medianDays", "median"),
        ("p75Days", "p75"),
        ("observedMedianDays", "observed_median_days"),
    ] {
        same(&row[field], &wanted[key], field);
    }
    for point in row["expandedBy"].as_array().unwrap() {
        let exact = expected(&wanted["expanded_by"][point["day"].to_string()]).unwrap();
        assert!((point["share"].as_f64().unwrap() - exact).abs() < 1e-12, "{point}");
    }
    let curve = row["curve"].as_array().unwrap();
    assert_eq!(curve.len(), 3);
    for (point, wanted) in curve.iter().zip(wanted["curve"].as_array().unwrap()) {
        let survival = expected(&wanted["survival"]).unwrap();
        assert!((point["survival"].as_f64().unwrap() - survival).abs() < 1e-12, "{point}");
        assert_eq!(point["day"], wanted["day"]);
        assert_eq!(point["events"], wanted["events"]);
        assert_eq!(point["atRisk"], wanted["at_risk"]);
    }
    let share = data["competing"]["rows"][0]["expandedBy"][0]["share"].as_f64().unwrap();
    assert!((share - 5.0 / 12.0).abs() < 1e-12, "{share}");
}

#[tokio::test]
async fn csm_attribution() {
    let (_root, api, answers) = case("csm-attribution");
    for answer in &answers {
        let grain = answer["grain"].as_str().map_or("null".to_owned(), str::to_uppercase);
        let document = format!(
            "{{ csmExpansionAttribution(period: {}, grain: {grain}, rule: {}) \
             {{ rows {{ csmId csmName creditedMrr }} warnings }} }}",
            period(answer),
            answer["rule"].as_str().unwrap().to_uppercase(),
        );
        let data = ask(&api, &document).await;
        let rows = data["csmExpansionAttribution"]["rows"].as_array().unwrap();
        let credited = |owner: Option<&Json>| -> f64 {
            rows.iter()
                .filter(|row| owner.is_none_or(|owner| row["csmId"] == *owner))
                .map(|row| row["creditedMrr"].as_f64().unwrap())
                .sum()
        };
        for wanted in answer["expect"]["rows"].as_array().unwrap() {
            let exact = expected(&wanted["credited"]).unwrap();
            assert_eq!(credited(Some(&wanted["csm_id"])), exact, "{document} {wanted}");
        }
        assert_eq!(credited(None), expected(&answer["expect"]["total"]).unwrap());
    }
}
