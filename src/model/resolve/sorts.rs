//! What expressions over declared columns are sure to give, so that what makes no sense is refused
//! where it is written. What a table says only when it is read is checked then.

use sqlparser::ast::{BinaryOperator, Expr, UnaryOperator, Value};

use super::Resolver;
use super::expression::{Refusal, name_of, parse};
use crate::definitions::Text;
use crate::diagnostics::{Code, Diagnostic};
use crate::model::{Aggregate, ColumnName, ColumnType, DatasetName};

/// The sorts of values that operators tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    Text,
    Number,
    Bool,
    Time,
}

impl Sort {
    fn word(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Number => "a number",
            Self::Bool => "true or false",
            Self::Time => "a time",
        }
    }
}

fn unfit(message: String, help: &str) -> Refusal {
    Refusal { code: Code::ExpressionNotAllowed, message, help: Some(help.to_owned()) }
}

impl Resolver<'_> {
    /// A row's condition must be true or false.
    pub(super) fn check_condition(&mut self, dataset: &DatasetName, text: &Text) {
        let found = parse(&text.value).and_then(|expr| match self.sort(dataset, &expr)? {
            None | Some(Sort::Bool) => Ok(()),
            Some(other) => Err(unfit(
                format!("`{}` is {}, and a filter is true or false", text.value, other.word()),
                "compare it: `column = 'value'`",
            )),
        });
        self.note_unfit(text, found);
    }

    /// What is aggregated must be of a sort that can be.
    pub(super) fn check_aggregated(
        &mut self,
        dataset: &DatasetName,
        text: &Text,
        aggregate: Aggregate,
    ) {
        let found = parse(&text.value).and_then(|expr| {
            let Some(sort) = self.sort(dataset, &expr)? else { return Ok(()) };
            let is_counted = matches!(aggregate, Aggregate::Count | Aggregate::CountDistinct);
            if is_counted || sort == Sort::Number {
                return Ok(());
            }
            Err(unfit(
                format!("`{}` is {}, and this metric aggregates numbers", text.value, sort.word()),
                "aggregate a column of numbers, or count: `aggregate: count_distinct`",
            ))
        });
        self.note_unfit(text, found);
    }

    /// A declared column that says when must be a time.
    pub(super) fn use_time(&mut self, dataset: &DatasetName, text: &Text) -> Option<ColumnName> {
        let name = self.use_column(dataset, text)?;
        match self.sort_of(dataset, name.as_str()) {
            None | Some(Sort::Time) => Some(name),
            Some(other) => {
                let message = format!("`{name}` of `{dataset}` is {}, and no time", other.word());
                let found = Diagnostic::new(Code::InvalidValue, text.span, message);
                self.out.push(found.help("name a column of type timestamp or date"));
                None
            }
        }
    }

    fn note_unfit(&mut self, text: &Text, found: Result<(), Refusal>) {
        if let Err(refusal) = found {
            self.refused(text, refusal);
        }
    }

    fn sort_of(&self, dataset: &DatasetName, column: &str) -> Option<Sort> {
        let found = self.datasets.get(dataset)?.columns.get(column)?;
        Some(match found.data_type {
            ColumnType::Text => Sort::Text,
            ColumnType::Int | ColumnType::Decimal { .. } | ColumnType::Float => Sort::Number,
            ColumnType::Bool => Sort::Bool,
            ColumnType::Date | ColumnType::Timestamp => Sort::Time,
            ColumnType::AsFound => return None,
        })
    }

    /// None: not known before the table is read.
    fn sort(&self, dataset: &DatasetName, expr: &Expr) -> Result<Option<Sort>, Refusal> {
        Ok(match expr {
            Expr::Nested(inner) => self.sort(dataset, inner)?,
            Expr::Identifier(name) => self.sort_of(dataset, &name_of(name)),
            Expr::Value(value) => match &value.value {
                Value::Number(..) => Some(Sort::Number),
                Value::SingleQuotedString(_) => Some(Sort::Text),
                Value::Boolean(_) => Some(Sort::Bool),
                _ => None,
            },
            Expr::UnaryOp { op: UnaryOperator::Not, expr } => {
                self.sort(dataset, expr)?;
                Some(Sort::Bool)
            }
            Expr::BinaryOp { left, op, right } => self.binary(dataset, (left, op, right))?,
            _ => None,
        })
    }

    fn binary(
        &self,
        dataset: &DatasetName,
        (left, op, right): (&Expr, &BinaryOperator, &Expr),
    ) -> Result<Option<Sort>, Refusal> {
        use BinaryOperator as Op;
        let sorts = (self.sort(dataset, left)?, self.sort(dataset, right)?);
        match op {
            Op::And | Op::Or => {
                let odd =
                    [(left, sorts.0), (right, sorts.1)].into_iter().find_map(|(side, sort)| {
                        sort.filter(|sort| *sort != Sort::Bool).map(|sort| (side, sort))
                    });
                match odd {
                    Some((side, sort)) => Err(unfit(
                        format!(
                            "`{side}` is {}, and {op} joins what is true or false",
                            sort.word()
                        ),
                        "compare it: `column = 'value'`",
                    )),
                    None => Ok(Some(Sort::Bool)),
                }
            }
            Op::Eq | Op::NotEq | Op::Lt | Op::LtEq | Op::Gt | Op::GtEq => match sorts {
                (Some(Sort::Time), Some(Sort::Number)) | (Some(Sort::Number), Some(Sort::Time)) => {
                    Err(unfit(
                        format!("`{left} {op} {right}` compares a time with a number"),
                        "write the time as text: `column >= '2026-01-31'`",
                    ))
                }
                _ => Ok(Some(Sort::Bool)),
            },
            Op::Divide | Op::Modulo if is_zero(right) => Err(unfit(
                format!("`{left} {op} {right}` divides by zero"),
                "divide by what is not zero: `nullif(column, 0)` gives null instead",
            )),
            _ => Ok((sorts == (Some(Sort::Number), Some(Sort::Number))).then_some(Sort::Number)),
        }
    }
}

fn is_zero(expr: &Expr) -> bool {
    let Expr::Value(value) = expr else { return false };
    matches!(&value.value, Value::Number(text, _) if text.bytes().all(|c| matches!(c, b'0' | b'.')))
}
