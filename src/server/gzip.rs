//! Documents' answers in gzip: written once, beside the threads that answer.

use std::io::Write;

use axum::http::HeaderMap;
use axum::http::header::ACCEPT_ENCODING;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::dashboard::accepts_gzip;

/// What is shorter goes out in one packet anyway.
const WORTH_IT: usize = 1024;

/// Whether the client takes gzip.
pub(super) fn takes_gzip(headers: &HeaderMap) -> bool {
    let mut given = headers.get_all(ACCEPT_ENCODING).iter();
    given.any(|value| value.to_str().is_ok_and(accepts_gzip))
}

/// The body in gzip, where that is worth it.
pub(super) async fn gzipped(body: &Bytes) -> Option<Bytes> {
    if body.len() < WORTH_IT {
        return None;
    }
    let body = body.clone();
    let zipped = tokio::task::spawn_blocking(move || {
        let mut zipper = GzEncoder::new(Vec::new(), Compression::default());
        zipper.write_all(&body).and_then(|()| zipper.finish())
    });
    // Nothing of it can fail but a server that is going down; the plain body goes then.
    zipped.await.ok()?.ok().map(Bytes::from)
}
