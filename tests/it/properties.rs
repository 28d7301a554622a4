//! What must hold on any warehouse: sums close, parts add up, shapes and guises change nothing.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value as Json;
use tempfile::TempDir;
use upswell::graphql::Api;

use crate::support::demo::{demo, flat};
use crate::support::tables::{Guise, disguised, read_table, replace_table, shuffled};
use crate::support::warehouse::write_table;
use crate::support::{api, ask};

type Row = BTreeMap<String, Json>;

const QUARTERS: &str = r#"period: {start: "2023-01-01", end: "2024-04-01"}, grain: QUARTER"#;

/// A generated warehouse of fifteen months.
fn warehouse(seed: u64) -> (TempDir, Api) {
    let root = demo(200, 15, seed);
    let api = api(root.path(), "");
    (root, api)
}

/// The rows of the first root field.
async fn rows(api: &Api, document: &str) -> Vec<Row> {
    let data = ask(api, document).await;
    let field = data.as_object().unwrap().values().next().unwrap();
    field["rows"].as_array().unwrap().iter().map(flat).collect()
}

/// An amount in cents.
#[track_caller]
fn cents(row: &Row, field: &str) -> i128 {
    let text = row[field].to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, "0"));
    let sign = if whole.starts_with('-') { -1 } else { 1 };
    assert!(fraction.len() <= 2, "{field}: {text}");
    whole.parse::<i128>().unwrap() * 100 + sign * format!("{fraction:0<2}").parse::<i128>().unwrap()
}

/// The sums of a column by other columns.
fn sums(rows: &[Row], by: &[&str], field: &str) -> BTreeMap<String, i128> {
    let mut sums = BTreeMap::new();
    for row in rows {
        let key: Vec<String> = by.iter().map(|name| row[*name].to_string()).collect();
        *sums.entry(key.join(" ")).or_default() += cents(row, field);
    }
    sums
}

const AMOUNTS: [&str; 11] = [
    "startingMrr",
    "newMrr",
    "reactivationMrr",
    "expansionMrr",
    "contractionMrr",
    "churnMrr",
    "endingMrr",
    "cohortStartingMrr",
    "retainedMrr",
    "grossRetainedMrr",
    "cohortReactivationMrr",
];

fn retention(arguments: &str) -> String {
    format!(
        "{{ nrr({arguments}) {{ rows {{ period {{ start end }} group {{ dimension value }} {} nrr grr \
         logoRetention expansionRate customers churnedCustomers expandedCustomers }} }} }}",
        AMOUNTS.join(" ")
    )
}

/// Every way to ask for retention that a ledger answers.
fn retention_questions() -> Vec<String> {
    let mut questions = Vec::new();
    for window in ["PERIOD", "TRAILING_3_MONTHS", "TRAILING_12_MONTHS"] {
        for method in ["LEDGER", "ENDPOINT"] {
            for (unit, groups) in [
                ("CUSTOMER", &["", "segment", "csm_id", "country, acquisition_channel"][..]),
                ("CUSTOMER_PRODUCT", &["", "product_family", "region, product_id"][..]),
            ] {
                for group in groups {
                    questions.push(format!(
                        "{QUARTERS}, window: {window}, method: {method}, unit: {unit}, groupBy: [{group}]"
                    ));
                }
            }
        }
    }
    questions
}

#[tokio::test]
async fn the_waterfall_closes_to_the_cent() {
    for seed in [1, 2] {
        let (_root, api) = warehouse(seed);
        for question in retention_questions() {
            let rows = rows(&api, &retention(&question)).await;
            assert!(rows.len() >= 5, "{question}");
            for row in &rows {
                let of = |field| cents(row, field);
                let closes =
                    of("startingMrr") + of("newMrr") + of("reactivationMrr") + of("expansionMrr")
                        - of("contractionMrr")
                        - of("churnMrr");
                assert_eq!(closes, of("endingMrr"), "{question}\n{row:?}");
                let retained =
                    of("cohortStartingMrr") + of("expansionMrr") + of("cohortReactivationMrr")
                        - of("contractionMrr")
                        - of("churnMrr");
                assert_eq!(retained, of("retainedMrr"), "{question}\n{row:?}");
            }
        }
    }
}

