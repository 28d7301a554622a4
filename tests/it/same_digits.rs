//! A metric has one value, whichever door it is asked through: typed field, flat table, records,
//! exports.

use serde_json::Value as Json;
use tempfile::TempDir;
use upswell::graphql::{Api, Caller, Format};

use crate::support::demo::{demo, flat};
use crate::support::{api, ask};

const PERIOD: &str = r#"period: {start: "2023-07-01", end: "2024-04-01"}, grain: MONTH"#;

fn warehouse() -> (TempDir, Api) {
    let root = demo(150, 15, 21);
    let api = api(root.path(), "");
    (root, api)
}

/// Columns of the typed field next to the flat table's, row by row.
async fn compare(
    api: &Api,
    typed: &str,
    keep: impl Fn(&Json) -> bool,
    table: &str,
    pairs: &[(&str, &str)],
) {
    let data = ask(api, &format!("{{ typed: {typed} table: {table} {{ rows }} }}")).await;
    let typed: Vec<_> = data["typed"]["rows"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| keep(row))
        .map(flat)
        .collect();
    let table = data["table"]["rows"].as_array().unwrap();
    assert_eq!(typed.len(), table.len(), "{table:?}");
    assert!(!table.is_empty());
    for (typed, flat) in typed.iter().zip(table) {
        for (field, column) in pairs {
            let (left, right) = (&typed[*field], &flat[*column]);
            assert_eq!(left.to_string(), right.to_string(), "{field} and {column}: {typed:?}");
        }
    }
}

#[tokio::test]
async fn retention() {
    let (_root, api) = warehouse();
    for (window, suffix) in [("TRAILING_12_MONTHS", ""), ("PERIOD", "_period")] {
        let names = ["nrr", "grr", "logo_retention", "expansion_rate"]
            .map(|name| format!("{name}{suffix}"));
        for group in ["", "segment", "csm_id"] {
            let typed = format!(
                "nrr({PERIOD}, window: {window}, groupBy: [{group}]) {{ rows {{ period {{ start }} \
                 group {{ dimension value }} nrr grr logoRetention expansionRate endingMrr }} }}"
            );
            let balance = if group == "csm_id" { "" } else { "mrr" };
            let table = format!(
                "metrics({PERIOD}, groupBy: [{group}], select: [{} {balance}])",
                names.join(" ")
            );
            let mut pairs = vec![
                ("period.start", "period"),
                ("nrr", names[0].as_str()),
                ("grr", &names[1]),
                ("logoRetention", &names[2]),
                ("expansionRate", &names[3]),
            ];
            if !group.is_empty() {
                pairs.push((group, group));
            }
            if !balance.is_empty() {
                pairs.push(("endingMrr", "mrr"));
            }
            compare(&api, &typed, |_| true, &table, &pairs).await;
        }
    }
}

#[tokio::test]
async fn expansion() {
    let (_root, api) = warehouse();
    let typed = format!(
        "expansionByType({PERIOD}, groupBy: [region]) {{ rows {{ period {{ start }} group {{ dimension value }} \
         expansionType amount events customers }} }}"
    );
    let table = format!(
        "metrics({PERIOD}, groupBy: [region, expansion_type], select: [expansion_mrr, expansion_events, \
         expanding_customers])"
    );
    let data = ask(&api, &format!("{{ typed: {typed} table: {table} {{ rows }} }}")).await;
    let table = data["table"]["rows"].as_array().unwrap();
    let mut found = 0;
    for row in data["typed"]["rows"].as_array().unwrap().iter().map(flat) {
        let same = |flat: &&Json| {
            flat["period"] == row["period.start"]
                && flat["region"] == row["region"]
                && flat["expansion_type"] == row["expansionType"]
        };
        // The flat table has the pairs of region and type that exist, the field every type everywhere.
        let Some(flat) = table.iter().find(same) else {
            assert_eq!(row["events"], 0, "{row:?}");
            continue;
        };
        found += 1;
        for (field, column) in [
            ("amount", "expansion_mrr"),
            ("events", "expansion_events"),
            ("customers", "expanding_customers"),
        ] {
            assert_eq!(row[field].to_string(), flat[column].to_string(), "{row:?}");
        }
    }
    assert_eq!(found, table.len());
}

#[tokio::test]
async fn attach() {
    let (_root, api) = warehouse();
    let typed = format!(
        "attachRate({PERIOD}, groupBy: [segment]) {{ rows {{ period {{ start }} group {{ dimension value }} attached rate }} }}"
    );
    let table = format!("metrics({PERIOD}, groupBy: [segment], select: [attach_rate])");
    let pairs = [("period.start", "period"), ("segment", "segment"), ("rate", "attach_rate")];
    compare(&api, &typed, |row| row["attached"].is_null(), &table, &pairs).await;
}

