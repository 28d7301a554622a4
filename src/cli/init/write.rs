//! The files of a new project. What was guessed says `review`.

use std::fmt::Write;
use std::path::Path;

use crate::catalog::{FoundColumn, FoundTable};
use crate::definitions::PROJECT_FILE;
use crate::diagnostics::SourceFile;
use crate::model::ColumnType;

use super::recognise::Recognised;

/// Keys of these entities lead to canonical datasets.
const ENTITIES: [(&str, &[&str]); 3] = [
    (
        "customer",
        &["customer_id", "account_id", "client_id", "company_id", "cust_id", "acct", "acct_id"],
    ),
    ("product", &["product_id", "plan_id", "plan_code", "sku"]),
    ("csm", &["csm_id"]),
];

/// `upswell.yml`, and a dataset and a first metric for every table of the company's own.
pub fn texts(dir: &Path, warehouse: &str, tables: &[Recognised<'_>]) -> Vec<SourceFile> {
    let mut files = vec![SourceFile::new(PROJECT_FILE, project(dir, warehouse, tables))];
    for own in tables.iter().filter(|table| table.canonical.is_none()) {
        let name = format!("own_{}", name_of(&own.table.table));
        let name = name.strip_prefix("own_").filter(|name| !TAKEN.contains(name)).unwrap_or(&name);
        let columns: Vec<&FoundColumn> =
            own.table.columns.iter().filter(|column| column.data_type.is_some()).collect();
        if !columns.is_empty() {
            files.push(SourceFile::new(
                format!("datasets/{name}.yml"),
                dataset(name, &own.table, &columns),
            ));
            files.push(SourceFile::new(format!("metrics/{name}.yml"), metric(name)));
        }
    }
    files
}

/// Names of datasets that ship: a table of the company's own that is none of them gets another.
const TAKEN: [&str; 13] = [
    "customers",
    "products",
    "csms",
    "csm_assignments",
    "mrr_movements",
    "subscriptions",
    "subscription_months",
    "order_lines",
    "offers",
    "milestones",
    "usage_months",
    "health_months",
    "acquisition_spend",
];

fn project(dir: &Path, warehouse: &str, tables: &[Recognised<'_>]) -> String {
    let folder = dir.canonicalize().ok();
    let folder = folder.as_deref().unwrap_or(dir).file_name().map(|name| name.to_string_lossy());
    let mut out = format!(
        "# A project of Upswell: what is marked `review` was guessed.\nversion: 1\nname: {}\n\
         warehouse: {}\ntime_zone: UTC            # review: the zone that days and months are cut in\n\
         fiscal_year_starts: january\ncurrency: USD             # review\n",
        quoted(name_of(&folder.unwrap_or_default())),
        quoted(warehouse),
    );
    let known: Vec<_> =
        tables.iter().filter_map(|table| Some((table, table.canonical.as_ref()?))).collect();
    if known.is_empty() {
        out.push_str(
            "# canonical:              # your tables, columns and values for the canonical ones\n\
             #   mrr_movements:\n#     table: fct_mrr_changes\n\
             #     columns: { amount: mrr_delta, occurred_at: event_ts, movement: change_class }\n\
             #     values: { movement: { upgrade: expansion, downgrade: contraction, cancelled: churn } }\n",
        );
        return out;
    }
    out.push_str("canonical:\n");
    for (found, (dataset, columns)) in known {
        let _ = writeln!(out, "  {}:\n    table: {}", dataset.name, quoted(&found.table.table));
        let partition = found.table.partition.as_deref();
        if partition != dataset.partition.as_deref() {
            let _ = writeln!(out, "    partition: {}", partition.map_or("none".to_owned(), quoted));
        }
        let renamed: Vec<String> = columns
            .iter()
            .filter_map(|(column, file)| {
                let cents = matches!(column.data_type, ColumnType::Decimal { .. })
                    && file.data_type == Some(ColumnType::Int);
                let name = quoted(&file.name);
                match (cents, column.name.as_str() == file.name) {
                    (true, _) => Some(format!(
                        "      {}: {{ from: {name}, minor_units: 2 }}   # review: cents?",
                        column.name
                    )),
                    (false, false) => Some(format!("      {}: {name}   # review", column.name)),
                    (false, true) => None,
                }
            })
            .collect();
        if !renamed.is_empty() {
            let _ = writeln!(out, "    columns:\n{}", renamed.join("\n"));
        }
        if dataset.name.as_str() == "mrr_movements" {
            out.push_str(
                "    # review: values: { movement: { upgrade: expansion, cancelled: churn } }\n",
            );
        }
    }
    out
}

fn dataset(name: &str, table: &FoundTable, columns: &[&FoundColumn]) -> String {
    let mut out = format!(
        "datasets:\n  - name: {name}\n    description: {}\n    table: {}\n",
        quoted(format!("One row of {}.", table.table)),
        quoted(&table.table)
    );
    if let Some(time) = time_of(columns) {
        let _ = writeln!(out, "    time: {}   # review: when a row happened", quoted(&time.name));
    }
    let keys = keys_of(name, columns);
    if !keys.is_empty() {
        let _ = writeln!(out, "    keys:   # review: what identifies a row, and where rows lead");
        for (entity, column) in &keys {
            let _ = writeln!(out, "      {entity}: {}", quoted(column));
        }
    }
    out.push_str("    columns:\n");
    for column in columns {
        let word = column.data_type.map_or("text".to_owned(), type_word);
        let _ = writeln!(out, "      {}: {{ type: {word}, optional: true }}", quoted(&column.name));
    }
    let texts = columns.iter().filter(|column| {
        column.data_type == Some(ColumnType::Text)
            && !keys.iter().any(|(_, key)| *key == column.name)
    });
    let dimensions: Vec<String> = texts
        .take(8)
        .map(|column| {
            let label = name_of(&column.name);
            let expr = format!("\"\\\"{}\\\"\"", column.name.replace('"', ""));
            format!("      - {{ name: {name}_{label}, expr: {expr} }}")
        })
        .collect();
    if !dimensions.is_empty() {
        let _ = writeln!(out, "    dimensions:\n{}", dimensions.join("\n"));
    }
    out
}

fn metric(name: &str) -> String {
    format!(
        "metrics:\n  - name: {name}_rows\n    description: Rows of {name}, by their time.   # review\n    \
         kind: aggregate\n    dataset: {name}\n    aggregate: count\n    unit: count\n"
    )
}

/// The first time, rather one whose name says that something happened than one of bookkeeping.
fn time_of<'a>(columns: &[&'a FoundColumn]) -> Option<&'a FoundColumn> {
    let is_time = |column: &&&FoundColumn| {
        matches!(column.data_type, Some(ColumnType::Timestamp | ColumnType::Date))
    };
    let bookkeeping = |name: &str| {
        ["updated", "loaded", "_synced", "modified"].iter().any(|word| name.contains(word))
    };
    let mut times = columns.iter().filter(is_time);
    let first = times.clone().find(|column| !bookkeeping(&column.name.to_lowercase()));
    first.or_else(|| times.next()).copied()
}

