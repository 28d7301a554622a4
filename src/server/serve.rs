//! Listening: connections with a limit on how long headers may take, and a graceful stop.

use std::io;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tower::ServiceExt;

use super::reload::Peer;

/// Waiting after a failed accept (no file handles left), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How connections are kept.
#[derive(Debug, Clone, Copy)]
pub struct ServeOptions {
    /// The longest that a client may take to send a request's headers.
    pub header_timeout: Duration,
    /// The longest that running requests are waited for when stopping.
    pub drain_timeout: Duration,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self { header_timeout: Duration::from_secs(10), drain_timeout: Duration::from_secs(30) }
    }
}

/// Serves HTTP/1 until `stop` completes, then lets running requests finish. Says whether all of
/// them did within the drain time; the others are dropped.
///
/// # Errors
/// Where the listener is not usable at all. Connections fail on their own.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    options: ServeOptions,
    stop: impl Future<Output = ()>,
) -> io::Result<bool> {
    listener.local_addr()?;
    let (stopping, watched) = watch::channel(false);
    let mut connections = JoinSet::new();
    tokio::pin!(stop);
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let connection = connection(stream, router.clone(), options, watched.clone());
                    connections.spawn(connection);
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(_) = connections.join_next() => {}
            () = &mut stop => break,
        }
    }
    drop(listener);
    // No receiver left means no connection left.
    stopping.send(true).ok();
    let finished = async { while connections.join_next().await.is_some() {} };
    Ok(tokio::time::timeout(options.drain_timeout, finished).await.is_ok())
}

async fn connection(
    stream: TcpStream,
    router: Router,
    options: ServeOptions,
    mut stopping: watch::Receiver<bool>,
) {
    // Answers are written at once; waiting to fill packets only delays them.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "no TCP_NODELAY");
    }
    let peer = stream.peer_addr().ok();
    let service = router.map_request(move |mut request: Request<Incoming>| {
        if let Some(address) = peer {
            request.extensions_mut().insert(Peer(address));
        }
        request.map(Body::new)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(options.header_timeout)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop_of(&mut stopping) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// Completes when the server stops.
async fn stop_of(stopping: &mut watch::Receiver<bool>) {
    // A dropped sender means the server is gone, which is a stop too.
    stopping.wait_for(|stopping| *stopping).await.ok();
}
