//! Expressions: parsed once, checked against what they may do, their columns or metrics collected.

use sqlparser::ast::{
    BinaryOperator, CeilFloorKind, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments,
    Ident, UnaryOperator, Value,
};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Token;

use super::Resolver;
use crate::definitions::Text;
use crate::diagnostics::{Code, Diagnostic, Span};
use crate::model::{DatasetName, MetricExpr, MetricName, ScalarExpr};

const MAX_LENGTH: usize = 4_000;
const MAX_DEPTH: usize = 64;

/// Cheap, deterministic functions of one row whose result is bounded by their arguments.
const FUNCTIONS: &[&str] = &[
    "abs",
    "btrim",
    "ceil",
    "char_length",
    "coalesce",
    "concat",
    "contains",
    "date_part",
    "date_trunc",
    "ends_with",
    "exp",
    "extract",
    "floor",
    "greatest",
    "initcap",
    "least",
    "left",
    "length",
    "ln",
    "log10",
    "lower",
    "ltrim",
    "nullif",
    "nvl",
    "power",
    "replace",
    "reverse",
    "right",
    "round",
    "rtrim",
    "sign",
    "split_part",
    "sqrt",
    "starts_with",
    "strpos",
    "substr",
    "substring",
    "trim",
    "trunc",
    "upper",
];

/// Aggregates that people try where only one row is seen.
const AGGREGATES: &[&str] =
    &["avg", "count", "max", "median", "min", "sum", "array_agg", "string_agg", "stddev"];

pub(super) struct Refusal {
    pub(super) code: Code,
    pub(super) message: String,
    pub(super) help: Option<String>,
}

pub(super) fn refuse<T>(message: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal { code: Code::ExpressionNotAllowed, message: message.into(), help: None })
}

pub(super) fn parse(text: &str) -> Result<Expr, Refusal> {
    let syntax = |message: String| Refusal { code: Code::ExpressionSyntax, message, help: None };
    if text.len() > MAX_LENGTH {
        return refuse(format!("an expression has at most {MAX_LENGTH} characters"));
    }
    let dialect = GenericDialect {};
    let parsed = Parser::new(&dialect).with_recursion_limit(MAX_DEPTH).try_with_sql(text);
    let mut parser = parsed.map_err(|error| syntax(plain(&error.to_string())))?;
    let expr = parser.parse_expr().map_err(|error| syntax(plain(&error.to_string())))?;
    match parser.peek_token().token {
        Token::EOF => Ok(expr),
        rest => Err(syntax(format!("the expression ends before `{rest}`"))),
    }
}

/// The parser's words without its prefix.
fn plain(error: &str) -> String {
    let text = error.trim_start_matches("sql parser error: ");
    format!("cannot be parsed: {text}")
}

impl Resolver<'_> {
    /// A scalar expression over a dataset's columns.
    pub(super) fn bind_scalar(&mut self, dataset: &DatasetName, text: &Text) -> Option<ScalarExpr> {
        let mut used = Vec::new();
        let checked = parse(&text.value).and_then(|expr| check(&expr, 0, &mut used));
        if let Err(refusal) = checked {
            self.refused(text, refusal);
            return None;
        }
        let mut columns = Vec::new();
        for name in used {
            let name = Text { span: self.narrow(text.span, &name), value: name };
            let column = self.use_column(dataset, &name)?;
            if !columns.contains(&column) {
                columns.push(column);
            }
        }
        let source = self.source_pos(text.span);
        Some(ScalarExpr { sql: text.value.trim().to_owned(), columns, source })
    }

    /// Arithmetic over metrics.
    pub(super) fn bind_metric_expr(&mut self, text: &Text) -> Option<MetricExpr> {
        let built = parse(&text.value).and_then(|expr| build_arithmetic(&expr, 0));
        let expr = match built {
            Ok(expr) => expr,
            Err(refusal) => {
                self.refused(text, refusal);
                return None;
            }
        };
        let mut known = true;
        for name in expr.metrics() {
            let span = self.narrow(text.span, name.as_str());
            let name = Text { value: name.to_string(), span };
            known &= self.metric_name(&name).is_some();
        }
        known.then_some(expr)
    }

    /// The word inside the expression, as it stands in the file; the whole where it is not found.
    pub(super) fn narrow(&self, span: Span, word: &str) -> Span {
        let Some(file) = self.sources.get(span.source) else { return span };
        let text = file.slice(span).to_lowercase();
        if !text.is_ascii() || word.is_empty() {
            return span;
        }
        let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        let word = word.to_lowercase();
        let found = text.match_indices(&word).map(|(at, _)| at).find(|at| {
            !is_part(text[..*at].chars().next_back())
                && !is_part(text[at + word.len()..].chars().next())
        });
        let offset = |n: usize| span.start.saturating_add(u32::try_from(n).unwrap_or(u32::MAX));
        match found {
            Some(at) => Span { start: offset(at), end: offset(at + word.len()), ..span },
            None => span,
        }
    }

    pub(super) fn refused(&mut self, text: &Text, refusal: Refusal) {
        let mut found = Diagnostic::new(refusal.code, text.span, refusal.message);
        found.help = refusal.help;
        self.out.push(found);
    }
}

