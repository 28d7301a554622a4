//! Logs: to standard error, by `UPSWELL_LOG` (as in `info` or `upswell=debug`).

use tracing_subscriber::EnvFilter;

/// Starts the process's only subscriber. Warnings alone unless asked otherwise.
pub fn start() {
    let filter = EnvFilter::try_from_env("UPSWELL_LOG").unwrap_or_else(|_| EnvFilter::new("error"));
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second start (tests) keeps the first subscriber.
    subscriber.try_init().ok();
}
