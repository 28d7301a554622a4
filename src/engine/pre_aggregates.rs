//! Pre-aggregates at work: which questions are answered from kept sums, and the proof that these are
//! right.
//!
//! A question that a declared pre-aggregate covers is summed up by its dimensions when it is asked of
//! the same files for the second time, whatever its filter and period: whoever asks once does not pay
//! for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use moka::future::Cache;
use sha2::{Digest, Sha256};

use crate::catalog::WarehouseView;
use crate::error::ApiResult;
use crate::model::{DimensionName, Model, PreAggregate};
use crate::planner::{MetricPlan, MetricQuery, Scope};

use super::Answer;
use super::local::LocalEngine;
use super::measured::{Measurement, count, is_due, read};
use super::needs::{datasets_of, dimensions_of};
use super::results::{Key, Results};
use super::run::Question;

/// Questions that are remembered as asked.
const MOST_ASKED: u64 = 10_000;

/// What is remembered of the questions, and what was counted.
pub(super) struct PreAggregates {
    asked: Cache<Key, ()>,
    /// Part of what sums are kept by: when it grows, all that were kept are forgotten.
    generation: AtomicU64,
    answers: AtomicU64,
    proofs: AtomicU64,
    differences: AtomicU64,
    proof_percent: u64,
}

/// A question that is answered from kept sums, as far as its passes allow.
pub(super) struct Covered {
    /// By which customers are told apart.
    pub dimensions: Vec<DimensionName>,
    /// The question by all of them and without its filter.
    pub whole: MetricPlan,
    pub generation: u64,
    /// Whether any of the sums behind the answer had been kept.
    used: AtomicBool,
}

impl Covered {
    pub fn note_used(&self) {
        self.used.store(true, Ordering::Relaxed);
    }

    fn is_used(&self) -> bool {
        self.used.load(Ordering::Relaxed)
    }
}

impl PreAggregates {
    pub fn new(proof_percent: u64) -> Self {
        Self {
            asked: Cache::new(MOST_ASKED),
            generation: AtomicU64::new(0),
            answers: AtomicU64::new(0),
            proofs: AtomicU64::new(0),
            differences: AtomicU64::new(0),
            proof_percent: proof_percent.min(100),
        }
    }

    /// How a question is answered from kept sums: where it, or one that differs in filter and period
    /// alone, was asked of these files before.
    pub async fn if_asked_before(
        &self,
        model: &Model,
        view: &WarehouseView,
        covered: Covered,
    ) -> Option<Covered> {
        let any_period = MetricQuery {
            scope: Scope::unrestricted(""),
            period: None,
            grain: None,
            ..covered.whole.query.clone()
        };
        let files = view.identity(&datasets_of(model, &covered.whole));
        let key: Key = Sha256::digest(format!("{} {any_period:?} {files}", model.version)).into();
        if self.asked.get(&key).await.is_none() {
            self.asked.insert(key, ()).await;
            return None;
        }
        Some(covered)
    }

    /// How a question could be answered from kept sums: where a pre-aggregate covers it.
    pub fn covering(&self, model: &Model, plan: &MetricPlan) -> Option<Covered> {
        let covering = || model.pre_aggregates.iter().filter(|it| covers(it, model, plan));
        // One that keeps what the metrics' own filters name serves all of their passes.
        let all = |it: &&PreAggregate| dimensions_of(plan).all(|name| it.is_told(model, name));
        let declared = covering().find(all).or_else(|| covering().next())?;
        Some(Covered {
            dimensions: declared.dimensions.clone(),
            whole: whole(&declared.dimensions, plan),
            generation: read(&self.generation),
            used: AtomicBool::new(false),
        })
    }

    /// Counts an answer from kept sums; whether it is one of those that are computed again.
    fn is_due_for_proof(&self) -> bool {
        is_due(count(&self.answers) + 1, self.proof_percent)
    }

