//! Joins of own tables: owners at a row's time, attributes by keys. Numbers are worked out by hand or
//! by SQL over the same files.

use serde_json::{Value as Json, json};

use crate::support::demo::demo;
use crate::support::desk::{
    BOTH, JANUARY, PROJECT, assert_rows, csv, project, rows, session, sql, support_desk,
};
use crate::support::{api_of, ask, refused, warehouse::write_table};

#[tokio::test]
async fn rows_are_split_over_their_owners_at_the_time_and_sums_conserve() {
    let root = support_desk();
    let (api, _) = project(root.path());
    let select = "select: [tickets_opened, ticket_fees, ticket_items]";
    let january = rows(&api, &format!("{select}, {JANUARY}, groupBy: [csm_id]")).await;
    // t1 is m1's; t2 0.6 m1, 0.4 m2 (3 and 2 cents); t3 a third each, the odd unit to m1; t4 nobody's.
    assert_rows(
        &january,
        r#"[["m1", 1.933334, 10.37, 6.600000],
            ["m2", 0.733333, 0.35, 1.400000],
            ["m3", 0.333333, 0.33, 1.000000],
            [null, 1.000000, 7.00, 2.000000]]"#,
    );
    // In February a's ticket is m2's. t6: -1.01 by 0.6 and 0.4; t7 has no customer.
    let february = rows(&api, &format!("{select}, {BOTH}, groupBy: [csm_team]")).await;
    assert_rows(
        &february,
        r#"[["2026-01-01", "East", 2.266667, 10.70, 7.600000],
            ["2026-01-01", "West", 0.733333, 0.35, 1.400000],
            ["2026-01-01", null, 1.000000, 7.00, 2.000000],
            ["2026-02-01", "East", 0.600000, -0.61, 0.000000],
            ["2026-02-01", "West", 1.400000, 19.60, 4.000000],
            ["2026-02-01", null, 1.000000, 2.00, 1.000000]]"#,
    );
    let whole = rows(&api, &format!("{select}, {BOTH}")).await;
    assert_rows(&whole, r#"[["2026-01-01", 4, 18.05, 11], ["2026-02-01", 3, 20.99, 5]]"#);
}

