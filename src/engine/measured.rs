//! What an engine counts, for whoever measures the process.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number since the start, or as it is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measurement {
    /// In snake case, without a unit's suffix for counters.
    pub name: &'static str,
    pub help: &'static str,
    pub value: u64,
    /// Only ever grows.
    pub counts: bool,
}

impl Measurement {
    /// What a counter says.
    pub(super) fn of(name: &'static str, help: &'static str, counter: &AtomicU64) -> Self {
        Self { name, help, value: read(counter), counts: true }
    }
}

/// Whether the newest of so many is one of the share that is proven, spread evenly over them.
pub(super) fn is_due(count: u64, percent: u64) -> bool {
    count * percent / 100 > count.saturating_sub(1) * percent / 100
}

/// Events of the result cache and its proofs.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub hits: AtomicU64,
    pub misses: AtomicU64,
    pub proofs: AtomicU64,
    pub differences: AtomicU64,
}

/// One more; gives how many there were before.
pub(super) fn count(counter: &AtomicU64) -> u64 {
    counter.fetch_add(1, Ordering::Relaxed)
}

pub(super) fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

impl Counters {
    pub fn measurements(&self) -> Vec<Measurement> {
        let counter = Measurement::of;
        vec![
            counter("result_cache_hits", "Questions answered from the result cache", &self.hits),
            counter("result_cache_misses", "Questions computed for the result cache", &self.misses),
            counter("result_proofs", "Kept answers that were computed again", &self.proofs),
            counter(
                "result_differences",
                "Kept answers that differed when computed again: every one is a fault",
                &self.differences,
            ),
        ]
    }
}
