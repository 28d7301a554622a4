//! Conditions over dimensions (`filter:` of a metric): SQL as written → the [`Predicate`] that
//! `where` compiles to, with its two-valued logic.

use chrono::DateTime;
use sqlparser::ast::{
    BinaryOperator, DataType, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, UnaryOperator,
    Value,
};

use super::Resolver;
use super::balances::PRODUCT;
use super::expression::{Refusal, constant, name_of, parse, refuse};
use crate::definitions::Text;
use crate::diagnostics::{Code, Diagnostic};
use crate::model::{
    Dimension, DimensionName, DimensionType, Metric, MetricExpr, MetricFilter, MetricKind,
    Predicate, RetentionUnit, Test,
};
use crate::values::{Instant, Scalar};

const MAX_DEPTH: usize = 64;

const FORMS: &str = "a condition compares dimensions with values: =, <>, <, <=, >, >=, IN, BETWEEN, IS NULL, \
                     LIKE 'text%' or '%text%', starts_with, contains, AND, OR, NOT";

impl Resolver<'_> {
    /// A condition over dimensions. Whether the metric has them is checked once they are known.
    pub(super) fn bind_condition(&mut self, text: &Text) -> Option<MetricFilter> {
        let built = parse(&text.value).and_then(|expr| self.condition(&expr, 0));
        match built {
            Ok(predicate) => Some(MetricFilter { text: text.value.trim().to_owned(), predicate }),
            Err(refusal) => {
                let mut place = text.clone();
                if refusal.code == Code::UnknownDimension
                    && let Some(name) = refusal.message.split('`').nth(1)
                {
                    place.span = self.narrow(text.span, name);
                }
                self.refused(&place, refusal);
                None
            }
        }
    }

    /// Reports the dimensions of filters that their metrics do not have.
    pub(super) fn check_filters(&mut self) {
        for (name, text) in std::mem::take(&mut self.filters) {
            let Some(metric) = self.metrics.get(&name) else { continue };
            let Some(filter) = &metric.filter else { continue };
            let offered: Vec<String> = metric
                .dimensions
                .iter()
                .filter(|name| self.adds_up_over(metric, name))
                .map(ToString::to_string)
                .collect();
            let mut missing: Vec<DimensionName> = Vec::new();
            for used in filter.predicate.dimensions() {
                if !offered.iter().any(|name| name == used.as_str()) && !missing.contains(used) {
                    missing.push(used.clone());
                }
            }
            for used in missing {
                let span = self.narrow(text.span, used.as_str());
                let message = format!("the metric cannot be filtered by `{used}`");
                let found = Diagnostic::new(Code::FilterMismatch, span, message);
                let offered = offered.iter().map(String::as_str);
                self.out.push(found.suggest(used.as_str(), offered));
            }
        }
    }

    /// Retention of customers does not add up over products.
    fn adds_up_over(&self, metric: &Metric, name: &DimensionName) -> bool {
        let of_customers = matches!(
            &metric.kind,
            MetricKind::Retention(kind) if kind.unit == RetentionUnit::Customer
        );
        let entity = self.dimensions.get(name).and_then(|dimension| dimension.entity.as_ref());
        !(of_customers && entity.is_some_and(|entity| entity.as_str() == PRODUCT))
    }

    fn condition(&self, expr: &Expr, depth: usize) -> Result<Predicate, Refusal> {
        if depth > MAX_DEPTH {
            return refuse(format!("a condition nests at most {MAX_DEPTH} levels"));
        }
        let inner = |expr: &Expr| self.condition(expr, depth + 1);
        Ok(match expr {
            Expr::Nested(nested) => inner(nested)?,
            Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
                Predicate::All(vec![inner(left)?, inner(right)?])
            }
            Expr::BinaryOp { left, op: BinaryOperator::Or, right } => {
                Predicate::Any(vec![inner(left)?, inner(right)?])
            }
            Expr::UnaryOp { op: UnaryOperator::Not, expr } => not(inner(expr)?),
            Expr::BinaryOp { left, op, right } => self.comparison(left, op, right)?,
            Expr::IsNull(of) => test(self.dimension_of(of)?, Test::IsNull(true)),
            Expr::IsNotNull(of) => test(self.dimension_of(of)?, Test::IsNull(false)),
            Expr::IsTrue(of) => self.flag(of, true)?,
            Expr::IsFalse(of) => self.flag(of, false)?,
            Expr::Identifier(_) => self.flag(expr, true)?,
            Expr::InList { expr, list, negated } => {
                let dimension = self.dimension_of(expr)?;
                let values = list.iter().map(|value| literal(value, dimension));
                let values = values.collect::<Result<Vec<_>, _>>()?;
                let found = if *negated { Test::NotIn(values) } else { Test::In(values) };
                test(dimension, found)
            }
            Expr::Between { expr, negated, low, high } => {
                let dimension = self.ordered(expr)?;
                let low = test(dimension, Test::Gte(literal(low, dimension)?));
                let high = test(dimension, Test::Lte(literal(high, dimension)?));
                maybe_not(Predicate::All(vec![low, high]), *negated)
            }
            Expr::Like { negated, any: false, expr, pattern, escape_char: None } => {
                maybe_not(self.like(expr, pattern)?, *negated)
            }
            Expr::Function(call) => self.text_function(call)?,
            _ => return refuse(FORMS),
        })
    }

    fn comparison(
        &self,
        left: &Expr,
        op: &BinaryOperator,
        right: &Expr,
    ) -> Result<Predicate, Refusal> {
        use BinaryOperator as Op;
        let dimension = match op {
            Op::Eq | Op::NotEq => self.dimension_of(left)?,
            Op::Lt | Op::LtEq | Op::Gt | Op::GtEq => self.ordered(left)?,
            _ => return refuse(FORMS),
        };
        let value = literal(right, dimension)?;
        Ok(test(
            dimension,
            match op {
                Op::NotEq => Test::Ne(value),
                Op::Lt => Test::Lt(value),
                Op::LtEq => Test::Lte(value),
                Op::Gt => Test::Gt(value),
                Op::GtEq => Test::Gte(value),
                _ => Test::Eq(value),
            },
        ))
    }

    /// `'text%'` or `'%text%'`: what `where` can say too.
    fn like(&self, of: &Expr, pattern: &Expr) -> Result<Predicate, Refusal> {
        let dimension = self.text_dimension(of)?;
        let Some(pattern) = text_of(pattern) else { return refuse("LIKE takes a text") };
        let (open, rest) = pattern.strip_prefix('%').map_or((false, pattern), |rest| (true, rest));
        match (open, rest.strip_suffix('%')) {
            (open, Some(part)) if !part.is_empty() && !part.contains(['%', '_', '\\']) => {
                let part = part.to_owned();
                let found = if open { Test::Contains(part) } else { Test::StartsWith(part) };
                Ok(test(dimension, found))
            }
            _ => Err(Refusal {
                code: Code::ExpressionNotAllowed,
                message: format!("`{pattern}` is neither `text%` nor `%text%`"),
                help: Some(
                    "write starts_with(dimension, 'text') or contains(dimension, 'text')"
                        .to_owned(),
                ),
            }),
        }
    }

    fn text_function(&self, call: &sqlparser::ast::Function) -> Result<Predicate, Refusal> {
        let name = call.name.to_string().to_lowercase();
        let FunctionArguments::List(list) = &call.args else { return refuse(FORMS) };
        let arguments: Vec<&Expr> = list
            .args
            .iter()
            .filter_map(|argument| match argument {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
                _ => None,
            })
            .collect();
        let ([of, part], true) = (arguments.as_slice(), call.over.is_none()) else {
            return refuse(FORMS);
        };
        let Some(part) = text_of(part).map(str::to_owned) else { return refuse(FORMS) };
        let dimension = self.text_dimension(of)?;
        match name.as_str() {
            "starts_with" => Ok(test(dimension, Test::StartsWith(part))),
            "contains" => Ok(test(dimension, Test::Contains(part))),
            _ => refuse(FORMS),
        }
    }

    fn dimension_of(&self, expr: &Expr) -> Result<&Dimension, Refusal> {
        let Expr::Identifier(ident) = expr else {
            return refuse("write the dimension on the left of a comparison");
        };
        let name = name_of(ident);
        self.dimensions.get(name.as_str()).ok_or_else(|| {
            let near = crate::diagnostics::nearest(
                &name,
                self.dimensions.keys().map(DimensionName::as_str),
            );
            Refusal {
                code: Code::UnknownDimension,
                message: format!("unknown dimension `{name}`"),
                help: near.map(|near| format!("did you mean `{near}`?")),
            }
        })
    }

    fn ordered(&self, expr: &Expr) -> Result<&Dimension, Refusal> {
        let dimension = self.dimension_of(expr)?;
        match dimension.data_type.is_ordered() {
            true => Ok(dimension),
            false => refuse(format!("values of `{}` have no order", dimension.name)),
        }
    }

    fn text_dimension(&self, expr: &Expr) -> Result<&Dimension, Refusal> {
        let dimension = self.dimension_of(expr)?;
        match dimension.data_type {
            DimensionType::Text => Ok(dimension),
            _ => refuse(format!("`{}` holds no texts", dimension.name)),
        }
    }

    /// A boolean dimension by itself.
    fn flag(&self, expr: &Expr, wanted: bool) -> Result<Predicate, Refusal> {
        let dimension = self.dimension_of(expr)?;
        match dimension.data_type {
            DimensionType::Bool => Ok(test(dimension, Test::Eq(Scalar::Bool(wanted)))),
            _ => refuse(format!("`{}` is neither true nor false: compare it", dimension.name)),
        }
    }
}

