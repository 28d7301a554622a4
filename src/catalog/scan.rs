//! A snapshot's files as a table of `DataFusion`.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::stats::Precision;
use datafusion::common::{DFSchema, Statistics};
use datafusion::datasource::TableType;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{
    FileGroup, FileGroupPartitioner, FileScanConfigBuilder, ParquetSource,
};
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::Result;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use object_store::ObjectMeta;

use super::adapter::FileAdapters;
use super::columns::Delivered;
use super::reader::{DataFile, PinnedReaders};
use super::store::Store;

/// Tables of fewer bytes are split between files only.
const SMALLEST_SPLIT: usize = 1 << 20;

/// Exactly these files, in the dataset's names and types.
#[derive(Debug)]
pub(super) struct FilesTable {
    pub store: Arc<Store>,
    pub delivered: Arc<Delivered>,
    pub files: Vec<Arc<DataFile>>,
    /// Whether filters are held against the pages' statistics too: a request a file that pays where
    /// few pages are left.
    pub by_pages: bool,
}

#[async_trait]
impl TableProvider for FilesTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.delivered.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    /// Filters prune row groups by their statistics; the rows left over are filtered above.
    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = self.schema();
        if self.files.is_empty() {
            let projected = match projection {
                Some(indices) => Arc::new(schema.project(indices)?),
                None => schema,
            };
            return Ok(Arc::new(EmptyExec::new(projected)));
        }
        state
            .runtime_env()
            .register_object_store(self.store.url.as_ref(), Arc::clone(&self.store.client));
        let readers = PinnedReaders {
            store: Arc::clone(&self.store),
            dataset: self.delivered.dataset.clone(),
        };
        let mut source = ParquetSource::new(Arc::clone(&schema))
            .with_parquet_file_reader_factory(Arc::new(readers))
            .with_enable_page_index(self.by_pages);
        if let Some(filter) = conjunction(filters.to_vec()) {
            let schema = DFSchema::try_from(Arc::clone(&schema))?;
            source = source.with_predicate(state.create_physical_expr(filter, &schema)?);
        }
        let groups = self.groups(state.config().target_partitions());
        let scan = FileScanConfigBuilder::new(self.store.url.clone(), Arc::new(source))
            .with_file_groups(groups)
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .with_statistics(self.statistics())
            .with_expr_adapter(Some(Arc::new(FileAdapters(Arc::clone(&self.delivered)))))
            .build();
        Ok(DataSourceExec::from_data_source(scan))
    }
}

impl FilesTable {
    fn groups(&self, partitions: usize) -> Vec<FileGroup> {
        let files = self.files.iter().map(|file| {
            let meta = ObjectMeta {
                location: file.key.path.clone(),
                last_modified: file.key.modified,
                size: file.key.size,
                e_tag: None,
                version: None,
            };
            PartitionedFile::new_from_meta(meta)
                .with_arrow_schema(self.delivered.read_schema(&file.footer.schema))
                .with_extension(Arc::clone(file))
        });
        let all = FileGroup::new(files.collect());
        // A row group is read by one core.
        let row_groups = self.files.iter().map(|file| file.footer.metadata.num_row_groups()).sum();
        let partitions = partitions.min(row_groups).max(1);
        // By bytes, row groups of one file apart: files of a growing company grow.
        let by_size = FileGroupPartitioner::new()
            .with_target_partitions(partitions)
            .with_repartition_file_min_size(SMALLEST_SPLIT)
            .repartition_file_groups(std::slice::from_ref(&all));
        by_size.unwrap_or_else(|| all.split_files(partitions))
    }

    /// Row counts are known from the footers; they choose the sides of joins.
    fn statistics(&self) -> Statistics {
        let count = |n: u64| usize::try_from(n).map_or(Precision::Absent, Precision::Exact);
        Statistics {
            num_rows: count(self.files.iter().map(|file| file.rows).fold(0, u64::saturating_add)),
            total_byte_size: count(self.files.iter().map(|file| file.bytes).sum()).to_inexact(),
            ..Statistics::new_unknown(&self.delivered.schema)
        }
    }
}
