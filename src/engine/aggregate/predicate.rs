//! The question's filter as an expression over rows, with two-valued logic.

use arrow::datatypes::DataType;
use datafusion::logical_expr::{Expr, lit};
use datafusion::prelude::cast;
use datafusion::scalar::ScalarValue;

use crate::error::ApiResult;
use crate::model::DimensionName;
use crate::planner::{Predicate, Test};
use crate::values::Scalar;

/// A predicate with two-valued logic: every test is made true or false before it is combined.
pub fn predicate_expr(
    predicate: &Predicate,
    value: &impl Fn(&DimensionName) -> ApiResult<Expr>,
) -> ApiResult<Expr> {
    let all = |parts: &[Predicate]| {
        parts.iter().map(|part| predicate_expr(part, value)).collect::<ApiResult<Vec<_>>>()
    };
    Ok(match predicate {
        Predicate::All(parts) => all(parts)?.into_iter().fold(lit(true), Expr::and),
        Predicate::Any(parts) => all(parts)?.into_iter().fold(lit(false), Expr::or),
        Predicate::Not(inner) => Expr::Not(Box::new(predicate_expr(inner, value)?)),
        Predicate::Test { dimension, test } => test_expr(value(dimension)?, test),
    })
}

fn test_expr(value: Expr, test: &Test) -> Expr {
    let one_of = |wanted: &[Scalar]| {
        wanted.iter().fold(lit(false), |any, wanted| any.or(value.clone().eq(literal(wanted))))
    };
    let text = || cast(value.clone(), DataType::Utf8);
    match test {
        Test::Eq(wanted) => value.eq(literal(wanted)).is_true(),
        Test::Ne(wanted) => value.eq(literal(wanted)).is_not_true(),
        Test::In(wanted) => one_of(wanted).is_true(),
        Test::NotIn(wanted) => one_of(wanted).is_not_true(),
        Test::IsNull(true) => value.is_null(),
        Test::IsNull(false) => value.is_not_null(),
        Test::Lt(wanted) => value.lt(literal(wanted)).is_true(),
        Test::Lte(wanted) => value.lt_eq(literal(wanted)).is_true(),
        Test::Gt(wanted) => value.gt(literal(wanted)).is_true(),
        Test::Gte(wanted) => value.gt_eq(literal(wanted)).is_true(),
        Test::Contains(part) => {
            datafusion::functions::string::expr_fn::contains(text(), lit(part.as_str())).is_true()
        }
        Test::StartsWith(part) => {
            datafusion::functions::string::expr_fn::starts_with(text(), lit(part.as_str()))
                .is_true()
        }
    }
}

fn literal(value: &Scalar) -> Expr {
    match value {
        Scalar::Null => lit(ScalarValue::Null),
        Scalar::Bool(value) => lit(*value),
        Scalar::Int(value) => lit(*value),
        Scalar::Decimal(value, scale) => {
            lit(ScalarValue::Decimal128(Some(*value), 38, i8::try_from(*scale).unwrap_or(0)))
        }
        Scalar::Float(value) => lit(*value),
        Scalar::Text(value) => lit(value.as_ref()),
        Scalar::Date(day) => {
            let days = day.signed_duration_since(chrono::NaiveDate::default()).num_days();
            lit(ScalarValue::Date32(i32::try_from(days).ok()))
        }
        Scalar::Timestamp(at) => lit(ScalarValue::TimestampMicrosecond(Some(at.0), None)),
    }
}
