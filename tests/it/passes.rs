//! Passes over rows: filters that share one, windows that overlap, the SQL that the catalogue shows.
//! Numbers are worked out by hand or by SQL over the same files.

use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::support::desk::{
    BOTH, JANUARY, METRICS, PROJECT, TICKETS, assert_rows, csv, project, rows, session, sql,
    support_desk,
};
use crate::support::warehouse::{write_case, write_table};
use crate::support::{api_of, ask, execute};

#[tokio::test]
async fn the_catalogue_s_sql_of_an_aggregate_gives_its_numbers() {
    let root = support_desk();
    let (api, _) = project(root.path());
    let context = session(&root.path().join("warehouse")).await;
    for name in
        ["tickets_opened", "urgent_tickets", "ticket_fees", "ticket_customers", "largest_fee"]
    {
        let document = format!("{{ catalog {{ metric(name: {name}) {{ sql }} }} }}");
        let statement = ask(&api, &document).await["catalog"]["metric"]["sql"].clone();
        let by_hand = sql(&context, statement.as_str().unwrap()).await;
        let found = csv(&api, &format!("select: [{name}], {BOTH}")).await;
        let values = |text: &str| -> Vec<String> {
            text.lines().map(|line| line.rsplit(',').next().unwrap().to_owned()).collect()
        };
        assert_eq!(values(&by_hand), values(&found), "{statement}");
        assert_eq!(values(&found).len(), 2);
    }
}

/// The days of a conversion are the zone's: at 23:30 UTC it is the next day in Berlin.
const NIGHT: &str = "\
metrics:
  - name: next_day
    kind: conversion
    entity: customer
    base: { dataset: tickets }
    conversion: { dataset: mrr_movements, filter: movement = 'expansion' }
    within_days: 1
";

#[tokio::test]
async fn the_catalogue_s_sql_of_a_conversion_gives_its_numbers() {
    let root = support_desk();
    let warehouse = root.path().join("warehouse");
    write_table(
        &warehouse,
        "mrr_movements",
        "customer_id,occurred_at,movement,amount\n\
         a,2026-01-11T22:30:00Z,expansion,1.00\n\
         b,2026-01-16T23:30:00Z,expansion,1.00\n\
         c,2026-01-20T00:00:00Z,expansion,1.00\n\
         c,2026-01-20T00:00:00Z,expansion,2.00\n\
         a,2026-02-09T00:00:00Z,expansion,1.00\n\
         b,2026-03-31T00:00:00Z,new,1.00",
    );
    let context = session(&warehouse).await;
    for (zone, expected) in [("UTC", &[0.75, 0.0]), ("Europe/Berlin", &[0.5, 0.0])] {
        let project = format!("{PROJECT}time_zone: {zone}\n");
        let metrics = format!("{METRICS}{}", NIGHT.trim_start_matches("metrics:\n"));
        let files = [
            ("upswell.yml", project.as_str()),
            ("datasets/d.yml", TICKETS),
            ("metrics/m.yml", metrics.as_str()),
        ];
        let api = api_of(root.path(), &files);
        // No P1 ticket of February has a customer: no number, and no row of the SQL.
        for (name, expected) in [("next_day", &expected[..]), ("reopened", &[0.5])] {
            let document = format!("{{ catalog {{ metric(name: {name}) {{ sql }} }} }}");
            let statement = ask(&api, &document).await["catalog"]["metric"]["sql"].clone();
            let by_sql = sql(&context, statement.as_str().unwrap()).await;
            let values = |text: &str| -> Vec<f64> {
                let last = |line: &str| line.rsplit(',').next().unwrap().parse().ok();
                text.lines().filter_map(last).collect()
            };
            let found = csv(&api, &format!("select: [{name}], {BOTH}")).await;
            assert_eq!(values(&found), expected, "{zone} {name}");
            assert_eq!(values(&by_sql), expected, "{zone} {statement}");
        }
    }
}

