//! Tests of the room: Parquet written into temporary folders, read back through a catalog.

mod conversions;
mod damage;
mod files;
mod serving;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::error::DataFusionError;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::{DataFrame, SessionContext};
use futures::TryStreamExt;
use indexmap::IndexMap;
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use tempfile::TempDir;

use super::{Catalog, CatalogError, CatalogSettings, TableSnapshot, catch_panics};
use crate::error::ApiError;
use crate::model::{Column, ColumnName, ColumnType, Dataset, DatasetName, Model, SourcePos};
use crate::values::Calendar;

/// A warehouse in a temporary folder.
pub(super) struct Warehouse {
    pub dir: TempDir,
    datasets: Vec<Dataset>,
    calendar: Calendar,
    /// Another address than the folder's.
    address: Option<String>,
}

impl Warehouse {
    pub fn new() -> Self {
        Self {
            dir: TempDir::new().unwrap(),
            datasets: Vec::new(),
            calendar: Calendar::utc(),
            address: None,
        }
    }

    pub fn in_zone(mut self, zone: chrono_tz::Tz) -> Self {
        self.calendar.zone = zone;
        self
    }

    pub fn at(mut self, address: &str) -> Self {
        self.address = Some(address.to_owned());
        self
    }

    pub fn declare(mut self, dataset: Dataset) -> Self {
        self.datasets.push(dataset);
        self
    }

    pub fn write(&self, path: &str, columns: &[(&str, ArrayRef)]) {
        write_parquet(&self.dir.path().join(path), columns, 1024 * 1024);
    }

    pub fn place(&self, path: &str, bytes: &[u8]) {
        let path = self.dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// A catalog that lists again for every view.
    pub fn open(&self) -> Catalog {
        self.open_with(CatalogSettings { refresh: Duration::ZERO, ..CatalogSettings::default() })
    }

    pub fn open_with(&self, settings: CatalogSettings) -> Catalog {
        self.try_open(settings).unwrap()
    }

    pub fn try_open(&self, settings: CatalogSettings) -> Result<Catalog, CatalogError> {
        Catalog::open(Arc::new(self.model()), settings)
    }

    fn model(&self) -> Model {
        Model {
            name: "test".to_owned(),
            warehouse: self
                .address
                .clone()
                .unwrap_or_else(|| self.dir.path().to_str().unwrap().to_owned()),
            calendar: self.calendar,
            currency: "USD".to_owned(),
            version: "1".to_owned(),
            datasets: self.datasets.iter().map(|d| (d.name.clone(), d.clone())).collect(),
            dimensions: IndexMap::new(),
            balances: IndexMap::new(),
            metrics: IndexMap::new(),
            tiles: Vec::new(),
            pre_aggregates: Vec::new(),
            tests: Vec::new(),
        }
    }
}

pub(super) fn write_parquet(path: &Path, columns: &[(&str, ArrayRef)], rows_per_group: usize) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let batch =
        RecordBatch::try_from_iter(columns.iter().map(|(name, array)| (*name, array.clone())))
            .unwrap();
    let properties =
        WriterProperties::builder().set_max_row_group_row_count(Some(rows_per_group)).build();
    let file = File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

/// A dataset whose table folder has its name.
pub(super) fn dataset(name: &str, columns: impl IntoIterator<Item = Column>) -> Dataset {
    Dataset {
        name: DatasetName::new(name),
        description: String::new(),
        table: name.to_owned(),
        columns: columns.into_iter().map(|column| (column.name.clone(), column)).collect(),
        time: None,
        month_end: false,
        primary_key: Vec::new(),
        entity: None,
        keys: IndexMap::new(),
        valid: None,
        partition: None,
        as_of_joins: Vec::new(),
        known_from: None,
        source: SourcePos { file: "canonical/tables.yml".to_owned(), line: 1, column: 1 },
    }
}

pub(super) fn column(name: &str, data_type: ColumnType) -> Column {
    Column {
        name: ColumnName::new(name),
        in_files: name.to_owned(),
        data_type,
        optional: false,
        minor_units: None,
        values: BTreeMap::new(),
        description: String::new(),
    }
}

pub(super) async fn snapshot(
    catalog: &Catalog,
    name: &str,
) -> Result<Arc<TableSnapshot>, ApiError> {
    let name = DatasetName::new(name);
    catalog.view(std::slice::from_ref(&name)).await.table(&name).cloned()
}

pub(super) fn context(catalog: &Catalog) -> SessionContext {
    let runtime = catalog.runtime(RuntimeEnvBuilder::new()).unwrap();
    SessionContext::new_with_state(catalog.session(runtime))
}

pub(super) fn names(columns: &[&str]) -> Vec<ColumnName> {
    columns.iter().map(|name| ColumnName::new(*name)).collect()
}

pub(super) async fn run(
    catalog: &Catalog,
    plan: LogicalPlan,
) -> Result<Vec<RecordBatch>, DataFusionError> {
    run_frame(DataFrame::new(context(catalog).state(), plan)).await
}

pub(super) async fn run_frame(frame: DataFrame) -> Result<Vec<RecordBatch>, DataFusionError> {
    catch_panics(frame.execute_stream().await?).try_collect().await
}

/// Rows as text, sorted, cells separated by a bar.
pub(super) fn rows(batches: &[RecordBatch]) -> Vec<String> {
    let options = FormatOptions::default().with_null("null");
    let mut rows = Vec::new();
    for batch in batches {
        let cells: Vec<_> =
            batch.columns().iter().map(|c| ArrayFormatter::try_new(c, &options).unwrap()).collect();
        for row in 0..batch.num_rows() {
            let cells: Vec<String> = cells.iter().map(|c| c.value(row).to_string()).collect();
            rows.push(cells.join("|"));
        }
    }
    rows.sort();
    rows
}

/// All rows of some columns of a table.
pub(super) async fn read(catalog: &Catalog, table: &str, columns: &[&str]) -> Vec<String> {
    let snapshot = snapshot(catalog, table).await.unwrap();
    let plan = snapshot.scan(&names(columns), None).unwrap();
    rows(&run(catalog, plan).await.unwrap())
}
