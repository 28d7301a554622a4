//! The engine of one machine: pins a view of the warehouse per document, loads facts, runs the
//! questions concurrently under limits.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use datafusion::execution::context::SessionContext;
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use futures::future::join_all;
use tokio::sync::Semaphore;

use crate::catalog::{Catalog, CatalogError, WarehouseView};
use crate::clock::Clock;
use crate::error::{ApiError, ApiResult, ErrorCode, did_you_mean};
use crate::model::{BalanceShape, DatasetName, DimensionName, DimensionValue, MetricName, Model};
use crate::planner::{Ask, Leaf, MetricPlan, MetricQuery, Scope, TableAsk, bind, sql_of};
use crate::values::{Instant, Scalar};

use super::aggregate::SharedPasses;
use super::facts::Facts;
use super::load::Reader;
use super::memory::{Held, Memory};
use super::needs::datasets_of;
use super::pre_aggregates::Covered;
use super::reads::Reads;
use super::results::key;
use super::run::Question;
use super::values::{dimension_values, tables_of_values};
use super::{Answer, Engine, Freshness, Measurement, TableStatus};

/// Limits of a local engine.
#[derive(Debug, Clone)]
pub struct EngineSettings {
    /// Memory for facts kept between requests, in bytes.
    pub facts_memory: u64,
    /// Memory for DataFusion's operators, in bytes; beyond it they spill or refuse.
    pub query_memory: usize,
    /// Questions computed at a time; others wait.
    pub concurrency: usize,
    pub timeout: Duration,
    pub max_rows: usize,
    pub max_cells: usize,
    /// Memory for answers kept between requests, in bytes; 0 keeps none.
    pub result_memory: u64,
    /// Kept answers in a hundred that are computed again in the background when they are given.
    pub proof_percent: u64,
}

impl Default for EngineSettings {
    fn default() -> Self {
        Self {
            facts_memory: 1 << 30,
            query_memory: 1 << 30,
            concurrency: 8,
            timeout: Duration::from_mins(1),
            max_rows: 10_000,
            max_cells: 2_000_000,
            result_memory: 64 << 20,
            proof_percent: 1,
        }
    }
}

/// DataFusion in this process over a catalog. Cheap to clone.
#[derive(Clone)]
pub struct LocalEngine {
    pub(super) model: Arc<Model>,
    pub(super) catalog: Catalog,
    session: SessionContext,
    pub(super) memory: Memory,
    pub(super) settings: EngineSettings,
    pub(super) admission: Arc<Semaphore>,
    /// Held by the one proof that runs.
    proving: Arc<Semaphore>,
    pub(super) clock: Arc<dyn Clock>,
}

