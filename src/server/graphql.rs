//! `/graphql`: GraphQL over HTTP, by GET and POST.

use std::pin::pin;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::header::{ALLOW, CONTENT_ENCODING, VARY};
use axum::http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use futures::FutureExt;

use crate::error::{ApiError, ApiResult, ErrorCode};
use crate::graphql::{Api, Caller, GraphqlRequest, Kept, Outcome, RequestKey, error_body};

use super::gzip::{gzipped, takes_gzip};
use super::negotiation::{Media, accepted, sends_json};
use super::observe::RequestId;
use super::{BODY_LIMIT, ServerState, json_response};

/// A request for a document: what its head says, and how the document comes. Much smaller than the
/// request, so that waiting for it costs less.
pub(super) struct Asked {
    wanted: Wanted,
    sent: Result<Sent, Refusal>,
}

/// How a document is sent.
enum Sent {
    Parameters(Bytes),
    Body(Body),
}

impl Asked {
    pub fn of(request: Request<Body>) -> Self {
        let accepted = accepted(request.headers());
        let wanted = Wanted {
            media: accepted.unwrap_or(Media::Json),
            gzip: takes_gzip(request.headers()),
            by_post: request.method() == Method::POST,
        };
        let sent = match accepted {
            Some(_) => sent(request),
            None => Err(Refusal::new(
                StatusCode::NOT_ACCEPTABLE,
                "Accept `application/graphql-response+json` or `application/json`.",
            )),
        };
        Self { wanted, sent }
    }
}

/// Answers one document.
pub(super) async fn answer(state: &ServerState, id: &RequestId, asked: Asked) -> Response {
    let Asked { wanted, sent } = asked;
    let text = match sent {
        Ok(Sent::Parameters(query)) => Ok(Text::Parameters(query)),
        Ok(Sent::Body(body)) => read(body, state.body_timeout).await.map(Text::Body),
        Err(refusal) => Err(refusal),
    };
    let text = match text {
        Ok(text) => text,
        Err(refusal) => return refused(&refusal, wanted, id),
    };
    // One request, one API: a reload meanwhile does not change what this document sees.
    let api = state.api();
    let key = text.key(&state.anyone);
    if let Some(kept) = api.recall(&key) {
        return recalled(&api, key, kept, wanted).await;
    }
    // On the heap: what is answered from what is kept does not carry room for it.
    let executed = Box::pin(async {
        let caller = state.anyone.asking(id.as_str());
        let answered = api.execute_keyed(key, text.parse()?, &caller).await;
        state.telemetry.count_deprecated(&answered.deprecated);
        if answered.outcome == Outcome::NotAQuery && !wanted.by_post {
            return Err(Refusal { allow: "POST", ..Refusal::method("GET only answers queries.") });
        }
        let zipped = if wanted.gzip { gzipped(&answered.body).await } else { None };
        Ok(written(status(answered.outcome, wanted.media), wanted.media, answered.body, zipped))
    });
    executed.await.unwrap_or_else(|refusal| refused(&refusal, wanted, id))
}

/// What a client wants of the answer.
#[derive(Debug, Clone, Copy)]
struct Wanted {
    media: Media,
    gzip: bool,
    by_post: bool,
}

/// An answer that was kept; its form in gzip, once somebody wanted it, is kept beside it.
async fn recalled(api: &Api, key: RequestKey, kept: Kept, wanted: Wanted) -> Response {
    let body = kept.body.clone();
    let zipped = match &kept.gzip {
        _ if !wanted.gzip => None,
        Some(zipped) => Some(zipped.clone()),
        None => {
            let zipped = gzipped(&body).await;
            if let Some(zipped) = &zipped {
                api.keep_gzip(key, kept, zipped.clone());
            }
            zipped
        }
    };
    written(StatusCode::OK, wanted.media, body, zipped)
}

