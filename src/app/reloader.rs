//! A project that is read anew while it is served: the next API comes from the same folder, and
//! takes over what the engine before it remembers.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use super::{AppError, Opened, load_timed, open_loaded, problems, read_project};
use crate::config::GivenLimits;
use crate::diagnostics::Code;
use crate::engine::LocalEngine;
use crate::graphql::ProblemInfo;
use crate::project::ProjectFiles;
use crate::server::{Next, NextApi};

/// Reads a project's folder anew.
pub struct Reloader {
    folder: PathBuf,
    limits: GivenLimits,
    known: Mutex<Known>,
}

struct Known {
    /// The texts that were read last, whether they held together or not.
    files: ProjectFiles,
    /// Why they were refused, if they were: so they are until something is written.
    refused: Option<Vec<ProblemInfo>>,
    engine: Arc<LocalEngine>,
}

/// Opens a project together with what reloads it.
pub fn open_reloadable(
    folder: &Path,
    limits: &GivenLimits,
) -> Result<(Opened, Arc<Reloader>), AppError> {
    let files = read_project(folder)?;
    let opened = open_loaded(load_timed(&files), limits, None)?;
    let known = Mutex::new(Known { files, refused: None, engine: Arc::clone(&opened.engine) });
    let reloader = Reloader { folder: folder.to_owned(), limits: *limits, known };
    Ok((opened, Arc::new(reloader)))
}

impl Reloader {
    /// Blocking: reads files, parses and checks them.
    fn read(&self) -> Next {
        let files = match read_project(&self.folder) {
            Ok(files) => files,
            Err(error) => return Next::Refused(vec![told(&error)]),
        };
        let previous = {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            if known.files == files {
                return known.refused.clone().map_or(Next::Unchanged, Next::Refused);
            }
            known.files = files.clone();
            Arc::clone(&known.engine)
        };
        let loaded = load_timed(&files);
        let opened = match loaded.model {
            None => Err(problems(&loaded.diagnostics)),
            Some(_) => open_loaded(loaded, &self.limits, Some(&previous))
                .map_err(|error| vec![told(&error)]),
        };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.refused = opened.as_ref().err().cloned();
        match opened {
            Ok(opened) => {
                known.engine = opened.engine;
                Next::Ready(Box::new(opened.api))
            }
            Err(problems) => Next::Refused(problems),
        }
    }
}

/// Something wrong that no place in a definition file can be pointed at.
fn told(error: &AppError) -> ProblemInfo {
    ProblemInfo {
        code: Code::Unreadable.as_str().to_owned(),
        severity: "error".to_owned(),
        message: error.to_string(),
        file: None,
        line: None,
    }
}

/// A reload in a task of its own, off the threads that answer requests.
#[async_trait]
impl NextApi for Arc<Reloader> {
    async fn next(&self) -> Next {
        let this = Arc::clone(self);
        let read = tokio::task::spawn_blocking(move || this.read()).await;
        read.unwrap_or_else(|error| {
            tracing::error!(%error, "a reload stopped");
            let message = "the definitions could not be read: see the log".to_owned();
            let code = Code::Unreadable.as_str().to_owned();
            let severity = "error".to_owned();
            Next::Refused(vec![ProblemInfo { code, severity, message, file: None, line: None }])
        })
    }
}