impl LocalEngine {
    /// An engine over the model's tables. No IO.
    ///
    /// # Errors
    /// If the runtime cannot be built.
    pub fn new(
        model: Arc<Model>,
        catalog: Catalog,
        settings: EngineSettings,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, CatalogError> {
        let pool = Arc::new(FairSpillPool::new(settings.query_memory));
        let runtime = catalog.runtime(RuntimeEnvBuilder::new().with_memory_pool(pool))?;
        let session = SessionContext::new_with_state(catalog.session(runtime));
        Ok(Self {
            model,
            catalog,
            session,
            memory: Memory::new(&settings),
            admission: Arc::new(Semaphore::new(settings.concurrency.max(1))),
            proving: Arc::new(Semaphore::new(1)),
            settings,
            clock,
        })
    }

    pub(super) fn facts<'a>(
        &'a self,
        held: &'a Held,
        view: &'a WarehouseView,
        reads: &Arc<Reads>,
    ) -> Facts<'a> {
        Facts {
            model: &self.model,
            reader: Reader {
                catalog: &self.catalog,
                session: &self.session,
                view,
                calendar: &self.model.calendar,
                bound: self.settings.facts_memory,
            },
            keys: &held.keys,
            cache: &held.facts,
            reads: Arc::clone(reads),
        }
    }

    pub(super) fn proving(&self) -> &Arc<Semaphore> {
        &self.proving
    }

    /// The same engine without anything kept.
    pub(super) fn raw(&self) -> Self {
        Self { memory: self.memory.raw(), ..self.clone() }
    }

    /// The kept answer to exactly this question over exactly these files, else a new one.
    async fn kept(&self, question: Question) -> ApiResult<Arc<Answer>> {
        let question = Arc::new(question);
        let answer = self.kept_or_new(&question).await;
        answer.map_err(|error| self.with_subject(&question, error))
    }

    async fn kept_or_new(&self, question: &Arc<Question>) -> ApiResult<Arc<Answer>> {
        let compute = || self.clone().answer(Arc::clone(question));
        let Some(results) = self.memory.results() else {
            let answer = compute().await.map(Arc::new)?;
            self.prove_sums(&answer, question);
            return Ok(answer);
        };
        let Question { plan, view, .. } = question.as_ref();
        let key = key(&self.model, view, &datasets_of(&self.model, plan), &plan.query);
        let answer = results.get(key, compute).await?;
        if answer.provenance().cached {
            self.prove(results, (key, &answer), question);
        } else {
            self.prove_sums(&answer, question);
        }
        Ok(answer)
    }

    /// How a question could be answered from kept sums, if it could.
    fn covering(&self, plan: &ApiResult<MetricPlan>) -> Option<Covered> {
        self.memory.pre_aggregates()?.covering(&self.model, plan.as_ref().ok()?)
    }

    /// Those that are answered from kept sums of these files.
    async fn asked_before(
        &self,
        covered: Vec<Option<Covered>>,
        view: &WarehouseView,
    ) -> Vec<Option<Covered>> {
        let Some(known) = self.memory.pre_aggregates() else { return covered };
        let mut all = Vec::with_capacity(covered.len());
        for covered in covered {
            all.push(match covered {
                Some(covered) => known.if_asked_before(&self.model, view, covered).await,
                None => None,
            });
        }
        all
    }

    /// A plan for the simplest question about a metric, and the view of what it reads.
    pub(super) fn example(&self, metric: &MetricName) -> ApiResult<MetricPlan> {
        let query = MetricQuery {
            scope: Scope::unrestricted("catalogue"),
            ask: Ask::Table(TableAsk {
                select: vec![metric.clone()],
                limit: 1,
                ..TableAsk::default()
            }),
            period: None,
            grain: None,
            group_by: Vec::new(),
            filter: None,
            sparse: false,
            as_of: None,
            defined_at: None,
        };
        bind(&self.model, &query)
    }

    async fn missing_table(&self, plan: &MetricPlan, seen: &Freshness) -> Option<String> {
        let datasets = datasets_of(&self.model, plan);
        let view = self.catalog.view(&datasets).await;
        seen.note(view.due());
        for leaf in &plan.leaves {
            if let Some(problem) = missing_of(&self.model, leaf, &view) {
                return Some(problem);
            }
        }
        None
    }
}

/// The questions whose sums are kept.
fn wholes(covered: &[Option<Covered>]) -> impl Iterator<Item = &MetricPlan> {
    covered.iter().flatten().map(|covered| &covered.whole)
}

/// Why a pass cannot run, by the tables it cannot do without.
pub(super) fn missing_of(model: &Model, leaf: &Leaf, view: &WarehouseView) -> Option<String> {
    let problem = |dataset: &DatasetName| view.table(dataset).err().map(|error| error.message);
    if let Some(balance) = leaf.balance().and_then(|name| model.balances.get(name)) {
        let shapes = balance.shapes.iter().map(BalanceShape::dataset);
        let problems: Vec<Option<String>> = shapes.map(problem).collect();
        if problems.iter().all(Option::is_some) {
            return problems.into_iter().next().flatten();
        }
    }
    match leaf {
        Leaf::Attach(kind) => problem(&kind.products).or_else(|| problem(&kind.orders.dataset)),
        Leaf::Duration(kind) => problem(&kind.acquisition.0),
        Leaf::Cohort(kind) => problem(&kind.acquisition.0),
        Leaf::Attribution(kind) => problem(&kind.owners.dataset),
        Leaf::Aggregate(kind) | Leaf::Cumulative { of: kind, .. } => problem(&kind.dataset),
        Leaf::Conversion(kind) => {
            problem(&kind.base.dataset).or_else(|| problem(&kind.conversion.dataset))
        }
        Leaf::Filtered { pass, filter } => missing_of(model, pass, view).or_else(|| {
            let dimensions = filter.dimensions();
            let read = dimensions.iter().filter_map(|name| model.dimensions.get(*name));
            let read = read.filter(|found| !matches!(found.value, DimensionValue::Key));
            read.map(|dimension| &dimension.dataset).find_map(problem)
        }),
        Leaf::Balance { .. } | Leaf::Movement { .. } | Leaf::Retention { .. } => None,
    }
}

#[async_trait]
impl Engine for LocalEngine {
    fn model(&self) -> &Arc<Model> {
        &self.model
    }

