//! The flat table outside GraphQL: JSON for programs, CSV and Arrow exact to the digit.

mod arrow_stream;
mod csv;
mod json;
mod parameters;

use std::sync::Arc;

use bytes::Bytes;

use crate::engine::{Answer, TableAnswer};
use crate::error::{ApiError, ApiResult, ErrorCode};

use super::answers::Selecting;

pub use csv::csv_of;
pub(super) use parameters::arguments;

/// How a table is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Json,
    Csv,
    /// An Arrow IPC stream.
    Arrow,
}

impl Format {
    /// The format of a file extension.
    #[must_use]
    pub fn from_extension(extension: &str) -> Option<Self> {
        match extension {
            "json" => Some(Self::Json),
            "csv" => Some(Self::Csv),
            "arrow" => Some(Self::Arrow),
            _ => None,
        }
    }

    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json; charset=utf-8",
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Arrow => "application/vnd.apache.arrow.stream",
        }
    }
}

/// A table, written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Export {
    pub format: Format,
    pub body: Bytes,
    /// Deprecated metrics that were asked for.
    pub deprecated: Vec<String>,
}

impl Export {
    /// What another request was answered with.
    pub(super) fn kept(format: Format, body: Bytes) -> Self {
        Self { format, body, deprecated: Vec::new() }
    }
}

pub(super) fn write(
    selecting: Selecting<'_>,
    answer: &Arc<Answer>,
    format: Format,
) -> ApiResult<Export> {
    let Answer::Table(table, _) = &**answer else {
        return Err(ApiError::new(ErrorCode::Internal, "The question was not answered."));
    };
    let body = match format {
        Format::Json => json::write(selecting, answer, table)?,
        Format::Csv => csv::write(table).into_bytes(),
        Format::Arrow => arrow_stream::write(table)?,
    };
    Ok(Export { format, body: body.into(), deprecated: Vec::new() })
}

/// The cells of one column, in row order.
fn column(table: &TableAnswer, index: usize) -> impl Iterator<Item = Option<&crate::engine::Cell>> {
    table.rows.iter().map(move |row| row.get(index))
}
