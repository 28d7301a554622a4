//! Variables: JSON → GraphQL values, checked against the operation's declarations.
//!
//! Converted by hand: async-graphql's own deserialisation does not know numbers kept as text.

use async_graphql::parser::types::OperationDefinition;
use async_graphql::{Name, Value, Variables};
use serde_json::Value as Json;

use crate::error::{ApiError, ApiResult, ErrorCode};

/// A JSON value as a GraphQL constant, numbers to the digit.
pub(super) fn from_json(json: &Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::from(*value),
        Json::Number(number) => Value::Number(number.clone()),
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(items) => Value::List(items.iter().map(from_json).collect()),
        Json::Object(fields) => {
            Value::Object(fields.iter().map(|(name, v)| (Name::new(name), from_json(v))).collect())
        }
    }
}

/// The operation's variables with their defaults filled in. Variables that the operation does not
/// declare are left out, as GraphQL says.
pub(super) fn coerce(
    operation: &OperationDefinition,
    given: &serde_json::Map<String, Json>,
) -> ApiResult<Variables> {
    let mut variables = Variables::default();
    for definition in &operation.variable_definitions {
        let name = &definition.node.name.node;
        let ty = &definition.node.var_type.node;
        let default = definition.node.default_value.as_ref().map(|value| &value.node);
        let value = given.get(name.as_str()).map(from_json).or_else(|| default.cloned());
        if value.as_ref().is_none_or(|value| *value == Value::Null) && !ty.nullable {
            let message = format!("Variable `${name}` of type `{ty}` is required.");
            return Err(ApiError::new(ErrorCode::BadRequest, message));
        }
        if let Some(value) = value {
            variables.insert(name.clone(), value);
        }
    }
    Ok(variables)
}
