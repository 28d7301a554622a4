//! `upswell check`: definitions and, with `--data`, the tables behind them.

use std::process::ExitCode;

use clap::{Args, ValueEnum};

use crate::app;
use crate::config;
use crate::definitions::CANONICAL_PREFIX;
use crate::diagnostics::{self, Code, Diagnostic, Severity, Span};
use crate::engine::{DataCheck, DataFinding, Engine, Freshness, LocalEngine};
use crate::model::MetricName;
use crate::project::Loaded;

use super::out::say;
use super::{Ended, ProjectArgs, findings};

#[derive(Debug, Args)]
pub struct CheckArgs {
    #[command(flatten)]
    project: ProjectArgs,
    /// Also check the tables: there, of the declared types, keys, classes, signs, ownership, ledger
    /// against snapshots.
    #[arg(long)]
    data: bool,
    /// Exit with 1 for warnings about data too (a customer without an owner for a week …).
    #[arg(long, requires = "data")]
    strict: bool,
    /// List every table that ships, is not mapped and is not there, instead of counting them.
    #[arg(short = 'v', long, requires = "data")]
    notes: bool,
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

/// Exits 0 without findings, 1 with, 2 where it cannot run. Warnings about data are shown; they are
/// a matter of the business, so that they count only where `--strict` says so.
pub async fn run(args: &CheckArgs) -> Ended {
    let mut loaded = app::load_project(&args.project.project)?;
    let mut found = !loaded.diagnostics.is_empty();
    if args.data
        && let Some(model) = loaded.model.take()
    {
        let settings = app::settings_of(&loaded.definitions);
        let limits = config::limits(&(&args.project.limits).into(), &settings)?;
        let opened = app::open_model(model, &limits)?;
        let (mut more, missing) = placed(&loaded, opened.engine.audit().await);
        let listed = args.notes || args.format != Format::Human;
        for note in notes(&opened.engine, &missing, listed).await {
            eprintln!("note: {note}");
        }
        more.extend(nothing_there(&loaded, &opened.engine, &more).await);
        found |= more.iter().any(|finding| args.strict || finding.severity() == Severity::Error);
        loaded.diagnostics = loaded.diagnostics.and(more);
    }
    if !loaded.diagnostics.is_empty() || args.format != Format::Human {
        say!("{}", loaded.diagnostics.render(args.format.into()));
    } else {
        say!("Nothing to report.");
    }
    Ok(if found { findings() } else { ExitCode::SUCCESS })
}

/// What is worth a word but no finding: tables that ship, that nobody mapped, and that are not
/// there. One by one, or counted with the metrics that need them.
async fn notes(engine: &LocalEngine, missing: &[DataFinding], listed: bool) -> Vec<String> {
    if listed || missing.is_empty() {
        return missing.iter().map(|finding| finding.message.clone()).collect();
    }
    let offered = engine.model().metrics.values().filter(|metric| !metric.private);
    let names: Vec<&MetricName> = offered.map(|metric| &metric.name).collect();
    let mut unavailable = 0;
    for name in &names {
        let why = engine.unavailable_because(name, &Freshness::default()).await;
        unavailable += usize::from(why.is_some());
    }
    let tables: Vec<&str> = missing.iter().map(|finding| finding.dataset.as_str()).collect();
    let (table, is) = if tables.len() == 1 { ("table", "is") } else { ("tables", "are") };
    let metrics = match unavailable {
        0 => format!("all {} metrics are available", names.len()),
        some => format!(
            "{some} of {} metrics are unavailable (`upswell explain NAME` says why)",
            names.len()
        ),
    };
    vec![format!(
        "{} canonical {table} {is} not in the warehouse: {}; {metrics}",
        tables.len(),
        tables.join(", ")
    )]
}

/// A warehouse that holds none of the tables is most likely not the one that is meant.
async fn nothing_there(
    loaded: &Loaded,
    engine: &LocalEngine,
    others: &[Diagnostic],
) -> Option<Diagnostic> {
    let tables = engine.tables(&Freshness::default()).await;
    let is_told =
        others.iter().any(|found| matches!(found.code, Code::StoreDown | Code::TableUnfit));
    if tables.is_empty() || tables.iter().any(|table| table.available) || is_told {
        return None;
    }
    let warehouse = &engine.model().warehouse;
    let place = match warehouse.contains("://") {
        true => warehouse.split('?').next().unwrap_or_default().to_owned(),
        false => std::path::absolute(warehouse)
            .map_or_else(|_| warehouse.clone(), |path| path.display().to_string()),
    };
    let message = format!("the warehouse `{place}` holds none of the {} tables", tables.len());
    let written = loaded.definitions.project.as_ref();
    let found = match written.map(|project| project.warehouse.span) {
        Some(span) => Diagnostic::new(Code::TableNotThere, span, message),
        None => Diagnostic::without_place(Code::TableNotThere, message),
    };
    Some(found.help("correct `warehouse`, or write tables there (`upswell import`)"))
}

/// Findings about tables at the place where the project says how the table is found; and tables that
/// ship, that nobody mapped, and that are not there.
fn placed(loaded: &Loaded, found: Vec<DataFinding>) -> (Vec<Diagnostic>, Vec<DataFinding>) {
    let (mut findings, mut missing) = (Vec::new(), Vec::new());
    for finding in found {
        let (span, is_own) = place_of(loaded, finding.dataset.as_str());
        if finding.check == DataCheck::NotThere && !is_own {
            missing.push(finding);
            continue;
        }
        let code = code_of(finding.check);
        findings.push(match span {
            Some(span) => Diagnostic::new(code, span, finding.message),
            None => Diagnostic::without_place(code, finding.message),
        });
    }
    (findings, missing)
}

/// Where the table's mapping or definition is, and whether the project wrote it.
fn place_of(loaded: &Loaded, dataset: &str) -> (Option<Span>, bool) {
    let project = loaded.definitions.project.iter();
    let mut mapped = project.flat_map(|project| project.canonical.iter());
    if let Some((name, _)) = mapped.find(|(name, _)| name.value == dataset) {
        return (Some(name.span), true);
    }
    // The project's own definition follows the one that ships, in whose place it stands.
    let named = loaded.definitions.datasets.iter().rfind(|def| def.name.as_str() == dataset);
    let span = named.map(|def| def.name.span());
    let place = span.and_then(|span| loaded.diagnostics.sources().locate(span));
    (span, place.is_some_and(|(file, _)| !file.starts_with(CANONICAL_PREFIX)))
}

fn code_of(check: DataCheck) -> Code {
    match check {
        DataCheck::NotThere => Code::TableNotThere,
        DataCheck::Unfit => Code::TableUnfit,
        DataCheck::Unmatched => Code::MappingUnmatched,
        DataCheck::Store => Code::StoreDown,
        DataCheck::Floats => Code::FloatMoney,
        DataCheck::LeftOut => Code::RowsLeftOut,
        DataCheck::UnmappedClass => Code::UnmappedClass,
        DataCheck::SignAgainstClass => Code::SignAgainstClass,
        DataCheck::DuplicateRows => Code::DuplicateRows,
        DataCheck::ShapesDisagree => Code::ShapesDisagree,
        DataCheck::OwnershipGap => Code::OwnershipGap,
        DataCheck::OwnershipOverlap => Code::OwnershipOverlap,
        DataCheck::SharesNotOne => Code::SharesNotOne,
        DataCheck::ValidityBackwards => Code::ValidityBackwards,
    }
}
