//! The sort of an expression's value from those of its parts. What no row can give a value for is
//! refused on the way.

use sqlparser::ast::{BinaryOperator, DataType, Expr, UnaryOperator, Value};

use super::super::Resolver;
use super::super::expression::{Refusal, name_of};
use super::{Sort, unfit};
use crate::model::DatasetName;

const CAST: &str = "cast it: `try_cast(column as decimal(18, 2))`; texts are joined with `||`";
const COMPARE: &str = "compare it: `column = 'value'`";

impl Resolver<'_> {
    /// None: not known before the table is read.
    pub(super) fn sort(&self, dataset: &DatasetName, expr: &Expr) -> Result<Option<Sort>, Refusal> {
        let sort = |part: &Expr| self.sort(dataset, part);
        Ok(match expr {
            Expr::Nested(inner) => sort(inner)?,
            Expr::Identifier(name) => self.sort_of(dataset, &name_of(name)),
            Expr::Value(value) => match &value.value {
                Value::Number(..) => Some(Sort::Number),
                Value::SingleQuotedString(_) => Some(Sort::Text),
                Value::Boolean(_) => Some(Sort::Bool),
                _ => None,
            },
            Expr::TypedString(typed) => of_type(&typed.data_type),
            Expr::UnaryOp { op: UnaryOperator::Not, expr }
            | Expr::IsTrue(expr)
            | Expr::IsNotTrue(expr)
            | Expr::IsFalse(expr)
            | Expr::IsNotFalse(expr) => self.truth(dataset, expr)?,
            Expr::UnaryOp { expr: of, .. } => self.numbers(dataset, &[of], expr)?,
            Expr::Ceil { expr: of, .. } | Expr::Floor { expr: of, .. } => {
                self.numbers(dataset, &[of], expr)?
            }
            Expr::IsNull(of) | Expr::IsNotNull(of) => {
                sort(of)?;
                Some(Sort::Bool)
            }
            Expr::BinaryOp { left, op, right } => self.binary(dataset, (left, op, right), expr)?,
            Expr::IsDistinctFrom(left, right) | Expr::IsNotDistinctFrom(left, right) => {
                self.compare(dataset, (left, right), expr)?
            }
            Expr::InList { expr: of, list, .. } => {
                for value in list {
                    self.compare(dataset, (of, value), expr)?;
                }
                Some(Sort::Bool)
            }
            Expr::Between { expr: of, low, high, .. } => {
                self.compare(dataset, (of, low), expr)?;
                self.compare(dataset, (of, high), expr)?
            }
            Expr::Like { expr: of, .. } | Expr::ILike { expr: of, .. } => match sort(of)? {
                None | Some(Sort::Text) => Some(Sort::Bool),
                Some(other) => {
                    let message = format!("`{of}` is {}, and LIKE compares texts", other.word());
                    return Err(unfit(message, "cast it: `cast(column as varchar)`"));
                }
            },
            Expr::Cast { expr: of, data_type, .. } => {
                sort(of)?;
                of_type(data_type)
            }
            Expr::Extract { expr: of, .. } => {
                sort(of)?;
                Some(Sort::Number)
            }
            Expr::Position { .. } => Some(Sort::Number),
            Expr::Substring { expr: of, .. } | Expr::Trim { expr: of, .. } => {
                sort(of)?;
                Some(Sort::Text)
            }
            Expr::Case { operand, conditions, else_result, .. } => {
                for when in conditions {
                    match operand {
                        Some(of) => self.compare(dataset, (of, &when.condition), expr)?,
                        None => self.truth(dataset, &when.condition)?,
                    };
                }
                let results = conditions.iter().map(|when| &when.result);
                self.either(dataset, results.chain(else_result.as_deref()), expr)?
            }
            Expr::Function(call) => self.call(dataset, call, expr)?,
            _ => None,
        })
    }

    /// What must be true or false is.
    fn truth(&self, dataset: &DatasetName, expr: &Expr) -> Result<Option<Sort>, Refusal> {
        match self.sort(dataset, expr)? {
            None | Some(Sort::Bool) => Ok(Some(Sort::Bool)),
            Some(other) => {
                let message =
                    format!("`{expr}` is {}, and a condition is true or false", other.word());
                Err(unfit(message, COMPARE))
            }
        }
    }

    /// What takes numbers gives one.
    pub(super) fn numbers(
        &self,
        dataset: &DatasetName,
        parts: &[&Expr],
        whole: &Expr,
    ) -> Result<Option<Sort>, Refusal> {
        for part in parts {
            if let Some(other) = self.sort(dataset, part)?.filter(|sort| *sort != Sort::Number) {
                let message = format!("`{part}` is {}, and `{whole}` takes numbers", other.word());
                return Err(unfit(message, CAST));
            }
        }
        Ok(Some(Sort::Number))
    }

    /// The sort of what is one of several values. Texts beside times are read as times.
    pub(super) fn either<'e>(
        &self,
        dataset: &DatasetName,
        parts: impl Iterator<Item = &'e Expr>,
        whole: &Expr,
    ) -> Result<Option<Sort>, Refusal> {
        let (mut found, mut unknown): (Option<Sort>, bool) = (None, false);
        for part in parts {
            let Some(sort) = self.sort(dataset, part)? else {
                unknown |= !is_null(part);
                continue;
            };
            found = match found {
                Some(known) if known != sort => Some(mixed(known, sort).ok_or_else(|| {
                    let words = (known.word(), sort.word());
                    let message =
                        format!("`{whole}` is {} in one case, {} in another", words.0, words.1);
                    unfit(message, "cast one to the other: `cast(column as varchar)`")
                })?),
                _ => Some(sort),
            };
        }
        Ok(found.filter(|_| !unknown))
    }

    /// Values that are compared must be of one sort.
    pub(super) fn compare(
        &self,
        dataset: &DatasetName,
        (left, right): (&Expr, &Expr),
        whole: &Expr,
    ) -> Result<Option<Sort>, Refusal> {
        let sorts = (self.sort(dataset, left)?, self.sort(dataset, right)?);
        let (Some(left), Some(right)) = sorts else { return Ok(Some(Sort::Bool)) };
        if left == right || mixed(left, right).is_some() {
            return Ok(Some(Sort::Bool));
        }
        let help = match (left, right) {
            (Sort::Time, Sort::Number) | (Sort::Number, Sort::Time) => {
                "write the time as text: `column >= '2026-01-31'`"
            }
            (Sort::Bool, _) | (_, Sort::Bool) => "true and false are written without quotes",
            _ => {
                "texts are written in quotes, numbers without; a column of texts can be cast: \
                  `try_cast(column as decimal(18, 2))`"
            }
        };
        let (left, right) = (left.word(), right.word());
        Err(unfit(format!("`{whole}` compares {left} with {right}"), help))
    }

    fn binary(
        &self,
        dataset: &DatasetName,
        (left, op, right): (&Expr, &BinaryOperator, &Expr),
        whole: &Expr,
    ) -> Result<Option<Sort>, Refusal> {
        use BinaryOperator as Op;
        match op {
            Op::Eq | Op::NotEq | Op::Lt | Op::LtEq | Op::Gt | Op::GtEq => {
                return self.compare(dataset, (left, right), whole);
            }
            _ => {}
        }
        let sorts = (self.sort(dataset, left)?, self.sort(dataset, right)?);
        match op {
            Op::And | Op::Or => {
                let sides = [(left, sorts.0), (right, sorts.1)];
                let odd = sides.into_iter().find_map(|(side, sort)| {
                    sort.filter(|sort| *sort != Sort::Bool).map(|sort| (side, sort.word()))
                });
                match odd {
                    Some((side, word)) => Err(unfit(
                        format!("`{side}` is {word}, and {op} joins what is true or false"),
                        COMPARE,
                    )),
                    None => Ok(Some(Sort::Bool)),
                }
            }
            Op::Divide | Op::Modulo if is_zero(right) => Err(unfit(
                format!("`{whole}` divides by zero"),
                "divide by what is not zero: `nullif(column, 0)` gives null instead",
            )),
            Op::StringConcat => Ok(Some(Sort::Text)),
            // What is added to a time, and the time between two, is no sort of these.
            Op::Plus | Op::Minus if sorts.0 == Some(Sort::Time) || sorts.1 == Some(Sort::Time) => {
                Ok(None)
            }
            _ => match sorts {
                (None, _) | (_, None) => Ok(None),
                _ => self.numbers(dataset, &[left, right], whole),
            },
        }
    }
}

