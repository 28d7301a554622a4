//! The front door: every request comes in here, is given its id, answered, logged and counted.

use std::borrow::Cow;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::MatchedPath;
use axum::http::Request;
use axum::response::Response;
use futures::future::Either;
use tower::ServiceExt;

use super::graphql::{self, Asked};
use super::observe::RequestId;
use super::reload::Peer;
use super::{ServerState, harden, routes};

/// Where documents are asked.
pub(super) const GRAPHQL: &str = "/graphql";

/// Answers requests. Cheap to clone.
#[derive(Clone)]
pub struct Front {
    state: Arc<ServerState>,
    routes: Router,
}

impl Front {
    #[must_use]
    pub fn new(state: Arc<ServerState>) -> Self {
        Self { routes: routes(Arc::clone(&state)), state }
    }

    /// Answers a request of `peer`, where it came over a socket.
    pub fn answer(
        &self,
        request: Request<Body>,
        peer: Option<SocketAddr>,
    ) -> impl Future<Output = Response> + Send + '_ {
        let id = RequestId::of(request.headers());
        let running = self.state.telemetry.start(request.method());
        // Documents that are asked again are answered sooner than a router would find its route.
        let asked = if request.uri().path() == GRAPHQL {
            Either::Left(Asked::of(request))
        } else {
            Either::Right(Box::pin(self.route(request, id.clone(), peer)))
        };
        async move {
            let (route, mut response) = match asked {
                Either::Left(asked) => {
                    (GRAPHQL.into(), graphql::answer(&self.state, &id, asked).await)
                }
                Either::Right(routed) => routed.await,
            };
            running.end(&id, route, response.status());
            id.mark(&mut response);
            harden(&mut response);
            response
        }
    }

    /// Everything else: the answer, and the route that gave it.
    async fn route(
        &self,
        mut request: Request<Body>,
        id: RequestId,
        peer: Option<SocketAddr>,
    ) -> (Cow<'static, str>, Response) {
        request.extensions_mut().insert(id);
        if let Some(address) = peer {
            request.extensions_mut().insert(Peer(address));
        }
        let answered: Result<Response, Infallible> = self.routes.clone().oneshot(request).await;
        let mut response = answered.unwrap_or_else(|never| match never {});
        let route = response.extensions_mut().remove::<MatchedPath>();
        let route = route.map_or("unmatched".into(), |path| path.as_str().to_owned().into());
        (route, response)
    }
}