fn written(status: StatusCode, media: Media, body: Bytes, zipped: Option<Bytes>) -> Response {
    let encoded = zipped.is_some();
    let mut response = json_response(status, media.header(), zipped.unwrap_or(body));
    let headers = response.headers_mut();
    headers.insert(VARY, HeaderValue::from_static("accept, accept-encoding"));
    if encoded {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

fn refused(refusal: &Refusal, wanted: Wanted, id: &RequestId) -> Response {
    let body = error_body(&refusal.error, id.as_str());
    let mut response = json_response(refusal.status, wanted.media.header(), body);
    if refusal.status == StatusCode::METHOD_NOT_ALLOWED {
        response.headers_mut().insert(ALLOW, HeaderValue::from_static(refusal.allow));
    }
    response
}

fn status(outcome: Outcome, media: Media) -> StatusCode {
    match (outcome, media) {
        (Outcome::Answered { .. }, _) | (_, Media::Json) => StatusCode::OK,
        (Outcome::Refused(_) | Outcome::NotAQuery, Media::GraphqlResponse) => {
            StatusCode::BAD_REQUEST
        }
    }
}

/// A request as it came.
enum Text {
    Parameters(Bytes),
    Body(Bytes),
}

impl Text {
    fn key(&self, caller: &Caller) -> RequestKey {
        match self {
            Self::Parameters(query) => RequestKey::new(b'G', query.clone(), &caller.scope),
            Self::Body(body) => RequestKey::new(b'P', body.clone(), &caller.scope),
        }
    }

    fn parse(&self) -> ApiResult<GraphqlRequest> {
        match self {
            Self::Parameters(query) => {
                let parameters = url::form_urlencoded::parse(query);
                GraphqlRequest::from_parameters(parameters.into_owned().collect())
            }
            Self::Body(body) => from_body(body),
        }
    }
}

fn sent(request: Request<Body>) -> Result<Sent, Refusal> {
    match *request.method() {
        Method::GET | Method::HEAD => {
            let query = request.uri().query().unwrap_or_default();
            Ok(Sent::Parameters(Bytes::copy_from_slice(query.as_bytes())))
        }
        Method::POST if is_encoded(request.headers()) => Err(Refusal::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "Send the body as it is, without `Content-Encoding`.",
        )),
        Method::POST if sends_json(request.headers()) => Ok(Sent::Body(request.into_body())),
        Method::POST => Err(Refusal::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "Send the document as `application/json` in UTF-8.",
        )),
        _ => Err(Refusal::method("Ask by GET or POST.")),
    }
}

fn is_encoded(headers: &HeaderMap) -> bool {
    let mut encodings = headers.get_all(CONTENT_ENCODING).iter();
    encodings.any(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

async fn read(body: Body, within: Duration) -> Result<Bytes, Refusal> {
    let mut body = pin!(to_bytes(body, BODY_LIMIT));
    // It mostly came with the head; a clock is for the others.
    let read = match body.as_mut().now_or_never() {
        Some(read) => read,
        None => tokio::time::timeout(within, body).await.map_err(|_| {
            Refusal::new(StatusCode::REQUEST_TIMEOUT, "The body did not arrive in time.")
        })?,
    };
    read.map_err(|_| Refusal {
        error: ApiError::new(ErrorCode::QueryTooLarge, "The body has more than 1 MiB."),
        ..Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "")
    })
}

fn from_body(bytes: &[u8]) -> ApiResult<GraphqlRequest> {
    let json = serde_json::from_slice(bytes).map_err(|error| {
        let message =
            format!("The body is not JSON (line {}, column {}).", error.line(), error.column());
        ApiError::new(ErrorCode::BadRequest, message)
    })?;
    GraphqlRequest::from_json(json)
}

/// A request that is no GraphQL request.
struct Refusal {
    status: StatusCode,
    error: ApiError,
    allow: &'static str,
}

impl Refusal {
    fn new(status: StatusCode, message: &str) -> Self {
        let error = ApiError::new(ErrorCode::BadRequest, message);
        Self { status, error, allow: "GET, POST" }
    }

    fn method(message: &str) -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, message)
    }
}

impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Self {
        Self { error, ..Self::new(StatusCode::BAD_REQUEST, "") }
    }
}
