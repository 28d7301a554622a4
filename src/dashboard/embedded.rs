//! The bundle that the build script left: a table of files, empty when it could not make one.

use super::asset::Asset;

// `static ASSETS: &[Asset]`, with the files' content included from the build's output folder.
include!(concat!(env!("OUT_DIR"), "/dashboard_assets.rs"));

/// A file by its path below the bundle.
pub(super) fn find(name: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.name == name)
}

#[cfg(test)]
pub(super) fn all() -> &'static [Asset] {
    ASSETS
}
