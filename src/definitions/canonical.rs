//! The definitions that ship: `schema/` of this repository, inside the binary.

use include_dir::{Dir, include_dir};

use crate::diagnostics::SourceFile;

static FOLDERS: [(&str, Dir<'static>); 3] = [
    ("balances", include_dir!("$CARGO_MANIFEST_DIR/schema/balances")),
    ("datasets", include_dir!("$CARGO_MANIFEST_DIR/schema/datasets")),
    ("metrics", include_dir!("$CARGO_MANIFEST_DIR/schema/metrics")),
];

/// Their texts, sorted by path (`canonical/metrics/retention.yml`).
#[must_use]
pub fn canonical_sources() -> Vec<SourceFile> {
    let mut files = Vec::new();
    for (folder, dir) in &FOLDERS {
        for file in dir.files() {
            let name = file.path().to_string_lossy();
            if let (true, Some(text)) = (name.ends_with(".yml"), file.contents_utf8()) {
                files.push(SourceFile::new(format!("canonical/{folder}/{name}"), text));
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}