fn test(dimension: &Dimension, test: Test) -> Predicate {
    Predicate::Test { dimension: dimension.name.clone(), test }
}

fn not(inner: Predicate) -> Predicate {
    Predicate::Not(Box::new(inner))
}

fn maybe_not(inner: Predicate, negated: bool) -> Predicate {
    if negated { not(inner) } else { inner }
}

fn text_of(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

/// A value of the dimension's type.
fn literal(expr: &Expr, dimension: &Dimension) -> Result<Scalar, Refusal> {
    let found = match (dimension.data_type, expr) {
        (DimensionType::Text, _) => text_of(expr).map(Scalar::text),
        (DimensionType::Bool, Expr::Value(value)) => match &value.value {
            Value::Boolean(flag) => Some(Scalar::Bool(*flag)),
            _ => None,
        },
        (DimensionType::Date, _) => {
            day_or_text(expr, &DataType::Date).and_then(|text| text.parse().ok()).map(Scalar::Date)
        }
        (DimensionType::Timestamp, Expr::TypedString(_) | Expr::Value(_)) => instant(expr),
        (DimensionType::Int | DimensionType::Decimal | DimensionType::Float, _) => number(expr),
        _ => None,
    };
    found.ok_or_else(|| {
        let wanted = match dimension.data_type {
            DimensionType::Text => "a text in quotes",
            DimensionType::Bool => "true or false",
            DimensionType::Date => "a day like DATE '2026-01-31'",
            DimensionType::Timestamp => "an instant like '2026-01-31T10:00:00Z'",
            _ => "a number",
        };
        Refusal {
            code: Code::InvalidValue,
            message: format!("`{expr}` is no value of `{}`, which takes {wanted}", dimension.name),
            help: None,
        }
    })
}

fn day_or_text<'e>(expr: &'e Expr, wanted: &DataType) -> Option<&'e str> {
    match expr {
        Expr::TypedString(typed) if typed.data_type == *wanted => match &typed.value.value {
            Value::SingleQuotedString(text) => Some(text),
            _ => None,
        },
        _ => text_of(expr),
    }
}

fn instant(expr: &Expr) -> Option<Scalar> {
    let text = match expr {
        Expr::TypedString(typed) => match &typed.value.value {
            Value::SingleQuotedString(text) => text.as_str(),
            _ => return None,
        },
        _ => text_of(expr)?,
    };
    let at = DateTime::parse_from_rfc3339(&text.replacen(' ', "T", 1)).ok()?;
    Some(Scalar::Timestamp(Instant(at.timestamp_micros())))
}

fn number(expr: &Expr) -> Option<Scalar> {
    let (sign, expr) = match expr {
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => (-1, &**expr),
        expr => (1, expr),
    };
    let Expr::Value(value) = expr else { return None };
    let Value::Number(text, _) = &value.value else { return None };
    match constant(text) {
        Ok(MetricExpr::Constant(units, 0)) => {
            Some(i64::try_from(units * sign).map_or(Scalar::Decimal(units * sign, 0), Scalar::Int))
        }
        Ok(MetricExpr::Constant(units, scale)) => Some(Scalar::Decimal(units * sign, scale)),
        _ => None,
    }
}
