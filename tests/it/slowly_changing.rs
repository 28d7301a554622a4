//! Tables of what was when: a bridge's own columns as dimensions of other rows as of their time, keys
//! that need no table, and what is checked of such tables. Numbers are worked out by hand or by SQL.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value as Json, json};
use tempfile::TempDir;
use upswell::graphql::Api;

use crate::support::desk::{assert_rows, csv, rows, session, sql};
use crate::support::warehouse::write_table;
use crate::support::{api_of, ask, refused};

const PROJECT: &str = "version: 1\nwarehouse: warehouse\n";

const DATASETS: &str = r"
datasets:
  - name: visits
    time: opened_at
    keys: { primary: visit_id, customer: customer_id, device: device_id }
    columns: { visit_id: text, customer_id: text, device_id: text, opened_at: timestamp, amount: decimal }
    joins:
      - { to: plans, as_of: opened_at, weight: share }
      - { to: rota, as_of: opened_at }
  - name: plans
    keys: { customer: customer_id }
    valid: [valid_from, valid_to]
    columns: { customer_id: text, plan: text, tier: int, share: { type: decimal, scale: 4 }, valid_from: timestamp, valid_to: timestamp }
    dimensions:
      - { name: plan }
      - { name: plan_tier, expr: tier }
      - { name: plan_family, roll_up: { of: plan, map: { gold: paid, silver: paid } } }
  - name: rota
    keys: { device: device_id, team: team_id }
    valid: [valid_from, valid_to]
    columns: { device_id: text, team_id: text, valid_from: timestamp, valid_to: timestamp }
  - name: teams
    entity: team
    keys: { primary: team_id }
    dimensions: [{ name: team_id, key: true }]
metrics:
  - { name: visits_made, kind: aggregate, dataset: visits, aggregate: count }
  - { name: visit_amount, kind: aggregate, dataset: visits, aggregate: sum, expr: amount }
  - { name: plan_rows, kind: aggregate, dataset: plans, aggregate: count, time: valid_from }
";

/// Customer a changes plans on 1 February, b has two at once by share, c none.
fn warehouse() -> TempDir {
    let root = TempDir::new().unwrap();
    let warehouse = root.path().join("warehouse");
    write_table(
        &warehouse,
        "plans",
        "customer_id,plan,tier,share,valid_from,valid_to\n\
         a,silver,1,1,2026-01-01T00:00:00Z,2026-02-01T00:00:00Z\n\
         a,gold,2,1,2026-02-01T00:00:00Z,\n\
         b,silver,1,0.6,2026-01-01T00:00:00Z,\n\
         b,gold,2,0.4,2026-01-01T00:00:00Z,",
    );
    write_table(
        &warehouse,
        "rota",
        "device_id,team_id,valid_from,valid_to\n\
         x,north,2026-01-01T00:00:00Z,2026-01-31T00:00:00Z\n\
         x,south,2026-02-02T00:00:00Z,\n\
         y,north,2026-01-01T00:00:00Z,\n\
         y,south,2026-01-05T00:00:00Z,",
    );
    write_table(
        &warehouse,
        "visits",
        "visit_id,customer_id,device_id,opened_at,amount\n\
         v1,a,x,2026-01-10T00:00:00Z,10.00\n\
         v2,b,y,2026-01-15T00:00:00Z,0.05\n\
         v3,c,z,2026-01-20T00:00:00Z,1.00\n\
         v4,a,x,2026-02-10T00:00:00Z,20.00",
    );
    root
}

fn open(root: &Path) -> Api {
    api_of(root, &[("upswell.yml", PROJECT), ("datasets/d.yml", DATASETS)])
}

const BOTH: &str =
    r#"period: {start: "2026-01-01", end: "2026-03-01"}, grain: MONTH, sparse: true"#;

