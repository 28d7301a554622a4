//! The HTTP status of an error, where there is no GraphQL response around it.

use axum::http::StatusCode;

use crate::error::ErrorCode;

pub(super) fn of(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::BadRequest
        | ErrorCode::UnknownMetric
        | ErrorCode::UnknownDimension
        | ErrorCode::UnknownValue
        | ErrorCode::IncompatibleDimension
        | ErrorCode::BadPeriod
        | ErrorCode::TooManyRows
        | ErrorCode::OutOfRange => StatusCode::BAD_REQUEST,
        ErrorCode::QueryTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorCode::Unauthenticated => StatusCode::UNAUTHORIZED,
        ErrorCode::Forbidden => StatusCode::FORBIDDEN,
        ErrorCode::ResourceLimit => StatusCode::UNPROCESSABLE_ENTITY,
        ErrorCode::Unavailable | ErrorCode::StoreUnavailable | ErrorCode::Overloaded => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        ErrorCode::Timeout => StatusCode::GATEWAY_TIMEOUT,
        ErrorCode::BadData | ErrorCode::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
