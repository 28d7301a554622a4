//! Expected rows against found ones, to the digit.

use crate::model::ExpectedRow;
use crate::values::{Number, nearest_double, parse_fraction, show_number};

use super::answer::{Found, Rows};

/// Where an answer is another one than expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// A value of a row that is there. `row` names the row (`period 2026-01-01, segment SMB`).
    Value {
        row: String,
        column: String,
        expected: String,
        got: String,
    },
    Missing {
        row: String,
    },
    Unexpected {
        row: String,
    },
    /// The answer has no such column.
    NoColumn {
        column: String,
        columns: Vec<String>,
    },
}

/// Nothing where every expected row is there, every value is the expected one, and no other row is.
pub fn differences(found: &Rows, expected: &[ExpectedRow]) -> Vec<Difference> {
    let place = |name: &str| found.columns.iter().position(|column| column.name == name);
    let unknown: Vec<Difference> = expected
        .iter()
        .take(1)
        .flatten()
        // An answer without rows says nothing of its columns.
        .filter(|(name, _)| !found.rows.is_empty() && place(name).is_none())
        .map(|(name, _)| Difference::NoColumn {
            column: name.clone(),
            columns: found.columns.iter().map(|column| column.name.clone()).collect(),
        })
        .collect();
    if !unknown.is_empty() {
        return unknown;
    }
    let is_key = |name: &str| place(name).is_some_and(|at| found.columns[at].is_key);
    let mut left: Vec<usize> = (0..found.rows.len()).collect();
    let mut differences = Vec::new();
    for row in expected {
        let keys = || row.iter().filter(|(name, _)| is_key(name));
        let agrees = |index: &usize| {
            keys().all(|(name, value)| {
                place(name).is_some_and(|at| same(&found.rows[*index][at], value.as_deref()))
            })
        };
        let name = row_name(keys());
        let Some(at) = left.iter().position(agrees) else {
            differences.push(Difference::Missing { row: name });
            continue;
        };
        let index = left.remove(at);
        for (column, value) in row.iter().filter(|(name, _)| !is_key(name)) {
            let Some(at) = place(column) else { continue };
            let got = &found.rows[index][at];
            if !same(got, value.as_deref()) {
                differences.push(Difference::Value {
                    row: name.clone(),
                    column: column.clone(),
                    expected: value.clone().unwrap_or_else(|| "null".to_owned()),
                    got: shown(got),
                });
            }
        }
    }
    differences.extend(left.into_iter().map(|index| {
        let cells = found.columns.iter().zip(&found.rows[index]);
        let cells: Vec<(String, Option<String>)> = cells
            .filter(|(column, _)| column.is_key)
            .map(|(column, value)| (column.name.clone(), Some(shown(value))))
            .collect();
        Difference::Unexpected { row: row_name(cells.iter()) }
    }));
    differences
}

fn row_name<'a>(keys: impl Iterator<Item = &'a (String, Option<String>)>) -> String {
    let words: Vec<String> = keys
        .map(|(name, value)| format!("{name} {}", value.as_deref().unwrap_or("null")))
        .collect();
    if words.is_empty() { "the only row".to_owned() } else { words.join(", ") }
}

/// A number is the expected one exactly; where the API gives a double, the double nearest to it.
fn same(found: &Found, expected: Option<&str>) -> bool {
    let Some(expected) = expected else { return *found == Found::Null };
    match found {
        Found::Null => false,
        Found::Text(text) => text == expected,
        Found::Number(number) => parse_fraction(expected).is_some_and(|wanted| {
            let is_double = matches!(number, Number::Ratio(_) | Number::Float(_));
            number.rational().as_ref() == Some(&wanted)
                || (is_double && number.to_f64() == nearest_double(&wanted))
        }),
        Found::Json(text) => match (parse_fraction(expected), parse_fraction(text)) {
            (Some(wanted), Some(found)) if wanted == found => true,
            (Some(wanted), _) => text.parse::<f64>().is_ok_and(|f| f == nearest_double(&wanted)),
            (None, _) => false,
        },
    }
}

/// A value as a test would write it, with what JSON would show where that is shorter to read.
fn shown(found: &Found) -> String {
    match found {
        Found::Null => "null".to_owned(),
        Found::Text(text) | Found::Json(text) => text.clone(),
        Found::Number(Number::Ratio(value)) => {
            format!("{}/{} ({})", value.numer(), value.denom(), nearest_double(value))
        }
        Found::Number(number) => show_number(number),
    }
}

#[cfg(test)]
mod tests {
    use super::super::answer::AnswerColumn;
    use super::*;

    fn rows(values: &[(&str, Found)]) -> Rows {
        let column = |name: &str, is_key| AnswerColumn { name: name.to_owned(), is_key };
        Rows {
            columns: vec![column("segment", true), column("nrr", false)],
            rows: values
                .iter()
                .map(|(key, value)| vec![Found::Text((*key).to_owned()), value.clone()])
                .collect(),
        }
    }

    fn expected(values: &[(&str, Option<&str>)]) -> Vec<ExpectedRow> {
        let text = |text: &str| Some(text.to_owned());
        let row = |(key, value): &(&str, Option<&str>)| {
            vec![("segment".to_owned(), text(key)), ("nrr".to_owned(), value.and_then(text))]
        };
        values.iter().map(row).collect()
    }

    #[test]
    fn a_ratio_is_compared_exactly_and_a_last_digit_is_found() {
        let nrr = Found::Number(Number::fraction(423, 430).unwrap());
        assert!(same(&nrr, Some("423/430")));
        // As the API prints it.
        assert!(same(&nrr, Some("0.9837209302325581")));
        assert!(!same(&nrr, Some("0.98")) && !same(&nrr, None));
        let money = Found::Number(Number::Decimal(1000, 2));
        assert!(same(&money, Some("10")) && !same(&money, Some("10.01")));
        assert!(same(&Found::Json("0.9837209302325581".to_owned()), Some("423/430")));
        assert!(same(&Found::Null, None) && !same(&Found::Null, Some("0")));
    }

    #[test]
    fn rows_are_told_apart_by_their_keys() {
        let money = |units| Found::Number(Number::Decimal(units, 2));
        let found = rows(&[("SMB", money(100)), ("Enterprise", money(-5))]);
        assert!(
            differences(&found, &expected(&[("Enterprise", Some("-0.05")), ("SMB", Some("1"))]))
                .is_empty()
        );
        let told = differences(&found, &expected(&[("Mid", None), ("SMB", Some("2"))]));
        assert_eq!(
            told,
            [
                Difference::Missing { row: "segment Mid".to_owned() },
                Difference::Value {
                    row: "segment SMB".to_owned(),
                    column: "nrr".to_owned(),
                    expected: "2".to_owned(),
                    got: "1.00".to_owned()
                },
                Difference::Unexpected { row: "segment Enterprise".to_owned() },
            ]
        );
    }

    #[test]
    fn a_column_that_is_not_there_is_named() {
        let found = rows(&[("SMB", Found::Null)]);
        let told = differences(&found, &[vec![("grr".to_owned(), None)]]);
        assert!(matches!(&told[..], [Difference::NoColumn { column, .. }] if column == "grr"));
    }
}