#[tokio::test]
async fn rates_keep_their_bounds() {
    let (_root, api) = warehouse(3);
    let mut cohorts = 0;
    for question in retention_questions() {
        for row in rows(&api, &retention(&question)).await {
            let rate = |field: &str| row[field].as_f64();
            let Some(nrr) = rate("nrr") else {
                assert_eq!(cents(&row, "cohortStartingMrr"), 0, "{row:?}");
                assert!(rate("grr").is_none() && rate("logoRetention").is_none(), "{row:?}");
                continue;
            };
            cohorts += 1;
            let grr = rate("grr").unwrap();
            assert!((0.0..=1.0).contains(&grr) && grr <= nrr, "{question}\n{row:?}");
            for field in ["logoRetention", "expansionRate"] {
                assert!((0.0..=1.0).contains(&rate(field).unwrap()), "{question}\n{row:?}");
            }
        }
    }
    assert!(cohorts > 500, "{cohorts}");
}

#[tokio::test]
async fn both_methods_give_the_same_retention() {
    let (_root, api) = warehouse(4);
    let mut compared = 0;
    for question in retention_questions().iter().filter(|question| question.contains("LEDGER")) {
        let ledger = rows(&api, &retention(question)).await;
        let endpoint = rows(&api, &retention(&question.replace("LEDGER", "ENDPOINT"))).await;
        assert_eq!(ledger.len(), endpoint.len());
        for (ledger, endpoint) in ledger.iter().zip(&endpoint) {
            for field in
                ["nrr", "grr", "logoRetention", "retainedMrr", "startingMrr", "endingMrr", "newMrr"]
            {
                assert_eq!(ledger[field], endpoint[field], "{question} {field}");
                compared += 1;
            }
        }
    }
    assert!(compared > 500);
}

#[tokio::test]
async fn parts_add_up_to_the_whole() {
    let (_root, api) = warehouse(5);
    for method in ["LEDGER", "ENDPOINT"] {
        let ask_by = |group: &str| {
            retention(&format!(
                "{QUARTERS}, method: {method}, window: TRAILING_6_MONTHS, groupBy: [{group}]"
            ))
        };
        let whole = rows(&api, &ask_by("")).await;
        for group in ["segment", "csm_id", "industry, country", "customer_id"] {
            let parts = rows(&api, &ask_by(group)).await;
            assert!(parts.len() > whole.len());
            for field in AMOUNTS {
                // The cap of GRR is per customer, and so additive; shares of it are split alike.
                if group == "csm_id" && field == "grossRetainedMrr" {
                    continue;
                }
                let by = ["period.start"];
                assert_eq!(
                    sums(&parts, &by, field),
                    sums(&whole, &by, field),
                    "{method} {group} {field}"
                );
            }
            if group != "csm_id" {
                for field in ["customers", "churnedCustomers", "expandedCustomers"] {
                    let by = ["period.start"];
                    assert_eq!(
                        sums(&parts, &by, field),
                        sums(&whole, &by, field),
                        "{group} {field}"
                    );
                }
            }
        }
    }
}

#[tokio::test]
async fn types_and_credits_sum_to_the_expansion() {
    let (_root, api) = warehouse(6);
    let table = format!("{{ metrics({QUARTERS}, select: [expansion_mrr]) {{ rows }} }}");
    let expansion: Vec<i128> =
        rows(&api, &table).await.iter().map(|row| cents(row, "expansion_mrr")).collect();
    assert!(expansion.iter().all(|amount| *amount > 0));
    let types = format!(
        "{{ expansionByType({QUARTERS}) {{ rows {{ period {{ start }} amount fromOpeningCohort fromOutsideCohort }} }} }}"
    );
    let types = rows(&api, &types).await;
    for row in &types {
        assert_eq!(
            cents(row, "amount"),
            cents(row, "fromOpeningCohort") + cents(row, "fromOutsideCohort")
        );
    }
    let by = ["period.start"];
    assert_eq!(sums(&types, &by, "amount").into_values().collect::<Vec<_>>(), expansion);
    let waterfall =
        rows(&api, &retention(&format!("{QUARTERS}, window: PERIOD, method: LEDGER"))).await;
    assert_eq!(sums(&types, &by, "fromOpeningCohort"), sums(&waterfall, &by, "expansionMrr"));
    for rule in ["OWNER_AT_EVENT", "CURRENT_OWNER", "OWNER_AT_PERIOD_START", "OFFER_OWNER"] {
        for group in ["", "segment", "expansion_type"] {
            let credits = format!(
                "{{ csmExpansionAttribution({QUARTERS}, rule: {rule}, groupBy: [{group}]) \
                 {{ rows {{ period {{ start }} creditedMrr }} }} }}"
            );
            let credits = sums(&rows(&api, &credits).await, &by, "creditedMrr");
            assert_eq!(credits.into_values().collect::<Vec<_>>(), expansion, "{rule} {group}");
        }
    }
}

