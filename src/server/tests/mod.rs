//! HTTP in process.

mod audit;
mod http;
mod serving;

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};

use super::{Front, ServerState};
use crate::graphql::testing;

fn state() -> Arc<ServerState> {
    ServerState::new(testing::api().0)
}

fn app() -> Front {
    Front::new(state())
}

/// An answer, read to the end.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

async fn send(app: Front, request: Request<Body>) -> Answer {
    let response = app.answer(request, None).await;
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap().to_vec();
    Answer { status: parts.status, headers: parts.headers, body }
}

async fn get(path: &str) -> Answer {
    send(app(), Request::get(path).body(Body::empty()).unwrap()).await
}

async fn request(method: Method, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut request = Request::builder().method(method).uri("/graphql");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send(app(), request.body(Body::from(body.to_owned())).unwrap()).await
}

/// A POST of JSON, with an Accept header unless it is empty.
async fn post(accept: &str, body: &str) -> Answer {
    let mut headers = vec![("content-type", "application/json")];
    if !accept.is_empty() {
        headers.push(("accept", accept));
    }
    request(Method::POST, &headers, body).await
}
