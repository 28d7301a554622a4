//! A table at one moment: exactly these files, checked against the dataset's declaration.

use std::sync::Arc;

use arrow::array::Array;
use arrow::datatypes::{DataType, Field};
use chrono::NaiveDate;
use datafusion::common::{Column, TableReference};
use datafusion::datasource::provider_as_source;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, lit};
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;

use super::columns::Delivered;
use super::convert::{Conversion, Target, instants};
use super::listing::Month;
use super::reader::DataFile;
use super::scan::FilesTable;
use super::store::Store;
use crate::error::{ApiError, ApiResult, ErrorCode, did_you_mean};
use crate::model::{ColumnName, DatasetName};
use crate::values::Instant;

/// A table's files, pinned: scans read these versions of these files or fail.
#[derive(Debug)]
pub struct TableSnapshot {
    pub dataset: DatasetName,
    /// Short hash of the files' paths, sizes and versions.
    pub id: String,
    pub files: Vec<Arc<DataFile>>,
    pub rows: u64,
    pub bytes: u64,
    /// What a careful owner should know (money kept as floats).
    pub notes: Vec<String>,
    /// Columns that are mapped onto one that no file has.
    pub unmatched: Vec<String>,
    pub(super) store: Arc<Store>,
    pub(super) delivered: Arc<Delivered>,
}

impl TableSnapshot {
    /// The Arrow type of a column as scans deliver it: text as `Dictionary(Int32, Utf8)`, integers
    /// as `Int64`, decimals as `Decimal128(38, scale)`, timestamps as microseconds without a zone
    /// (UTC), dates as `Date32`.
    #[must_use]
    pub fn column_type(&self, column: &ColumnName) -> Option<&DataType> {
        self.delivered.schema.field_with_name(column.as_str()).ok().map(Field::data_type)
    }

    /// The decimals that each number of a column is rounded to, where some file has floats.
    #[must_use]
    pub fn rounded_to(&self, column: &ColumnName) -> Option<i8> {
        let mut rounded = self.delivered.rounded.iter();
        rounded.find(|(name, _)| name == column).map(|(_, scale)| *scale)
    }

    /// A plan over exactly these files that delivers the asked columns, in this order, under the
    /// dataset's names and types. With `months` only files whose hive partition (a UTC month) lies
    /// between these days are read, a month more on each side; files without one always are.
    ///
    /// # Errors
    /// `INTERNAL` for a column that the dataset does not have: planners ask for declared ones.
    pub fn scan(
        &self,
        columns: &[ColumnName],
        months: Option<(NaiveDate, NaiveDate)>,
    ) -> ApiResult<LogicalPlan> {
        let files = self.files.iter().filter(|file| within(file, months)).cloned().collect();
        let table = self.table(Arc::clone(&self.delivered), files);
        planned(&self.dataset, self.scan_of(columns, table)?.build())
    }

    /// A plan like [`Self::scan`]'s over those of the files that pass. Of `compact` columns, where
    /// the files allow it, texts come as `Utf8View` (keys hardly repeat within a batch) and decimals
    /// as `Decimal64`.
    ///
    /// # Errors
    /// As for [`Self::scan`].
    pub fn scan_files(
        &self,
        columns: &[ColumnName],
        compact: &[ColumnName],
        passes: impl Fn(&DataFile) -> bool,
    ) -> ApiResult<LogicalPlan> {
        let files = self.files.iter().filter(|file| passes(file)).cloned().collect();
        let table = self.table(self.compact(compact), files);
        planned(&self.dataset, self.scan_of(columns, table)?.build())
    }

    /// A plan like [`Self::scan_files`]'s over the rows whose `key` is one of few texts. Where files
    /// are sorted by it, little more than these rows is read.
    ///
    /// # Errors
    /// As for [`Self::scan`].
    pub fn scan_only(
        &self,
        columns: &[ColumnName],
        compact: &[ColumnName],
        (key, texts): (&ColumnName, &[Arc<str>]),
    ) -> ApiResult<LogicalPlan> {
        let table = self.table(self.compact(compact), self.files.clone());
        let table = FilesTable { by_pages: true, ..table };
        let texts = texts.iter().map(|text| lit(text.as_ref())).collect();
        let only = Expr::Column(Column::from_name(key.as_str())).in_list(texts, false);
        let scan = self.scan_of(columns, table)?;
        planned(&self.dataset, scan.filter(only).and_then(LogicalPlanBuilder::build))
    }

    fn compact(&self, columns: &[ColumnName]) -> Arc<Delivered> {
        let files: Vec<_> = self.files.iter().map(|file| file.footer.as_ref()).collect();
        Arc::new(self.delivered.compact(columns, &files))
    }

