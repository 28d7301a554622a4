//! The worked project in `examples/`: imported, checked, tested and asked, with numbers worked out
//! by hand from its CSV files.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

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
    assert!(out.contains("revenue/snapshots: 51 rows\n"), "{out}");
    root
}

/// Exit code and everything printed.
fn run(root: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_upswell"))
        .args(arguments)
        .current_dir(root)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout) + &text(output.stderr))
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