#[tokio::test]
async fn time_to_expansion() {
    let (_root, api) = warehouse();
    let typed =
        "timeToExpansion(groupBy: [segment]) { rows { group { dimension value } medianDays } }";
    let table = "metrics(groupBy: [segment], select: [median_days_to_expansion])";
    let pairs = [("segment", "segment"), ("medianDays", "median_days_to_expansion")];
    compare(&api, typed, |_| true, table, &pairs).await;
}

#[tokio::test]
async fn credits() {
    let (_root, api) = warehouse();
    let typed = format!(
        "csmExpansionAttribution({PERIOD}) {{ rows {{ period {{ start }} csmId csmName creditedMrr }} }}"
    );
    let table = format!("metrics({PERIOD}, groupBy: [csm_id, csm_name], select: [credited_mrr])");
    let pairs = [
        ("period.start", "period"),
        ("csmId", "csm_id"),
        ("csmName", "csm_name"),
        ("creditedMrr", "credited_mrr"),
    ];
    compare(&api, &typed, |_| true, &table, &pairs).await;
}

/// Every metric of the canon, asked alone and all together; rows, records, totals and exports.
#[tokio::test]
async fn one_question_or_many() {
    let (_root, api) = warehouse();
    let catalog = ask(&api, "{ catalog { metrics { name dimensions } } }").await;
    let names: Vec<String> = catalog["catalog"]["metrics"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|metric| metric["dimensions"].as_array().unwrap().contains(&"segment".into()))
        .map(|metric| metric["name"].as_str().unwrap().to_owned())
        .collect();
    assert!(names.len() >= 30, "{names:?}");
    let all = names.join(" ");
    let document = format!(
        "{{ metrics({PERIOD}, groupBy: [segment], select: [{all}]) {{ rows records {{ period segment {all} }} totals }} }}"
    );
    let together = ask(&api, &document).await;
    let rows = together["metrics"]["rows"].as_array().unwrap();
    assert_eq!(Json::from(rows.clone()), together["metrics"]["records"]);
    let whole = format!(
        "{{ metrics(period: {{start: \"2023-07-01\", end: \"2024-04-01\"}}, select: [{all}]) {{ rows }} }}"
    );
    assert_eq!(ask(&api, &whole).await["metrics"]["rows"][0], together["metrics"]["totals"]);
    for name in &names {
        let alone = format!(
            "{{ metrics({PERIOD}, groupBy: [segment], select: [{name}]) {{ rows totals }} }}"
        );
        let alone = ask(&api, &alone).await;
        assert_eq!(alone["metrics"]["totals"][name], together["metrics"]["totals"][name], "{name}");
        for row in alone["metrics"]["rows"].as_array().unwrap() {
            let same = |other: &&Json| {
                other["period"] == row["period"] && other["segment"] == row["segment"]
            };
            assert_eq!(rows.iter().find(same).unwrap()[name], row[name], "{name}");
        }
    }
    exports_agree(&api, &names, rows).await;
}

async fn exports_agree(api: &Api, names: &[String], rows: &[Json]) {
    let parameters: Vec<(String, String)> = [
        ("select", names.join(",")),
        ("start", "2023-07-01".to_owned()),
        ("end", "2024-04-01".to_owned()),
        ("grain", "MONTH".to_owned()),
        ("groupBy", "segment".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec();
    let caller = Caller::unrestricted("test", "test");
    let json = api.export(&parameters, Format::Json, &caller).await.unwrap();
    let json: Json = serde_json::from_slice(&json.body).unwrap();
    assert_eq!(json["rows"].as_array().unwrap(), rows);
    let csv = api.export(&parameters, Format::Csv, &caller).await.unwrap();
    let csv = String::from_utf8(csv.body.to_vec()).unwrap();
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines.len(), rows.len() + 1);
    let header: Vec<&str> = lines[0].split(',').collect();
    for (line, row) in lines[1..].iter().zip(rows) {
        for (name, cell) in header.iter().zip(line.split(',')) {
            let wanted = &row[*name];
            let same = match wanted {
                Json::Null => cell.is_empty(),
                Json::String(text) => cell == text,
                number => {
                    let written = number.to_string();
                    cell == written || cell.parse::<f64>().ok() == number.as_f64()
                }
            };
            assert!(same, "{name}: {cell} in the CSV, {wanted} in JSON");
        }
    }
}
