//! One table under watch: listed when its listing is old, by one request at a time, its footers
//! read once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono_tz::Tz;
use futures::{StreamExt, TryStreamExt, stream};

use super::CatalogSettings;
use super::columns::{FoundSchema, resolve_columns};
use super::footer::{BadFile, Footer, FooterError, read_footer};
use super::listing::{FileKey, ListedFile, list_files, listing_id};
use super::location::Location;
use super::reader::DataFile;
use super::snapshot::TableSnapshot;
use super::store::{Store, StoreFault};
use super::view::{TableProblem, TableView};
use crate::error::ErrorCode;
use crate::model::Dataset;

type Footers = HashMap<FileKey, Result<Arc<Footer>, BadFile>>;

#[derive(Debug)]
pub(super) struct WatchedTable {
    pub location: Location,
    pub store: Arc<Store>,
    /// Of the files of the newest listing, good and bad.
    footers: Mutex<Footers>,
    /// Held while listing, so that requests that arrive meanwhile share the result.
    state: tokio::sync::Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// When the newest attempt ended, and how long it took if it failed.
    attempt: Option<(Instant, Option<Duration>)>,
    /// The files behind `view`.
    listing: Option<String>,
    view: TableView,
}

/// Why an attempt found out nothing about the table.
enum Failure {
    Store(object_store::Error),
    Changed,
}

/// What an attempt found out.
enum Finding {
    Unchanged,
    Files { listing: String, result: Result<Arc<TableSnapshot>, TableProblem> },
}

impl WatchedTable {
    pub fn new(location: Location, store: Arc<Store>) -> Self {
        let view = TableView { location: location.shown.clone(), ..TableView::default() };
        let state = State { view, ..State::default() };
        Self { location, store, footers: Mutex::default(), state: state.into() }
    }

    /// The table now; lists it if the newest listing is older than the settings allow.
    pub async fn view(&self, dataset: &Dataset, zone: Tz, settings: &CatalogSettings) -> TableView {
        let mut state = self.state.lock().await;
        if state.is_due(settings.refresh) {
            let started = Instant::now();
            let mut found = self.look(dataset, zone, settings, state.listing.as_deref()).await;
            if matches!(found, Err(Failure::Changed)) {
                found = self.look(dataset, zone, settings, state.listing.as_deref()).await;
            }
            state.learn(dataset, found, started.elapsed());
        }
        TableView { due: state.due(settings.refresh), ..state.view.clone() }
    }

    /// Makes the next view list again.
    pub async fn forget(&self) {
        self.state.lock().await.attempt = None;
    }

    /// Takes over the footers that another watch of the same folder has read.
    pub fn adopt(&self, previous: &Self) {
        let known = previous.known_footers().clone();
        self.known_footers().extend(known);
    }

    fn known_footers(&self) -> MutexGuard<'_, Footers> {
        self.footers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn look(
        &self,
        dataset: &Dataset,
        zone: Tz,
        settings: &CatalogSettings,
        known: Option<&str>,
    ) -> Result<Finding, Failure> {
        let partition = dataset.partition.as_deref();
        let files = list_files(&self.store, &self.location.folder, partition).await?;
        let listing = listing_id(&files);
        if known == Some(listing.as_str()) {
            return Ok(Finding::Unchanged);
        }
        if files.is_empty() {
            let message = nothing_at(&self.location.shown, dataset);
            let problem = TableProblem::new(ErrorCode::Unavailable, message);
            return Ok(Finding::Files { listing, result: Err(problem) });
        }
        self.read_footers(&files, settings.footer_concurrency).await?;
        let result = self.build(dataset, zone, files, &listing).map(Arc::new);
        Ok(Finding::Files { listing, result })
    }

    /// Reads the footers not yet known; each is kept at once, so that a cancelled request does not
    /// undo the work.
    async fn read_footers(&self, files: &[ListedFile], concurrency: usize) -> Result<(), Failure> {
        let unknown: Vec<FileKey> = {
            let known = self.known_footers();
            let keys = files.iter().map(|file| &file.key);
            keys.filter(|key| !known.contains_key(key)).cloned().collect()
        };
        stream::iter(unknown)
            .map(async |key| read_footer(&self.store, &key).await.map(|footer| (key, footer)))
            .buffer_unordered(concurrency.max(1))
            .try_for_each(async |(key, footer)| {
                self.known_footers().insert(key, footer);
                Ok(())
            })
            .await?;
        let listed: std::collections::HashSet<&FileKey> = files.iter().map(|f| &f.key).collect();
        self.known_footers().retain(|key, _| listed.contains(key));
        Ok(())
    }