#[tokio::test]
async fn base_events_that_may_be_converted_yet_are_noted() {
    let root = support_desk();
    let (api, _) = project(root.path());
    // The newest ticket is of 10 February: of P1 tickets in January those of 15 January (b, who is
    // converted) and 10 January (a, whose 30 days are over) are settled; that of 4 February has no
    // customer. Asked as of 5 February, 10 January has had 26 days.
    let notes = |more: &str| {
        format!("{{ metrics(select: [reopened], {BOTH}{more}) {{ rows provenance {{ notes }} }} }}")
    };
    let now = ask(&api, &notes("")).await["metrics"].clone();
    assert!(!now["provenance"]["notes"].to_string().contains("not converted"), "{now}");
    let then = ask(&api, &notes(", asOf: \"2026-02-05\"")).await["metrics"].clone();
    assert_eq!(
        then["provenance"]["notes"][0],
        "1 of 2 event(s) of tickets had less than 30 day(s) for a conversion, for tickets is known until \
         2026-02-05, and none yet: they count as not converted."
    );
    // Split over owners it is the same event.
    let split =
        ask(&api, &notes(", asOf: \"2026-02-05\", groupBy: [csm_id]")).await["metrics"].clone();
    assert!(split["provenance"]["notes"].to_string().contains("1 of 2 event(s)"), "{split}");
    // On the day after the last of the 30 everything is settled.
    let day = ask(&api, &notes(", asOf: \"2026-02-10\"")).await["metrics"].clone();
    assert!(!day["provenance"]["notes"].to_string().contains("not converted"), "{day}");
    let before = ask(&api, &notes(", asOf: \"2026-02-09\"")).await["metrics"].clone();
    assert!(before["provenance"]["notes"].to_string().contains("1 of 2 event(s)"), "{before}");
}

/// A row whose days to be converted are not over is marked, as `attachRate` marks its rows: the period's
/// end and 30 days by the end of observation.
#[tokio::test]
async fn values_that_may_rise_yet_are_marked() {
    let root = support_desk();
    let (api, _) = project(root.path());
    let marks = async |as_of: &str| {
        let document = format!(
            "{{ metrics(select: [tickets_opened, reopened], {BOTH}, asOf: \"{as_of}\") \
             {{ rows marks {{ row metric mature band {{ label }} }} }} }}"
        );
        ask(&api, &document).await["metrics"]["marks"].clone()
    };
    // February has no base event with a customer, so no value that could rise.
    let january = json!([{"row": 0, "metric": "reopened", "mature": false, "band": null}]);
    assert_eq!(marks("2026-03-02").await, january);
    assert_eq!(marks("2026-03-03").await, json!([]));
}

