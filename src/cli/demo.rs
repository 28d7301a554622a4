//! `upswell demo`: a warehouse, a project over it, a server, a query to try.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use crate::app::AppError;
use crate::generate::GenerateSettings;

use super::{Ended, LimitArgs, generate::with_progress, serve};

/// The demo's upswell.yml.
const PROJECT: &str = "\
# The demo project: canonical definitions over a generated warehouse.
version: 1
name: demo
warehouse: warehouse
time_zone: UTC
currency: EUR
";

#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Folder of the demo project.
    #[arg(long, default_value = "demo")]
    dir: PathBuf,
    /// Customers won within the first 36 months.
    #[arg(long, default_value_t = 20_000)]
    customers: u32,
    /// Months from 2023-01 on.
    #[arg(long, default_value_t = 36)]
    months: u32,
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// Address to listen on [default: 127.0.0.1:4000].
    #[arg(long, env = "UPSWELL_LISTEN")]
    listen: Option<SocketAddr>,
    #[command(flatten)]
    limits: LimitArgs,
}

/// Writes what is missing, then serves.
pub async fn run(args: &DemoArgs) -> Ended {
    let settings = GenerateSettings {
        dir: args.dir.join("warehouse"),
        customers: args.customers,
        months: args.months,
        seed: args.seed,
    };
    let summary = with_progress(&settings)?;
    let project = args.dir.join("upswell.yml");
    if !project.exists() {
        fs::write(&project, PROJECT)
            .map_err(|source| AppError::File { path: project.clone(), source })?;
    }
    println!(
        "Demo warehouse: {} customers, {} months in {}",
        summary.customers,
        summary.months,
        args.dir.display()
    );
    let how = serve::How { listen: args.listen, watch: true, introduce: true };
    serve::serve_project(&args.dir, &args.limits, how).await
}