    fn table(&self, delivered: Arc<Delivered>, files: Vec<Arc<DataFile>>) -> FilesTable {
        FilesTable { store: Arc::clone(&self.store), delivered, files, by_pages: false }
    }

    fn scan_of(&self, columns: &[ColumnName], table: FilesTable) -> ApiResult<LogicalPlanBuilder> {
        let indices = columns.iter().map(|c| self.index_of(c)).collect::<ApiResult<Vec<_>>>()?;
        let name = TableReference::bare(self.dataset.as_str());
        let source = provider_as_source(Arc::new(table));
        planned(&self.dataset, LogicalPlanBuilder::scan(name, source, Some(indices)))
    }

    /// The earliest and latest instant of a timestamp column, from the footers alone; none where
    /// a file keeps no statistics of it (or the column has no value at all).
    #[must_use]
    pub fn time_range(&self, column: &ColumnName) -> Option<(Instant, Instant)> {
        let mut range: Option<(Instant, Instant)> = None;
        for file in &self.files {
            for (first, last) in self.row_group_ranges(file, column)? {
                range = Some(match range {
                    Some((from, to)) => (from.min(first), to.max(last)),
                    None => (first, last),
                });
            }
        }
        range
    }

    /// Whether a column may have no value in some row, by the footers alone.
    #[must_use]
    pub fn may_have_nulls(&self, column: &ColumnName) -> bool {
        let Some(delivered) = self.delivered.column(column.as_str()) else { return true };
        let none_in = |file: &Arc<DataFile>| {
            file.footer.metadata.row_groups().iter().all(|group| {
                let found = group.columns().iter().find(|chunk| {
                    chunk.column_path().parts() == std::slice::from_ref(&delivered.in_files)
                });
                let statistics = found.and_then(|chunk| chunk.statistics());
                statistics.and_then(|statistics| statistics.null_count_opt()) == Some(0)
            })
        };
        !self.files.iter().all(none_in)
    }

    /// One range per row group that holds values.
    fn row_group_ranges(
        &self,
        file: &DataFile,
        column: &ColumnName,
    ) -> Option<Vec<(Instant, Instant)>> {
        let delivered = self.delivered.column(column.as_str())?;
        if !matches!(delivered.target, Target::Timestamp { .. }) {
            return None;
        }
        let Ok(field) = file.read_schema.field_with_name(&delivered.in_files) else {
            return Some(Vec::new());
        };
        let conversion = Conversion::between(field.data_type(), &delivered.target)?;
        let metadata = &file.footer.metadata;
        let parquet_schema = metadata.file_metadata().schema_descr();
        let statistics =
            StatisticsConverter::try_new(&delivered.in_files, &file.read_schema, parquet_schema)
                .ok()?;
        let groups = metadata.row_groups();
        let earliest = conversion.apply(&statistics.row_group_mins(groups).ok()?).ok()?;
        let latest = conversion.apply(&statistics.row_group_maxes(groups).ok()?).ok()?;
        let nulls = statistics.row_group_null_counts(groups).ok()?;
        let mut ranges = Vec::with_capacity(groups.len());
        for (index, bounds) in instants(&earliest).zip(instants(&latest)).enumerate() {
            let rows = u64::try_from(groups[index].num_rows()).ok()?;
            match bounds {
                (Some(first), Some(last)) => ranges.push((first, last)),
                // Without bounds a row group must be known to hold no value.
                _ if rows == 0 || (nulls.is_valid(index) && nulls.value(index) == rows) => {}
                _ => return None,
            }
        }
        Some(ranges)
    }

    fn index_of(&self, column: &ColumnName) -> ApiResult<usize> {
        self.delivered.schema.index_of(column.as_str()).map_err(|_| {
            let names = self.delivered.columns.iter().map(|c| c.name.as_str());
            let hint = did_you_mean(column.as_str(), names);
            let message = format!("table `{}` has no column `{column}`.{hint}", self.dataset);
            ApiError::new(ErrorCode::Internal, message)
        })
    }
}

fn planned<T>(dataset: &DatasetName, plan: Result<T, DataFusionError>) -> ApiResult<T> {
    plan.map_err(|error| {
        tracing::error!(%error, table = %dataset, "a scan cannot be planned");
        ApiError::new(ErrorCode::Internal, "the question could not be planned")
    })
}

fn within(file: &DataFile, months: Option<(NaiveDate, NaiveDate)>) -> bool {
    match (file.month, months) {
        (Some(month), Some((from, to))) => {
            (Month::of(from).plus(-1)..=Month::of(to).plus(1)).contains(&month)
        }
        _ => true,
    }
}
