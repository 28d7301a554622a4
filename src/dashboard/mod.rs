//! The executives' dashboard: its files, embedded at build time, behind one router. It is a client
//! of the public API and knows no other room.
//!
//! [`router`] answers the pages (`/`, `/explore`, `/catalog`), which name their assets by hash, the
//! GraphQL explorer (`/explorer`: GraphiQL, all of it embedded), and the assets below `/assets/`. A binary that was built without Node has no bundle:
//! its pages then say how to get one.

mod asset;
mod embedded;
mod encoding;

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use asset::{Asset, Lifetime};

/// The addresses that are pages of the dashboard.
const PAGES: [&str; 3] = ["/", "/explore", "/catalog"];

/// Whether a value of `Accept-Encoding` allows gzip.
#[must_use]
pub fn accepts_gzip(header: &str) -> bool {
    encoding::accepts(header, encoding::Encoding::Gzip)
}

/// The dashboard's routes, to be merged into the server's.
pub fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    PAGES
        .into_iter()
        .fold(Router::new(), |router, page| router.route(page, get(page_at)))
        .route("/explorer", get(explorer))
        .route("/assets/{name}", get(asset_at))
}

/// Whether this binary carries the dashboard.
#[must_use]
pub fn is_embedded() -> bool {
    embedded::find("index.html").is_some()
}

async fn page_at(headers: HeaderMap) -> Response {
    match embedded::find("index.html") {
        Some(page) => asset::respond(page, &headers, Lifetime::Revalidated),
        None => asset::respond(&MISSING, &headers, Lifetime::Revalidated),
    }
}

async fn explorer(headers: HeaderMap) -> Response {
    let page = embedded::find("explorer.html").unwrap_or(&PLAIN_EXPLORER);
    asset::respond(page, &headers, Lifetime::Revalidated)
}

async fn asset_at(Path(name): Path<String>, headers: HeaderMap) -> Response {
    match embedded::find(&format!("assets/{name}")) {
        // The explorer's own few lines keep their name when they change.
        Some(found) if name.starts_with("explorer.") => {
            asset::respond(found, &headers, Lifetime::Revalidated)
        }
        Some(found) => asset::respond(found, &headers, Lifetime::Immutable),
        None => (StatusCode::NOT_FOUND, "There is no such file.\n").into_response(),
    }
}

/// What `/explorer` is when the bundle is not part of the binary.
static PLAIN_EXPLORER: Asset = Asset {
    name: "explorer-plain.html",
    content_type: "text/html; charset=utf-8",
    hash: "plain",
    plain: include_bytes!("explorer.html"),
    gzip: None,
    brotli: None,
};

/// What `/` says when the bundle is not part of the binary.
static MISSING: Asset = Asset {
    name: "missing.html",
    content_type: "text/html; charset=utf-8",
    hash: "missing",
    plain: include_bytes!("missing.html"),
    gzip: None,
    brotli: None,
};

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::{Request, header};
    use tower::ServiceExt;

    use super::*;

    async fn ask(path: &str, accept: &str) -> Response {
        let request = Request::get(path).header(header::ACCEPT_ENCODING, accept);
        router().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
    }

    fn header_of<'a>(response: &'a Response, name: &str) -> &'a str {
        response.headers().get(name).map_or("", |value| value.to_str().unwrap())
    }

    #[tokio::test]
    async fn every_page_is_served_with_a_strict_policy_and_asked_for_again() {
        for page in PAGES {
            let response = ask(page, "").await;
            assert_eq!(response.status(), StatusCode::OK, "{page}");
            assert_eq!(header_of(&response, "cache-control"), "no-cache");
            assert_eq!(header_of(&response, "content-type"), "text/html; charset=utf-8");
            let policy = header_of(&response, "content-security-policy");
            assert!(policy.starts_with("default-src 'self'"), "{policy}");
            assert!(!policy.contains("unsafe"), "{policy}");
        }
    }

    #[tokio::test]
    async fn a_page_that_has_not_changed_is_not_sent_again() {
        let first = ask("/", "").await;
        let tag = header_of(&first, "etag").to_owned();
        let request = Request::get("/").header(header::IF_NONE_MATCH, tag);
        let second = router().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(second.status(), StatusCode::NOT_MODIFIED);
    }

    #[tokio::test]
    async fn assets_are_compressed_and_kept_for_good() {
        for asset in embedded::all().iter().filter(|asset| asset.name.starts_with("assets/")) {
            let response = ask(&format!("/{}", asset.name), "gzip, br").await;
            assert_eq!(response.status(), StatusCode::OK, "{}", asset.name);
            let is_hashed = !asset.name.starts_with("assets/explorer.");
            let lifetime =
                if is_hashed { "public, max-age=31536000, immutable" } else { "no-cache" };
            assert_eq!(header_of(&response, "cache-control"), lifetime, "{}", asset.name);
            assert_eq!(header_of(&response, "vary"), "accept-encoding");
            let expected = if asset.brotli.is_some() { "br" } else { "" };
            assert_eq!(header_of(&response, "content-encoding"), expected);
        }
    }

    #[tokio::test]
    async fn what_is_not_there_is_not_found() {
        assert_eq!(ask("/assets/none.js", "").await.status(), StatusCode::NOT_FOUND);
    }

    #[test]
    fn a_required_dashboard_is_there() {
        assert!(is_embedded() || option_env!("UPSWELL_REQUIRE_DASHBOARD").is_none());
    }
}
