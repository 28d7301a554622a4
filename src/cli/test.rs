//! `upswell test`: the tests that definitions carry, on their fixture rows.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, ValueEnum};

use crate::app::{self, AppError};
use crate::definitions::CANONICAL_PREFIX;
use crate::diagnostics;
use crate::metric_tests::{self, render};
use crate::model::MetricTest;

use super::{Ended, findings, out};

#[derive(Debug, Args)]
pub struct TestArgs {
    /// Folder with upswell.yml.
    #[arg(short, long, env = "UPSWELL_PROJECT", default_value = ".")]
    project: PathBuf,
    /// Only tests whose metric or name holds this text.
    filter: Option<String>,
    /// Also run the tests of the definitions that ship, against the project's own.
    #[arg(long)]
    canonical: bool,
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    /// Write the report to a file instead.
    #[arg(long)]
    output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Human,
    Json,
    /// JUnit XML, for CI systems.
    Junit,
}

impl From<Format> for metric_tests::Format {
    fn from(format: Format) -> Self {
        match format {
            Format::Human => Self::Human,
            Format::Json => Self::Json,
            Format::Junit => Self::Junit,
        }
    }
}

/// Exits 0 where all pass, 1 where one does not, 2 where they cannot run.
pub async fn run(args: &TestArgs) -> Ended {
    let loaded = match args.canonical {
        true => app::load_project_with_tests(&args.project)?,
        false => app::load_project(&args.project)?,
    };
    let Some(model) = loaded.model else {
        let text = loaded.diagnostics.render(diagnostics::Format::Human);
        return Err(AppError::Definitions(text));
    };
    let tests: Vec<MetricTest> =
        model.tests.iter().filter(|test| args.wants(test)).cloned().collect();
    if let (true, Some(filter)) = (tests.is_empty(), &args.filter) {
        return Err(AppError::NoTest(filter.clone()));
    }
    let results = metric_tests::run(&Arc::new(model), tests).await;
    let report = render(&results, args.format.into());
    match &args.output {
        None => out::print(format_args!("{report}")),
        Some(file) => std::fs::write(file, &report)
            .map_err(|source| AppError::File { path: file.clone(), source })?,
    }
    let passed = results.iter().all(metric_tests::TestResult::passed);
    Ok(if passed { ExitCode::SUCCESS } else { findings() })
}

impl TestArgs {
    fn wants(&self, test: &MetricTest) -> bool {
        let ships = test.source.file.starts_with(CANONICAL_PREFIX);
        let named = self
            .filter
            .as_ref()
            .is_none_or(|text| test.metric.as_str().contains(text) || test.name.contains(text));
        named && (self.canonical || !ships)
    }
}
