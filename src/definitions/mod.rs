//! Definitions as written: YAML text → typed definitions with spans. No IO, no knowledge of the
//! model: names are not bound here, expressions not parsed.
//!
//! [`parse`] reads every text it is given and reports everything that is wrong with their shape;
//! what could not be read is left out, its names remembered in [`Definitions::broken`].

mod balance;
mod canonical;
mod dataset;
pub mod metric;
mod project;
mod read;
mod record;
mod schema;
mod yaml;

pub use balance::{BalanceDef, IntervalsDef, LedgerDef, ShapeDef, SnapshotsDef};
pub use canonical::{canonical_sources, canonical_tests};
pub use dataset::{
    ColumnDef, ColumnTypeDef, DatasetDef, DimensionDef, JoinDef, PairDef, RollUpDef,
};
pub use metric::{AskDef, BandDef, CommonDef, KindDef, MetricDef, TestDef, TestRow};
pub use project::{MappedColumn, MappingDef, PreAggregateDef, ProjectDef, TileDef};
pub use read::{Entries, Located, Mapping, Name, NonEmpty, Nullable, OneOrMany, Text};

use crate::diagnostics::{Code, Diagnostic, SourceFile, SourceId, Sources, Span};
use read::{Read, Reader};
use record::record;

/// The file of a project's settings, at its root.
pub const PROJECT_FILE: &str = "upswell.yml";

/// Where the definitions that ship are shown to come from.
pub const CANONICAL_PREFIX: &str = "canonical/";

/// Everything written, in order of the files.
#[derive(Debug, Default)]
pub struct Definitions {
    pub project: Option<ProjectDef>,
    pub datasets: Vec<DatasetDef>,
    pub balances: Vec<BalanceDef>,
    pub metrics: Vec<MetricDef>,
    /// Tests that stand beside their metrics.
    pub tests: Vec<TestDef>,
    /// Names of definitions that could not be read.
    pub broken: Vec<String>,
}

record! {
    /// A definition file: any of the four lists.
    pub struct FileDef is "a definition file" {
        /// Version of the definition language: 1.
        version: Option<Located<u32>>,
        /// Tables of the warehouse.
        datasets: Vec<DatasetDef>,
        /// Recurring revenue.
        balances: Vec<BalanceDef>,
        /// Metrics.
        metrics: Vec<MetricDef>,
        /// Tests of metrics, each naming its own.
        tests: Vec<TestDef>,
    }
}

/// Reads every text. All problems of shape are in the second part.
#[must_use]
pub fn parse(sources: &Sources) -> (Definitions, Vec<Diagnostic>) {
    let mut all = Definitions::default();
    let mut reader = Reader::default();
    for (id, file) in sources.iter() {
        parse_file(id, file, &mut all, &mut reader);
    }
    all.broken = reader.broken;
    (all, reader.out)
}

/// Reads `upswell.yml` alone: it says whether the definitions that ship take part.
#[must_use]
pub fn parse_project(sources: &Sources) -> (Option<ProjectDef>, Vec<Diagnostic>) {
    let mut all = Definitions::default();
    let mut reader = Reader::default();
    for (id, file) in sources.iter().filter(|(_, file)| file.path == PROJECT_FILE) {
        parse_file(id, file, &mut all, &mut reader);
    }
    (all.project, reader.out)
}

fn parse_file(id: SourceId, file: &SourceFile, all: &mut Definitions, reader: &mut Reader) {
    let before = reader.out.len();
    let Some(node) = yaml::parse(id, file, &mut reader.out) else {
        // Other files may hold nothing yet; of this one two keys are needed.
        if file.path == PROJECT_FILE && reader.out.len() == before {
            let start = Span { source: id, ..Span::default() };
            let message = format!("`{PROJECT_FILE}` holds nothing");
            let found = Diagnostic::new(Code::MissingKey, start, message);
            reader.out.push(found.help("write `version: 1` and `warehouse: …`"));
        }
        return;
    };
    if file.path == PROJECT_FILE {
        all.project = ProjectDef::read(&node, reader);
    } else if let Some(read) = FileDef::read(&node, reader) {
        all.datasets.extend(read.datasets);
        all.balances.extend(read.balances);
        all.metrics.extend(read.metrics);
        all.tests.extend(read.tests);
    }
}

/// JSON Schema of definition files and of `upswell.yml`, for editors.
#[must_use]
pub fn json_schema() -> serde_json::Value {
    serde_json::json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Upswell definitions",
        "anyOf": [ProjectDef::schema(), FileDef::schema()],
        "$defs": { "metric": metric::common_schema(), "version": metric::version_schema() },
    })
}
