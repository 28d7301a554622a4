//! `upswell init`: a new project; from a warehouse (or a folder of CSV files) with datasets proposed
//! from the schemas, what was guessed marked for review.

mod propose;
mod recognise;
mod write;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use crate::app::AppError;
use crate::catalog::{CatalogSettings, FoundTable, discover};
use crate::definitions::PROJECT_FILE;
use crate::diagnostics::{Format, SourceFile};
use crate::model::Model;
use crate::project::{ProjectFiles, load};

use super::Ended;
use super::import::{holds_csv, import_tables};
use super::out::say;

use propose::propose;
use recognise::recognise;
use write::texts;

#[derive(Debug, Args)]
pub struct InitArgs {
    /// Folder of the new project.
    #[arg(default_value = ".")]
    dir: PathBuf,
    /// A warehouse (a URL or a folder of Parquet tables), or a folder of CSV files, which become
    /// the Parquet tables of a warehouse inside the project.
    #[arg(long)]
    from: Option<String>,
}

/// Writes the project; an existing one is never touched.
pub async fn run(args: &InitArgs) -> Ended {
    if args.dir.join(PROJECT_FILE).exists() {
        return Err(AppError::ProjectExists(args.dir.clone()));
    }
    let canon = canonical(&args.dir)?;
    let (warehouse, tables) = match &args.from {
        None => ("warehouse".to_owned(), Vec::new()),
        Some(from) => found(&args.dir, from, &canon).await?,
    };
    let tables = recognise(&canon, tables);
    let files = texts(&args.dir, &warehouse, &tables, &propose(&canon, &tables));
    let loaded = load(&ProjectFiles::from_texts(&args.dir, files.clone()));
    if loaded.model.is_none() {
        return Err(AppError::Definitions(loaded.diagnostics.render(Format::Human)));
    }
    for file in &files {
        write(&args.dir.join(&file.path), &file.text)?;
    }
    for file in &files {
        say!("{}", args.dir.join(&file.path).display());
    }
    say!("\nRead what is marked `review`, then: upswell check -p {} --data", args.dir.display());
    Ok(ExitCode::SUCCESS)
}

/// The definitions that ship, alone.
fn canonical(dir: &Path) -> Result<Model, AppError> {
    let text = "version: 1\nwarehouse: warehouse\n";
    let files = vec![SourceFile::new(PROJECT_FILE, text)];
    let loaded = load(&ProjectFiles::from_texts(dir, files));
    let told = loaded.diagnostics.render(Format::Human);
    loaded.model.ok_or(AppError::Definitions(told))
}

/// The warehouse as upswell.yml names it, and its tables.
async fn found(
    dir: &Path,
    from: &str,
    canon: &Model,
) -> Result<(String, Vec<FoundTable>), AppError> {
    let folder = Path::new(from);
    let absolute = |path: &Path| {
        let failed = |source| AppError::File { path: path.to_owned(), source };
        fs::canonicalize(path).map(|path| path.to_string_lossy().into_owned()).map_err(failed)
    };
    let (written, address) = if from.contains("://") {
        (from.to_owned(), from.to_owned())
    } else if holds_csv(folder) {
        let canon = Model {
            warehouse: dir.join("warehouse").to_string_lossy().into_owned(),
            ..canon.clone()
        };
        let imported = import_tables(&canon, folder)?;
        imported.tell_left_out();
        if imported.tables.is_empty() {
            return Err(AppError::NoCsv(folder.to_owned()));
        }
        ("warehouse".to_owned(), absolute(&dir.join("warehouse"))?)
    } else {
        let address = absolute(folder)?;
        (address.clone(), address)
    };
    Ok((written, discover(&address, &CatalogSettings::default()).await?))
}

fn write(path: &Path, text: &str) -> Result<(), AppError> {
    let failed = |source| AppError::File { path: path.to_owned(), source };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    fs::write(path, text).map_err(failed)
}
