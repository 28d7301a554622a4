//! `/healthz`: the process runs. `/readyz`: it should be sent requests.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

use super::{ServerState, json_response};
use crate::graphql::ProblemInfo;

pub(super) async fn alive() -> &'static str {
    "ok\n"
}

/// Ready with a model, whatever the storage does: what cannot be answered says so itself. Says
/// what is wrong with the definitions, for a failed reload keeps the model before it.
pub(super) async fn ready(State(state): State<Arc<ServerState>>) -> Response {
    let api = state.api();
    let (status, word) = if state.is_draining() {
        (StatusCode::SERVICE_UNAVAILABLE, "draining")
    } else {
        (StatusCode::OK, "ready")
    };
    let body = json!({
        "status": word,
        "definitionVersion": api.definition_version(),
        "problems": problems_json(api.problems()),
    });
    json_response(status, "application/json; charset=utf-8", body.to_string().into_bytes())
}

/// What is wrong, each with its place.
pub(super) fn problems_json(problems: &[ProblemInfo]) -> Vec<Value> {
    problems
        .iter()
        .map(|problem| {
            json!({
                "code": problem.code,
                "severity": problem.severity,
                "message": problem.message,
                "file": problem.file,
                "line": problem.line,
            })
        })
        .collect()
}
