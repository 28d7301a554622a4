//! GraphQL: a schema generated from the model, arguments → [`MetricQuery`], answers → values. The
//! one border where an [`ApiError`] becomes a GraphQL error.
//!
//! async-graphql parses, validates, introspects and walks the catalogue. Three things are ours: the
//! whole document is planned before it runs and asked in one [`Engine::run`]; answers are written
//! as JSON by what is selected of them, in the order of the document (`answers/`); and no resolver
//! returns an error (it answers null and notes why). The static types live in `contract/`, as SDL.
//!
//! The flat table is also offered outside GraphQL ([`Api::export`]): JSON, CSV and Arrow over the
//! same arguments.
//!
//! Imports model, planner (query types), engine, values and error; never catalog, definitions,
//! object stores or HTTP.
//!
//! [`MetricQuery`]: crate::planner::MetricQuery

mod answers;
mod contract;
mod decode;
mod document;
mod enum_names;
mod errors;
mod execution;
mod export;
mod kept;
mod limits;
mod metrics;
mod request;
mod resolve;
mod response;
mod schema;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod typenames;
mod values;
mod variables;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use async_graphql::dynamic::Schema;
use async_graphql::parser::types::{ExecutableDocument, OperationType};
use async_graphql::{PathSegment, Request, Value, Variables};

use bytes::Bytes;

use crate::engine::{Answer, Engine, Freshness};
use crate::error::{ApiError, ApiResult, ErrorCode};
use crate::model::Model;
use crate::planner::{Ask, MetricQuery, Scope};

pub use crate::engine::Measurement;
pub use export::{Export, Format, csv_of};
pub use kept::{Kept, RequestKey};
pub use limits::Limits;
pub use request::{Caller, GraphqlRequest};
pub use response::{GraphqlResponse, Outcome};
pub use schema::SchemaError;

use answers::{Readers, Selecting, Unwritable};
use contract::{Contract, QUERY};
use document::{Reader, ResponseField, ResponseFields};
use errors::Reported;
use execution::{Answers, Execution};
use kept::{Renewal, Responses};
use resolve::{QUESTIONS, Resolvers};
use response::{Data, Until};

/// Most errors of validation that a response lists: nobody reads more.
const MOST_ERRORS: usize = 20;

/// Something wrong with the definitions or the data behind them, for the catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProblemInfo {
    pub code: String,
    /// `error` or `warning`.
    pub severity: String,
    pub message: String,
    /// Relative to the project.
    pub file: Option<String>,
    pub line: Option<u32>,
}

/// The API over one engine, and so over one model. Cheap to clone.
#[derive(Clone)]
pub struct Api {
    schema: Schema,
    contract: Arc<Contract>,
    readers: Arc<Readers>,
    engine: Arc<dyn Engine>,
    problems: Arc<[ProblemInfo]>,
    limits: Limits,
    responses: Option<Responses>,
}

impl Api {
    /// Builds the schema of the engine's model. Touches no data.
    ///
    /// # Errors
    /// [`SchemaError`] where the model's names make no schema; checked definitions never do.
    pub fn new(engine: Arc<dyn Engine>) -> Result<Self, SchemaError> {
        let contract = Contract::parse()?;
        let readers = Readers::all();
        let schema = schema::build(&contract, engine.model(), (&readers, &Resolvers::all()))?;
        let (contract, readers) = (Arc::new(contract), Arc::new(readers));
        let (problems, limits) = (Arc::from([]), Limits::default());
        Ok(Self { schema, contract, readers, engine, problems, limits, responses: None })
    }

    /// The same API with these problems in its catalogue. What was kept said others.
    #[must_use]
    pub fn with_problems(self, problems: Vec<ProblemInfo>) -> Self {
        let responses = self.responses.as_ref().map(Responses::anew);
        Self { problems: problems.into(), responses, ..self }
    }

