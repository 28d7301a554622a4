//! What tables a warehouse holds, for a project that does not know them yet: folders with Parquet
//! files, the columns of one file of each, and which of them identify rows.

use std::collections::HashSet;

use arrow::datatypes::DataType;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use bytes::Bytes;
use futures::TryStreamExt;
use object_store::ObjectMeta;
use object_store::path::Path;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::footer::read_footer;
use super::listing::FileKey;
use super::location::Location;
use super::store::Store;
use super::{CatalogError, CatalogSettings};
use crate::model::ColumnType;

/// Folders below folders are looked into this deep.
const DEPTH: usize = 4;

/// A warehouse with more tables than this is not listed to its end.
const MOST_TABLES: usize = 500;

/// Of tables with more bytes than this it is not found out which columns identify rows.
const MOST_BYTES: u64 = 64 * 1024 * 1024;

/// Endings of columns that may identify rows.
const KEYS: [&str; 7] = ["id", "_no", "_key", "_code", "_number", "_uuid", "_ref"];

/// A folder of Parquet files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundTable {
    /// Below the warehouse, with `/`.
    pub table: String,
    /// The name of the first hive folder below it.
    pub partition: Option<String>,
    pub columns: Vec<FoundColumn>,
}

/// A column of a table's files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundColumn {
    pub name: String,
    /// None: a type that no dataset can declare (lists, nested records).
    pub data_type: Option<ColumnType>,
    /// Whether every row has a value of its own; none where that was not looked at: columns whose
    /// names are not those of keys, and tables that are too large.
    pub unique: Option<bool>,
}

/// Every table below a warehouse's address, by name. Reads one footer a table, and of small tables
/// the columns that may be keys.
///
/// # Errors
/// An address that no store can have; a store that does not answer.
pub async fn discover(
    warehouse: &str,
    settings: &CatalogSettings,
) -> Result<Vec<FoundTable>, CatalogError> {
    let location = Location::parse(warehouse, "")?;
    let store = Store::open(&location, settings)?;
    let failed = |source| CatalogError::Store { store: location.root.clone(), source };
    let mut tables = Vec::new();
    let mut folders = vec![(String::new(), location.folder.clone())];
    while let Some((name, folder)) = folders.pop() {
        let listed = store.client.list_with_delimiter(Some(&folder)).await.map_err(failed)?;
        let file = listed.objects.into_iter().find(|meta| is_parquet(&meta.location));
        let below: Vec<Path> = listed.common_prefixes.into_iter().filter(is_visible).collect();
        let hive = below.iter().find_map(partition_of);
        if file.is_some() || hive.is_some() {
            let file = match file {
                Some(meta) => Some(FileKey::of(meta)),
                None => first_file(&store, &below).await.map_err(failed)?,
            };
            if let (false, Some(file)) = (name.is_empty(), file) {
                let mut columns = columns_of(&store, &file).await;
                find_keys(&store, &folder, &mut columns).await;
                tables.push(FoundTable { table: name, partition: hive, columns });
            }
        } else if name.matches('/').count() < DEPTH {
            folders.extend(below.into_iter().filter_map(|folder| {
                let part = folder.filename()?.to_owned();
                let name = if name.is_empty() { part } else { format!("{name}/{part}") };
                Some((name, folder))
            }));
        }
        if tables.len() >= MOST_TABLES {
            break;
        }
    }
    tables.sort_by(|a, b| a.table.cmp(&b.table));
    Ok(tables)
}

fn is_parquet(path: &Path) -> bool {
    let ending = path.extension().map(str::to_ascii_lowercase);
    is_visible(path) && matches!(ending.as_deref(), Some("parquet" | "parq"))
}

fn is_visible(path: &Path) -> bool {
    path.filename().is_some_and(|name| !name.starts_with(['_', '.']))
}

fn partition_of(folder: &Path) -> Option<String> {
    folder.filename()?.split_once('=').map(|(name, _)| name.to_owned())
}

/// The first file in the newest hive folder.
async fn first_file(store: &Store, folders: &[Path]) -> object_store::Result<Option<FileKey>> {
    let mut folders: Vec<Path> = folders.to_vec();
    for _ in 0..DEPTH {
        let Some(last) = folders.iter().max() else { return Ok(None) };
        let listed = store.client.list_with_delimiter(Some(last)).await?;
        if let Some(meta) = listed.objects.into_iter().find(|meta| is_parquet(&meta.location)) {
            return Ok(Some(FileKey::of(meta)));
        }
        folders = listed.common_prefixes;
    }
    Ok(None)
}

