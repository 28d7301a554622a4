//! The one door through which every question is executed: [`Engine`]. Limits, caches and access
//! rules hang here; the doors (GraphQL, HTTP, CLI) see answers only.

mod aggregate;
mod answer;
mod bands;
mod context;
mod facts;
mod keys;
mod load;
mod local;
mod needs;
mod reads;
mod reconcile;
mod slice;
mod table;
mod typed;
mod values;

use std::sync::Arc;

use async_trait::async_trait;

pub use answer::{
    Answer, AttachAnswerRow, AttributionAnswer, AttributionAnswerRow, BandHit, Cell,
    CohortAnswerRow, ColumnInfo, ColumnKind, DurationAnswerRow, ExpandedBy, ExpansionAnswerRow,
    Group, PeriodInfo, Provenance, RetentionAnswerRow, SurvivalPoint, TableAnswer, TableStatus,
};

pub use local::{EngineSettings, LocalEngine};

use crate::error::ApiResult;
use crate::model::{DimensionName, MetricName, Model};
use crate::planner::{MetricQuery, Scope};
use crate::values::Scalar;

/// Executes questions against one model. A request holds one engine value from start to end, so
/// that it never sees two models.
#[async_trait]
pub trait Engine: Send + Sync {
    fn model(&self) -> &Arc<Model>;

    /// Answers all questions of one document against one snapshot of the files; each fails on its
    /// own. Answers come in the order of the questions.
    async fn run(&self, queries: Vec<MetricQuery>) -> Vec<ApiResult<Answer>>;

    /// Distinct values of a dimension, ascending, nulls left out.
    async fn dimension_values(
        &self,
        scope: &Scope,
        dimension: &DimensionName,
        search: Option<&str>,
        limit: usize,
    ) -> ApiResult<Vec<Scalar>>;

    /// Every table that the model declares.
    async fn tables(&self) -> Vec<TableStatus>;

    /// Why a metric cannot be answered now, if so.
    async fn unavailable_because(&self, metric: &MetricName) -> Option<String>;

    /// The statement or plan of an example question about the metric.
    async fn example_sql(&self, metric: &MetricName) -> Option<String>;
}
