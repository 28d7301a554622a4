//! What kind of number an aggregate gives: by what it does, by the types of the table's columns, and
//! by whether owners share its rows.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::logical_expr::ExprSchemable;

use crate::engine::context::Context;
use crate::error::ApiResult;
use crate::model::{Aggregate, AggregateKind, ScalarExpr};
use crate::values::Number;

use super::errors::plan_error;
use super::fits::lower_fitting;
use super::owners::{ROW_SCALE, owners_asked_for};

/// A kind of number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueType {
    Int,
    /// With so many places.
    Decimal(u8),
    Float,
}

impl ValueType {
    /// The name of the type in a flat table's columns.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Int => "int",
            Self::Decimal(_) => "decimal",
            Self::Float => "float",
        }
    }

    #[must_use]
    pub fn zero(self) -> Number {
        match self {
            Self::Int => Number::Int(0),
            Self::Decimal(scale) => Number::Decimal(0, scale),
            Self::Float => Number::Float(0.0),
        }
    }

    fn of(found: &DataType) -> Self {
        match found {
            DataType::Decimal128(_, scale) if *scale > 0 => {
                Self::Decimal(u8::try_from(*scale).unwrap_or(0))
            }
            DataType::Float16 | DataType::Float32 | DataType::Float64 => Self::Float,
            _ => Self::Int,
        }
    }
}

/// What an aggregate gives under the question's grouping and filter.
pub fn value_type(context: &Context<'_>, kind: &AggregateKind) -> ApiResult<ValueType> {
    let dataset = context.facts.model.datasets.get(&kind.dataset);
    let split = dataset.is_some_and(|dataset| owners_asked_for(context, dataset).is_some());
    let part = |whole| if split { ValueType::Decimal(ROW_SCALE) } else { whole };
    Ok(match (kind.aggregate, &kind.expr) {
        (Aggregate::Count, _) => part(ValueType::Int),
        (Aggregate::Sum, Some(expr)) => match ValueType::of(&type_of(context, kind, expr)?) {
            ValueType::Int => part(ValueType::Int),
            found => found,
        },
        (Aggregate::Min | Aggregate::Max, Some(expr)) => {
            ValueType::of(&type_of(context, kind, expr)?)
        }
        (Aggregate::Average | Aggregate::Median, _) => ValueType::Float,
        (Aggregate::CountDistinct | Aggregate::Sum | Aggregate::Min | Aggregate::Max, _) => {
            ValueType::Int
        }
    })
}

fn type_of(context: &Context<'_>, kind: &AggregateKind, expr: &ScalarExpr) -> ApiResult<DataType> {
    let reader = &context.facts.reader;
    let schema = if expr.columns.is_empty() {
        Arc::new(DFSchema::empty())
    } else {
        Arc::clone(reader.table(&kind.dataset)?.scan(&expr.columns, None)?.schema())
    };
    let lowered = lower_fitting(context, &kind.dataset, expr, &schema)?;
    lowered.get_type(&*schema).map_err(plan_error)
}
