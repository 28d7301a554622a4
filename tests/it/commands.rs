//! The data engineer's commands, as they are typed: what they print, and with which exit code.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

use tempfile::TempDir;

use crate::support::command::run;
use crate::support::warehouse::write_table;

const OWN: &str = "\
datasets:
  - name: calls
    description: Calls to the desk.
    time: opened_at
    keys: { primary: call_id, customer: customer_id }
    columns: { call_id: text, customer_id: text, opened_at: timestamp, topic: text }
    dimensions:
      - { name: call_topic, label: Topic, description: What it was about., expr: topic }
metrics:
  - name: calls_about_weather
    label: Weather calls
    description: Calls about the weather.
    kind: aggregate
    dataset: calls
    aggregate: count
    filter: topic = 'weather'
    owner: service desk
    tags: [desk, board]
    status: certified
    format: '0'
    good: down
    bands:
      - { below: 10, label: calm, source: handbook, only: { segment: SMB } }
    targets:
      - { value: 5, source: plan 2026, grain: month, from: 2026-01-01, to: 2027-01-01 }
    deprecated: { reason: Too narrow., replacement: mrr, removed_after: 2027-03-31 }
    versions:
      - { until: 2025-01-01, because: Storms were apart., filter: topic = 'storm' }
  - name: expanded_after_call
    kind: conversion
    base: { dataset: calls, filter: topic = 'price' }
    conversion: { dataset: mrr_movements, filter: movement = 'expansion' }
    entity: customer
    within_days: 30
  - name: nrr_of_smb
    kind: retention
    variant_of: nrr
    measure: nrr
    filter: segment = 'SMB'
";

const MOVEMENTS: &str =
    "customer_id,product_id,occurred_at,movement,amount\na,p,2024-01-10T00:00:00Z,new,10.00\n";

/// Movements alone; what else ships is not there.
fn project(settings: &str) -> TempDir {
    let root = TempDir::new().unwrap();
    let text = format!("version: 1\nwarehouse: warehouse\n{settings}");
    fs::write(root.path().join("upswell.yml"), text).unwrap();
    write_table(&root.path().join("warehouse"), "mrr_movements", MOVEMENTS);
    root
}

fn own_project() -> TempDir {
    let root = project("");
    fs::create_dir(root.path().join("metrics")).unwrap();
    fs::write(root.path().join("metrics/own.yml"), OWN).unwrap();
    root
}

fn explained(root: &Path, subject: &str) -> String {
    let (code, out, error) = run(root, &["explain", subject]);
    assert_eq!(code, Some(0), "{error}");
    out
}

