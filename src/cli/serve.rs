//! `upswell serve`: a project over HTTP until it is told to stop.

use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use tokio::net::TcpListener;

use crate::app::{self, AppError};
use crate::config;
use crate::diagnostics::Format;
use crate::server::{Front, ServeOptions, ServerState, serve};

use super::watch::reload_when_told;
use super::{Ended, LimitArgs, ProjectArgs};

#[derive(Debug, Args)]
pub struct ServeArgs {
    #[command(flatten)]
    project: ProjectArgs,
    /// Address to listen on [default: 127.0.0.1:4000].
    #[arg(long, env = "UPSWELL_LISTEN")]
    listen: Option<SocketAddr>,
    /// Read the definitions anew whenever a file of the project changes.
    #[arg(long)]
    watch: bool,
}

/// A query whose answer every warehouse with recurring revenue has.
const TRY: &str =
    "{ nrr(period: {last: 1}, grain: QUARTER) { rows { period { start end } nrr grr } } }";

pub async fn run(args: &ServeArgs) -> Ended {
    let how = How { listen: args.listen, watch: args.watch, introduce: false };
    serve_project(&args.project.project, &args.project.limits, how).await
}

/// How a project is served.
#[derive(Debug, Clone, Copy)]
pub struct How {
    pub listen: Option<SocketAddr>,
    /// Reload on changes of the project's files.
    pub watch: bool,
    /// Print a query to try.
    pub introduce: bool,
}

/// Serves until Ctrl-C or SIGTERM, then lets running requests finish.
pub async fn serve_project(project: &Path, limits: &LimitArgs, how: How) -> Ended {
    let (opened, reloader) = app::open_reloadable(project, &limits.into())?;
    if !opened.diagnostics.is_empty() {
        eprintln!("{}", opened.diagnostics.render(Format::Human));
    }
    let listen = config::listen(how.listen, &opened.settings)?;
    let listener = TcpListener::bind(listen)
        .await
        .map_err(|source| AppError::Listen { address: listen, source })?;
    let address = listener.local_addr().map_err(AppError::Runtime)?;
    println!("Upswell listens on http://{address}");
    println!("  dashboard  http://{address}/");
    println!("  GraphQL    http://{address}/graphql   (explorer: http://{address}/explorer)");
    if how.introduce {
        println!(
            "\nTry:\n  curl -s http://{address}/graphql -H 'content-type: application/json' \\"
        );
        println!("    -d '{{\"query\": \"{TRY}\"}}'\n\nCtrl-C stops.");
    }
    let state = ServerState::reloadable(opened.api, Box::new(reloader));
    let front = Front::new(Arc::clone(&state));
    let reloads = reload_when_told(Arc::clone(&state), project.to_owned(), how.watch);
    let reloads = tokio::spawn(reloads);
    let stop = async move {
        stop_signal().await;
        state.drain();
    };
    let finished = serve(listener, front, ServeOptions::default(), stop);
    let finished = finished.await.map_err(AppError::Runtime)?;
    reloads.abort();
    if !finished {
        eprintln!("Some requests did not finish in time and were dropped.");
    }
    Ok(ExitCode::SUCCESS)
}

async fn stop_signal() {
    let interrupted = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminated) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = interrupted => {}
                _ = terminated.recv() => {}
            }
            return;
        }
    }
    interrupted.await.ok();
}
