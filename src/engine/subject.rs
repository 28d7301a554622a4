//! Whose fault it is, in words of callers, who know names of metrics and dimensions: what of a
//! question a missing table was needed for, and whose an expression is.

use crate::error::{ApiError, ErrorCode};
use crate::model::{DatasetName, DimensionValue, Metric, Model, ScalarExpr};
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

/// Characters of an expression that are repeated.
const MOST_SHOWN: usize = 120;

/// An expression by whose it is and where it is written: "metric `m`: `a / b` (metrics/m.yml:3)".
#[must_use]
pub fn expression_in_words(model: &Model, expr: &ScalarExpr) -> String {
    let is_it = |other: &ScalarExpr| other.source == expr.source && other.sql == expr.sql;
    let holds = |metric: &Metric| metric.kind.expressions().into_iter().any(is_it);
    let metric = model.metrics.values().find(|metric| {
        holds(metric) || metric.versions.iter().any(|version| holds(&version.metric))
    });
    let dimension = || {
        model.dimensions.values().find(
            |dimension| matches!(&dimension.value, DimensionValue::Expr(other) if is_it(other)),
        )
    };
    let whose = match metric {
        Some(metric) => format!("metric `{}`: ", metric.name),
        None => dimension()
            .map_or_else(String::new, |dimension| format!("dimension `{}`: ", dimension.name)),
    };
    let words = expr.sql.split_whitespace().collect::<Vec<_>>().join(" ");
    let shown: String = match words.chars().count() {
        count if count > MOST_SHOWN => words.chars().take(MOST_SHOWN).chain(['…']).collect(),
        _ => words,
    };
    format!("{whose}`{shown}` ({}:{})", expr.source.file, expr.source.line)
}

/// The error of an expression over a dataset under its name, and in the log: whoever wrote it must
/// mend it.
#[must_use]
pub fn named(
    model: &Model,
    (expr, dataset): (&ScalarExpr, &DatasetName),
    error: ApiError,
) -> ApiError {
    if !error.is_of_expression() {
        return error;
    }
    let found = error.naming(&expression_in_words(model, expr), dataset.as_str());
    tracing::warn!(problem = found.message, "an expression failed");
    found
}
