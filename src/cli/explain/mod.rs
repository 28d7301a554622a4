//! `upswell explain`: a metric in words, formula, lineage and plan; a dimension, a dataset, a
//! balance; a diagnostic's code in full.

mod metric;
mod tables;

use std::process::ExitCode;

use clap::Args;

use crate::app::{self, AppError, Opened};
use crate::engine::{Engine, Freshness, TableStatus};
use crate::error::did_you_mean;
use crate::model::{DatasetName, Metric, Model, SourcePos};

use super::out::say;
use super::{Ended, ProjectArgs};

#[derive(Debug, Args)]
pub struct ExplainArgs {
    #[command(flatten)]
    project: ProjectArgs,
    /// The name of a metric, dimension, dataset or balance, or the code of a diagnostic (U0401).
    subject: String,
}

pub async fn run(args: &ExplainArgs) -> Ended {
    if let Some(code) = crate::diagnostics::Code::parse(&args.subject) {
        say!("{}: {}\n\n{}", code.as_str(), code.title(), code.explanation());
        return Ok(ExitCode::SUCCESS);
    }
    let opened = app::open(&args.project.project, &(&args.project.limits).into())?;
    let pages = pages(&opened, &args.subject).await;
    if pages.is_empty() {
        return Err(AppError::UnknownSubject {
            hint: did_you_mean(&args.subject, names(opened.engine.model())),
            name: args.subject.clone(),
        });
    }
    say!("{}", pages.join("\n\n"));
    Ok(ExitCode::SUCCESS)
}

/// Everything of that name: a dataset and a dimension may share one.
async fn pages(opened: &Opened, subject: &str) -> Vec<String> {
    let model = opened.engine.model();
    let mut pages = Vec::new();
    if let Some(metric) = model.metrics.get(subject) {
        pages.push(metric::page(model, metric) + &state(opened, metric).await);
    }
    if let Some(dimension) = model.dimensions.get(subject) {
        let found = table_of(opened, &dimension.dataset).await;
        pages.push(tables::dimension(model, dimension, found.as_ref()));
    }
    if let Some(dataset) = model.datasets.get(subject) {
        let found = table_of(opened, &dataset.name).await;
        pages.push(tables::dataset(model, dataset, found.as_ref()));
    }
    if let Some(balance) = model.balances.get(subject) {
        pages.push(tables::balance(model, balance));
    }
    pages
}

/// What was found of a dataset's table.
async fn table_of(opened: &Opened, dataset: &DatasetName) -> Option<TableStatus> {
    let found = opened.engine.tables(&Freshness::default()).await;
    found.into_iter().find(|table| table.name == dataset.as_str())
}

/// Whether it can be answered, and how.
async fn state(opened: &Opened, metric: &Metric) -> String {
    match opened.engine.unavailable_because(&metric.name, &Freshness::default()).await {
        Some(problem) => format!("\n\nunavailable: {problem}"),
        None => match opened.engine.example_sql(&metric.name).await {
            // A plan begins with its question, a statement with a word of SQL.
            Some(plan) => {
                let heading = if plan.starts_with("Question") { "plan" } else { "sql" };
                format!("\n\n{heading}\n{}", indent(&plan))
            }
            None => String::new(),
        },
    }
}

fn names(model: &Model) -> Vec<&str> {
    let metrics = model.metrics.keys().map(|name| name.as_str());
    let dimensions = model.dimensions.keys().map(|name| name.as_str());
    let datasets = model.datasets.keys().map(|name| name.as_str());
    let balances = model.balances.keys().map(|name| name.as_str());
    metrics.chain(dimensions).chain(datasets).chain(balances).collect()
}

fn indent(text: &str) -> String {
    text.lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}

/// What is said of a definition, a line each; what has nothing to say is left out.
#[derive(Default)]
struct Page(String);

/// Labels stand in a column of this width.
const WIDTH: usize = 12;

impl Page {
    /// Its name and what it is, in the words of its author.
    fn titled(title: &str, description: &str) -> Self {
        let mut page = Self(title.to_owned());
        if !description.is_empty() {
            page.0.push_str(&format!("\n{description}"));
        }
        page.0.push('\n');
        page
    }

    fn line(&mut self, label: &str, text: impl AsRef<str>) {
        self.lines(label, [text]);
    }

    fn maybe(&mut self, label: &str, text: Option<impl AsRef<str>>) {
        self.lines(label, text);
    }

    /// The label stands before the first.
    fn lines<T: AsRef<str>>(&mut self, label: &str, texts: impl IntoIterator<Item = T>) {
        let texts = texts.into_iter().filter(|text| !text.as_ref().is_empty());
        for (index, text) in texts.enumerate() {
            let label = if index == 0 { label } else { "" };
            // A label that fills its column still stands apart from its text.
            let space = WIDTH.saturating_sub(label.chars().count()).max(1);
            self.0.push_str(&format!("\n{label}{:space$}{}", "", text.as_ref()));
        }
    }

    fn list<T: ToString>(&mut self, label: &str, items: impl IntoIterator<Item = T>) {
        let items = items.into_iter().map(|item| item.to_string());
        self.line(label, items.collect::<Vec<_>>().join(", "));
    }

    fn place(&mut self, source: &SourcePos) {
        self.line("defined at", format!("{}:{}", source.file, source.line));
    }
}
