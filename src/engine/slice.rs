//! Grouping and filter of a question → the [`Slicer`] its kernels use.

use std::collections::HashMap;
use std::sync::Arc;

use crate::error::{ApiError, ApiResult, ErrorCode};
use crate::kernels::{Axis, AxisGroups, Code, Filter, Slicer};
use crate::model::{DimensionName, Model};
use crate::planner::{Axes, MetricQuery, Predicate, Test};
use crate::values::Scalar;

use super::facts::distinct;
use super::keys::Interner;
use super::load::AttributeColumn;

/// Every dimension that the question uses.
pub type DimensionColumns = HashMap<DimensionName, DimensionColumn>;

/// A dimension by the code of its axis.
pub enum DimensionColumn {
    Values(AttributeColumn),
    /// The axis's own keys, of a dimension that only filters: a few are looked up, not all compared.
    Keys(Arc<Interner>),
}

/// Builds the slicer. `group_by` and `filter` come from the question; totals pass no grouping.
///
/// # Errors
/// `INCOMPATIBLE_DIMENSION` for a dimension that the facts do not reach.
pub fn slicer(
    model: &Model,
    axes: &Axes,
    query: &MetricQuery,
    columns: &DimensionColumns,
) -> ApiResult<Slicer> {
    let mut by_axis: Vec<(Axis, Vec<usize>)> = Vec::new();
    for (position, name) in query.group_by.iter().enumerate() {
        let axis = axis_of(model, axes, name)?;
        match by_axis.iter_mut().find(|(known, _)| *known == axis) {
            Some((_, positions)) => positions.push(position),
            None => by_axis.push((axis, vec![position])),
        }
    }
    let groups = by_axis
        .into_iter()
        .map(|(axis, positions)| {
            let dimensions = positions.iter().map(|position| &query.group_by[*position]);
            let columns =
                dimensions.map(|name| column(columns, name)).collect::<ApiResult<Vec<_>>>()?;
            Ok(axis_groups(axis, &columns, positions))
        })
        .collect::<ApiResult<Vec<_>>>()?;
    let filter = query
        .filter
        .as_ref()
        .map(|predicate| filter(model, axes, predicate, columns))
        .transpose()?;
    Ok(Slicer::new(groups, filter))
}

/// The axis a dimension lies on.
///
/// # Errors
/// `INCOMPATIBLE_DIMENSION` where the facts do not reach it.
pub fn axis_of(model: &Model, axes: &Axes, name: &DimensionName) -> ApiResult<Axis> {
    model.dimensions.get(name).and_then(|dimension| axes.axis(model, dimension)).ok_or_else(|| {
        ApiError::new(
            ErrorCode::IncompatibleDimension,
            format!("The table that answers this question does not lead to `{name}`."),
        )
    })
}

/// Groups of sums that are kept: by these dimensions of customers and then by others.
pub struct Fine<'a> {
    pub dimensions: &'a [DimensionName],
    pub others: &'a [DimensionName],
    pub groups: &'a Slicer,
}

/// A question's slices over kept groups: of customers, as if the kept ones were these, and then of the
/// others as they were kept. What the question names of customers is among the dimensions that are
/// kept, and its filter names nothing else.
///
/// # Errors
/// `INCOMPATIBLE_DIMENSION` for a dimension that the facts do not reach.
pub fn coarser(model: &Model, axes: &Axes, query: &MetricQuery, fine: &Fine) -> ApiResult<Slicer> {
    let (customers, others): (Vec<_>, Vec<_>) =
        fine.groups.axes().iter().partition(|groups| groups.axis == Axis::Customer);
    let columns = customers.first().map(|groups| columns_of(groups, fine.dimensions));
    let columns = columns.unwrap_or_default();
    let own = query.group_by.iter().enumerate();
    let own = own.filter(|(_, name)| fine.dimensions.contains(name));
    let (positions, names): (Vec<usize>, Vec<&DimensionName>) = own.unzip();
    let names = names.into_iter().map(|name| column(&columns, name));
    let names = names.collect::<ApiResult<Vec<_>>>()?;
    // A kind that no dimension names comes last.
    let position = |kept: &usize| {
        let name = kept.checked_sub(fine.dimensions.len()).and_then(|place| fine.others.get(place));
        let place = name.and_then(|name| query.group_by.iter().position(|own| own == name));
        place.unwrap_or(query.group_by.len())
    };
    let as_kept = |groups: &AxisGroups| AxisGroups {
        axis: groups.axis,
        by_code: (0..u32::try_from(groups.values.len()).unwrap_or(u32::MAX)).collect(),
        values: groups.values.clone(),
        positions: groups.positions.iter().map(position).collect(),
    };
    let of_customers = (!names.is_empty()).then(|| axis_groups(Axis::Customer, &names, positions));
    let groups = of_customers.into_iter().chain(others.into_iter().map(as_kept)).collect();
    let filter = query.filter.as_ref();
    let filter = filter.map(|filter| self::filter(model, axes, filter, &columns)).transpose()?;
    Ok(Slicer::new(groups, filter))
}

