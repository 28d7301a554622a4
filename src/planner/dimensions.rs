//! Which dimensions a question may group and filter by: those that the catalogue lists for its
//! metrics, and for a typed field those of the unit it asks for.

use crate::error::{ApiError, ApiResult, ErrorCode, did_you_mean};
use crate::kernels::Axis;
use crate::model::{
    Aggregate, Balance, DatasetName, DimensionName, EntityName, Metric, MetricKind, Model,
    RetentionUnit,
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
    let why = why_not(model, metric, name).unwrap_or_default();
    ApiError::new(
        ErrorCode::IncompatibleDimension,
        format!(
            "`{}` cannot be broken down or filtered by `{name}`{why}. It goes with: {offered}.",
            metric.name
        ),
    )
}

/// The reason where the metric's name does not give it: what a metric is computed from, and rows
/// that are split where what is asked of them cannot be.
fn why_not(model: &Model, metric: &Metric, name: &DimensionName) -> Option<String> {
    let part = part_without(model, metric, name)?;
    let computed = if part.name == metric.name {
        String::new()
    } else {
        format!(": it is computed from `{}`, which cannot", part.name)
    };
    let MetricKind::Aggregate(kind) = &part.kind else {
        return (!computed.is_empty()).then_some(computed);
    };
    let (Aggregate::Median, Some(_)) = (kind.aggregate, bridged_entity(model, &kind.dataset, name))
    else {
        return (!computed.is_empty()).then_some(computed);
    };
    let dataset = &kind.dataset;
    let of_same_rows = |other: &&Metric| match &other.kind {
        MetricKind::Aggregate(other) => {
            other.dataset == *dataset && other.aggregate == Aggregate::Average
        }
        _ => false,
    };
    let instead = model.metrics.values().filter(|other| !other.private).find(of_same_rows);
    let instead = instead.map_or_else(
        || "an average or a sum of the same rows can be asked by it".to_owned(),
        |other| format!("ask for an average, such as `{}`", other.name),
    );
    Some(format!(
        "{computed}: a row of {dataset} counts in parts where `{name}` had several values at its time, \
         and a median takes rows whole; {instead}"
    ))
}

/// The metric, or the first that it is computed from, that does not go with a dimension by itself.
fn part_without<'m>(
    model: &'m Model,
    metric: &'m Metric,
    name: &DimensionName,
) -> Option<&'m Metric> {
    let inputs = metric.inputs();
    if inputs.is_empty() {
        return Some(metric);
    }
    let inputs = inputs.into_iter().filter_map(|input| model.metrics.get(input));
    let without = inputs.into_iter().find(|input| !input.dimensions.contains(name));
    without.and_then(|input| part_without(model, input, name))
}

/// Facts can be split over what one as-of join leads to at a time.
///
/// # Errors
/// `INCOMPATIBLE_DIMENSION` where a question, or the metric's own filter, names dimensions behind two.
pub(super) fn check_bridges(model: &Model, query: &MetricQuery, leaf: &Leaf) -> ApiResult<()> {
    let (pass, own) = match leaf {
        Leaf::Filtered { pass, filter } => (&**pass, filter.dimensions()),
        pass => (pass, Vec::new()),
    };
    let dataset = match pass {
        Leaf::Aggregate(kind) | Leaf::Cumulative { of: kind, .. } => Some(&kind.dataset),
        Leaf::Conversion(kind) => Some(&kind.base.dataset),
        _ => None,
    };
    let balance = pass.balance().and_then(|name| model.balances.get(name));
    let axes = balance.map(|balance| Axes::of_balance(model, balance)).unwrap_or_default();
    let way_of = |name: &DimensionName| {
        let entity = model.dimensions.get(name)?.entity.as_ref()?;
        let bridge = match dataset.and_then(|dataset| model.datasets.get(dataset)) {
            Some(rows) => rows.as_of_join_to(&model.datasets, entity)?.bridge.clone(),
            None => {
                let owner = axes.owners.iter().find(|owner| owner.entity == *entity)?;
                owner.join.bridge.clone()
            }
        };
        Some((entity, bridge))
    };
    let led = |name| way_of(name).map(|(entity, bridge)| (name, entity, bridge));
    let mut ways = used(query).chain(own).filter_map(led);
    let Some((first, entity, bridge)) = ways.next() else { return Ok(()) };
    let Some((name, _, other)) = ways.find(|(_, other, _)| *other != entity) else { return Ok(()) };
    let of = dataset.map_or("a customer".to_owned(), |name| format!("a row of {name}"));
    let instead = if bridge == other {
        format!(
            "ask for one, or give the rows of `{bridge}` an `entity` and a `primary` key, and both \
             describe it"
        )
    } else {
        "ask for one, or for each in a question of its own".to_owned()
    };
    Err(ApiError::new(
        ErrorCode::IncompatibleDimension,
        format!(
            "`{first}` and `{name}` both say what {of} was, or whose, at a time, and is split over one of \
             them at a time: {instead}."
        ),
    ))
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
