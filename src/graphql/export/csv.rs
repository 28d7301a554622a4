//! CSV as RFC 4180 has it: a header, CRLF, quotes doubled. Decimals are written in full; whatever
//! else is a number has the text that it has in JSON. The one writer for exports over HTTP and for
//! the command line.
//!
//! Texts that a spreadsheet would run as a formula get a leading apostrophe; numbers never do.

use async_graphql::Value;
use serde_json::Value as Json;

use crate::engine::{Cell, TableAnswer};
use crate::values::{Number, Scalar};

use super::super::values::{fixed, float};

pub(super) fn write(table: &TableAnswer) -> String {
    let mut csv = String::new();
    push_record(&mut csv, table.columns.iter().map(|column| quoted(&column.name)));
    for row in &table.rows {
        push_record(&mut csv, row.iter().map(cell));
    }
    csv
}

/// Rows of a response, each cell as JSON has it.
#[must_use]
pub fn csv_of(header: &[String], rows: &[Vec<Json>]) -> String {
    let mut csv = String::new();
    push_record(&mut csv, header.iter().map(|name| quoted(name)));
    for row in rows {
        push_record(&mut csv, row.iter().map(json_cell));
    }
    csv
}

fn push_record(csv: &mut String, fields: impl Iterator<Item = String>) {
    for (index, field) in fields.enumerate() {
        if index > 0 {
            csv.push(',');
        }
        csv.push_str(&field);
    }
    csv.push_str("\r\n");
}

/// A null is an empty field, an empty text a quoted one.
fn cell(cell: &Cell) -> String {
    match cell {
        Cell::Period(start) => start.to_string(),
        Cell::Dimension(value) => scalar(value),
        Cell::Metric(None) => String::new(),
        Cell::Metric(Some(number)) => match number {
            Number::Int(count) => count.to_string(),
            Number::Decimal(units, scale) => fixed(*units, *scale),
            Number::Ratio(_) | Number::Float(_) => double(number.to_f64()),
        },
    }
}

fn json_cell(value: &Json) -> String {
    match value {
        Json::Null => String::new(),
        Json::String(text) => harmless(text),
        Json::Bool(_) | Json::Number(_) => value.to_string(),
        // Lists and objects have no columns of their own.
        Json::Array(_) | Json::Object(_) => quoted(&value.to_string()),
    }
}

fn scalar(value: &Scalar) -> String {
    match value {
        Scalar::Null => String::new(),
        Scalar::Bool(value) => value.to_string(),
        Scalar::Int(value) => value.to_string(),
        Scalar::Decimal(units, scale) => fixed(*units, *scale),
        Scalar::Float(value) => double(*value),
        Scalar::Text(text) => harmless(text),
        Scalar::Date(day) => day.to_string(),
        Scalar::Timestamp(at) => at.to_rfc3339(),
    }
}

/// As JSON has it: `1.0`, so that a column of doubles looks like one whatever it holds.
fn double(value: f64) -> String {
    match float(value) {
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    }
}

fn harmless(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        quoted(&format!("'{text}"))
    } else {
        quoted(text)
    }
}

fn quoted(text: &str) -> String {
    let plain = !text.is_empty() && !text.contains([',', '"', '\r', '\n']);
    if plain { text.to_owned() } else { format!("\"{}\"", text.replace('"', "\"\"")) }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{column, table};
    use super::*;
    use crate::engine::ColumnKind;

    #[test]
    fn texts_are_quoted_and_harmless_and_numbers_exact() {
        let columns =
            vec![column("name", ColumnKind::Dimension), column("mrr", ColumnKind::Metric)];
        let rows = vec![
            vec![
                Cell::Dimension(Scalar::text("=HYPERLINK(\"x\")")),
                Cell::Metric(Some(Number::Decimal(12_345_678_901_234_567_890, 2))),
            ],
            vec![
                Cell::Dimension(Scalar::text("a, \"b\"\nc")),
                Cell::Metric(Some(Number::Decimal(-5, 2))),
            ],
            vec![Cell::Dimension(Scalar::text("")), Cell::Metric(None)],
            vec![Cell::Dimension(Scalar::Null), Cell::Metric(Number::fraction(1, 4))],
            vec![Cell::Dimension(Scalar::Float(-0.0)), Cell::Metric(Number::fraction(3, 3))],
        ];
        let expected = "name,mrr\r\n\
                        \"'=HYPERLINK(\"\"x\"\")\",123456789012345678.90\r\n\
                        \"a, \"\"b\"\"\nc\",-0.05\r\n\
                        \"\",\r\n\
                        ,0.25\r\n\
                        0.0,1.0\r\n";
        assert_eq!(write(&table(columns, rows)), expected);
    }
}
