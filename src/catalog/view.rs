//! What a request sees of the warehouse: one snapshot per table, or why there is none.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use super::listing::short_hex;
use super::snapshot::TableSnapshot;
use super::store::StoreFault;
use crate::error::{ApiError, ApiResult, ErrorCode};
use crate::model::DatasetName;

/// Why a table cannot be read, in words for API callers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableProblem {
    pub code: ErrorCode,
    pub message: String,
}

impl TableProblem {
    pub(super) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// The store does not give what was asked of it for this table.
    pub(super) fn of_store(dataset: &DatasetName, fault: StoreFault) -> Self {
        let words = match fault {
            StoreFault::Missing => "has no such bucket or container",
            StoreFault::Refused => "refused our credentials",
            StoreFault::Down => "does not answer",
        };
        let message = format!("the store that holds table `{dataset}` {words}");
        Self::new(ErrorCode::StoreUnavailable, message)
    }

    pub(super) fn changed(dataset: &DatasetName) -> Self {
        let message = format!("table `{dataset}` changed while being read; ask again");
        Self::new(ErrorCode::Unavailable, message)
    }
}

impl From<TableProblem> for ApiError {
    fn from(problem: TableProblem) -> Self {
        Self::new(problem.code, problem.message)
    }
}

/// What is known of one table.
#[derive(Debug, Clone, Default)]
pub(super) struct TableView {
    pub location: String,
    pub snapshot: Option<Arc<TableSnapshot>>,
    /// Beside a snapshot: it is the last good one, and this is why there is no newer.
    pub problem: Option<TableProblem>,
    /// When the snapshot was last known to be current.
    pub confirmed: Option<Instant>,
    /// When a view lists again; none: never.
    pub due: Option<Instant>,
}

/// One line of the catalogue.
#[derive(Debug, Clone, PartialEq)]
pub struct TableReport {
    pub dataset: DatasetName,
    /// A URL; for local warehouses the folder below the warehouse.
    pub location: String,
    pub available: bool,
    pub problem: Option<String>,
    /// Set while the store does not confirm that the snapshot is current.
    pub stale_for: Option<Duration>,
    pub files: Option<u64>,
    pub bytes: Option<u64>,
    pub rows: Option<u64>,
    pub notes: Vec<String>,
}

/// The tables of one request, pinned: it sees the same files from start to end.
#[derive(Debug, Clone, Default)]
pub struct WarehouseView {
    pub(super) tables: BTreeMap<DatasetName, TableView>,
}

impl WarehouseView {
    /// The snapshot of a table.
    ///
    /// # Errors
    /// The table's problem where it has no good snapshot: `STORE_UNAVAILABLE`, `UNAVAILABLE` (no
    /// files) or `BAD_DATA`.
    pub fn table(&self, dataset: &DatasetName) -> ApiResult<&Arc<TableSnapshot>> {
        let view = self.tables.get(dataset);
        view.and_then(|view| view.snapshot.as_ref()).ok_or_else(|| {
            view.and_then(|view| view.problem.clone()).map_or_else(
                || ApiError::new(ErrorCode::Unavailable, format!("table `{dataset}` is not known")),
                ApiError::from,
            )
        })
    }

    /// Why a table is unavailable, or why its snapshot may be out of date.
    #[must_use]
    pub fn problem(&self, dataset: &DatasetName) -> Option<&TableProblem> {
        self.tables.get(dataset)?.problem.as_ref()
    }

    /// How long ago the snapshot was last confirmed, if the newest attempt failed.
    #[must_use]
    pub fn stale_for(&self, dataset: &DatasetName) -> Option<Duration> {
        self.tables.get(dataset)?.stale_for()
    }

    /// Until when another view would show the same: the first table's listing is old then.
    #[must_use]
    pub fn due(&self) -> Option<Instant> {
        self.tables.values().filter_map(|table| table.due).min()
    }

    /// The exact files of these tables, or why there are none, as a text: where it is equal,
    /// everything that is computed from them is.
    #[must_use]
    pub fn identity(&self, of: &[DatasetName]) -> String {
        let mut names: Vec<&DatasetName> = of.iter().collect();
        names.sort_unstable();
        names.dedup();
        let state = |name| match self.table(name) {
            Ok(table) => table.id.clone(),
            Err(error) => format!("{error:?}"),
        };
        let states = names.into_iter().map(|name| format!("{name}={}", state(name)));
        states.collect::<Vec<String>>().join("\n")
    }

    /// Short hash of the exact files of these tables: the same id, the same answers.
    #[must_use]
    pub fn snapshot_id(&self, of: &[DatasetName]) -> String {
        let mut names: Vec<&DatasetName> = of.iter().collect();
        names.sort_unstable();
        names.dedup();
        let mut hash = Sha256::new();
        for name in names {
            let id = self.table(name).map_or("-", |table| table.id.as_str());
            hash.update(format!("{name}={id}\n"));
        }
        short_hex(&hash.finalize())
    }

    /// Every table of the view, by name.
    #[must_use]
    pub fn statuses(&self) -> Vec<TableReport> {
        self.tables.iter().map(|(dataset, view)| view.report(dataset)).collect()
    }
}

impl TableView {
    fn stale_for(&self) -> Option<Duration> {
        self.problem.as_ref()?;
        Some(self.confirmed?.elapsed())
    }

    fn report(&self, dataset: &DatasetName) -> TableReport {
        let snapshot = self.snapshot.as_ref();
        TableReport {
            dataset: dataset.clone(),
            location: self.location.clone(),
            available: snapshot.is_some(),
            problem: self.problem.as_ref().map(|problem| problem.message.clone()),
            stale_for: self.stale_for(),
            files: snapshot.map(|table| table.files.len() as u64),
            bytes: snapshot.map(|table| table.bytes),
            rows: snapshot.map(|table| table.rows),
            notes: snapshot.map(|table| table.notes.clone()).unwrap_or_default(),
        }
    }
}
