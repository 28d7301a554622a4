//! What resolves every field of the contract: readers that pick a value off their parent, and the
//! few that ask the engine.

mod answers;
mod catalog;
mod root;
mod table;

pub(super) use root::QUESTIONS;
pub(super) use table::kind;

use std::any::Any;
use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::Arc;

use async_graphql::Value;
use async_graphql::dynamic::{FieldFuture, FieldValue, ResolverContext};

use crate::error::{ApiError, ErrorCode};
use crate::values::Number;

use super::execution::Execution;
use super::values;

pub(super) type Resolver =
    Arc<dyn for<'a> Fn(ResolverContext<'a>) -> FieldFuture<'a> + Send + Sync>;

/// Every resolver, by type and field.
#[derive(Default)]
pub(super) struct Resolvers(HashMap<(&'static str, &'static str), Resolver>);

impl Resolvers {
    /// The resolvers of the whole contract.
    pub fn all() -> Self {
        let mut resolvers = Self::default();
        root::register(&mut resolvers);
        answers::register(&mut resolvers);
        table::register(&mut resolvers);
        catalog::register(&mut resolvers);
        resolvers
    }

    pub fn get(&self, owner: &str, field: &str) -> Option<Resolver> {
        self.0.get(&(owner, field)).map(Arc::clone)
    }

    /// Starts the readers of a type whose parent value is a `T`.
    fn of<T: Any + Send + Sync>(&mut self, owner: &'static str) -> Readers<'_, T> {
        Readers { owner, resolvers: self, parent: PhantomData }
    }

    fn insert<F>(&mut self, owner: &'static str, field: &'static str, resolver: F)
    where
        F: for<'a> Fn(ResolverContext<'a>) -> FieldFuture<'a> + Send + Sync + 'static,
    {
        self.0.insert((owner, field), Arc::new(resolver));
    }
}

/// Readers of one type's fields.
struct Readers<'r, T> {
    owner: &'static str,
    resolvers: &'r mut Resolvers,
    parent: PhantomData<fn(&T)>,
}

impl<T: Any + Send + Sync> Readers<'_, T> {
    /// A field that is a value of its own.
    fn value(self, field: &'static str, read: fn(&T) -> Value) -> Self {
        self.resolvers.insert(self.owner, field, move |context| {
            FieldFuture::from_value(context.parent_value.downcast_ref::<T>().map(read))
        });
        self
    }

    /// A value of an enum, which the library does not take as null.
    fn named(self, field: &'static str, read: fn(&T) -> Option<&str>) -> Self {
        self.resolvers.insert(self.owner, field, move |context| {
            let name = context.parent_value.downcast_ref::<T>().and_then(read);
            FieldFuture::from_value(name.map(Value::from))
        });
        self
    }

    /// A decimal, which fails the root field where JSON could not carry it.
    fn decimal(self, field: &'static str, read: fn(&T) -> Option<&Number>) -> Self {
        self.resolvers.insert(self.owner, field, move |context| {
            let number = context.parent_value.downcast_ref::<T>().and_then(read);
            let value = number.map_or(Ok(Value::Null), values::number);
            FieldFuture::from_value(Some(exact_or_fail(&context, field, value)))
        });
        self
    }

    /// A field whose own fields read off a part of the parent.
    fn part<U: Any + Send + Sync>(self, field: &'static str, read: fn(&T) -> Option<&U>) -> Self {
        self.resolvers.insert(self.owner, field, move |context| {
            let part = context.parent_value.downcast_ref::<T>().and_then(read);
            FieldFuture::Value(part.map(|part| FieldValue::borrowed_any(part)))
        });
        self
    }

    /// A list whose items' fields read off parts of the parent.
    fn parts<U: Any + Send + Sync>(self, field: &'static str, read: fn(&T) -> &[U]) -> Self {
        self.resolvers.insert(self.owner, field, move |context| {
            let parts = context.parent_value.downcast_ref::<T>().map_or(&[][..], read);
            let items = parts.iter().map(|part| FieldValue::borrowed_any(part));
            FieldFuture::Value(Some(FieldValue::list(items)))
        });
        self
    }

    /// Anything else.
    fn field<F>(self, field: &'static str, resolver: F) -> Self
    where
        F: for<'a> Fn(ResolverContext<'a>) -> FieldFuture<'a> + Send + Sync + 'static,
    {
        self.resolvers.insert(self.owner, field, resolver);
        self
    }
}

/// The request that a resolver runs in.
fn execution<'a>(context: &ResolverContext<'a>) -> Option<&'a Arc<Execution>> {
    context.ctx.data_opt::<Arc<Execution>>()
}

/// The value; or null, and the whole root field fails: a part of an answer must not look like it.
fn exact_or_fail(
    context: &ResolverContext<'_>,
    subject: &str,
    value: Result<Value, values::TooLong>,
) -> Value {
    value.unwrap_or_else(|values::TooLong| {
        if let Some(execution) = execution(context) {
            execution.fail_root(context, too_long(subject));
        }
        Value::Null
    })
}

/// The error of a number that JSON cannot carry.
pub(super) fn too_long(subject: &str) -> ApiError {
    let message = format!(
        "`{subject}` has a value of more than 15 significant digits, which JSON numbers do not \
         carry exactly. Ask for CSV or Arrow (/api/v1/metrics.csv, /api/v1/metrics.arrow)."
    );
    ApiError::new(ErrorCode::OutOfRange, message)
}
