//! `upswell diff`: two versions of a project's definitions, side by side; with `--data`, which
//! numbers move and by how much.

mod definitions;
mod numbers;
mod reach;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde_json::{Value as Json, json};

use crate::app::{self, AppError, Opened};
use crate::config;
use crate::diagnostics;
use crate::engine::Engine;
use crate::model::Model;

use super::out::say;
use super::{Ended, LimitArgs, findings, out, render};

use definitions::{Change, changes};
use numbers::{Moved, moved};

#[derive(Debug, Args)]
pub struct DiffArgs {
    /// Folder with the old upswell.yml.
    old: PathBuf,
    /// Folder with the new upswell.yml.
    new: PathBuf,
    /// Also compute both versions' numbers of the last 12 complete months and compare them.
    #[arg(long)]
    data: bool,
    /// Compute both on this warehouse (a URL or a folder) instead of each project's own.
    #[arg(long, requires = "data")]
    warehouse: Option<String>,
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    #[command(flatten)]
    limits: LimitArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Human,
    Json,
}

/// Exits 0 where nothing changes, 1 where something does, 2 where it cannot run.
pub async fn run(args: &DiffArgs) -> Ended {
    let (old, new) = (args.open(&args.old)?, args.open(&args.new)?);
    let written = [(&args.old, &old), (&args.new, &new)]
        .map(|(folder, opened)| args.as_written(folder, opened.engine.model()));
    let changed = changes(&written[0], &written[1]);
    let numbers = match args.data {
        true => Some(moved(&old.engine, &new.engine).await),
        false => None,
    };
    match args.format {
        Format::Human => {
            out::print(format_args!("{}", human(&changed, numbers.as_deref())));
        }
        Format::Json => {
            let report = json!({
                "definitions": changed.iter().map(Change::json).collect::<Vec<Json>>(),
                "numbers": numbers.as_ref().map(|all| all.iter().map(Moved::json).collect::<Vec<_>>()),
            });
            say!("{}", serde_json::to_string_pretty(&report).map_err(AppError::Response)?);
        }
    }
    let same = changed.is_empty() && numbers.is_none_or(|numbers| numbers.is_empty());
    Ok(if same { ExitCode::SUCCESS } else { findings() })
}

impl DiffArgs {
    fn open(&self, folder: &Path) -> Result<Opened, AppError> {
        let loaded = app::load_project(folder)?;
        let Some(model) = loaded.model else {
            let text = loaded.diagnostics.render(diagnostics::Format::Human);
            return Err(AppError::Definitions(format!("{}\n{text}", folder.display())));
        };
        let settings = app::settings_of(&loaded.definitions);
        let limits = config::limits(&(&self.limits).into(), &settings)?;
        let warehouse = self.warehouse.clone().unwrap_or_else(|| model.warehouse.clone());
        app::open_model(Model { warehouse, ..model }, &limits)
    }

    /// With the warehouse as the project says it, so that two checkouts of one project are alike.
    fn as_written(&self, folder: &Path, model: &Model) -> Model {
        let below = Path::new(&model.warehouse).strip_prefix(folder).ok();
        let below = below.map(|path| path.to_string_lossy().into_owned());
        let warehouse = self.warehouse.clone().or(below);
        Model { warehouse: warehouse.unwrap_or_else(|| model.warehouse.clone()), ..model.clone() }
    }
}

fn human(changed: &[Change], numbers: Option<&[Moved]>) -> String {
    let mut out = String::new();
    if changed.is_empty() {
        out.push_str("The definitions say the same.\n");
    }
    for change in changed {
        out.push_str(&change.human());
    }
    let Some(numbers) = numbers else { return out };
    if numbers.is_empty() {
        out.push_str("\nNo number of the last 12 complete months moves.\n");
        return out;
    }
    let header = ["metric", "period", "old", "new", "change"].map(str::to_owned);
    let rows: Vec<Vec<String>> = numbers.iter().map(Moved::cells).collect();
    out.push_str("\nNumbers that move (last 12 complete months):\n");
    out.push_str(&render::table(&header, &rows));
    out.push('\n');
    out
}
