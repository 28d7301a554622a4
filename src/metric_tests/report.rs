//! Results for people, for scripts (JSON) and for CI systems (JUnit XML).

use std::fmt::Write;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use serde_json::{Value as Json, json};

use super::{Difference, Outcome, TestResult};

/// How results are written out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Human,
    Json,
    Junit,
}

/// All results as one text.
#[must_use]
pub fn render(results: &[TestResult], format: Format) -> String {
    match format {
        Format::Human => human(results),
        Format::Json => format!("{:#}\n", Json::Array(results.iter().map(json_of).collect())),
        Format::Junit => junit(results),
    }
}

fn human(results: &[TestResult]) -> String {
    let mut out = String::new();
    for result in results {
        let word = if result.passed() { "ok  " } else { "FAIL" };
        let millis = result.took.as_millis();
        let _ = writeln!(out, "{word}  {} ({millis} ms)", result.title());
        if !result.passed() {
            let _ = writeln!(out, "      {}:{}", result.test.source.file, result.test.source.line);
            let _ = writeln!(out, "{}", indent(&what(&result.outcome)));
        }
    }
    let failed = results.iter().filter(|result| !result.passed()).count();
    let _ = writeln!(out, "{} passed, {failed} failed", results.len() - failed);
    out
}

fn indent(text: &str) -> String {
    text.lines().map(|line| format!("      {line}")).collect::<Vec<_>>().join("\n")
}

/// What went wrong, in lines: a row's differences below its name, expected and got side by side.
fn what(outcome: &Outcome) -> String {
    let differences = match outcome {
        Outcome::Passed => return String::new(),
        Outcome::Failed(message) => return message.clone(),
        Outcome::Differs(differences) => differences,
    };
    let mut lines: Vec<String> = Vec::new();
    let mut named = None;
    let width = |pick: fn(&Difference) -> usize| differences.iter().map(pick).max().unwrap_or(0);
    let columns = width(|difference| match difference {
        Difference::Value { column, .. } => column.chars().count(),
        _ => 0,
    });
    let values = width(|difference| match difference {
        Difference::Value { expected, .. } => expected.chars().count(),
        _ => 0,
    });
    for difference in differences {
        match difference {
            Difference::Value { row, column, expected, got } => {
                if named != Some(row) {
                    lines.push(row.clone());
                    named = Some(row);
                }
                lines.push(format!("  {column:columns$}  expected {expected:values$}  got {got}"));
            }
            Difference::Missing { row } => lines.push(format!("missing row: {row}")),
            Difference::Unexpected { row } => lines.push(format!("unexpected row: {row}")),
            Difference::NoColumn { column, columns } => lines.push(format!(
                "the answer has no column `{column}`; it has {}",
                columns.join(", ")
            )),
        }
    }
    lines.join("\n")
}

fn json_of(result: &TestResult) -> Json {
    let differences: Vec<Json> = match &result.outcome {
        Outcome::Differs(differences) => differences.iter().map(difference_json).collect(),
        _ => Vec::new(),
    };
    let error = match &result.outcome {
        Outcome::Failed(message) => Some(message),
        _ => None,
    };
    json!({
        "metric": result.test.metric.as_str(),
        "name": result.test.name,
        "file": result.test.source.file,
        "line": result.test.source.line,
        "passed": result.passed(),
        "seconds": result.took.as_secs_f64(),
        "error": error,
        "differences": differences,
    })
}

fn difference_json(difference: &Difference) -> Json {
    match difference {
        Difference::Value { row, column, expected, got } => {
            json!({ "row": row, "column": column, "expected": expected, "got": got })
        }
        Difference::Missing { row } => json!({ "row": row, "missing": true }),
        Difference::Unexpected { row } => json!({ "row": row, "unexpected": true }),
        Difference::NoColumn { column, .. } => json!({ "column": column, "unknown": true }),
    }
}

fn junit(results: &[TestResult]) -> String {
    let mut suite = TestSuite::new("upswell");
    for result in results {
        let mut status = TestCaseStatus::success();
        if !result.passed() {
            let kind = match result.outcome {
                Outcome::Failed(_) => NonSuccessKind::Error,
                _ => NonSuccessKind::Failure,
            };
            status = TestCaseStatus::non_success(kind);
            status.set_message(what(&result.outcome).lines().next().unwrap_or_default());
            status.set_description(what(&result.outcome));
        }
        let name = if result.test.name.is_empty() { "test" } else { &result.test.name };
        let mut case = TestCase::new(name, status);
        case.set_classname(result.test.metric.as_str());
        case.set_time(result.took);
        case.extra.insert("file".into(), result.test.source.file.as_str().into());
        case.extra.insert("line".into(), result.test.source.line.to_string().as_str().into());
        suite.add_test_case(case);
    }
    let mut report = Report::new("upswell test");
    report.add_test_suite(suite);
    report.to_string().unwrap_or_else(|error| {
        tracing::error!(%error, "JUnit XML");
        String::new()
    })
}
