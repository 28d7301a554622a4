//! `upswell check`: definitions and, with `--data`, the tables behind them.

use std::process::ExitCode;

use clap::{Args, ValueEnum};

use crate::app;
use crate::config;
use crate::diagnostics;
use crate::engine::{Engine, Freshness, LocalEngine};

use super::{Ended, ProjectArgs, findings};

#[derive(Debug, Args)]
pub struct CheckArgs {
    #[command(flatten)]
    project: ProjectArgs,
    /// Also check the tables: present, readable, of the declared types, ledger against snapshots.
    #[arg(long)]
    data: bool,
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Human,
    Json,
    Sarif,
    Github,
}

impl From<Format> for diagnostics::Format {
    fn from(format: Format) -> Self {
        match format {
            Format::Human => Self::Human,
            Format::Json => Self::Json,
            Format::Sarif => Self::Sarif,
            Format::Github => Self::Github,
        }
    }
}

/// Exits 0 without findings, 1 with, 2 where it cannot run.
pub async fn run(args: &CheckArgs) -> Ended {
    let loaded = app::load_project(&args.project.project)?;
    if !loaded.diagnostics.is_empty() || args.format != Format::Human {
        println!("{}", loaded.diagnostics.render(args.format.into()));
    }
    let mut found = !loaded.diagnostics.is_empty();
    if args.data
        && let Some(model) = loaded.model
    {
        let settings = app::settings_of(&loaded.definitions);
        let limits = config::limits(&(&args.project.limits).into(), &settings)?;
        let opened = app::open_model(model, &limits)?;
        for finding in data_findings(&opened.engine).await {
            println!("{finding}");
            found = true;
        }
    }
    if found {
        return Ok(findings());
    }
    if args.format == Format::Human {
        println!("Nothing to report.");
    }
    Ok(ExitCode::SUCCESS)
}

/// Tables that cannot be read, and shapes of one balance that disagree.
async fn data_findings(engine: &LocalEngine) -> Vec<String> {
    let tables = engine.tables(&Freshness::default()).await;
    let mut findings: Vec<String> = tables
        .iter()
        .filter_map(|table| {
            let severity = if table.available { "warning" } else { "error" };
            table.problem.as_ref().map(|problem| format!("{severity}: {problem}"))
        })
        .collect();
    findings.extend(engine.reconcile().await);
    findings
}
