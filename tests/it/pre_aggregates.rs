//! Pre-aggregates change no digit: what is answered from kept sums is what rows give, whatever a
//! question groups and filters by, before and after files were added.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value as Json;
use tempfile::TempDir;
use upswell::catalog::{Catalog, CatalogSettings};
use upswell::clock::SystemClock;
use upswell::engine::{EngineSettings, LocalEngine};
use upswell::generate::{GenerateSettings, generate};
use upswell::graphql::Api;

use crate::support::demo::demo;
use crate::support::warehouse::write_file;
use crate::support::{ask, model_of};

const DECLARED: &str = "
pre_aggregates:
  - metrics: [nrr, nrr_without_price, grr, expansion_mrr, quick_ratio, attach_rate, median_days_to_expansion,
              credited_mrr]
    dimensions: [segment, region]
";

fn api(root: &Path, declared: &str) -> Api {
    api_of(root, &[("upswell.yml", &format!("version: 1\nwarehouse: warehouse\n{declared}"))])
}

/// An API that keeps no answers and lists anew for every request.
fn api_of(root: &Path, files: &[(&str, &str)]) -> Api {
    let model = model_of(root, files);
    let settings = CatalogSettings { refresh: Duration::ZERO, ..CatalogSettings::default() };
    let catalog = Catalog::open(Arc::clone(&model), settings).unwrap();
    let settings =
        EngineSettings { result_memory: 0, proof_percent: 100, ..EngineSettings::default() };
    let engine = LocalEngine::new(model, catalog, settings, Arc::new(SystemClock)).unwrap();
    Api::new(Arc::new(engine)).unwrap()
}

fn measured(api: &Api, name: &str) -> u64 {
    let all = api.measurements();
    all.iter().find(|measured| measured.name == name).unwrap().value
}

/// Fields that kept sums can answer; `…` is where a question slices.
const FIELDS: [&str; 12] = [
    "nrr(period: {last: 12}, grain: MONTH, window: PERIOD, …) { rows { period { start } group { dimension value }
       startingMrr newMrr reactivationMrr expansionMrr contractionMrr churnMrr endingMrr cohortStartingMrr
       retainedMrr nrr grr customers churnedCustomers expandedCustomers } provenance { snapshot notes } }",
    "nrr(period: {last: 4}, grain: MONTH, window: TRAILING_3_MONTHS, unit: CUSTOMER_PRODUCT, method: ENDPOINT, …) {
       rows { period { start } group { dimension value } startingMrr endingMrr nrr grr customers expandedCustomers } }",
    "expansionByType(period: {last: 12}, grain: MONTH, …) {
       rows { period { start } group { dimension value } expansionType amount events share } }",
    "expansionByType(period: {last: 2}, grain: QUARTER, …) {
       rows { group { dimension value } expansionType fromOpeningCohort events customers } provenance { notes } }",
    "attachRate(period: {last: 4}, grain: QUARTER, …) {
       rows { period { start } group { dimension value } attached baseUnits attachedUnits rate } provenance { notes } }",
    "attachRate(period: {last: 2}, grain: QUARTER, basis: CUSTOMER, …) {
       rows { group { dimension value } attached baseUnits attachedUnits } }",
    "attachRate(period: {last: 2}, grain: QUARTER, basis: WITHIN_DAYS, withinDays: 30, …) {
       rows { group { dimension value } attached baseUnits attachedUnits } }",
    "timeToExpansion(…) { rows { group { dimension value } subjects events censored churned medianDays
       curve { day survival atRisk events } } provenance { notes } }",
    r#"timeToExpansion(cohort: {start: "2023-01-01", end: "2023-10-01"}, competing: true, …) {
       rows { group { dimension value } subjects events curve { day survival } } provenance { notes } }"#,
    "csmExpansionAttribution(period: {last: 4}, grain: QUARTER, …) { rows { period { start } group { dimension value }
       csmId creditedMrr events customers share accounts cohortMrr nrr } warnings }",
    // Without the owners' books, of which the warnings tell too.
    "csmExpansionAttribution(period: {last: 4}, grain: QUARTER, …) { rows { period { start } csmId creditedMrr } }",
    "metrics(select: [nrr, nrr_without_price, quick_ratio, attach_rate, median_days_to_expansion, credited_mrr], period: {last: 2}, grain: QUARTER, …) {
       rows totals provenance { notes } }",
];

