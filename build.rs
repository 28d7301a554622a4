//! Makes the dashboard where Node is present, and leaves a table of its files for
//! `src/dashboard/embedded.rs`. Without Node, or when npm fails, the table is empty and the binary
//! builds all the same.
//!
//! `UPSWELL_SKIP_DASHBOARD=1` goes without; `UPSWELL_REQUIRE_DASHBOARD=1` fails instead of going
//! without.

use std::path::Path;
use std::process::Command;
use std::{env, fs, io};

/// What the bundle is made of. `dashboard/` itself is not watched: npm writes into it.
const INPUTS: [&str; 8] = [
    "dashboard/explorer",
    "dashboard/src",
    "dashboard/index.html",
    "dashboard/package.json",
    "dashboard/package-lock.json",
    "dashboard/vite.config.ts",
    "dashboard/scripts/embed.mjs",
    "queries",
];
const TABLE: &str = "dashboard_assets.rs";
const EMPTY: &str = "static ASSETS: &[Asset] = &[];\n";

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    for input in INPUTS {
        println!("cargo::rerun-if-changed={input}");
    }
    println!("cargo::rerun-if-env-changed=UPSWELL_SKIP_DASHBOARD");
    println!("cargo::rerun-if-env-changed=UPSWELL_REQUIRE_DASHBOARD");
    let out = env::var("OUT_DIR").map_err(io::Error::other)?;
    if is_set("UPSWELL_SKIP_DASHBOARD") {
        return without(Path::new(&out), "UPSWELL_SKIP_DASHBOARD is set");
    }
    match Command::new("node").arg("dashboard/scripts/embed.mjs").arg(&out).output() {
        Ok(done) if done.status.success() => Ok(()),
        Ok(done) => without(Path::new(&out), String::from_utf8_lossy(&done.stderr).trim()),
        Err(_) => without(Path::new(&out), "Node.js is not installed"),
    }
}

/// Builds on with an empty table, or fails where the dashboard is required.
fn without(out: &Path, reason: &str) -> io::Result<()> {
    if is_set("UPSWELL_REQUIRE_DASHBOARD") {
        return Err(io::Error::other(format!("the dashboard is required: {reason}")));
    }
    let reason = reason.lines().last().unwrap_or_default();
    println!("cargo::warning=built without the dashboard: {reason}");
    fs::write(out.join(TABLE), EMPTY)
}

fn is_set(name: &str) -> bool {
    env::var(name).is_ok_and(|value| !value.is_empty() && value != "0")
}
