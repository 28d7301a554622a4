//! Generated warehouses, and answers made flat.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use tempfile::TempDir;
use upswell::generate::{GenerateSettings, generate};

/// A project folder with a generated warehouse in `warehouse`.
pub fn demo(customers: u32, months: u32, seed: u64) -> TempDir {
    let root = TempDir::new().unwrap();
    let dir = root.path().join("warehouse");
    generate(&GenerateSettings { dir, customers, months, seed }, &()).unwrap();
    root
}

/// An object of an answer as cells: `period.start`, dimensions of `group` by their names.
pub fn flat(row: &Json) -> BTreeMap<String, Json> {
    let mut cells = BTreeMap::new();
    for (name, value) in row.as_object().unwrap() {
        match value {
            Json::Object(inner) => {
                for (part, value) in inner {
                    cells.insert(format!("{name}.{part}"), value.clone());
                }
            }
            Json::Array(group) if name == "group" => {
                for each in group {
                    let dimension = each["dimension"].as_str().unwrap().to_owned();
                    cells.insert(dimension, each["value"].clone());
                }
            }
            other => {
                cells.insert(name.clone(), other.clone());
            }
        }
    }
    cells
}