/// By what is kept, by parts of it, by nothing, and filtered by parts of it.
const SLICES: [&str; 8] = [
    "groupBy: []",
    "groupBy: [segment]",
    "groupBy: [region, segment]",
    r#"where: {region: {eq: "EMEA"}}"#,
    r#"groupBy: [segment], where: {region: {in: ["EMEA", "APAC"]}}"#,
    r#"groupBy: [region], where: {not: {segment: {eq: "SMB"}}}"#,
    r#"where: {or: [{segment: {eq: "SMB"}}, {region: {isNull: true}}]}"#,
    r#"groupBy: [segment], where: {region: {eq: "nowhere"}}"#,
];

/// A generated warehouse with what is rare in it: customers nobody describes, balances below zero,
/// shares that are not one.
fn warehouse(months: u32) -> TempDir {
    let root = demo(300, months, 11);
    let folder = root.path().join("warehouse");
    let header =
        "movement_id,customer_id,product_id,occurred_at,movement,expansion_type,amount,offer_id";
    let rows = "x1,nobody,core,2023-02-03T00:00:00Z,new,,10.00,\n\
         x2,nobody,core,2023-05-03T00:00:00Z,expansion,seat,2.50,\n\
         x3,c0000003,core,2023-06-03T00:00:00Z,contraction,,-90000.00,\n\
         x4,c0000004,core,2023-06-03T00:00:00Z,expansion,,7.00,";
    let month = "mrr_movements/occurred_month=2023-05/odd.parquet";
    write_file(&folder, month, &format!("{header}\n{rows}\n"));
    let shared = |customer: u32| {
        let from = "2022-01-01T00:00:00Z";
        format!("c{customer:07},csm-001,,{from},\nc{customer:07},csm-odd,,{from},\n")
    };
    let owners = "customer_id,csm_id,share,valid_from,valid_to\n\
         c0000004,csm-001,0.5,2022-01-01T00:00:00Z,\nc0000004,csm-odd,0.7,2022-01-01T00:00:00Z,\n\
         nobody,csm-001,,2022-01-01T00:00:00Z,\nnobody,csm-odd,,2022-01-01T00:00:00Z,\n";
    let owners = owners.to_owned() + &(5..60).map(shared).collect::<String>();
    write_file(&folder, "csm_assignments/odd.parquet", owners.trim_end());
    root
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kept_sums_answer_as_rows_do() {
    let root = warehouse(15);
    let (rows, kept) = (api(root.path(), ""), api(root.path(), DECLARED));
    let mut answers = 0;
    for field in FIELDS {
        for slices in SLICES {
            let question = format!("{{ {} }}", field.replace('…', slices));
            let from_rows = ask(&rows, &question).await;
            // The first of them is the first time that it is asked.
            assert_eq!(ask(&kept, &question).await, from_rows, "{question}");
        }
        let more = measured(&kept, "pre_aggregate_answers") - answers;
        assert_eq!(more, SLICES.len() as u64 - 1, "{field}");
        answers += more;
    }
    assert_eq!(measured(&rows, "pre_aggregate_answers"), 0);
}

/// What no sums are kept for is answered from rows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_covered_is_answered_from_rows() {
    let root = warehouse(15);
    let (rows, kept) = (api(root.path(), ""), api(root.path(), DECLARED));
    let field = FIELDS[0];
    for slices in [
        "groupBy: [industry]",
        r#"where: {customer_id: {eq: "c0000004"}}"#,
        r#"groupBy: [segment], where: {country: {eq: "DE"}}"#,
        r#"groupBy: [csm_id], where: {csm_id: {eq: "csm-001"}}"#,
    ] {
        let question = format!("{{ {} }}", field.replace('…', slices));
        for _ in 0..3 {
            assert_eq!(ask(&kept, &question).await, ask(&rows, &question).await, "{question}");
        }
    }
    let other = "{ metrics(select: [nrr, mrr], period: {last: 2}, grain: QUARTER, groupBy: [segment]) { rows } }";
    for _ in 0..3 {
        assert_eq!(ask(&kept, other).await, ask(&rows, other).await);
    }
    assert_eq!(measured(&kept, "pre_aggregate_answers"), 0);
}

