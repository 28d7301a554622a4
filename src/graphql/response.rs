//! A GraphQL response, written out once, keys in the order of the document (async-graphql gives
//! them as they complete).

use std::time::Instant;

use async_graphql::{PathSegment, Value};
use bytes::Bytes;
use serde::Serialize;

use crate::error::ErrorCode;

use super::answers::Unwritable;
use super::errors::{Errors, Reported};

/// When an answer may be another one; none: never.
pub(super) type Until = Option<Instant>;

/// A response with all that an HTTP layer needs to know about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GraphqlResponse {
    /// The JSON body.
    pub body: Bytes,
    pub outcome: Outcome,
    /// Deprecated metrics that were asked for, each once.
    pub deprecated: Vec<String>,
    /// Set where the same request may be answered with the same body: until when, if not always.
    pub(super) kept_until: Option<Until>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Executed; `errors` says whether some fields failed.
    Answered { errors: bool },
    /// Refused before execution: no `data`.
    Refused(ErrorCode),
    /// Refused because the operation is a mutation or subscription.
    NotAQuery,
}

#[derive(Serialize)]
struct Body<'b> {
    errors: Errors<'b>,
}

/// A response as it is written, root field by root field in the document's order.
pub(super) struct Data(Vec<u8>);

impl Data {
    pub fn new() -> Self {
        Self(br#"{"data":{"#.to_vec())
    }

    /// Writes a root field, or null where its value cannot be written. A key is a name of GraphQL:
    /// there is nothing in it for JSON to escape.
    pub fn field(
        &mut self,
        key: &str,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), Unwritable>,
    ) -> Result<(), Unwritable> {
        let Self(body) = self;
        let comma = if body.ends_with(b"{") { "" } else { "," };
        body.extend_from_slice(format!("{comma}\"{key}\":").as_bytes());
        let start = body.len();
        write(body).inspect_err(|_| {
            body.truncate(start);
            body.extend_from_slice(b"null");
        })
    }

    fn end(self, errors: &[Reported], request_id: &str) -> Vec<u8> {
        let Self(mut body) = self;
        body.push(b'}');
        if !errors.is_empty() {
            body.extend_from_slice(br#","errors":"#);
            body.extend(serde_json::to_vec(&Errors(errors, request_id)).unwrap_or_default());
        }
        body.push(b'}');
        body
    }
}

impl GraphqlResponse {
    pub(super) fn answered(data: Data, errors: &[Reported], request_id: &str) -> Self {
        let outcome = Outcome::Answered { errors: !errors.is_empty() };
        let body = data.end(errors, request_id).into();
        Self { body, outcome, deprecated: Vec::new(), kept_until: None }
    }

    /// What another request was answered with: nothing in it failed, and it is kept already.
    pub(super) fn kept(body: Bytes) -> Self {
        let outcome = Outcome::Answered { errors: false };
        Self { body, outcome, deprecated: Vec::new(), kept_until: None }
    }

    pub(super) fn refused(errors: &[Reported], request_id: &str) -> Self {
        let code = errors.first().map_or(ErrorCode::Internal, |first| first.error.code);
        let (body, outcome) = (error_body(errors, request_id).into(), Outcome::Refused(code));
        Self { body, outcome, deprecated: Vec::new(), kept_until: None }
    }
}

/// The body of a response without data.
pub(super) fn error_body(errors: &[Reported], request_id: &str) -> Vec<u8> {
    let errors = Errors(errors, request_id);
    serde_json::to_vec(&Body { errors }).unwrap_or_default()
}

/// Writes a root field that was walked; null where it failed as a whole.
pub(super) fn write_walked(
    key: &str,
    walked: &Value,
    errors: &[Reported],
    into: &mut Vec<u8>,
) -> Result<(), Unwritable> {
    let failed = errors.iter().any(|reported| match reported.path.as_slice() {
        [PathSegment::Field(root)] => root == key,
        _ => false,
    });
    let value = match walked {
        Value::Object(fields) if !failed => fields.get(key),
        _ => None,
    };
    serde_json::to_writer(into, &value).map_err(|_| Unwritable::for_a_fault())
}

/// Errors in the order of the document's root fields.
pub(super) fn sort_errors<'k>(errors: &mut [Reported], keys: impl Iterator<Item = &'k str>) {
    let keys: Vec<&str> = keys.collect();
    errors.sort_by_key(|reported| match reported.path.first() {
        Some(PathSegment::Field(root)) => keys.iter().position(|key| key == root),
        _ => None,
    });
}
