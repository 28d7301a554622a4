//! The binary, as it is typed.

use std::path::Path;
use std::process::Command;

/// Exit code, standard output, standard error.
pub fn run(root: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_upswell"))
        .args(arguments)
        .current_dir(root)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}
