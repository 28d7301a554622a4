//! The root fields: each takes its own answer out of the document's one run.

use std::sync::Arc;

use async_graphql::dynamic::{FieldFuture, FieldValue};

use super::super::contract::QUERY;
use super::catalog::CatalogRoot;
use super::{Resolvers, execution};

/// The root fields that ask the engine.
pub(in super::super) const QUESTIONS: [&str; 8] = [
    "nrr",
    "expansionByType",
    "attachRate",
    "timeToExpansion",
    "csmExpansionAttribution",
    "cohorts",
    "variants",
    "metrics",
];

pub(super) fn register(resolvers: &mut Resolvers) {
    for field in QUESTIONS {
        resolvers.insert(QUERY, field, |context| {
            FieldFuture::new(async move {
                let Some(execution) = execution(&context) else { return Ok(None) };
                let key = context.ctx.item.node.response_key().node.as_str();
                // An error beside a null, never an Err: async-graphql would drop the key.
                Ok(match execution.answer(key).await {
                    Ok(answer) => Some(FieldValue::owned_any(Arc::clone(&answer))),
                    Err(error) => {
                        execution.fail(&context, error);
                        None
                    }
                })
            })
        });
    }
    resolvers
        .insert(QUERY, "catalog", |_| FieldFuture::Value(Some(FieldValue::owned_any(CatalogRoot))));
}
