//! Whole-number arithmetic of expressions, checked. The engine's own wraps where a result does not
//! fit its type: a wrong number. Here that is an error, and types stay as they are.

use arrow::compute::kernels::numeric::{add, mul, sub};
use arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::utils::take_function_args;
use datafusion::error::Result;
use datafusion::functions::core::expr_fn::greatest;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, Operator, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature, Volatility, lit,
};
use datafusion::physical_expr_common::datum::apply;
use datafusion::prelude::cast;

/// The same expression; where a whole number of it does not fit its type it fails.
pub fn checked(expr: Expr, schema: &DFSchema) -> Result<Expr> {
    let checked = expr.transform_up(|node| {
        let whole = match &node {
            Expr::BinaryExpr(binary) => {
                let (left, right) = (binary.left.as_ref(), binary.right.as_ref());
                let found = node.get_type(schema)?;
                let fits =
                    found.is_integer() && is_whole(left, schema)? && is_whole(right, schema)?;
                Arithmetic::of(binary.op).filter(|_| fits).map(|arithmetic| {
                    arithmetic.call(cast(left.clone(), found.clone()), cast(right.clone(), found))
                })
            }
            Expr::Negative(inner) => opposite(inner, schema)?,
            Expr::ScalarFunction(call) if call.name() == "abs" => match call.args.as_slice() {
                [inner] => {
                    opposite(inner, schema)?.map(|opposite| greatest(vec![inner.clone(), opposite]))
                }
                _ => None,
            },
            _ => None,
        };
        Ok(whole.map_or_else(|| Transformed::no(node), Transformed::yes))
    })?;
    Ok(checked.data)
}

fn is_whole(expr: &Expr, schema: &DFSchema) -> Result<bool> {
    Ok(matches!(expr.get_type(schema)?, found if found.is_integer() || found == DataType::Null))
}

/// What is left of zero without it, where it is a whole number with a sign.
fn opposite(expr: &Expr, schema: &DFSchema) -> Result<Option<Expr>> {
    let found = expr.get_type(schema)?;
    Ok(found
        .is_signed_integer()
        .then(|| Arithmetic::Sub.call(cast(lit(0i64), found), expr.clone())))
}

/// What wraps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Arithmetic {
    Add,
    Sub,
    Mul,
}

impl Arithmetic {
    fn of(operator: Operator) -> Option<Self> {
        Some(match operator {
            Operator::Plus => Self::Add,
            Operator::Minus => Self::Sub,
            Operator::Multiply => Self::Mul,
            _ => return None,
        })
    }

    /// Over two values of one type.
    fn call(self, left: Expr, right: Expr) -> Expr {
        let signature = Signature::any(2, Volatility::Immutable);
        ScalarUDF::new_from_impl(Checked { arithmetic: self, signature }).call(vec![left, right])
    }
}

/// A function instead of an operator; equal ones are one to the planner.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Checked {
    arithmetic: Arithmetic,
    signature: Signature,
}

impl ScalarUDFImpl for Checked {
    fn name(&self) -> &'static str {
        match self.arithmetic {
            Arithmetic::Add => "checked_add",
            Arithmetic::Sub => "checked_sub",
            Arithmetic::Mul => "checked_mul",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        let [found, _] = take_function_args(self.name(), types)?;
        Ok(found.clone())
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [left, right] = take_function_args(self.name(), &arguments.args)?;
        apply(left, right, |left, right| match self.arithmetic {
            Arithmetic::Add => add(left, right),
            Arithmetic::Sub => sub(left, right),
            Arithmetic::Mul => mul(left, right),
        })
    }
}
