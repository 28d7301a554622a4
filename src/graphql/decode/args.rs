//! The arguments of one field, defaults filled in; null and absent are the same.

use async_graphql::Value;
use async_graphql::indexmap::IndexMap;

use crate::error::{ApiError, ApiResult, ErrorCode, did_you_mean};

use super::super::contract::Argument;

pub(in super::super) struct Args(IndexMap<String, Value>);

impl Args {
    pub fn new(mut given: IndexMap<String, Value>, known: &[Argument<'_>]) -> Self {
        given.retain(|_, value| *value != Value::Null);
        for argument in known {
            if let Some(default) = argument.default
                && !given.contains_key(argument.name)
            {
                given.insert(argument.name.to_owned(), default.clone());
            }
        }
        Self(given)
    }

    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// The items of a list with their places; a single value stands for a list of one.
    pub fn items(&self, name: &str) -> Vec<(String, &Value)> {
        self.get(name).map_or_else(Vec::new, |value| items(value, name))
    }

    /// One of a closed list of names.
    pub fn choice<T: Copy>(&self, name: &str, choices: &[(&str, T)]) -> ApiResult<Option<T>> {
        self.get(name).map(|value| choice(value, name, choices)).transpose()
    }

    pub fn flag(&self, name: &str) -> ApiResult<Option<bool>> {
        self.get(name).map(|value| flag(value, name)).transpose()
    }

    /// A whole number from 0.
    pub fn counted(&self, name: &str) -> ApiResult<Option<i64>> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let number = whole(value, name)?;
        if number < 0 {
            return Err(bad(format!("`{name}` must be 0 or more.")));
        }
        Ok(Some(number))
    }

    pub fn text(&self, name: &str) -> ApiResult<Option<String>> {
        self.get(name).map(|value| text(value, name)).transpose()
    }

    pub fn texts(&self, name: &str) -> ApiResult<Option<Vec<String>>> {
        if self.get(name).is_none() {
            return Ok(None);
        }
        self.items(name)
            .into_iter()
            .map(|(at, item)| text(item, &at))
            .collect::<ApiResult<_>>()
            .map(Some)
    }
}

/// The items of a list, each with its place as validation names it (`select.0`); a single value
/// stands for a list of one.
pub(super) fn items<'v>(value: &'v Value, at: &str) -> Vec<(String, &'v Value)> {
    match value {
        Value::List(items) => {
            items.iter().enumerate().map(|(index, item)| (format!("{at}.{index}"), item)).collect()
        }
        single => vec![(at.to_owned(), single)],
    }
}

/// The name in a literal (enum item) or in a variable (text).
pub(super) fn name_of(value: &Value) -> Option<&str> {
    match value {
        Value::Enum(name) => Some(name.as_str()),
        Value::String(name) => Some(name),
        _ => None,
    }
}

pub(super) fn choice<T: Copy>(value: &Value, at: &str, choices: &[(&str, T)]) -> ApiResult<T> {
    let wanted = name_of(value);
    let found = choices.iter().find(|(name, _)| Some(*name) == wanted);
    found.map(|(_, choice)| *choice).ok_or_else(|| {
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        match wanted {
            // In the words of validation: the same mistake, the same message through every door.
            Some(wanted) => {
                let hint = did_you_mean(wanted, names.iter().copied());
                bad(format!("`{at}`: `{wanted}` is not one of {}.{hint}", names.join(", ")))
            }
            None => bad(format!("`{at}` must be one of {}.", names.join(", "))),
        }
    })
}

pub(super) fn flag(value: &Value, at: &str) -> ApiResult<bool> {
    match value {
        Value::Boolean(flag) => Ok(*flag),
        _ => Err(bad(format!("`{at}` must be true or false."))),
    }
}

pub(super) fn text(value: &Value, at: &str) -> ApiResult<String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        _ => Err(bad(format!("`{at}` must be a text."))),
    }
}

pub(super) fn whole(value: &Value, at: &str) -> ApiResult<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        _ => None,
    }
    .ok_or_else(|| bad(format!("`{at}` must be a whole number.")))
}

pub(super) fn bad(message: String) -> ApiError {
    ApiError::new(ErrorCode::BadRequest, message)
}
