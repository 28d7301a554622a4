//! `upswell schema`: the GraphQL schema of a project, or the definition files' JSON Schema.

use std::process::ExitCode;

use clap::Args;

use crate::app::{self, AppError};

use super::out::say;
use super::{Ended, ProjectArgs, out};

#[derive(Debug, Args)]
pub struct SchemaArgs {
    #[command(flatten)]
    project: ProjectArgs,
    /// Print the JSON Schema of definition files.
    #[arg(long)]
    json_schema: bool,
}

/// Without a project in the folder: the canonical definitions' schema.
pub fn run(args: &SchemaArgs) -> Ended {
    if args.json_schema {
        let schema = crate::definitions::json_schema();
        say!("{}", serde_json::to_string_pretty(&schema).map_err(AppError::Response)?);
        return Ok(ExitCode::SUCCESS);
    }
    let opened = app::open_or_canonical(&args.project.project, &(&args.project.limits).into())?;
    out::print(format_args!("{}", opened.api.sdl()));
    Ok(ExitCode::SUCCESS)
}
