//! Bad input: each is a clear error with a closed code that names the subject and what to do, and
//! leaves everything else answering.

use std::fs;
use std::path::Path;

use serde_json::{Value as Json, json};
use tempfile::TempDir;
use upswell::graphql::{Api, Caller, Format, GraphqlRequest};

use crate::support::{
    api, api_of, ask, execute, refused,
    warehouse::{write_case, write_table},
};

const FEBRUARY: &str = r#"period: {start: "2024-02-01", end: "2024-03-01"}"#;

fn eight_customers(settings: &str) -> (TempDir, Api) {
    let root = TempDir::new().unwrap();
    write_case(&root.path().join("warehouse"), "eight-customers");
    let api = api(root.path(), settings);
    (root, api)
}

/// The error of a document: its code, and that the message says all of `says` and nothing of ours.
async fn assert_refused(api: &Api, root: &Path, document: &str, code: &str, says: &[&str]) {
    let (found, message) = refused(api, document).await;
    assert_eq!(found, code, "{document}: {message}");
    for word in says {
        assert!(message.contains(word), "{document}: `{word}` is not in: {message}");
    }
    for inner in ["DataFusion", "ArrowError", "object_store", "panicked", &root.to_string_lossy()] {
        assert!(!message.contains(inner), "{document}: {message}");
    }
}

#[tokio::test]
async fn names_that_do_not_exist_get_the_nearest_one() {
    let (root, api) = eight_customers("");
    for (document, code, says) in [
        (
            format!("{{ metrics(select: [nrrr], {FEBRUARY}) {{ rows }} }}"),
            "UNKNOWN_METRIC",
            &["nrrr", "`nrr`"][..],
        ),
        (
            format!("{{ nrr({FEBRUARY}, groupBy: [segmnt]) {{ rows {{ nrr }} }} }}"),
            "UNKNOWN_DIMENSION",
            &["segmnt", "`segment`"],
        ),
        (
            format!("{{ nrr({FEBRUARY}, groupBy: [product_id]) {{ rows {{ nrr }} }} }}"),
            "INCOMPATIBLE_DIMENSION",
            &["product_id", "CUSTOMER_PRODUCT"],
        ),
        (
            format!(
                "{{ metrics(select: [attach_rate], {FEBRUARY}, groupBy: [csm_id]) {{ rows }} }}"
            ),
            "INCOMPATIBLE_DIMENSION",
            &["attach_rate", "csm_id", "segment"],
        ),
        (
            format!(
                "{{ metrics(select: [mrr], {FEBRUARY}, having: {{mrrr: {{gt: 1}}}}) {{ rows }} }}"
            ),
            "UNKNOWN_METRIC",
            &["having", "mrrr", "`mrr`"],
        ),
        (
            format!(
                "{{ metrics(select: [mrr], {FEBRUARY}, orderBy: [{{by: \"mrrr__previous_year\"}}]) {{ rows }} }}"
            ),
            "UNKNOWN_METRIC",
            &["orderBy", "mrrr", "`mrr`"],
        ),
        (
            format!(
                "{{ metrics(select: [mrr], {FEBRUARY}, orderBy: [{{by: \"segmnt\"}}]) {{ rows }} }}"
            ),
            "UNKNOWN_DIMENSION",
            &["orderBy", "segmnt", "`segment`"],
        ),
        (
            format!("{{ metrics(select: [mrr], {FEBRUARY}) {{ records {{ segmnt }} }} }}"),
            "UNKNOWN_DIMENSION",
            &["segmnt", "`segment`"],
        ),
        (
            format!(
                "{{ metrics(select: [mrr], {FEBRUARY}, having: {{segment: {{eq: \"x\"}}}}) {{ rows }} }}"
            ),
            "BAD_REQUEST",
            &["having", "segment", "`where`"],
        ),
        (
            "{ catalog { metric(name: nrrr) { name } } }".to_owned(),
            "UNKNOWN_METRIC",
            &["nrrr", "`nrr`"],
        ),
        (
            "{ catalog { dimensionValues(dimension: segmnt) } }".to_owned(),
            "UNKNOWN_DIMENSION",
            &["segmnt", "`segment`"],
        ),
        (
            format!(
                "{{ metrics(select: [mrr], {FEBRUARY}, orderBy: [{{by: \"arr\"}}]) {{ rows }} }}"
            ),
            "BAD_REQUEST",
            &["arr", "no column"],
        ),
    ] {
        assert_refused(&api, root.path(), &document, code, says).await;
    }
}

