//! What terminals get: errors with their causes, tables.

use std::error::Error;

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, ContentArrangement, Table};

/// An error and its causes, a line each.
#[must_use]
pub fn error(error: &dyn Error) -> String {
    let mut text = format!("error: {error}");
    let mut cause = error.source();
    while let Some(next) = cause {
        text.push_str(&format!("\n  because: {next}"));
        cause = next.source();
    }
    text
}

/// A readable table; cells that look like numbers are right-aligned.
#[must_use]
pub fn table(header: &[String], rows: &[Vec<String>]) -> String {
    let mut table = Table::new();
    table.load_preset(UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(header);
    table.add_rows(rows);
    for index in 0..header.len() {
        let numeric = rows.iter().map(|row| &row[index]).filter(|cell| !cell.is_empty());
        if numeric.clone().count() > 0
            && numeric.clone().all(|cell| cell.parse::<f64>().is_ok())
            && let Some(column) = table.column_mut(index)
        {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.to_string()
}
