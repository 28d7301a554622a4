//! The demo warehouse: a deterministic expansion business, written as the canonical tables.
//!
//! [`generate`] writes every canonical table as Parquet below a folder. The same settings give the
//! same bytes on every machine, and more months only add files: a month's files depend on the seed,
//! the customers setting and the month alone.
//!
//! - Every customer's life is a function of (seed, customers, number of the customer), simulated
//!   month by month from streams of random numbers of its own. Customers are numbered in the order
//!   they are won: 45 % of them in 2023-01, the base a company has when its records begin, the rest
//!   along a growing curve; exactly `customers` of them within 36 months.
//! - A row is written to the file of the month in which it began. Ends that lie later (of an
//!   assignment, of a stretch of constant MRR) are decided by the customer's own stream and written
//!   at once, even where they lie beyond the last month that was asked for; none within 120 months
//!   is an open end.
//! - Ledger, month-end balances and intervals are written from one book entry per change, so that
//!   they agree to the cent at every instant.
//! - Usage and health are recorded for a tenth of the customers.
//! - A month's acquisition spend is the sum of what its new customers cost.
//!
//! Files appear whole: they grow in `.upswell-staging` and are renamed into place. The marker
//! `_upswell_demo.json` says which warehouse the folder holds; a folder that holds something else is
//! refused. Months that are whole are left as they are, also after an interrupted run.

mod account;
mod catalogue;
mod draw;
mod encode;
mod expand;
mod files;
mod life;
mod marker;
mod owners;
mod profile;
mod rows;
mod signals;
mod table;
#[cfg(test)]
mod tests;
mod timeline;
mod words;
mod write;

use std::io;
use std::path::{Path, PathBuf};

use arrow::error::ArrowError;
use parquet::errors::ParquetError;

use files::Written;
use marker::{Marker, Workplace};
use owners::Roster;
use rows::Span;
use table::Table;
use timeline::{HORIZON, Month, Timeline};

/// Version of the generator: other versions write other bytes.
const VERSION: u32 = 1;

/// Customer ids have seven digits.
const MOST_CUSTOMERS: u64 = 9_999_999;

/// What to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GenerateSettings {
    /// Folder of the warehouse; created if it does not exist.
    pub dir: PathBuf,
    /// Customers won within the first 36 months; other lengths follow the same curve.
    pub customers: u32,
    /// Months from 2023-01 on, 1 to 120.
    pub months: u32,
    pub seed: u64,
}

/// Told how far a run is. Steps are customers.
pub trait Progress {
    /// The work to come, once, before the first step. Not called where nothing is left to write.
    fn begin(&self, steps: u64);
    /// Work that was done since the last call.
    fn advance(&self, steps: u64);
}

/// Nobody watches.
impl Progress for () {
    fn begin(&self, _steps: u64) {}
    fn advance(&self, _steps: u64) {}
}

/// What the folder holds after a run, and what the run wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Months in the folder: more than asked for where more were written before.
    pub months: u32,
    /// Customers in the folder.
    pub customers: u64,
    /// Months that this run wrote; none where the folder held them already.
    pub months_written: u32,
    /// What this run wrote, by table; empty where nothing was.
    pub tables: Vec<TableSummary>,
}

/// What a run wrote of one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableSummary {
    pub table: &'static str,
    pub files: u64,
    pub rows: u64,
    pub bytes: u64,
}

/// Why a demo warehouse could not be written.
#[derive(Debug, thiserror::Error)]
pub enum GenerateError {
    #[error("months must be between 1 and {HORIZON}, not {given}")]
    Months { given: u32 },
    #[error(
        "customers must be at least 1 and at most {MOST_CUSTOMERS} within the months asked for; \
         {given} over 36 months would be {won}"
    )]
    Customers { given: u32, won: u64 },
    #[error(
        "`{}` holds another demo warehouse (generator {generator}, --customers {customers}, \
         --seed {seed}): ask for the same settings or choose another folder", dir.display()
    )]
    OtherWarehouse { dir: PathBuf, generator: u32, seed: u64, customers: u32 },
    #[error(
        "`{}` has a table `{table}` that this generator did not write: choose an empty folder",
        dir.display()
    )]
    TableOfOthers { dir: PathBuf, table: &'static str },
    #[error("another process is writing a demo warehouse to `{}`", dir.display())]
    Busy { dir: PathBuf },
    #[error("`{}` is not a marker of a demo warehouse", path.display())]
    Marker { path: PathBuf, source: serde_json::Error },
    #[error("cannot write `{}`", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("cannot build rows of the demo warehouse")]
    Rows(#[from] ArrowError),
    #[error("cannot write table `{table}`")]
    Encode { table: &'static str, source: ParquetError },
}

impl GenerateError {
    fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { path: path.into(), source }
    }

    fn encode(table: Table) -> impl FnOnce(ParquetError) -> Self {
        move |source| Self::Encode { table: table.name(), source }
    }
}

/// What all lives share.
struct World {
    seed: u64,
    timeline: Timeline,
    roster: Roster,
}

impl World {
    fn new(seed: u64, customers: u32) -> Self {
        Self { seed, timeline: Timeline::new(customers), roster: Roster::new(customers) }
    }
}

/// Writes the demo warehouse, or the months of it that the folder does not hold yet.
///
/// # Errors
/// Settings out of range, a folder that holds something else or is being written to by another
/// process, and failures of the disk. What was written before an error stays; asking again takes
/// the run up.
pub fn generate(
    settings: &GenerateSettings,
    progress: &dyn Progress,
) -> Result<Summary, GenerateError> {
    let world = World::new(settings.seed, settings.customers);
    check(settings, &world)?;
    let held = |months| Summary {
        months,
        customers: world.timeline.acquired_within(months),
        months_written: 0,
        tables: Vec::new(),
    };
    let found = marker::months_written(settings)?;
    if found >= settings.months {
        return Ok(held(found));
    }
    let dir = &settings.dir;
    std::fs::create_dir_all(dir).map_err(GenerateError::io(dir))?;
    let _workplace = Workplace::open(dir)?;
    // Another process may have written months between the first look and the lock.
    let found = marker::months_written(settings)?;
    if found >= settings.months {
        return Ok(held(found));
    }
    Marker::new(settings).write(dir)?;
    let span = Span { first: Month(found), end: Month(settings.months) };
    let written = write::write(&world, dir, span, progress)?;
    Ok(Summary {
        months_written: settings.months - found,
        tables: summarize(&written),
        ..held(settings.months)
    })
}

fn check(settings: &GenerateSettings, world: &World) -> Result<(), GenerateError> {
    if !(1..=HORIZON).contains(&settings.months) {
        return Err(GenerateError::Months { given: settings.months });
    }
    let won = world.timeline.acquired_within(settings.months);
    if settings.customers == 0 || won > MOST_CUSTOMERS {
        return Err(GenerateError::Customers { given: settings.customers, won });
    }
    Ok(())
}

fn summarize(written: &[Written]) -> Vec<TableSummary> {
    Table::ALL
        .into_iter()
        .map(|table| {
            let files: Vec<_> = written.iter().filter(|file| file.table == table).collect();
            TableSummary {
                table: table.name(),
                files: files.len() as u64,
                rows: files.iter().map(|file| file.rows).sum(),
                bytes: files.iter().map(|file| file.bytes).sum(),
            }
        })
        .filter(|summary| summary.files > 0)
        .collect()
}
