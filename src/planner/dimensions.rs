//! Which dimensions a question may group and filter by: those that the catalogue lists for its
//! metrics, and for a typed field those of the unit it asks for.

use crate::error::{ApiError, ApiResult, ErrorCode, did_you_mean};
use crate::kernels::Axis;
use crate::model::{
    Balance, DatasetName, DimensionName, EntityName, Metric, MetricKind, Model, RetentionUnit,
};

use super::axes::Axes;
use super::plan::Leaf;
use super::{Ask, MetricQuery};

/// Every dimension of grouping and filter must go with the metric.
///
/// # Errors
/// `UNKNOWN_DIMENSION` and `INCOMPATIBLE_DIMENSION`, with what could be meant.
pub(super) fn check_dimensions(
    model: &Model,
    query: &MetricQuery,
    metric: &Metric,
) -> ApiResult<()> {
    let mut offered: Option<Vec<&DimensionName>> = None;
    for name in used(query) {
        if !model.dimensions.contains_key(name) {
            return Err(unknown_dimension(model, name));
        }
        let offered = offered.get_or_insert_with(|| offered_by(model, &query.ask, metric));
        if !offered.contains(&name) {
            return Err(incompatible(model, metric, name, offered));
        }
    }
    Ok(())
}

/// `UNKNOWN_DIMENSION` with the nearest name.
pub(super) fn unknown_dimension(model: &Model, name: &DimensionName) -> ApiError {
    let hint = did_you_mean(name.as_str(), model.dimensions.keys().map(DimensionName::as_str));
    ApiError::new(ErrorCode::UnknownDimension, format!("There is no dimension `{name}`.{hint}"))
}

/// Dimensions of grouping and filter, in the order they are named.
pub(super) fn used(query: &MetricQuery) -> impl Iterator<Item = &DimensionName> {
    let filter = query.filter.iter().flat_map(|filter| filter.dimensions());
    query.group_by.iter().chain(filter)
}

/// The metric's own list; for a typed retention question, that of the unit it asks for.
fn offered_by<'m>(model: &'m Model, ask: &Ask, metric: &'m Metric) -> Vec<&'m DimensionName> {
    let (Ask::Retention { unit, .. }, MetricKind::Retention(kind)) = (ask, &metric.kind) else {
        return metric.dimensions.iter().collect();
    };
    let Some(balance) = model.balances.get(&kind.balance) else { return Vec::new() };
    let known = model.dimensions.keys();
    known
        .filter(|name| match is_product(model, balance, name) {
            true => *unit == RetentionUnit::CustomerProduct,
            false => metric.dimensions.contains(name),
        })
        .collect()
}

fn is_product(model: &Model, balance: &Balance, name: &DimensionName) -> bool {
    let dimension = model.dimensions.get(name);
    let axes = Axes::of_balance(model, balance);
    dimension.and_then(|dimension| axes.axis(model, dimension)) == Some(Axis::Product)
}

fn incompatible(
    model: &Model,
    metric: &Metric,
    name: &DimensionName,
    offered: &[&DimensionName],
) -> ApiError {
    if let MetricKind::Retention(kind) = &metric.kind
        && model.balances.get(&kind.balance).is_some_and(|of| is_product(model, of, name))
    {
        return ApiError::new(
            ErrorCode::IncompatibleDimension,
            format!(
                "Retention of customers does not add up over products, so `{}` cannot be broken down \
                 or filtered by `{name}`: ask with `unit: CUSTOMER_PRODUCT` (each product line by \
                 itself), or for recorded movements such as `expansion_mrr`.",
                metric.name
            ),
        );
    }
    let names: Vec<&str> = offered.iter().map(|name| name.as_str()).collect();
    let offered = if names.is_empty() { "no dimension".to_owned() } else { names.join(", ") };
    ApiError::new(
        ErrorCode::IncompatibleDimension,
        format!(
            "`{}` cannot be broken down or filtered by `{name}`. It goes with: {offered}.",
            metric.name
        ),
    )
}

/// Rows of a table can be split over the owners of one as-of join at a time.
///
/// # Errors
/// `INCOMPATIBLE_DIMENSION` where a question names dimensions behind two of them.
pub(super) fn check_bridges(model: &Model, query: &MetricQuery, leaf: &Leaf) -> ApiResult<()> {
    let dataset = match leaf {
        Leaf::Aggregate(kind) | Leaf::Cumulative { of: kind, .. } => &kind.dataset,
        Leaf::Conversion(kind) => &kind.base.dataset,
        _ => return Ok(()),
    };
    let mut first: Option<(&DimensionName, &EntityName)> = None;
    for name in used(query) {
        let Some(entity) = bridged_entity(model, dataset, name) else { continue };
        match first {
            Some((other, known)) if known != entity => {
                return Err(ApiError::new(
                    ErrorCode::IncompatibleDimension,
                    format!(
                        "`{other}` and `{name}` both say who a row of {dataset} belonged to at its \
                         time, and a row is split over one of them at a time: ask for one, or for \
                         each in a question of its own."
                    ),
                ));
            }
            _ => first = Some((name, entity)),
        }
    }
    Ok(())
}

/// The entity of a dimension that rows of the dataset lead to through an as-of join.
fn bridged_entity<'m>(
    model: &'m Model,
    dataset: &DatasetName,
    name: &DimensionName,
) -> Option<&'m EntityName> {
    let entity = model.dimensions.get(name)?.entity.as_ref()?;
    let join = model.datasets.get(dataset)?.as_of_join_to(&model.datasets, entity);
    join.map(|_| entity)
}