/// The code and message with which the export refuses its parameters.
async fn export_refuses(api: &Api, parameters: &[(&str, &str)]) -> (String, String) {
    let parameters: Vec<(String, String)> =
        parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let caller = Caller::unrestricted("test", "test");
    let error = api.export(&parameters, Format::Csv, &caller).await.unwrap_err();
    (error.code.as_str().to_owned(), error.message)
}

#[tokio::test]
async fn parameters_of_exports_are_named_like_arguments() {
    let (_root, api) = eight_customers("");
    let month = [("start", "2024-02-01"), ("end", "2024-03-01")];
    for (parameters, code, says) in [
        (&[("select", "nrrr")][..], "UNKNOWN_METRIC", "`nrr`?"),
        (&[("select", "mrr"), ("groupBy", "segmnt")], "UNKNOWN_DIMENSION", "`segment`?"),
        (
            &[("select", "mrr"), ("where", r#"{"segmnt": {"eq": "x"}}"#)],
            "UNKNOWN_DIMENSION",
            "`segment`?",
        ),
        (&[("select", "mrr"), ("orderBy", "-mrrr")], "UNKNOWN_METRIC", "`mrr`?"),
        (&[("select", "mrr"), ("having", r#"{"mrrr": {"gt": 1}}"#)], "UNKNOWN_METRIC", "`mrr`?"),
        (&[("select", "nrr"), ("groupBy", "product_id")], "INCOMPATIBLE_DIMENSION", "product_id"),
        (&[("select", "mrr"), ("grain", "MONTHS")], "BAD_REQUEST", "`MONTH`?"),
        (&[("select", "mrr"), ("start", "2024-01-01")], "BAD_REQUEST", "`start` is given twice"),
        (&[("select", "mrr"), ("selekt", "x")], "BAD_REQUEST", "`select`?"),
    ] {
        let all = [&month, parameters].concat();
        let (found, message) = export_refuses(&api, &all).await;
        assert_eq!(found, code, "{parameters:?}: {message}");
        assert!(message.contains(says), "{parameters:?}: {message}");
    }
}

#[tokio::test]
async fn unknown_types_and_milestones_get_the_nearest_one() {
    let root = TempDir::new().unwrap();
    write_case(&root.path().join("warehouse"), "time-to-expansion");
    write_table(&root.path().join("warehouse"), "milestones", MILESTONES);
    let api = api(root.path(), "");
    let milestone =
        "{ timeToExpansion(origin: MILESTONE, milestone: \"first_sucess\") { rows { subjects } } }";
    assert_refused(
        &api,
        root.path(),
        milestone,
        "UNKNOWN_VALUE",
        &["first_sucess", "`first_success`"],
    )
    .await;
    let types = "{ timeToExpansion(types: [\"saet\"]) { rows { subjects } } }";
    assert_refused(&api, root.path(), types, "UNKNOWN_VALUE", &["`saet`", "`seat`"]).await;
}

#[tokio::test]
async fn absurdly_long_names_are_refused_at_once_and_not_repeated() {
    let (_root, api) = eight_customers("");
    let long = "s".repeat(60_000);
    let document = format!(
        "{{ metrics(select: [mrr], {FEBRUARY}, orderBy: [{{by: \"{long}\"}}]) {{ rows }} }}"
    );
    let (code, message) = refused(&api, &document).await;
    assert_eq!(code, "UNKNOWN_METRIC");
    assert!(message.len() < 5_000, "{}", message.len());
    let (code, message) = export_refuses(&api, &[("select", &long)]).await;
    assert_eq!(code, "UNKNOWN_METRIC");
    assert!(message.len() < 5_000, "{}", message.len());
    // As many letters as a body has room for, as a value of each kind that names are looked up in.
    let root = TempDir::new().unwrap();
    write_case(&root.path().join("warehouse"), "time-to-expansion");
    write_table(&root.path().join("warehouse"), "milestones", MILESTONES);
    let api = api_of(root.path(), &[("upswell.yml", "version: 1\nwarehouse: warehouse\n")]);
    let started = std::time::Instant::now();
    for (argument, ty) in [("types", "[String!]"), ("milestone", "String")] {
        let origin = if argument == "milestone" { "origin: MILESTONE, " } else { "" };
        let query = format!(
            "query($long: {ty}) {{ timeToExpansion({origin}{argument}: $long) {{ rows {{ subjects }} }} }}"
        );
        let variables = json!({ "long": "s".repeat(900_000) });
        let request = GraphqlRequest::from_json(json!({ "query": query, "variables": variables }));
        let caller = Caller::unrestricted("test", "test");
        let response = api.execute(request.unwrap(), &caller).await;
        let response: Json = serde_json::from_slice(&response.body).unwrap();
        assert_eq!(response["errors"][0]["extensions"]["code"], "UNKNOWN_VALUE");
        let message = response["errors"][0]["message"].as_str().unwrap();
        assert!(message.contains(&format!("`{}…`", "s".repeat(100))), "{message:.200}");
        assert!(message.len() < 300, "{message:.400}");
    }
    assert!(started.elapsed().as_secs() < 20, "minutes where every letter was compared");
}

const MILESTONES: &str = "customer_id,milestone,reached_at\nA,first_success,2024-01-05T00:00:00Z";

#[tokio::test]
async fn absurd_arguments_are_refused_with_advice() {
    let (root, api) = eight_customers("");
    for (document, code, says) in [
        (
            "{ nrr(period: {start: \"2024-03-01\", end: \"2024-02-01\"}) { rows { nrr } } }",
            "BAD_PERIOD",
            &["2024-02-01", "2024-03-01"][..],
        ),
        (
            "{ nrr(period: {start: \"0001-01-01\", end: \"9999-01-01\"}, grain: DAY) { rows { nrr } } }",
            "BAD_PERIOD",
            &["5000", "DAY"],
        ),
        ("{ nrr(period: {last: 3}) { rows { nrr } } }", "BAD_PERIOD", &["grain"]),
        ("{ nrr(period: {}) { rows { nrr } } }", "BAD_PERIOD", &["start"]),
        (
            "{ metrics(select: [mrr], period: {last: 1}, grain: MONTH, limit: -1) { rows } }",
            "BAD_REQUEST",
            &["limit"],
        ),
        (
            "{ metrics(select: [mrr], period: {last: 1}, grain: MONTH, limit: 100001) { rows } }",
            "TOO_MANY_ROWS",
            &["100000"],
        ),
        (
            "{ metrics(select: [mrr], period: {last: 1}, grain: MONTH, where: {or: []}) { rows } }",
            "BAD_REQUEST",
            &["or"],
        ),
        (
            "{ timeToExpansion(milestone: \"first_success\") { rows { subjects } } }",
            "BAD_REQUEST",
            &["milestone", "origin: MILESTONE"],
        ),
        ("{ timeToExpansion(nth: 0) { rows { subjects } } }", "BAD_REQUEST", &["nth"]),
        (
            "{ timeToExpansion(origin: PREVIOUS_EXPANSION) { rows { subjects } } }",
            "BAD_REQUEST",
            &["nth: 2"],
        ),
    ] {
        assert_refused(&api, root.path(), document, code, says).await;
    }
}

#[tokio::test]
async fn a_typed_field_of_too_many_rows_points_to_the_table_with_a_limit() {
    let (root, api) = eight_customers("");
    let days =
        "period: {start: \"2020-01-01\", end: \"2024-03-01\"}, grain: DAY, groupBy: [customer_id]";
    let typed = format!("{{ nrr({days}) {{ rows {{ nrr }} }} }}");
    assert_refused(&api, root.path(), &typed, "TOO_MANY_ROWS", &["10000", "`metrics`", "`limit`"])
        .await;
    let table = format!("{{ metrics(select: [nrr], {days}, limit: 7) {{ rowCount truncated }} }}");
    let data = ask(&api, &table).await;
    assert_eq!(data["metrics"]["rowCount"], 7);
    assert_eq!(data["metrics"]["truncated"], true);
}

#[tokio::test]
async fn a_missing_table_spoils_only_what_needs_it() {
    let (root, api) = eight_customers("");
    let document = format!(
        "{{ good: nrr({FEBRUARY}, window: PERIOD) {{ rows {{ nrr }} }} \
            bad: attachRate({FEBRUARY}) {{ rows {{ rate }} }} \
            metric: catalog {{ metric(name: attach_rate) {{ available unavailableBecause }} }} }}"
    );
    let response = execute(&api, &document).await;
    assert_eq!(response["data"]["good"]["rows"][0]["nrr"], 423.0 / 430.0);
    assert!(response["data"]["bad"].is_null());
    let errors = response["errors"].as_array().unwrap();
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0]["path"][0], "bad");
    assert_eq!(errors[0]["extensions"]["code"], "UNAVAILABLE");
    assert_eq!(response["data"]["metric"]["metric"]["available"], false);
    let keys: Vec<&String> = response["data"].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["good", "bad", "metric"]);
    drop(root);
}

#[tokio::test]
async fn damaged_files_are_named_and_other_tables_answer() {
    let (root, _) = eight_customers("");
    let orders = root.path().join("warehouse/order_lines");
    fs::create_dir_all(&orders).unwrap();
    for (name, bytes) in [
        ("empty.parquet", &b""[..]),
        ("foreign.parquet", b"order_id,customer_id\n1,2\n"),
        ("cut.parquet", b"PAR1\x15\x04\x15\x10"),
    ] {
        for entry in fs::read_dir(&orders).unwrap() {
            fs::remove_file(entry.unwrap().path()).unwrap();
        }
        fs::write(orders.join(name), bytes).unwrap();
        write_table(
            &root.path().join("warehouse"),
            "products",
            "product_id,name,family,kind,tier\ncore,Core,platform,core,1",
        );
        let api = crate::support::api(root.path(), "");
        let document = format!("{{ attachRate({FEBRUARY}) {{ rows {{ rate }} }} }}");
        assert_refused(&api, root.path(), &document, "BAD_DATA", &["order_lines", name]).await;
        let data =
            ask(&api, &format!("{{ nrr({FEBRUARY}, window: PERIOD) {{ rows {{ grr }} }} }}")).await;
        assert_eq!(data["nrr"]["rows"][0]["grr"], 38.0 / 43.0);
    }
}

#[tokio::test]
async fn a_class_nobody_mapped_shows_the_mapping_and_balances_still_answer() {
    let root = TempDir::new().unwrap();
    let warehouse = root.path().join("warehouse");
    write_table(
        &warehouse,
        "mrr_movements",
        "customer_id,occurred_at,movement,amount\n\
         a,2024-01-01T00:00:00Z,new,10.00\na,2024-02-05T00:00:00Z,upgrade,5.00",
    );
    let api = api(root.path(), "");
    let waterfall = format!("{{ nrr({FEBRUARY}, window: PERIOD) {{ rows {{ expansionMrr }} }} }}");
    let says = ["mrr_movements", "upgrade: <class>", "canonical"];
    assert_refused(&api, root.path(), &waterfall, "BAD_DATA", &says).await;
    let document = format!("{{ metrics(select: [mrr, nrr_period], {FEBRUARY}) {{ rows }} }}");
    let row = &ask(&api, &document).await["metrics"]["rows"][0];
    assert_eq!((row["mrr"].as_f64(), row["nrr_period"].as_f64()), (Some(15.0), Some(1.5)));
    let mapped = "canonical:\n  mrr_movements:\n    values: { movement: { upgrade: expansion } }\n";
    let api = crate::support::api(root.path(), mapped);
    let row = &ask(&api, &waterfall).await["nrr"]["rows"][0];
    assert_eq!(row["expansionMrr"].as_f64(), Some(5.0));
}

#[tokio::test]
async fn rows_that_cannot_count_are_left_out_and_noted() {
    let root = TempDir::new().unwrap();
    write_table(
        &root.path().join("warehouse"),
        "mrr_movements",
        "customer_id,occurred_at,movement,amount\n\
         a,2024-01-01T00:00:00Z,new,10.00\n,2024-01-02T00:00:00Z,new,7.00\n\
         b,,new,3.00\nc,2024-01-03T00:00:00Z,new,",
    );
    let api = api(root.path(), "");
    let document =
        format!("{{ metrics(select: [mrr], {FEBRUARY}) {{ rows provenance {{ notes }} }} }}");
    let table = &ask(&api, &document).await["metrics"];
    assert_eq!(table["rows"][0]["mrr"].as_f64(), Some(10.0));
    let notes = table["provenance"]["notes"].to_string();
    assert!(notes.contains("3 row(s) of mrr_movements"), "{notes}");
}

#[tokio::test]
async fn keys_that_are_not_unique_are_refused_never_summed_twice() {
    let (root, _) = eight_customers("");
    write_table(
        &root.path().join("warehouse"),
        "customers",
        "customer_id,name,segment,acquired_on\nA,A,SMB,2023-12-01\nA,A,Enterprise,2023-12-01",
    );
    let api = api(root.path(), "");
    let by = format!("{{ nrr({FEBRUARY}, groupBy: [segment]) {{ rows {{ nrr }} }} }}");
    assert_refused(&api, root.path(), &by, "BAD_DATA", &["customers", "customer_id", "unique"])
        .await;
}

#[tokio::test]
async fn decimals_beyond_fifteen_digits_fail_in_json_and_are_exact_in_csv() {
    let root = TempDir::new().unwrap();
    write_table(
        &root.path().join("warehouse"),
        "mrr_movements",
        "customer_id,occurred_at,movement,amount\na,2024-01-01T00:00:00Z,new,1234567890123456.78",
    );
    let api = api(root.path(), "");
    let document = format!("{{ nrr({FEBRUARY}) {{ rows {{ endingMrr }} }} }}");
    assert_refused(&api, root.path(), &document, "OUT_OF_RANGE", &["CSV"]).await;
    let parameters = [("select", "mrr"), ("start", "2024-02-01"), ("end", "2024-03-01")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let caller = Caller::unrestricted("test", "test");
    let csv = api.export(&parameters, Format::Csv, &caller).await.unwrap();
    assert_eq!(String::from_utf8(csv.body.to_vec()).unwrap(), "mrr\r\n1234567890123456.78\r\n");
}

#[tokio::test]
async fn empty_tables_answer_without_numbers() {
    let root = TempDir::new().unwrap();
    write_table(
        &root.path().join("warehouse"),
        "mrr_movements",
        "customer_id,occurred_at,movement,amount",
    );
    let api = api(root.path(), "");
    let document = format!(
        "{{ nrr({FEBRUARY}) {{ rows {{ nrr startingMrr }} provenance {{ notes }} }} \
           expansionByType({FEBRUARY}) {{ rows {{ amount }} }} }}"
    );
    let data = ask(&api, &document).await;
    assert!(data["nrr"]["rows"][0]["nrr"].is_null());
    assert!(data["nrr"]["provenance"]["notes"].to_string().contains("holds no rows"));
    assert_eq!(data["expansionByType"]["rows"].as_array().unwrap().len(), 0);
}

#[tokio::test]
async fn a_project_without_a_field_answers_unavailable() {
    let root = TempDir::new().unwrap();
    write_case(&root.path().join("warehouse"), "eight-customers");
    let files = [
        ("upswell.yml", "version: 1\nwarehouse: warehouse\n"),
        (
            "metrics/own.yml",
            "metrics:\n  - name: nrr\n    kind: retention\n    balance: recurring_revenue\n    measure: nrr\n    window: period\n",
        ),
    ];
    let api = api_of(root.path(), &files);
    let document = format!("{{ nrr({FEBRUARY}) {{ rows {{ nrr }} }} }}");
    assert_refused(&api, root.path(), &document, "UNAVAILABLE", &["nrr"]).await;
}
