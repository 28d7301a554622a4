//! What sets off a reload while serving: a changed definition file (`--watch`) and SIGHUP.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use notify_debouncer_full::notify::{RecommendedWatcher, RecursiveMode};
use notify_debouncer_full::{DebounceEventResult, Debouncer, RecommendedCache, new_debouncer};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};

use crate::server::ServerState;

/// Changes that come closer together than this are one.
const QUIET: Duration = Duration::from_millis(200);

/// How often files are looked at where the system tells of changes (it may miss some: network
/// disks, mounted volumes), and where it does not.
const LOOK: [Duration; 2] = [Duration::from_secs(10), Duration::from_secs(1)];

/// Folders below the project that hold definitions. The warehouse may be below it too, and is never
/// watched.
const FOLDERS: [&str; 3] = ["datasets", "metrics", "tests"];

/// Reloads on SIGHUP and, if asked to, whenever the project's files say something else. Runs until
/// it is dropped.
pub async fn reload_when_told(state: Arc<ServerState>, project: PathBuf, watch: bool) {
    let (told, mut changes) = mpsc::channel(1);
    let mut watched = if watch { watcher(told.clone()) } else { None };
    let is_told = watched.as_mut().is_some_and(|watched| follow(watched, &project));
    let mut hangups = hangups();
    let mut looks = interval(LOOK[usize::from(!is_told)]);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            Some(()) = changes.recv() => {
                // A folder that is new since is watched from now on.
                if let Some(watched) = &mut watched {
                    follow(watched, &project);
                }
            }
            _ = looks.tick(), if watch => {}
            () = hangup(&mut hangups) => {}
        }
        // A reload of unchanged texts changes nothing.
        state.reload().await;
    }
}

type Watched = Debouncer<RecommendedWatcher, RecommendedCache>;

/// Tells of changes once they pause.
fn watcher(told: mpsc::Sender<()>) -> Option<Watched> {
    let handler = move |result: DebounceEventResult| match result {
        // One that waits already stands for this one too.
        Ok(_) => {
            told.try_send(()).ok();
        }
        Err(errors) => {
            for error in errors {
                tracing::warn!(%error, "watching files");
            }
        }
    };
    match new_debouncer(QUIET, None, handler) {
        Ok(watched) => Some(watched),
        Err(error) => {
            tracing::warn!(%error, "the system does not tell of changed files: looking at them");
            None
        }
    }
}

/// Watches the project's own files and its folders of definitions. Says whether it does.
fn follow(watched: &mut Watched, project: &Path) -> bool {
    for folder in FOLDERS.map(|folder| project.join(folder)).iter().filter(|f| f.is_dir()) {
        if let Err(error) = watched.watch(folder, RecursiveMode::Recursive) {
            tracing::warn!(%error, folder = %folder.display(), "a folder is not watched");
        }
    }
    watched.watch(project, RecursiveMode::NonRecursive).is_ok()
}

#[cfg(unix)]
type Hangups = Option<tokio::signal::unix::Signal>;
#[cfg(not(unix))]
type Hangups = ();

#[cfg(unix)]
fn hangups() -> Hangups {
    use tokio::signal::unix::{SignalKind, signal};
    signal(SignalKind::hangup()).ok()
}

#[cfg(not(unix))]
fn hangups() -> Hangups {}

#[cfg(unix)]
async fn hangup(hangups: &mut Hangups) {
    let told = match hangups {
        Some(signals) => signals.recv().await,
        None => None,
    };
    if told.is_none() {
        // No more signals will come.
        std::future::pending::<()>().await;
    }
}

#[cfg(not(unix))]
async fn hangup((): &mut Hangups) {
    std::future::pending::<()>().await;
}
