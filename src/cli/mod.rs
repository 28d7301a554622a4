//! The command line: what was typed (clap), one file per command, exit codes.
//!
//! 0 = done, 1 = findings or errors in the answer, 2 = cannot run.

mod check;
mod demo;
mod diff;
mod explain;
mod generate;
mod import;
mod init;
mod out;
mod query;
mod render;
mod schema;
mod serve;
mod test;
mod watch;
mod written;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::app::AppError;
use crate::config::GivenLimits;

/// A GraphQL metrics layer for customer expansion.
#[derive(Debug, Parser)]
#[command(name = "upswell", version, about, propagate_version = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write a demo warehouse and project (if not there) and serve them.
    Demo(demo::DemoArgs),
    /// Write the demo warehouse only.
    Generate(generate::GenerateArgs),
    /// Serve a project.
    Serve(serve::ServeArgs),
    /// Run one GraphQL document in process and print the response.
    Query(query::QueryArgs),
    /// Validate definitions and, with --data, the tables behind them.
    Check(check::CheckArgs),
    /// Run the tests that definitions carry, on their fixture rows.
    Test(test::TestArgs),
    /// Show what changes between two versions of the definitions and, with --data, which numbers.
    Diff(diff::DiffArgs),
    /// Write a new project; from a warehouse or CSV files, with datasets proposed.
    Init(init::InitArgs),
    /// Write CSV files as the Parquet tables of a project's local warehouse.
    Import(import::ImportArgs),
    /// Show a metric: words, formula, lineage, plan.
    Explain(explain::ExplainArgs),
    /// Print the GraphQL schema, or the definition files' JSON Schema.
    Schema(schema::SchemaArgs),
}

/// Which project a command works on.
#[derive(Debug, Clone, Args)]
pub struct ProjectArgs {
    /// Folder with upswell.yml.
    #[arg(short, long, env = "UPSWELL_PROJECT", default_value = ".")]
    pub project: PathBuf,
    #[command(flatten)]
    pub limits: LimitArgs,
}

/// Limits of the engine and the catalogue. What is not given here is taken from `settings` of
/// upswell.yml, else from the defaults.
#[derive(Debug, Clone, Args)]
pub struct LimitArgs {
    /// How many seconds old a listing of files may be [default: 5].
    #[arg(long, env = "UPSWELL_REFRESH_SECONDS")]
    pub refresh_seconds: Option<u64>,
    /// Seconds after which a question is stopped [default: 60].
    #[arg(long, env = "UPSWELL_TIMEOUT_SECONDS")]
    pub timeout_seconds: Option<u64>,
    /// MiB of memory for facts kept between requests [default: 1024].
    #[arg(long, env = "UPSWELL_FACTS_MEMORY_MIB")]
    pub facts_memory_mib: Option<u64>,
    /// MiB of memory for queries on rows; beyond it they spill to disk [default: 1024].
    #[arg(long, env = "UPSWELL_QUERY_MEMORY_MIB")]
    pub query_memory_mib: Option<u64>,
    /// Most rows of a typed field [default: 10000].
    #[arg(long, env = "UPSWELL_MAX_ROWS")]
    pub max_rows: Option<u64>,
    /// MiB of memory for answers kept between requests; 0 keeps none [default: 128].
    #[arg(long, env = "UPSWELL_RESULT_CACHE_MIB")]
    pub result_cache_mib: Option<u64>,
    /// Kept answers in a hundred that are computed again in the background [default: 1].
    #[arg(long, env = "UPSWELL_PROOF_PERCENT")]
    pub proof_percent: Option<u64>,
}

impl From<&LimitArgs> for GivenLimits {
    fn from(args: &LimitArgs) -> Self {
        Self {
            refresh_seconds: args.refresh_seconds,
            timeout_seconds: args.timeout_seconds,
            facts_memory_mib: args.facts_memory_mib,
            query_memory_mib: args.query_memory_mib,
            max_rows: args.max_rows,
            result_cache_mib: args.result_cache_mib,
            proof_percent: args.proof_percent,
        }
    }
}

/// How a command ended.
pub type Ended = Result<ExitCode, AppError>;

/// Findings, or errors in the answer.
#[must_use]
pub fn findings() -> ExitCode {
    ExitCode::from(1)
}

/// Runs what was typed.
#[must_use]
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    crate::telemetry::start();
    let ended = match cli.command {
        Command::Generate(args) => generate::run(&args),
        Command::Check(args) => in_runtime(check::run(&args)),
        Command::Schema(args) => schema::run(&args),
        Command::Init(args) => in_runtime(init::run(&args)),
        Command::Import(args) => import::run(&args),
        Command::Diff(args) => in_runtime(diff::run(&args)),
        Command::Test(args) => in_runtime(test::run(&args)),
        Command::Demo(args) => in_runtime(demo::run(&args)),
        Command::Serve(args) => in_runtime(serve::run(&args)),
        Command::Query(args) => in_runtime(query::run(&args)),
        Command::Explain(args) => in_runtime(explain::run(&args)),
    };
    ended.unwrap_or_else(|error| {
        eprintln!("{}", render::error(&error));
        ExitCode::from(2)
    })
}

/// Nested documents and plans recurse within limits; builds without optimisation need the most.
const THREAD_STACK: usize = 8 << 20;

fn in_runtime(work: impl Future<Output = Ended>) -> Ended {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_stack_size(THREAD_STACK)
        .build();
    runtime.map_err(AppError::Runtime)?.block_on(work)
}