/// Attach rates and what is computed from them say in the flat table what their typed field says.
#[tokio::test]
async fn attach_rates_are_mature_alike_in_both_fields() {
    let root = TempDir::new().unwrap();
    write_case(&root.path().join("warehouse"), "attach");
    let attach = |name: &str, basis: &str| {
        format!(
            "  - {{ name: {name}, kind: attach, orders: {{ dataset: order_lines, order: order_id }}, \
             products: products, base: kind = 'core', attached: kind = 'add_on', basis: {basis}, \
             within_days: 30 }}\n"
        )
    };
    let metrics = format!(
        "metrics:\n{}{}{}  - {{ name: doubled, kind: derived, expr: 2 * by_days }}\n",
        attach("by_order", "order"),
        attach("by_customer", "customer"),
        attach("by_days", "within_days")
    );
    let api = api_of(root.path(), &[("upswell.yml", PROJECT), ("metrics/m.yml", &metrics)]);
    let mut seen = std::collections::BTreeSet::new();
    for as_of in ["2024-01-20", "2024-02-15", "2024-03-01", "2024-03-02", "2024-04-01"] {
        let period = r#"period: {start: "2024-01-01", end: "2024-02-01"}, grain: MONTH"#;
        let attach = |basis: &str| {
            format!("attachRate(basis: {basis}, withinDays: 30, {period}, asOf: \"{as_of}\")")
        };
        let rows = "{ rows { attached rate mature } }";
        let document = format!(
            "{{ by_order: {} {rows} by_customer: {} {rows} by_days: {} {rows} \
             metrics(select: [by_order, by_customer, by_days, doubled], {period}, asOf: \"{as_of}\") \
             {{ rows marks {{ metric mature }} }} }}",
            attach("ORDER"),
            attach("CUSTOMER"),
            attach("WITHIN_DAYS")
        );
        let data = ask(&api, &document).await;
        for (name, field) in [
            ("by_order", "by_order"),
            ("by_customer", "by_customer"),
            ("by_days", "by_days"),
            ("doubled", "by_days"),
        ] {
            let any = data[field]["rows"].as_array().unwrap().last().unwrap().clone();
            let marks = data["metrics"]["marks"].as_array().unwrap().iter();
            let is_marked = |mark: &Json| mark["metric"] == name && mark["mature"] == false;
            let marked = marks.into_iter().any(is_marked);
            let may_rise = any["mature"] == false && !any["rate"].is_null();
            assert_eq!(marked, may_rise, "{name} as of {as_of}: {data:#}");
            seen.insert((name, marked));
        }
    }
    // Each but the customer's basis was both.
    assert_eq!(seen.len(), 7, "{seen:?}");
}

#[tokio::test]
async fn filters_of_metrics_count_what_is_true_whatever_is_null() {
    let root = support_desk();
    let (api, _) = project(root.path());
    let found = rows(&api, &format!("select: [urgent_tickets, tickets_opened], {BOTH}")).await;
    assert_rows(&found, r#"[["2026-01-01", 2, 4], ["2026-02-01", 1, 3]]"#);
    let alone = rows(&api, &format!("select: [urgent_tickets], {BOTH}, groupBy: [csm_id]")).await;
    assert_rows(
        &alone,
        r#"[["2026-01-01", "m1", 1.600000], ["2026-01-01", "m2", 0.400000],
            ["2026-01-01", null, 0.000000], ["2026-02-01", "m1", 0.000000],
            ["2026-02-01", "m2", 0.000000], ["2026-02-01", null, 1.000000]]"#,
    );
}

#[tokio::test]
async fn cumulative_windows_are_what_sql_says_of_each() {
    let root = support_desk();
    let (api, catalog) = project(root.path());
    let context = session(&root.path().join("warehouse")).await;
    let (mut weeks, mut expected) = (vec!["2026-01-05".to_owned()], String::new());
    for days in ["12", "19", "26"] {
        weeks.push(format!("2026-01-{days}"));
    }
    for day in ["2026-02-02", "2026-02-09", "2026-02-16"] {
        weeks.push(day.to_owned());
    }
    for pair in weeks.windows(2) {
        let (start, end) = (&pair[0], &pair[1]);
        let of = |what: &str, from: &str| {
            format!(
                "(SELECT {what} FROM tickets WHERE opened_at < TIMESTAMP '{end}' AND opened_at >= {from})"
            )
        };
        let text = format!(
            "SELECT '{start}', {} AS a, {} AS b, {} AS c, {} AS d, {} AS e",
            of("COALESCE(SUM(amount), 0)", "TIMESTAMP '1900-01-01'"),
            of("COALESCE(SUM(amount), 0)", &format!("TIMESTAMP '{end}' - INTERVAL '21 days'")),
            of("MAX(amount)", "TIMESTAMP '2026-01-01'"),
            of(
                "CAST(SUM(100 * amount) AS DOUBLE) / (100 * COUNT(amount))",
                &format!("TIMESTAMP '{end}' - INTERVAL '2 months'")
            ),
            of("COUNT(DISTINCT customer_id)", "TIMESTAMP '1900-01-01'"),
        );
        expected.push_str(&sql(&context, &text).await);
    }
    let select = "select: [fees_so_far, fees_three_weeks, largest_so_far, average_two_months, customers_so_far]";
    let period = r#"period: {start: "2026-01-05", end: "2026-02-16"}, grain: WEEK"#;
    let numbers = |text: &str| -> Vec<Vec<Option<f64>>> {
        let line = |line: &str| line.split(',').skip(1).map(|cell| cell.parse().ok()).collect();
        text.lines().map(line).collect()
    };
    let found = csv(&api, &format!("{select}, {period}")).await;
    assert_eq!(numbers(&found), numbers(&expected), "{found}\n{expected}");
    assert_eq!(numbers(&found).len(), 6);
    // However many windows: one pass over the rows.
    let reads = |before: u64| catalog.read_count().requests - before;
    let before = catalog.read_count().requests;
    rows(&api, &format!("select: [fees_so_far], {JANUARY}")).await;
    let once = reads(before);
    let before = catalog.read_count().requests;
    rows(&api, &format!("select: [fees_so_far], {period}")).await;
    assert_eq!(reads(before), once);
    assert!(once > 0);
}

