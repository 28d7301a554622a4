//! The one door through which every question is executed: [`Engine`]. Limits, caches and access
//! rules hang here; the doors (GraphQL, HTTP, CLI) see answers only.

mod aggregate;
mod answer;
mod audit;
mod bands;
mod context;
mod definitions;
mod facts;
mod freshness;
mod keys;
mod load;
mod local;
mod maturity;
mod measured;
mod memory;
mod needs;
mod pre_aggregates;
mod proof;
mod reads;
mod reconcile;
mod results;
mod run;
mod size;
mod slice;
mod subject;
mod succession;
mod sums;
mod table;
mod typed;
mod values;

use std::sync::Arc;

use async_trait::async_trait;

pub use answer::{
    Answer, AttachAnswerRow, AttributionAnswer, AttributionAnswerRow, BandHit, Cell,
    CohortAnswerRow, ColumnInfo, ColumnKind, DurationAnswerRow, ExpandedBy, ExpansionAnswerRow,
    Group, Mark, PeriodInfo, Provenance, RetentionAnswerRow, Standing, SurvivalPoint, TableAnswer,
    TableStatus, TargetHit, VariantAnswerRow, VariantItem,
};
pub use bands::bands_of;

pub use audit::{DataCheck, DataFinding};
pub use freshness::Freshness;
pub use local::{EngineSettings, LocalEngine};
pub use measured::Measurement;

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
    /// own. Answers come in the order of the questions; they may have been kept from before.
    async fn run(&self, queries: Vec<MetricQuery>, seen: &Freshness)
    -> Vec<ApiResult<Arc<Answer>>>;

    /// Distinct values of a dimension, ascending, nulls left out: those that contain a text, and
    /// how many at most.
    async fn dimension_values(
        &self,
        scope: &Scope,
        dimension: &DimensionName,
        search: (Option<&str>, usize),
        seen: &Freshness,
    ) -> ApiResult<Vec<Scalar>>;

    /// Every table that the model declares.
    async fn tables(&self, seen: &Freshness) -> Vec<TableStatus>;

    /// Why a metric cannot be answered now, if so.
    async fn unavailable_because(&self, metric: &MetricName, seen: &Freshness) -> Option<String>;

    /// The statement or plan of an example question about the metric.
    async fn example_sql(&self, metric: &MetricName) -> Option<String>;

    /// Kept answers that turned out to be wrong, so far: what was kept of them elsewhere is void.
    fn differences(&self) -> u64 {
        0
    }

    /// What the engine counts.
    fn measurements(&self) -> Vec<Measurement> {
        Vec::new()
    }
}
