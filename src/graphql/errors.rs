//! The one border where errors become GraphQL errors: [`ApiError`]s as they are, validation
//! messages rewritten so that they name the subject and the nearest valid choice.

use async_graphql::registry::{MetaType, Registry};
use async_graphql::{PathSegment, Pos, ServerError};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use crate::error::{ApiError, ErrorCode, did_you_mean, nearest};

use super::decode::{COMBINING, hint_of, no_operator};
use super::execution::Failure;

/// An entry of a response's `errors`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reported {
    pub error: ApiError,
    pub locations: Vec<Pos>,
    pub path: Vec<PathSegment>,
}

impl Reported {
    pub fn new(error: ApiError) -> Self {
        Self { error, locations: Vec::new(), path: Vec::new() }
    }
}

impl From<Failure> for Reported {
    fn from(failure: Failure) -> Self {
        Self { error: failure.error, locations: vec![failure.location], path: failure.path }
    }
}

/// Errors with the request they belong to, as clients read them.
pub(super) struct Errors<'e>(pub &'e [Reported], pub &'e str);

impl Serialize for Errors<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|reported| WithRequest(reported, self.1)))
    }
}

struct WithRequest<'e>(&'e Reported, &'e str);

#[derive(Serialize)]
struct Extensions<'e> {
    code: &'e str,
    #[serde(rename = "requestId")]
    request_id: &'e str,
}

impl Serialize for WithRequest<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(reported, request_id) = self;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("message", &reported.error.message)?;
        if !reported.locations.is_empty() {
            map.serialize_entry("locations", &reported.locations)?;
        }
        if !reported.path.is_empty() {
            map.serialize_entry("path", &reported.path)?;
        }
        let code = reported.error.code.as_str();
        map.serialize_entry("extensions", &Extensions { code, request_id })?;
        map.end()
    }
}

/// What validation (or, by a fault of ours, execution) reported.
pub(super) fn translate(error: ServerError, registry: &Registry) -> Reported {
    let rewritten = if error.path.is_empty() {
        rewrite(&error.message, registry)
    } else {
        tracing::error!(message = error.message, "a resolver failed");
        ApiError::new(
            ErrorCode::Internal,
            "The field could not be answered. This is a fault of ours.",
        )
    };
    Reported { error: rewritten, locations: error.locations, path: error.path }
}

fn rewrite(message: &str, registry: &Registry) -> ApiError {
    let quoted: Vec<&str> = message.split('"').skip(1).step_by(2).collect();
    if let Some(rest) = message.strip_prefix("Invalid value for argument ") {
        return match quoted.as_slice() {
            [path, ty, value] if rest.contains("does not contain the value") => {
                unknown_item(path, ty, value, registry)
            }
            [path, field, ty] if rest.contains(", unknown field ") => {
                unknown_input(path, field, ty, registry)
            }
            [path, field, _] if rest.contains("is required but not provided") => {
                bad(format!("`{path}`: `{field}` is required."))
            }
            [path, ty, ..] => bad(format!("`{path}` must be {}.", words_of(path, ty))),
            _ => bad(message.to_owned()),
        };
    }
    match quoted.as_slice() {
        [field, ty] if message.starts_with("Unknown field ") => unknown_field(field, ty, registry),
        [argument, field, ty] if message.starts_with("Unknown argument ") => {
            let field_of = registry.types.get(*ty).and_then(|ty| ty.field_by_name(field));
            let names = field_of.map(|field| field.args.keys()).into_iter().flatten();
            let hint = did_you_mean(argument, names.map(String::as_str));
            bad(format!("`{field}` has no argument `{argument}`.{hint}"))
        }
        [field, argument, _] if message.ends_with("is required but not provided") => {
            bad(format!("`{field}` needs the argument `{argument}`."))
        }
        _ if message.starts_with("The recursion depth") => too_large(message),
        _ => bad(sentence(message)),
    }
}

