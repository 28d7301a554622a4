//! The comparison with DuckDB at a small size: that both answer alike, and that a difference is
//! seen. Never how long anything takes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::object_storage::tools::python_tool;

/// Runs the script of a folder of benches on a warehouse of 300 customers and 15 months.
fn compare(benches: &Path, warehouses: &Path, more: &[&str]) -> Output {
    let mut python = python_tool("duckdb", "duckdb==2.0.1", "python");
    python.arg(benches.join("compare.py")).arg("--dir").arg(warehouses);
    python.args(["--upswell", env!("CARGO_BIN_EXE_upswell")]);
    python.args(["--customers", "300", "--months", "15", "--rounds", "1", "--cold-rounds", "1"]);
    python.args(more).output().unwrap()
}

fn benches() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn upswell_and_duckdb_answer_the_eight_questions_alike() {
    let folder = TempDir::new().unwrap();
    let phases = ["--phases", "warm", "pre-aggregated", "cold", "repeated", "fresh"];
    let compared = compare(&benches(), folder.path(), &phases);
    assert!(compared.status.success(), "{}{}", text(&compared.stdout), text(&compared.stderr));
    let tables = text(&compared.stdout);
    for question in 1..=8 {
        // What is asked of one customer is never pre-aggregated.
        let tables_with = if question == 8 { 3 } else { 4 };
        let rows = tables.matches(&format!("\n| W{question} | ")).count();
        assert_eq!(rows, tables_with, "{tables}");
    }
    assert!(tables.contains("A new month of files: W1 right again"), "{tables}");
}

#[test]
fn a_cent_of_difference_is_seen() {
    let folder = TempDir::new().unwrap();
    let copied = Command::new("cp").arg("-r").arg(benches()).arg(folder.path()).status().unwrap();
    assert!(copied.success());
    let statement = folder.path().join("benches/workload/w3.sql");
    let sql = fs::read_to_string(&statement).unwrap();
    let off = sql.replacen("SUM(cents) AS cents", "SUM(cents) + 1 AS cents", 1);
    assert_ne!(sql, off);
    fs::write(&statement, off).unwrap();
    let only = ["--phases", "warm", "--only", "w3"];
    let compared = compare(&folder.path().join("benches"), folder.path(), &only);
    assert_eq!(compared.status.code(), Some(1), "{}", text(&compared.stdout));
    assert!(text(&compared.stderr).contains("DIFFERENT: warm w3"), "{}", text(&compared.stderr));
}
