//! The marker file that says which demo warehouse a folder holds, and the rules by which a folder
//! may be written: two warehouses are never mixed, and files of others never touched.

use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::files::staging_folder;
use super::table::Table;
use super::timeline::{HORIZON, Month};
use super::{GenerateError, GenerateSettings, VERSION};

const MARKER: &str = "_upswell_demo.json";

/// Which warehouse a folder holds. Written before the first file and never changed: how many months
/// there are is told by the files, so that an interrupted run is simply taken up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Marker {
    generator: u32,
    seed: u64,
    customers: u32,
}

impl Marker {
    /// The marker of the warehouse that is asked for.
    pub(super) fn new(settings: &GenerateSettings) -> Self {
        let GenerateSettings { customers, seed, .. } = *settings;
        Self { generator: VERSION, seed, customers }
    }

    /// Writes the marker in one step.
    pub(super) fn write(&self, dir: &Path) -> Result<(), GenerateError> {
        let path = dir.join(MARKER);
        let staged = staging_folder(dir).join(MARKER);
        let text = serde_json::to_string_pretty(self)
            .map_err(|source| GenerateError::Marker { path: path.clone(), source })?;
        fs::write(&staged, text + "\n").map_err(GenerateError::io(&staged))?;
        fs::rename(&staged, &path).map_err(GenerateError::io(&path))
    }

    fn read(dir: &Path) -> Result<Option<Self>, GenerateError> {
        let path = dir.join(MARKER);
        match fs::read_to_string(&path) {
            Ok(text) => serde_json::from_str(&text)
                .map(Some)
                .map_err(|source| GenerateError::Marker { path, source }),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(GenerateError::io(&path)(error)),
        }
    }
}

/// Whole months that the folder holds already; refuses a folder that holds something else.
pub(super) fn months_written(settings: &GenerateSettings) -> Result<u32, GenerateError> {
    let dir = &settings.dir;
    let Some(found) = Marker::read(dir)? else {
        return refuse_tables_of_others(dir).map(|()| 0);
    };
    if Marker::new(settings) == found {
        let is_whole =
            |month: &u32| Table::ALL.iter().all(|t| dir.join(t.file(Month(*month))).is_file());
        return Ok((0..HORIZON).find(|month| !is_whole(month)).unwrap_or(HORIZON));
    }
    Err(GenerateError::OtherWarehouse {
        dir: dir.clone(),
        generator: found.generator,
        seed: found.seed,
        customers: found.customers,
    })
}

fn refuse_tables_of_others(dir: &Path) -> Result<(), GenerateError> {
    for table in Table::ALL {
        let folder = dir.join(table.name());
        if folder.try_exists().map_err(GenerateError::io(&folder))? {
            return Err(GenerateError::TableOfOthers { dir: dir.into(), table: table.name() });
        }
    }
    Ok(())
}

/// The right to write to a folder, held by one process at a time. The staging folder is removed
/// with it.
pub(super) struct Workplace<'a> {
    dir: &'a Path,
    _lock: File,
}

impl<'a> Workplace<'a> {
    /// Opens an empty staging folder, or says that somebody else works there.
    pub(super) fn open(dir: &'a Path) -> Result<Self, GenerateError> {
        let staging = staging_folder(dir);
        fs::create_dir_all(&staging).map_err(GenerateError::io(&staging))?;
        let path = staging.join("lock");
        let lock = File::create(&path).map_err(GenerateError::io(&path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(GenerateError::Busy { dir: dir.into() }),
            Err(TryLockError::Error(error)) => return Err(GenerateError::io(&path)(error)),
        }
        Ok(Self { dir, _lock: lock })
    }
}

impl Drop for Workplace<'_> {
    /// What is left in the staging folder after an error is of no use to anyone; a folder that
    /// cannot be removed now is removed by the next run.
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(staging_folder(self.dir));
    }
}
