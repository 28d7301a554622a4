//! Bands and targets beside the values they are for: by slice, grain and day.

use serde_json::{Value as Json, json};
use tempfile::TempDir;
use upswell::graphql::{Api, Caller, Format};

use crate::support::warehouse::write_table;
use crate::support::{api_of, ask};

const OWN: &str = "metrics:
  - name: nrr
    kind: retention
    measure: nrr
    window: period
    field: nrr
    format: 0.0 %
    tags: [board]
    bands:
      - { below: 1, label: shrinking, source: handbook }
      - { from: 1, label: growing, source: handbook }
      - { from: 0.5, label: fine for SMB, source: handbook, only: { segment: SMB } }
    targets:
      - { value: 1.25, source: plan }
      - { value: 0.8, source: plan, only: { segment: SMB } }
  - name: expansion_mrr
    kind: movement
    classes: [expansion]
    measure: amount
    unit: currency
    field: expansionByType
    filter: customer_id <> 'nobody'
    targets:
      - { value: 100, source: plan 2024, from: 2024-01-01, to: 2025-01-01, grain: year }
      - { value: 20, source: plan 2024, grain: quarter }
      - { value: 40, source: plan 2024, grain: year, only: { expansion_type: seat } }
      - { value: 30, source: plan 2024, grain: year, only: { segment: SMB } }
      - { value: 25, source: plan 2024, grain: year, only: { segment: SMB, expansion_type: seat } }
  - name: credited_mrr
    filter: segment in ('SMB', 'Enterprise')
    kind: attribution
    owners: { dataset: csm_assignments, owner: csm_id, id_dimension: csm_id }
    field: csmExpansionAttribution
    targets: [{ value: 80, source: bonus plan, only: { csm_id: ann } }]
  - name: attach_rate
    kind: attach
    orders: { dataset: order_lines, order: order_id }
    products: products
    base: kind = 'core'
    attached: kind = 'add_on'
    field: attachRate
    targets: [{ value: 0.25, source: book }]
  - name: median_days_to_expansion
    kind: duration
    origin: acquisition
    acquisition: { dataset: customers, date: acquired_on }
    measure: median_days
    unit: days
    good: down
    field: timeToExpansion
    bands:
      - { below: 400, label: quick, source: handbook }
      - { from: 400, label: slow, source: handbook }
    targets:
      - { value: 300, source: plan }
      - { value: 243, source: plan, only: { segment: SMB }, from: 2024-01-01 }
";

fn project() -> (TempDir, Api) {
    let root = TempDir::new().unwrap();
    let warehouse = root.path().join("warehouse");
    let movements = "movement_id,customer_id,product_id,occurred_at,movement,expansion_type,amount
1,a,p,2023-01-01T00:00:00Z,new,,100.00
2,b,p,2023-01-01T00:00:00Z,new,,100.00
3,a,p,2024-02-01T00:00:00Z,expansion,seat,50.00
4,b,p,2024-05-01T00:00:00Z,expansion,seat,10.00
5,b,p,2024-06-01T00:00:00Z,contraction,,-40.00
6,a,p,2025-01-01T00:00:00Z,contraction,,-1.00";
    write_table(&warehouse, "mrr_movements", movements);
    write_table(
        &warehouse,
        "customers",
        "customer_id,segment,acquired_on\na,Enterprise,2023-01-01\nb,SMB,2023-01-01",
    );
    let owners = "customer_id,csm_id,valid_from,valid_to,share\na,ann,2023-01-01T00:00:00Z,,\nb,bob,2023-01-01T00:00:00Z,,";
    write_table(&warehouse, "csm_assignments", owners);
    write_table(
        &warehouse,
        "products",
        "product_id,product_name,kind\np,Core,core\nq,Extra,add_on",
    );
    let orders = "order_id,customer_id,product_id,ordered_at,quantity,amount
o1,a,p,2024-02-01T00:00:00Z,1,1.00\no2,b,p,2024-02-01T00:00:00Z,1,1.00\no2,b,q,2024-02-01T00:00:00Z,1,1.00";
    write_table(&warehouse, "order_lines", orders);
    let settings = ("upswell.yml", "version: 1\nwarehouse: warehouse\n");
    let api = api_of(root.path(), &[settings, ("metrics/own.yml", OWN)]);
    (root, api)
}

const YEAR: &str = r#"period: {start: "2024-01-01", end: "2025-01-01"}"#;

/// Row, metric, band, target and how much of it is reached.
type Judged = (i64, String, Option<String>, Option<f64>, Option<f64>);

async fn marks(api: &Api, arguments: &str) -> Vec<Judged> {
    let document = format!(
        "{{ metrics({arguments}) {{ marks {{ row metric band {{ label }} target {{ value attainment source }} }} }} }}"
    );
    let data = ask(api, &document).await;
    let marks = data["metrics"]["marks"].as_array().unwrap().iter();
    marks
        .map(|mark| {
            (
                mark["row"].as_i64().unwrap(),
                mark["metric"].as_str().unwrap().to_owned(),
                mark["band"]["label"].as_str().map(str::to_owned),
                mark["target"]["value"].as_f64(),
                mark["target"]["attainment"].as_f64(),
            )
        })
        .collect()
}

