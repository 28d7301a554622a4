//! One request: its questions, asked in one run, and what failed on the way.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use async_graphql::context::QueryPathNode;
use async_graphql::dynamic::ResolverContext;
use async_graphql::{PathSegment, Pos, QueryPathSegment};
use tokio::sync::OnceCell;

use crate::engine::{Answer, Engine, Freshness, TableStatus};
use crate::error::{ApiError, ApiResult, ErrorCode};
use crate::model::{DimensionName, MetricName, Model};
use crate::planner::{Ask, MetricQuery, Scope};
use crate::values::Scalar;

use super::ProblemInfo;
use super::response::Until;

/// Answers by the response keys of their root fields.
pub(super) type Answers = HashMap<String, ApiResult<Arc<Answer>>>;

/// What resolvers share.
pub(super) struct Execution {
    engine: Arc<dyn Engine>,
    scope: Scope,
    problems: Arc<[ProblemInfo]>,
    /// By response key: what the root fields ask, or why the arguments make no question.
    questions: HashMap<String, ApiResult<MetricQuery>>,
    answers: OnceCell<Answers>,
    failures: Mutex<Vec<Failure>>,
    /// How long what was seen of the files needs no second look.
    seen: Freshness,
    /// Whether an answer was computed for this document.
    computed: AtomicBool,
    begun: Instant,
}

/// A field that answered null.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    pub error: ApiError,
    pub path: Vec<PathSegment>,
    pub location: Pos,
}

impl Execution {
    pub fn new(
        engine: Arc<dyn Engine>,
        scope: Scope,
        problems: Arc<[ProblemInfo]>,
        questions: HashMap<String, ApiResult<MetricQuery>>,
    ) -> Self {
        let (answers, failures) = (OnceCell::new(), Mutex::default());
        let (seen, computed, begun) =
            (Freshness::default(), AtomicBool::new(false), Instant::now());
        Self { engine, scope, problems, questions, answers, failures, seen, computed, begun }
    }

    pub fn model(&self) -> &Model {
        self.engine.model()
    }

    pub fn problems(&self) -> &[ProblemInfo] {
        &self.problems
    }

    /// Until when the same document would be answered the same, if nothing was computed for it:
    /// such a response says of all its answers that they are cached.
    pub fn kept_until(&self) -> Option<Until> {
        (!self.computed.load(Ordering::Relaxed)).then(|| self.seen.until())
    }

    /// The answers to the document's questions, by response key. The first caller asks all of them
    /// at once; the others wait for the same run.
    pub async fn answers(&self) -> &Answers {
        self.answers.get_or_init(|| self.run()).await
    }

    async fn run(&self) -> Answers {
        let mut answers = Answers::new();
        let (mut keys, mut queries) = (Vec::new(), Vec::new());
        for (key, question) in &self.questions {
            match question {
                Ok(query) => {
                    keys.push(key.clone());
                    queries.push(query.clone());
                }
                Err(error) => {
                    answers.insert(key.clone(), Err(error.clone()));
                }
            }
        }
        if queries.is_empty() {
            return answers;
        }
        tracing::debug!(micros = self.begun.elapsed().as_micros(), "document validated");
        let asks: Vec<Ask> = queries.iter().map(|query| query.ask.clone()).collect();
        let results = self.engine.run(queries, &self.seen).await;
        for ((key, ask), result) in keys.into_iter().zip(asks).zip(results) {
            let answer = result.and_then(|answer| {
                self.computed.fetch_or(!answer.provenance().cached, Ordering::Relaxed);
                if fits(&ask, &answer) { Ok(answer) } else { Err(lost()) }
            });
            answers.insert(key, answer);
        }
        answers
    }

    pub async fn dimension_values(
        &self,
        dimension: &DimensionName,
        search: Option<&str>,
        limit: usize,
    ) -> ApiResult<Vec<Scalar>> {
        self.engine.dimension_values(&self.scope, dimension, (search, limit), &self.seen).await
    }

    pub async fn tables(&self) -> Vec<TableStatus> {
        self.engine.tables(&self.seen).await
    }

    pub async fn unavailable_because(&self, metric: &MetricName) -> Option<String> {
        self.engine.unavailable_because(metric, &self.seen).await
    }

    pub async fn example_sql(&self, metric: &MetricName) -> Option<String> {
        self.engine.example_sql(metric).await
    }

    /// Notes the error of the resolver's field, which answers null.
    pub fn fail(&self, context: &ResolverContext<'_>, error: ApiError) {
        self.note(error, path_of(context), context.ctx.item.pos);
    }

    /// Notes the error of a field that takes its whole root field with it.
    pub fn fail_root(&self, context: &ResolverContext<'_>, error: ApiError) {
        let mut path = path_of(context);
        path.truncate(1);
        self.note(error, path, context.ctx.item.pos);
    }

    /// Every failure noted so far.
    pub fn take_failures(&self) -> Vec<Failure> {
        std::mem::take(&mut *self.failures.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn note(&self, error: ApiError, path: Vec<PathSegment>, location: Pos) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        // One root field fails once, however many of its values do.
        if path.len() > 1 || failures.iter().all(|failure| failure.path != path) {
            failures.push(Failure { error, path, location });
        }
    }
}

fn path_of(context: &ResolverContext<'_>) -> Vec<PathSegment> {
    let mut path = Vec::new();
    let mut node: Option<&QueryPathNode<'_>> = context.ctx.path_node.as_ref();
    while let Some(current) = node {
        path.push(match current.segment {
            QueryPathSegment::Index(index) => PathSegment::Index(index),
            QueryPathSegment::Name(name) => PathSegment::Field(name.to_owned()),
        });
        node = current.parent;
    }
    path.reverse();
    path
}

fn fits(ask: &Ask, answer: &Answer) -> bool {
    matches!(
        (ask, answer),
        (Ask::Retention { .. }, Answer::Retention(..))
            | (Ask::Expansion { .. }, Answer::Expansion(..))
            | (Ask::Attach { .. }, Answer::Attach(..))
            | (Ask::Duration { .. }, Answer::Duration(..))
            | (Ask::Attribution { .. }, Answer::Attribution(..))
            | (Ask::Cohorts { .. }, Answer::Cohorts(..))
            | (Ask::Variants { .. }, Answer::Variants(..))
            | (Ask::Table(_), Answer::Table(..))
    )
}

fn lost() -> ApiError {
    ApiError::new(ErrorCode::Internal, "The question was not answered. This is a fault of ours.")
}