#[test]
fn explain_says_everything_that_a_metric_says_of_itself() {
    let root = own_project();
    let text = explained(root.path(), "calls_about_weather");
    for line in [
        "calls_about_weather (Weather calls)\nCalls about the weather.\n",
        "\nformula     count of rows of calls where topic = 'weather', by opened_at\n",
        "\nformat      0\n",
        "\ngood        down\n",
        "\nbands       calm: below 10, segment = SMB (source: handbook)\n",
        "\ntargets     5 by month, from 2026-01-01 to before 2027-01-01 (source: plan 2026)\n",
        "\nowner       service desk\n",
        "\ntags        desk, board\n",
        "\nstatus      certified\n",
        "\ndeprecated  Too narrow; use mrr; gone after 2027-03-31\n",
        "\nversions    until 2025-01-01 (Storms were apart.):\n              Weather calls = count of rows \
         of calls where topic = 'storm', by opened_at\n",
        "\ndefined at  metrics/own.yml:10\n",
        "\nunavailable: ",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    let conversion = explained(root.path(), "expanded_after_call");
    let formula = "\nformula     rows of calls where topic = 'price' followed within 30 days by a row of \
        mrr_movements where movement = 'expansion' of the same customer_id / rows of calls where topic = \
        'price'\n";
    assert!(conversion.contains(formula), "{conversion}");
    let variant = explained(root.path(), "nrr_of_smb");
    assert!(variant.contains("\nfilter      segment = 'SMB'\nvariant of  nrr\n"), "{variant}");
    let base = explained(root.path(), "nrr");
    assert!(base.contains("\nvariants    ") && base.contains("nrr_of_smb"), "{base}");
    assert!(base.contains("\nfield       nrr\n"), "{base}");
}

#[test]
fn explain_knows_dimensions_datasets_and_balances() {
    let root = own_project();
    let topic = explained(root.path(), "call_topic");
    for line in [
        "call_topic (Topic)\nWhat it was about.\n\nwhat        dimension\n",
        "\nvalues      topic\n",
        "\nmetrics     calls_about_weather, expanded_after_call\n",
    ] {
        assert!(topic.contains(line), "{line}\n{topic}");
    }
    let calls = explained(root.path(), "calls");
    for line in [
        "\nkeys        { primary: call_id, customer: customer_id }\n",
        "\ndimensions  call_topic\n",
        "\nmetrics     calls_about_weather, expanded_after_call\n",
        "\nunavailable: table folder `calls` holds no Parquet files",
    ] {
        assert!(calls.contains(line), "{line}\n{calls}");
    }
    let there = explained(root.path(), "mrr_movements");
    assert!(there.contains("\navailable: rows 1, files 1, bytes "), "{there}");
    assert!(there.contains("newest 2024-01-10T00:00:00Z"), "{there}");
    assert!(
        there.contains(
            "\njoins       [{ to: csm_assignments, as_of: occurred_at, weight: share }]\n"
        )
    );
    let balance = explained(root.path(), "recurring_revenue");
    assert!(balance.contains("{ intervals: { dataset: subscriptions,"), "{balance}");

    let (code, _, error) = run(root.path(), &["explain", "call_topics"]);
    assert_eq!(code, Some(2));
    assert!(error.contains("Did you mean `call_topic`?"), "{error}");
    let (_, _, error) = run(root.path(), &["explain", "mrr_movement"]);
    assert!(error.contains("Did you mean `mrr_movements`?"), "{error}");
}

#[test]
fn tables_that_nobody_mapped_are_counted_in_one_line() {
    let root = project("");
    let (code, out, error) = run(root.path(), &["check", "--data"]);
    assert_eq!((code, out.as_str()), (Some(0), "Nothing to report.\n"));
    // Without owners there are no credits; without orders no attach rate; without customers neither
    // days to expansion nor cohorts.
    assert_eq!(
        error,
        "note: 12 canonical tables are not in the warehouse: acquisition_spend, csm_assignments, csms, \
         customers, health_months, milestones, offers, order_lines, products, subscription_months, \
         subscriptions, usage_months; 4 of 40 metrics are unavailable (`upswell explain NAME` says why)\n"
    );
    for listed in [&["check", "--data", "-v"][..], &["check", "--data", "--format", "json"]] {
        let (code, _, error) = run(root.path(), listed);
        assert_eq!((code, error.lines().count()), (Some(0), 12), "{error}");
        let csms = "note: table folder `csms` holds no Parquet files; if yours has another name, map it \
                    in upswell.yml: `canonical: { csms: { table: … } }`\n";
        assert!(error.contains(csms), "{error}");
    }
}

#[test]
fn a_mapped_column_that_no_file_has_is_told_where_it_is_optional_too() {
    let settings = "canonical:\n  customers:\n    columns: { segment: tier_name, region: area }\n    \
                    values: { industry: { A: Air } }\n";
    let root = project(settings);
    let customers = "customer_id,name,tiername,area\na,A,SMB,EU";
    write_table(&root.path().join("warehouse"), "customers", customers);
    let (code, out, _) = run(root.path(), &["check", "--data"]);
    assert_eq!(code, Some(1), "{out}");
    for words in [
        "error[U0813]: table `customers`: column `segment` is mapped onto `tier_name`, which no file has, \
         and reads as null. Did you mean `tiername`?",
        "column `industry` is mapped onto `industry`, which no file has",
        "--> upswell.yml:4:3",
        "2 errors, 0 warnings",
    ] {
        assert!(out.contains(words), "{words}\n{out}");
    }
    let (_, mended, _) = {
        let text = format!(
            "version: 1\nwarehouse: warehouse\n{}",
            "canonical:\n  customers:\n    columns: { segment: tiername, region: area }\n"
        );
        fs::write(root.path().join("upswell.yml"), text).unwrap();
        run(root.path(), &["check", "--data"])
    };
    assert_eq!(mended, "Nothing to report.\n");
}

#[test]
fn a_warehouse_that_holds_nothing_is_a_finding() {
    let root = project("");
    fs::write(root.path().join("upswell.yml"), "version: 1\nwarehouse: ./nowhere\n").unwrap();
    let (code, out, _) = run(root.path(), &["check", "--data"]);
    assert_eq!(code, Some(1), "{out}");
    let place = root.path().canonicalize().unwrap().join("nowhere");
    let found =
        format!("error[U0801]: the warehouse `{}` holds none of the 13 tables\n", place.display());
    assert!(out.contains(&found) && out.contains("--> upswell.yml:2:12\n"), "{out}");
}

#[test]
fn what_holds_no_table_is_said_instead_of_nothing() {
    let root = project("");
    for (document, code, told) in [
        ("{ catalog { name } }", 1, "error: the answer holds no table: ask for `rows`"),
        (
            "{ metrics(select: [mrr], period: {start: \"2030-01-01\", end: \"2030-02-01\"}, \
          where: {segment: {eq: \"x\"}}, groupBy: [segment]) { rows } }",
            1,
            "UNAVAILABLE: ",
        ),
        ("{ catalog { metrics(search: \"mrr\") { name } } }", 0, ""),
    ] {
        fs::write(root.path().join("q.graphql"), document).unwrap();
        let (ended, out, error) = run(root.path(), &["query", "--format", "csv", "q.graphql"]);
        assert_eq!(ended, Some(code), "{document}\n{out}\n{error}");
        assert!(error.starts_with(told), "{error}");
    }
}

#[test]
fn an_unavailable_table_is_told_with_what_needed_it() {
    let root = project("");
    for (document, told) in [
        (
            "{ metrics(select: [mrr, credited_mrr], period: {last: 1}, grain: MONTH) { rows } }",
            "UNAVAILABLE: metric `credited_mrr` is unavailable: table folder `csm_assignments` holds no",
        ),
        (
            "{ metrics(select: [mrr], period: {last: 1}, grain: MONTH, groupBy: [segment]) { rows } }",
            "UNAVAILABLE: dimension `segment` is unavailable: table folder `customers` holds no",
        ),
    ] {
        fs::write(root.path().join("q.graphql"), document).unwrap();
        let (code, _, error) = run(root.path(), &["query", "--format", "csv", "q.graphql"]);
        assert_eq!(code, Some(1), "{error}");
        assert!(error.starts_with(told), "{error}");
    }
}

#[test]
fn a_bridge_s_own_column_is_explained_in_the_words_of_its_author() {
    let root = own_project();
    let desks = "datasets:\n  - name: desk_teams\n    keys: { customer: customer_id }\n    \
        valid: [since, until]\n    columns: { customer_id: text, since: timestamp, until: timestamp, team: text }\n    \
        dimensions:\n      - { name: desk_team, expr: team }\n  - name: visits\n    time: at\n    \
        keys: { customer: customer_id }\n    columns: { customer_id: text, at: timestamp }\n    \
        joins: [{ to: desk_teams, as_of: at }]\nmetrics:\n  - { name: visits_made, kind: aggregate, \
        dataset: visits, aggregate: count }\n";
    fs::write(root.path().join("metrics/desks.yml"), desks).unwrap();
    let team = explained(root.path(), "desk_team");
    for line in [
        "\nvalues      team of desk_teams\n",
        "\ndescribes   every row that a join leads through desk_teams\n",
        "\nmetrics     visits_made\n",
        "\nunavailable: table folder `desk_teams` holds no Parquet files",
    ] {
        assert!(team.contains(line), "{line}\n{team}");
    }
    let bridge = explained(root.path(), "desk_teams");
    assert!(bridge.contains("\nkeys        { customer: customer_id }\n"), "{bridge}");
    assert!(!bridge.contains("desk_teams.team"), "{bridge}");
}

#[test]
fn import_refuses_what_it_cannot_keep_as_declared() {
    let root = own_project();
    let costs = "datasets:\n  - name: costs\n    columns: { id: text, cost: { type: decimal, scale: 2 }, \
        day: date }\n    keys: { primary: id }\n";
    fs::write(root.path().join("metrics/costs.yml"), costs).unwrap();
    fs::create_dir(root.path().join("csv")).unwrap();
    let import = |text: &str| {
        fs::write(root.path().join("csv/costs.csv"), text).unwrap();
        run(root.path(), &["import", "csv"])
    };
    let rows = || explained(root.path(), "costs").contains("\navailable: rows 2,");
    let (code, out, error) = import("id,cost,day\na,1.50,2024-01-01\nb,2,\n");
    assert_eq!(
        (code, out.as_str(), error.as_str()),
        (Some(0), "costs: 2 rows of id, cost, day\n", "")
    );
    for (text, code, told) in [
        (
            "id,cost,day\n\"a\nb\",1.5,\nc,1.0055,\n",
            2,
            "error: `csv/costs.csv`, line 4: column `cost`: `1.0055` is not a decimal of at most 2 places, \
             as the project declares the column (write `decimal(38, 4)` there to keep them all)\n",
        ),
        (
            "id,cost,day\na,1,2024-01-01\nb,1,soon\n",
            2,
            "error: `csv/costs.csv`, line 3: column `day`: `soon` is not a day like 2026-03-31\n",
        ),
        (
            "",
            1,
            "error: `csv/costs.csv` is empty, without even a header: its table is as it was before.",
        ),
        (
            "1,2,3\n4,5,6\n",
            1,
            "error: `csv/costs.csv` has no header (its first row is numbers): its table",
        ),
        (
            "a,1.50,2024-01-01\nb,2,\n",
            1,
            "error: `csv/costs.csv` has no header (its first row names no column of `costs`: id, cost, \
             day): its table is as it was before. Write its header",
        ),
    ] {
        let (ended, out, error) = import(text);
        assert_eq!((ended, out.as_str()), (Some(code), ""), "{error}");
        assert!(error.starts_with(told), "{error}");
        assert!(rows(), "nothing was written");
    }
    let (code, out, _) = import("id,cost,day\n");
    assert_eq!((code, out.as_str()), (Some(0), "costs: 0 rows of id, cost, day\n"));
    assert!(!rows(), "a header alone makes an empty table");
}

/// A served project; stopped with the test.
struct Server(Child, String);

impl Drop for Server {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

impl Server {
    fn start(root: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_upswell"))
            .args(["serve", "-p", root.to_str().unwrap(), "--listen", "127.0.0.1:0"])
            .env_remove("UPSWELL_LOG")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line =
            lines.find(|line| line.as_ref().unwrap().contains("listens on")).unwrap().unwrap();
        let address = line.rsplit(' ').next().unwrap().to_owned();
        thread::spawn(move || lines.for_each(drop));
        Self(child, address)
    }

    async fn reload(&self) -> u16 {
        let request = reqwest::Client::new().post(format!("{}/admin/reload", self.1));
        request.send().await.unwrap().status().as_u16()
    }

    /// The log until the server is stopped.
    fn log(mut self) -> String {
        let mut stderr = self.0.stderr.take().unwrap();
        drop(self);
        let mut text = String::new();
        stderr.read_to_string(&mut text).unwrap();
        text
    }
}

#[tokio::test]
async fn the_log_says_what_a_reload_brought_and_what_it_refused() {
    let root = own_project();
    let server = Server::start(root.path());
    let more = root.path().join("metrics/more.yml");
    let ratio = "metrics:\n  - { name: twice, kind: derived, expr: 2 * mrr }\n";
    fs::write(&more, ratio).unwrap();
    assert_eq!(server.reload().await, 200);
    fs::write(&more, "metrics:\n  - { name: twice, kind: derived, expr: 2 * mrrr }\n").unwrap();
    assert_eq!(server.reload().await, 422);
    fs::remove_file(&more).unwrap();
    assert_eq!(server.reload().await, 200);
    // Nothing was written since: nothing to say.
    assert_eq!(server.reload().await, 200);
    let log = server.log();
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("upswell::reload")).collect();
    assert_eq!(lines.len(), 3, "{log}");
    assert!(lines[0].contains("definitions reloaded; added: twice version="), "{log}");
    assert!(lines[0].contains("metrics_added=1 metrics_removed=0"), "{log}");
    assert!(lines[1].contains("not reloaded: unknown metric `mrrr` code=\"U0403\""), "{log}");
    assert!(lines[1].contains("file=\"metrics/more.yml\" line=2"), "{log}");
    assert!(lines[2].contains("definitions reloaded; removed: twice"), "{log}");
    assert!(!log.contains('\u{1b}') && !log.contains("Some("), "{log}");
}

#[tokio::test]
async fn csv_is_the_same_to_the_byte_from_the_command_line_and_over_http() {
    let root = project("");
    let warehouse = root.path().join("warehouse");
    // Retention of exactly 1, a third, nothing, an empty text, and texts that need quotes or look
    // like formulas.
    write_table(
        &warehouse,
        "mrr_movements",
        "customer_id,product_id,occurred_at,movement,amount\n\
         a,p,2024-01-10T00:00:00Z,new,10.00\nb,p,2024-01-10T00:00:00Z,new,30.00\n\
         b,p,2024-02-10T00:00:00Z,contraction,-20.00\nc,p,2024-02-10T00:00:00Z,new,5.00\n\
         d,p,2024-01-10T00:00:00Z,new,7.00\nd,p,2024-02-11T00:00:00Z,churn,-7.00\n",
    );
    write_table(
        &warehouse,
        "customers",
        "customer_id,name,segment,acquired_on\na,A,=SUM(A1),2024-01-10\nb,B,say \"x\",2024-01-10\n\
         c,C,,2024-02-10\nd,D,plain,2024-01-10\n",
    );
    let server = Server::start(root.path());
    let get = async |query: &str| {
        let url = format!("{}/api/v1/metrics.csv?{query}", server.1);
        reqwest::get(url).await.unwrap().text().await.unwrap()
    };
    let asked = |document: &str| {
        fs::write(root.path().join("q.graphql"), document).unwrap();
        let (code, out, error) = run(root.path(), &["query", "--format", "csv", "q.graphql"]);
        assert_eq!(code, Some(0), "{error}");
        out
    };
    let http = get("select=nrr_period,mrr,active_customers&start=2024-02-01&end=2024-03-01&grain=MONTH&groupBy=segment,acquired_on").await;
    let period = r#"period: {start: "2024-02-01", end: "2024-03-01"}, grain: MONTH"#;
    let select = "select: [nrr_period, mrr, active_customers], groupBy: [segment, acquired_on]";
    assert_eq!(asked(&format!("{{ metrics({select}, {period}) {{ rows }} }}")), http);
    // Worked by hand from the six movements above.
    for line in [
        "period,segment,acquired_on,nrr_period,mrr,active_customers\r\n",
        "2024-02-01,'=SUM(A1),2024-01-10,1.0,10.00,1\r\n",
        "2024-02-01,\"say \"\"x\"\"\",2024-01-10,0.3333333333333333,10.00,1\r\n",
        "2024-02-01,plain,2024-01-10,0.0,0.00,0\r\n",
        "2024-02-01,,2024-02-10,,5.00,1\r\n",
    ] {
        assert!(http.contains(line), "{line}\n{http}");
    }
    // Columns come before rows in the document; a table without rows keeps its header.
    let none = r#"where: {segment: {eq: "nobody"}}"#;
    let document =
        format!("{{ metrics({select}, {period}, {none}) {{ columns {{ name }} rows }} }}");
    let http = get("select=nrr_period,mrr,active_customers&start=2024-02-01&end=2024-03-01&grain=MONTH&groupBy=segment,acquired_on&where=%7B%22segment%22:%7B%22eq%22:%22nobody%22%7D%7D").await;
    assert_eq!(asked(&document), http);
    assert_eq!(http, "period,segment,acquired_on,nrr_period,mrr,active_customers\r\n");
}

/// A reader that stops reading ends the command; it is no fault to tell of.
#[test]
fn a_reader_that_goes_away_is_no_fault() {
    let root = own_project();
    let mut child = Command::new(env!("CARGO_BIN_EXE_upswell"))
        .args(["schema"])
        .current_dir(root.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut error = String::new();
    child.stderr.take().unwrap().read_to_string(&mut error).unwrap();
    assert_eq!((child.wait().unwrap().code(), error.as_str()), (Some(141), ""));
}