/// A type as the arguments of the exports say it too: values of filters in words.
fn words_of(path: &str, ty: &str) -> String {
    let in_filter = path == "where" || path.starts_with("where.");
    match ty.trim_end_matches('!') {
        "String" if in_filter => "a text".to_owned(),
        "Int" if in_filter => "a whole number".to_owned(),
        "Float" if in_filter => "a number".to_owned(),
        "Boolean" if in_filter => "true or false".to_owned(),
        "Where" if in_filter => "an object".to_owned(),
        _ => format!("of type `{ty}`"),
    }
}

fn unknown_item(path: &str, ty: &str, value: &str, registry: &Registry) -> ApiError {
    let items: Vec<&str> = match registry.types.get(ty) {
        Some(MetaType::Enum { enum_values, .. }) => {
            enum_values.keys().map(String::as_str).collect()
        }
        _ => Vec::new(),
    };
    let hint = did_you_mean(value, items.iter().copied());
    match ty {
        "MetricName" => ApiError::new(
            ErrorCode::UnknownMetric,
            format!("`{path}`: metric `{value}` is not defined.{hint}"),
        ),
        "DimensionName" => ApiError::new(
            ErrorCode::UnknownDimension,
            format!("`{path}`: dimension `{value}` is not defined.{hint}"),
        ),
        _ => bad(format!("`{path}`: `{value}` is not one of {}.{hint}", items.join(", "))),
    }
}

fn unknown_input(path: &str, field: &str, ty: &str, registry: &Registry) -> ApiError {
    let known = match registry.types.get(ty) {
        Some(MetaType::InputObject { input_fields, .. }) => Some(input_fields.keys()),
        _ => None,
    };
    let names = known.into_iter().flatten().map(String::as_str);
    if ty == "Where" {
        let dimensions = names.filter(|name| !COMBINING.contains(name));
        let hint = hint_of(field, dimensions);
        let message = format!("`{path}`: dimension `{field}` is not defined.{hint}");
        return ApiError::new(ErrorCode::UnknownDimension, message);
    }
    if ty.ends_with("Filter") {
        return bad(no_operator(path, field, &names.collect::<Vec<_>>()));
    }
    let hint = did_you_mean(field, names);
    bad(format!("`{path}` has no field `{field}`.{hint}"))
}

fn unknown_field(field: &str, ty: &str, registry: &Registry) -> ApiError {
    let known = registry.types.get(ty).and_then(MetaType::fields).map(|fields| fields.keys());
    let names = known.into_iter().flatten().map(String::as_str);
    let hint = did_you_mean(field, names.filter(|name| !name.starts_with("__")));
    if ty == "MetricRecord" {
        let message = format!("`{field}` is neither a metric nor a dimension.{hint}");
        let names = registry.types.get(ty).and_then(MetaType::fields).map(|fields| fields.keys());
        let meant = nearest(field, names.into_iter().flatten().map(String::as_str));
        let code = match meant.is_some_and(|name| is_dimension(name, registry)) {
            true => ErrorCode::UnknownDimension,
            false => ErrorCode::UnknownMetric,
        };
        return ApiError::new(code, message);
    }
    bad(format!("Type `{ty}` has no field `{field}`.{hint}"))
}

fn is_dimension(name: &str, registry: &Registry) -> bool {
    match registry.types.get("DimensionName") {
        Some(MetaType::Enum { enum_values, .. }) => enum_values.contains_key(name),
        _ => false,
    }
}

fn bad(message: String) -> ApiError {
    ApiError::new(ErrorCode::BadRequest, message)
}

fn too_large(message: &str) -> ApiError {
    ApiError::new(ErrorCode::QueryTooLarge, sentence(message))
}

fn sentence(message: &str) -> String {
    let message = message.trim().replace('"', "`");
    if message.ends_with(['.', '?']) { message } else { format!("{message}.") }
}