#[tokio::test]
async fn bands_and_targets_of_ratios_follow_the_slice() {
    let (_root, api) = project();
    // Everybody 200 → 220; Enterprise (row 0) 100 → 150, SMB (row 1) 100 → 70.
    let nrr = |row, label: &str, target: f64, attainment: f64| {
        (row, "nrr".to_owned(), Some(label.to_owned()), Some(target), Some(attainment))
    };
    assert_eq!(
        marks(&api, &format!("select: [nrr, mrr], {YEAR}")).await,
        [nrr(0, "growing", 1.25, 1.1 / 1.25)]
    );
    let grouped = format!("select: [mrr, nrr], {YEAR}, groupBy: [segment]");
    let by_segment = [nrr(0, "growing", 1.25, 1.5 / 1.25), nrr(1, "fine for SMB", 0.8, 0.7 / 0.8)];
    assert_eq!(marks(&api, &grouped).await, by_segment);
    let filtered = format!("select: [nrr], {YEAR}, where: {{segment: {{in: [\"SMB\"]}}}}");
    assert_eq!(marks(&api, &filtered).await, [nrr(0, "fine for SMB", 0.8, 0.7 / 0.8)]);
    // Bands are about twelve months; the target of a quarter stays.
    let quarters = format!("select: [nrr], {YEAR}, grain: QUARTER, limit: 1");
    let found = marks(&api, &quarters).await;
    assert_eq!((found[0].2.clone(), found[0].3), (None, Some(1.25)));
    // The typed field says the same.
    let data = ask(
        &api,
        &format!(
            "{{ nrr({YEAR}, window: PERIOD, groupBy: [segment]) {{ rows {{ nrr band {{ label only {{ dimension value }} }} \
             target {{ value attainment source }} }} }} \
             other: nrr({YEAR}) {{ rows {{ target {{ value }} }} }} }}"
        ),
    )
    .await;
    let smb = &data["nrr"]["rows"][1];
    assert_eq!(smb["band"]["only"][0]["value"], "SMB");
    assert_eq!(smb["target"]["attainment"].as_f64(), Some(0.7 / 0.8));
    assert!(data["other"]["rows"][0]["target"].is_null(), "another window than the definition's");
}

#[tokio::test]
async fn targets_of_amounts_are_for_their_own_slice_grain_and_days() {
    let (_root, api) = project();
    let target = |found: &[Judged]| -> Vec<_> {
        found.iter().map(|mark| (mark.0, mark.3, mark.4)).collect()
    };
    let whole = marks(&api, &format!("select: [expansion_mrr], {YEAR}, grain: YEAR")).await;
    assert_eq!(target(&whole), [(0, Some(100.0), Some(0.6))]);
    // Rows are Enterprise, then SMB: the whole's target is not that of a segment.
    let parts = format!("select: [expansion_mrr], {YEAR}, groupBy: [segment]");
    assert_eq!(target(&marks(&api, &parts).await), [(1, Some(30.0), Some(10.0 / 30.0))]);
    let narrowed = format!("select: [expansion_mrr], {YEAR}, where: {{region: {{ne: \"x\"}}}}");
    assert_eq!(target(&marks(&api, &narrowed).await), []);
    let quarters = format!("select: [expansion_mrr], {YEAR}, grain: QUARTER, limit: 2");
    assert_eq!(
        target(&marks(&api, &quarters).await),
        [(0, Some(20.0), Some(2.5)), (1, Some(20.0), Some(0.5))]
    );
    assert_eq!(
        target(&marks(&api, &format!("select: [expansion_mrr], {YEAR}, grain: MONTH")).await),
        []
    );
    let year_before =
        r#"select: [expansion_mrr], period: {start: "2023-01-01", end: "2024-01-01"}, grain: YEAR"#;
    assert_eq!(target(&marks(&api, year_before).await), []);
    let data = ask(
        &api,
        &format!(
            "{{ all: expansionByType({YEAR}) {{ rows {{ expansionType amount target {{ value attainment }} }} }} \
             smb: expansionByType({YEAR}, where: {{segment: {{eq: \"SMB\"}}}}) {{ rows {{ target {{ value }} }} }} \
             csmExpansionAttribution({YEAR}) {{ rows {{ csmId creditedMrr target {{ value attainment }} }} }} \
             attachRate({YEAR}) {{ rows {{ rate target {{ value attainment }} }} }} }}"
        ),
    )
    .await;
    let seat = &data["all"]["rows"][0];
    assert_eq!(seat["target"]["value"].as_f64(), Some(40.0), "{seat}");
    assert_eq!(seat["target"]["attainment"].as_f64(), Some(1.5), "{seat}");
    assert_eq!(data["smb"]["rows"][0]["target"]["value"].as_f64(), Some(25.0));
    let owners = data["csmExpansionAttribution"]["rows"].as_array().unwrap();
    let of = |owner: &str| owners.iter().find(|row| row["csmId"] == owner).unwrap();
    assert_eq!(of("ann")["target"]["attainment"].as_f64(), Some(50.0 / 80.0));
    assert!(of("bob")["target"].is_null());
    assert_eq!(data["attachRate"]["rows"][0]["target"]["attainment"].as_f64(), Some(2.0));
}

