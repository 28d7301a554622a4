//! What is seen of every request: its id, its line in the log, and what Prometheus counts.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::graphql::Measurement;

use super::ServerState;
use super::front::GRAPHQL;

const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// Upper ends of the duration buckets, in seconds.
const SECONDS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0];

/// The id that a request's answer, errors and logs share.
#[derive(Debug, Clone)]
pub(super) struct RequestId(HeaderValue);

impl RequestId {
    /// The client's, if it is harmless in headers and logs; else a new one.
    pub fn of(headers: &HeaderMap) -> Self {
        let harmless = |value: &&HeaderValue| {
            (1..=128).contains(&value.len())
                && value
                    .as_bytes()
                    .iter()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(byte))
        };
        match headers.get(HEADER).filter(harmless) {
            Some(given) => Self(given.clone()),
            None => Self(new_id()),
        }
    }

    pub fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }

    /// Says it on the answer.
    pub fn mark(self, response: &mut Response) {
        response.headers_mut().insert(HEADER, self.0);
    }
}

/// 128 random bits in hexadecimal.
fn new_id() -> HeaderValue {
    const DIGITS: [u8; 16] = *b"0123456789abcdef";
    let random: u128 = rand::random();
    let mut digits = [0; 32];
    for (pair, byte) in digits.chunks_exact_mut(2).zip(random.to_be_bytes()) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
    HeaderValue::from_bytes(&digits).unwrap_or(HeaderValue::from_static("-"))
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    method: &'static str,
    route: Cow<'static, str>,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    route: Cow<'static, str>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct MetricLabel {
    metric: String,
}

/// What most requests count as, found once: finding it takes locks that all requests share.
struct Usual {
    labels: Labels,
    requests: Counter,
    seconds: Histogram,
}

impl Usual {
    fn of(requests: &Family<Labels, Counter>, seconds: &Family<Route, Histogram>) -> Self {
        let labels = Labels { method: "POST", route: GRAPHQL.into(), status: 200 };
        Self {
            requests: requests.get_or_create_owned(&labels),
            seconds: seconds.get_or_create_owned(&Route { route: GRAPHQL.into() }),
            labels,
        }
    }
}

/// What is counted.
pub(super) struct Telemetry {
    registry: Registry,
    requests: Family<Labels, Counter>,
    seconds: Family<Route, Histogram>,
    in_flight: Gauge,
    deprecated: Family<MetricLabel, Counter>,
    usual: Usual,
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
        let usual = Usual::of(&requests, &seconds);
        Self { registry, requests, seconds, in_flight, deprecated, usual }
    }

    /// A request has come.
    pub fn start(&self, method: &Method) -> Running<'_> {
        self.in_flight.inc();
        Running { telemetry: self, method: method_label(method), started: Instant::now() }
    }

    /// Counts the deprecated metrics that a request asked for. Names are those of definitions, so
    /// there are few.
    pub fn count_deprecated(&self, metrics: &[String]) {
        for metric in metrics {
            self.deprecated.get_or_create(&MetricLabel { metric: metric.clone() }).inc();
        }
    }
}

/// A request that is being answered. It counts as in flight until it is answered or its client has
/// gone.
pub(super) struct Running<'a> {
    telemetry: &'a Telemetry,
    method: &'static str,
    started: Instant,
}

impl Running<'_> {
    /// Logs and counts the answer.
    pub fn end(self, id: &RequestId, route: Cow<'static, str>, status: StatusCode) {
        let (method, status, elapsed) = (self.method, status.as_u16(), self.started.elapsed());
        tracing::info!(request_id = id.as_str(), method, %route, status, ?elapsed, "answered");
        let (telemetry, seconds) = (self.telemetry, elapsed.as_secs_f64());
        let labels = Labels { method, route, status };
        if labels == telemetry.usual.labels {
            telemetry.usual.seconds.observe(seconds);
            telemetry.usual.requests.inc();
            return;
        }
        telemetry.requests.get_or_create(&labels).inc();
        telemetry.seconds.get_or_create(&Route { route: labels.route }).observe(seconds);
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.telemetry.in_flight.dec();
    }
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
