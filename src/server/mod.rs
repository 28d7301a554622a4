//! HTTP: routes, content negotiation, limits, health, metrics, graceful stop.
//!
//! A request comes in through [`serve`], which minds its connection, and goes to the [`Front`].
//!
//! Everything about data comes through the front door of [`graphql`](crate::graphql): this room
//! knows media types and status codes, never definitions, models or plans. One request uses one
//! [`Api`] from start to end; a reload swaps it for the requests that follow.

mod front;
mod graphql;
mod gzip;
mod health;
mod negotiation;
mod observe;
mod pages;
mod patience;
mod reload;
mod repoll;
mod serve;
mod status;
mod tables;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::Router;
use axum::body::Body;
use axum::extract::{MatchedPath, Request};
use axum::http::header::{CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware;
use axum::response::Response;
use axum::routing::{get, post};
use bytes::Bytes;
use tower_http::compression::CompressionLayer;

use crate::error::{ApiError, ErrorCode};
use crate::graphql::{Api, Caller, error_body};

pub use front::Front;
pub use reload::{Next, NextApi, Reloaded};
pub use serve::{ServeOptions, serve};

use observe::{RequestId, Telemetry};

/// The largest request body.
const BODY_LIMIT: usize = 1024 * 1024;

/// How long a client may take to send its body.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// What all requests share.
pub struct ServerState {
    api: ArcSwap<Api>,
    draining: AtomicBool,
    telemetry: Telemetry,
    /// Who asks: there are no access rules.
    anyone: Caller,
    body_timeout: Duration,
    /// Where the next API comes from; none: this one stays.
    source: Option<Box<dyn NextApi>>,
    /// Held while one is made.
    reloading: tokio::sync::Mutex<()>,
}

impl ServerState {
    /// A state whose API stays.
    #[must_use]
    pub fn new(api: Api) -> Arc<Self> {
        Arc::new(Self::build(api, None))
    }

    /// A state whose API is made anew from `source` when a reload is asked for.
    #[must_use]
    pub fn reloadable(api: Api, source: Box<dyn NextApi>) -> Arc<Self> {
        Arc::new(Self::build(api, Some(source)))
    }

    fn build(api: Api, source: Option<Box<dyn NextApi>>) -> Self {
        Self {
            api: ArcSwap::from_pointee(api),
            draining: AtomicBool::new(false),
            telemetry: Telemetry::new(),
            anyone: Caller::unrestricted("anonymous", ""),
            body_timeout: BODY_TIMEOUT,
            source,
            reloading: tokio::sync::Mutex::default(),
        }
    }

    /// The API that requests are answered by now.
    #[must_use]
    pub fn api(&self) -> Arc<Api> {
        self.api.load_full()
    }

    /// Answers the requests that follow by another API. Running ones keep theirs.
    pub fn swap(&self, api: Api) {
        self.api.store(Arc::new(api));
    }

    /// Says on `/readyz` that no further requests should be sent here.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }
}

/// Every route but that of documents.
fn routes(state: Arc<ServerState>) -> Router {
    Router::<Arc<ServerState>>::new()
        .route("/schema.graphql", get(pages::schema))
        .route("/api/v1/metrics.json", get(tables::json))
        .route("/api/v1/metrics.csv", get(tables::csv))
        .route("/api/v1/metrics.arrow", get(tables::arrow))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(observe::metrics))
        .route("/admin/reload", post(reload::reload))
        .merge(crate::dashboard::router())
        .fallback(no_route)
        .method_not_allowed_fallback(no_method)
        .layer(CompressionLayer::new())
        .layer(middleware::from_fn(tell_route))
        .with_state(state)
}

/// Says with the answer which route gave it.
async fn tell_route(
    route: Option<MatchedPath>,
    request: Request,
    next: middleware::Next,
) -> Response {
    let mut response = next.run(request).await;
    if let Some(route) = route {
        response.extensions_mut().insert(route);
    }
    response
}

async fn no_route(id: axum::Extension<RequestId>) -> Response {
    let error = ApiError::new(ErrorCode::BadRequest, "There is nothing here. See `/` for what is.");
    error_response(StatusCode::NOT_FOUND, &error, &id)
}

async fn no_method(id: axum::Extension<RequestId>) -> Response {
    let error = ApiError::new(ErrorCode::BadRequest, "This address answers GET only.");
    error_response(StatusCode::METHOD_NOT_ALLOWED, &error, &id)
}

/// `{"errors": […]}` with a status.
fn error_response(status: StatusCode, error: &ApiError, id: &RequestId) -> Response {
    json_response(status, "application/json; charset=utf-8", error_body(error, id.as_str()))
}

fn json_response(status: StatusCode, media_type: &'static str, body: impl Into<Bytes>) -> Response {
    let mut response = Response::new(Body::from(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

/// Browsers must not guess what a body is.
fn harden(response: &mut Response) {
    response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}
