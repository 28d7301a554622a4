//! Media types: what a client accepts, and what it sent.

use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CONTENT_TYPE};

/// The media types of a GraphQL response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Media {
    /// `application/graphql-response+json`: the status says whether the document ran.
    GraphqlResponse,
    /// `application/json`: always 200 for a well-formed request.
    Json,
}

impl Media {
    pub fn header(self) -> &'static str {
        match self {
            Self::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
            Self::Json => "application/json; charset=utf-8",
        }
    }
}

/// The best media type that the client accepts; none if it accepts neither.
///
/// Without an Accept header, and for wildcards, it is the legacy type (GraphQL over HTTP,
/// "Legacy watershed").
pub(super) fn accepted(headers: &HeaderMap) -> Option<Media> {
    let mut ranges = headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(range)
        .peekable();
    if ranges.peek().is_none() {
        return Some(Media::Json);
    }
    let mut best: Option<(Media, f32, bool)> = None;
    for (name, quality) in ranges.filter(|(_, quality)| *quality > 0.0) {
        let (media, exact) = match name.as_str() {
            "application/graphql-response+json" => (Media::GraphqlResponse, true),
            "application/json" => (Media::Json, true),
            "*/*" | "application/*" => (Media::Json, false),
            _ => continue,
        };
        let better = best.is_none_or(|(_, best_quality, best_exact)| {
            quality > best_quality || (exact && !best_exact && quality >= best_quality)
        });
        if better {
            best = Some((media, quality, exact));
        }
    }
    best.map(|(media, ..)| media)
}

/// `application/json; q=0.5` as (name, quality).
fn range(text: &str) -> (String, f32) {
    let mut parts = text.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default().to_ascii_lowercase();
    let quality = parts.find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q=")));
    (name, quality.map_or(1.0, |quality| quality.parse().unwrap_or(0.0)))
}

/// Whether the body is JSON in UTF-8. Anything else, a missing type too, could come from a plain
/// form of another site.
pub(super) fn sends_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()) else {
        return false;
    };
    let mut parts = value.split(';').map(str::trim);
    let json = |name: &str| name.eq_ignore_ascii_case("application/json");
    let utf8 = |part: &str| match part.split_once('=') {
        Some((key, charset)) if key.eq_ignore_ascii_case("charset") => {
            let charset = charset.trim_matches('"');
            charset.eq_ignore_ascii_case("utf-8") || charset.eq_ignore_ascii_case("utf8")
        }
        _ => true,
    };
    parts.next().is_some_and(json) && parts.all(utf8)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn accepts(value: &str) -> Option<Media> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_str(value).unwrap());
        accepted(&headers)
    }

    #[test]
    fn the_best_of_what_is_accepted() {
        assert_eq!(accepted(&HeaderMap::new()), Some(Media::Json));
        for (value, media) in [
            ("*/*", Some(Media::Json)),
            ("application/graphql-response+json", Some(Media::GraphqlResponse)),
            ("application/graphql-response+json; charset=utf-8", Some(Media::GraphqlResponse)),
            (
                "application/graphql-response+json, application/json;q=0.9",
                Some(Media::GraphqlResponse),
            ),
            ("application/json, application/graphql-response+json;q=0.9", Some(Media::Json)),
            ("*/*, application/graphql-response+json", Some(Media::GraphqlResponse)),
            ("text/html, */*;q=0.8", Some(Media::Json)),
            ("text/html", None),
            ("application/json;q=0", None),
        ] {
            assert_eq!(accepts(value), media, "{value}");
        }
    }

    #[test]
    fn only_json_in_utf_8_is_read() {
        let sends = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, HeaderValue::from_str(value).unwrap());
            sends_json(&headers)
        };
        assert!(sends("application/json") && sends("Application/JSON; charset=UTF-8"));
        assert!(!sends("text/plain") && !sends("application/json; charset=latin1"));
        assert!(!sends("application/x-www-form-urlencoded"));
        assert!(!sends_json(&HeaderMap::new()));
    }
}
