//! The worked project in `examples/`: imported, checked, tested and asked, with numbers worked out
//! by hand from its CSV files.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::support::command;

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap();
        if path.is_dir() && name != "warehouse" {
            copy(&path, &to.join(name));
        } else if path.is_file() {
            fs::copy(&path, to.join(name)).unwrap();
        }
    }
}

/// A copy of the example with its warehouse.
fn kontor() -> TempDir {
    let root = TempDir::new().unwrap();
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/kontor"), root.path());
    let (code, out) = run(root.path(), &["import", "data"]);
    assert_eq!(code, Some(0), "{out}");
    assert!(out.contains("revenue/snapshots: 51 rows of "), "{out}");
    root
}

/// Exit code and everything printed.
fn run(root: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let (code, out, error) = command::run(root, arguments);
    (code, out + &error)
}

#[test]
fn the_example_is_checked_and_its_tests_pass() {
    let root = kontor();
    let (code, out) = run(root.path(), &["check", "--data"]);
    assert_eq!(code, Some(0), "{out}");
    let (code, out) = run(root.path(), &["test"]);
    assert_eq!(code, Some(0), "{out}");
    assert!(out.ends_with("5 passed, 0 failed\n"), "{out}");
}

fn ask(root: &Path, document: &str) -> String {
    fs::write(root.join("q.graphql"), document).unwrap();
    let (code, out) = run(root, &["query", "--format", "csv", "q.graphql"]);
    assert_eq!(code, Some(0), "{out}");
    out.replace("\r\n", "\n")
}

/// Customers of 1 February 2025: A1 1,000, A2 500, A3 300. A year later: 1,200, 0, 350, and A4 400.
#[test]
fn the_fiscal_year_of_the_example_is_what_its_rows_say() {
    let root = kontor();
    let year = "period: {start: \"2025-02-01\", end: \"2026-02-01\"}, grain: YEAR";
    let document = format!(
        "{{ nrr({year}, window: PERIOD) {{ rows {{ period {{ start }} startingMrr endingMrr nrr }} }} }}"
    );
    let nrr = 1550.0 / 1800.0;
    assert_eq!(
        ask(root.path(), &document),
        format!("period.start,startingMrr,endingMrr,nrr\n2025-02-01,1800.00,1950.00,{nrr}\n")
    );
    // Fiscal quarters begin in February, May, August and November; call C-2 came in after midnight
    // of Hamburg's summer time.
    let calls = ask(
        root.path(),
        "{ metrics(select: [calls_opened, tickets_opened], period: {start: \"2025-02-01\", end: \"2026-02-01\"}, \
         grain: QUARTER) { rows } }",
    );
    assert_eq!(
        calls,
        "period,calls_opened,tickets_opened\n2025-02-01,2,2\n2025-05-01,1,1\n2025-08-01,0,0\n2025-11-01,1,1\n"
    );
    let april = "period: {start: \"2025-04-01\", end: \"2025-05-01\"}";
    let document = format!(
        "{{ metrics(select: [calls_opened], {april}, groupBy: [call_topic, segment]) {{ rows }} }}"
    );
    assert_eq!(ask(root.path(), &document), "call_topic,segment,calls_opened\nbilling,Fleet,1\n");
}

