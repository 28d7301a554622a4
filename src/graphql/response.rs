//! A GraphQL response, written out once, keys in the order of the document.

use std::time::Instant;

use async_graphql::indexmap::IndexMap;
use async_graphql::{Name, PathSegment, Value};
use bytes::Bytes;
use serde::Serialize;

use crate::error::ErrorCode;

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
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'b Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<Errors<'b>>,
}

impl GraphqlResponse {
    pub(super) fn answered(data: &Value, errors: &[Reported], request_id: &str) -> Self {
        let outcome = Outcome::Answered { errors: !errors.is_empty() };
        let body = write(Some(data), errors, request_id).into();
        Self { body, outcome, deprecated: Vec::new(), kept_until: None }
    }

    /// What another request was answered with: nothing in it failed, and it is kept already.
    pub(super) fn kept(body: Bytes) -> Self {
        let outcome = Outcome::Answered { errors: false };
        Self { body, outcome, deprecated: Vec::new(), kept_until: None }
    }

    pub(super) fn refused(errors: &[Reported], request_id: &str) -> Self {
        let code = errors.first().map_or(ErrorCode::Internal, |first| first.error.code);
        let (body, outcome) = (write(None, errors, request_id).into(), Outcome::Refused(code));
        Self { body, outcome, deprecated: Vec::new(), kept_until: None }
    }
}

/// The body of a response without data.
pub(super) fn error_body(errors: &[Reported], request_id: &str) -> Vec<u8> {
    write(None, errors, request_id)
}

fn write(data: Option<&Value>, errors: &[Reported], request_id: &str) -> Vec<u8> {
    let errors = (!errors.is_empty()).then_some(Errors(errors, request_id));
    serde_json::to_vec(&Body { data, errors }).unwrap_or_default()
}

/// Root keys as the document has them (async-graphql gives them as they complete), null where a
/// root field failed as a whole.
pub(super) fn in_document_order<'k>(
    data: Value,
    keys: impl Iterator<Item = &'k str>,
    errors: &[Reported],
) -> Value {
    let mut found = match data {
        Value::Object(found) => found,
        _ => IndexMap::new(),
    };
    let failed = |key: &str| {
        errors.iter().any(|reported| match reported.path.as_slice() {
            [PathSegment::Field(root)] => root == key,
            _ => false,
        })
    };
    let ordered = keys.map(|key| {
        let value = found.swap_remove(key).filter(|_| !failed(key));
        (Name::new(key), value.unwrap_or_default())
    });
    Value::Object(ordered.collect())
}

/// Errors in the order of the document's root fields.
pub(super) fn sort_errors<'k>(errors: &mut [Reported], keys: impl Iterator<Item = &'k str>) {
    let keys: Vec<&str> = keys.collect();
    errors.sort_by_key(|reported| match reported.path.first() {
        Some(PathSegment::Field(root)) => keys.iter().position(|key| key == root),
        _ => None,
    });
}
