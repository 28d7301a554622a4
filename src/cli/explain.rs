//! `upswell explain`: a metric in words, formula, lineage and plan; a diagnostic's code in full.

use std::process::ExitCode;

use clap::Args;

use crate::app::{self, AppError};
use crate::engine::{Engine, Freshness};
use crate::error::did_you_mean;
use crate::model::{Metric, MetricName};

use super::{Ended, ProjectArgs};

#[derive(Debug, Args)]
pub struct ExplainArgs {
    #[command(flatten)]
    project: ProjectArgs,
    /// A metric's name, or the code of a diagnostic (U0401).
    subject: String,
}

pub async fn run(args: &ExplainArgs) -> Ended {
    if let Some(code) = crate::diagnostics::Code::parse(&args.subject) {
        println!("{}: {}\n\n{}", code.as_str(), code.title(), code.explanation());
        return Ok(ExitCode::SUCCESS);
    }
    let opened = app::open(&args.project.project, &(&args.project.limits).into())?;
    let model = opened.engine.model();
    let Some(metric) = model.metrics.get(args.subject.as_str()) else {
        let names = model.metrics.keys().map(MetricName::as_str);
        return Err(AppError::UnknownSubject {
            hint: did_you_mean(&args.subject, names),
            name: args.subject.clone(),
        });
    };
    println!("{}", words(metric));
    match opened.engine.unavailable_because(&metric.name, &Freshness::default()).await {
        Some(problem) => println!("\nunavailable: {problem}"),
        None => {
            if let Some(plan) = opened.engine.example_sql(&metric.name).await {
                // A plan begins with its question, a statement with a word of SQL.
                let heading = if plan.starts_with("Question") { "plan" } else { "sql" };
                println!("\n{heading}\n{}", indent(&plan));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn words(metric: &Metric) -> String {
    let list = |items: Vec<String>| items.join(", ");
    let dimensions = list(metric.dimensions.iter().map(ToString::to_string).collect());
    let lineage =
        list(metric.lineage.iter().map(|(table, column)| format!("{table}.{column}")).collect());
    format!(
        "{} ({})\n{}\n\nkind        {}\nunit        {}\nformula     {}\nadds up     {}\ndimensions  {}\nlineage     {}\ndefined at  {}:{}\n\n{}",
        metric.name,
        metric.label,
        metric.description,
        metric.kind.as_str(),
        metric.unit.as_str(),
        metric.formula,
        metric.additive,
        dimensions,
        lineage,
        metric.source.file,
        metric.source.line,
        indent(&metric.definition),
    )
}

fn indent(text: &str) -> String {
    text.lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}