/// The sort that values of two sorts are read as, where they go together.
fn mixed(a: Sort, b: Sort) -> Option<Sort> {
    matches!((a, b), (Sort::Time, Sort::Text) | (Sort::Text, Sort::Time)).then_some(Sort::Time)
}

/// The sort of what is cast.
fn of_type(data_type: &DataType) -> Option<Sort> {
    use DataType as T;
    Some(match data_type {
        T::Varchar(_)
        | T::CharVarying(_)
        | T::CharacterVarying(_)
        | T::Char(_)
        | T::Character(_)
        | T::Text
        | T::String(_) => Sort::Text,
        T::TinyInt(_)
        | T::SmallInt(_)
        | T::Int(_)
        | T::Int8(_)
        | T::Int64
        | T::Integer(_)
        | T::BigInt(_)
        | T::Decimal(_)
        | T::Dec(_)
        | T::Numeric(_)
        | T::Float(_)
        | T::Real
        | T::Double(_)
        | T::DoublePrecision => Sort::Number,
        T::Boolean | T::Bool => Sort::Bool,
        T::Date | T::Datetime(_) | T::Timestamp(..) => Sort::Time,
        _ => return None,
    })
}

fn is_null(expr: &Expr) -> bool {
    matches!(expr, Expr::Value(value) if matches!(value.value, Value::Null))
}

fn is_zero(expr: &Expr) -> bool {
    let Expr::Value(value) = expr else { return false };
    matches!(&value.value, Value::Number(text, _) if text.bytes().all(|c| matches!(c, b'0' | b'.')))
}
