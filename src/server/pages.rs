//! Pages for people, and the schema. Nothing is loaded from elsewhere.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{Html, IntoResponse, Response};

use super::ServerState;

const HOME: &str = include_str!("home.html");
const EXPLORER: &str = include_str!("explorer.html");

pub(super) async fn home() -> Html<&'static str> {
    Html(HOME)
}

pub(super) async fn explorer() -> Html<&'static str> {
    Html(EXPLORER)
}

pub(super) async fn schema(State(state): State<Arc<ServerState>>) -> Response {
    ([(CONTENT_TYPE, "text/plain; charset=utf-8")], state.api().sdl()).into_response()
}
