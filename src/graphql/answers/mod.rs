//! Answers as JSON: what every field below a question is of its parent, and how the selected ones
//! are written. async-graphql has validated the document and does not walk these fields: as futures
//! of values of their own, the rows of a large answer took longer than computing it.

mod selected;
mod table;
mod typed;
mod write;

pub(super) use selected::Selecting;
pub(super) use typed::{band, group_value};
pub(super) use write::{Unwritable, write};

use std::any::Any;
use std::collections::HashMap;
use std::marker::PhantomData;

use async_graphql::Value;

use crate::engine::TableAnswer;
use crate::error::{ApiError, ApiResult, ErrorCode};
use crate::values::Number;

use super::decode::Args;
use super::values::{self, TooLong};

type ReadValue = Box<dyn Fn(&dyn Any, &str) -> ApiResult<Value> + Send + Sync>;
type ReadItems = Box<dyn for<'p> Fn(&'p dyn Any, &Args) -> Items<'p> + Send + Sync>;
type Read<R> = Box<dyn for<'p> Fn(&'p dyn Any) -> Option<&'p R> + Send + Sync>;

/// What a field is of its parent.
enum Reader {
    /// A value of its own; fields that all read alike are told by their name.
    Value(ReadValue),
    /// A part of the parent, or null.
    Object(Read<dyn Any>),
    /// A list of parts, after the field's arguments.
    List(ReadItems),
    /// The rows of a table, as flat objects.
    Rows(Read<TableAnswer>),
}

type Items<'p> = Box<dyn Iterator<Item = Item<'p>> + 'p>;

/// An item of a list: a part of the parent, or made for the occasion.
enum Item<'p> {
    Part(&'p dyn Any),
    Made(Box<dyn Any>),
}

/// Every reader, by type and field.
#[derive(Default)]
pub(super) struct Readers(HashMap<&'static str, HashMap<&'static str, Reader>>);

impl Readers {
    /// The readers of all that the contract has below a question.
    pub fn all() -> Self {
        let mut readers = Self::default();
        typed::register(&mut readers);
        table::register(&mut readers);
        readers
    }

    pub fn has(&self, owner: &str, field: &str) -> bool {
        self.get(owner, field).is_some()
    }

    /// The reader of a field; that without a name is for all fields of its type.
    fn get(&self, owner: &str, field: &str) -> Option<&Reader> {
        let fields = self.0.get(owner)?;
        fields.get(field).or_else(|| fields.get(""))
    }

    /// Starts the readers of a type whose values are `T`s.
    fn of<T: Any>(&mut self, owner: &'static str) -> Reading<'_, T> {
        Reading { owner, readers: self, parent: PhantomData }
    }
}

/// The fields of a type whose values are `T`s, one after another.
pub(super) trait Fields<T>: Sized {
    /// A field that is a value of its own.
    fn value(self, field: &'static str, read: fn(&T) -> Value) -> Self;

    /// A value that JSON may be unable to carry.
    fn exact(self, field: &'static str, read: fn(&T) -> ApiResult<Value>) -> Self;

    /// A list of parts.
    fn parts<U: Any + Send + Sync>(self, field: &'static str, read: fn(&T) -> &[U]) -> Self;
}

/// Registers the readers of one type.
struct Reading<'r, T> {
    owner: &'static str,
    readers: &'r mut Readers,
    parent: PhantomData<fn(&T)>,
}

impl<T: Any> Reading<'_, T> {
    fn insert(self, field: &'static str, reader: Reader) -> Self {
        self.readers.0.entry(self.owner).or_default().insert(field, reader);
        self
    }

    /// A value by the name of its field.
    fn any_field(self, read: fn(&T, &str) -> ApiResult<Value>) -> Self {
        let read = move |of: &dyn Any, name: &str| {
            of.downcast_ref().map_or(Ok(Value::Null), |of| read(of, name))
        };
        self.insert("", Reader::Value(Box::new(read)))
    }

    fn decimal(self, field: &'static str, read: fn(&T) -> Option<&Number>) -> Self {
        let read = move |of: &dyn Any, _: &str| match of.downcast_ref().and_then(read) {
            Some(number) => values::number(number).map_err(|TooLong| too_long(field)),
            None => Ok(Value::Null),
        };
        self.insert(field, Reader::Value(Box::new(read)))
    }

    /// A field whose own fields read off a part of the parent.
    fn part<U: Any>(self, field: &'static str, read: fn(&T) -> Option<&U>) -> Self {
        self.insert(
            field,
            Reader::Object(Box::new(move |of| {
                of.downcast_ref().and_then(read).map(|part| part as &dyn Any)
            })),
        )
    }

    /// A list of items that are made by the field's arguments.
    fn made<U: Any>(self, field: &'static str, make: fn(&T, &Args) -> Vec<U>) -> Self {
        self.insert(
            field,
            Reader::List(Box::new(move |of, arguments| {
                let made = of.downcast_ref().map_or_else(Vec::new, |of| make(of, arguments));
                Box::new(made.into_iter().map(|item| Item::Made(Box::new(item))))
            })),
        )
    }

    /// The rows of a table.
    fn rows(self, field: &'static str, read: fn(&T) -> Option<&TableAnswer>) -> Self {
        self.insert(field, Reader::Rows(Box::new(move |of| of.downcast_ref().and_then(read))))
    }
}

impl<T: Any> Fields<T> for Reading<'_, T> {
    fn value(self, field: &'static str, read: fn(&T) -> Value) -> Self {
        let read = move |of: &dyn Any, _: &str| Ok(of.downcast_ref().map_or(Value::Null, read));
        self.insert(field, Reader::Value(Box::new(read)))
    }

    fn exact(self, field: &'static str, read: fn(&T) -> ApiResult<Value>) -> Self {
        let read = move |of: &dyn Any, _: &str| of.downcast_ref().map_or(Ok(Value::Null), read);
        self.insert(field, Reader::Value(Box::new(read)))
    }

    fn parts<U: Any + Send + Sync>(self, field: &'static str, read: fn(&T) -> &[U]) -> Self {
        self.insert(
            field,
            Reader::List(Box::new(move |of, _| {
                let parts = of.downcast_ref().map_or(&[][..], read);
                Box::new(parts.iter().map(|part| Item::Part(part)))
            })),
        )
    }
}

/// The error of a number that JSON cannot carry.
pub(super) fn too_long(subject: &str) -> ApiError {
    let message = format!(
        "`{subject}` has a value of more than 15 significant digits, which JSON numbers do not \
         carry exactly. Ask for CSV or Arrow (/api/v1/metrics.csv, /api/v1/metrics.arrow)."
    );
    ApiError::new(ErrorCode::OutOfRange, message)
}
