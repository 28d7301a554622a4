//! Reloading: the next API is made beside the running one and swapped whole; on any error the
//! running one answers on and says what is wrong. `POST /admin/reload` asks for it, from this
//! machine only.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use axum::Extension;
use axum::extract::State;
use axum::http::header::{FORWARDED, ORIGIN};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::json;

use super::health::problems_json;
use super::observe::RequestId;
use super::{ServerState, error_response, json_response};
use crate::error::{ApiError, ErrorCode};
use crate::graphql::{Api, ProblemInfo};

/// Where the next API comes from.
#[async_trait]
pub trait NextApi: Send + Sync {
    /// Reads and checks everything anew.
    async fn next(&self) -> Next;
}

/// What reading everything anew gave.
pub enum Next {
    Ready(Box<Api>),
    /// Nothing was written since.
    Unchanged,
    /// The definitions have errors.
    Refused(Vec<ProblemInfo>),
}

/// How a reload ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reloaded {
    Swapped,
    Unchanged,
    Refused,
    /// This server has nothing to reload from.
    Fixed,
}

impl Reloaded {
    fn as_str(self) -> &'static str {
        match self {
            Self::Swapped => "swapped",
            Self::Unchanged => "unchanged",
            Self::Refused => "refused",
            Self::Fixed => "fixed",
        }
    }
}

/// Who sent a request, as the listening socket saw it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer(pub SocketAddr);

impl ServerState {
    /// Reads everything anew, one caller at a time, and answers by it if it holds together.
    pub async fn reload(&self) -> Reloaded {
        let Some(source) = &self.source else { return Reloaded::Fixed };
        let _one_at_a_time = self.reloading.lock().await;
        match source.next().await {
            Next::Ready(api) => {
                let running = self.api();
                let (added, removed) = differing(&running, &api);
                tracing::info!(
                    target: LOG,
                    version = api.definition_version(),
                    metrics_added = added.len(),
                    metrics_removed = removed.len(),
                    "definitions reloaded{}{}",
                    listed("added", &added),
                    listed("removed", &removed),
                );
                self.swap(*api);
                Reloaded::Swapped
            }
            Next::Unchanged => Reloaded::Unchanged,
            Next::Refused(problems) => {
                for problem in problems.iter().filter(|problem| problem.severity == "error") {
                    // What has no place is logged without one.
                    let (code, file) = (problem.code.as_str(), problem.file.as_deref());
                    let (line, message) = (problem.line, &problem.message);
                    tracing::error!(target: LOG, code, file, line, "not reloaded: {message}");
                }
                let running = self.api();
                self.swap(Api::clone(&running).with_problems(problems));
                Reloaded::Refused
            }
        }
    }
}

/// Under this name the log has what reloads did; it is shown unless asked otherwise.
const LOG: &str = "upswell::reload";

/// More names than this are counted only.
const MOST_NAMES: usize = 10;

/// Metrics that only the next, and that only the running one offers.
fn differing<'a>(running: &'a Api, next: &'a Api) -> (Vec<&'a str>, Vec<&'a str>) {
    let (old, new): (Vec<&str>, Vec<&str>) =
        (running.metric_names().collect(), next.metric_names().collect());
    let added = new.iter().copied().filter(|name| !old.contains(name)).collect();
    let removed = old.into_iter().filter(|name| !new.contains(name)).collect();
    (added, removed)
}

fn listed(what: &str, names: &[&str]) -> String {
    match names.len() {
        1..=MOST_NAMES => format!("; {what}: {}", names.join(", ")),
        _ => String::new(),
    }
}

/// `POST /admin/reload`.
pub(super) async fn reload(
    State(state): State<Arc<ServerState>>,
    Extension(id): Extension<RequestId>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
) -> Response {
    if !is_local(peer.map(|peer| peer.0.0.ip()), &headers) {
        let error = ApiError::new(
            ErrorCode::Forbidden,
            "Reloading is for callers on the server's own machine.",
        );
        return error_response(StatusCode::FORBIDDEN, &error, &id);
    }
    let reloaded = state.reload().await;
    let status = match reloaded {
        Reloaded::Swapped | Reloaded::Unchanged => StatusCode::OK,
        Reloaded::Refused => StatusCode::UNPROCESSABLE_ENTITY,
        Reloaded::Fixed => StatusCode::CONFLICT,
    };
    let api = state.api();
    let body = json!({
        "status": reloaded.as_str(),
        "definitionVersion": api.definition_version(),
        "problems": problems_json(api.problems()),
    });
    json_response(status, "application/json; charset=utf-8", body.to_string().into_bytes())
}

/// From this machine, and neither passed on by a proxy nor sent by a page in a browser.
fn is_local(peer: Option<IpAddr>, headers: &HeaderMap) -> bool {
    let passed_on = headers.contains_key("x-forwarded-for")
        || headers.contains_key(FORWARDED)
        || headers.contains_key(ORIGIN);
    !passed_on && peer.is_some_and(|peer| peer.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_callers_on_this_machine_are_local() {
        let of = |text: &str, header: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            if let Some(name) = header {
                headers.insert(name, "x".parse().unwrap());
            }
            is_local(Some(text.parse().unwrap()), &headers)
        };
        for local in ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"] {
            assert!(of(local, None), "{local}");
            for header in ["x-forwarded-for", "forwarded", "origin"] {
                assert!(!of(local, Some(header)), "{header}");
            }
        }
        for foreign in ["10.0.0.1", "::ffff:10.0.0.1", "2001:db8::1", "0.0.0.0"] {
            assert!(!of(foreign, None), "{foreign}");
        }
        assert!(!is_local(None, &HeaderMap::new()));
    }
}
