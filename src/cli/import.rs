//! `upswell import`: CSV files become the Parquet tables of a project's local warehouse, with the
//! types that the project's datasets declare.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use crate::app::{self, AppError};
use crate::diagnostics::Format;
use crate::fixtures::{CsvFile, read_csv, write_csv};
use crate::model::{Dataset, Model};

use super::out::say;
use super::{Ended, findings};

#[derive(Debug, Args)]
pub struct ImportArgs {
    /// Folder with upswell.yml.
    #[arg(short, long, env = "UPSWELL_PROJECT", default_value = ".")]
    project: PathBuf,
    /// Folder of CSV files: `accounts.csv` becomes the table `accounts`, `revenue/snapshots.csv` the
    /// table `revenue/snapshots`. A table's file of an earlier import is replaced.
    folder: PathBuf,
}

/// Writes one Parquet file a CSV file. A file that no table can be made of is an error: the table of
/// an earlier import would go on answering in its place.
pub fn run(args: &ImportArgs) -> Ended {
    let loaded = app::load_project(&args.project)?;
    let Some(model) = loaded.model else {
        return Err(AppError::Definitions(loaded.diagnostics.render(Format::Human)));
    };
    if model.warehouse.contains("://") {
        return Err(AppError::RemoteWarehouse(model.warehouse));
    }
    let imported = import_tables(&model, &args.folder)?;
    for (table, rows) in &imported.tables {
        say!("{table}: {rows} rows");
    }
    for (file, why) in &imported.left_out {
        eprintln!(
            "error: `{}` {why}: its table is as it was before. Write its header (a header alone \
             makes a table without rows), or take the file out of the folder.",
            file.display()
        );
    }
    Ok(if imported.left_out.is_empty() { ExitCode::SUCCESS } else { findings() })
}

/// What became of a folder's CSV files.
#[derive(Debug, Default)]
pub struct Imported {
    /// Tables with their rows.
    pub tables: Vec<(String, usize)>,
    /// Files without a header, of which no table can be made, with what they are.
    left_out: Vec<(PathBuf, String)>,
}

impl Imported {
    /// Nobody should look for a table that was never written.
    pub fn tell_left_out(&self) {
        for (file, why) in &self.left_out {
            eprintln!("note: `{}` {why}: left out", file.display());
        }
    }
}

/// Every CSV file below the folder → the table of its path.
pub fn import_tables(model: &Model, folder: &Path) -> Result<Imported, AppError> {
    let mut imported = Imported::default();
    for (table, file) in csv_files(folder)? {
        let csv = match read_csv(&file)? {
            CsvFile::Table(csv) => csv,
            CsvFile::Empty => {
                imported.left_out.push((file, "is empty, without even a header".to_owned()));
                continue;
            }
            CsvFile::Headless(why) => {
                imported.left_out.push((file, format!("has no header ({why})")));
                continue;
            }
        };
        let dataset: Option<&Dataset> =
            model.datasets.values().find(|dataset| dataset.table == table);
        let place = Path::new(&model.warehouse).join(&table);
        write_csv(&place, &csv, dataset, &model.calendar)?;
        imported.tables.push((table, csv.rows.len()));
    }
    if imported.tables.is_empty() && imported.left_out.is_empty() {
        return Err(AppError::NoCsv(folder.to_owned()));
    }
    Ok(imported)
}

/// Tables by their paths below the folder, in order.
fn csv_files(folder: &Path) -> Result<Vec<(String, PathBuf)>, AppError> {
    let mut found = Vec::new();
    let mut folders = vec![(String::new(), folder.to_owned())];
    while let Some((prefix, folder)) = folders.pop() {
        let failed = |source| AppError::File { path: folder.clone(), source };
        for entry in std::fs::read_dir(&folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let Some(stem) = path.file_stem().and_then(|stem| stem.to_str()) else { continue };
            let table = format!("{prefix}{stem}");
            if path.is_dir() {
                folders.push((format!("{table}/"), path));
            } else if path.extension().is_some_and(|end| end.eq_ignore_ascii_case("csv")) {
                found.push((table, path));
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Whether any CSV file is below the folder.
pub fn holds_csv(folder: &Path) -> bool {
    csv_files(folder).is_ok_and(|files| !files.is_empty())
}
