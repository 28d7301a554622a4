//! The documentation is held to the code: generated pages are current, examples load and run,
//! every metric and error code is explained, links lead somewhere.
//!
//! `UPSWELL_UPDATE_GOLDEN=1 cargo test docs` writes docs/diagnostics.md anew.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use upswell::diagnostics::{Code, Format, SourceFile};
use upswell::metric_tests;
use upswell::project::{Loaded, ProjectFiles, load};

use crate::support;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every page for readers.
fn pages() -> Vec<String> {
    let docs = fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let docs = docs.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    let names = docs.map(|path| format!("docs/{}", path.file_name().unwrap().to_str().unwrap()));
    let mut pages: Vec<String> =
        ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"].map(str::to_owned).into();
    pages.extend(names);
    pages.sort();
    pages
}

/// The fenced blocks of a language.
fn blocks(page: &str, language: &str) -> Vec<String> {
    let text = read(page);
    let mut lines = text.lines();
    let mut blocks = Vec::new();
    let fence = format!("```{language}");
    while lines.any(|line| line == fence) {
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        blocks.push(block.join("\n"));
    }
    blocks
}

/// The YAML blocks of a page that name their file in the first line, as one project.
fn project_of(page: &str) -> Loaded {
    let mut files: Vec<SourceFile> = Vec::new();
    for block in blocks(page, "yaml") {
        let Some(path) = block.lines().next().and_then(|line| line.strip_prefix("# ")) else {
            continue;
        };
        if Path::new(path).extension().is_some_and(|extension| extension == "yml") {
            files.push(SourceFile::new(path, block.clone()));
        }
    }
    if !files.iter().any(|file| file.path == "upswell.yml") {
        files.push(SourceFile::new("upswell.yml", "version: 1\nwarehouse: warehouse\n"));
    }
    assert!(files.len() > 1, "{page} defines nothing");
    load(&ProjectFiles::from_texts(Path::new("."), files))
}

fn diagnostics_page() -> String {
    let mut page = String::from(
        "# Diagnostics\n\nWhat `upswell check` and a start of the server say about definition files. \
         Every finding has a code, a place and the nearest valid choice; `upswell explain U0402` \
         prints what stands here. An error keeps the definitions from being used, a warning does \
         not.\n\nThis page is generated from the codes themselves: \
         `UPSWELL_UPDATE_GOLDEN=1 cargo test docs` writes it. A case of each is in \
         `tests/definitions/failing/`, of those about data in `tests/it/data_findings.rs`.\n",
    );
    let families = [
        ("U00", "Files"),
        ("U01", "YAML"),
        ("U02", "Shape"),
        ("U03", "Names"),
        ("U04", "References"),
        ("U05", "Expressions"),
        ("U06", "Meaning"),
        ("U07", "Warnings"),
        ("U08", "Data (`check --data`)"),
    ];
    for (prefix, title) in families {
        let _ = write!(page, "\n## {title}\n\n| code | severity | says | why, and what to do |\n");
        page.push_str("| --- | --- | --- | --- |\n");
        for code in Code::ALL.iter().filter(|code| code.as_str().starts_with(prefix)) {
            let severity = code.severity().as_str();
            let (name, title, why) = (code.as_str(), code.title(), code.explanation());
            let _ = writeln!(page, "| {name} | {severity} | {title} | {why} |");
        }
    }
    page
}

#[test]
fn the_page_of_diagnostics_is_current_and_complete() {
    let page = diagnostics_page();
    if std::env::var_os("UPSWELL_UPDATE_GOLDEN").is_some() {
        fs::write(root().join("docs/diagnostics.md"), &page).unwrap();
    }
    assert!(Code::ALL.iter().all(|code| page.contains(&format!("\n| {} |", code.as_str()))));
    assert!(read("docs/diagnostics.md") == page, "docs/diagnostics.md is not current");
}

#[test]
fn definitions_in_the_docs_load_without_a_finding() {
    for page in ["README.md", "docs/definitions.md", "docs/tutorial.md"] {
        let loaded = project_of(page);
        let found = loaded.diagnostics.render(Format::Human);
        assert!(loaded.diagnostics.is_empty(), "{page}\n{found}");
    }
}

