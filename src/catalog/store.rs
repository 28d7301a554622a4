//! Object stores: one client per bucket, container or disk, built without IO, and what their
//! errors mean.

use std::collections::BTreeMap;
use std::error::Error;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use datafusion::execution::object_store::ObjectStoreUrl;
use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::local::LocalFileSystem;
use object_store::{GetOptions, ObjectMeta, ObjectStore, RetryConfig};

use super::location::{Location, Scheme};
use super::{CatalogError, CatalogSettings};

/// Ranges of a file closer than this are read in one request: a round trip costs more than bytes.
const REMOTE_GAP: u64 = 1024 * 1024;
/// On a disk only ranges that nearly touch are worth reading together.
const LOCAL_GAP: u64 = 16 * 1024;

/// What was read from all stores of a catalog so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReadCount {
    pub requests: u64,
    pub bytes: u64,
}

/// One store and its client.
#[derive(Debug)]
pub(super) struct Store {
    /// The key under which `DataFusion` knows it.
    pub url: ObjectStoreUrl,
    pub client: Arc<dyn ObjectStore>,
    /// Largest gap between two ranges that are read as one.
    pub gap: u64,
    requests: AtomicU64,
    bytes: AtomicU64,
}

impl Store {
    /// The client for a location's store. Does no IO: a store that is down fails when it is asked.
    pub fn open(
        location: &Location,
        settings: &CatalogSettings,
    ) -> Result<Arc<Self>, CatalogError> {
        let failed = |source: object_store::Error| CatalogError::Store {
            store: location.root.clone(),
            source,
        };
        let client: Arc<dyn ObjectStore> = match location.scheme {
            Scheme::Local => Arc::new(LocalFileSystem::new()),
            Scheme::S3 => Arc::new(open_s3(&location.root, settings).map_err(failed)?),
            Scheme::Gcs => Arc::new(open_gcs(&location.root, settings).map_err(failed)?),
            Scheme::Azure => Arc::new(open_azure(&location.root, settings).map_err(failed)?),
        };
        // DataFusion drops what stands before an `@` from its keys; two containers of one Azure
        // account would share a key.
        let url = ObjectStoreUrl::parse(location.root.replace('@', ".")).map_err(|_| {
            CatalogError::Location {
                location: location.root.clone(),
                reason: "it is not the address of a store".to_owned(),
            }
        })?;
        let gap = if location.scheme == Scheme::Local { LOCAL_GAP } else { REMOTE_GAP };
        Ok(Arc::new(Self { url, client, gap, requests: 0.into(), bytes: 0.into() }))
    }

    /// Reads a range of an object, with what the store says of the object it read from.
    pub async fn read(
        &self,
        path: &object_store::path::Path,
        range: Range<u64>,
    ) -> object_store::Result<(ObjectMeta, Bytes)> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let options = GetOptions { range: Some(range.into()), ..GetOptions::default() };
        let answer = self.client.get_opts(path, options).await?;
        let meta = answer.meta.clone();
        let bytes = answer.bytes().await?;
        self.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Ok((meta, bytes))
    }

    pub fn read_count(&self) -> ReadCount {
        ReadCount {
            requests: self.requests.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
        }
    }
}

/// Names outside the stores' own prefixes: Azure's managed identity, Google's key file.
const FOREIGN_NAMES: [&str; 2] = ["IDENTITY_ENDPOINT", "SERVICE_ACCOUNT"];

/// Settings of a store in the order in which they count: ours, the environment's, explicit ones.
/// Every store reads the ones it knows and ignores the others, as with environment variables.
fn options(prefix: &str, settings: &CatalogSettings) -> Vec<(String, String)> {
    let seconds = |limit: std::time::Duration| format!("{} seconds", limit.as_secs().max(1));
    let ours = BTreeMap::from([("timeout".to_owned(), seconds(settings.request_timeout))]);
    let environment = std::env::vars_os()
        .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(key, _)| key.starts_with(prefix) || FOREIGN_NAMES.contains(&key.as_str()));
    ours.into_iter()
        .chain(environment)
        .chain(settings.store_options.clone())
        .map(|(key, value)| (key.to_ascii_lowercase(), value))
        .collect()
}

fn retry(settings: &CatalogSettings) -> RetryConfig {
    RetryConfig {
        max_retries: settings.max_retries,
        retry_timeout: settings.retry_timeout,
        ..RetryConfig::default()
    }
}

fn open_s3(root: &str, settings: &CatalogSettings) -> object_store::Result<impl ObjectStore> {
    options("AWS_", settings)
        .into_iter()
        .fold(AmazonS3Builder::new(), |builder, (key, value)| match key.parse() {
            Ok(key) => builder.with_config(key, value),
            Err(_) => builder,
        })
        .with_url(root)
        .with_retry(retry(settings))
        .build()
}

fn open_gcs(root: &str, settings: &CatalogSettings) -> object_store::Result<impl ObjectStore> {
    options("GOOGLE_", settings)
        .into_iter()
        .fold(GoogleCloudStorageBuilder::new(), |builder, (key, value)| match key.parse() {
            Ok(key) => builder.with_config(key, value),
            Err(_) => builder,
        })
        .with_url(root)
        .with_retry(retry(settings))
        .build()
}

fn open_azure(root: &str, settings: &CatalogSettings) -> object_store::Result<impl ObjectStore> {
    options("AZURE_", settings)
        .into_iter()
        .fold(MicrosoftAzureBuilder::new(), |builder, (key, value)| match key.parse() {
            Ok(key) => builder.with_config(key, value),
            Err(_) => builder,
        })
        .with_url(root)
        .with_retry(retry(settings))
        .build()
}

/// What a store's error means to the one who asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StoreFault {
    /// The object (or the bucket) is not there.
    Missing,
    /// Wrong, expired or insufficient credentials.
    Refused,
    /// No answer, or none that makes sense.
    Down,
}

impl StoreFault {
    pub fn of(error: &object_store::Error) -> Self {
        match error {
            object_store::Error::NotFound { .. } => Self::Missing,
            object_store::Error::PermissionDenied { .. }
            | object_store::Error::Unauthenticated { .. } => Self::Refused,
            other if is_denied_on_disk(other) => Self::Refused,
            other => match status_of_answer(other) {
                Some(401 | 403) => Self::Refused,
                Some(404) => Self::Missing,
                _ => Self::Down,
            },
        }
    }
}

fn is_denied_on_disk(error: &object_store::Error) -> bool {
    causes(error).any(|cause| {
        let io_error = cause.downcast_ref::<io::Error>();
        io_error.is_some_and(|io| io.kind() == io::ErrorKind::PermissionDenied)
    })
}

/// The HTTP status behind an error without a kind. Failed listings have none, and the client keeps
/// the type that holds the status to itself: its words are all there is (the tests against real
/// servers hold them).
fn status_of_answer(error: &object_store::Error) -> Option<u16> {
    causes(error).find_map(|cause| {
        let text = cause.to_string();
        let (_, status) = text.split_once("status code: ")?;
        status.get(..3)?.parse().ok()
    })
}

fn causes<'a>(error: &'a object_store::Error) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let first: &'a (dyn Error + 'static) = error;
    std::iter::successors(Some(first), |&cause| cause.source())
}
