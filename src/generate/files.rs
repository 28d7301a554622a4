//! Parquet files in the making: they grow in a staging folder inside the warehouse and are moved
//! into place when they are whole, so that a reader never meets half a file.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;

use super::catalogue::CHANNELS;
use super::encode::{self, Spend};
use super::rows::MonthRows;
use super::table::Table;
use super::timeline::Month;
use super::{GenerateError, VERSION};

/// Rows of a row group. Files of all months grow at once and each holds a row group in memory;
/// several groups in a large month also give several readers something to do.
const ROW_GROUP_ROWS: usize = 262_144;

/// Bytes that are collected before a file is opened to take them.
const SPOOL_BYTES: usize = 1 << 20;

/// Columns without repetition worth a dictionary.
const PLAIN_COLUMNS: [&str; 11] = [
    "customer_id",
    "movement_id",
    "order_id",
    "offer_id",
    "subscription_id",
    "name",
    "occurred_at",
    "ordered_at",
    "presented_at",
    "valid_from",
    "valid_to",
];

/// A file that is open only while it takes bytes: ten years of months are more files than a process
/// may keep open.
struct Spool {
    path: PathBuf,
    buffer: Vec<u8>,
}

impl Spool {
    fn create(path: PathBuf) -> io::Result<Self> {
        File::create(&path)?;
        Ok(Self { path, buffer: Vec::new() })
    }
}

impl Write for Spool {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= SPOOL_BYTES {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if !self.buffer.is_empty() {
            OpenOptions::new().append(true).open(&self.path)?.write_all(&self.buffer)?;
            self.buffer.clear();
        }
        Ok(())
    }
}

/// One Parquet file of a table, in the staging folder until it is published.
pub(super) struct TableFile {
    table: Table,
    staged: PathBuf,
    target: PathBuf,
    writer: ArrowWriter<Spool>,
    rows: u64,
}

/// What a published file holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Written {
    pub(super) table: Table,
    pub(super) rows: u64,
    pub(super) bytes: u64,
}

impl TableFile {
    pub(super) fn create(dir: &Path, table: Table, month: Month) -> Result<Self, GenerateError> {
        let target = dir.join(table.file(month));
        let staged = staging_folder(dir).join(table.file(month).replace('/', "."));
        let spool = Spool::create(staged.clone()).map_err(GenerateError::io(&staged))?;
        let writer = ArrowWriter::try_new(spool, table.schema(), Some(properties(table)))
            .map_err(GenerateError::encode(table))?;
        Ok(Self { table, staged, target, writer, rows: 0 })
    }

    pub(super) fn append(&mut self, batch: &RecordBatch) -> Result<(), GenerateError> {
        self.rows += batch.num_rows() as u64;
        self.writer.write(batch).map_err(GenerateError::encode(self.table))
    }

    /// Completes the file in the staging folder.
    fn finish(self) -> Result<FinishedFile, GenerateError> {
        let Self { table, staged, target, writer, rows } = self;
        let mut spool = writer.into_inner().map_err(GenerateError::encode(table))?;
        spool.flush().map_err(GenerateError::io(&staged))?;
        let bytes = fs::metadata(&staged).map_err(GenerateError::io(&staged))?.len();
        Ok(FinishedFile { staged, target, written: Written { table, rows, bytes } })
    }
}

/// A whole file that waits to be moved into place.
pub(super) struct FinishedFile {
    staged: PathBuf,
    target: PathBuf,
    written: Written,
}

impl FinishedFile {
    /// Finishes a file that is written at once.
    pub(super) fn whole(
        dir: &Path,
        table: Table,
        batch: &RecordBatch,
    ) -> Result<Self, GenerateError> {
        let mut file = TableFile::create(dir, table, Month(0))?;
        file.append(batch)?;
        file.finish()
    }

    /// Moves the file to where readers look for it.
    pub(super) fn publish(self) -> Result<Written, GenerateError> {
        if let Some(folder) = self.target.parent() {
            fs::create_dir_all(folder).map_err(GenerateError::io(folder))?;
        }
        fs::rename(&self.staged, &self.target).map_err(GenerateError::io(&self.target))?;
        Ok(self.written)
    }
}

/// The files of one month.
pub(super) struct MonthFiles {
    month: Month,
    files: BTreeMap<Table, TableFile>,
    spend: Spend,
}

impl MonthFiles {
    pub(super) fn create(dir: &Path, month: Month) -> Result<Self, GenerateError> {
        let files = Table::ALL
            .into_iter()
            .filter(|table| table.is_monthly())
            .map(|table| Ok((table, TableFile::create(dir, table, month)?)))
            .collect::<Result<_, GenerateError>>()?;
        Ok(Self { month, files, spend: Spend::new() })
    }

    /// Appends the month's rows of a chunk of customers. Chunks must come in order.
    pub(super) fn append(&mut self, rows: &MonthRows) -> Result<(), GenerateError> {
        for customer in &rows.customers {
            let profile = &customer.profile;
            let segment = profile.segment_known.then_some(profile.segment);
            *self.spend.entry((CHANNELS[profile.channel].0, segment)).or_default() +=
                profile.acquisition_cost_cents;
        }
        for (table, batch) in encode::month_batches(rows, self.month)? {
            self.append_to(table, &batch)?;
        }
        Ok(())
    }

    fn append_to(&mut self, table: Table, batch: &RecordBatch) -> Result<(), GenerateError> {
        self.files.get_mut(&table).map_or(Ok(()), |file| file.append(batch))
    }

    pub(super) fn finish(mut self) -> Result<Vec<FinishedFile>, GenerateError> {
        let spend = encode::spend(&self.spend, self.month)?;
        self.append_to(Table::AcquisitionSpend, &spend)?;
        self.files.into_values().map(TableFile::finish).collect()
    }
}

/// Where files grow. Readers look for table folders by name and never see it.
pub(super) fn staging_folder(dir: &Path) -> PathBuf {
    dir.join(".upswell-staging")
}

fn properties(table: Table) -> WriterProperties {
    let schema = table.schema();
    let sorting = table
        .sorted_by()
        .iter()
        .filter_map(|column| schema.index_of(column).ok())
        .filter_map(|index| i32::try_from(index).ok())
        .map(|column_idx| SortingColumn { column_idx, descending: false, nulls_first: false })
        .collect();
    let mut builder = WriterProperties::builder()
        // The library's version would make the same rows other bytes after an update.
        .set_created_by(format!("upswell demo generator {VERSION}"))
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_sorting_columns(Some(sorting));
    for column in PLAIN_COLUMNS {
        builder = builder.set_column_dictionary_enabled(ColumnPath::from(column), false);
    }
    builder.build()
}