    async fn run(
        &self,
        queries: Vec<MetricQuery>,
        seen: &Freshness,
    ) -> Vec<ApiResult<Arc<Answer>>> {
        let begun = std::time::Instant::now();
        let plans: Vec<ApiResult<MetricPlan>> =
            queries.iter().map(|query| bind(&self.model, query)).collect();
        tracing::debug!(micros = begun.elapsed().as_micros(), "questions planned");
        let covered: Vec<Option<Covered>> = plans.iter().map(|plan| self.covering(plan)).collect();
        let mut datasets: Vec<DatasetName> = Vec::new();
        for plan in plans.iter().flatten().chain(wholes(&covered)) {
            for dataset in datasets_of(&self.model, plan) {
                if !datasets.contains(&dataset) {
                    datasets.push(dataset);
                }
            }
        }
        let view = Arc::new(self.catalog.view(&datasets).await);
        seen.note(view.due());
        let covered = self.asked_before(covered, &view).await;
        let shared = Arc::new(SharedPasses::of(&self.model, plans.iter().flatten()));
        let read = plans.iter().flatten().chain(wholes(&covered));
        let reads = Arc::new(Reads::of(&self.model, read));
        join_all(plans.into_iter().zip(covered).map(|(plan, covered)| {
            let (view, shared, reads) =
                (Arc::clone(&view), Arc::clone(&shared), Arc::clone(&reads));
            async move {
                let question = Question { plan: plan?, view, shared, reads, covered };
                Box::pin(self.kept(question)).await
            }
        }))
        .await
    }

    async fn dimension_values(
        &self,
        scope: &Scope,
        dimension: &DimensionName,
        (search, limit): (Option<&str>, usize),
        seen: &Freshness,
    ) -> ApiResult<Vec<Scalar>> {
        let found = self.model.dimensions.get(dimension).ok_or_else(|| {
            let names = self.model.dimensions.keys().map(DimensionName::as_str);
            ApiError::new(
                ErrorCode::UnknownDimension,
                format!(
                    "There is no dimension `{dimension}`.{}",
                    did_you_mean(dimension.as_str(), names)
                ),
            )
        })?;
        if scope.rows().is_some() {
            return Err(ApiError::new(
                ErrorCode::Forbidden,
                "Values of dimensions are not listed for callers who see a part of the rows.",
            ));
        }
        let root = match &found.value {
            DimensionValue::RollUp { of, .. } => self.model.dimensions.get(of).unwrap_or(found),
            _ => found,
        };
        let view = self.catalog.view(&tables_of_values(&self.model, root)).await;
        seen.note(view.due());
        let held = self.memory.held().await?;
        dimension_values(&self.facts(&held, &view, &Arc::default()), found, search, limit).await
    }

    async fn tables(&self, seen: &Freshness) -> Vec<TableStatus> {
        let names: Vec<DatasetName> = self.model.datasets.keys().cloned().collect();
        let view = self.catalog.view(&names).await;
        seen.note(view.due());
        let newest = |name: &DatasetName| -> Option<Instant> {
            let time = self.model.datasets.get(name)?.time.clone()?;
            view.table(name).ok()?.time_range(&time).map(|(_, newest)| newest)
        };
        // A key without a table of its own is nothing that is missing.
        let needed = |name: &DatasetName| {
            self.model.datasets.get(name).is_none_or(|dataset| self.model.needs_table(dataset))
        };
        view.statuses()
            .into_iter()
            .filter(|report| report.available || needed(&report.dataset))
            .map(|report| TableStatus {
                data_through: newest(&report.dataset),
                name: report.dataset.to_string(),
                location: report.location,
                available: report.available,
                problem: report.problem,
                files: report.files.and_then(|files| i64::try_from(files).ok()),
                bytes: report.bytes,
                rows: report.rows,
            })
            .collect()
    }

    async fn unavailable_because(&self, metric: &MetricName, seen: &Freshness) -> Option<String> {
        match self.example(metric) {
            Ok(plan) => self.missing_table(&plan, seen).await,
            Err(error) => Some(error.message),
        }
    }

    async fn example_sql(&self, metric: &MetricName) -> Option<String> {
        let statement = self.model.metrics.get(metric).and_then(|found| sql_of(&self.model, found));
        statement.or_else(|| self.example(metric).ok().map(|plan| plan.to_string()))
    }

    fn differences(&self) -> u64 {
        self.memory.differences()
    }

    fn measurements(&self) -> Vec<Measurement> {
        self.memory.measurements()
    }
}
