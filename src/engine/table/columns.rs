//! What a flat table's columns are, for clients that build a schema from them.

use crate::engine::aggregate::{ValueType, value_type};
use crate::engine::context::Context;
use crate::engine::{ColumnInfo, ColumnKind};
use crate::model::{DurationMeasure, MovementMeasure, Unit};
use crate::planner::{COMPARISON_SUFFIXES, Formula, Leaf, Measure, Output, TableAsk};

/// One entry per key, in order.
pub fn column_infos(context: &Context<'_>, table: &TableAsk, keys: &[String]) -> Vec<ColumnInfo> {
    let model = context.facts.model;
    let mut columns = Vec::with_capacity(keys.len());
    if let Some(grain) = context.query().grain {
        columns.push(ColumnInfo {
            name: "period".to_owned(),
            label: "Period".to_owned(),
            kind: ColumnKind::Period,
            data_type: "date".to_owned(),
            unit: None,
            description: Some(format!("First day of the {}.", grain.as_str().to_lowercase())),
        });
    }
    for name in &context.query().group_by {
        let dimension = model.dimensions.get(name);
        columns.push(ColumnInfo {
            name: name.as_str().to_owned(),
            label: dimension.map_or_else(|| name.to_string(), |d| d.label.clone()),
            kind: ColumnKind::Dimension,
            data_type: dimension.map_or("string", |d| d.data_type.as_str()).to_owned(),
            unit: None,
            description: dimension.map(|d| d.description.clone()),
        });
    }
    for output in &context.plan.outputs {
        let metric = model.metrics.get(&output.metric);
        columns.push(ColumnInfo {
            name: output.metric.as_str().to_owned(),
            label: metric.map_or_else(|| output.metric.to_string(), |m| m.label.clone()),
            kind: ColumnKind::Metric,
            data_type: data_type(context, &output.formula).to_owned(),
            unit: Some(output.unit.clone()),
            description: metric.map(|m| m.description.clone()),
        });
    }
    for compare in &table.compare_to {
        for output in &context.plan.outputs {
            for suffix in COMPARISON_SUFFIXES {
                columns.push(comparison_column(context, output, compare.as_str(), suffix));
            }
        }
    }
    columns
}

fn comparison_column(
    context: &Context<'_>,
    output: &Output,
    compare: &str,
    suffix: &str,
) -> ColumnInfo {
    let metric = context.facts.model.metrics.get(&output.metric);
    let label = metric.map_or_else(|| output.metric.to_string(), |metric| metric.label.clone());
    let when = compare.replace('_', " ");
    let is_ratio = suffix == "_change_ratio";
    let label = match suffix {
        "" => format!("{label}, {when}"),
        "_change" => format!("{label}, change to {when}"),
        _ => format!("{label}, relative change to {when}"),
    };
    ColumnInfo {
        name: format!("{}__{compare}{suffix}", output.metric),
        label,
        kind: ColumnKind::Comparison,
        data_type: if is_ratio { "float" } else { data_type(context, &output.formula) }.to_owned(),
        unit: Some(if is_ratio { Unit::Ratio } else { output.unit.clone() }),
        description: None,
    }
}

/// int, decimal or float: what exact arithmetic over the measures gives.
fn data_type(context: &Context<'_>, formula: &Formula) -> &'static str {
    let of = |part: &Formula| data_type(context, part);
    match formula {
        Formula::Measure { leaf, measure } => match measure {
            Measure::Value => {
                context.plan.leaves.get(*leaf).map_or("decimal", |leaf| type_of_rows(context, leaf))
            }
            Measure::BalanceAmount
            | Measure::Credited
            | Measure::Movement { measure: MovementMeasure::Amount, .. } => "decimal",
            Measure::BalanceCustomers
            | Measure::Movement { .. }
            | Measure::Duration(DurationMeasure::QuantileDays(_)) => "int",
            Measure::Retention { .. }
            | Measure::AttachRate
            | Measure::Duration(_)
            | Measure::Cohort(_) => "float",
        },
        Formula::Constant(_, 0) => "int",
        Formula::Constant(..) => "decimal",
        Formula::Neg(inner) => of(inner),
        Formula::Add(a, b) | Formula::Sub(a, b) => match (of(a), of(b)) {
            ("float", _) | (_, "float") => "float",
            ("int", "int") => "int",
            _ => "decimal",
        },
        Formula::Mul(a, b) => match (of(a), of(b)) {
            ("int", "int") => "int",
            ("int", "decimal") | ("decimal", "int") => "decimal",
            _ => "float",
        },
        Formula::Div(..) => "float",
    }
}

/// What a pass over rows gives: a conversion a share, an aggregate by the table's own types.
fn type_of_rows(context: &Context<'_>, leaf: &Leaf) -> &'static str {
    match leaf {
        Leaf::Aggregate(kind) | Leaf::Cumulative { of: kind, .. } => {
            value_type(context, kind).map_or("decimal", ValueType::as_str)
        }
        Leaf::Filtered { pass, .. } => type_of_rows(context, pass),
        _ => "float",
    }
}
