//! Reads of one version of a file: what the listing pinned, or an error that says it changed.

use std::ops::Range;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use bytes::Bytes;
use datafusion::common::internal_datafusion_err;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::ParquetFileReaderFactory;
use datafusion::error::Result as DataFusionResult;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use futures::FutureExt;
use futures::future::BoxFuture;
use object_store::coalesce_ranges;
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::metadata::ParquetMetaData;

use super::footer::Footer;
use super::listing::{FileKey, Month};
use super::store::Store;
use crate::model::DatasetName;

/// One file of a snapshot.
#[derive(Debug)]
pub struct DataFile {
    /// Path below the table's folder.
    pub path: String,
    pub bytes: u64,
    pub rows: u64,
    pub(super) key: FileKey,
    pub(super) month: Option<Month>,
    pub(super) footer: Arc<Footer>,
    /// The footer's schema with text as dictionaries.
    pub(super) read_schema: SchemaRef,
}

impl DataFile {
    /// Names this version of the file: the same version, the same rows.
    #[must_use]
    pub fn version(&self) -> String {
        self.key.name()
    }
}

/// Why bytes of a file could not be had.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadFault {
    #[error("file {file} of table {dataset} changed after it was listed")]
    Changed { dataset: DatasetName, file: String },
    #[error("file {file} of table {dataset} cannot be read")]
    Store { dataset: DatasetName, file: String, source: object_store::Error },
}

impl ReadFault {
    pub fn dataset(&self) -> &DatasetName {
        match self {
            Self::Changed { dataset, .. } | Self::Store { dataset, .. } => dataset,
        }
    }
}

/// Reads one pinned version of a file; the footer is the one already read.
#[derive(Debug, Clone)]
pub(super) struct PinnedReader {
    pub store: Arc<Store>,
    pub dataset: DatasetName,
    pub file: Arc<DataFile>,
}

impl PinnedReader {
    async fn read(&self, range: Range<u64>) -> Result<Bytes, ReadFault> {
        let (dataset, file) = (self.dataset.clone(), self.file.path.clone());
        let length = range.end - range.start;
        match self.store.read(&self.file.key.path, range).await {
            Ok((answer, bytes))
                if self.file.key.is_version_of(&answer) && bytes.len() as u64 == length =>
            {
                Ok(bytes)
            }
            Ok(_) => Err(ReadFault::Changed { dataset, file }),
            Err(source) => Err(ReadFault::Store { dataset, file, source }),
        }
    }

    async fn read_all(&self, ranges: Vec<Range<u64>>) -> ParquetResult<Vec<Bytes>> {
        // A damaged footer can ask for anything; the store's error would then blame the store.
        let inside = |range: &Range<u64>| range.start <= range.end && range.end <= self.file.bytes;
        if !ranges.iter().all(inside) {
            return Err(ParquetError::EOF("a column lies outside the file".to_owned()));
        }
        coalesce_ranges(&ranges, |range| self.read(range), self.store.gap)
            .await
            .map_err(|fault| ParquetError::External(Box::new(fault)))
    }
}

impl AsyncFileReader for PinnedReader {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, ParquetResult<Bytes>> {
        async move {
            let bytes = self.read_all(vec![range]).await?;
            Ok(bytes.into_iter().next().unwrap_or_default())
        }
        .boxed()
    }

    fn get_byte_ranges(
        &mut self,
        ranges: Vec<Range<u64>>,
    ) -> BoxFuture<'_, ParquetResult<Vec<Bytes>>> {
        self.read_all(ranges).boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        _options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, ParquetResult<Arc<ParquetMetaData>>> {
        let metadata = Arc::clone(&self.file.footer.metadata);
        async move { Ok(metadata) }.boxed()
    }
}

/// Gives `DataFusion` the pinned readers of a table's files.
#[derive(Debug)]
pub(super) struct PinnedReaders {
    pub store: Arc<Store>,
    pub dataset: DatasetName,
}

impl ParquetFileReaderFactory for PinnedReaders {
    fn create_reader(
        &self,
        _partition: usize,
        file: PartitionedFile,
        _metadata_size_hint: Option<usize>,
        _metrics: &ExecutionPlanMetricsSet,
    ) -> DataFusionResult<Box<dyn AsyncFileReader + Send>> {
        let file = file
            .extension::<Arc<DataFile>>()
            .ok_or_else(|| internal_datafusion_err!("a file of a scan is not from a snapshot"))?;
        Ok(Box::new(PinnedReader {
            store: Arc::clone(&self.store),
            dataset: self.dataset.clone(),
            file: Arc::clone(file),
        }))
    }
}