/// What the pages say a test expects is what it gets.
#[tokio::test(flavor = "multi_thread")]
async fn tests_in_the_docs_pass() {
    for page in ["docs/definitions.md", "docs/tutorial.md"] {
        let model = Arc::new(project_of(page).model.unwrap());
        let results = metric_tests::run(&model, model.tests.clone()).await;
        let report = metric_tests::render(&results, metric_tests::Format::Human);
        assert!(results.len() >= 2, "{page} tests nothing");
        assert!(results.iter().all(metric_tests::TestResult::passed), "{page}\n{report}");
    }
}

#[test]
fn every_key_of_the_language_is_in_its_reference() {
    let reference = read("docs/definitions.md");
    let schema: serde_json::Value =
        serde_json::from_str(&read("schema/definitions.schema.json")).unwrap();
    let mut missing = Vec::new();
    keys(&schema, &mut |key| {
        if !reference.contains(&format!("`{key}`")) && !reference.contains(&format!("{key}:")) {
            missing.push(key.to_owned());
        }
    });
    assert!(missing.is_empty(), "docs/definitions.md does not explain {missing:?}");
}

/// Every key that a definition may have.
fn keys(schema: &serde_json::Value, seen: &mut impl FnMut(&str)) {
    if let Some(properties) = schema.get("properties").and_then(|found| found.as_object()) {
        properties.keys().for_each(|key| seen(key));
    }
    match schema {
        serde_json::Value::Object(fields) => fields.values().for_each(|value| keys(value, seen)),
        serde_json::Value::Array(items) => items.iter().for_each(|value| keys(value, seen)),
        _ => {}
    }
}

#[test]
fn every_canonical_metric_and_dimension_is_explained() {
    let page = read("docs/metrics.md");
    let project = SourceFile::new("upswell.yml", "version: 1\nwarehouse: warehouse\n");
    let model = load(&ProjectFiles::from_texts(Path::new("."), vec![project])).model.unwrap();
    let metrics = model.metrics.values().filter(|metric| !metric.private);
    let names = metrics.map(|metric| metric.name.to_string());
    let names = names.chain(model.dimensions.keys().map(ToString::to_string));
    let missing: Vec<String> = names.filter(|name| !page.contains(&format!("`{name}`"))).collect();
    assert!(missing.is_empty(), "docs/metrics.md does not explain {missing:?}");
}

/// Whatever the documents ask, only tables may be missing: the warehouse here is empty.
#[tokio::test]
async fn documents_in_the_docs_are_valid() {
    let folder = tempfile::tempdir().unwrap();
    let mut checked = 0;
    for page in pages() {
        let api = support::api(folder.path(), "");
        for document in blocks(&page, "graphql") {
            let response = support::execute(&api, &document).await;
            for error in response["errors"].as_array().into_iter().flatten() {
                assert_eq!(
                    error["extensions"]["code"], "UNAVAILABLE",
                    "{page}\n{document}\n{error}"
                );
            }
            checked += 1;
        }
    }
    assert!(checked >= 5);
}

/// The error that docs/api.md shows is the one that callers get.
#[tokio::test]
async fn the_error_in_the_docs_is_real() {
    let folder = tempfile::tempdir().unwrap();
    let api = support::api(folder.path(), "");
    let document = "{ metrics(select: [nrrr], period: {last: 1}, grain: MONTH) { rows } }";
    let (code, message) = support::refused(&api, document).await;
    let page = read("docs/api.md");
    assert!(page.contains(&format!("\"message\": \"{message}\"")), "{message}");
    assert!(page.contains(&format!("\"code\": \"{code}\"")), "{code}");
}

#[test]
fn links_lead_somewhere() {
    let mut broken = Vec::new();
    for page in pages() {
        let folder = root().join(&page).parent().map(PathBuf::from).unwrap();
        let text = read(&page);
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let path = target.split('#').next().unwrap_or_default();
            if !target.contains("://") && !path.is_empty() && !folder.join(path).exists() {
                broken.push(format!("{page}: {target}"));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}