#[tokio::test]
async fn columns_of_a_bridge_are_dimensions_as_of_the_row_s_time() {
    let root = warehouse();
    let api = open(root.path());
    let select = "select: [visits_made, visit_amount]";
    let by_plan = rows(&api, &format!("{select}, {BOTH}, groupBy: [plan]")).await;
    // v2 is 0.6 silver and 0.4 gold: 3 and 2 cents.
    assert_rows(
        &by_plan,
        r#"[["2026-01-01", "gold", 0.400000, 0.02],
            ["2026-01-01", "silver", 1.600000, 10.03],
            ["2026-01-01", null, 1.000000, 1.00],
            ["2026-02-01", "gold", 1.000000, 20.00]]"#,
    );
    let by_family = rows(&api, &format!("{select}, {BOTH}, groupBy: [plan_family]")).await;
    assert_rows(
        &by_family,
        r#"[["2026-01-01", "paid", 2.000000, 10.05],
            ["2026-01-01", null, 1.000000, 1.00],
            ["2026-02-01", "paid", 1.000000, 20.00]]"#,
    );
    // Whole numbers stay whole numbers: they are ordered and compared as such.
    let at_least_2 =
        format!("{select}, {BOTH}, groupBy: [plan_tier], where: {{plan_tier: {{gte: 2}}}}");
    assert_rows(
        &rows(&api, &at_least_2).await,
        r#"[["2026-01-01", 2, 0.400000, 0.02], ["2026-02-01", 2, 1.000000, 20.00]]"#,
    );
    let whole = rows(&api, &format!("{select}, {BOTH}")).await;
    assert_rows(&whole, r#"[["2026-01-01", 3, 11.05], ["2026-02-01", 1, 20.00]]"#);
    // The bridge's own rows have them as they always did.
    let own = rows(&api, &format!("select: [plan_rows], {BOTH}, groupBy: [plan, plan_tier]")).await;
    assert_rows(
        &own,
        r#"[["2026-01-01", "gold", 2, 1], ["2026-01-01", "silver", 1, 2], ["2026-02-01", "gold", 2, 1]]"#,
    );
}

#[tokio::test]
async fn the_catalogue_lists_them_with_a_history_and_refuses_two_at_once() {
    let root = warehouse();
    let api = open(root.path());
    let data = ask(
        &api,
        "{ catalog { dimensions(of: [visits_made]) { name history dataType }
           dimensionValues(dimension: plan_tier) teams: dimensionValues(dimension: team_id)
           tables { name } } }",
    )
    .await;
    let listed = data["catalog"]["dimensions"].as_array().unwrap();
    for (name, data_type) in [("plan", "string"), ("plan_tier", "int"), ("plan_family", "string")] {
        let wanted = json!({"name": name, "history": true, "dataType": data_type});
        assert!(listed.contains(&wanted), "{wanted} is not in {listed:?}");
    }
    assert_eq!(data["catalog"]["dimensionValues"], json!([1, 2]));
    // The teams have no table: they are where the rota has them.
    assert_eq!(data["catalog"]["teams"], json!(["north", "south"]));
    let tables = data["catalog"]["tables"].to_string();
    assert!(tables.contains("\"rota\"") && !tables.contains("\"teams\""), "{tables}");
    let document = format!(
        "{{ metrics(select: [visits_made], {BOTH}, groupBy: [plan, team_id]) {{ rows }} }}"
    );
    let (code, message) = refused(&api, &document).await;
    assert_eq!(code, "INCOMPATIBLE_DIMENSION");
    assert!(message.contains("`plan` and `team_id`") && message.contains("visits"), "{message}");
}

/// Rows of the bridge that have a key are things of their own: everything of them at once.
#[tokio::test]
async fn rows_of_a_bridge_with_a_key_are_described_by_all_their_columns() {
    let root = warehouse();
    let api = open(root.path());
    let both = format!("select: [visits_made, visit_amount], {BOTH}, groupBy: [plan, plan_tier]");
    let (code, message) = refused(&api, &format!("{{ metrics({both}) {{ rows }} }}")).await;
    assert_eq!(code, "INCOMPATIBLE_DIMENSION");
    assert!(message.contains("give the rows of `plans` an `entity`"), "{message}");
    write_table(
        &root.path().join("warehouse"),
        "plans",
        "plan_row,customer_id,plan,tier,share,valid_from,valid_to\n\
         1,a,silver,1,1,2026-01-01T00:00:00Z,2026-02-01T00:00:00Z\n\
         2,a,gold,2,1,2026-02-01T00:00:00Z,\n\
         3,b,silver,5,0.6,2026-01-01T00:00:00Z,\n\
         4,b,gold,2,0.4,2026-01-01T00:00:00Z,",
    );
    let keyed = DATASETS
        .replacen(
            "    keys: { customer: customer_id }\n",
            "    entity: plan_row\n    keys: { primary: plan_row, customer: customer_id }\n",
            1,
        )
        .replacen(
            "columns: { customer_id: text, plan",
            "columns: { plan_row: text, customer_id: text, plan",
            1,
        );
    assert_ne!(keyed, DATASETS);
    let api = api_of(root.path(), &[("upswell.yml", PROJECT), ("datasets/d.yml", &keyed)]);
    assert_rows(
        &rows(&api, &both).await,
        r#"[["2026-01-01", "gold", 2, 0.400000, 0.02],
            ["2026-01-01", "silver", 1, 1.000000, 10.00],
            ["2026-01-01", "silver", 5, 0.600000, 0.03],
            ["2026-01-01", null, null, 1.000000, 1.00],
            ["2026-02-01", "gold", 2, 1.000000, 20.00]]"#,
    );
}

