//! Expressions of definitions → expressions over a table's columns.
//!
//! Numbers with a decimal point are exact decimals, so that money times a rate stays money. They
//! become doubles only beside what is one already: a column of doubles, a function that has no exact
//! result, a division.

use arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, ExprSchemable, Operator, col};
use datafusion::prelude::cast;

use crate::error::{ApiError, ApiResult, ErrorCode};
use crate::model::{ColumnName, ScalarExpr};

use super::reader::Reader;

/// Functions whose results are roots, powers and logarithms.
const INEXACT: [&str; 5] = ["exp", "ln", "log10", "power", "sqrt"];

/// A column by its exact name.
pub fn ident(name: &ColumnName) -> Expr {
    col(datafusion::common::Column::new_unqualified(name.as_str()))
}

/// A definition's scalar expression against a scan's schema.
///
/// # Errors
/// `BAD_DATA` naming the definition's place where types do not fit.
pub fn lower_expr(reader: &Reader<'_>, expr: &ScalarExpr, schema: &DFSchema) -> ApiResult<Expr> {
    if let [only] = expr.columns.as_slice()
        && only.as_str() == expr.sql.trim()
    {
        return Ok(ident(only));
    }
    let parsed = reader.session.parse_sql_expr(&expr.sql, schema);
    parsed.and_then(|parsed| settle_literals(parsed, schema)).map_err(|error| {
        tracing::error!(%error, sql = %expr.sql, "expression does not fit the table");
        ApiError::new(
            ErrorCode::BadData,
            format!(
                "The expression at {}:{} does not fit the table's columns.",
                expr.source.file, expr.source.line
            ),
        )
    })
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
