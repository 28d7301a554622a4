//! Footers of Parquet files: read once per version of a file, and never trusted.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use bytes::Bytes;
use parquet::arrow::parquet_to_arrow_schema;
use parquet::basic::Type as PhysicalType;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};

use super::convert::is_string;
use super::listing::FileKey;
use super::store::Store;

/// Nearly every footer fits; a larger one costs a second request.
const FIRST_READ: u64 = 64 * 1024;
/// A footer that claims more than this is not believed.
const LARGEST_FOOTER: u64 = 256 * 1024 * 1024;

/// What a file says of itself.
#[derive(Debug)]
pub(super) struct Footer {
    pub metadata: Arc<ParquetMetaData>,
    /// The columns as Arrow would read them, timestamps of the old INT96 kind in microseconds (in
    /// nanoseconds they overflow outside 1677 to 2262).
    pub schema: SchemaRef,
    pub rows: u64,
}

impl Footer {
    /// Whether a column of the file is physically an integer.
    pub fn is_integer(&self, column: &str) -> bool {
        let descriptor = self.metadata.file_metadata().schema_descr();
        let leaf = descriptor.columns().iter().find(|leaf| leaf.path().parts() == [column]);
        leaf.is_some_and(|leaf| {
            matches!(leaf.physical_type(), PhysicalType::INT32 | PhysicalType::INT64)
        })
    }
}

/// Why a file cannot be read as Parquet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BadFile {
    Empty,
    NotParquet,
    Damaged,
}

impl BadFile {
    /// As it completes "file `x` …".
    pub fn reason(self) -> &'static str {
        match self {
            Self::Empty => "is empty (zero bytes)",
            Self::NotParquet => "is truncated or no Parquet file",
            Self::Damaged => "is damaged",
        }
    }
}

/// A footer, or why there is none; the outer error is the store's.
pub(super) type FooterRead = Result<Result<Arc<Footer>, BadFile>, FooterError>;

/// The file could not be read at all.
#[derive(Debug, thiserror::Error)]
pub(super) enum FooterError {
    #[error(transparent)]
    Store(#[from] object_store::Error),
    #[error("the file changed after it was listed")]
    Changed,
}

pub(super) async fn read_footer(store: &Store, file: &FileKey) -> FooterRead {
    if file.size == 0 {
        return Ok(Err(BadFile::Empty));
    }
    let mut wanted = FIRST_READ.min(file.size);
    loop {
        let (answer, tail) = store.read(&file.path, file.size - wanted..file.size).await?;
        if !file.is_version_of(&answer) || tail.len() as u64 != wanted {
            return Err(FooterError::Changed);
        }
        match parse_guarded(tail, file.size).await {
            Parsed::Footer(footer) => return Ok(Ok(footer)),
            Parsed::Bad(bad) => return Ok(Err(bad)),
            Parsed::NeedsTail(more) if more > wanted && more <= file.size.min(LARGEST_FOOTER) => {
                wanted = more;
            }
            Parsed::NeedsTail(_) => return Ok(Err(BadFile::Damaged)),
        }
    }
}

enum Parsed {
    Footer(Arc<Footer>),
    Bad(BadFile),
    /// So many bytes from the end are needed.
    NeedsTail(u64),
}

/// Parses on a blocking thread, where a panic of the reader over a hostile file ends nothing else.
async fn parse_guarded(tail: Bytes, size: u64) -> Parsed {
    let parsed = tokio::task::spawn_blocking(move || parse(&tail, size)).await;
    parsed.unwrap_or_else(|panic| {
        tracing::warn!(%panic, "the Parquet reader panicked over a footer");
        Parsed::Bad(BadFile::Damaged)
    })
}

fn parse(tail: &Bytes, size: u64) -> Parsed {
    if size < 12 || !tail.ends_with(b"PAR1") {
        return Parsed::Bad(BadFile::NotParquet);
    }
    let mut reader = ParquetMetaDataReader::new();
    match reader.try_parse_sized(tail, size).and_then(|()| reader.finish()) {
        Ok(metadata) => understand(metadata)
            .map_or(Parsed::Bad(BadFile::Damaged), |footer| Parsed::Footer(Arc::new(footer))),
        Err(ParquetError::NeedMoreData(needed)) => Parsed::NeedsTail(needed as u64),
        Err(error) => {
            tracing::warn!(%error, "a Parquet footer cannot be parsed");
            Parsed::Bad(BadFile::Damaged)
        }
    }
}

fn understand(metadata: ParquetMetaData) -> Option<Footer> {
    let file = metadata.file_metadata();
    let schema = |hints| {
        parquet_to_arrow_schema(file.schema_descr(), hints)
            .inspect_err(|error| tracing::warn!(%error, "a Parquet schema cannot be understood"))
            .ok()
    };
    let (hinted, plain) = (schema(file.key_value_metadata())?, schema(None)?);
    let rows = metadata
        .row_groups()
        .iter()
        .try_fold(0u64, |sum, group| sum.checked_add(u64::try_from(group.num_rows()).ok()?))?;
    let schema = Arc::new(readable_schema(&hinted, &plain, &metadata));
    Some(Footer { metadata: Arc::new(metadata), schema, rows })
}

/// The types to read with. What a writer noted of its Arrow types is a hint that can lie: it counts
/// only where the reader can follow it.
fn readable_schema(hinted: &Schema, plain: &Schema, metadata: &ParquetMetaData) -> Schema {
    let descriptor = metadata.file_metadata().schema_descr();
    let roots = descriptor.root_schema().get_fields();
    let fields =
        hinted.fields().iter().zip(plain.fields()).zip(roots).map(|((hint, plain), root)| {
            let is_int96 = root.is_primitive() && root.get_physical_type() == PhysicalType::INT96;
            let data_type = match (hint.data_type(), plain.data_type()) {
                _ if is_int96 => DataType::Timestamp(TimeUnit::Microsecond, None),
                // Bytes that only the hint calls strings make the dictionary reader panic.
                (_, DataType::Binary) => DataType::Binary,
                (DataType::Dictionary(_, value), plain) if !is_string(value) => plain.clone(),
                (hint, _) => hint.clone(),
            };
            Arc::new(Field::clone(hint).with_data_type(data_type))
        });
    Schema::new_with_metadata(fields.collect::<Vec<_>>(), hinted.metadata().clone())
}
