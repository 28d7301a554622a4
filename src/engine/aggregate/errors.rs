//! Plans that cannot be made, in words of callers.

use datafusion::error::DataFusionError;

use crate::error::{ApiError, ErrorCode};

/// A plan that does not fit is a fault of the definition's types; the text goes to the log.
pub fn plan_error(error: DataFusionError) -> ApiError {
    tracing::error!(%error, "a question does not plan");
    ApiError::new(
        ErrorCode::BadData,
        "The definition's expressions do not fit the types of the table's columns.",
    )
}

pub fn internal(what: &str) -> ApiError {
    ApiError::new(ErrorCode::Internal, format!("The question cannot be planned: {what}."))
}