/// The name an identifier stands for: as SQL has it, lower case unless quoted.
pub(super) fn name_of(ident: &Ident) -> String {
    match ident.quote_style {
        Some(_) => ident.value.clone(),
        None => ident.value.to_lowercase(),
    }
}

fn check(expr: &Expr, depth: usize, columns: &mut Vec<String>) -> Result<(), Refusal> {
    if depth > MAX_DEPTH {
        return refuse(format!("an expression nests at most {MAX_DEPTH} levels"));
    }
    match expr {
        Expr::Identifier(ident) => {
            columns.push(name_of(ident));
            return Ok(());
        }
        Expr::CompoundIdentifier(parts) => {
            let last = parts.last().map(name_of).unwrap_or_default();
            return Err(Refusal {
                code: Code::ExpressionNotAllowed,
                message: "columns are written without a table".to_owned(),
                help: Some(format!("write `{last}`")),
            });
        }
        Expr::Value(value) => {
            return match &value.value {
                Value::Placeholder(_) => refuse("placeholders have no value here"),
                _ => Ok(()),
            };
        }
        Expr::Function(function) => return check_function(function, depth, columns),
        _ => {}
    }
    for part in parts_of(expr)? {
        check(part, depth + 1, columns)?;
    }
    Ok(())
}

/// The operands of the forms that are allowed.
fn parts_of(expr: &Expr) -> Result<Vec<&Expr>, Refusal> {
    Ok(match expr {
        Expr::BinaryOp { left, op, right } if is_allowed(op) => vec![left, right],
        Expr::UnaryOp {
            op: UnaryOperator::Plus | UnaryOperator::Minus | UnaryOperator::Not,
            expr,
        }
        | Expr::Nested(expr)
        | Expr::IsNull(expr)
        | Expr::IsNotNull(expr)
        | Expr::IsTrue(expr)
        | Expr::IsNotTrue(expr)
        | Expr::IsFalse(expr)
        | Expr::IsNotFalse(expr)
        | Expr::Extract { expr, .. }
        | Expr::Cast { expr, array: false, format: None, .. }
        | Expr::Ceil { expr, field: CeilFloorKind::DateTimeField(_) }
        | Expr::Floor { expr, field: CeilFloorKind::DateTimeField(_) } => vec![expr],
        Expr::IsDistinctFrom(a, b) | Expr::IsNotDistinctFrom(a, b) => vec![a, b],
        Expr::InList { expr, list, .. } => std::iter::once(&**expr).chain(list).collect(),
        Expr::Between { expr, low, high, .. } => vec![expr, low, high],
        Expr::Like { any: false, expr, pattern, .. }
        | Expr::ILike { any: false, expr, pattern, .. } => vec![expr, pattern],
        Expr::TypedString(_) => vec![],
        Expr::Position { expr, r#in } => vec![expr, r#in],
        Expr::Substring { expr, substring_from, substring_for, .. } => {
            let ends = [substring_from.as_deref(), substring_for.as_deref()];
            std::iter::once(&**expr).chain(ends.into_iter().flatten()).collect()
        }
        Expr::Trim { expr, trim_what, .. } => {
            std::iter::once(&**expr).chain(trim_what.as_deref()).collect()
        }
        Expr::Case { operand, conditions, else_result, .. } => operand
            .as_deref()
            .into_iter()
            .chain(conditions.iter().flat_map(|when| [&when.condition, &when.result]))
            .chain(else_result.as_deref())
            .collect(),
        Expr::Subquery(_) | Expr::InSubquery { .. } | Expr::Exists { .. } => {
            return refuse("subqueries are not allowed: an expression sees one row");
        }
        other => {
            let text: String = other.to_string().chars().take(60).collect();
            return refuse(format!("`{text}` is not allowed in an expression"));
        }
    })
}

fn is_allowed(op: &BinaryOperator) -> bool {
    use BinaryOperator as Op;
    matches!(
        op,
        Op::Plus
            | Op::Minus
            | Op::Multiply
            | Op::Divide
            | Op::Modulo
            | Op::StringConcat
            | Op::Gt
            | Op::Lt
            | Op::GtEq
            | Op::LtEq
            | Op::Eq
            | Op::NotEq
            | Op::And
            | Op::Or
    )
}

fn check_function(call: &Function, depth: usize, columns: &mut Vec<String>) -> Result<(), Refusal> {
    let name = call.name.to_string().to_lowercase();
    if call.over.is_some() {
        return refuse("window functions are not allowed: an expression sees one row");
    }
    if AGGREGATES.contains(&name.as_str()) {
        return Err(Refusal {
            code: Code::ExpressionNotAllowed,
            message: format!("`{name}` aggregates: an expression sees one row"),
            help: Some("the metric's `aggregate` says how rows become one number".to_owned()),
        });
    }
    if !FUNCTIONS.contains(&name.as_str()) {
        let near = crate::diagnostics::nearest(&name, FUNCTIONS.iter().copied());
        return Err(Refusal {
            code: Code::UnknownFunction,
            message: format!("`{name}` is not one of the functions of expressions"),
            help: Some(near.map_or_else(
                || format!("functions: {}", FUNCTIONS.join(", ")),
                |near| format!("did you mean `{near}`?"),
            )),
        });
    }
    let FunctionArguments::List(list) = &call.args else {
        return refuse(format!("`{name}` takes its arguments in parentheses"));
    };
    let plain_call = call.filter.is_none()
        && call.null_treatment.is_none()
        && call.within_group.is_empty()
        && matches!(call.parameters, FunctionArguments::None)
        && list.duplicate_treatment.is_none()
        && list.clauses.is_empty();
    if !plain_call {
        return refuse(format!("`{name}` takes plain arguments only"));
    }
    for argument in &list.args {
        match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => check(expr, depth + 1, columns)?,
            _ => return refuse(format!("`{name}` takes plain arguments only")),
        }
    }
    Ok(())
}