/// None where the file cannot be read: `check --data` says why.
async fn columns_of(store: &Store, file: &FileKey) -> Vec<FoundColumn> {
    let Ok(Ok(footer)) = read_footer(store, file).await else { return Vec::new() };
    let fields = footer.schema.fields().iter();
    fields
        .map(|field| FoundColumn {
            name: field.name().clone(),
            data_type: type_of(field.data_type()),
            unique: None,
        })
        .collect()
}

/// Says of columns that may be keys whether they are. What cannot be read stays unknown.
async fn find_keys(store: &Store, folder: &Path, columns: &mut [FoundColumn]) {
    let may_be = |column: &&mut FoundColumn| {
        let name = column.name.to_lowercase();
        KEYS.iter().any(|ending| name.ends_with(ending))
            && matches!(column.data_type, Some(ColumnType::Text | ColumnType::Int))
    };
    let mut wanted: Vec<&mut FoundColumn> = columns.iter_mut().filter(may_be).collect();
    if wanted.is_empty() {
        return;
    }
    let Some(files) = all_files(store, folder).await else { return };
    let names: Vec<String> = wanted.iter().map(|column| column.name.clone()).collect();
    let mut seen: Vec<Option<HashSet<String>>> = vec![Some(HashSet::new()); names.len()];
    for file in files {
        let read = store.read(&file.location, 0..file.size).await;
        let Some(()) = read.ok().and_then(|(_, bytes)| look(bytes, &names, &mut seen)) else {
            return;
        };
    }
    for (column, seen) in wanted.iter_mut().zip(seen) {
        column.unique = Some(seen.is_some_and(|values| !values.is_empty()));
    }
}

/// The table's files, unless they are too large together.
async fn all_files(store: &Store, folder: &Path) -> Option<Vec<ObjectMeta>> {
    let listed: Vec<ObjectMeta> = store.client.list(Some(folder)).try_collect().await.ok()?;
    let files: Vec<ObjectMeta> =
        listed.into_iter().filter(|meta| is_parquet(&meta.location) && meta.size > 0).collect();
    let bytes: u64 = files.iter().map(|meta| meta.size).sum();
    (bytes <= MOST_BYTES).then_some(files)
}

/// Remembers the values of each column; a null or a value that was there makes it no key.
fn look(bytes: Bytes, names: &[String], seen: &mut [Option<HashSet<String>>]) -> Option<()> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(bytes).ok()?;
    let schema = builder.schema().clone();
    let roots = names.iter().filter_map(|name| schema.index_of(name).ok());
    let mask = ProjectionMask::roots(builder.parquet_schema(), roots);
    for batch in builder.with_projection(mask).build().ok()? {
        let batch = batch.ok()?;
        for (name, seen) in names.iter().zip(seen.iter_mut()) {
            let Some(array) = batch.column_by_name(name) else {
                *seen = None;
                continue;
            };
            let options = FormatOptions::default();
            let shown = ArrayFormatter::try_new(array.as_ref(), &options).ok()?;
            let is_new = |values: &mut HashSet<String>| {
                (0..array.len())
                    .all(|row| array.is_valid(row) && values.insert(shown.value(row).to_string()))
            };
            if !seen.as_mut().is_some_and(is_new) {
                *seen = None;
            }
        }
    }
    Some(())
}

fn type_of(found: &DataType) -> Option<ColumnType> {
    Some(match found {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => ColumnType::Text,
        DataType::Dictionary(_, values) => type_of(values)?,
        other if other.is_integer() => ColumnType::Int,
        other if other.is_floating() => ColumnType::Float,
        DataType::Decimal32(_, scale)
        | DataType::Decimal64(_, scale)
        | DataType::Decimal128(_, scale)
        | DataType::Decimal256(_, scale) => {
            ColumnType::Decimal { scale: u8::try_from(*scale).unwrap_or(0) }
        }
        DataType::Boolean => ColumnType::Bool,
        DataType::Date32 | DataType::Date64 => ColumnType::Date,
        DataType::Timestamp(..) => ColumnType::Timestamp,
        _ => return None,
    })
}
