//! The committed schema (schema/schema.graphql) is that of the canonical definitions.
//!
//! `UPSWELL_UPDATE_GOLDEN=1 cargo test committed_schema` writes it anew.

use std::path::Path;

use upswell::diagnostics::SourceFile;
use upswell::graphql::sdl;
use upswell::project::{ProjectFiles, load};

const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/schema.graphql");

fn current() -> String {
    let project = SourceFile::new("upswell.yml", "version: 1\nwarehouse: warehouse\n");
    let loaded = load(&ProjectFiles::from_texts(Path::new("."), vec![project]));
    sdl(&loaded.model.unwrap()).unwrap()
}

#[test]
fn the_committed_schema_is_current() {
    let current = current();
    if std::env::var_os("UPSWELL_UPDATE_GOLDEN").is_some() {
        std::fs::write(COMMITTED, &current).unwrap();
    }
    let committed = std::fs::read_to_string(COMMITTED).unwrap_or_default();
    let differs = committed.lines().zip(current.lines()).find(|(old, new)| old != new);
    assert!(committed == current, "schema/schema.graphql is not current, from {differs:?} on");
}

#[test]
fn every_typed_field_has_a_canonical_metric() {
    let current = current();
    for name in [
        "nrr",
        "expansion_mrr",
        "attach_rate",
        "median_days_to_expansion",
        "credited_mrr",
        "cohort_mrr_retention",
    ] {
        assert!(current.contains(&format!("\n  {name}\n")), "{name} is not a MetricName");
    }
}
