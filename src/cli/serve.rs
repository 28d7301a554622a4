//! `upswell serve`: a project over HTTP until it is told to stop.

use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use tokio::net::TcpListener;

use crate::app::{self, AppError};
use crate::config;
use crate::diagnostics::Format;
use crate::server::{ServeOptions, ServerState, router, serve};

use super::{Ended, LimitArgs, ProjectArgs};

#[derive(Debug, Args)]
pub struct ServeArgs {
    #[command(flatten)]
    project: ProjectArgs,
    /// Address to listen on [default: 127.0.0.1:4000].
    #[arg(long, env = "UPSWELL_LISTEN")]
    listen: Option<SocketAddr>,
}

/// A query whose answer every warehouse with recurring revenue has.
const TRY: &str =
    "{ nrr(period: {last: 1}, grain: QUARTER) { rows { period { start end } nrr grr } } }";

pub async fn run(args: &ServeArgs) -> Ended {
    serve_project(&args.project.project, &args.project.limits, args.listen, false).await
}

/// Serves until Ctrl-C or SIGTERM, then lets running requests finish.
pub async fn serve_project(
    project: &Path,
    limits: &LimitArgs,
    listen: Option<SocketAddr>,
    introduce: bool,
) -> Ended {
    let opened = app::open(project, &limits.into())?;
    if !opened.diagnostics.is_empty() {
        eprintln!("{}", opened.diagnostics.render(Format::Human));
    }
    let listen = config::listen(listen, &opened.settings)?;
    let listener = TcpListener::bind(listen)
        .await
        .map_err(|source| AppError::Listen { address: listen, source })?;
    let address = listener.local_addr().map_err(AppError::Runtime)?;
    println!("Upswell listens on http://{address}");
    println!("  dashboard  http://{address}/");
    println!("  GraphQL    http://{address}/graphql   (explorer: http://{address}/explorer)");
    if introduce {
        println!(
            "\nTry:\n  curl -s http://{address}/graphql -H 'content-type: application/json' \\"
        );
        println!("    -d '{{\"query\": \"{TRY}\"}}'\n\nCtrl-C stops.");
    }
    let state = ServerState::new(opened.api);
    let router = router(std::sync::Arc::clone(&state));
    let stop = async move {
        stop_signal().await;
        state.drain();
    };
    let finished = serve(listener, router, ServeOptions::default(), stop);
    if !finished.await.map_err(AppError::Runtime)? {
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
