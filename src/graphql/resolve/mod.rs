//! What async-graphql resolves: the catalogue, and of the questions that they are asked.

mod catalog;
mod root;

pub(super) use root::QUESTIONS;

use std::any::Any;
use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::Arc;

use async_graphql::Value;
use async_graphql::dynamic::{FieldFuture, FieldValue, ResolverContext};

use crate::error::ApiResult;

use super::answers::Fields;
use super::execution::Execution;

pub(super) type Resolver =
    Arc<dyn for<'a> Fn(ResolverContext<'a>) -> FieldFuture<'a> + Send + Sync>;

/// Every resolver, by type and field.
#[derive(Default)]
pub(super) struct Resolvers(HashMap<(&'static str, &'static str), Resolver>);

impl Resolvers {
    /// The resolvers of the catalogue and the root.
    pub fn all() -> Self {
        let mut resolvers = Self::default();
        root::register(&mut resolvers);
        catalog::register(&mut resolvers);
        resolvers
    }

    pub fn get(&self, owner: &str, field: &str) -> Option<Resolver> {
        self.0.get(&(owner, field)).map(Arc::clone)
    }

    /// Starts the resolvers of a type whose parent value is a `T`.
    fn of<T: Any + Send + Sync>(&mut self, owner: &'static str) -> Resolving<'_, T> {
        Resolving { owner, resolvers: self, parent: PhantomData }
    }

    fn insert<F>(&mut self, owner: &'static str, field: &'static str, resolver: F)
    where
        F: for<'a> Fn(ResolverContext<'a>) -> FieldFuture<'a> + Send + Sync + 'static,
    {
        self.0.insert((owner, field), Arc::new(resolver));
    }
}

/// Registers the resolvers of one type.
struct Resolving<'r, T> {
    owner: &'static str,
    resolvers: &'r mut Resolvers,
    parent: PhantomData<fn(&T)>,
}

impl<T: Any + Send + Sync> Resolving<'_, T> {
    /// Anything else.
    fn field<F>(self, field: &'static str, resolver: F) -> Self
    where
        F: for<'a> Fn(ResolverContext<'a>) -> FieldFuture<'a> + Send + Sync + 'static,
    {
        self.resolvers.insert(self.owner, field, resolver);
        self
    }
}

impl<T: Any + Send + Sync> Fields<T> for Resolving<'_, T> {
    fn value(self, field: &'static str, read: fn(&T) -> Value) -> Self {
        self.field(field, move |context| {
            let value = context.parent_value.downcast_ref::<T>().map(read);
            // The library does not take null as a value of an enum.
            FieldFuture::from_value(value.filter(|value| *value != Value::Null))
        })
    }

    fn exact(self, field: &'static str, read: fn(&T) -> ApiResult<Value>) -> Self {
        self.field(field, move |context| {
            let value = context.parent_value.downcast_ref::<T>().map(read);
            FieldFuture::from_value(value.map(|value| or_fail(&context, value)))
        })
    }

    fn parts<U: Any + Send + Sync>(self, field: &'static str, read: fn(&T) -> &[U]) -> Self {
        self.field(field, move |context| {
            let parts = context.parent_value.downcast_ref::<T>().map_or(&[][..], read);
            let items = parts.iter().map(|part| FieldValue::borrowed_any(part));
            FieldFuture::Value(Some(FieldValue::list(items)))
        })
    }
}

/// The request that a resolver runs in.
fn execution<'a>(context: &ResolverContext<'a>) -> Option<&'a Arc<Execution>> {
    context.ctx.data_opt::<Arc<Execution>>()
}

/// The value; or null, and the whole root field fails: a part of an answer must not look like it.
fn or_fail(context: &ResolverContext<'_>, value: ApiResult<Value>) -> Value {
    value.unwrap_or_else(|error| {
        if let Some(execution) = execution(context) {
            execution.fail_root(context, error);
        }
        Value::Null
    })
}
