//! `upswell query`: one document in process; JSON, or its first table for people and spreadsheets.

use std::io::Read;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde_json::{Map, Value as Json};

use crate::app::{self, AppError};
use crate::graphql::{Caller, GraphqlRequest, csv_of};

use super::out::say;
use super::{Ended, ProjectArgs, findings, out, render};

#[derive(Debug, Args)]
pub struct QueryArgs {
    #[command(flatten)]
    project: ProjectArgs,
    /// Variables as a JSON object.
    #[arg(long, default_value = "{}")]
    variables: String,
    /// Operation to run, where the document has several.
    #[arg(long)]
    operation: Option<String>,
    #[arg(long, value_enum, default_value_t = Format::Json)]
    format: Format,
    /// File with the document; `-` reads standard input.
    file: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// The GraphQL response.
    Json,
    /// The first table, for reading.
    Table,
    /// The first table as CSV.
    Csv,
}

/// Exits 0 only without errors in the response.
pub async fn run(args: &QueryArgs) -> Ended {
    let query = read(&args.file)?;
    let variables: Map<String, Json> =
        serde_json::from_str(&args.variables).map_err(AppError::Variables)?;
    let opened = app::open(&args.project.project, &(&args.project.limits).into())?;
    // The process ends with this answer: taking the facts apart first would only take time.
    let opened = std::mem::ManuallyDrop::new(opened);
    let request = GraphqlRequest { query, operation_name: args.operation.clone(), variables };
    let response = opened.api.execute(request, &Caller::unrestricted("cli", "cli")).await;
    let body: Json = serde_json::from_slice(&response.body).map_err(AppError::Response)?;
    let failed = body.get("errors").is_some();
    if args.format == Format::Json {
        say!("{}", serde_json::to_string_pretty(&body).map_err(AppError::Response)?);
        return Ok(if failed { findings() } else { ExitCode::SUCCESS });
    }
    for error in body["errors"].as_array().into_iter().flatten() {
        let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
        eprintln!("{}: {}", text(&error["extensions"]["code"]), text(&error["message"]));
    }
    if let Some((header, rows)) = first_table(&body["data"]) {
        if args.format == Format::Csv {
            out::print(format_args!("{}", csv_of(&header, &rows)));
        } else {
            say!("{}", render::table(&header, &shown(&rows)));
        }
    } else if !failed && !asks_for_rows(&body["data"]) {
        eprintln!(
            "error: the answer holds no table: ask for `rows` (or `records`), or leave out \
             `--format` to read it as JSON"
        );
        return Ok(findings());
    }
    Ok(if failed { findings() } else { ExitCode::SUCCESS })
}

fn read(file: &PathBuf) -> Result<String, AppError> {
    let failed = |source| AppError::File { path: file.clone(), source };
    if file.as_os_str() == "-" {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map_err(failed)?;
        return Ok(text);
    }
    std::fs::read_to_string(file).map_err(failed)
}

/// A header, and cells as JSON has them.
type Rows = (Vec<String>, Vec<Vec<Json>>);

/// What answers call their rows; other lists (columns, notes) come after them.
const ROWS: [&str; 2] = ["rows", "records"];

/// The first list of objects in the data, flattened: `period.start`, dimensions by their names.
fn first_table(data: &Json) -> Option<Rows> {
    match data {
        Json::Array(rows) if rows.first().is_some_and(Json::is_object) => Some(flatten(rows)),
        Json::Object(fields) => {
            let rows = ROWS.iter().find_map(|name| fields.get(*name)).and_then(Json::as_array);
            match rows {
                Some(rows) if rows.is_empty() => {
                    Some((columns(fields), Vec::new())).filter(|(header, _)| !header.is_empty())
                }
                Some(rows) => Some(flatten(rows)),
                None => fields.values().find_map(first_table),
            }
        }
        _ => None,
    }
}

/// Whether there is a table in it, be it without rows.
fn asks_for_rows(data: &Json) -> bool {
    match data {
        Json::Object(fields) => {
            fields.iter().any(|(name, value)| ROWS.contains(&name.as_str()) || asks_for_rows(value))
        }
        Json::Array(items) => items.is_empty() || items.iter().any(asks_for_rows),
        _ => false,
    }
}

/// The header of a table without rows, where its columns were asked for.
fn columns(table: &Map<String, Json>) -> Vec<String> {
    let columns = table.get("columns").and_then(Json::as_array).into_iter().flatten();
    columns.filter_map(|column| column["name"].as_str()).map(str::to_owned).collect()
}

fn flatten(rows: &[Json]) -> Rows {
    let mut header: Vec<String> = Vec::new();
    let flat: Vec<Map<String, Json>> = rows
        .iter()
        .map(|row| {
            let mut cells = Map::new();
            flatten_into(&mut cells, "", row);
            let new = cells.keys().filter(|name| !header.contains(name)).cloned();
            let new: Vec<String> = new.collect();
            header.extend(new);
            cells
        })
        .collect();
    let cell = |row: &Map<String, Json>, name: &String| row.get(name).cloned().unwrap_or_default();
    let cells = flat.iter().map(|row| header.iter().map(|name| cell(row, name)).collect());
    (header.clone(), cells.collect())
}

fn flatten_into(cells: &mut Map<String, Json>, prefix: &str, value: &Json) {
    let path = |name: &str| {
        if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") }
    };
    match value {
        Json::Object(fields) => {
            for (name, value) in fields {
                flatten_into(cells, &path(name), value);
            }
        }
        Json::Array(items) if items.iter().all(|item| item.get("dimension").is_some()) => {
            for item in items {
                let name = item["dimension"].as_str().unwrap_or_default().to_owned();
                cells.insert(name, item["value"].clone());
            }
        }
        other => {
            cells.insert(prefix.to_owned(), other.clone());
        }
    }
}

/// For reading: a null is empty, a text itself.
fn shown(rows: &[Vec<Json>]) -> Vec<Vec<String>> {
    let cell = |value: &Json| match value {
        Json::Null => String::new(),
        Json::String(text) => text.clone(),
        other => other.to_string(),
    };
    rows.iter().map(|row| row.iter().map(cell).collect()).collect()
}