#[tokio::test]
async fn notes_name_the_bridge_and_its_columns() {
    let root = warehouse();
    let api = open(root.path());
    let document = format!(
        "{{ metrics(select: [visits_made], {BOTH}, groupBy: [team_id]) {{ rows provenance {{ notes }} }} }}"
    );
    let data = ask(&api, &document).await["metrics"].clone();
    assert_eq!(
        data["provenance"]["notes"],
        json!([
            "1 device(s) had several `team_id` at once in `rota` without a share for each; those \
             without one split equally what the others leave"
        ])
    );
    let found: Vec<Json> = data["rows"].as_array().unwrap().clone();
    assert_eq!(found.len(), 4, "{found:?}");
}

/// Many rows, none of them at two plans: what SQL says.
#[tokio::test]
async fn many_rows_are_what_sql_says() {
    let root = TempDir::new().unwrap();
    let folder = root.path().join("warehouse");
    let mut plans = "customer_id,plan,tier,share,valid_from,valid_to".to_owned();
    let mut visits = "visit_id,customer_id,device_id,opened_at,amount".to_owned();
    for customer in 0..40u32 {
        for turn in 0..3u32 {
            let plan = ["gold", "silver", "free"][((customer + turn * 2) % 3) as usize];
            let from = 1 + turn * 8 + customer % 4;
            let to = if turn == 2 {
                String::new()
            } else {
                format!("2026-01-{:02}T06:00:00Z", from + 8)
            };
            let tier = customer % 5;
            let _ = write!(plans, "\nc{customer},{plan},{tier},1,2026-01-{from:02}T06:00:00Z,{to}");
        }
        for visit in 0..9u32 {
            let (day, hour) = (1 + (visit * 7 + customer * 3) % 28, (visit * 5 + customer) % 24);
            let cents = customer * 13 + visit;
            let _ = write!(
                visits,
                "\nv{customer}-{visit},c{customer},x,2026-01-{day:02}T{hour:02}:00:00Z,{}.{:02}",
                cents / 100,
                cents % 100
            );
        }
    }
    write_table(&folder, "plans", &plans);
    write_table(&folder, "visits", &visits);
    let api = open(root.path());
    let context = session(&folder).await;
    for (by, columns) in [("plan", "p.plan"), ("plan_tier", "p.tier")] {
        let expected = sql(
            &context,
            &format!(
                "SELECT {columns}, SUM(v.amount), COUNT(DISTINCT v.customer_id) FROM visits v LEFT JOIN plans p ON \
                 p.customer_id = v.customer_id AND p.valid_from <= v.opened_at AND (p.valid_to IS NULL OR \
                 v.opened_at < p.valid_to) GROUP BY 1 ORDER BY 1 NULLS LAST"
            ),
        )
        .await;
        let more = "metrics:\n  - { name: visitors, kind: aggregate, dataset: visits, aggregate: \
                    count_distinct, expr: customer_id }\n";
        let files =
            [("upswell.yml", PROJECT), ("datasets/d.yml", DATASETS), ("metrics/m.yml", more)];
        let with_more = api_of(root.path(), &files);
        let period = r#"period: {start: "2026-01-01", end: "2026-02-01"}"#;
        let asked = format!("select: [visit_amount, visitors], {period}, groupBy: [{by}]");
        assert_eq!(csv(&with_more, &asked).await, expected, "{by}");
        assert!(expected.lines().count() >= 4, "{expected}");
    }
    let all =
        rows(&api, r#"select: [visits_made], period: {start: "2026-01-01", end: "2026-02-01"}"#);
    assert_rows(&all.await, "[[360]]");
}

fn units(number: &Json, scale: usize) -> i128 {
    let text = number.to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    format!("{whole}{fraction:0<scale$}").parse().unwrap()
}

/// Whatever overlaps, lapses and lacks shares: the parts of each row add up to the row.
#[tokio::test]
async fn parts_add_up_whatever_the_table_says() {
    let mut seed = 7u64;
    let mut draw = |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    for _ in 0..3 {
        let root = TempDir::new().unwrap();
        let folder = root.path().join("warehouse");
        let mut plans = "customer_id,plan,tier,share,valid_from,valid_to".to_owned();
        let mut visits = "visit_id,customer_id,device_id,opened_at,amount".to_owned();
        for row in 0..150 {
            let (from, days) = (1 + draw(28), draw(20));
            let to = if days < 5 { String::new() } else { format!("2026-02-{days:02}T00:00:00Z") };
            let plan = ["gold", "silver", "free", ""][usize::try_from(draw(4)).unwrap()];
            let share = ["", "0.3", "0.7", "1", "0"][usize::try_from(draw(5)).unwrap()];
            let _ = write!(
                plans,
                "\nc{},{plan},{},{share},2026-01-{from:02}T00:00:00Z,{to}",
                draw(20),
                draw(3)
            );
            let _ = write!(
                visits,
                "\nv{row},c{},x,2026-0{}-{:02}T00:00:00Z,{}.{:02}",
                draw(22),
                1 + draw(2),
                1 + draw(28),
                draw(100),
                draw(100)
            );
        }
        write_table(&folder, "plans", &plans);
        write_table(&folder, "visits", &visits);
        let api = open(root.path());
        let asked = |by: &str| {
            format!("select: [visits_made, visit_amount], {BOTH}, groupBy: [{by}], limit: 1000")
        };
        let whole = rows(&api, &format!("select: [visits_made, visit_amount], {BOTH}")).await;
        for by in ["plan", "plan_tier", "plan_family", "plan, customer_id"] {
            let parts = rows(&api, &asked(by)).await;
            assert!(parts.len() >= 4, "{by}: {parts:?}");
            for month in &whole {
                let of_month = parts.iter().filter(|part| part[0] == month[0]);
                let sums = of_month.fold((0, 0), |(count, amount), part| {
                    let cells = part.as_array().unwrap();
                    let [.., made, fees] = cells.as_slice() else { panic!("{part}") };
                    (count + units(made, 6), amount + units(fees, 2))
                });
                assert_eq!(sums, (units(&month[1], 6), units(&month[2], 2)), "{by} {month}");
            }
        }
    }
}

/// Recurring revenue by what the customer was: movements at their time, retention at the start.
#[tokio::test]
async fn balances_are_broken_down_by_it_too() {
    let root = TempDir::new().unwrap();
    let folder = root.path().join("warehouse");
    write_table(
        &folder,
        "mrr_movements",
        "customer_id,occurred_at,movement,amount\n\
         a,2025-12-01T00:00:00Z,new,100.00\n\
         b,2025-12-01T00:00:00Z,new,50.00\n\
         a,2026-01-10T00:00:00Z,expansion,10.00\n\
         a,2026-02-10T00:00:00Z,expansion,5.00\n\
         b,2026-02-12T00:00:00Z,churn,-50.00",
    );
    write_table(
        &folder,
        "plans",
        "customer_id,plan,tier,share,valid_from,valid_to\n\
         a,silver,1,,2025-01-01T00:00:00Z,2026-02-01T00:00:00Z\n\
         a,gold,2,,2026-02-01T00:00:00Z,\n\
         b,silver,1,,2025-01-01T00:00:00Z,",
    );
    let ledger = r"
datasets:
  - name: mrr_movements
    time: occurred_at
    keys: { customer: customer_id, product: product_id }
    columns:
      customer_id: text
      product_id: { type: text, optional: true }
      occurred_at: timestamp
      movement: text
      amount: decimal
      expansion_type: { type: text, optional: true }
      offer_id: { type: text, optional: true }
    dimensions:
      - { name: expansion_type }
      - { name: expansion_family, roll_up: { of: expansion_type, map: { price: price } } }
    joins:
      - { to: csm_assignments, as_of: occurred_at, weight: share }
      - { to: plans, as_of: occurred_at, weight: share }
metrics:
  - { name: gold_expansion, kind: movement, balance: recurring_revenue, classes: [expansion], measure: amount, filter: plan = 'gold' }
";
    write_table(
        &folder,
        "csm_assignments",
        "customer_id,csm_id,share,valid_from,valid_to\n\
         a,m,,2025-01-01T00:00:00Z,2026-02-05T00:00:00Z\na,n,,2026-02-05T00:00:00Z,",
    );
    let files =
        [("upswell.yml", PROJECT), ("datasets/d.yml", DATASETS), ("datasets/l.yml", ledger)];
    let api = api_of(root.path(), &files);
    for by in ["plan", "plan_tier"] {
        let found = rows(&api, &format!("select: [expansion_mrr], {BOTH}, groupBy: [{by}]")).await;
        let (gold, silver) = if by == "plan" { ("\"gold\"", "\"silver\"") } else { ("2", "1") };
        assert_rows(
            &found,
            &format!(r#"[["2026-01-01", {silver}, 10.00], ["2026-02-01", {gold}, 5.00]]"#),
        );
    }
    // Owners are there beside it, one thing at a time.
    let by_owner = rows(&api, &format!("select: [expansion_mrr], {BOTH}, groupBy: [csm_id]")).await;
    assert_rows(&by_owner, r#"[["2026-01-01", "m", 10.00], ["2026-02-01", "n", 5.00]]"#);
    let gold = rows(&api, &format!("select: [gold_expansion], {BOTH}")).await;
    assert_rows(&gold, r#"[["2026-02-01", 5.00]]"#);
    let period = r#"period: {start: "2026-01-01", end: "2026-03-01"}"#;
    for document in [
        format!(
            "{{ metrics(select: [expansion_mrr], {period}, groupBy: [plan, csm_id]) {{ rows }} }}"
        ),
        format!("{{ metrics(select: [gold_expansion], {period}, groupBy: [csm_id]) {{ rows }} }}"),
        format!(
            "{{ nrr({period}, groupBy: [csm_id], where: {{plan: {{eq: \"gold\"}}}}) {{ rows {{ nrr }} }} }}"
        ),
    ] {
        let (code, message) = refused(&api, &document).await;
        assert_eq!(code, "INCOMPATIBLE_DIMENSION", "{message}");
        assert!(message.contains("`plan`") && message.contains("`csm_id`"), "{message}");
        assert!(message.contains("a question of its own"), "{message}");
    }
    let data = ask(
        &api,
        r#"{ nrr(period: {start: "2026-01-01", end: "2026-03-01"}, window: PERIOD, groupBy: [plan_tier],
             where: {plan_tier: {lt: 2}}) { rows { group { value } startingMrr retainedMrr nrr } } }"#,
    )
    .await;
    // Both were silver on 1 January: 150 then, 115 at the end.
    assert_eq!(
        data["nrr"]["rows"].to_string(),
        format!(
            r#"[{{"group":[{{"value":1}}],"startingMrr":150.00,"retainedMrr":115.00,"nrr":{}}}]"#,
            115.0 / 150.0
        )
    );
}

#[test]
fn every_bridge_is_checked_under_its_own_names() {
    let root = warehouse();
    fs::write(root.path().join("upswell.yml"), PROJECT).unwrap();
    fs::create_dir(root.path().join("datasets")).unwrap();
    fs::write(root.path().join("datasets/d.yml"), DATASETS).unwrap();
    write_table(
        &root.path().join("warehouse"),
        "plans",
        "customer_id,plan,tier,share,valid_from,valid_to\n\
         a,silver,1,1,2026-01-01T00:00:00Z,2026-02-01T00:00:00Z\n\
         a,gold,2,1,2026-02-03T00:00:00Z,\n\
         b,silver,1,0.6,2026-01-01T00:00:00Z,\n\
         b,gold,2,0.3,2026-01-01T00:00:00Z,",
    );
    let output = Command::new(env!("CARGO_BIN_EXE_upswell"))
        .args(["check", "-p", root.path().to_str().unwrap(), "--data", "--format", "json"])
        .output()
        .unwrap();
    let found: Json = serde_json::from_slice(&output.stdout).unwrap();
    let told: Vec<String> = found
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            format!("{} {}", one["code"].as_str().unwrap(), one["message"].as_str().unwrap())
        })
        .collect();
    // `plan` and `tier` lapse together; the teams' missing table is nothing to tell.
    assert_eq!(
        told,
        [
            "U0810 `plans`: 1 customer(s) have no `plan`, `tier` between two rows: a from 2026-02-01 to \
             2026-02-03",
            "U0812 `plans`: 1 customer(s) have `plan`, `tier` whose `share` do not sum to 1: b from \
             2026-01-01",
            "U0810 `rota`: 1 device(s) have no `team_id` between two rows: x from 2026-01-31 to \
             2026-02-02",
            "U0811 `rota`: 1 device(s) have several `team_id` at once without a share each: y from \
             2026-01-05 (2 at once)",
        ],
        "{found:#}"
    );
}
