//! Logs: to standard error, by `UPSWELL_LOG` (as in `info` or `upswell=debug`).

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// Errors, and reloads of the definitions: they are rare, and whoever changed a file looks for them.
const USUAL: &str = "error,upswell::reload=info";

/// Starts the process's only subscriber. Colours are for terminals, unless `NO_COLOR` is set.
pub fn start() {
    let filter = EnvFilter::try_from_env("UPSWELL_LOG").unwrap_or_else(|_| EnvFilter::new(USUAL));
    let plain = std::env::var_os("NO_COLOR").is_some_and(|set| !set.is_empty());
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(!plain && std::io::stderr().is_terminal());
    // A second start (tests) keeps the first subscriber.
    subscriber.try_init().ok();
}
