//! CSV as RFC 4180 has it: a header, CRLF, quotes doubled. Decimals are written in full.
//!
//! Texts that a spreadsheet would run as a formula get a leading apostrophe; numbers never do.

use crate::engine::{Cell, TableAnswer};
use crate::values::{Number, Scalar};

use super::super::values::fixed;

pub(super) fn write(table: &TableAnswer) -> String {
    let mut csv = String::new();
    let header = table.columns.iter().map(|column| quoted(&column.name));
    push_record(&mut csv, header);
    for row in &table.rows {
        push_record(&mut csv, row.iter().map(cell));
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
            Number::Ratio(_) | Number::Float(_) => float(number.to_f64()),
        },
    }
}

fn scalar(value: &Scalar) -> String {
    match value {
        Scalar::Null => String::new(),
        Scalar::Bool(value) => value.to_string(),
        Scalar::Int(value) => value.to_string(),
        Scalar::Decimal(units, scale) => fixed(*units, *scale),
        Scalar::Float(value) => float(*value),
        Scalar::Text(text) => harmless(text),
        Scalar::Date(day) => day.to_string(),
        Scalar::Timestamp(at) => at.to_rfc3339(),
    }
}

fn float(value: f64) -> String {
    if value.is_finite() { (value + 0.0).to_string() } else { String::new() }
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
        ];
        let expected = "name,mrr\r\n\
                        \"'=HYPERLINK(\"\"x\"\")\",123456789012345678.90\r\n\
                        \"a, \"\"b\"\"\nc\",-0.05\r\n\
                        \"\",\r\n\
                        ,0.25\r\n";
        assert_eq!(write(&table(columns, rows)), expected);
    }
}
