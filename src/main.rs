//! The binary: what was typed, run.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    upswell::cli::run()
}
