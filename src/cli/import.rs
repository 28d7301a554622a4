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
    for Table { name, rows, columns } in &imported.tables {
        say!("{name}: {rows} rows of {}", columns.join(", "));
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

/// A table that was written.
#[derive(Debug)]
pub struct Table {
    name: String,
    rows: usize,
    /// As the file's first row names them: whoever reads them sees a row that is no header.
    columns: Vec<String>,
}

/// What became of a folder's CSV files.
#[derive(Debug, Default)]
pub struct Imported {
    pub tables: Vec<Table>,
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
        if let Some(why) = dataset.and_then(|dataset| names_nothing(dataset, &csv.header)) {
            imported.left_out.push((file, format!("has no header ({why})")));
            continue;
        }
        let place = Path::new(&model.warehouse).join(&table);
        write_csv(&place, &csv, dataset, &model.calendar)?;
        imported.tables.push(Table { name: table, rows: csv.rows.len(), columns: csv.header });
    }
    if imported.tables.is_empty() && imported.left_out.is_empty() {
        return Err(AppError::NoCsv(folder.to_owned()));
    }
    Ok(imported)
}

/// A first row that names no column that the project declares is a row of values. Of the tables that
/// ship, whatever nobody has mapped yet may be called anything.
fn names_nothing(dataset: &Dataset, header: &[String]) -> Option<String> {
    let mut declared = dataset.columns.values();
    let is_own = !dataset.source.ships()
        || dataset.columns.values().any(|column| column.in_files != column.name.as_str());
    if !is_own || declared.len() == 0 || declared.any(|column| header.contains(&column.in_files)) {
        return None;
    }
    let names: Vec<&str> =
        dataset.columns.values().map(|column| column.in_files.as_str()).collect();
    Some(format!("its first row names no column of `{}`: {}", dataset.name, names.join(", ")))
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
