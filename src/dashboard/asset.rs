//! One embedded file and its answer: headers, compression, revalidation.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::encoding::{self, Encoding};

/// Scripts, styles and requests from this origin only; images also from what a page makes itself
/// (a chart on its way to a PNG file). Nothing inline, nobody may frame it.
const POLICY: &str = "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; \
    base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// GraphiQL sets styles from script and brings its fonts along; still nothing from elsewhere. The
/// page without the bundle is one file with its own script.
const EXPLORER_POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
    font-src 'self' data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'";
const PLAIN_EXPLORER_POLICY: &str = "default-src 'self'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; frame-ancestors 'none'";

fn policy(asset: &Asset) -> &'static str {
    match asset.name {
        "explorer.html" => EXPLORER_POLICY,
        "explorer-plain.html" => PLAIN_EXPLORER_POLICY,
        _ => POLICY,
    }
}

/// A file as it was embedded, with its compressed forms where they are smaller.
pub(super) struct Asset {
    /// Path below the bundle, with `/`.
    pub name: &'static str,
    pub content_type: &'static str,
    /// Of the content; the entity tag.
    pub hash: &'static str,
    pub plain: &'static [u8],
    pub gzip: Option<&'static [u8]>,
    pub brotli: Option<&'static [u8]>,
}

/// How long a client may keep a file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Lifetime {
    /// Its name holds its hash: for good.
    Immutable,
    /// Asked for again every time.
    Revalidated,
}

pub(super) fn respond(asset: &'static Asset, request: &HeaderMap, lifetime: Lifetime) -> Response {
    let (encoding, content) = choose(asset, request);
    let tag = format!("\"{}{}\"", asset.hash, encoding.map_or("", Encoding::suffix));
    let known = request.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let unchanged = known.is_some_and(|tags| tags.split(',').any(|one| matches(one, &tag)));
    let mut response = if unchanged {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Response::new(Body::from(content))
    };
    let headers = response.headers_mut();
    let fixed = [
        (header::CONTENT_TYPE, asset.content_type),
        (header::CONTENT_SECURITY_POLICY, policy(asset)),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::VARY, "accept-encoding"),
        (
            header::CACHE_CONTROL,
            match lifetime {
                Lifetime::Immutable => "public, max-age=31536000, immutable",
                Lifetime::Revalidated => "no-cache",
            },
        ),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Some(encoding) = encoding {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding.name()));
    }
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    response
}

/// The smallest form that the client understands.
fn choose(asset: &'static Asset, request: &HeaderMap) -> (Option<Encoding>, &'static [u8]) {
    let accepted = request.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    let accepted = accepted.unwrap_or_default();
    let forms = [(Encoding::Brotli, asset.brotli), (Encoding::Gzip, asset.gzip)];
    for (encoding, form) in forms {
        if let Some(content) = form.filter(|_| encoding::accepts(accepted, encoding)) {
            return (Some(encoding), content);
        }
    }
    (None, asset.plain)
}

/// Weak comparison, as `If-None-Match` asks.
fn matches(candidate: &str, tag: &str) -> bool {
    let candidate = candidate.trim();
    candidate == "*" || candidate.strip_prefix("W/").unwrap_or(candidate) == tag
}
