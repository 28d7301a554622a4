//! A project on disk: the only place that reads definition files. What it reads becomes a
//! [`ProjectFiles`], which [`load`] turns into a model without touching the disk again.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::definitions::{self, Definitions, PROJECT_FILE};
use crate::diagnostics::{Code, Diagnostic, Diagnostics, SourceFile, Sources};
use crate::model::{self, Model};

/// Folders of definitions below a project's root.
const FOLDERS: [&str; 3] = ["datasets", "metrics", "tests"];

/// More files than this are not definitions.
const MAX_FILES: usize = 10_000;

/// The texts of a project, and the folder that relative paths are relative to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProjectFiles {
    pub root: PathBuf,
    /// Paths relative to the root, with `/`.
    pub files: Vec<SourceFile>,
    /// Files that are there but could not be read.
    pub unreadable: Vec<String>,
}

impl ProjectFiles {
    /// A project that was never on a disk: tests, fixtures, a file handed over.
    #[must_use]
    pub fn from_texts(root: &Path, files: Vec<SourceFile>) -> Self {
        Self { root: root.to_owned(), files, unreadable: Vec::new() }
    }

    /// Reads `upswell.yml`, and the `*.yml` and `*.yaml` below `datasets`, `metrics` and `tests`.
    ///
    /// # Errors
    /// When the folder itself cannot be read; single files that cannot are remembered.
    pub fn read(root: &Path) -> io::Result<Self> {
        fs::read_dir(root)?;
        let mut found = Self { root: root.to_owned(), ..Self::default() };
        if root.join(PROJECT_FILE).exists() {
            found.read_file(&root.join(PROJECT_FILE), PROJECT_FILE);
        }
        for folder in FOLDERS {
            if root.join(folder).is_dir() {
                found.read_folder(&root.join(folder), folder, 0);
            }
        }
        Ok(found)
    }

    fn read_folder(&mut self, folder: &Path, shown: &str, depth: usize) {
        let Ok(entries) = fs::read_dir(folder) else {
            self.unreadable.push(shown.to_owned());
            return;
        };
        let mut entries: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        entries.sort();
        for path in entries {
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
            let shown = format!("{shown}/{name}");
            if name.starts_with('.') || self.files.len() >= MAX_FILES {
                continue;
            }
            // The depth keeps links that lead back up from being followed forever.
            if path.is_dir() && depth < 16 {
                self.read_folder(&path, &shown, depth + 1);
            } else if matches!(path.extension().and_then(|e| e.to_str()), Some("yml" | "yaml")) {
                self.read_file(&path, &shown);
            }
        }
    }

    fn read_file(&mut self, path: &Path, shown: &str) {
        match fs::read_to_string(path) {
            // Editors on Windows write a mark in front that is no part of the text.
            Ok(text) => {
                self.files.push(SourceFile::new(shown, text.trim_start_matches('\u{feff}')));
            }
            Err(_) => self.unreadable.push(shown.to_owned()),
        }
    }
}

/// What a load gives: the model unless something is an error, everything found, and the
/// definitions as written (with their tests and targets).
#[derive(Debug)]
pub struct Loaded {
    pub model: Option<Model>,
    pub diagnostics: Diagnostics,
    pub definitions: Definitions,
}

/// Definitions that ship and the project's own → a model. Pure: the same texts give the same model.
#[must_use]
pub fn load(project: &ProjectFiles) -> Loaded {
    load_beside(project, Vec::new())
}

/// The same with the tests of the definitions that ship.
#[must_use]
pub fn load_with_tests(project: &ProjectFiles) -> Loaded {
    load_beside(project, definitions::canonical_tests())
}

fn load_beside(project: &ProjectFiles, more: Vec<SourceFile>) -> Loaded {
    let own = Sources::new(project.files.clone());
    let (settings, _) = definitions::parse_project(&own);
    let canonical = settings.is_none_or(|settings| settings.canonical_definitions != Some(false));
    let mut files = if canonical { definitions::canonical_sources() } else { Vec::new() };
    if canonical {
        files.extend(more);
    }
    files.extend(project.files.iter().cloned());

    let sources = Sources::new(files);
    let (definitions, mut problems) = definitions::parse(&sources);
    problems.extend(project.unreadable.iter().map(|path| {
        Diagnostic::without_place(Code::Unreadable, format!("`{path}` cannot be read as text"))
    }));
    let (model, diagnostics) = model::resolve(&definitions, &sources, problems);
    let model = model
        .map(|model| Model { warehouse: join_warehouse(&project.root, &model.warehouse), ..model });
    Loaded { model, diagnostics, definitions }
}

/// Relative paths are relative to the project; URLs and absolute paths stay.
fn join_warehouse(root: &Path, written: &str) -> String {
    if written.contains("://") {
        return written.to_owned();
    }
    root.join(written).to_string_lossy().into_owned()
}

#[cfg(test)]
mod golden;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostics::Format;

    /// Names of the canon, as the definition book lists them, and their twins and helpers.
    const CANON: &str = "mrr arr active_customers nrr nrr_period grr grr_period logo_retention \
        logo_churn_rate gross_churn_rate expansion_rate average_expansion_per_customer \
        average_expansion_per_event expansion_mrr new_mrr contraction_mrr churned_mrr \
        reactivation_mrr net_new_mrr quick_ratio expansion_share_of_growth arpa attach_rate \
        median_days_to_expansion credited_mrr logo_retention_period logo_churn_rate_period \
        gross_churn_rate_period expansion_rate_period expansion_events expanding_customers \
        cohort_mrr_retention";

    fn load_texts(files: &[(&str, &str)]) -> Loaded {
        let files = files.iter().map(|(path, text)| SourceFile::new(*path, *text)).collect();
        load(&ProjectFiles::from_texts(Path::new("/p"), files))
    }

    #[test]
    fn the_definitions_that_ship_load_without_a_finding() {
        let loaded = load_texts(&[("upswell.yml", "version: 1\nwarehouse: data\n")]);
        let found = loaded.diagnostics.render(Format::Human);
        assert!(loaded.diagnostics.is_empty(), "{found}");
        let model = loaded.model.unwrap();
        assert_eq!(model.warehouse, "/p/data");
        assert_eq!(model.version.len(), 16);
        for name in CANON.split_whitespace() {
            let metric = &model.metrics[name];
            let words = [&metric.description, &metric.formula, &metric.additive, &metric.label];
            assert!(words.iter().all(|text| !text.is_empty()), "{name}");
            assert!(!metric.dimensions.is_empty() && !metric.lineage.is_empty(), "{name}");
            assert!(metric.definition.starts_with(&format!("name: {name}\n")), "{name}");
        }
        let answers = |field| model.metric_of_field(field).map(|metric| metric.name.as_str());
        assert_eq!(answers("nrr"), Some("nrr"));
        assert_eq!(answers("expansionByType"), Some("expansion_mrr"));
        assert_eq!(answers("attachRate"), Some("attach_rate"));
        assert_eq!(answers("timeToExpansion"), Some("median_days_to_expansion"));
        assert_eq!(answers("csmExpansionAttribution"), Some("credited_mrr"));
        assert_eq!(answers("cohorts"), Some("cohort_mrr_retention"));
    }
}