fn build_arithmetic(expr: &Expr, depth: usize) -> Result<MetricExpr, Refusal> {
    use BinaryOperator as Op;
    if depth > MAX_DEPTH {
        return refuse(format!("an expression nests at most {MAX_DEPTH} levels"));
    }
    let build = |part: &Expr| build_arithmetic(part, depth + 1).map(Box::new);
    match expr {
        Expr::Identifier(ident) => Ok(MetricExpr::Metric(MetricName::new(name_of(ident)))),
        Expr::Value(value) => match &value.value {
            Value::Number(text, _) => constant(text),
            _ => refuse("only numbers and metrics take part in arithmetic"),
        },
        Expr::Nested(inner) => build_arithmetic(inner, depth + 1),
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => Ok(MetricExpr::Neg(build(expr)?)),
        Expr::UnaryOp { op: UnaryOperator::Plus, expr } => build_arithmetic(expr, depth + 1),
        Expr::BinaryOp { left, op: Op::Plus, right } => {
            Ok(MetricExpr::Add(build(left)?, build(right)?))
        }
        Expr::BinaryOp { left, op: Op::Minus, right } => {
            Ok(MetricExpr::Sub(build(left)?, build(right)?))
        }
        Expr::BinaryOp { left, op: Op::Multiply, right } => {
            Ok(MetricExpr::Mul(build(left)?, build(right)?))
        }
        Expr::BinaryOp { left, op: Op::Divide, right } => {
            Ok(MetricExpr::Div(build(left)?, build(right)?))
        }
        _ => refuse("arithmetic over metrics knows +, -, *, / and parentheses"),
    }
}