    /// The same API under other limits.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        let responses = self.responses.as_ref().map(Responses::anew);
        Self { limits, responses, ..self }
    }

    /// The same API, which keeps whole responses of at most so many bytes; 0 keeps none.
    #[must_use]
    pub fn keeping(self, bytes: u64) -> Self {
        Self { responses: (bytes > 0).then(|| Responses::new(bytes)), ..self }
    }

    /// What is wrong with the definitions or the data behind them.
    #[must_use]
    pub fn problems(&self) -> &[ProblemInfo] {
        &self.problems
    }

    /// Hash of the definitions that this API answers by.
    #[must_use]
    pub fn definition_version(&self) -> &str {
        &self.engine.model().version
    }

    /// The metrics that it offers, in catalogue order.
    pub fn metric_names(&self) -> impl Iterator<Item = &str> {
        metrics::public_metrics(self.engine.model()).map(|metric| metric.name.as_str())
    }

    /// The schema in the schema definition language.
    #[must_use]
    pub fn sdl(&self) -> String {
        schema::sdl(&self.schema)
    }

    /// What the same request was answered with before, where it would be again.
    #[must_use]
    pub fn recall(&self, key: &RequestKey) -> Option<Kept> {
        self.responses.as_ref()?.recall(key, self.engine.differences())
    }

    async fn renewal(&self, key: &RequestKey) -> Renewal {
        match &self.responses {
            Some(responses) => responses.renewal(key, self.engine.differences()).await,
            None => Renewal::Ours(None),
        }
    }

    /// Keeps the gzip form of what is kept.
    pub fn keep_gzip(&self, key: RequestKey, kept: Kept, gzip: Bytes) {
        if let Some(responses) = &self.responses {
            responses.keep_gzip(key, kept, gzip);
        }
    }

    /// What the engine counts.
    #[must_use]
    pub fn measurements(&self) -> Vec<Measurement> {
        self.engine.measurements()
    }

    /// Executes a document and keeps the response for the next request of this key, if it may be.
    pub async fn execute_keyed(
        &self,
        key: RequestKey,
        request: GraphqlRequest,
        caller: &Caller,
    ) -> GraphqlResponse {
        let differences = self.engine.differences();
        let _turn = match self.renewal(&key).await {
            Renewal::Ours(turn) => turn,
            Renewal::Theirs(kept) => return GraphqlResponse::kept(kept.body),
        };
        let response = self.execute(request, caller).await;
        if let (Some(responses), Some(until)) = (&self.responses, response.kept_until) {
            responses.keep(key, response.body.clone(), until, differences);
        }
        response
    }

    /// Executes one document: all its questions in one run of the engine.
    pub async fn execute(&self, request: GraphqlRequest, caller: &Caller) -> GraphqlResponse {
        let refuse = |error: Reported| GraphqlResponse::refused(&[error], &caller.request_id);
        if let Err(error) = self.limits.check_text(&request.query) {
            return refuse(Reported::new(error));
        }
        let begun = Instant::now();
        let parsed = match document::parse(&request.query).and_then(typenames::validatable) {
            Ok(parsed) => parsed,
            Err(error) => return refuse(error),
        };
        match self.run(&parsed, &request, caller, begun).await {
            Ok(response) => response,
            Err(error) => refuse(Reported::new(error)),
        }
    }

    async fn run(
        &self,
        document: &ExecutableDocument,
        request: &GraphqlRequest,
        caller: &Caller,
        begun: Instant,
    ) -> ApiResult<GraphqlResponse> {
        let name = request.operation_name.as_deref();
        let operation = &document::operation(document, name)?.node;
        if operation.ty != OperationType::Query {
            return Ok(not_a_query(operation.ty, caller));
        }
        self.limits.check_document(document, operation)?;
        let variables = variables::coerce(operation, &request.variables)?;
        let reader = Reader::new(document, &variables);
        let roots = reader.root_fields(operation);
        self.limits.check_root_fields(roots.len())?;
        let questions = self.questions(&reader, &roots, &caller.scope);
        tracing::debug!(micros = begun.elapsed().as_micros(), "document read");
        let model = self.engine.model();
        let asked = questions.values().flatten();
        let deprecated = metrics::deprecated_in(model, asked);
        let execution = Arc::new(Execution::new(
            Arc::clone(&self.engine),
            caller.scope.clone(),
            Arc::clone(&self.problems),
            questions,
        ));
        let prepared = prepare(document, request, variables.clone(), Arc::clone(&execution));
        let answered = self.schema.execute(prepared).await;
        let registry = self.schema.registry();
        let found = answered.errors.into_iter().take(MOST_ERRORS);
        let mut errors: Vec<Reported> =
            found.map(|error| errors::translate(error, registry)).collect();
        if answered.data == Value::Null {
            return Ok(GraphqlResponse::refused(&errors, &caller.request_id));
        }
        errors.extend(execution.take_failures().into_iter().map(Reported::from));
        let written = (execution.answers().await, &answered.data);
        let data = self.write(&reader, &roots, written, &mut errors);
        response::sort_errors(&mut errors, roots.keys().copied());
        // Who asks for what is deprecated is counted each time.
        let keeps = errors.is_empty() && deprecated.is_empty();
        let kept_until = execution.kept_until().filter(|_| keeps);
        let response = GraphqlResponse::answered(data, &errors, &caller.request_id);
        Ok(GraphqlResponse { deprecated, kept_until, ..response })
    }

    /// The root fields in the document's order: answers to its questions, and what was walked.
    fn write<'d>(
        &'d self,
        reader: &Reader<'d>,
        roots: &ResponseFields<'d>,
        (answers, walked): (&Answers, &Value),
        errors: &mut Vec<Reported>,
    ) -> Data {
        let mut data = Data::new();
        for (&key, root) in roots {
            let written = data.field(key, |into| match answers.get(key) {
                Some(Ok(answer)) => self.write_answer(reader, root, answer, into),
                Some(Err(error)) => Err(Unwritable { error: error.clone(), pos: root.pos }),
                None => response::write_walked(key, walked, errors, into),
            });
            if let Err(Unwritable { error, pos }) = written {
                let path = vec![PathSegment::Field(key.to_owned())];
                errors.push(Reported { error, locations: vec![pos], path });
            }
        }
        data
    }

    fn write_answer<'d>(
        &'d self,
        reader: &Reader<'d>,
        root: &ResponseField<'d>,
        answer: &Arc<Answer>,
        into: &mut Vec<u8>,
    ) -> Result<(), Unwritable> {
        let ty = self.contract.type_of(QUERY, root.name).unwrap_or_default();
        answers::write(&self.selecting().of(reader, root, ty)?, answer, into)
    }

    fn selecting(&self) -> Selecting<'_> {
        Selecting { readers: &self.readers, contract: &self.contract }
    }

    /// What each root field asks, by response key.
    fn questions<'d>(
        &self,
        reader: &Reader<'d>,
        roots: &ResponseFields<'d>,
        scope: &Scope,
    ) -> HashMap<String, ApiResult<MetricQuery>> {
        let asking = roots.iter().filter(|(_, root)| QUESTIONS.contains(&root.name));
        asking
            .map(|(key, root)| {
                let arguments = reader.arguments(root);
                let totals = reader.selects(root, "MetricTable", "totals");
                let decoder = decode::Decoder::new(self.engine.model(), &self.contract, scope);
                let mut question = decoder.question(root.name, arguments, totals);
                if let Ok(question) = &mut question {
                    spare_what_is_not_selected(question, reader, root);
                }
                ((*key).to_owned(), question)
            })
            .collect()
    }

    /// The flat table outside GraphQL, by the parameters of `metrics`.
    ///
    /// # Errors
    /// Those of the `metrics` field.
    pub async fn export(
        &self,
        parameters: &[(String, String)],
        format: Format,
        caller: &Caller,
    ) -> ApiResult<Export> {
        self.run_export(parameters, format, caller).await.map(|(export, _)| export)
    }

    /// The same, kept for the next request of this key, if it may be.
    ///
    /// # Errors
    /// Those of the `metrics` field.
    pub async fn export_keyed(
        &self,
        key: RequestKey,
        parameters: &[(String, String)],
        format: Format,
        caller: &Caller,
    ) -> ApiResult<Export> {
        let differences = self.engine.differences();
        let _turn = match self.renewal(&key).await {
            Renewal::Ours(turn) => turn,
            Renewal::Theirs(kept) => return Ok(Export::kept(format, kept.body)),
        };
        let (export, kept_until) = self.run_export(parameters, format, caller).await?;
        if let (Some(responses), Some(until)) = (&self.responses, kept_until) {
            responses.keep(key, export.body.clone(), until, differences);
        }
        Ok(export)
    }

    async fn run_export(
        &self,
        parameters: &[(String, String)],
        format: Format,
        caller: &Caller,
    ) -> ApiResult<(Export, Option<Until>)> {
        let model = self.engine.model();
        let (arguments, totals) = export::arguments(&self.contract, parameters)?;
        let decoder = decode::Decoder::new(model, &self.contract, &caller.scope);
        let question = decoder.question("metrics", arguments, totals)?;
        let deprecated = metrics::deprecated_in(model, std::iter::once(&question));
        let seen = Freshness::default();
        let answer = self.engine.run(vec![question], &seen).await.into_iter().next();
        let missing = || ApiError::new(ErrorCode::Internal, "The question was not answered.");
        let answer = answer.ok_or_else(missing)??;
        let written = export::write(self.selecting(), &answer, format)?;
        // As for documents: only what says that it is cached, and nobody has to be counted for.
        let keeps = answer.provenance().cached && deprecated.is_empty();
        Ok((Export { deprecated, ..written }, keeps.then(|| seen.until())))
    }
}

