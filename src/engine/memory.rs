//! What outlives a request: keys and facts within one bound of bytes, and kept answers within
//! theirs.
//!
//! Keys only grow (a code stays good for every fact that holds it), so they are counted against the
//! facts, and where they take half of the bound, keys and facts are begun anew together. Running
//! requests keep the ones they began with.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;

use crate::error::{ApiError, ApiResult, ErrorCode};

use super::EngineSettings;
use super::facts::{FactCache, fact_cache, kept_bytes, weigh_keys};
use super::keys::KeySpace;
use super::measured::Measurement;
use super::pre_aggregates::PreAggregates;
use super::results::Results;

/// Keys that outgrow their part sooner than this belong to a warehouse that is too large for it.
const YOUNGEST: Duration = Duration::from_mins(10);

/// What outlives a request, and a model. Cheap to clone.
#[derive(Clone)]
pub struct Memory {
    held: Arc<ArcSwap<Held>>,
    bound: u64,
    results: Option<Results>,
    pre_aggregates: Option<Arc<PreAggregates>>,
}

/// Keys and the facts that are coded by them.
pub struct Held {
    pub keys: KeySpace,
    pub facts: FactCache,
    begun: Instant,
}

impl Held {
    fn new(bound: u64) -> Self {
        Self { keys: KeySpace::default(), facts: fact_cache(bound), begun: Instant::now() }
    }
}

impl Memory {
    #[must_use]
    pub fn new(settings: &EngineSettings) -> Self {
        let bound = settings.facts_memory;
        let keeps = settings.result_memory > 0;
        let results = keeps.then(|| Results::new(settings.result_memory, settings.proof_percent));
        let pre_aggregates = Some(Arc::new(PreAggregates::new(settings.proof_percent)));
        let held = Arc::new(ArcSwap::from_pointee(Held::new(bound)));
        Self { held, bound, results, pre_aggregates }
    }

    pub(super) fn pre_aggregates(&self) -> Option<&Arc<PreAggregates>> {
        self.pre_aggregates.as_ref()
    }

    /// What turned out to be wrong of all that is kept, so far.
    pub fn differences(&self) -> u64 {
        let sums = self.pre_aggregates.as_ref().map_or(0, |sums| sums.differences());
        self.results.as_ref().map_or(0, Results::differences) + sums
    }

    pub(super) fn results(&self) -> Option<&Results> {
        self.results.as_ref()
    }

    /// The keys and facts for a request.
    ///
    /// # Errors
    /// `RESOURCE_LIMIT` where the keys of the warehouse alone take half of the bound.
    pub async fn held(&self) -> ApiResult<Arc<Held>> {
        let held = self.held.load_full();
        let keys = held.keys.bytes();
        if keys <= self.bound / 2 {
            weigh_keys(&held.facts, keys).await;
            return Ok(held);
        }
        if held.begun.elapsed() < YOUNGEST {
            return Err(too_many_keys(keys, self.bound));
        }
        tracing::warn!(bytes = keys, "keys took half of the memory for facts; beginning anew");
        let anew = Arc::new(Held::new(self.bound));
        drop(self.held.compare_and_swap(&held, Arc::clone(&anew)));
        Ok(anew)
    }

    /// The same bound without anything kept: what is asked is computed from the files, if a second
    /// copy of the facts is affordable; else from the facts that are there.
    #[must_use]
    pub fn raw(&self) -> Self {
        let held = self.held.load_full();
        let affordable = kept_bytes(&held.facts) <= self.bound / 4;
        let held = if affordable { Arc::new(Held::new(self.bound)) } else { held };
        let held = Arc::new(ArcSwap::new(held));
        Self { held, bound: self.bound, results: None, pre_aggregates: None }
    }

    #[must_use]
    pub fn measurements(&self) -> Vec<Measurement> {
        let mut all = self.results.as_ref().map(Results::measurements).unwrap_or_default();
        all.extend(self.pre_aggregates.iter().flat_map(|sums| sums.measurements()));
        let held = self.held.load();
        let gauge = |name, help, value| Measurement { name, help, value, counts: false };
        all.push(gauge(
            "facts_bytes",
            "Bytes of facts and keys in memory, about",
            kept_bytes(&held.facts),
        ));
        all.push(gauge("keys_bytes", "Bytes of keys in memory, about", held.keys.bytes()));
        all
    }
}

fn too_many_keys(keys: u64, bound: u64) -> ApiError {
    ApiError::new(
        ErrorCode::ResourceLimit,
        format!(
            "The keys of this warehouse (customers, orders, offers …) take {} MiB of the {} MiB \
             that this server has for facts (`facts_memory_mib`): it needs more memory.",
            keys >> 20,
            bound >> 20
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(bound: u64) -> Memory {
        Memory::new(&EngineSettings { facts_memory: bound, ..EngineSettings::default() })
    }

    #[tokio::test]
    async fn keys_count_against_the_facts() {
        let memory = memory(1 << 24);
        let held = memory.held().await.unwrap();
        let names: Vec<String> = (0..100_000).map(|number| format!("c{number:07}")).collect();
        held.keys.of("customer").intern(names.iter().map(|name| Some(name.as_str())));
        memory.held().await.unwrap();
        assert!(held.keys.bytes() > 1 << 20);
        held.facts.run_pending_tasks().await;
        assert!(kept_bytes(&held.facts) >= held.keys.bytes());
    }

    #[tokio::test]
    async fn keys_beyond_half_of_the_bound_are_refused_with_the_setting_s_name() {
        let memory = memory(1 << 20);
        let held = memory.held().await.unwrap();
        let names: Vec<String> = (0..20_000).map(|number| format!("c{number:07}")).collect();
        held.keys.of("customer").intern(names.iter().map(|name| Some(name.as_str())));
        let refused = memory.held().await.err().unwrap();
        assert_eq!(refused.code, ErrorCode::ResourceLimit);
        assert!(refused.message.contains("facts_memory_mib"), "{}", refused.message);
    }
}
