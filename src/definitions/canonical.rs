//! The definitions that ship: `schema/` of this repository, inside the binary.

use include_dir::{Dir, include_dir};

use crate::diagnostics::SourceFile;

static SCHEMA: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/schema");

/// Their texts, sorted by path (`canonical/metrics/retention.yml`).
#[must_use]
pub fn canonical_sources() -> Vec<SourceFile> {
    let mut files = Vec::new();
    for folder in ["balances", "datasets", "metrics"] {
        let Some(dir) = SCHEMA.get_dir(folder) else { continue };
        for file in dir.files() {
            let path = file.path().to_string_lossy().replace('\\', "/");
            if let (true, Some(text)) = (path.ends_with(".yml"), file.contents_utf8()) {
                files.push(SourceFile::new(format!("canonical/{path}"), text));
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}