/// Other dimensions than customers' may stand beside those that are kept.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn owners_products_and_types_stand_beside_what_is_kept() {
    let root = warehouse(15);
    let (rows, kept) = (api(root.path(), ""), api(root.path(), DECLARED));
    let (waterfall, lines, by_type, credits) = (FIELDS[0], FIELDS[1], FIELDS[2], FIELDS[9]);
    let asked = [
        (waterfall, "csm_id, segment"),
        (waterfall, "region, csm_team"),
        (lines, "product_family"),
        (lines, "product_id, region"),
        (by_type, "expansion_family"),
        (by_type, "segment, expansion_family"),
        (by_type, "expansion_type, region"),
        (by_type, "csm_id, expansion_family, product_family"),
        (credits, "product_family, region"),
        (credits, "expansion_family, csm_team"),
    ];
    // The second time of each; of the families by segment also the first, as they were asked before.
    let answers = asked.len() as u64 + 1;
    for (field, by) in asked {
        let slices = format!(r#"groupBy: [{by}], where: {{region: {{ne: "EMEA"}}}}"#);
        let question = format!("{{ {} }}", field.replace('…', &slices));
        for _ in 0..2 {
            assert_eq!(ask(&kept, &question).await, ask(&rows, &question).await, "{question}");
        }
    }
    assert_eq!(measured(&kept, "pre_aggregate_answers"), answers);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_come_are_in_the_sums() {
    let root = warehouse(14);
    let kept = api(root.path(), DECLARED);
    let of = |field: &str, slices: &str| format!("{{ {} }}", field.replace('…', slices));
    for field in FIELDS {
        for slices in SLICES.into_iter().take(3) {
            ask(&kept, &of(field, slices)).await;
        }
    }
    let dir = root.path().join("warehouse");
    generate(&GenerateSettings { dir, customers: 300, months: 16, seed: 11 }, &()).unwrap();
    // One of them long ago.
    let late =
        "customer_id,occurred_at,movement,amount\nc0000009,2023-03-09T00:00:00Z,expansion,5.00";
    write_file(
        &root.path().join("warehouse"),
        "mrr_movements/occurred_month=2023-03/late.parquet",
        late,
    );
    let rows = api(root.path(), "");
    for field in FIELDS {
        for slices in SLICES {
            let question = of(field, slices);
            assert_eq!(ask(&kept, &question).await, ask(&rows, &question).await, "{question}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_from_kept_sums_are_computed_again_from_rows() {
    let root = warehouse(15);
    let kept = api(root.path(), DECLARED);
    for (field, proven) in FIELDS.into_iter().zip(1..) {
        let question = format!("{{ {} }}", field.replace('…', "groupBy: [segment]"));
        ask(&kept, &question).await;
        ask(&kept, &question).await;
        for _ in 0..500 {
            if measured(&kept, "pre_aggregate_proofs") >= proven {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(measured(&kept, "pre_aggregate_proofs"), proven, "{field}");
        assert_eq!(measured(&kept, "pre_aggregate_differences"), 0, "{field}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_document_may_ask_for_many_at_once() {
    let root = warehouse(15);
    let (rows, kept) = (api(root.path(), ""), api(root.path(), DECLARED));
    let fields: Vec<String> = (0..FIELDS.len() * 2)
        .map(|place| {
            let slices = SLICES[3 + place % 3];
            format!("f{place}: {}", FIELDS[place % FIELDS.len()].replace('…', slices))
        })
        .collect();
    let document = format!("{{ {} }}", fields.join(" "));
    let from_rows: Json = ask(&rows, &document).await;
    for _ in 0..3 {
        assert_eq!(ask(&kept, &document).await, from_rows);
    }
    assert!(measured(&kept, "pre_aggregate_answers") >= 2 * fields.len() as u64);
}

/// The first entry that fits the question is used, not the first that names its metrics.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entry_that_does_not_fit_hides_no_other() {
    let root = warehouse(15);
    let own = "metrics: [{name: nrr_emea, kind: retention, balance: recurring_revenue, measure: nrr, window: period,
      filter: region = 'EMEA'}]";
    let declared = "
pre_aggregates:
  - { metrics: [nrr], dimensions: [segment] }
  - { metrics: [nrr, nrr_emea], dimensions: [region, country] }
  - { metrics: [nrr, nrr_emea], dimensions: [region, segment] }
";
    let text = format!("version: 1\nwarehouse: warehouse\n{declared}");
    let files = [("upswell.yml", text.as_str()), ("metrics/own.yml", own)];
    let kept = api_of(root.path(), &files);
    let rows =
        api_of(root.path(), &[("upswell.yml", "version: 1\nwarehouse: warehouse\n"), files[1]]);
    let asked = [
        "nrr(period: {last: 3}, grain: MONTH, groupBy: [region]) { rows { group { value } nrr } }",
        "nrr(period: {last: 3}, grain: MONTH, groupBy: [segment]) { rows { group { value } nrr } }",
        "metrics(select: [nrr_emea], period: {last: 3}, grain: MONTH) { rows }",
        "metrics(select: [nrr_emea, nrr], period: {last: 3}, grain: MONTH, groupBy: [segment]) { rows }",
    ];
    for (field, answers) in asked.into_iter().zip(1..) {
        let question = format!("{{ {field} }}");
        for _ in 0..2 {
            assert_eq!(ask(&kept, &question).await, ask(&rows, &question).await, "{question}");
        }
        assert_eq!(measured(&kept, "pre_aggregate_answers"), answers, "{question}");
    }
}
