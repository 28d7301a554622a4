//! The definitions that ship: `schema/` of this repository, inside the binary.

use include_dir::{Dir, include_dir};

use crate::diagnostics::SourceFile;

static FOLDERS: [(&str, Dir<'static>); 3] = [
    ("balances", include_dir!("$CARGO_MANIFEST_DIR/schema/balances")),
    ("datasets", include_dir!("$CARGO_MANIFEST_DIR/schema/datasets")),
    ("metrics", include_dir!("$CARGO_MANIFEST_DIR/schema/metrics")),
];

/// Tests of what ships, with the worked examples of the definition book. They are read only to be
/// run, so that a server carries none of them.
static TESTS: [(&str, Dir<'static>); 1] =
    [("tests", include_dir!("$CARGO_MANIFEST_DIR/schema/tests"))];

/// Their texts, sorted by path (`canonical/metrics/retention.yml`).
#[must_use]
pub fn canonical_sources() -> Vec<SourceFile> {
    texts(&FOLDERS)
}

/// The texts of their tests, sorted by path (`canonical/tests/retention.yml`).
#[must_use]
pub fn canonical_tests() -> Vec<SourceFile> {
    texts(&TESTS)
}

fn texts(folders: &[(&str, Dir<'static>)]) -> Vec<SourceFile> {
    let mut files = Vec::new();
    for (folder, dir) in folders {
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
