//! `/api/v1/metrics.{json,csv,arrow}`: the flat table for clients that can only GET.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use bytes::Bytes;

use crate::graphql::{Format, RequestKey};

use super::observe::RequestId;
use super::{ServerState, error_response, status};

pub(super) async fn json(
    State(state): State<Arc<ServerState>>,
    Extension(id): Extension<RequestId>,
    RawQuery(query): RawQuery,
) -> Response {
    answer(&state, &id, query, Format::Json).await
}

pub(super) async fn csv(
    State(state): State<Arc<ServerState>>,
    Extension(id): Extension<RequestId>,
    RawQuery(query): RawQuery,
) -> Response {
    let response = answer(&state, &id, query, Format::Csv).await;
    as_file(response, "attachment; filename=\"metrics.csv\"")
}

pub(super) async fn arrow(
    State(state): State<Arc<ServerState>>,
    Extension(id): Extension<RequestId>,
    RawQuery(query): RawQuery,
) -> Response {
    let response = answer(&state, &id, query, Format::Arrow).await;
    as_file(response, "attachment; filename=\"metrics.arrow\"")
}

async fn answer(
    state: &ServerState,
    id: &RequestId,
    query: Option<String>,
    format: Format,
) -> Response {
    let query = query.unwrap_or_default();
    let parameters: Vec<(String, String)> =
        url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let caller = state.anyone.asking(id.as_str());
    // One request, one API, as for documents.
    let api = state.api();
    let key = RequestKey::of_parameters(door(format), &parameters, &caller.scope);
    if let Some(kept) = api.recall(&key) {
        return table(format, kept.body);
    }
    match api.export_keyed(key, &parameters, format, &caller).await {
        Ok(export) => {
            state.telemetry.count_deprecated(&export.deprecated);
            table(export.format, export.body)
        }
        Err(error) => error_response(status::of(error.code), &error, id),
    }
}

/// What the address says of the answer: parameters alone do not.
fn door(format: Format) -> u8 {
    match format {
        Format::Json => b'j',
        Format::Csv => b'c',
        Format::Arrow => b'a',
    }
}

fn table(format: Format, body: Bytes) -> Response {
    let media_type = HeaderValue::from_static(format.media_type());
    (StatusCode::OK, [(CONTENT_TYPE, media_type)], body).into_response()
}

fn as_file(mut response: Response, disposition: &'static str) -> Response {
    if response.status() == StatusCode::OK {
        let value = HeaderValue::from_static(disposition);
        response.headers_mut().insert(CONTENT_DISPOSITION, value);
    }
    response
}
