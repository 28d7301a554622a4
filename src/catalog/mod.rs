//! Tables on object storage: stores, listings, snapshots, declared against found schema, and scans
//! of exactly the files of a snapshot.
//!
//! A [`Catalog`] watches the tables that a model declares. [`Catalog::view`] gives a request its
//! [`WarehouseView`]: per table a [`TableSnapshot`] (pinned files, footers read) or a
//! [`TableProblem`]. [`TableSnapshot::scan`] is a `DataFusion` plan that delivers the dataset's own
//! names and types, whatever the files call and store them as. A bad table never spoils another.
//!
//! The rules: a listing is whole or not at all; a footer is read once per version of a file; a scan
//! reads the pinned versions or fails; what the store or the files do wrong is said in words, with
//! the table's name, and never in the engine's.

mod adapter;
mod columns;
mod convert;
mod diagnose;
mod discover;
mod footer;
mod listing;
mod location;
mod reader;
mod scan;
mod snapshot;
mod store;
mod table;
#[cfg(test)]
mod tests;
mod view;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use datafusion::error::DataFusionError;
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::session_state::SessionState;
use datafusion::prelude::SessionConfig;
use futures::{StreamExt, stream};

use self::diagnose::Trouble;
use self::location::Location;
use self::store::Store;
use self::table::WatchedTable;
use crate::error::ApiError;
use crate::model::{DatasetName, Model};

pub use self::diagnose::catch_panics;
pub use self::discover::{FoundColumn, FoundTable, discover};
pub use self::reader::DataFile;
pub use self::snapshot::TableSnapshot;
pub use self::store::ReadCount;
pub use self::view::{TableProblem, TableReport, WarehouseView};

/// How the catalog treats its stores.
#[derive(Debug, Clone)]
pub struct CatalogSettings {
    /// How old a listing may be before a view lists again.
    pub refresh: Duration,
    /// Tables listed at a time.
    pub listing_concurrency: usize,
    /// Footers of one table read at a time.
    pub footer_concurrency: usize,
    /// Of one request to a store.
    pub request_timeout: Duration,
    /// No retry starts later than this after the first attempt.
    pub retry_timeout: Duration,
    pub max_retries: usize,
    /// How long a damaged file is looked for after a scan failed.
    pub probe_timeout: Duration,
    /// Rows per batch that scans deliver.
    pub batch_size: usize,
    /// Settings of stores (`aws_endpoint`, `azure_storage_account_name`, …) that count more than
    /// the environment's.
    pub store_options: BTreeMap<String, String>,
}

impl Default for CatalogSettings {
    fn default() -> Self {
        Self {
            refresh: Duration::from_secs(5),
            listing_concurrency: 8,
            footer_concurrency: 32,
            request_timeout: Duration::from_secs(15),
            retry_timeout: Duration::from_secs(10),
            max_retries: 3,
            probe_timeout: Duration::from_secs(10),
            batch_size: 8192,
            store_options: BTreeMap::new(),
        }
    }
}

/// Why a catalog cannot be opened: for operators, at start or reload.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    #[error("`{location}` cannot be a table's place: {reason}")]
    Location { location: String, reason: String },
    #[error("the settings for store `{store}` are not usable: {source}")]
    Store { store: String, source: object_store::Error },
    #[error("the runtime cannot be built: {0}")]
    Runtime(#[from] DataFusionError),
}

/// The tables of a model under watch. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Catalog {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    model: Arc<Model>,
    settings: CatalogSettings,
    /// By address: tables of one bucket share a client and its connections.
    stores: HashMap<String, Arc<Store>>,
    tables: BTreeMap<DatasetName, WatchedTable>,
}

impl Catalog {
    /// Works out where every table is. Does no IO: a store that is down shows in views.
    ///
    /// # Errors
    /// An address that no store can have, or settings that a store's client refuses.
    pub fn open(model: Arc<Model>, settings: CatalogSettings) -> Result<Self, CatalogError> {
        let mut stores: HashMap<String, Arc<Store>> = HashMap::new();
        let mut tables = BTreeMap::new();
        for dataset in model.datasets.values() {
            let location = Location::parse(&model.warehouse, &dataset.table)?;
            let store = match stores.get(&location.root) {
                Some(store) => Arc::clone(store),
                None => Store::open(&location, &settings)?,
            };
            stores.insert(location.root.clone(), Arc::clone(&store));
            tables.insert(dataset.name.clone(), WatchedTable::new(location, store));
        }
        Ok(Self { inner: Arc::new(Inner { model, settings, stores, tables }) })
    }

