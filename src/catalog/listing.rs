//! The files of a table as the store lists them: whole or not at all.

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Utc};
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore};
use sha2::{Digest, Sha256};

use super::store::Store;

/// What tells one version of a file from another.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct FileKey {
    pub path: Path,
    pub size: u64,
    /// The store's entity tag without quotes and weakness mark; stores without one: none.
    pub etag: Option<String>,
    pub modified: DateTime<Utc>,
}

impl FileKey {
    pub fn of(meta: ObjectMeta) -> Self {
        let etag = meta.e_tag.as_deref().map(bare_tag);
        Self { path: meta.location, size: meta.size, etag, modified: meta.last_modified }
    }

    /// Path, size and version in one text.
    pub fn name(&self) -> String {
        let version = self.etag.clone().unwrap_or_else(|| self.modified.to_rfc3339());
        format!("{}\0{}\0{version}", self.path, self.size)
    }

    /// Whether an answer of the store came from this very version. Where listings have no entity
    /// tags, modification times must do; answers round them to seconds, this way or that.
    pub fn is_version_of(&self, answer: &ObjectMeta) -> bool {
        let same_version = match (&self.etag, &answer.e_tag) {
            (Some(listed), Some(read)) => *listed == bare_tag(read),
            _ => (self.modified - answer.last_modified).abs() < TimeDelta::seconds(2),
        };
        self.size == answer.size && same_version
    }
}

fn bare_tag(tag: &str) -> String {
    tag.trim_start_matches("W/").trim_matches('"').to_owned()
}

/// A month of the UTC calendar, counted from year 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Month(i32);

impl Month {
    pub fn of(day: NaiveDate) -> Self {
        Self(day.year() * 12 + i32::try_from(day.month0()).unwrap_or_default())
    }

    pub fn plus(self, months: i32) -> Self {
        Self(self.0 + months)
    }

    /// `2024-01` or `2024-01-31`.
    fn parse(text: &str) -> Option<Self> {
        let day = if text.len() == 7 { format!("{text}-01") } else { text.to_owned() };
        NaiveDate::parse_from_str(&day, "%Y-%m-%d").ok().filter(|_| day.len() == 10).map(Self::of)
    }
}

#[derive(Debug, Clone)]
pub(super) struct ListedFile {
    pub key: FileKey,
    /// The path below the table's folder.
    pub relative: String,
    /// The month of its partition folder; none: the file is never pruned by month.
    pub month: Option<Month>,
}

/// Every Parquet file below `folder`, by path.
pub(super) async fn list_files(
    store: &Store,
    folder: &Path,
    partition: Option<&str>,
) -> object_store::Result<Vec<ListedFile>> {
    let mut files: Vec<ListedFile> = store
        .client
        .list(Some(folder))
        .try_filter_map(async |meta| Ok(listed(meta, folder, partition)))
        .try_collect()
        .await?;
    files.sort_unstable_by(|a, b| a.relative.cmp(&b.relative));
    Ok(files)
}

fn listed(meta: ObjectMeta, folder: &Path, partition: Option<&str>) -> Option<ListedFile> {
    let parts: Vec<String> =
        meta.location.prefix_match(folder)?.map(|part| part.as_ref().to_owned()).collect();
    // Writers keep unfinished and bookkeeping files below such names.
    if parts.iter().any(|part| part.starts_with(['_', '.'])) {
        return None;
    }
    let extension = parts.last()?.rsplit_once('.')?.1.to_ascii_lowercase();
    if !matches!(extension.as_str(), "parquet" | "parq") {
        return None;
    }
    let month = partition.and_then(|name| {
        parts.iter().find_map(|part| Month::parse(part.strip_prefix(name)?.strip_prefix('=')?))
    });
    Some(ListedFile { relative: parts.join("/"), month, key: FileKey::of(meta) })
}

/// A short name for exactly these versions of these files.
pub(super) fn listing_id(files: &[ListedFile]) -> String {
    let mut hash = Sha256::new();
    for file in files {
        hash.update(file.key.name());
        hash.update("\n");
    }
    short_hex(&hash.finalize())
}

/// The first 64 bits of a digest.
pub(super) fn short_hex(digest: &[u8]) -> String {
    let first = digest.iter().take(8);
    format!("{:016x}", first.fold(0u64, |bits, byte| bits << 8 | u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relative(path: &str) -> Option<(String, Option<Month>)> {
        let meta = ObjectMeta {
            location: Path::from(path),
            last_modified: DateTime::<Utc>::UNIX_EPOCH,
            size: 1,
            e_tag: None,
            version: None,
        };
        listed(meta, &Path::from("dw/mrr"), Some("month")).map(|file| (file.relative, file.month))
    }

    #[test]
    fn only_parquet_files_outside_hidden_folders_count() {
        assert_eq!(relative("dw/mrr/a.parquet").unwrap().0, "a.parquet");
        assert_eq!(relative("dw/mrr/x/b.PARQ").unwrap().0, "x/b.PARQ");
        for ignored in [
            "dw/mrr/_delta_log/a.parquet",
            "dw/mrr/.tmp/a.parquet",
            "dw/mrr/_a.parquet",
            "dw/mrr/a.parquet.crc",
            "dw/mrr/parquet",
            "dw/mrr_old/a.parquet",
        ] {
            assert_eq!(relative(ignored), None, "{ignored}");
        }
    }

    #[test]
    fn partition_folders_give_a_month_or_nothing() {
        let january = Month::of(NaiveDate::from_ymd_opt(2024, 1, 31).unwrap());
        assert_eq!(relative("dw/mrr/month=2024-01/a.parquet").unwrap().1, Some(january));
        assert_eq!(relative("dw/mrr/eu/month=2024-01-05/a.parquet").unwrap().1, Some(january));
        for unknown in ["month=2024", "month=2024-13", "month=2024-1-5", "other=2024-01", "2024-01"]
        {
            assert_eq!(relative(&format!("dw/mrr/{unknown}/a.parquet")).unwrap().1, None);
        }
        assert_eq!(january.plus(-1), Month::of(NaiveDate::from_ymd_opt(2023, 12, 1).unwrap()));
    }

    #[test]
    fn tags_compare_without_quotes_and_weakness() {
        assert_eq!(bare_tag("W/\"0x8D\""), "0x8D");
        assert_eq!(bare_tag("0x8D"), "0x8D");
    }
}