/// Whatever recurring revenue is kept as: movements that are derived are those of each product.
#[tokio::test]
async fn credits_are_the_expansion_of_every_slice() {
    for gone in [&[][..], &["mrr_movements"], &["mrr_movements", "subscriptions"]] {
        let root = demo(200, 15, 6);
        for table in gone {
            fs::remove_dir_all(root.path().join("warehouse").join(table)).unwrap();
        }
        let api = api(root.path(), "");
        for group in ["", "segment", "product_id", "product_family, region"] {
            let table = format!(
                "{{ metrics({QUARTERS}, groupBy: [{group}], select: [expansion_mrr, credited_mrr], limit: 10000) \
                 {{ rows }} }}"
            );
            let rows = rows(&api, &table).await;
            // Between snapshots it may not be known.
            let is_some = |row: &Row| row["expansion_mrr"].as_f64().is_some_and(|sum| sum > 0.0);
            assert!(rows.iter().any(is_some), "{group} {gone:?}");
            for row in rows {
                assert_eq!(row["credited_mrr"], row["expansion_mrr"], "{gone:?}: {row:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_year_is_the_sum_of_its_months_where_it_is_additive() {
    let (_root, api) = warehouse(7);
    let ask_by = |grain: &str| {
        format!(
            "{{ metrics(period: {{start: \"2023-01-01\", end: \"2024-01-01\"}}, grain: {grain}, groupBy: [segment], \
             select: [expansion_mrr, new_mrr, contraction_mrr, churned_mrr, reactivation_mrr, net_new_mrr, \
             expansion_events, credited_mrr], limit: 10000) {{ rows }} }}"
        )
    };
    let year = rows(&api, &ask_by("YEAR")).await;
    for grain in ["DAY", "WEEK", "MONTH"] {
        let parts = rows(&api, &ask_by(grain)).await;
        for field in [
            "expansion_mrr",
            "new_mrr",
            "churned_mrr",
            "net_new_mrr",
            "expansion_events",
            "credited_mrr",
        ] {
            assert_eq!(
                sums(&parts, &["segment"], field),
                sums(&year, &["segment"], field),
                "{grain} {field}"
            );
        }
    }
}

/// Leaves one shape of recurring revenue in the warehouse.
fn only(root: &Path, shape: &str) {
    for table in ["mrr_movements", "subscriptions", "subscription_months"] {
        if table != shape {
            fs::remove_dir_all(root.join("warehouse").join(table)).unwrap();
        }
    }
}

/// What all shapes must agree on, at month ends from the first snapshot on.
async fn balances_of_shape(seed: u64, shape: &str) -> Vec<Json> {
    let root = demo(200, 15, seed);
    only(root.path(), shape);
    let api = api(root.path(), "");
    let mut answers = Vec::new();
    for (start, grain, window) in [
        ("2023-02-01", "MONTH", "PERIOD"),
        ("2023-04-01", "QUARTER", "PERIOD"),
        ("2024-02-01", "MONTH", "TRAILING_12_MONTHS"),
    ] {
        for (unit, groups) in
            [("CUSTOMER", ["", "segment"]), ("CUSTOMER_PRODUCT", ["", "product_kind"])]
        {
            for group in groups {
                let document = format!(
                    "{{ nrr(period: {{start: \"{start}\", end: \"2024-04-01\"}}, grain: {grain}, window: {window}, \
                     method: ENDPOINT, unit: {unit}, groupBy: [{group}]) {{ rows {{ period {{ start end }} \
                     group {{ dimension value }} {} nrr grr logoRetention customers churnedCustomers }} }} }}",
                    AMOUNTS.join(" ")
                );
                answers.push(ask(&api, &document).await);
            }
        }
    }
    let table = "{ metrics(period: {start: \"2023-02-01\", end: \"2024-04-01\"}, grain: MONTH, groupBy: [region], \
                 select: [mrr, arr, active_customers, arpa, nrr_period, grr_period, logo_retention_period]) \
                 { rows totals } }";
    answers.push(ask(&api, table).await);
    answers
}

#[tokio::test]
async fn ledger_intervals_and_snapshots_agree() {
    for seed in [8, 9] {
        let ledger = balances_of_shape(seed, "mrr_movements").await;
        for shape in ["subscriptions", "subscription_months"] {
            let other = balances_of_shape(seed, shape).await;
            for (ledger, other) in ledger.iter().zip(&other) {
                same_answer(ledger, other, shape);
            }
        }
    }
}

/// Points at the first row that differs instead of printing both answers.
#[track_caller]
fn same_answer(left: &Json, right: &Json, what: &str) {
    for (field, left) in left.as_object().unwrap() {
        let right = &right[field];
        let (left_rows, right_rows) = (left["rows"].as_array(), right["rows"].as_array());
        for (a, b) in left_rows.into_iter().flatten().zip(right_rows.into_iter().flatten()) {
            assert_eq!(a, b, "{what}, {field}");
        }
        assert_eq!(left, right, "{what}, {field}");
    }
}

/// A document that reads every table in every way.
fn battery() -> String {
    let amounts = AMOUNTS.join(" ");
    format!(
        "{{ a: nrr({QUARTERS}, groupBy: [segment]) {{ rows {{ period {{ start }} group {{ value }} {amounts} nrr grr }} }}
            b: nrr({QUARTERS}, window: PERIOD, method: ENDPOINT, unit: CUSTOMER_PRODUCT, groupBy: [product_tier])
              {{ rows {{ period {{ start }} group {{ value }} {amounts} nrr grr customers }} }}
            c: nrr({QUARTERS}, window: PERIOD, groupBy: [csm_team]) {{ rows {{ group {{ value }} {amounts} nrr }} }}
            d: expansionByType({QUARTERS}, groupBy: [country])
              {{ rows {{ period {{ start }} group {{ value }} expansionType amount fromOpeningCohort events customers share }} }}
            e: attachRate({QUARTERS}, groupBy: [region]) {{ rows {{ group {{ value }} attached baseUnits attachedUnits rate mature }} }}
            f: attachRate({QUARTERS}, basis: CUSTOMER) {{ rows {{ attached baseUnits attachedUnits rate mature }} }}
            g: attachRate({QUARTERS}, basis: WITHIN_DAYS, withinDays: 45) {{ rows {{ attached baseUnits attachedUnits rate mature }} }}
            h: timeToExpansion(groupBy: [segment]) {{ rows {{ group {{ value }} subjects events censored p25Days medianDays
              curve {{ day survival low95 high95 atRisk events }} }} }}
            i: timeToExpansion(origin: MILESTONE, milestone: \"first_success\", competing: true) {{ rows {{ subjects events curve {{ day survival }} }} }}
            j: csmExpansionAttribution({QUARTERS}) {{ rows {{ csmId csmName creditedMrr events customers share accounts cohortMrr nrr }} warnings }}
            k: csmExpansionAttribution({QUARTERS}, rule: OFFER_OWNER) {{ rows {{ csmId creditedMrr }} }}
            l: metrics({QUARTERS}, groupBy: [industry], compareTo: [PREVIOUS_PERIOD, PREVIOUS_YEAR],
              select: [mrr, arpa, nrr, quick_ratio, expansion_rate, attach_rate, median_days_to_expansion]) {{ rows totals }} }}"
    )
}

const TABLES: [&str; 10] = [
    "customers",
    "products",
    "mrr_movements",
    "subscription_months",
    "subscriptions",
    "csms",
    "csm_assignments",
    "order_lines",
    "offers",
    "milestones",
];

#[tokio::test]
async fn order_files_types_and_partitions_change_nothing() {
    let (root, api_before) = warehouse(10);
    let before = ask(&api_before, &battery()).await;
    let folder = root.path().join("warehouse");
    for (guise, files) in [(Guise::Dictionary, 1), (Guise::View, 7), (Guise::Large, 40)] {
        for (table, seed) in TABLES.iter().zip(1..) {
            let rows = disguised(&shuffled(&read_table(&folder, table), seed), guise);
            replace_table(&folder, table, &rows, files);
        }
        let after = ask(&api(root.path(), ""), &battery()).await;
        for (name, before) in before.as_object().unwrap() {
            let (before, after) = (&before["rows"], &after[name]["rows"]);
            let rows = before.as_array().unwrap().iter().zip(after.as_array().unwrap());
            for (before, after) in rows {
                assert_eq!(before, after, "{guise:?} {name}");
            }
        }
        assert_eq!(before, after, "{guise:?}");
        // The next guise is made from the plain types again.
        for table in TABLES {
            let rows = disguised(&read_table(&folder, table), Guise::Plain);
            replace_table(&folder, table, &rows, 1);
        }
    }
}

#[tokio::test]
async fn a_narrower_filter_never_sees_more() {
    let (_root, api) = warehouse(11);
    let filters = [
        "{}",
        "{ segment: { ne: \"SMB\" } }",
        "{ segment: { in: [\"Enterprise\", \"Mid-Market\"] } }",
        "{ segment: { eq: \"Enterprise\" } }",
        "{ segment: { eq: \"Enterprise\" }, not: { acquisition_channel: { isNull: true } }, country: { startsWith: \"U\" } }",
        "{ segment: { eq: \"Enterprise\" }, country: { in: [] } }",
    ];
    let mut wider: Option<Vec<Row>> = None;
    for filter in filters {
        let rows = rows(&api, &retention(&format!("{QUARTERS}, where: {filter}"))).await;
        assert_eq!(rows.len(), 5);
        if let Some(wider) = &wider {
            for (wide, narrow) in wider.iter().zip(&rows) {
                for field in [
                    "startingMrr",
                    "endingMrr",
                    "grossRetainedMrr",
                    "expansionMrr",
                    "churnMrr",
                    "customers",
                ] {
                    assert!(
                        cents(narrow, field) <= cents(wide, field),
                        "{filter} {field}: {narrow:?}"
                    );
                }
            }
        }
        wider = Some(rows);
    }
    let nothing = wider.unwrap();
    assert!(nothing.iter().all(|row| cents(row, "endingMrr") == 0 && row["nrr"].is_null()));
}

#[tokio::test]
async fn a_filter_gives_the_rows_of_the_breakdown() {
    let (_root, api) = warehouse(12);
    let all = rows(&api, &retention(&format!("{QUARTERS}, groupBy: [segment]"))).await;
    let segment = |row: &Row| row["segment"].clone();
    for (value, test) in [(Json::from("SMB"), "{ eq: \"SMB\" }"), (Json::Null, "{ isNull: true }")]
    {
        let some =
            rows(&api, &retention(&format!("{QUARTERS}, where: {{ segment: {test} }}"))).await;
        let wanted: Vec<&Row> = all.iter().filter(|row| segment(row) == value).collect();
        assert_eq!(wanted.len(), some.len(), "{value}");
        for (wanted, given) in wanted.iter().zip(&some) {
            for (field, cell) in given {
                assert_eq!(cell, &wanted[field], "{value} {field}");
            }
        }
    }
}

#[tokio::test]
async fn snapshot_months_are_months_in_every_time_zone() {
    for zone in ["America/New_York", "UTC", "Pacific/Auckland"] {
        let root = TempDir::new().unwrap();
        write_table(
            &root.path().join("warehouse"),
            "subscription_months",
            "month,customer_id,product_id,mrr\n2024-01-01,a,p,10.00\n2024-02-01,a,p,15.00\n2024-02-01,b,p,7.00",
        );
        let api = api(root.path(), &format!("time_zone: {zone}\n"));
        let document = retention(
            "period: {start: \"2024-02-01\", end: \"2024-03-01\"}, window: PERIOD, method: ENDPOINT",
        );
        let rows = rows(&api, &document).await;
        let amounts = ["startingMrr", "expansionMrr", "newMrr", "endingMrr"]
            .map(|field| cents(&rows[0], field));
        assert_eq!(amounts, [1000, 500, 700, 2200], "{zone}");
    }
}
