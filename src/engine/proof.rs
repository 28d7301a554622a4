//! Caches prove themselves: a share of what is given from them is computed again in the background,
//! from the files themselves where memory allows it.

use std::sync::Arc;

use crate::error::ApiResult;

use super::Answer;
use super::aggregate::SharedPasses;
use super::local::LocalEngine;
use super::reads::Reads;
use super::results::{Key, Results};
use super::run::Question;

impl LocalEngine {
    /// Perhaps computes a kept answer again, beside the requests. One at a time: a proof that comes
    /// while another runs is left out.
    pub(super) fn prove(
        &self,
        results: &Results,
        (key, kept): (Key, &Arc<Answer>),
        question: &Question,
    ) {
        if !results.is_due_for_proof() {
            return;
        }
        let (results, kept) = (results.clone(), Arc::clone(kept));
        self.again(question, move |again: ApiResult<Answer>| async move {
            match again {
                Ok(again) => results.judge(key, &kept, again).await,
                // The files may be gone by now; the next request lists them anew.
                Err(error) => tracing::warn!(error = error.message, "a kept answer was not proven"),
            }
        });
    }

    /// Computes a question from the same files without anything kept, beside the requests, unless
    /// another proof runs.
    pub(super) fn again<F>(
        &self,
        question: &Question,
        judge: impl FnOnce(ApiResult<Answer>) -> F + Send + 'static,
    ) where
        F: Future<Output = ()> + Send,
    {
        let Ok(permit) = Arc::clone(self.proving()).try_acquire_owned() else { return };
        let engine = self.raw();
        let (plan, view) = (question.plan.clone(), Arc::clone(&question.view));
        tokio::spawn(async move {
            let _permit = permit;
            let plans = || std::iter::once(&plan);
            let shared = Arc::new(SharedPasses::of(&engine.model, plans()));
            let reads = Arc::new(Reads::of(&engine.model, plans()));
            let question = Question { plan, view, shared, reads, covered: None };
            judge(engine.answer(Arc::new(question)).await).await;
        });
    }
}
