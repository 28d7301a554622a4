//! `upswell query`: one document in process; JSON, or its first table for people and spreadsheets.

use std::io::Read;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde_json::{Map, Value as Json};

use crate::app::{self, AppError};
use crate::graphql::{Caller, GraphqlRequest};

use super::{Ended, ProjectArgs, findings, render};

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
    let request = GraphqlRequest { query, operation_name: args.operation.clone(), variables };
    let response = opened.api.execute(request, &Caller::unrestricted("cli", "cli")).await;
    let body: Json = serde_json::from_slice(&response.body).map_err(AppError::Response)?;
    let failed = body.get("errors").is_some();
    if args.format == Format::Json {
        println!("{}", serde_json::to_string_pretty(&body).map_err(AppError::Response)?);
        return Ok(if failed { findings() } else { ExitCode::SUCCESS });
    }
    for error in body["errors"].as_array().into_iter().flatten() {
        let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
        eprintln!("{}: {}", text(&error["extensions"]["code"]), text(&error["message"]));
    }
    if let Some((header, rows)) = first_table(&body["data"]) {
        if args.format == Format::Csv {
            print!("{}", csv(&header, &rows));
        } else {
            println!("{}", render::table(&header, &rows));
        }
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

type Rows = (Vec<String>, Vec<Vec<String>>);

/// The first list of objects in the data, flattened: `period.start`, dimensions by their names.
fn first_table(data: &Json) -> Option<Rows> {
    match data {
        Json::Array(rows) if rows.first().is_some_and(Json::is_object) => Some(flatten(rows)),
        Json::Object(fields) => fields.values().find_map(first_table),
        _ => None,
    }
}

fn flatten(rows: &[Json]) -> Rows {
    let mut header: Vec<String> = Vec::new();
    let flat: Vec<Map<String, Json>> = rows
        .iter()
        .map(|row| {
            let mut cells = Map::new();
            flatten_into(&mut cells, "", row);
            for name in
                cells.keys().filter(|name| !header.contains(name)).cloned().collect::<Vec<_>>()
            {
                header.push(name);
            }
            cells
        })
        .collect();
    let cell = |value: Option<&Json>| match value {
        None | Some(Json::Null) => String::new(),
        Some(Json::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    let cells =
        flat.iter().map(|row| header.iter().map(|name| cell(row.get(name))).collect()).collect();
    (header, cells)
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

fn csv(header: &[String], rows: &[Vec<String>]) -> String {
    let line = |cells: &[String]| {
        let quoted: Vec<String> = cells.iter().map(|cell| quote(cell)).collect();
        format!("{}\r\n", quoted.join(","))
    };
    let body: String = rows.iter().map(|row| line(row)).collect();
    format!("{}{body}", line(header))
}

fn quote(cell: &str) -> String {
    if cell.contains([',', '"', '\n', '\r']) {
        return format!("\"{}\"", cell.replace('"', "\"\""));
    }
    cell.to_owned()
}
