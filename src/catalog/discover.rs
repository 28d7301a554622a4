//! What tables a warehouse holds, for a project that does not know them yet: folders with Parquet
//! files, and the columns of one file of each.

use arrow::datatypes::DataType;
use object_store::path::Path;

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
}

/// Every table below a warehouse's address, by name. Reads one footer a table.
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
                let columns = columns_of(&store, &file).await;
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
        })
        .collect()
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