#[tokio::test]
async fn the_catalogue_serves_what_a_definition_says() {
    let (_root, api) = project();
    let data = ask(
        &api,
        "{ catalog { metric(name: expansion_mrr) { targets { value source from to grain only { dimension value } } } \
         nrr: metric(name: nrr) { format tags variantOf variants targets { value grain to only { value } } bands { label only { dimension value } } } \
         grr_endpoint: metric(name: nrr_endpoint) { variantOf variants } } }",
    )
    .await;
    let catalog = &data["catalog"];
    let first = &catalog["metric"]["targets"][0];
    let wanted: Json = serde_json::json!({ "value": 100.0, "source": "plan 2024", "from": "2024-01-01",
        "to": "2025-01-01", "grain": "YEAR", "only": [] });
    assert_eq!(*first, wanted);
    let only = &catalog["metric"]["targets"][4]["only"];
    assert_eq!(only.as_array().unwrap().len(), 2);
    let nrr = &catalog["nrr"];
    assert_eq!((nrr["format"].as_str(), nrr["tags"][0].as_str()), (Some("0.0 %"), Some("board")));
    assert_eq!(nrr["bands"][2]["only"][0]["value"], "SMB");
    assert!(nrr["variantOf"].is_null() && nrr["targets"][0]["grain"].is_null());
    assert!(nrr["variants"].to_string().contains("nrr_without_price"));
    assert_eq!(catalog["grr_endpoint"]["variantOf"], "nrr");
}

/// Both were acquired on 2023-01-01: a expanded 396 days later, b 486.
#[tokio::test]
async fn the_time_to_expansion_is_judged_where_the_question_is_the_definition_s() {
    let (_root, api) = project();
    let judged = "{ rows { medianDays band { label } target { value attainment } } }";
    let data = ask(
        &api,
        &format!(
            "{{ all: timeToExpansion {judged} by: timeToExpansion(groupBy: [segment]) {judged} \
               year: timeToExpansion(cohort: {{start: \"2023-01-01\", end: \"2024-01-01\"}}, groupBy: [segment]) {judged} \
               second: timeToExpansion(nth: 2) {judged} competing: timeToExpansion(competing: true) {judged} }}"
        ),
    )
    .await;
    let row = |days: i64, band: &str, target: f64, reached: f64| {
        json!({ "medianDays": days, "band": { "label": band },
                "target": { "value": target, "attainment": reached } })
    };
    assert_eq!(data["all"]["rows"], json!([row(396, "quick", 300.0, 1.32)]));
    let by = json!([row(396, "quick", 300.0, 1.32), row(486, "slow", 243.0, 2.0)]);
    assert_eq!(data["by"]["rows"], by);
    // On the last day of that cohort's year the target of SMB did not hold yet.
    assert_eq!(data["year"]["rows"][1], row(486, "slow", 300.0, 1.62));
    for other in ["second", "competing"] {
        let row = &data[other]["rows"][0];
        assert!(row["band"].is_null() && row["target"].is_null(), "{other}: {row}");
    }
    // The flat table, whose bands and targets are those of named metrics, says the same.
    let found = marks(&api, "select: [median_days_to_expansion], groupBy: [segment]").await;
    let told: Vec<_> = found.iter().map(|mark| (mark.2.clone(), mark.3, mark.4)).collect();
    let of = |label: &str, value, reached| (Some(label.to_owned()), Some(value), Some(reached));
    assert_eq!(told, [of("quick", 300.0, 1.32), of("slow", 243.0, 2.0)]);
}

#[tokio::test]
async fn marks_are_the_same_outside_graphql() {
    let (_root, api) = project();
    let marks = "marks { row metric band { label low high source standing only { dimension value } } \
                 target { value source attainment } mature }";
    let select = "select: [nrr, expansion_mrr]";
    let data =
        ask(&api, &format!("{{ metrics({select}, {YEAR}, groupBy: [segment]) {{ {marks} }} }}"))
            .await;
    let parameters = [
        ("select", "nrr,expansion_mrr"),
        ("start", "2024-01-01"),
        ("end", "2025-01-01"),
        ("groupBy", "segment"),
    ];
    let parameters = parameters.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let caller = Caller::unrestricted("test", "test");
    let export = api.export(&parameters, Format::Json, &caller).await.unwrap();
    let body: Json = serde_json::from_slice(&export.body).unwrap();
    assert_eq!(body["marks"], data["metrics"]["marks"]);
    // nrr of both segments, and the target that SMB has of its own.
    assert_eq!(body["marks"].as_array().map(Vec::len), Some(3), "{body:#}");
    assert_eq!(body["marks"][1]["band"]["only"][0]["value"], "SMB");
}