/// An exact decimal constant.
pub(super) fn constant(text: &str) -> Result<MetricExpr, Refusal> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = format!("{whole}{fraction}");
    let scale = u8::try_from(fraction.len()).ok().filter(|scale| *scale <= 18);
    match (digits.parse::<i128>(), scale) {
        (Ok(units), Some(scale)) if digits.len() <= 36 => Ok(MetricExpr::Constant(units, scale)),
        _ => refuse(format!("`{text}` is not a plain decimal number")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(sql: &str) -> Result<Vec<String>, Code> {
        let mut used = Vec::new();
        let checked = parse(sql).and_then(|expr| check(&expr, 0, &mut used));
        checked.map(|()| used).map_err(|refusal| refusal.code)
    }

    #[test]
    fn scalar_expressions_give_their_columns() {
        let sql =
            "CASE WHEN Seats > 3 AND kind IN ('a', 'b') THEN coalesce(\"Tier\", 0) ELSE 1 END";
        assert_eq!(columns(sql), Ok(vec!["seats".into(), "kind".into(), "Tier".into()]));
        for sql in [
            "kind = 'core'",
            "date_trunc('month', opened_at)",
            "CAST(a AS decimal(18, 2)) / 100",
            "a BETWEEN 1 AND 2 OR NOT b IS NULL",
            "extract(year FROM t) || substring(x FROM 1 FOR 2)",
            "t >= DATE '2024-01-01'",
            "name ILIKE '%gmbh%'",
        ] {
            assert!(columns(sql).is_ok(), "{sql}: {:?}", columns(sql));
        }
    }

    #[test]
    fn whatever_reads_elsewhere_or_aggregates_is_refused() {
        for (sql, code) in [
            ("(SELECT 1)", Code::ExpressionNotAllowed),
            ("a IN (SELECT b FROM t)", Code::ExpressionNotAllowed),
            ("EXISTS (SELECT 1)", Code::ExpressionNotAllowed),
            ("sum(amount)", Code::ExpressionNotAllowed),
            ("row_number() OVER ()", Code::ExpressionNotAllowed),
            ("a = $1", Code::ExpressionNotAllowed),
            ("t.a", Code::ExpressionNotAllowed),
            ("read_csv('x')", Code::UnknownFunction),
            ("repeat('x', 1000000000)", Code::UnknownFunction),
            ("lenght(a)", Code::UnknownFunction),
            ("a; drop table b", Code::ExpressionSyntax),
            ("a +", Code::ExpressionSyntax),
            ("", Code::ExpressionSyntax),
        ] {
            assert_eq!(columns(sql), Err(code), "{sql}");
        }
    }

    #[test]
    fn depth_and_length_are_bounded() {
        assert!(columns(&"(".repeat(3_000)).is_err());
        assert!(columns(&vec!["a"; 1_900].join("+")).is_err());
        assert!(columns(&"-".repeat(3_900)).is_err());
        assert!(columns(&"a".repeat(5_000)).is_err());
        assert!(columns(&"not ".repeat(900)).is_err());
    }

    #[test]
    fn arithmetic_is_exact() {
        let built = parse("12.50 * mrr - (a + -b) / 2").and_then(|e| build_arithmetic(&e, 0));
        let Ok(MetricExpr::Sub(product, _)) = built else { panic!("not a difference") };
        let MetricExpr::Mul(number, _) = *product else { panic!("not a product") };
        assert_eq!(*number, MetricExpr::Constant(1250, 2));
        assert!(parse("a % b").and_then(|e| build_arithmetic(&e, 0)).is_err());
        assert!(parse("1e5 * a").and_then(|e| build_arithmetic(&e, 0)).is_err());
    }
}