    fn build(
        &self,
        dataset: &Dataset,
        zone: Tz,
        files: Vec<ListedFile>,
        listing: &str,
    ) -> Result<TableSnapshot, TableProblem> {
        let footers = self.good_footers(dataset, &files)?;
        let mut schemas: Vec<FoundSchema> = Vec::new();
        let mut schema_of = Vec::with_capacity(files.len());
        for (file, footer) in files.iter().zip(&footers) {
            let known = schemas.iter().position(|s| s.schema.fields() == footer.schema.fields());
            schema_of.push(known.unwrap_or_else(|| {
                let schema = Arc::clone(&footer.schema);
                schemas.push(FoundSchema { schema, file: file.relative.clone() });
                schemas.len() - 1
            }));
        }
        let delivered = resolve_columns(dataset, zone, &schemas)?;
        let read_schemas: Vec<_> =
            schemas.iter().map(|s| delivered.read_schema(&s.schema)).collect();
        let files: Vec<Arc<DataFile>> = files
            .into_iter()
            .zip(footers)
            .zip(schema_of)
            .map(|((file, footer), schema)| {
                Arc::new(DataFile {
                    path: file.relative,
                    bytes: file.key.size,
                    rows: footer.rows,
                    key: file.key,
                    month: file.month,
                    footer,
                    read_schema: Arc::clone(&read_schemas[schema]),
                })
            })
            .collect();
        Ok(TableSnapshot {
            dataset: dataset.name.clone(),
            id: listing.to_owned(),
            // What files say of their rows may be anything.
            rows: files.iter().map(|file| file.rows).fold(0, u64::saturating_add),
            bytes: files.iter().map(|file| file.bytes).sum(),
            files,
            notes: delivered.notes.clone(),
            unmatched: delivered.unmatched.clone(),
            store: Arc::clone(&self.store),
            delivered: Arc::new(delivered),
        })
    }

    /// The footers in the order of the files; the first bad file speaks for all.
    fn good_footers(
        &self,
        dataset: &Dataset,
        files: &[ListedFile],
    ) -> Result<Vec<Arc<Footer>>, TableProblem> {
        let known = self.known_footers();
        let mut good = Vec::with_capacity(files.len());
        let mut bad: Vec<(&str, BadFile)> = Vec::new();
        for file in files {
            match known.get(&file.key) {
                Some(Ok(footer)) => good.push(Arc::clone(footer)),
                Some(Err(why)) => bad.push((&file.relative, *why)),
                None => bad.push((&file.relative, BadFile::Damaged)),
            }
        }
        let Some((path, why)) = bad.first() else { return Ok(good) };
        let more = match bad.len() - 1 {
            0 => String::new(),
            n => format!(" (and {n} more such files)"),
        };
        let message = format!("table `{}`: file `{path}` {}{more}", dataset.name, why.reason());
        Err(TableProblem::new(ErrorCode::BadData, message))
    }
}

impl State {
    /// After a failure the next attempt waits at least as long as the failed one took: a store
    /// that hangs must not hold up every request.
    fn is_due(&self, refresh: Duration) -> bool {
        match self.attempt {
            None => true,
            Some((ended, failed)) => ended.elapsed() >= refresh.max(failed.unwrap_or_default()),
        }
    }

    /// When the listing is old.
    fn due(&self, refresh: Duration) -> Option<Instant> {
        let (ended, failed) = self.attempt?;
        ended.checked_add(refresh.max(failed.unwrap_or_default()))
    }

    fn learn(&mut self, dataset: &Dataset, found: Result<Finding, Failure>, took: Duration) {
        let now = Instant::now();
        self.attempt = Some((now, found.is_err().then_some(took)));
        match found {
            Ok(finding) => {
                if let Finding::Files { listing, result } = finding {
                    self.listing = Some(listing);
                    self.view.problem = result.as_ref().err().cloned();
                    self.view.snapshot = result.ok();
                } else if self.view.snapshot.is_some() {
                    // Forgets what kept an earlier attempt from confirming these files.
                    self.view.problem = None;
                }
                self.view.confirmed = self.view.snapshot.is_some().then_some(now);
            }
            Err(failure) => {
                // A table that is bad stays bad while its store is down; a good one stays readable.
                if self.listing.is_none() || self.view.snapshot.is_some() {
                    self.view.problem = Some(failure.problem(dataset));
                }
            }
        }
    }
}

impl Failure {
    fn problem(&self, dataset: &Dataset) -> TableProblem {
        match self {
            Self::Store(error) => {
                tracing::warn!(%error, table = %dataset.name, "a table's store cannot be read");
                TableProblem::of_store(&dataset.name, StoreFault::of(error))
            }
            Self::Changed => TableProblem::changed(&dataset.name),
        }
    }
}

impl From<object_store::Error> for Failure {
    fn from(error: object_store::Error) -> Self {
        Self::Store(error)
    }
}

impl From<FooterError> for Failure {
    fn from(error: FooterError) -> Self {
        match error {
            FooterError::Store(object_store::Error::NotFound { .. }) | FooterError::Changed => {
                Self::Changed
            }
            FooterError::Store(error) => Self::Store(error),
        }
    }
}

/// A table that ships and has its own name still may be there under another.
fn nothing_at(folder: &str, dataset: &Dataset) -> String {
    let name = &dataset.name;
    let hint = match dataset.source.ships() && dataset.table == name.as_str() {
        true => format!(
            "; if yours has another name, map it in upswell.yml: \
             `canonical: {{ {name}: {{ table: … }} }}`"
        ),
        false => String::new(),
    };
    format!("table folder `{folder}` holds no Parquet files{hint}")
}