/// The dimensions of groups, by group.
fn columns_of(groups: &AxisGroups, dimensions: &[DimensionName]) -> DimensionColumns {
    let count = u32::try_from(groups.values.len()).unwrap_or(u32::MAX);
    let each = AttributeColumn { by_code: (0..count).collect(), values: Vec::new() };
    let column = |(place, name): (usize, &DimensionName)| {
        let values = groups.values.iter().map(|values| values[place].clone()).collect();
        (name.clone(), DimensionColumn::Values(distinct(&each, values)))
    };
    dimensions.iter().enumerate().map(column).collect()
}

fn column<'a>(
    columns: &'a DimensionColumns,
    name: &DimensionName,
) -> ApiResult<&'a AttributeColumn> {
    match columns.get(name) {
        Some(DimensionColumn::Values(values)) => Ok(values),
        _ => Err(not_loaded(name)),
    }
}

fn not_loaded(name: &DimensionName) -> ApiError {
    ApiError::new(ErrorCode::Internal, format!("The values of `{name}` were not loaded."))
}

/// Sub-groups of an axis: distinct combinations of its dimensions' values.
fn axis_groups(axis: Axis, columns: &[&AttributeColumn], positions: Vec<usize>) -> AxisGroups {
    if let [only] = columns {
        return AxisGroups {
            axis,
            by_code: only.by_code.clone(),
            values: only.values.iter().map(|value| vec![value.clone()]).collect(),
            positions,
        };
    }
    let codes = columns.iter().map(|column| column.by_code.len()).max().unwrap_or(1);
    let mut seen: HashMap<Vec<u32>, u32> = HashMap::new();
    let mut values = Vec::new();
    let mut by_code = Vec::with_capacity(codes);
    for code in 0..codes {
        // Columns of one entity may know different numbers of codes; the last entry is null's.
        let place = |column: &AttributeColumn| {
            let last = column.by_code.len() - 1;
            if code + 1 == codes { column.by_code[last] } else { column.by_code[code.min(last)] }
        };
        let key: Vec<u32> = columns.iter().map(|column| place(column)).collect();
        let next = u32::try_from(values.len()).unwrap_or(u32::MAX);
        let group = *seen.entry(key).or_insert_with_key(|key| {
            let row = columns.iter().zip(key).map(|(c, value)| c.values[*value as usize].clone());
            values.push(row.collect());
            next
        });
        by_code.push(group);
    }
    AxisGroups { axis, by_code, values, positions }
}

fn filter(
    model: &Model,
    axes: &Axes,
    predicate: &Predicate,
    columns: &DimensionColumns,
) -> ApiResult<Filter> {
    let all = |parts: &[Predicate]| {
        parts.iter().map(|part| filter(model, axes, part, columns)).collect::<ApiResult<Vec<_>>>()
    };
    Ok(match predicate {
        Predicate::All(parts) => Filter::All(all(parts)?),
        Predicate::Any(parts) => Filter::Any(all(parts)?),
        Predicate::Not(inner) => Filter::Not(Box::new(filter(model, axes, inner, columns)?)),
        Predicate::Test { dimension, test } => {
            let axis = axis_of(model, axes, dimension)?;
            match columns.get(dimension) {
                Some(DimensionColumn::Values(column)) => {
                    let passes: Vec<bool> =
                        column.values.iter().map(|value| test.passes(value)).collect();
                    let mask = column.by_code.iter().map(|value| passes[*value as usize]).collect();
                    Filter::Mask(axis, mask)
                }
                Some(DimensionColumn::Keys(keys)) => key_filter(axis, keys, test),
                None => return Err(not_loaded(dimension)),
            }
        }
    })
}

/// A test of keys: named ones by their codes, others by looking at every key.
fn key_filter(axis: Axis, keys: &Interner, test: &Test) -> Filter {
    let only = |names: &[Scalar]| -> Option<Filter> {
        let texts = names.iter().map(|name| match name {
            Scalar::Text(text) => Some(text),
            _ => None,
        });
        let texts = texts.collect::<Option<Vec<_>>>()?;
        let mut codes: Vec<Code> = texts.into_iter().filter_map(|text| keys.code(text)).collect();
        codes.sort_unstable();
        codes.dedup();
        Some(Filter::Only(axis, codes))
    };
    let not = |filter: Filter| Filter::Not(Box::new(filter));
    let by_code = match test {
        Test::Eq(name) => only(std::slice::from_ref(name)),
        Test::In(names) => only(names),
        Test::Ne(name) => only(std::slice::from_ref(name)).map(not),
        Test::NotIn(names) => only(names).map(not),
        _ => None,
    };
    by_code.unwrap_or_else(|| {
        let values = keys.names().into_iter().map(Scalar::Text).chain([Scalar::Null]);
        Filter::Mask(axis, values.map(|value| test.passes(&value)).collect())
    })
}
