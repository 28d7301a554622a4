//! Expressions of definitions → expressions over a table's columns.
//!
//! Numbers with a decimal point are exact decimals, so that money times a rate stays money. They
//! become doubles only beside what is one already: a column of doubles, a function that has no exact
//! result, a division. Whole numbers are checked.

use arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::error::Result;
use datafusion::functions::math::expr_fn::abs;
use datafusion::logical_expr::{Expr, ExprSchemable, Operator, col, lit};
use datafusion::prelude::{cast, when};

use crate::error::{ApiError, ApiResult, ErrorCode};
use crate::model::{ColumnName, ScalarExpr};

use super::reader::Reader;
use super::whole::checked;

/// Functions whose results are roots, powers and logarithms.
const INEXACT: [&str; 5] = ["exp", "ln", "log10", "power", "sqrt"];

/// A column by its exact name.
pub fn ident(name: &ColumnName) -> Expr {
    col(datafusion::common::Column::new_unqualified(name.as_str()))
}

/// A definition's scalar expression against a scan's schema.
///
/// # Errors
/// `BAD_DATA` where types do not fit; whoever knows whose it is names it.
pub fn lower_expr(reader: &Reader<'_>, expr: &ScalarExpr, schema: &DFSchema) -> ApiResult<Expr> {
    if let [only] = expr.columns.as_slice()
        && only.as_str() == expr.sql.trim()
    {
        return Ok(ident(only));
    }
    let lower = || {
        let parsed = reader.session.parse_sql_expr(&expr.sql, schema)?;
        let lowered = checked(settle_literals(parsed, schema)?, schema)?;
        lowered.get_type(schema).map(|_| lowered)
    };
    lower().map_err(|error| {
        tracing::debug!(%error, sql = %expr.sql, "an expression does not fit a table");
        let help = "declare its columns in the dataset to see where";
        ApiError::of_expression(ErrorCode::BadData, "does not fit the types", help)
    })
}

/// The same of a condition: it must be true or false.
///
/// # Errors
/// `BAD_DATA` where it is neither, or types do not fit.
pub fn lower_condition(
    reader: &Reader<'_>,
    expr: &ScalarExpr,
    schema: &DFSchema,
) -> ApiResult<Expr> {
    let lowered = lower_expr(reader, expr, schema)?;
    if matches!(lowered.get_type(schema), Ok(DataType::Boolean | DataType::Null)) {
        return Ok(lowered);
    }
    let does = "is neither true nor false for a row";
    Err(ApiError::of_expression(ErrorCode::BadData, does, "compare it with a value"))
}

/// The same of a dimension, whose values rows are grouped by. What is no number among floats has no
/// value to write, so it is null; minus zero is zero.
///
/// # Errors
/// `BAD_DATA` where its values are of no type that a dimension has, or types do not fit.
pub fn lower_dimension(
    reader: &Reader<'_>,
    expr: &ScalarExpr,
    schema: &DFSchema,
) -> ApiResult<Expr> {
    let lowered = lower_expr(reader, expr, schema)?;
    let unfit = || {
        let does = "gives no text, number, day or instant for a row";
        ApiError::of_expression(ErrorCode::BadData, does, "cast it to one of them")
    };
    match lowered.get_type(schema) {
        Ok(found) if found.is_floating() => {
            let value = cast(lowered, DataType::Float64);
            let size = || abs(value.clone());
            when(size().eq(lit(0.0)), lit(0.0))
                .when(size().lt_eq(lit(f64::MAX)), value.clone())
                .end()
                .map_err(|_| unfit())
        }
        Ok(found) if is_dimension(&found) => Ok(lowered),
        _ => Err(unfit()),
    }
}

/// Whether dimensions have values of the type.
fn is_dimension(found: &DataType) -> bool {
    match found {
        DataType::Null
        | DataType::Boolean
        | DataType::Utf8
        | DataType::LargeUtf8
        | DataType::Utf8View
        | DataType::Decimal128(..)
        | DataType::Date32
        | DataType::Timestamp(..) => true,
        DataType::Dictionary(_, value) => is_dimension(value),
        found => found.is_integer(),
    }
}

/// Decimals as doubles where they meet doubles.
fn settle_literals(expr: Expr, schema: &DFSchema) -> Result<Expr> {
    let settled = expr.transform_up(|node| {
        if !gives_doubles(&node, schema)? {
            return Ok(Transformed::no(node));
        }
        node.map_children(|part| {
            let is_decimal = matches!(
                part.get_type(schema),
                Ok(DataType::Decimal128(..) | DataType::Decimal256(..))
            );
            Ok(if is_decimal && part.column_refs().is_empty() {
                Transformed::yes(cast(part, DataType::Float64))
            } else {
                Transformed::no(part)
            })
        })
    })?;
    Ok(settled.data)
}

fn gives_doubles(node: &Expr, schema: &DFSchema) -> Result<bool> {
    let is_inexact = match node {
        Expr::BinaryExpr(binary) => binary.op == Operator::Divide,
        Expr::ScalarFunction(call) => INEXACT.contains(&call.name()),
        _ => false,
    };
    let mut found = is_inexact;
    node.apply_children(|part| {
        found |= part.get_type(schema).is_ok_and(|found| found.is_floating());
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(found)
}
