//! `upswell check`: definitions and, with `--data`, the tables behind them.

use std::process::ExitCode;

use clap::{Args, ValueEnum};

use crate::app;
use crate::config;
use crate::definitions::CANONICAL_PREFIX;
use crate::diagnostics::{self, Code, Diagnostic, Severity, Span};
use crate::engine::{DataCheck, DataFinding};
use crate::project::Loaded;

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
        let (more, notes) = placed(&loaded, opened.engine.audit().await);
        for note in notes {
            eprintln!("note: {note}");
        }
        found |= more.iter().any(|finding| args.strict || finding.severity() == Severity::Error);
        loaded.diagnostics = loaded.diagnostics.and(more);
    }
    if !loaded.diagnostics.is_empty() || args.format != Format::Human {
        println!("{}", loaded.diagnostics.render(args.format.into()));
    } else {
        println!("Nothing to report.");
    }
    Ok(if found { findings() } else { ExitCode::SUCCESS })
}

/// Findings about tables at the place where the project says how the table is found, and what is
/// worth a word but no finding: tables that ship, that nobody mapped, and that are not there.
fn placed(loaded: &Loaded, found: Vec<DataFinding>) -> (Vec<Diagnostic>, Vec<String>) {
    let (mut findings, mut notes) = (Vec::new(), Vec::new());
    for finding in found {
        let (span, is_own) = place_of(loaded, finding.dataset.as_str());
        if finding.check == DataCheck::NotThere && !is_own {
            notes.push(finding.message);
            continue;
        }
        let code = code_of(finding.check);
        findings.push(match span {
            Some(span) => Diagnostic::new(code, span, finding.message),
            None => Diagnostic::without_place(code, finding.message),
        });
    }
    (findings, notes)
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
    }
}
