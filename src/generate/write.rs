//! The run: chunks of customers are followed and their rows appended to the files of all months,
//! on every core, with a bounded number of chunks in memory.

use std::num::NonZero;
use std::ops::Range;
use std::panic::resume_unwind;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::encode;
use super::files::{FinishedFile, MonthFiles, Written};
use super::life::live;
use super::rows::{ChunkRows, Span};
use super::table::Table;
use super::timeline::Month;
use super::{GenerateError, Progress, World};

/// Customers of a chunk. Part of the format: where chunks meet, Parquet may begin a page.
const CHUNK: u32 = 4096;

/// Writes the months of the span and publishes them.
pub(super) fn write(
    world: &World,
    dir: &Path,
    span: Span,
    progress: &dyn Progress,
) -> Result<Vec<Written>, GenerateError> {
    let mut months = (span.first.0..span.end.0)
        .map(|month| MonthFiles::create(dir, Month(month)))
        .collect::<Result<Vec<_>, _>>()?;
    let customers = u32::try_from(world.timeline.acquired_within(span.end.0)).unwrap_or(u32::MAX);
    progress.begin(u64::from(customers));
    for wave in waves(customers) {
        let steps = wave.iter().map(|chunk| u64::from(chunk.end - chunk.start)).sum();
        let chunks = in_parallel(wave, |customers| follow(world, customers, span));
        append(&mut months, &chunks)?;
        progress.advance(steps);
    }
    let mut finished = if span.first == Month(0) { fixed_files(world, dir)? } else { Vec::new() };
    for files in in_parallel(months, MonthFiles::finish) {
        finished.extend(files?);
    }
    finished.into_iter().map(FinishedFile::publish).collect()
}

/// The tables that do not grow with time.
fn fixed_files(world: &World, dir: &Path) -> Result<Vec<FinishedFile>, GenerateError> {
    Ok(vec![
        FinishedFile::whole(dir, Table::Products, &encode::products()?)?,
        FinishedFile::whole(dir, Table::Csms, &encode::csms(&world.roster)?)?,
    ])
}

/// Chunks of customers in order, as many at a time as there are cores.
fn waves(customers: u32) -> impl Iterator<Item = Vec<Range<u32>>> {
    let chunks: Vec<Range<u32>> = (0..customers)
        .step_by(CHUNK as usize)
        .map(|first| first..customers.min(first + CHUNK))
        .collect();
    let mut chunks = chunks.into_iter();
    std::iter::from_fn(move || {
        let wave: Vec<_> = chunks.by_ref().take(cores()).collect();
        (!wave.is_empty()).then_some(wave)
    })
}

fn follow(world: &World, customers: Range<u32>, span: Span) -> ChunkRows {
    let mut rows = ChunkRows::new(span);
    for customer in customers {
        live(world, customer, &mut rows);
    }
    rows
}

fn append(months: &mut [MonthFiles], chunks: &[ChunkRows]) -> Result<(), GenerateError> {
    let jobs: Vec<_> = months.iter_mut().enumerate().collect();
    let append_month = |(place, files): (usize, &mut MonthFiles)| {
        let mut rows = chunks.iter().filter_map(|chunk| chunk.months().get(place));
        rows.try_for_each(|rows| files.append(rows))
    };
    in_parallel(jobs, append_month).into_iter().collect()
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

/// Runs the jobs on all cores; results come in the order of the jobs.
fn in_parallel<Job: Send, Done: Send>(
    jobs: Vec<Job>,
    run: impl Fn(Job) -> Done + Sync,
) -> Vec<Done> {
    let queue = Mutex::new(jobs.into_iter().enumerate());
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
    let work = || {
        let mut done = Vec::new();
        while let Some((place, job)) = next() {
            done.push((place, run(job)));
        }
        done
    };
    let mut done: Vec<(usize, Done)> = thread::scope(|scope| {
        let workers: Vec<_> = (0..cores()).map(|_| scope.spawn(work)).collect();
        let results = workers.into_iter().map(|worker| match worker.join() {
            Ok(done) => done,
            Err(panic) => resume_unwind(panic),
        });
        results.flatten().collect()
    });
    done.sort_by_key(|(place, _)| *place);
    done.into_iter().map(|(_, done)| done).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waves_hold_every_customer_once_and_in_order() {
        let chunks: Vec<_> = waves(10_000).flatten().collect();
        assert_eq!(chunks, [0..4096, 4096..8192, 8192..10_000]);
        assert_eq!(waves(0).count(), 0);
    }

    #[test]
    fn results_come_in_the_order_of_the_jobs() {
        let squares = in_parallel((0..100).collect(), |job: u32| job * job);
        assert_eq!(squares, (0..100).map(|job| job * job).collect::<Vec<_>>());
    }
}
