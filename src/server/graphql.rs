//! `/graphql`: GraphQL over HTTP, by GET and POST.

use std::sync::Arc;

use axum::Extension;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::header::{ALLOW, CONTENT_ENCODING, VARY};
use axum::http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use axum::response::Response;
use bytes::Bytes;

use crate::error::{ApiError, ApiResult, ErrorCode};
use crate::graphql::{Caller, GraphqlRequest, Outcome, RequestKey, error_body};

use super::negotiation::{Media, accepted, sends_json};
use super::observe::RequestId;
use super::{BODY_LIMIT, BODY_TIMEOUT, ServerState, json_response};

/// Answers one document.
pub(super) async fn handle(
    State(state): State<Arc<ServerState>>,
    Extension(id): Extension<RequestId>,
    request: Request<Body>,
) -> Response {
    let method = request.method().clone();
    let accepted = accepted(request.headers());
    let media = accepted.unwrap_or(Media::Json);
    let refuse = |refusal: Refusal| {
        let mut response =
            json_response(refusal.status, media.header(), error_body(&refusal.error, id.as_str()));
        if refusal.status == StatusCode::METHOD_NOT_ALLOWED {
            response.headers_mut().insert(ALLOW, HeaderValue::from_static(refusal.allow));
        }
        response
    };
    if accepted.is_none() {
        return refuse(Refusal::new(
            StatusCode::NOT_ACCEPTABLE,
            "Accept `application/graphql-response+json` or `application/json`.",
        ));
    }
    let text = match read(&method, request).await {
        Ok(text) => text,
        Err(refusal) => return refuse(refusal),
    };
    // One request, one API: a reload meanwhile does not change what this document sees.
    let api = state.api();
    let caller = Caller::unrestricted("anonymous", id.as_str());
    let key = text.key(&caller);
    if let Some(body) = api.recall(&key).await {
        return answer(StatusCode::OK, media, body);
    }
    let document = match text.parse() {
        Ok(document) => document,
        Err(error) => return refuse(error.into()),
    };
    let answered = api.execute_keyed(key, document, &caller).await;
    state.telemetry.count_deprecated(&answered.deprecated);
    if answered.outcome == Outcome::NotAQuery && method != Method::POST {
        return refuse(Refusal { allow: "POST", ..Refusal::method("GET only answers queries.") });
    }
    answer(status(answered.outcome, media), media, answered.body)
}

fn answer(status: StatusCode, media: Media, body: Bytes) -> Response {
    let mut response = json_response(status, media.header(), body);
    response.headers_mut().insert(VARY, HeaderValue::from_static("accept"));
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
    Parameters(String),
    Body(Bytes),
}

impl Text {
    fn key(&self, caller: &Caller) -> RequestKey {
        match self {
            Self::Parameters(query) => RequestKey::new(b'G', query.as_bytes(), &caller.scope),
            Self::Body(body) => RequestKey::new(b'P', body, &caller.scope),
        }
    }

    fn parse(&self) -> ApiResult<GraphqlRequest> {
        match self {
            Self::Parameters(query) => {
                let parameters = url::form_urlencoded::parse(query.as_bytes());
                GraphqlRequest::from_parameters(parameters.into_owned().collect())
            }
            Self::Body(body) => from_body(body),
        }
    }
}

async fn read(method: &Method, request: Request<Body>) -> Result<Text, Refusal> {
    match *method {
        Method::GET | Method::HEAD => {
            Ok(Text::Parameters(request.uri().query().unwrap_or_default().to_owned()))
        }
        Method::POST if is_encoded(request.headers()) => Err(Refusal::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "Send the body as it is, without `Content-Encoding`.",
        )),
        Method::POST if sends_json(request.headers()) => {
            Ok(Text::Body(body(request.into_body()).await?))
        }
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

async fn body(body: Body) -> Result<Bytes, Refusal> {
    match tokio::time::timeout(BODY_TIMEOUT, to_bytes(body, BODY_LIMIT)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(_)) => Err(Refusal {
            error: ApiError::new(ErrorCode::QueryTooLarge, "The body has more than 1 MiB."),
            ..Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "")
        }),
        Err(_) => {
            Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, "The body did not arrive in time."))
        }
    }
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
