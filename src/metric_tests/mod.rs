//! Tests that definitions carry, run: fixture rows become a small warehouse of Parquet files, the
//! question goes through the same planner and engine as any other, and the answer is compared with
//! the expectation to the digit.
//!
//! Tests are independent of each other and of every real warehouse, and run side by side.

mod answer;
mod compare;
mod report;
mod warehouse;

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::{StreamExt, stream};

use crate::catalog::{Catalog, CatalogSettings};
use crate::clock::SystemClock;
use crate::engine::{EngineSettings, LocalEngine};
use crate::model::{MetricTest, Model};

pub use compare::Difference;
pub use report::{Format, render};

/// Memory of one test's engine, in bytes: fixtures are small.
const MEMORY: usize = 64 << 20;

/// How a test ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    Passed,
    /// The answer is another one.
    Differs(Vec<Difference>),
    /// The question was refused, or the fixtures cannot be written.
    Failed(String),
}

/// A test that ran.
#[derive(Debug, Clone)]
pub struct TestResult {
    pub test: MetricTest,
    pub outcome: Outcome,
    pub took: Duration,
}

impl TestResult {
    #[must_use]
    pub fn passed(&self) -> bool {
        self.outcome == Outcome::Passed
    }

    /// `nrr · eight customers`.
    #[must_use]
    pub fn title(&self) -> String {
        match self.test.name.as_str() {
            "" => self.test.metric.to_string(),
            name => format!("{} · {name}", self.test.metric),
        }
    }
}

/// Runs the tests, several at a time; results come in the order of the tests.
pub async fn run(model: &Arc<Model>, tests: Vec<MetricTest>) -> Vec<TestResult> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    stream::iter(tests)
        .map(|test| {
            let model = Arc::clone(model);
            async move {
                let running = test.clone();
                let begun = Instant::now();
                let ran = tokio::spawn(async move { run_one(&model, &running).await }).await;
                let outcome = ran.unwrap_or_else(|error| {
                    tracing::error!(%error, "a test stopped");
                    Outcome::Failed("the test stopped without an answer".to_owned())
                });
                TestResult { test, outcome, took: begun.elapsed() }
            }
        })
        .buffered(cores)
        .collect()
        .await
}

async fn run_one(model: &Model, test: &MetricTest) -> Outcome {
    let folder = match tempfile::tempdir() {
        Ok(folder) => folder,
        Err(error) => return Outcome::Failed(format!("no temporary folder: {error}")),
    };
    let model = match warehouse::build(model, test, folder.path()) {
        Ok(model) => Arc::new(model),
        Err(error) => return Outcome::Failed(error.to_string()),
    };
    let engine = match engine(&model) {
        Ok(engine) => Arc::new(engine),
        Err(message) => return Outcome::Failed(message),
    };
    match answer::ask(&engine, test).await {
        Ok(answer) => {
            let differences = compare::differences(&answer, &test.expect);
            if differences.is_empty() { Outcome::Passed } else { Outcome::Differs(differences) }
        }
        Err(message) => Outcome::Failed(message),
    }
}

fn engine(model: &Arc<Model>) -> Result<LocalEngine, String> {
    let catalog = Catalog::open(Arc::clone(model), CatalogSettings::default())
        .map_err(|error| error.to_string())?;
    let settings = EngineSettings {
        facts_memory: MEMORY as u64,
        query_memory: MEMORY,
        ..EngineSettings::default()
    };
    LocalEngine::new(Arc::clone(model), catalog, settings, Arc::new(SystemClock))
        .map_err(|error| error.to_string())
}
