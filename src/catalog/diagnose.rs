//! What went wrong in the middle of a scan, in words for API callers: the engine's own text goes
//! to the log.

use std::any::Any;
use std::error::Error;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::ParquetRecordBatchStreamBuilder;
use parquet::errors::ParquetError;
use tokio::task::JoinError;

use super::adapter::ConversionError;
use super::convert::Conversion;
use super::reader::{DataFile, PinnedReader, ReadFault};
use super::snapshot::TableSnapshot;
use super::store::StoreFault;
use super::view::TableProblem;
use crate::error::{ApiError, ErrorCode};
use crate::model::ColumnName;

/// Files probed at a time.
const PROBES: usize = 4;

/// A panic inside a scan, as an error.
#[derive(Debug, thiserror::Error)]
#[error("a scan panicked: {0}")]
struct ScanPanic(String);

/// A stream that turns a panic below it (the Parquet reader over a hostile file) into an error
/// that [`super::Catalog::diagnose`] understands.
#[must_use]
pub fn catch_panics(stream: SendableRecordBatchStream) -> SendableRecordBatchStream {
    let schema = stream.schema();
    let caught = AssertUnwindSafe(stream).catch_unwind().map(|polled| match polled {
        Ok(batch) => batch,
        Err(panic) => {
            let panic = ScanPanic(panic_text(panic.as_ref()));
            Err(DataFusionError::External(Box::new(panic)))
        }
    });
    Box::pin(RecordBatchStreamAdapter::new(schema, caught))
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}

/// What kind of thing an error of a scan is.
pub(super) enum Trouble<'a> {
    Read(&'a ReadFault),
    Conversion(&'a ConversionError),
    /// Bytes that are not what Parquet says they are; which file is unknown.
    Decoding,
    Memory,
    Store(StoreFault),
    /// What a function of ours says itself, in words for callers.
    Told(&'a ApiError),
    /// An expression that has no result for some row.
    DivideByZero,
    Overflow,
    NoResult,
    Other,
}

impl Trouble<'_> {
    /// The engine's text, for whoever runs the server. Expressions are the definitions' matter, and
    /// are told by name where they are known.
    pub(super) fn log(&self, error: &DataFusionError) {
        const WHAT: &str = "a question failed while it was executed";
        match self {
            Self::Told(_) | Self::DivideByZero | Self::Overflow | Self::NoResult => {
                tracing::debug!(%error, "{WHAT}");
            }
            Self::Memory => tracing::info!(%error, "{WHAT}"),
            Self::Read(_) | Self::Conversion(_) | Self::Decoding | Self::Store(_) => {
                tracing::warn!(%error, "{WHAT}");
            }
            Self::Other => tracing::error!(%error, "{WHAT}"),
        }
    }
}

/// Finds the first cause that says what kind of trouble it is.
pub(super) fn classify(error: &DataFusionError) -> Trouble<'_> {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    let mut trouble = Trouble::Other;
    while let Some(error) = cause {
        if let Some(fault) = error.downcast_ref::<ReadFault>() {
            return Trouble::Read(fault);
        }
        if let Some(told) = error.downcast_ref::<ApiError>() {
            return Trouble::Told(told);
        }
        if let Some(conversion) = error.downcast_ref::<ConversionError>() {
            return Trouble::Conversion(conversion);
        }
        if let Some(store) = error.downcast_ref::<object_store::Error>() {
            return Trouble::Store(StoreFault::of(store));
        }
        if matches!(error.downcast_ref(), Some(DataFusionError::ResourcesExhausted(_))) {
            return Trouble::Memory;
        }
        match error.downcast_ref() {
            Some(ArrowError::DivideByZero) => return Trouble::DivideByZero,
            Some(ArrowError::ArithmeticOverflow(_)) => return Trouble::Overflow,
            // A cast of a value that is none of the type's, a decimal that is too short for it.
            Some(
                ArrowError::CastError(_)
                | ArrowError::ParseError(_)
                | ArrowError::ComputeError(_)
                | ArrowError::InvalidArgumentError(_),
            ) if matches!(trouble, Trouble::Other) => trouble = Trouble::NoResult,
            _ => {}
        }
        if matches!(error.downcast_ref(), Some(DataFusionError::Execution(_))) {
            trouble = Trouble::NoResult;
        }
        // Goes on: a Parquet error may carry a reader's fault.
        if error.is::<ParquetError>()
            || error.is::<ScanPanic>()
            || is_panic_of_task(error)
            || matches!(error.downcast_ref(), Some(ArrowError::ParquetError(_)))
        {
            trouble = Trouble::Decoding;
        }
        cause = error.source();
    }
    trouble
}

