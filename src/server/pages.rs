//! The schema as text.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

use super::ServerState;

pub(super) async fn schema(State(state): State<Arc<ServerState>>) -> Response {
    ([(CONTENT_TYPE, "text/plain; charset=utf-8")], state.api().sdl()).into_response()
}