/// The example's rows without its project: `init` finds out most of it by itself.
#[test]
fn init_proposes_a_project_that_passes_check() {
    let root = TempDir::new().unwrap();
    copy(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/kontor/data"),
        &root.path().join("csv"),
    );
    let (code, out) = run(root.path(), &["init", "new", "--from", "csv"]);
    assert_eq!(code, Some(0), "{out}");
    let project = fs::read_to_string(root.path().join("new/upswell.yml")).unwrap();
    for line in [
        "  customers:\n    table: accounts\n",
        "      customer_id: acct   # review\n",
        "  subscription_months:\n    table: revenue/snapshots\n    partition: none\n",
        "      mrr: { from: mrr_cents, minor_units: 2 }   # review: cents?\n",
        "  products:\n    table: plans\n",
    ] {
        assert!(project.contains(line), "{line}\n{project}");
    }
    let own = fs::read_to_string(root.path().join("new/datasets/desk_calls.yml")).unwrap();
    assert!(own.contains("primary: call_no") && own.contains("customer: acct"), "{own}");
    let (code, out) = run(root.path(), &["check", "-p", "new", "--data"]);
    assert_eq!(code, Some(0), "{out}");
    fs::write(
        root.path().join("q.graphql"),
        "{ metrics(select: [mrr, desk_calls_rows], period: {start: \"2025-06-01\", end: \"2025-07-01\"}) { rows } }",
    )
    .unwrap();
    let (_, out) = run(root.path(), &["query", "-p", "new", "--format", "csv", "q.graphql"]);
    // June 2025: 1,200 + 500 + 300 + 400, and call C-3.
    assert_eq!(out.replace("\r\n", "\n"), "mrr,desk_calls_rows\n2400.00,1\n");
    // A project that is there is never touched; neither is one without tables.
    assert_eq!(run(root.path(), &["init", "new"]).0, Some(2));
    assert_eq!(run(root.path(), &["init", "empty"]).0, Some(0));
    assert_eq!(run(root.path(), &["check", "-p", "empty"]).0, Some(0));
}

#[test]
fn diff_says_what_changes_what_it_reaches_and_which_numbers_move() {
    let root = kontor();
    let (old, new) = (root.path(), TempDir::new().unwrap());
    copy(old, new.path());
    let warehouse = old.join("warehouse");
    let at = |path: &Path| path.to_str().unwrap().to_owned();
    let data = |more: &[&str]| {
        let paths = [at(old), at(new.path())];
        let mut arguments = vec!["diff", &paths[0], &paths[1]];
        arguments.extend(more);
        run(old, &arguments)
    };
    let same = data(&["--data", "--warehouse", warehouse.to_str().unwrap()]);
    assert_eq!(same.0, Some(0), "{}", same.1);

    let file = new.path().join("metrics/service.yml");
    let text = fs::read_to_string(&file).unwrap();
    let text = text.replace(
        "    aggregate: count\n    unit: count\n",
        "    aggregate: count\n    filter: topic = 'weather'\n    unit: count\n",
    );
    let cut = text.find("      - name: topics keep").unwrap();
    let next = text.find("  - name: calls_per_customer").unwrap();
    fs::write(&file, format!("{}{}", &text[..cut], &text[next..])).unwrap();
    let (code, out) =
        data(&["--data", "--warehouse", warehouse.to_str().unwrap(), "--format", "json"]);
    assert_eq!(code, Some(1), "{out}");
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    let changed = report["definitions"].as_array().unwrap();
    let calls = changed.iter().find(|change| change["name"] == "calls_opened").unwrap();
    assert_eq!((&calls["how"], &calls["what"]), (&"changed".into(), &"metric".into()));
    let reached = calls["affects"].as_array().unwrap();
    assert!(
        reached.contains(&"calls_per_customer".into())
            && reached.contains(&"tickets_opened".into()),
        "{calls:#}"
    );
    // Of four calls, C-1 and C-4 are about the weather: in the twelve months to the end of January
    // 2026, C-2 (April) and C-3 (June) go.
    let numbers = report["numbers"].as_array().unwrap();
    let of = |period: &str| {
        let found = numbers.iter().find(|n| n["metric"] == "calls_opened" && n["period"] == period);
        found.map(|n| (n["old"].clone(), n["new"].clone(), n["change"].clone()))
    };
    assert_eq!(of("2025-04"), Some(("1".into(), "0".into(), "-1".into())), "{report:#}");
    assert_eq!(of("2025-06"), Some(("1".into(), "0".into(), "-1".into())));
    assert_eq!(of("2025-03"), None);
    assert!(numbers.iter().all(|n| n["metric"] != "mrr"), "{report:#}");
}
