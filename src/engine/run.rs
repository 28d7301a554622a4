//! One question from its plan to its answer, in a task of its own: it ends soon when nobody waits
//! for it any more, wherever its work is, and never begins if that is before its turn.

use std::sync::Arc;

use tokio::task::JoinSet;

use crate::catalog::WarehouseView;
use crate::error::{ApiError, ApiResult, ErrorCode};
use crate::kernels::{Bounds, Stop};
use crate::model::MetricName;
use crate::planner::{Ask, Leaf, MetricPlan};

use super::aggregate::SharedPasses;
use super::context::Context;
use super::definitions::{note_definitions, note_floats};
use super::local::LocalEngine;
use super::needs::tables_of_dimensions;
use super::pre_aggregates::Covered;
use super::reads::Reads;
use super::table::table_answer;
use super::typed::{
    RetentionPass, attach_rows, attribution_answer, cohort_rows, duration_rows, expansion_rows,
    retention_rows, variant_rows,
};
use super::{Answer, Provenance};

/// A planned question, with what it shares with the others of its document.
pub(super) struct Question {
    pub plan: MetricPlan,
    pub view: Arc<WarehouseView>,
    pub shared: Arc<SharedPasses>,
    pub reads: Arc<Reads>,
    /// How it is answered from kept sums, if it is.
    pub covered: Option<Covered>,
}

/// Says stop when it is dropped. Kernels hear it; what awaits is dropped by itself.
struct StopAtEnd(Stop);

impl Drop for StopAtEnd {
    fn drop(&mut self) {
        self.0.set();
    }
}

impl LocalEngine {
    /// Computes, when it is its turn. Its work ends soon after this future is dropped, and when it
    /// has taken too long.
    pub(super) async fn answer(self, question: Arc<Question>) -> ApiResult<Answer> {
        let permit = Arc::clone(&self.admission).acquire_owned().await.map_err(|_| {
            ApiError::new(ErrorCode::Overloaded, "The server is shutting down; ask again.")
        })?;
        let timeout = self.settings.timeout;
        let stop = Stop::default();
        let _stop_at_end = StopAtEnd(stop.clone());
        // Beside whoever asks, whose connection is listened to meanwhile. The set ends its task.
        let mut task = JoinSet::new();
        task.spawn(async move {
            let answer = self.compute(&question, stop).await;
            // Held until the work has really ended, not only until nobody waits for it.
            drop(permit);
            answer
        });
        match tokio::time::timeout(timeout, task.join_next()).await {
            Ok(Some(Ok(answer))) => answer,
            Ok(ended) => {
                tracing::error!(?ended, "a question was not computed to its end");
                Err(ApiError::new(ErrorCode::Internal, "The question was not answered."))
            }
            Err(_) => Err(ApiError::new(
                ErrorCode::Timeout,
                format!(
                    "The question took longer than {} s and was stopped: ask for fewer periods or groups.",
                    timeout.as_secs()
                ),
            )),
        }
    }

    async fn compute(&self, question: &Question, stop: Stop) -> ApiResult<Answer> {
        let Question { plan, view, shared, reads, covered } = question;
        let held = self.memory.held().await?;
        let bounds = Bounds { cells: self.settings.max_cells, stop };
        let facts = self.facts(&held, view, reads);
        let context = Context::new(plan, facts, self.settings.max_rows, bounds)
            .sharing(shared)
            .covered_by(covered.as_ref())
            .keeping(self.memory.results().is_some());
        // On the heap: the futures of all passes are deep, and threads' stacks are not.
        let computed = Box::pin(execute(&context)).await?;
        note_floats(&context);
        Ok(self.with_provenance(&context, view, computed))
    }

    fn with_provenance(
        &self,
        context: &Context<'_>,
        view: &WarehouseView,
        computed: Computed,
    ) -> Answer {
        let (notes, mut datasets, data_through) = context.gathered();
        datasets.extend(tables_of_dimensions(&self.model, context.query()));
        let provenance = Provenance {
            definition_version: self.model.version.clone(),
            snapshot: view.snapshot_id(&datasets),
            data_through,
            computed_at: self.clock.now(),
            cached: false,
            notes,
        };
        match computed {
            Computed::Retention(rows) => Answer::Retention(rows, provenance),
            Computed::Expansion(rows) => Answer::Expansion(rows, provenance),
            Computed::Attach(rows) => Answer::Attach(rows, provenance),
            Computed::Duration(rows) => Answer::Duration(rows, provenance),
            Computed::Attribution(answer) => Answer::Attribution(answer, provenance),
            Computed::Cohorts(rows) => Answer::Cohorts(rows, provenance),
            Computed::Variants(rows) => Answer::Variants(rows, provenance),
            Computed::Table(answer) => Answer::Table(answer, provenance),
        }
    }
}

enum Computed {
    Retention(Vec<super::RetentionAnswerRow>),
    Expansion(Vec<super::ExpansionAnswerRow>),
    Attach(Vec<super::AttachAnswerRow>),
    Duration(Vec<super::DurationAnswerRow>),
    Attribution(super::AttributionAnswer),
    Cohorts(Vec<super::CohortAnswerRow>),
    Variants(Vec<super::VariantAnswerRow>),
    Table(super::TableAnswer),
}

async fn execute(context: &Context<'_>) -> ApiResult<Computed> {
    let leaf = context.plan.leaves.first();
    note_definitions(context);
    let metric = |name: &MetricName| {
        context.facts.model.metric_at(name, context.query().defined_at).ok_or_else(|| {
            ApiError::new(ErrorCode::UnknownMetric, format!("There is no metric `{name}`."))
        })
    };
    Ok(match (&context.query().ask, leaf) {
        (Ask::Table(table), _) => Computed::Table(table_answer(context, table).await?),
        (Ask::Retention { metric: name, .. }, Some(leaf @ Leaf::Retention { .. })) => {
            let pass = RetentionPass::of(leaf, true)?;
            Computed::Retention(retention_rows(context, metric(name)?, &pass).await?)
        }
        (Ask::Expansion { metric: name, .. }, Some(Leaf::Movement { balance, classes })) => {
            let asked = (balance, *classes);
            Computed::Expansion(expansion_rows(context, metric(name)?, asked).await?)
        }
        (Ask::Attach { metric: name, .. }, Some(Leaf::Attach(kind))) => {
            Computed::Attach(attach_rows(context, metric(name)?, kind).await?)
        }
        (Ask::Duration { metric: name, .. }, Some(Leaf::Duration(kind))) => {
            Computed::Duration(duration_rows(context, metric(name)?, kind).await?)
        }
        (Ask::Attribution { metric: name, .. }, Some(Leaf::Attribution(kind))) => {
            Computed::Attribution(attribution_answer(context, metric(name)?, kind).await?)
        }
        (Ask::Variants { of, window }, _) => {
            Computed::Variants(variant_rows(context, of, *window).await?)
        }
        (Ask::Cohorts { .. }, Some(Leaf::Cohort(kind))) => {
            Computed::Cohorts(cohort_rows(context, kind).await?)
        }
        _ => return Err(ApiError::new(ErrorCode::Internal, "The plan does not fit the question.")),
    })
}
