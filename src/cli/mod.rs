//! The command line: what was typed (clap), one file per command, exit codes.
//!
//! 0 = done, 1 = findings or errors in the answer, 2 = cannot run.

mod check;
mod demo;
mod explain;
mod generate;
mod query;
mod render;
mod schema;
mod serve;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::app::{AppError, Limits};

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

/// Limits of the engine and the catalogue.
#[derive(Debug, Clone, Args)]
pub struct LimitArgs {
    /// How many seconds old a listing of files may be.
    #[arg(long, env = "UPSWELL_REFRESH_SECONDS", default_value_t = 5)]
    pub refresh_seconds: u64,
    /// Seconds after which a question is stopped.
    #[arg(long, env = "UPSWELL_TIMEOUT_SECONDS", default_value_t = 60)]
    pub timeout_seconds: u64,
    /// MiB of memory for facts kept between requests.
    #[arg(long, env = "UPSWELL_FACTS_MEMORY_MIB", default_value_t = 1024)]
    pub facts_memory_mib: u64,
    /// MiB of memory for queries on rows; beyond it they spill to disk.
    #[arg(long, env = "UPSWELL_QUERY_MEMORY_MIB", default_value_t = 1024)]
    pub query_memory_mib: u64,
    /// Most rows of a typed field.
    #[arg(long, env = "UPSWELL_MAX_ROWS", default_value_t = 10_000)]
    pub max_rows: usize,
}

impl From<&LimitArgs> for Limits {
    fn from(args: &LimitArgs) -> Self {
        Self {
            refresh: std::time::Duration::from_secs(args.refresh_seconds),
            timeout: std::time::Duration::from_secs(args.timeout_seconds.max(1)),
            facts_memory: args.facts_memory_mib << 20,
            query_memory: usize::try_from(args.query_memory_mib << 20).unwrap_or(usize::MAX),
            max_rows: args.max_rows,
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

fn in_runtime(work: impl Future<Output = Ended>) -> Ended {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(AppError::Runtime)?.block_on(work)
}
