//! The files of a new project. What was guessed says `review`.

use std::fmt::Write;
use std::path::Path;

use crate::definitions::PROJECT_FILE;
use crate::diagnostics::SourceFile;
use crate::model::ColumnType;

use super::propose::{Join, Proposal, name_of};
use super::recognise::Recognised;

/// `upswell.yml`, and a dataset and a first metric for every table of the company's own.
pub fn texts(
    dir: &Path,
    warehouse: &str,
    tables: &[Recognised<'_>],
    proposals: &[Proposal<'_>],
) -> Vec<SourceFile> {
    let mut files = vec![SourceFile::new(PROJECT_FILE, project(dir, warehouse, tables))];
    for own in proposals {
        files.push(SourceFile::new(format!("datasets/{}.yml", own.name), dataset(own)));
        files.push(SourceFile::new(format!("metrics/{}.yml", own.name), metric(own)));
    }
    files
}

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

fn dataset(own: &Proposal<'_>) -> String {
    let mut out = format!(
        "datasets:\n  - name: {}\n    description: {}\n    table: {}\n",
        own.name,
        quoted(format!("One row of {}.", own.table.table)),
        quoted(&own.table.table)
    );
    if let Some(time) = own.time {
        let _ = writeln!(out, "    time: {}   # review: when a row happened", quoted(time));
    }
    if let Some(entity) = &own.entity {
        let _ = writeln!(out, "    entity: {entity}   # review: what a row is about");
    }
    if own.primary.is_some() || !own.keys.is_empty() {
        let _ = writeln!(out, "    keys:   # review: what identifies a row, and where rows lead");
        let primary = own.primary.iter().map(|column| ("primary", *column));
        let keys = own.keys.iter().map(|(entity, column)| (entity.as_str(), *column));
        for (entity, column) in primary.chain(keys) {
            let _ = writeln!(out, "      {entity}: {}", quoted(column));
        }
    }
    if let Some((from, to)) = own.valid {
        let (from, to) = (quoted(from), quoted(to));
        let _ = writeln!(
            out,
            "    valid: [{from}, {to}]   # review: from when to when a row holds, half-open"
        );
    }
    out.push_str("    columns:\n");
    for column in &own.columns {
        let leads = own.entity.is_some() && own.primary == Some(column.name.as_str());
        let is_key = leads || own.keys.iter().any(|(_, key)| *key == column.name);
        // Keys are compared as texts, whatever the files keep them as.
        let found = column.data_type.filter(|_| !is_key);
        let word = found.map_or("text".to_owned(), type_word);
        let _ = writeln!(out, "      {}: {{ type: {word}, optional: true }}", quoted(&column.name));
    }
    if !own.dimensions.is_empty() {
        out.push_str("    dimensions:\n");
    }
    for (name, column) in &own.dimensions {
        let _ = writeln!(out, "      - {{ name: {name}, expr: \"\\\"{column}\\\"\" }}");
    }
    if !own.joins.is_empty() {
        out.push_str("    joins:   # review: who or what it was at that time\n");
    }
    for Join { to, as_of, weight } in &own.joins {
        let as_of = quoted(as_of);
        let weight = weight.as_ref().map(|share| format!(", weight: {}", quoted(share)));
        let weight = weight.unwrap_or_default();
        let _ = writeln!(out, "      - {{ to: {to}, as_of: {as_of}{weight} }}");
    }
    out
}

fn metric(own: &Proposal<'_>) -> String {
    let Proposal { name, metric, .. } = own;
    let description = match own.time {
        Some(time) => format!("Rows of {name}, by {time}."),
        None => format!("Rows of {name}; without a time they are the same in every period."),
    };
    format!(
        "metrics:\n  - name: {metric}\n    description: {}   # review\n    kind: aggregate\n    \
         dataset: {name}\n    aggregate: count\n    unit: count\n",
        quoted(description)
    )
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
