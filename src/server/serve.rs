//! Listening: connections with a limit on how long they may keep silent, and a graceful stop.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::front::Front;
use super::patience::{Note, Patience, Wait, Watched};
use super::repoll::Repoll;

/// Waiting after a failed accept (no file handles left), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How connections are kept.
#[derive(Debug, Clone, Copy)]
pub struct ServeOptions {
    /// The longest that a client may take to send a request's headers, from their first byte.
    pub header_timeout: Duration,
    /// How long a connection is kept open on which nothing is asked.
    pub idle_timeout: Duration,
    /// The longest that running requests are waited for when stopping.
    pub drain_timeout: Duration,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            header_timeout: Duration::from_secs(10),
            // Longer than clients' pools and proxies keep theirs (60 s), so that they close first.
            idle_timeout: Duration::from_secs(75),
            drain_timeout: Duration::from_secs(30),
        }
    }
}

/// Serves HTTP/1 until `stop` completes, then lets running requests finish. Says whether all of
/// them did within the drain time; the others are dropped.
///
/// # Errors
/// Where the listener is not usable at all. Connections fail on their own.
pub async fn serve(
    listener: TcpListener,
    front: Front,
    options: ServeOptions,
    stop: impl Future<Output = ()>,
) -> io::Result<bool> {
    listener.local_addr()?;
    let mut connections = JoinSet::new();
    // One each: a channel that all share would be locked whenever one of them is polled.
    let mut stops = HashMap::new();
    tokio::pin!(stop);
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let (stop, stopped) = oneshot::channel();
                    let connection = connection(stream, front.clone(), options, stopped);
                    stops.insert(connections.spawn(connection).id(), stop);
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(ended) = connections.join_next_with_id() => {
                stops.remove(&ended.map_or_else(|error| error.id(), |(id, ())| id));
            }
            () = &mut stop => break,
        }
    }
    drop(listener);
    // A dropped sender says it too.
    drop(stops);
    let finished = async { while connections.join_next().await.is_some() {} };
    Ok(tokio::time::timeout(options.drain_timeout, finished).await.is_ok())
}

async fn connection(
    stream: TcpStream,
    front: Front,
    options: ServeOptions,
    mut stopped: oneshot::Receiver<()>,
) {
    // Answers are written at once; waiting to fill packets only delays them.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "no TCP_NODELAY");
    }
    let peer = stream.peer_addr().ok();
    let note = Note::new();
    let service = service_fn(|request: Request<Incoming>| {
        note.write(Wait::Answer);
        let (answering, note) = (front.answer(request.map(Body::new), peer), &note);
        async move {
            let response = answering.await;
            note.write(Wait::Idle);
            Ok::<_, Infallible>(response)
        }
    });
    let stream = TokioIo::new(Watched::new(stream, note.clone()));
    let connection =
        http1::Builder::new().header_read_timeout(None).serve_connection(stream, service);
    let patience = Patience { head: options.header_timeout, idle: options.idle_timeout };
    let silence = tokio::time::sleep(patience.head);
    let mut repoll = Repoll::default();
    tokio::pin!(connection, silence);
    let mut stopping = false;
    loop {
        tokio::select! {
            biased;
            ended = poll_fn(|context| repoll.poll(connection.as_mut(), context)) => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "a connection ended early");
                }
                return;
            }
            _ = &mut stopped, if !stopping => {
                stopping = true;
                connection.as_mut().graceful_shutdown();
            }
            () = silence.as_mut() => match patience.until(&note, Instant::now()) {
                Some(again) => silence.as_mut().reset(again.into()),
                None => {
                    tracing::debug!("a connection kept silent for too long");
                    return;
                }
            }
        }
    }
}
