//! Warehouses on object storage, over HTTP, with the clients that production uses: S3 against two
//! independent servers (s3s in process, moto), Azure against Azurite, Google's against
//! fake-gcs-server.

mod azure;
mod gcs;
mod s3;
pub mod tools;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{
    ArrayRef, Decimal128Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use async_trait::async_trait;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::prelude::{DataFrame, SessionContext};
use futures::TryStreamExt;
use indexmap::IndexMap;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use parquet::arrow::ArrowWriter;
use upswell::catalog::{Catalog, CatalogSettings, TableSnapshot, WarehouseView, catch_panics};
use upswell::error::{ApiError, ErrorCode};
use upswell::model::{Column, ColumnName, ColumnType, Dataset, DatasetName, Model, SourcePos};
use upswell::values::Calendar;

type Options = BTreeMap<String, String>;

fn options<const N: usize>(pairs: [(&str, &str); N]) -> Options {
    pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
}

/// A company's own table: its names, its classes, milliseconds.
fn movements() -> Dataset {
    let columns = [
        ("customer_id", "customer_id", ColumnType::Text),
        ("movement", "change_class", ColumnType::Text),
        ("amount", "mrr_delta", ColumnType::Decimal { scale: 2 }),
        ("occurred_at", "event_ts", ColumnType::Timestamp),
    ]
    .map(|(name, in_files, data_type)| {
        let name = ColumnName::new(name);
        let values = match name.as_str() {
            "movement" => [("upgrade".to_owned(), "expansion".to_owned())].into(),
            _ => BTreeMap::new(),
        };
        let column = Column {
            name: name.clone(),
            in_files: in_files.to_owned(),
            data_type,
            optional: false,
            minor_units: None,
            values,
            description: String::new(),
        };
        (name, column)
    });
    Dataset {
        name: DatasetName::new("mrr_movements"),
        description: String::new(),
        table: "fct_mrr".to_owned(),
        columns: columns.into(),
        time: Some(ColumnName::new("occurred_at")),
        month_end: false,
        primary_key: Vec::new(),
        entity: None,
        keys: IndexMap::new(),
        valid: None,
        partition: Some("month".to_owned()),
        as_of_joins: Vec::new(),
        known_from: None,
        source: SourcePos::default(),
    }
}

fn open(warehouse: &str, store_options: &Options, refresh: Duration) -> Catalog {
    let dataset = movements();
    let model = Model {
        name: "acme".to_owned(),
        warehouse: warehouse.to_owned(),
        calendar: Calendar::utc(),
        currency: "USD".to_owned(),
        version: "1".to_owned(),
        datasets: [(dataset.name.clone(), dataset)].into(),
        dimensions: IndexMap::new(),
        balances: IndexMap::new(),
        metrics: IndexMap::new(),
        tiles: Vec::new(),
        pre_aggregates: Vec::new(),
        tests: Vec::new(),
    };
    let settings = CatalogSettings {
        refresh,
        request_timeout: Duration::from_secs(5),
        retry_timeout: Duration::from_secs(2),
        max_retries: 1,
        store_options: store_options.clone(),
        ..CatalogSettings::default()
    };
    Catalog::open(Arc::new(model), settings).unwrap()
}

fn name() -> DatasetName {
    DatasetName::new("mrr_movements")
}

async fn view(catalog: &Catalog) -> WarehouseView {
    catalog.view(&[name()]).await
}

async fn table(catalog: &Catalog) -> Result<Arc<TableSnapshot>, ApiError> {
    view(catalog).await.table(&name()).cloned()
}

/// A file of movements, one row per customer.
fn file(customers: &[&str]) -> Vec<u8> {
    let count = customers.len();
    let columns: [(&str, ArrayRef); 4] = [
        ("customer_id", Arc::new(StringArray::from(customers.to_vec()))),
        ("change_class", Arc::new(StringArray::from(vec!["upgrade"; count]))),
        (
            "mrr_delta",
            Arc::new(
                Decimal128Array::from(vec![1250; count]).with_precision_and_scale(18, 2).unwrap(),
            ),
        ),
        (
            "event_ts",
            Arc::new(
                TimestampMicrosecondArray::from(vec![1_704_067_200_000_000; count])
                    .with_timezone("UTC"),
            ),
        ),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

/// Puts files into a store.
#[async_trait]
trait Upload: Sync {
    async fn upload(&self, path: &str, bytes: Vec<u8>);
}

#[async_trait]
impl<T: ObjectStore> Upload for T {
    async fn upload(&self, path: &str, bytes: Vec<u8>) {
        self.put(&Path::from(path), bytes.into()).await.unwrap();
    }
}

async fn put(store: &dyn Upload, path: &str, customers: &[&str]) {
    store.upload(path, file(customers)).await;
}

/// Rows of a snapshot, sorted, or what the API says instead.
async fn read(catalog: &Catalog, table: &TableSnapshot) -> Result<Vec<String>, ApiError> {
    let columns = ["customer_id", "movement", "amount", "occurred_at"].map(ColumnName::new);
    let plan = table.scan(&columns, None)?;
    let runtime = catalog.runtime(RuntimeEnvBuilder::new()).unwrap();
    let context = SessionContext::new_with_state(catalog.session(runtime));
    let stream = DataFrame::new(context.state(), plan).execute_stream().await.unwrap();
    match catch_panics(stream).try_collect::<Vec<_>>().await {
        Ok(batches) => Ok(rows(&batches)),
        Err(error) => Err(catalog.diagnose(&error, &[table]).await),
    }
}

fn rows(batches: &[RecordBatch]) -> Vec<String> {
    let mut rows = Vec::new();
    for batch in batches {
        let format = FormatOptions::default();
        let cells: Vec<_> =
            batch.columns().iter().map(|c| ArrayFormatter::try_new(c, &format).unwrap()).collect();
        for row in 0..batch.num_rows() {
            rows.push(cells.iter().map(|c| c.value(row).to_string()).collect::<Vec<_>>().join("|"));
        }
    }
    rows.sort();
    rows
}

/// What every store must do: `client` writes below `marts/`, the catalog reads `warehouse`.
async fn prove_store(client: &dyn Upload, warehouse: &str, options: &Options) {
    let catalog = open(warehouse, options, Duration::ZERO);
    let error = table(&catalog).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Unavailable, "{error}");
    assert_eq!(error.message, format!("table folder `{warehouse}/fct_mrr` holds no Parquet files"));

    put(client, "marts/fct_mrr/month=2024-01/a.parquet", &["ada", "grace"]).await;
    put(client, "marts/fct_mrr/_staging/x.parquet", &["nobody"]).await;
    put(client, "marts/fct_mrr_old/x.parquet", &["nobody"]).await;
    let first = table(&catalog).await.unwrap();
    assert_eq!((first.files.len(), first.rows), (1, 2));
    let row = |customer: &str| format!("{customer}|expansion|12.50|2024-01-01T00:00:00");
    assert_eq!(read(&catalog, &first).await.unwrap(), [row("ada"), row("grace")]);
    // One request for the footer, one for the columns, which lie together.
    assert_eq!(catalog.read_count().requests, 2);

    put(client, "marts/fct_mrr/month=2024-02/b c.parquet", &["zoe"]).await;
    let second = table(&catalog).await.unwrap();
    assert_ne!(first.id, second.id);
    assert_eq!(read(&catalog, &second).await.unwrap(), [row("ada"), row("grace"), row("zoe")]);
    assert_eq!(read(&catalog, &first).await.unwrap(), [row("ada"), row("grace")]);

    // Same size, same path, other bytes: the pinned version is gone, and nobody reads a mixture.
    // (s3s lists no entity tags, only times, which answers cut to seconds and we tell apart by two.)
    tokio::time::sleep(Duration::from_millis(3200)).await;
    put(client, "marts/fct_mrr/month=2024-01/a.parquet", &["eda", "grice"]).await;
    let error = read(&catalog, &second).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Unavailable);
    assert_eq!(error.message, "table `mrr_movements` changed while being read; ask again");
    let third = table(&catalog).await.unwrap();
    assert_eq!(read(&catalog, &third).await.unwrap()[0], row("eda"));
}

/// A store that refuses, or has no such bucket, is said so in words.
async fn expect_store_error(warehouse: &str, options: &Options, words: &str) {
    let catalog = open(warehouse, options, Duration::ZERO);
    let started = Instant::now();
    let error = table(&catalog).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::StoreUnavailable, "{error}");
    assert_eq!(error.message, format!("the store that holds table `mrr_movements` {words}"));
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
}