#[tokio::test]
async fn filters_of_several_fields_share_one_pass() {
    let root = support_desk();
    let (api, catalog) = project(root.path());
    let field = |alias: &str, select: &str, filter: &str| {
        format!(
            "{alias}: metrics(select: [{select}], {BOTH}, groupBy: [device_model]{filter}) {{ rows }}\n"
        )
    };
    let parts = [
        field("a", "tickets_opened, urgent_tickets", ""),
        field("b", "tickets_opened", r#", where: {segment: {eq: "SMB"}}"#),
        field("c", "ticket_fees, largest_fee", r#", where: {customer_name: {ne: "A"}}"#),
        field("d", "ticket_customers", r#", where: {segment: {eq: "nobody"}}"#),
    ];
    // Each by itself first: footers, attributes and the table's reach are known from then on.
    let mut alone = Vec::new();
    for part in &parts {
        alone.push(ask(&api, &format!("{{ {part} }}")).await);
    }
    let before = catalog.read_count().requests;
    ask(&api, &format!("{{ {} }}", parts[1])).await;
    let one = catalog.read_count().requests - before;
    let before = catalog.read_count().requests;
    let together = ask(&api, &format!("{{ {} }}", parts.concat())).await;
    // Segment and name are columns of one table: as many reads as the widest of the fields.
    assert_eq!(catalog.read_count().requests - before, one);
    for (alias, alone) in ["a", "b", "c", "d"].into_iter().zip(&alone) {
        assert_eq!(together[alias].to_string(), alone[alias].to_string(), "{alias}");
    }
    assert_eq!(together["d"]["rows"], json!([]));
}

#[tokio::test]
async fn a_failing_measure_of_a_shared_pass_leaves_the_others_standing() {
    let root = support_desk();
    let metrics = format!(
        "{METRICS}  - {{ name: broken, kind: aggregate, dataset: tickets, aggregate: sum, expr: cast(priority as int) }}\n"
    );
    let files = [
        ("upswell.yml", PROJECT),
        ("datasets/support.yml", TICKETS),
        ("metrics/support.yml", metrics.as_str()),
    ];
    let api = api_of(root.path(), &files);
    let document = format!(
        "{{ good: metrics(select: [tickets_opened], {JANUARY}) {{ rows }} \
            bad: metrics(select: [broken], {JANUARY}) {{ rows }} }}"
    );
    let response = execute(&api, &document).await;
    assert_eq!(response["data"]["good"]["rows"], json!([{ "tickets_opened": 4 }]));
    assert!(response["data"]["bad"].is_null());
    assert_eq!(response["errors"].as_array().unwrap().len(), 1);
    assert_eq!(response["errors"][0]["extensions"]["code"], "BAD_DATA");
}
