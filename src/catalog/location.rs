//! Where a table's files are: the warehouse's URL or path joined with the dataset's folder.

use std::path::{Component, Path as FsPath, PathBuf};

use object_store::path::Path;
use url::Url;

use super::CatalogError;

/// The kinds of store that a warehouse can be on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Scheme {
    Local,
    S3,
    Gcs,
    Azure,
}

/// One table's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Location {
    pub scheme: Scheme,
    /// The store's own address, without a path (`s3://bucket`): tables with the same share a client.
    pub root: String,
    pub folder: Path,
    /// The folder as people may see it: a URL, or for local warehouses only the table's part.
    pub shown: String,
}

impl Location {
    /// Joins a dataset's `table` (a folder below the warehouse, or an absolute URL or path).
    pub fn parse(warehouse: &str, table: &str) -> Result<Self, CatalogError> {
        if is_url(table) {
            return Self::parse_url(table);
        }
        if is_url(warehouse) && !FsPath::new(table).is_absolute() {
            let joined = format!("{}/{}", warehouse.trim_end_matches('/'), table.trim_matches('/'));
            let location = Self::parse_url(&joined)?;
            let is_local = location.scheme == Scheme::Local;
            return Ok(if is_local {
                Self { shown: table.to_owned(), ..location }
            } else {
                location
            });
        }
        let folder = local_folder(&FsPath::new(warehouse).join(table))?;
        Ok(Self::local(
            folder,
            if FsPath::new(table).is_absolute() { last_part(table) } else { table },
        ))
    }

    fn parse_url(text: &str) -> Result<Self, CatalogError> {
        let bad = |reason: &str| CatalogError::Location {
            location: without_secrets(text),
            reason: reason.to_owned(),
        };
        let url = Url::parse(text).map_err(|_| bad("it is not a URL"))?;
        let scheme = match url.scheme() {
            "file" => Scheme::Local,
            "s3" | "s3a" => Scheme::S3,
            "gs" => Scheme::Gcs,
            "az" | "azure" | "adl" | "abfs" | "abfss" => Scheme::Azure,
            _ => return Err(bad("the schemes are file, s3, gs, az and abfss")),
        };
        if scheme == Scheme::Local {
            let path = url.to_file_path().map_err(|()| bad("it is not a path of this machine"))?;
            return Ok(Self::local(local_folder(&path)?, last_part(url.path())));
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err(bad("it names no bucket or container"));
        }
        let folder = Path::from_url_path(url.path()).map_err(|_| bad("its path is not valid"))?;
        let root = url[..url::Position::BeforePath].to_owned();
        let shown = format!("{}/{folder}", without_secrets(&root));
        Ok(Self { scheme, root, folder, shown })
    }

    fn local(folder: Path, shown: &str) -> Self {
        Self { scheme: Scheme::Local, root: "file://".to_owned(), folder, shown: shown.to_owned() }
    }
}

fn is_url(text: &str) -> bool {
    text.contains("://")
}

fn last_part(path: &str) -> &str {
    path.trim_end_matches('/').rsplit('/').next().unwrap_or(path)
}

/// A URL without a password or a signature in its query; user names stay (abfss containers).
fn without_secrets(text: &str) -> String {
    let Ok(mut url) = Url::parse(text) else {
        return text.split(['?', '#']).next().unwrap_or_default().to_owned();
    };
    url.set_query(None);
    url.set_fragment(None);
    // Fails only for URLs that cannot carry a password, which then have none.
    let _ = url.set_password(None);
    url.as_str().trim_end_matches('/').to_owned()
}

/// An absolute path as a key of the local store, `.` and `..` resolved by name alone (no IO).
fn local_folder(path: &FsPath) -> Result<Path, CatalogError> {
    let bad =
        |reason: String| CatalogError::Location { location: path.display().to_string(), reason };
    let absolute = std::path::absolute(path).map_err(|error| bad(error.to_string()))?;
    let mut clean = PathBuf::new();
    for part in absolute.components() {
        match part {
            Component::ParentDir => {
                clean.pop();
            }
            Component::CurDir => {}
            other => clean.push(other),
        }
    }
    Path::from_absolute_path(clean).map_err(|error| bad(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scheme_that_definitions_may_name_is_known() {
        for scheme in crate::model::SCHEMES {
            let host = if scheme == "file" { "" } else { "acme" };
            assert!(Location::parse(&format!("{scheme}://{host}/dw"), "mrr").is_ok(), "{scheme}");
        }
        assert!(Location::parse("s3x://acme/dw", "mrr").is_err());
    }

    #[test]
    fn tables_are_folders_below_the_warehouse_or_addresses_of_their_own() {
        let cases = [
            ("/data/dw", "fct/mrr", "file://", "data/dw/fct/mrr", "fct/mrr"),
            ("/data/dw/", "../other/mrr/", "file://", "data/other/mrr", "../other/mrr/"),
            ("/data/dw", "/elsewhere/mrr", "file://", "elsewhere/mrr", "mrr"),
            ("file:///data/my%20dw", "mrr", "file://", "data/my dw/mrr", "mrr"),
            ("s3://acme-dw/marts/", "mrr", "s3://acme-dw", "marts/mrr", "s3://acme-dw/marts/mrr"),
            ("s3://acme-dw", "gs://other/mrr", "gs://other", "mrr", "gs://other/mrr"),
            ("az://dw/marts", "mrr", "az://dw", "marts/mrr", "az://dw/marts/mrr"),
            (
                "abfss://dw@acme.dfs.core.windows.net/marts",
                "mrr",
                "abfss://dw@acme.dfs.core.windows.net",
                "marts/mrr",
                "abfss://dw@acme.dfs.core.windows.net/marts/mrr",
            ),
        ];
        for (warehouse, table, root, folder, shown) in cases {
            let location = Location::parse(warehouse, table).unwrap();
            assert_eq!(
                (location.root.as_str(), location.folder.as_ref(), location.shown.as_str()),
                (root, folder, shown),
                "{warehouse} + {table}"
            );
        }
    }

    #[test]
    fn addresses_that_cannot_work_are_refused_without_their_secrets() {
        for (warehouse, reason) in [
            ("ftp://host/dw", "the schemes are file, s3, gs, az and abfss"),
            ("s3:///dw", "it names no bucket or container"),
        ] {
            let error = Location::parse(warehouse, "mrr").unwrap_err();
            assert!(error.to_string().contains(reason), "{error}");
        }
        let error = Location::parse("ftp://me:secret@host/dw?sig=secret", "mrr").unwrap_err();
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}
