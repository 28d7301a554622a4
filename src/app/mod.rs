//! The composition root: a project folder → model, catalog, engine, API.

mod reloader;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use crate::catalog::{Catalog, CatalogError, CatalogSettings};
use crate::clock::SystemClock;
use crate::config::{self, GivenLimits, Limits, SettingError};
use crate::definitions::Definitions;
use crate::diagnostics::{Diagnostics, Format, Severity, SourceFile};
use crate::engine::{Engine, EngineSettings, LocalEngine};
use crate::fixtures::FixtureError;
use crate::generate::GenerateError;
use crate::graphql::{Api, ProblemInfo, SchemaError};
use crate::model::Model;
use crate::project::{Loaded, ProjectFiles, load, load_with_tests};

pub use reloader::{Reloader, open_reloadable};

/// Why a command cannot run.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    #[error("`{}` is no project: there is no upswell.yml in it. `upswell demo` writes one to look at.", .0.display())]
    NoProject(PathBuf),
    #[error("the project folder `{}` cannot be read", path.display())]
    Project { path: PathBuf, source: io::Error },
    #[error("the definitions have errors:\n{0}")]
    Definitions(String),
    #[error("`{}` cannot be read or written", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("cannot listen on {address}")]
    Listen { address: SocketAddr, source: io::Error },
    #[error("`--variables` is not a JSON object")]
    Variables(#[source] serde_json::Error),
    #[error("the response is not readable")]
    Response(#[source] serde_json::Error),
    #[error("there is no metric, dimension, dataset, balance or diagnostic code `{name}`.{hint}")]
    UnknownSubject { name: String, hint: String },
    #[error("`{}` holds a project already", .0.display())]
    ProjectExists(PathBuf),
    #[error("`{0}` is no local folder: files are written to local warehouses only")]
    RemoteWarehouse(String),
    #[error("`{}` holds no CSV file with a header", .0.display())]
    NoCsv(PathBuf),
    #[error(transparent)]
    Fixture(#[from] FixtureError),
    #[error("no test's metric or name holds `{0}`")]
    NoTest(String),
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    #[error(transparent)]
    Schema(#[from] SchemaError),
    #[error(transparent)]
    Generate(#[from] GenerateError),
    #[error(transparent)]
    Setting(#[from] SettingError),
    #[error("the system refused")]
    Runtime(#[source] io::Error),
}

/// A project, ready to answer.
pub struct Opened {
    pub api: Api,
    pub engine: Arc<LocalEngine>,
    /// Warnings of the definitions.
    pub diagnostics: Diagnostics,
    /// `settings` of upswell.yml.
    pub settings: BTreeMap<String, String>,
}

/// Reads and resolves a project's definitions.
pub fn load_project(folder: &Path) -> Result<Loaded, AppError> {
    read_project(folder).map(|files| load_timed(&files))
}

/// Loads, and logs how long it took.
fn load_timed(files: &ProjectFiles) -> Loaded {
    let begun = Instant::now();
    let loaded = load(files);
    tracing::debug!(micros = begun.elapsed().as_micros(), "definitions loaded");
    loaded
}

/// The same with the tests of the definitions that ship; without a project in the folder, those
/// definitions alone.
pub fn load_project_with_tests(folder: &Path) -> Result<Loaded, AppError> {
    match read_project(folder) {
        Err(AppError::NoProject(_)) => Ok(load_with_tests(&canonical_alone(folder))),
        files => files.map(|files| load_with_tests(&files)),
    }
}

/// The texts of a project.
pub fn read_project(folder: &Path) -> Result<ProjectFiles, AppError> {
    let files = ProjectFiles::read(folder)
        .map_err(|source| AppError::Project { path: folder.to_owned(), source })?;
    if files.files.is_empty() && files.unreadable.is_empty() {
        return Err(AppError::NoProject(folder.to_owned()));
    }
    Ok(files)
}

/// A project that adds nothing to what ships.
fn canonical_alone(folder: &Path) -> ProjectFiles {
    let text = "version: 1\nname: canonical\nwarehouse: warehouse\n";
    ProjectFiles::from_texts(folder, vec![SourceFile::new("upswell.yml", text)])
}

/// Opens a project. Touches no table: a store that is down shows in answers.
pub fn open(folder: &Path, limits: &GivenLimits) -> Result<Opened, AppError> {
    open_loaded(load_project(folder)?, limits, None)
}

/// Opens a project or, where the folder holds none, the canonical definitions alone.
pub fn open_or_canonical(folder: &Path, limits: &GivenLimits) -> Result<Opened, AppError> {
    match load_project(folder) {
        Err(AppError::NoProject(_)) => open_loaded(load(&canonical_alone(folder)), limits, None),
        loaded => open_loaded(loaded?, limits, None),
    }
}

/// What `previous` remembers goes on to the new engine.
fn open_loaded(
    loaded: Loaded,
    limits: &GivenLimits,
    previous: Option<&LocalEngine>,
) -> Result<Opened, AppError> {
    let Some(model) = loaded.model else {
        return Err(AppError::Definitions(loaded.diagnostics.render(Format::Human)));
    };
    let problems = problems(&loaded.diagnostics);
    let settings = settings_of(&loaded.definitions);
    let opened = open_after(model, &config::limits(limits, &settings)?, previous)?;
    Ok(Opened {
        api: opened.api.with_problems(problems),
        diagnostics: loaded.diagnostics,
        settings,
        ..opened
    })
}

/// `settings` as written.
#[must_use]
pub fn settings_of(definitions: &Definitions) -> BTreeMap<String, String> {
    let settings = definitions.project.iter().flat_map(|project| project.settings.iter());
    settings.map(|(name, value)| (name.value.clone(), value.value.clone())).collect()
}

/// An engine and an API over a model.
pub fn open_model(model: Model, limits: &Limits) -> Result<Opened, AppError> {
    open_after(model, limits, None)
}

fn open_after(
    model: Model,
    limits: &Limits,
    previous: Option<&LocalEngine>,
) -> Result<Opened, AppError> {
    let model = Arc::new(model);
    let settings = CatalogSettings { refresh: limits.refresh, ..CatalogSettings::default() };
    let catalog = Catalog::open(Arc::clone(&model), settings)?;
    let settings = EngineSettings {
        facts_memory: limits.facts_memory,
        query_memory: limits.query_memory,
        timeout: limits.timeout,
        max_rows: limits.max_rows,
        // One half for answers, one for the responses that are written from them.
        result_memory: limits.result_cache / 2,
        proof_percent: limits.proof_percent,
        ..EngineSettings::default()
    };
    let engine = LocalEngine::new(model, catalog, settings, Arc::new(SystemClock))?;
    let engine = Arc::new(match previous {
        Some(previous) => engine.succeeding(previous),
        None => engine,
    });
    let api = Api::new(Arc::clone(&engine) as Arc<dyn Engine>)?.keeping(limits.result_cache / 2);
    Ok(Opened { api, engine, diagnostics: Diagnostics::default(), settings: BTreeMap::new() })
}

fn problems(diagnostics: &Diagnostics) -> Vec<ProblemInfo> {
    diagnostics
        .iter()
        .map(|found| {
            let place = found.span.and_then(|span| diagnostics.sources().locate(span));
            ProblemInfo {
                code: found.code.as_str().to_owned(),
                severity: match found.severity() {
                    Severity::Error => "error",
                    Severity::Warning => "warning",
                }
                .to_owned(),
                message: found.message.clone(),
                file: place.map(|(file, _)| file.to_owned()),
                line: place.map(|(_, at)| at.line),
            }
        })
        .collect()
}