#[tokio::test]
async fn a_filter_by_owner_keeps_the_owner_s_part() {
    let root = support_desk();
    let (api, _) = project(root.path());
    for (filter, expected) in [
        (r#"{csm_id: {eq: "m1"}}"#, r#"[["SMB", 1.600000, 10.03], ["Large", 0.333334, 0.34]]"#),
        (r#"{csm_name: {eq: "Bob"}}"#, r#"[["SMB", 0.400000, 0.02], ["Large", 0.333333, 0.33]]"#),
        ("{csm_id: {isNull: true}}", "[[null, 1.000000, 7.00]]"),
        (
            r#"{not: {csm_team: {eq: "East"}}}"#,
            r#"[["SMB", 0.400000, 0.02], ["Large", 0.333333, 0.33], [null, 1.000000, 7.00]]"#,
        ),
        (
            r#"{or: [{csm_id: {eq: "m3"}}, {segment: {isNull: true}}]}"#,
            r#"[["Large", 0.333333, 0.33], [null, 1.000000, 7.00]]"#,
        ),
    ] {
        let found = rows(
            &api,
            &format!(
                "select: [tickets_opened, ticket_fees], {JANUARY}, groupBy: [segment], where: {filter}, \
                 orderBy: [{{by: \"segment\", descending: true, nulls: LAST}}]"
            ),
        )
        .await;
        assert_rows(&found, expected);
    }
}

#[tokio::test]
async fn what_does_not_add_up_sees_a_row_once_for_each_owner() {
    let root = support_desk();
    let (api, _) = project(root.path());
    let found = rows(
        &api,
        &format!("select: [ticket_customers, largest_fee, average_fee, fee_per_ticket], {JANUARY}, groupBy: [csm_id]"),
    )
    .await;
    // The average is what the owner's parts of fees and tickets give: 10.37 / 1.933334.
    let average = |cents: f64, millionths: f64| json!(cents * 10_000.0 / millionths);
    let expected = json!([
        ["m1", 3, 10.00, average(1037.0, 1_933_334.0), average(1037.0, 1_933_334.0)],
        ["m2", 2, 1.00, average(35.0, 733_333.0), average(35.0, 733_333.0)],
        ["m3", 1, 1.00, average(33.0, 333_333.0), average(33.0, 333_333.0)],
        [null, 1, 7.00, 7.0, 7.0],
    ]);
    for (found, expected) in found.iter().zip(expected.as_array().unwrap()) {
        for (cell, wanted) in found.as_array().unwrap().iter().zip(expected.as_array().unwrap()) {
            assert_eq!(cell.as_f64(), wanted.as_f64(), "{found} {expected}");
        }
    }
    assert_eq!(found.len(), 4);
    let (code, message) = refused(
        &api,
        &format!("{{ metrics(select: [median_fee], {JANUARY}, groupBy: [csm_id]) {{ rows }} }}"),
    )
    .await;
    assert_eq!(code, "INCOMPATIBLE_DIMENSION");
    for part in
        ["`median_fee`", "`csm_id`", "a median takes rows whole", "`average_fee`", "device_model"]
    {
        assert!(message.contains(part), "{part} is not in {message}");
    }
    // A metric that is computed from it says which part cannot.
    let (_, message) = refused(
        &api,
        &format!(
            "{{ metrics(select: [median_per_ticket], {JANUARY}, groupBy: [csm_id]) {{ rows }} }}"
        ),
    )
    .await;
    assert!(message.contains("computed from `median_fee`, which cannot"), "{message}");
}

#[tokio::test]
async fn conversions_are_split_too() {
    let root = support_desk();
    let (api, _) = project(root.path());
    let found = rows(&api, &format!("select: [reopened], {JANUARY}, groupBy: [csm_id]")).await;
    // P1 of a on 10 January: P2 after 31 days, too late. P1 of b on 15 January: P2 on 3 February.
    // m1 holds a and 0.6 of b.
    assert_rows(&found, r#"[["m1", 0.375], ["m2", 1.0]]"#);
}

#[tokio::test]
async fn odd_shares_are_noted_and_the_bridge_is_part_of_the_snapshot() {
    let root = support_desk();
    let (api, _) = project(root.path());
    let document = |by: &str| {
        format!(
            "{{ metrics(select: [tickets_opened], {JANUARY}, groupBy: [{by}]) {{ provenance {{ notes snapshot }} }} }}"
        )
    };
    let by_owner = ask(&api, &document("csm_id")).await;
    let notes = by_owner["metrics"]["provenance"]["notes"].to_string();
    assert!(
        notes.contains(
            "1 customer(s) had several `csm_id` at once in `csm_assignments` without a `share`"
        ),
        "{notes}"
    );
    let by_device = ask(&api, &document("device_id")).await;
    assert_eq!(by_device["metrics"]["provenance"]["notes"], json!([]));
    let by_model = ask(&api, &document("device_model")).await;
    let snapshot = |data: &Json| data["metrics"]["provenance"]["snapshot"].to_string();
    let all = [&by_owner, &by_device, &by_model].map(snapshot);
    assert!(all[0] != all[1] && all[1] != all[2] && all[0] != all[2], "{all:?}");
    // As of mid-January only t1 and t2 have happened.
    let early = rows(
        &api,
        &format!("select: [tickets_opened], {BOTH}, groupBy: [csm_id], asOf: \"2026-01-16\""),
    )
    .await;
    assert_rows(
        &early,
        r#"[["2026-01-01", "m1", 1.600000], ["2026-01-01", "m2", 0.400000],
            ["2026-02-01", "m1", 0.000000], ["2026-02-01", "m2", 0.000000]]"#,
    );
}

#[tokio::test]
async fn own_aggregates_over_the_ledger_are_credited_like_the_canonical_ones() {
    let root = demo(300, 18, 7);
    let own = "metrics:\n  - name: own_expansion\n    kind: aggregate\n    dataset: mrr_movements\n    \
               aggregate: sum\n    expr: amount\n    filter: movement = 'expansion'\n";
    let api = api_of(root.path(), &[("upswell.yml", PROJECT), ("metrics/own.yml", own)]);
    for by in ["csm_id", "csm_team, segment", "csm_name, expansion_type, product_family"] {
        let found = rows(
            &api,
            &format!(
                "select: [own_expansion, expansion_mrr, credited_mrr], groupBy: [{by}], grain: MONTH, \
                 period: {{start: \"2023-01-01\", end: \"2024-07-01\"}}, limit: 100000"
            ),
        )
        .await;
        assert!(found.len() > 100, "{by}: {}", found.len());
        let mut filled = 0;
        for row in &found {
            let numbers: Vec<Option<f64>> =
                row.as_array().unwrap().iter().rev().take(3).map(Json::as_f64).collect();
            assert!(numbers.iter().all(|number| *number == numbers[0]), "{by}: {row}");
            filled += usize::from(numbers[0] != Some(0.0));
        }
        assert!(filled > 50, "{by}: {filled}");
    }
}

#[tokio::test]
async fn attributes_come_by_key_and_never_multiply_rows() {
    let root = support_desk();
    let (api, _) = project(root.path());
    let context = session(&root.path().join("warehouse")).await;
    let measures = "COUNT(*), SUM(t.amount), COUNT(DISTINCT t.customer_id)";
    let select = "select: [tickets_opened, ticket_fees, ticket_customers]";
    for (by, columns) in [
        ("device_model", "d.model"),
        ("device_id", "t.device_id"),
        ("segment, device_model", "c.segment, d.model"),
        ("ticket_priority", "t.priority"),
        ("ticket_urgency", "CASE WHEN t.priority IN ('P1', 'P2') THEN 'urgent' END"),
        ("device_line, segment", "CASE WHEN d.model IN ('A1', 'A2') THEN 'desk' END, c.segment"),
        ("customer_name, ticket_priority", "c.name, t.priority"),
    ] {
        let places: Vec<String> =
            (1..=columns.replace(", 'P2'", "").replace(", 'A2'", "").split(", ").count())
                .map(|place| format!("{place} NULLS LAST"))
                .collect();
        let expected = sql(
            &context,
            &format!(
                "SELECT {columns}, {measures} FROM tickets t LEFT JOIN devices d ON d.device_id = t.device_id \
                 LEFT JOIN customers c ON c.customer_id = t.customer_id GROUP BY {columns} ORDER BY {}",
                places.join(", ")
            ),
        )
        .await;
        let period = r#"period: {start: "2026-01-01", end: "2026-03-01"}"#;
        let found = csv(&api, &format!("{select}, {period}, groupBy: [{by}]")).await;
        assert_eq!(found, expected, "{by}");
    }
    write_table(&root.path().join("warehouse"), "devices", "device_id,model\nx,A1\nx,A2");
    let (api, _) = project(root.path());
    let document = format!(
        "{{ metrics(select: [tickets_opened], {JANUARY}, groupBy: [device_model]) {{ rows }} }}"
    );
    let (code, message) = refused(&api, &document).await;
    assert_eq!(code, "BAD_DATA");
    assert!(message.contains("devices") && message.contains("unique"), "{message}");
}