/// `primary` (the first column that looks like the rows' own key) and keys of known entities.
fn keys_of(name: &str, columns: &[&FoundColumn]) -> Vec<(&'static str, String)> {
    let mut keys = Vec::new();
    let singular = name.trim_end_matches('s');
    let own = columns.iter().find(|column| {
        let lower = column.name.to_lowercase();
        let is_entity = ENTITIES.iter().any(|(_, words)| words.contains(&lower.as_str()));
        !is_entity
            && (lower == "id"
                || lower == format!("{singular}_id")
                || lower.ends_with("_id")
                || lower.ends_with("_no"))
    });
    keys.extend(own.map(|column| ("primary", column.name.clone())));
    for (entity, words) in ENTITIES {
        let found =
            columns.iter().find(|column| words.contains(&column.name.to_lowercase().as_str()));
        keys.extend(found.map(|column| (entity, column.name.clone())));
    }
    keys
}

fn type_word(found: ColumnType) -> String {
    match found {
        ColumnType::Text | ColumnType::AsFound => "text".to_owned(),
        ColumnType::Int => "int".to_owned(),
        ColumnType::Decimal { scale } => format!("\"decimal(38, {scale})\""),
        ColumnType::Float => "float".to_owned(),
        ColumnType::Bool => "bool".to_owned(),
        ColumnType::Date => "date".to_owned(),
        ColumnType::Timestamp => "timestamp".to_owned(),
    }
}

/// `Support/Tickets-2026` → `support_tickets_2026`.
fn name_of(text: &str) -> String {
    let mut name = String::new();
    for c in text.to_lowercase().chars() {
        let c = if c.is_ascii_alphanumeric() { c } else { '_' };
        if c != '_' || !(name.is_empty() || name.ends_with('_')) {
            name.push(c);
        }
    }
    let name = name.trim_end_matches('_');
    match name.chars().next() {
        Some(first) if first.is_ascii_lowercase() => name.to_owned(),
        _ => format!("t_{name}").trim_end_matches('_').to_owned(),
    }
}

/// As YAML text whatever it holds.
fn quoted(text: impl AsRef<str>) -> String {
    let text = text.as_ref();
    let plain =
        text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '/' | '.' | '-'));
    let is_word = plain && text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/');
    let reserved = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    if is_word && !reserved.contains(&text.to_lowercase().as_str()) {
        return text.to_owned();
    }
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
