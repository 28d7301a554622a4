//! What the functions of expressions take and give.

use sqlparser::ast::{Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments};

use super::super::Resolver;
use super::super::expression::Refusal;
use super::Sort;
use crate::model::DatasetName;

impl Resolver<'_> {
    /// The sort of a function's value.
    pub(super) fn call(
        &self,
        dataset: &DatasetName,
        call: &Function,
        whole: &Expr,
    ) -> Result<Option<Sort>, Refusal> {
        let arguments = arguments_of(call);
        match call.name.to_string().to_lowercase().as_str() {
            "abs" | "ceil" | "exp" | "floor" | "ln" | "log10" | "power" | "round" | "sign"
            | "sqrt" | "trunc" => return self.numbers(dataset, &arguments, whole),
            "coalesce" | "greatest" | "least" | "nvl" => {
                return self.either(dataset, arguments.into_iter(), whole);
            }
            "nullif" => {
                if let [value, other] = arguments.as_slice() {
                    self.compare(dataset, (value, other), whole)?;
                    return self.sort(dataset, value);
                }
            }
            _ => {}
        }
        for argument in arguments {
            self.sort(dataset, argument)?;
        }
        Ok(match call.name.to_string().to_lowercase().as_str() {
            "char_length" | "date_part" | "length" | "strpos" => Some(Sort::Number),
            "btrim" | "concat" | "initcap" | "left" | "lower" | "ltrim" | "replace" | "reverse"
            | "right" | "rtrim" | "split_part" | "substr" | "substring" | "trim" | "upper" => {
                Some(Sort::Text)
            }
            "contains" | "ends_with" | "starts_with" => Some(Sort::Bool),
            "date_trunc" => Some(Sort::Time),
            _ => None,
        })
    }
}

fn arguments_of(call: &Function) -> Vec<&Expr> {
    let FunctionArguments::List(list) = &call.args else { return Vec::new() };
    let expr = |argument| match argument {
        &FunctionArg::Unnamed(FunctionArgExpr::Expr(ref expr)) => Some(expr),
        _ => None,
    };
    list.args.iter().filter_map(expr).collect()
}