/// Tells the engine what nobody will see of an answer, where that is dear to compute.
fn spare_what_is_not_selected(question: &mut MetricQuery, reader: &Reader, root: &ResponseField) {
    match &mut question.ask {
        Ask::Expansion { by_customer, .. } => {
            let fields = ["customers", "fromOpeningCohort", "fromOutsideCohort"];
            *by_customer = reader.selects_of_rows(root, ("Expansion", "ExpansionRow"), &fields);
        }
        Ask::Attribution { book, .. } => {
            let fields = ["accounts", "cohortMrr", "nrr"];
            // Which rows are empty, and whose shares are odd, depends on the books too.
            *book = reader.selects_of_rows(root, ("Attribution", "AttributionRow"), &fields)
                || reader.selects(root, "Attribution", "warnings")
                || question.sparse;
        }
        _ => {}
    }
}

/// The schema of a model in the schema definition language, without any engine.
///
/// # Errors
/// As [`Api::new`].
pub fn sdl(model: &Model) -> Result<String, SchemaError> {
    let fields = (&Readers::all(), &Resolvers::all());
    Ok(schema::sdl(&schema::build(&Contract::parse()?, model, fields)?))
}

/// The JSON body of an error outside of a GraphQL document: `{"errors": […]}`.
#[must_use]
pub fn error_body(error: &ApiError, request_id: &str) -> Vec<u8> {
    response::error_body(&[Reported::new(error.clone())], request_id)
}

fn prepare(
    document: &ExecutableDocument,
    request: &GraphqlRequest,
    variables: Variables,
    execution: Arc<Execution>,
) -> Request {
    let mut prepared = Request::new(String::new()).variables(variables).data(execution);
    prepared.operation_name.clone_from(&request.operation_name);
    prepared.set_parsed_query(document.clone());
    prepared
}

fn not_a_query(ty: OperationType, caller: &Caller) -> GraphqlResponse {
    let message = format!("There is no {ty}: the API only answers queries.");
    let error = Reported::new(ApiError::new(ErrorCode::BadRequest, message));
    let refused = GraphqlResponse::refused(&[error], &caller.request_id);
    GraphqlResponse { outcome: Outcome::NotAQuery, ..refused }
}
