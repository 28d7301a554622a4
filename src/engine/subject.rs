//! What of a question a missing table was needed for: callers know names of metrics and dimensions,
//! not of tables.

use crate::error::{ApiError, ErrorCode};
use crate::model::DimensionValue;
use crate::planner::Leaf;

use super::local::{LocalEngine, missing_of};
use super::needs::dimensions_of;
use super::run::Question;

impl LocalEngine {
    /// The error with the metric, or the dimension, that cannot be answered without the table.
    pub(super) fn with_subject(&self, question: &Question, error: ApiError) -> ApiError {
        if error.code != ErrorCode::Unavailable {
            return error;
        }
        let Question { plan, view, .. } = question;
        let is_it = |problem: Option<String>| problem.is_some_and(|text| text == error.message);
        let needs = |leaf: &Leaf| is_it(missing_of(&self.model, leaf, view));
        let mut metrics = plan.outputs.iter().map(|output| &output.metric);
        let metric = metrics
            .find(|metric| self.example(metric).is_ok_and(|alone| alone.leaves.iter().any(needs)));
        let mut dimensions = dimensions_of(plan);
        let mut dimension = || {
            dimensions.find(|name| {
                let found = self.model.dimensions.get(*name);
                let read = found.filter(|found| !matches!(found.value, DimensionValue::Key));
                is_it(read.and_then(|found| Some(view.table(&found.dataset).err()?.message)))
            })
        };
        let subject = match metric {
            Some(metric) => Some(format!("metric `{metric}`")),
            None => dimension().map(|dimension| format!("dimension `{dimension}`")),
        };
        match subject {
            Some(subject) => {
                let message = format!("{subject} is unavailable: {}", error.message);
                ApiError::new(error.code, message)
            }
            None => error,
        }
    }
}
