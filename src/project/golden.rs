//! Golden definitions: every folder below `tests/definitions` is a project; `expected.txt` in it
//! is what loading it says. `UPSWELL_UPDATE_GOLDEN=1` writes the files anew, for review.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use super::{ProjectFiles, load};
use crate::diagnostics::{Code, Format};
use crate::model::{Column, ColumnType, Metric, Model};

fn cases(folder: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/definitions").join(folder);
    let mut cases: Vec<PathBuf> =
        fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    assert!(!cases.is_empty());
    cases
}

/// The differing cases, after all have been looked at.
fn compare(case: &Path, found: &str, differing: &mut Vec<String>) {
    let expected = case.join("expected.txt");
    if std::env::var_os("UPSWELL_UPDATE_GOLDEN").is_some() {
        fs::write(&expected, found).unwrap();
    }
    let wanted = fs::read_to_string(&expected).unwrap_or_default();
    if wanted != found {
        differing.push(format!("== {}\n{found}", case.display()));
    }
}

#[test]
fn what_fails_says_so_as_expected() {
    let mut differing = Vec::new();
    let mut shown = BTreeSet::new();
    for case in cases("failing") {
        let loaded = load(&ProjectFiles::read(&case).unwrap());
        let codes: BTreeSet<Code> = loaded.diagnostics.iter().map(|found| found.code).collect();
        let name = case.file_name().unwrap().to_str().unwrap();
        if let Some(code) = Code::parse(name) {
            shown.extend(codes.contains(&code).then_some(code));
        }
        if codes.is_empty() || loaded.model.is_none() != loaded.diagnostics.has_errors() {
            differing.push(format!("== {name}: {codes:?} and the model do not agree"));
        }
        compare(&case, &loaded.diagnostics.render(Format::Human), &mut differing);
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
    // Those of data have theirs in `tests/it/data_findings.rs`.
    let all = Code::ALL.iter().copied().filter(|code| !code.as_str().starts_with("U08"));
    assert_eq!(shown, all.collect(), "every code has a case");
}

#[test]
fn what_passes_means_what_is_expected() {
    let mut differing = Vec::new();
    for case in cases("passing") {
        let loaded = load(&ProjectFiles::read(&case).unwrap());
        let found = loaded.diagnostics.render(Format::Human);
        assert!(loaded.diagnostics.is_empty(), "{}\n{found}", case.display());
        compare(&case, &summary(&loaded.model.unwrap()), &mut differing);
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

/// What the project itself says, without what ships unchanged.
fn summary(model: &Model) -> String {
    let mut out = String::new();
    let _ = writeln!(
        out,
        "{} · {:?} from month {} · {} · {} datasets, {} dimensions, {} metrics",
        model.name,
        model.calendar.zone,
        model.calendar.fiscal_start,
        model.currency,
        model.datasets.len(),
        model.dimensions.len(),
        model.metrics.len(),
    );
    for dataset in model.datasets.values() {
        let changed: Vec<&Column> = dataset
            .columns
            .values()
            .filter(|c| c.in_files != c.name.as_str() || !c.values.is_empty())
            .collect();
        let own = !dataset.source.file.starts_with("canonical/");
        if own || !changed.is_empty() {
            let _ = writeln!(out, "\ndataset {} = {}", dataset.name, dataset.table);
        }
        for column in dataset.columns.values().filter(|_| own) {
            let _ = writeln!(out, "  column {}: {:?}", column.name, column.data_type);
        }
        for column in changed {
            let units = column.minor_units.map_or(String::new(), |n| format!(" / 10^{n}"));
            let _ =
                writeln!(out, "  {} ← {}{units} {:?}", column.name, column.in_files, column.values);
        }
        for join in dataset.as_of_joins.iter().filter(|_| own) {
            let weight = join.weight.as_ref().map_or("equal shares", |column| column.as_str());
            let _ = writeln!(out, "  {} by {} at {}, {weight}", join.bridge, join.on, join.at);
        }
    }
    for metric in model.metrics.values() {
        if !metric.source.file.starts_with("canonical/") {
            metric_summary(&mut out, metric);
        }
    }
    for tile in &model.tiles {
        let names: Vec<&str> = tile.group_by.iter().map(|name| name.as_str()).collect();
        let _ = writeln!(out, "\ntile {} = {} by [{}]", tile.label, tile.metric, names.join(", "));
    }
    for kept in &model.pre_aggregates {
        let metrics: Vec<&str> = kept.metrics.iter().map(|name| name.as_str()).collect();
        let dimensions: Vec<&str> = kept.dimensions.iter().map(|name| name.as_str()).collect();
        let (metrics, dimensions) = (metrics.join(", "), dimensions.join(", "));
        let _ = writeln!(out, "\npre-aggregate [{metrics}] by [{dimensions}]");
    }
    out
}

fn metric_summary(out: &mut String, metric: &Metric) {
    let place = format!("{}:{}", metric.source.file, metric.source.line);
    let kind = metric.kind.as_str();
    let _ = writeln!(out, "\nmetric {} ({kind}, {}) {place}", metric.name, metric.unit.as_str());
    let _ = writeln!(out, "  = {}", metric.formula);
    let _ = writeln!(out, "  {}", metric.additive);
    let names: Vec<&str> = metric.dimensions.iter().map(|name| name.as_str()).collect();
    let _ = writeln!(out, "  by {}", names.join(", "));
    let columns: Vec<String> =
        metric.lineage.iter().map(|(dataset, column)| format!("{dataset}.{column}")).collect();
    let _ = writeln!(out, "  from {}", columns.join(", "));
    attributes_summary(out, metric);
    if let Some(field) = &metric.field {
        let _ = writeln!(out, "  answers {field}");
    }
    for band in &metric.bands {
        let _ = writeln!(out, "  [{:?}, {:?}) {}", band.low, band.high, band.label);
    }
}

/// What a metric says beside how it is computed, where it says anything.
fn attributes_summary(out: &mut String, metric: &Metric) {
    if let Some(owner) = &metric.owner {
        let _ = writeln!(out, "  owned by {owner}");
    }
    if !metric.tags.is_empty() || metric.status != "active" {
        let _ = writeln!(out, "  {} [{}]", metric.status, metric.tags.join(", "));
    }
    if metric.private {
        let _ = writeln!(out, "  private");
    }
    if let Some(format) = &metric.format {
        let _ = writeln!(out, "  written {format}");
    }
    if let Some(deprecated) = &metric.deprecated {
        let _ = writeln!(out, "  {}", deprecated.note(&metric.name));
    }
    if let Some(base) = metric.variant_of() {
        let _ = writeln!(out, "  variant of {base}");
    }
    if let Some(filter) = &metric.filter {
        let _ = writeln!(out, "  only {:?}", filter.predicate);
    }
    for target in &metric.targets {
        let _ = writeln!(
            out,
            "  target {} of {:?} every {:?} in [{:?}, {:?}) by {}",
            target.value, target.only, target.grain, target.from, target.to, target.source
        );
    }
    for version in &metric.versions {
        let because = version.because.as_deref().unwrap_or("nobody says why");
        let _ = writeln!(out, "  until {} ({because}):", version.until);
        let _ = writeln!(out, "    = {}", version.metric.formula);
    }
}

#[test]
fn the_guide_keeps_its_tests_and_its_keys() {
    let case = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/definitions/passing/guide");
    let loaded = load(&ProjectFiles::read(&case).unwrap());
    let model = loaded.model.unwrap();
    let tickets = &model.datasets["tickets"];
    assert_eq!(tickets.columns["priority"].data_type, ColumnType::AsFound);
    assert_eq!(tickets.columns["opened_at"].data_type, ColumnType::Timestamp);
    assert!(model.dimensions["csm_id"].history && !model.dimensions["segment"].history);
    let metrics = &loaded.definitions.metrics;
    let def = metrics.iter().find(|m| m.common.name.as_str() == "tickets_per_customer").unwrap();
    let test = &def.common.tests[0];
    assert_eq!(test.given.get("mrr_movements").unwrap().len(), 2);
    let first = &test.given.get("mrr_movements").unwrap()[0];
    assert_eq!(first.get("amount").unwrap().0.as_ref().unwrap().value, "10.00");
    assert_eq!(test.ask.period.as_ref().unwrap().end.value, "2026-02-01");
    assert_eq!(test.expect.0.len(), 1);
}

/// The JSON Schema that editors use is kept in the repository.
#[test]
fn the_json_schema_is_the_one_that_is_kept() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/definitions.schema.json");
    let schema = format!("{:#}\n", crate::definitions::json_schema());
    if std::env::var_os("UPSWELL_UPDATE_GOLDEN").is_some() {
        fs::write(&path, &schema).unwrap();
    }
    assert_eq!(fs::read_to_string(path).unwrap(), schema);
}

mod whatever_is_written {
    use proptest::prelude::*;

    use super::*;
    use crate::definitions::canonical_sources;
    use crate::diagnostics::SourceFile;

    fn load_text(text: String) {
        let settings = SourceFile::new("upswell.yml", "version: 1\nwarehouse: data\n");
        let file = SourceFile::new("metrics/m.yml", text);
        let files = ProjectFiles::from_texts(Path::new("."), vec![settings, file]);
        let loaded = load(&files);
        assert_eq!(loaded.model.is_none(), loaded.diagnostics.has_errors());
        for format in [Format::Human, Format::Json, Format::Sarif, Format::Github] {
            let _ = loaded.diagnostics.render(format);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        /// A shipped file with a piece cut out and another put in never panics.
        #[test]
        fn damaged_definitions_load_or_say_why(
            file in 0usize..8, at in 0.0f64..1.0, cut in 0usize..60, put in "[\\PC\n\t ]{0,12}",
        ) {
            let files = canonical_sources();
            let text = &files[file % files.len()].text;
            let chars: Vec<char> = text.chars().collect();
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
            let start = (at * chars.len() as f64) as usize;
            let end = (start + cut).min(chars.len());
            load_text(chars[..start].iter().chain(&put.chars().collect::<Vec<_>>()).chain(&chars[end..]).collect());
        }

        #[test]
        fn noise_says_why(text in "[-a-z:{}\\[\\]\"'&*|>#\n\t ]{0,120}") {
            load_text(format!("metrics:\n{text}"));
        }
    }
}
