//! What sets off a reload while serving: a changed definition file (`--watch`) and SIGHUP.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use crate::server::ServerState;

/// How often `--watch` looks at the project's files. Looking works where systems do not tell of
/// changes (network disks, mounted volumes), and a project's texts are read in a millisecond.
const LOOK: Duration = Duration::from_secs(1);

/// Reloads on SIGHUP and, if asked to, whenever the project's files say something else. Runs until
/// it is dropped.
pub async fn reload_when_told(state: Arc<ServerState>, watch: bool) {
    let mut hangups = hangups();
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = looks.tick(), if watch => {}
            () = hangup(&mut hangups) => {}
        }
        // A reload of unchanged texts changes nothing.
        state.reload().await;
    }
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
