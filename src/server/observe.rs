//! Around every request: its id, and what Prometheus counts.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{MatchedPath, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, HeaderValue, Method, Request, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::graphql::Measurement;

use super::{ServerState, harden};

const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// Upper ends of the duration buckets, in seconds.
const SECONDS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0];

/// The id that a request's answer, errors and logs share.
#[derive(Debug, Clone)]
pub(super) struct RequestId(Arc<str>);

impl RequestId {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The client's, if it is harmless in headers and logs; else a new one.
    fn of(request: &Request<Body>) -> Self {
        let given = request.headers().get(HEADER).and_then(|value| value.to_str().ok());
        let harmless = |text: &&str| {
            (1..=128).contains(&text.len())
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte))
        };
        match given.filter(harmless) {
            Some(text) => Self(text.into()),
            None => Self(format!("{:032x}", rand::random::<u128>()).into()),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    method: &'static str,
    route: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    route: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct MetricLabel {
    metric: String,
}

/// What is counted.
pub(super) struct Telemetry {
    registry: Registry,
    requests: Family<Labels, Counter>,
    seconds: Family<Route, Histogram>,
    in_flight: Gauge,
    deprecated: Family<MetricLabel, Counter>,
}

impl Telemetry {
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("upswell");
        let requests = Family::<Labels, Counter>::default();
        let seconds = Family::<Route, Histogram>::new_with_constructor(|| Histogram::new(SECONDS));
        let in_flight = Gauge::default();
        registry.register("http_requests", "Requests answered", requests.clone());
        registry.register(
            "http_request_duration_seconds",
            "Time until the answer's headers",
            seconds.clone(),
        );
        registry.register("http_requests_in_flight", "Requests being answered", in_flight.clone());
        let deprecated = Family::<MetricLabel, Counter>::default();
        registry.register(
            "deprecated_metrics_asked",
            "Requests that asked for a deprecated metric",
            deprecated.clone(),
        );
        Self { registry, requests, seconds, in_flight, deprecated }
    }

    /// Counts the deprecated metrics that a request asked for. Names are those of definitions, so
    /// there are few.
    pub fn count_deprecated(&self, metrics: &[String]) {
        for metric in metrics {
            self.deprecated.get_or_create(&MetricLabel { metric: metric.clone() }).inc();
        }
    }
}

/// Counts a request as in flight until it is answered or its client has gone.
struct InFlight(Gauge);

impl InFlight {
    fn start(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// The outermost layer.
pub(super) async fn observe(
    State(state): State<Arc<ServerState>>,
    mut request: Request<Body>,
    next: Next,
) -> Response {
    let id = RequestId::of(&request);
    let method = method_label(request.method());
    let route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let route = route.unwrap_or("unmatched").to_owned();
    request.extensions_mut().insert(id.clone());
    let in_flight = InFlight::start(&state.telemetry.in_flight);
    let started = Instant::now();
    let mut response = next.run(request).await;
    let elapsed = started.elapsed();
    drop(in_flight);
    let status = response.status().as_u16();
    tracing::info!(request_id = id.as_str(), method, route, status, ?elapsed, "answered");
    state
        .telemetry
        .seconds
        .get_or_create(&Route { route: route.clone() })
        .observe(elapsed.as_secs_f64());
    state.telemetry.requests.get_or_create(&Labels { method, route, status }).inc();
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(HEADER, value);
    }
    harden(&mut response);
    response
}

/// Clients choose methods freely; labels must stay few.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "OTHER",
    }
}

/// `/metrics`, in the `OpenMetrics` text format that Prometheus reads.
pub(super) async fn metrics(State(state): State<Arc<ServerState>>) -> Response {
    let engine = registry_of(&state.api().measurements());
    let mut text = String::new();
    let written = encode_registry(&mut text, &state.telemetry.registry)
        .and_then(|()| encode_registry(&mut text, &engine))
        .and_then(|()| encode_eof(&mut text));
    if written.is_err() {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    let media_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(CONTENT_TYPE, media_type)], text).into_response()
}

/// What the engine counts, as it is now.
fn registry_of(measurements: &[Measurement]) -> Registry {
    let mut registry = Registry::with_prefix("upswell");
    for measured in measurements {
        if measured.counts {
            registry.register(measured.name, measured.help, ConstCounter::new(measured.value));
        } else {
            let value = i64::try_from(measured.value).unwrap_or(i64::MAX);
            registry.register(measured.name, measured.help, ConstGauge::new(value));
        }
    }
    registry
}