    /// Sets an answer from kept sums against the one from rows: a difference is a fault of ours, said
    /// loudly, and all kept sums are forgotten. Gives whether they say the same.
    fn judge(&self, answer: &Answer, again: Answer) -> bool {
        count(&self.proofs);
        if answer.says_the_same(again) {
            return true;
        }
        count(&self.differences);
        count(&self.generation);
        let provenance = answer.provenance();
        tracing::error!(
            definitions = provenance.definition_version,
            snapshot = provenance.snapshot,
            "an answer from a pre-aggregate differs from the same question computed from rows; what \
             was kept is forgotten"
        );
        false
    }

    /// Answers from kept sums that turned out to be wrong, so far.
    pub fn differences(&self) -> u64 {
        read(&self.differences)
    }

    pub fn measurements(&self) -> Vec<Measurement> {
        let counter = Measurement::of;
        vec![
            counter(
                "pre_aggregate_answers",
                "Questions answered from sums that were kept",
                &self.answers,
            ),
            counter(
                "pre_aggregate_proofs",
                "Answers from kept sums that were computed again from rows",
                &self.proofs,
            ),
            counter(
                "pre_aggregate_differences",
                "Answers from kept sums that differed from rows: every one is a fault",
                &self.differences,
            ),
        ]
    }
}

/// Whether all that a question asks for, groups by and filters by is declared. Callers who see a part
/// of the rows have no part of sums.
fn covers(declared: &PreAggregate, model: &Model, plan: &MetricPlan) -> bool {
    let query = &plan.query;
    let mut filtered = query.filter.iter().flat_map(|filter| filter.dimensions());
    query.scope.rows().is_none()
        && query.ask.metrics().into_iter().all(|metric| declared.metrics.contains(metric))
        && filtered.all(|name| declared.dimensions.contains(name))
        && query.group_by.iter().all(|name| declared.is_told(model, name))
}

impl PreAggregate {
    /// Whether sums tell a dimension apart: it is kept, or none of customers.
    fn is_told(&self, model: &Model, name: &DimensionName) -> bool {
        let entity = |name| model.dimensions.get(name).and_then(|found| found.entity.as_ref());
        let of_customers = self.dimensions.first().and_then(entity);
        self.dimensions.contains(name) || entity(name) != of_customers
    }
}

/// The same question by all dimensions, without a filter.
fn whole(dimensions: &[DimensionName], plan: &MetricPlan) -> MetricPlan {
    let others = plan.query.group_by.iter().filter(|name| !dimensions.contains(name));
    let group_by = dimensions.iter().chain(others).cloned().collect();
    let query = MetricQuery { group_by, filter: None, ..plan.query.clone() };
    MetricPlan { query, asked: None, ..plan.clone() }
}

impl LocalEngine {
    /// Perhaps computes an answer from kept sums again, from rows, beside the requests. One proof at a
    /// time: one that comes while another runs is left out.
    pub(super) fn prove_sums(&self, answer: &Arc<Answer>, question: &Question) {
        let Some(pre_aggregates) = self.memory.pre_aggregates().map(Arc::clone) else { return };
        let is_used = question.covered.as_ref().is_some_and(Covered::is_used);
        if !is_used || !pre_aggregates.is_due_for_proof() {
            return;
        }
        let (answer, results) = (Arc::clone(answer), self.memory.results().cloned());
        self.again(question, move |again: ApiResult<Answer>| async move {
            match again {
                Ok(again) => {
                    if !pre_aggregates.judge(&answer, again) {
                        // Other answers that are kept may come from the same sums.
                        results.iter().for_each(Results::forget);
                    }
                }
                Err(error) => tracing::warn!(error = error.message, "kept sums were not proven"),
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::results::tests::answer;

    #[test]
    fn a_difference_forgets_all_kept_sums_and_sameness_does_not() {
        let kept = PreAggregates::new(100);
        assert!(kept.judge(&answer(false), answer(false)));
        assert_eq!((kept.differences(), read(&kept.generation)), (0, 0));
        assert!(!kept.judge(&answer(false), answer(true)));
        assert_eq!((kept.differences(), read(&kept.generation)), (1, 1));
    }

    #[test]
    fn the_share_of_answers_is_proven() {
        let kept = PreAggregates::new(20);
        assert_eq!((0..100).filter(|_| kept.is_due_for_proof()).count(), 20);
    }
}
