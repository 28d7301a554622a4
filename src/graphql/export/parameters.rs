//! Parameters of a URL → the arguments of `metrics`.
//!
//! Lists are repeated or separated by commas; `where` and `having` are JSON; `orderBy` is JSON or
//! `-nrr,segment`; `period.start`, `period.end` and `period.last` may drop the `period.`.

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{BaseType, Type};
use async_graphql::{Name, Value};

use crate::error::{ApiError, ApiResult, ErrorCode, did_you_mean};

use super::super::contract::{Contract, QUERY};
use super::super::variables::from_json;

const PERIOD: [&str; 3] = ["start", "end", "last"];
const TOTALS: &str = "totals";

/// The arguments, and whether totals are wanted. An empty parameter is an absent one.
pub(in super::super) fn arguments(
    contract: &Contract,
    parameters: &[(String, String)],
) -> ApiResult<(IndexMap<String, Value>, bool)> {
    let known = contract.arguments(QUERY, "metrics");
    let mut arguments = IndexMap::new();
    let mut period = IndexMap::new();
    let mut totals = None;
    for (name, text) in parameters.iter().filter(|(_, text)| !text.is_empty()) {
        let part = name.strip_prefix("period.").unwrap_or(name);
        if PERIOD.contains(&part) {
            let value = simple(text, if part == "last" { "Int" } else { "" })?;
            if period.insert(Name::new(part), value).is_some() {
                return Err(bad(format!("`{part}` is given twice.")));
            }
        } else if name == TOTALS {
            if totals.replace(simple(text, "Boolean")? == Value::Boolean(true)).is_some() {
                return Err(bad(format!("`{TOTALS}` is given twice.")));
            }
        } else if let Some(argument) = known.iter().find(|argument| argument.name == name) {
            add(&mut arguments, name, value(name, text, argument.ty)?)?;
        } else {
            let names = known.iter().map(|argument| argument.name).chain(PERIOD).chain([TOTALS]);
            let hint = did_you_mean(name, names);
            return Err(bad(format!("There is no parameter `{name}`.{hint}")));
        }
    }
    if !period.is_empty() {
        add(&mut arguments, "period", Value::Object(period))?;
    }
    Ok((arguments, totals.unwrap_or(false)))
}

/// A repeated list parameter goes on; anything else may be said once.
fn add(arguments: &mut IndexMap<String, Value>, name: &str, value: Value) -> ApiResult<()> {
    match (arguments.get_mut(name), value) {
        (None, value) => {
            arguments.insert(name.to_owned(), value);
            Ok(())
        }
        (Some(Value::List(items)), Value::List(more)) => {
            items.extend(more);
            Ok(())
        }
        _ => Err(bad(format!("`{name}` is given twice."))),
    }
}

fn value(name: &str, text: &str, ty: &Type) -> ApiResult<Value> {
    match (name, &ty.base) {
        ("orderBy", _) if text.trim_start().starts_with(['[', '{']) => {
            Ok(match json(name, text)? {
                Value::List(items) => Value::List(items),
                single => Value::List(vec![single]),
            })
        }
        ("orderBy", _) => Ok(Value::List(parts(text).map(order).collect())),
        (_, BaseType::List(_)) => Ok(Value::List(parts(text).map(Value::from).collect())),
        ("where" | "having" | "period", _) => json(name, text),
        (_, BaseType::Named(scalar)) => simple(text, scalar)
            .map_err(|error| ApiError::new(error.code, format!("`{name}`: {}", error.message))),
    }
}

fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty())
}

/// `-nrr` is nrr, largest first.
fn order(part: &str) -> Value {
    let (by, descending) = part.strip_prefix('-').map_or((part, false), |by| (by, true));
    Value::Object(IndexMap::from([
        (Name::new("by"), Value::from(by)),
        (Name::new("descending"), Value::from(descending)),
    ]))
}

fn simple(text: &str, scalar: &str) -> ApiResult<Value> {
    match scalar {
        "Int" => text
            .trim()
            .parse::<i64>()
            .map(Value::from)
            .map_err(|_| bad(format!("`{text}` is no whole number."))),
        "Boolean" => text
            .trim()
            .parse::<bool>()
            .map(Value::from)
            .map_err(|_| bad(format!("`{text}` is neither true nor false."))),
        _ => Ok(Value::from(text)),
    }
}

fn json(name: &str, text: &str) -> ApiResult<Value> {
    let parsed: serde_json::Value =
        serde_json::from_str(text).map_err(|_| bad(format!("`{name}` must be JSON.")))?;
    Ok(from_json(&parsed))
}

fn bad(message: String) -> ApiError {
    ApiError::new(ErrorCode::BadRequest, message)
}
