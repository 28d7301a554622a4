//! Answers kept between requests, within a bound of bytes: by definitions, exact files, the
//! caller's sight and the question. Whoever asks what is being computed waits for it; when the last
//! of them leaves, the computing ends.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures::FutureExt;
use futures::future::{BoxFuture, Shared, WeakShared};
use moka::future::Cache;
use sha2::{Digest, Sha256};

use crate::catalog::WarehouseView;
use crate::error::ApiResult;
use crate::model::{DatasetName, Model};
use crate::planner::{MetricQuery, Scope};

use super::Answer;
use super::measured::{Counters, Measurement, count, is_due, read};

/// Everything that an answer depends on, hashed.
pub(super) type Key = [u8; 32];

/// The key of a question against the files that are pinned for it.
#[must_use]
pub(super) fn key(
    model: &Model,
    view: &WarehouseView,
    datasets: &[DatasetName],
    query: &MetricQuery,
) -> Key {
    // Who asks is no part of an answer; what they see is.
    let question = MetricQuery { scope: Scope::unrestricted(""), ..query.clone() };
    let mut hash = Sha256::new();
    for part in
        [&model.version, &view.identity(datasets), &query.scope.sight(), &format!("{question:?}")]
    {
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

/// One computing, which all who ask for it wait for. It is dropped with the last of them.
type Run = BoxFuture<'static, ApiResult<Ran>>;

/// What a run gives.
#[derive(Clone)]
struct Ran {
    /// As it was computed; none: it had been computed before the run began.
    fresh: Option<Arc<Answer>>,
    /// As it is given from now on, marked as cached.
    kept: Arc<Answer>,
}

/// The kept answers. Cheap to clone.
#[derive(Clone)]
pub(super) struct Results {
    answers: Cache<Key, Arc<Answer>>,
    running: Arc<Mutex<HashMap<Key, WeakShared<Run>>>>,
    counters: Arc<Counters>,
    /// Kept answers in a hundred that are computed again when they are given.
    proof_percent: u64,
}

impl Results {
    pub fn new(bytes: u64, proof_percent: u64) -> Self {
        let weight =
            |_: &Key, answer: &Arc<Answer>| u32::try_from(answer.bytes()).unwrap_or(u32::MAX);
        let answers = Cache::builder().max_capacity(bytes).weigher(weight).build();
        let (running, counters) = (Arc::default(), Arc::default());
        Self { answers, running, counters, proof_percent: proof_percent.min(100) }
    }

    /// The kept answer, marked as cached; else what `compute` gives, which is kept unless it is an
    /// error. Whoever else asks meanwhile waits for the same run, which goes on as long as anybody
    /// does.
    pub async fn get<F>(&self, key: Key, compute: impl FnOnce() -> F) -> ApiResult<Arc<Answer>>
    where
        F: Future<Output = ApiResult<Answer>> + Send + 'static,
    {
        if let Some(kept) = self.answers.get(&key).await {
            count(&self.counters.hits);
            return Ok(kept);
        }
        let (run, began_it) = self.join(key, compute);
        let ran = run.await?;
        if let Some(fresh) = ran.fresh.filter(|_| began_it) {
            count(&self.counters.misses);
            return Ok(fresh);
        }
        count(&self.counters.hits);
        Ok(ran.kept)
    }

    /// The run of that key, and whether it is begun here.
    fn join<F>(&self, key: Key, compute: impl FnOnce() -> F) -> (Shared<Run>, bool)
    where
        F: Future<Output = ApiResult<Answer>> + Send + 'static,
    {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(run) = running.get(&key).and_then(WeakShared::upgrade) {
            return (run, false);
        }
        // Those that ended or were left.
        running.retain(|_, run| run.upgrade().is_some());
        let (answers, compute) = (self.answers.clone(), compute());
        let run = async move {
            // Between a look into the cache and one at the runs, another run may have ended.
            if let Some(kept) = answers.get(&key).await {
                return Ok(Ran { fresh: None, kept });
            }
            let answer = compute.await?;
            let kept = Arc::new(answer.clone().as_cached());
            answers.insert(key, Arc::clone(&kept)).await;
            Ok(Ran { fresh: Some(Arc::new(answer)), kept })
        };
        let run = run.boxed().shared();
        running.extend(run.downgrade().map(|weak| (key, weak)));
        (run, true)
    }

    /// Whether the newest hit is one of those that are computed again.
    pub fn is_due_for_proof(&self) -> bool {
        is_due(read(&self.counters.hits), self.proof_percent)
    }

    /// Sets a kept answer against the one computed again: a difference is a fault of ours, said
    /// loudly, and the kept one is forgotten.
    pub async fn judge(&self, key: Key, kept: &Answer, again: Answer) {
        count(&self.counters.proofs);
        if kept.says_the_same(again) {
            return;
        }
        count(&self.counters.differences);
        self.answers.invalidate(&key).await;
        let provenance = kept.provenance();
        tracing::error!(
            definitions = provenance.definition_version,
            snapshot = provenance.snapshot,
            computed_at = provenance.computed_at.to_rfc3339(),
            "a kept answer differs from the same question computed again; it was forgotten"
        );
    }

    /// Forgets every kept answer.
    pub fn forget(&self) {
        self.answers.invalidate_all();
    }

    /// Kept answers that turned out to be wrong, so far.
    pub fn differences(&self) -> u64 {
        read(&self.counters.differences)
    }

    pub fn measurements(&self) -> Vec<Measurement> {
        let mut all = self.counters.measurements();
        all.push(Measurement {
            name: "result_cache_bytes",
            help: "Bytes of kept answers, about",
            value: self.answers.weighted_size(),
            counts: false,
        });
        all
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::engine::{Provenance, TableAnswer};
    use crate::error::{ApiError, ErrorCode};
    use crate::values::Instant;

    /// An answer that is another where `truncated` is.
    pub(in crate::engine) fn answer(truncated: bool) -> Answer {
        let provenance = Provenance {
            definition_version: "v1".into(),
            snapshot: "s1".into(),
            data_through: None,
            computed_at: Instant(7),
            cached: false,
            notes: Vec::new(),
        };
        let table = TableAnswer {
            columns: Vec::new(),
            rows: Vec::new(),
            totals: None,
            truncated,
            marks: Vec::new(),
            sql: None,
        };
        Answer::Table(table, provenance)
    }

    #[tokio::test]
    async fn errors_are_not_kept_and_only_the_first_answer_is_not_cached() {
        let results = Results::new(1 << 20, 0);
        let failed = async { Err(ApiError::new(ErrorCode::Timeout, "late")) };
        assert!(results.get([0; 32], || failed).await.is_err());
        for cached in [false, true, true] {
            let given = results.get([0; 32], || async { Ok(answer(false)) }).await.unwrap();
            assert_eq!(given.provenance().cached, cached);
        }
        assert_eq!(read(&results.counters.hits), 2);
        assert_eq!(read(&results.counters.misses), 1);
    }

    #[tokio::test]
    async fn many_at_once_compute_once() {
        let results = Results::new(1 << 20, 0);
        let ask = || {
            results.get([1; 32], || async {
                tokio::task::yield_now().await;
                Ok(answer(false))
            })
        };
        let given = futures::future::join_all((0..20).map(|_| ask())).await;
        let computed = given.iter().filter(|answer| !answer.as_ref().unwrap().provenance().cached);
        assert_eq!(computed.count(), 1);
    }

    /// A computing that never ends, and how many of them there are.
    fn endless(alive: &Arc<()>) -> impl FnOnce() -> BoxFuture<'static, ApiResult<Answer>> {
        let alive = Arc::clone(alive);
        move || {
            async move {
                futures::future::pending::<()>().await;
                drop(alive);
                Ok(answer(false))
            }
            .boxed()
        }
    }

    #[tokio::test]
    async fn a_run_goes_on_until_the_last_who_waits_leaves() {
        let results = Results::new(1 << 20, 0);
        let alive = Arc::new(());
        let mut first = Box::pin(results.get([3; 32], endless(&alive)));
        let mut second = Box::pin(results.get([3; 32], endless(&alive)));
        assert!(
            futures::poll!(&mut first).is_pending() && futures::poll!(&mut second).is_pending()
        );
        assert_eq!(Arc::strong_count(&alive), 2, "one run for both");
        drop(first);
        assert_eq!(Arc::strong_count(&alive), 2, "it goes on for the second");
        drop(second);
        assert_eq!(Arc::strong_count(&alive), 1, "it ended");
        // Whoever comes later is not told of it.
        let given = results.get([3; 32], || async { Ok(answer(true)) }).await.unwrap();
        assert!(!given.provenance().cached);
        assert!(results.running.lock().unwrap().len() <= 1);
    }

    #[tokio::test]
    async fn who_waits_is_answered_when_the_one_who_began_has_left() {
        let results = Results::new(1 << 20, 0);
        let (done, wait) = tokio::sync::oneshot::channel();
        let compute = || async {
            wait.await.unwrap();
            Ok(answer(false))
        };
        let mut first = Box::pin(results.get([4; 32], compute));
        assert!(futures::poll!(&mut first).is_pending());
        let second = tokio::spawn({
            let results = results.clone();
            async move { results.get([4; 32], || async { panic!("computed twice") }).await }
        });
        tokio::task::yield_now().await;
        drop(first);
        done.send(()).unwrap();
        assert!(second.await.unwrap().is_ok());
    }

    #[tokio::test]
    async fn a_difference_is_counted_and_forgotten_and_sameness_is_not() {
        let results = Results::new(1 << 20, 100);
        let key = [2; 32];
        let kept = results.get(key, || async { Ok(answer(false)) }).await.unwrap();
        results.judge(key, &kept, answer(false)).await;
        assert_eq!(results.differences(), 0);
        results.judge(key, &kept, answer(true)).await;
        assert_eq!(results.differences(), 1);
        let next = results.get(key, || async { Ok(answer(true)) }).await.unwrap();
        assert!(!next.provenance().cached, "the wrong answer is gone");
    }

    #[tokio::test]
    async fn the_share_of_hits_is_proven() {
        let results = Results::new(1 << 20, 20);
        let mut due = 0;
        for _ in 0..100 {
            count(&results.counters.hits);
            due += usize::from(results.is_due_for_proof());
        }
        assert_eq!(due, 20);
    }

    #[tokio::test]
    async fn no_more_than_the_bound_is_kept() {
        let one = answer(false).bytes() as u64;
        let results = Results::new(10 * one, 0);
        for number in 0..100 {
            results.get([number; 32], || async { Ok(answer(false)) }).await.unwrap();
        }
        results.answers.run_pending_tasks().await;
        assert!(results.answers.weighted_size() <= 10 * one);
        assert!(results.answers.entry_count() > 0);
    }
}
