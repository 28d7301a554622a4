//! The root fields. A question is asked here, in the document's one run, and not answered.

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
                if let Some(execution) = execution(&context) {
                    execution.answers().await;
                }
                // Null: the answer is written when the document has been walked.
                Ok(None::<FieldValue<'_>>)
            })
        });
    }
    resolvers
        .insert(QUERY, "catalog", |_| FieldFuture::Value(Some(FieldValue::owned_any(CatalogRoot))));
}
