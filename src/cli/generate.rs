//! `upswell generate`: the demo warehouse alone, with progress.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use crate::generate::{GenerateSettings, Progress, Summary, generate};

use super::out::say;
use super::{Ended, render};

#[derive(Debug, Args)]
pub struct GenerateArgs {
    /// Folder of the warehouse.
    #[arg(long)]
    dir: PathBuf,
    /// Customers won within the first 36 months.
    #[arg(long, default_value_t = 20_000)]
    customers: u32,
    /// Months from 2023-01 on.
    #[arg(long, default_value_t = 36)]
    months: u32,
    #[arg(long, default_value_t = 42)]
    seed: u64,
}

/// Writes the warehouse and prints what was written.
pub fn run(args: &GenerateArgs) -> Ended {
    let settings = GenerateSettings {
        dir: args.dir.clone(),
        customers: args.customers,
        months: args.months,
        seed: args.seed,
    };
    let begun = Instant::now();
    let summary = with_progress(&settings)?;
    if summary.months_written == 0 {
        say!("{} already holds {} months.", args.dir.display(), summary.months);
        return Ok(ExitCode::SUCCESS);
    }
    let header = ["table", "files", "rows", "bytes"].map(str::to_owned);
    let rows: Vec<Vec<String>> = summary
        .tables
        .iter()
        .map(|table| {
            vec![
                table.table.to_owned(),
                table.files.to_string(),
                table.rows.to_string(),
                table.bytes.to_string(),
            ]
        })
        .collect();
    say!("{}", render::table(&header, &rows));
    say!(
        "{} customers, {} months in {:.1} s",
        summary.customers,
        summary.months,
        begun.elapsed().as_secs_f64()
    );
    Ok(ExitCode::SUCCESS)
}

/// Generates with a bar on terminals.
pub fn with_progress(settings: &GenerateSettings) -> Result<Summary, crate::app::AppError> {
    let bar = Bar(ProgressBar::hidden());
    let summary = generate(settings, &bar)?;
    bar.0.finish_and_clear();
    Ok(summary)
}

/// Hidden until there is something to write.
struct Bar(ProgressBar);

impl Progress for Bar {
    fn begin(&self, steps: u64) {
        let template = "generating {bar:40} {percent:>3} % of {len} customers ({eta} left)";
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.0.set_style(style);
        }
        self.0.set_length(steps);
        self.0.set_draw_target(indicatif::ProgressDrawTarget::stderr());
        self.0.enable_steady_tick(Duration::from_millis(200));
    }

    fn advance(&self, steps: u64) {
        self.0.inc(steps);
    }
}