/// A panic in a task of the engine's own, which no stream of ours sees.
fn is_panic_of_task(error: &(dyn Error + 'static)) -> bool {
    let shared = || error.downcast_ref::<Arc<JoinError>>().map(AsRef::as_ref);
    error.downcast_ref().or_else(shared).is_some_and(JoinError::is_panic)
}

impl ReadFault {
    pub(super) fn problem(&self) -> TableProblem {
        match self {
            Self::Changed { dataset, .. } => TableProblem::changed(dataset),
            Self::Store { dataset, source, .. } => match StoreFault::of(source) {
                StoreFault::Missing => TableProblem::changed(dataset),
                fault => TableProblem::of_store(dataset, fault),
            },
        }
    }
}

/// Names the file that cannot be decoded by reading the tables' files once more, one by one.
pub(super) async fn probe(tables: &[&TableSnapshot]) -> Option<ApiError> {
    let files = tables.iter().flat_map(|table| table.files.iter().map(move |file| (*table, file)));
    stream::iter(files)
        .map(|(table, file)| async move {
            let read = AssertUnwindSafe(read_whole(table, file)).catch_unwind().await;
            read.unwrap_or_else(|_| Err(bad_file(table, file, None)))
        })
        .buffered(PROBES)
        .filter_map(async |read| read.err())
        .boxed()
        .next()
        .await
}

/// Decodes and converts every delivered column of a file.
async fn read_whole(table: &TableSnapshot, file: &Arc<DataFile>) -> Result<(), ApiError> {
    let reader = PinnedReader {
        store: Arc::clone(&table.store),
        dataset: table.dataset.clone(),
        file: Arc::clone(file),
    };
    let damaged = |error: ParquetError| match DataFusionError::from(error) {
        error if matches!(classify(&error), Trouble::Read(_)) => known(&error),
        _ => bad_file(table, file, None),
    };
    let options = ArrowReaderOptions::new().with_schema(Arc::clone(&file.read_schema));
    let builder = ParquetRecordBatchStreamBuilder::new_with_options(reader, options)
        .await
        .map_err(damaged)?;
    let wanted = table.delivered.columns.iter();
    let roots = wanted.filter_map(|column| file.read_schema.index_of(&column.in_files).ok());
    let mask = ProjectionMask::roots(builder.parquet_schema(), roots);
    let mut batches = builder.with_projection(mask).build().map_err(damaged)?;
    while let Some(batch) = batches.try_next().await.map_err(damaged)? {
        convert_all(table, &batch).map_err(|column| bad_file(table, file, Some(&column)))?;
    }
    Ok(())
}

fn convert_all(table: &TableSnapshot, batch: &RecordBatch) -> Result<(), ColumnName> {
    for column in &table.delivered.columns {
        let Some(array) = batch.column_by_name(&column.in_files) else { continue };
        Conversion::between(array.data_type(), &column.target)
            .and_then(|conversion| conversion.apply(array).ok())
            .ok_or_else(|| column.name.clone())?;
    }
    Ok(())
}

fn bad_file(table: &TableSnapshot, file: &DataFile, column: Option<&ColumnName>) -> ApiError {
    let (name, path) = (&table.dataset, &file.path);
    let message = match column {
        None => format!("table `{name}`: file `{path}` is damaged"),
        Some(column) => {
            format!("table `{name}`: file `{path}` holds values that column `{column}` cannot hold")
        }
    };
    ApiError::new(ErrorCode::BadData, message)
}

/// What an expression did, where that is the trouble.
pub(super) fn of_expression(trouble: &Trouble<'_>) -> Option<ApiError> {
    let (code, does, help) = match trouble {
        Trouble::DivideByZero => (
            ErrorCode::BadData,
            "divides by zero for some row",
            "divide by `nullif(divisor, 0)` to get null there",
        ),
        Trouble::Overflow => (
            ErrorCode::OutOfRange,
            "gives a result that is too large for some row",
            "cast its parts to a wider decimal or to double",
        ),
        Trouble::NoResult => (
            ErrorCode::BadData,
            "has no result for some row",
            "write `try_cast` for `cast` to get null where a value is none of the type's, and a type \
             that is wide enough",
        ),
        _ => return None,
    };
    Some(ApiError::of_expression(code, does, help))
}

/// The error where the cause itself says all; `INTERNAL` where it does not.
pub(super) fn known(error: &DataFusionError) -> ApiError {
    match classify(error) {
        Trouble::Read(fault) => fault.problem().into(),
        Trouble::Told(told) => told.clone(),
        Trouble::Conversion(conversion) => {
            let (table, column) = (&conversion.dataset, &conversion.column);
            let message =
                format!("table `{table}` holds values that column `{column}` cannot hold");
            ApiError::new(ErrorCode::BadData, message)
        }
        Trouble::Memory => ApiError::new(
            ErrorCode::ResourceLimit,
            "the question needs more memory than one question may use; ask for a shorter period \
             or fewer groups",
        ),
        Trouble::Store(fault) => {
            let words = match fault {
                StoreFault::Refused => "a store of the warehouse refused our credentials",
                StoreFault::Missing | StoreFault::Down => {
                    "a store of the warehouse does not answer"
                }
            };
            ApiError::new(ErrorCode::StoreUnavailable, words)
        }
        _ => ApiError::new(ErrorCode::Internal, "the question failed inside the engine"),
    }
}

/// A damaged file that probing could not name.
pub(super) fn unnamed_damage(tables: &[&TableSnapshot]) -> ApiError {
    let names: Vec<String> = tables.iter().map(|table| format!("`{}`", table.dataset)).collect();
    let message = match names.as_slice() {
        [one] => format!("table {one} holds a damaged file"),
        many => format!("one of the tables {} holds a damaged file", many.join(", ")),
    };
    ApiError::new(ErrorCode::BadData, message)
}