    /// The tables now. Lists, concurrently, those never listed or listed longer ago than
    /// `refresh`; requests that need the same listing share it. Names the model does not have are
    /// left out.
    pub async fn view(&self, datasets: &[DatasetName]) -> WarehouseView {
        let limit = self.inner.settings.listing_concurrency.max(1);
        let tables = stream::iter(datasets.to_vec())
            .map(|name| {
                let inner = Arc::clone(&self.inner);
                async move {
                    let dataset = inner.model.datasets.get(&name)?;
                    let table = inner.tables.get(&name)?;
                    let zone = inner.model.calendar.zone;
                    let view = table.view(dataset, zone, &inner.settings).await;
                    Some((name, view))
                }
            })
            .buffer_unordered(limit)
            .filter_map(std::future::ready)
            .collect()
            .await;
        WarehouseView { tables }
    }

    /// After a reload: takes over the footers that the previous catalog read of the same folders.
    pub fn adopt(&self, previous: &Self) {
        let by_place =
            |table: &WatchedTable| (table.location.root.clone(), table.location.folder.clone());
        let known: HashMap<_, _> =
            previous.inner.tables.values().map(|table| (by_place(table), table)).collect();
        for table in self.inner.tables.values() {
            if let Some(before) = known.get(&by_place(table)) {
                table.adopt(before);
            }
        }
    }

    /// A runtime in which every store of the model is registered; the builder brings memory pool,
    /// disk and cache limits.
    ///
    /// # Errors
    /// If the runtime cannot be built (a spill folder that cannot be made).
    pub fn runtime(&self, builder: RuntimeEnvBuilder) -> Result<Arc<RuntimeEnv>, CatalogError> {
        let runtime = builder.build_arc()?;
        for store in self.inner.stores.values() {
            runtime.register_object_store(store.url.as_ref(), Arc::clone(&store.client));
        }
        Ok(runtime)
    }

    /// A session template over a long-lived runtime; clone it per query.
    #[must_use]
    pub fn session(&self, runtime: Arc<RuntimeEnv>) -> SessionState {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let mut config = SessionConfig::new()
            .with_target_partitions(cores)
            .with_batch_size(self.inner.settings.batch_size)
            .with_collect_statistics(true)
            .with_information_schema(false);
        // Names are exact: columns may differ in case only.
        config.options_mut().sql_parser.enable_ident_normalization = false;
        // Scans come in parts already, by what their files hold.
        config.options_mut().optimizer.repartition_file_scans = false;
        // Money times 1.19 is money.
        config.options_mut().sql_parser.parse_float_as_decimal = true;
        SessionStateBuilder::new()
            .with_config(config)
            .with_runtime_env(runtime)
            .with_default_features()
            .build()
    }

    /// What an execution error over these tables means to an API caller. A file that cannot be
    /// decoded is looked for, for a while; a table whose files changed is listed anew by the next
    /// view; an expression that failed is for the caller to name.
    pub async fn diagnose(&self, error: &DataFusionError, tables: &[&TableSnapshot]) -> ApiError {
        let trouble = diagnose::classify(error);
        trouble.log(error);
        if let Some(found) = diagnose::of_expression(&trouble) {
            return found;
        }
        match trouble {
            Trouble::Decoding => self.name_damage(tables).await,
            Trouble::Conversion(conversion) => {
                let at_fault: Vec<&TableSnapshot> =
                    tables.iter().filter(|t| t.dataset == conversion.dataset).copied().collect();
                self.probe(&at_fault).await.unwrap_or_else(|| diagnose::known(error))
            }
            Trouble::Read(fault) => {
                if let Some(table) = self.inner.tables.get(fault.dataset()) {
                    table.forget().await;
                }
                diagnose::known(error)
            }
            _ => diagnose::known(error),
        }
    }

    async fn name_damage(&self, tables: &[&TableSnapshot]) -> ApiError {
        self.probe(tables).await.unwrap_or_else(|| diagnose::unnamed_damage(tables))
    }

    async fn probe(&self, tables: &[&TableSnapshot]) -> Option<ApiError> {
        let found = diagnose::probe(tables);
        tokio::time::timeout(self.inner.settings.probe_timeout, found).await.ok().flatten()
    }

    /// What all stores were asked for so far.
    #[must_use]
    pub fn read_count(&self) -> ReadCount {
        let counts = self.inner.stores.values().map(|store| store.read_count());
        counts.fold(ReadCount::default(), |sum, store| ReadCount {
            requests: sum.requests + store.requests,
            bytes: sum.bytes + store.bytes,
        })
    }
}
