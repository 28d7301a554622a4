//! The keys of datasets, dimensions, balances and of the project itself.

use super::{Flow, Parts};
use crate::model::{
    AsOfJoin, Balance, BalanceShape, Column, ColumnType, Dataset, Dimension, DimensionType,
    DimensionValue, EntityName, Model,
};
use crate::values::{Calendar, MONTHS};

/// What holds for every number: the warehouse, the calendar, the currency; the board's tiles, and
/// what is pre-aggregated.
pub fn project_parts(model: &Model) -> Parts {
    let mut parts = Parts::default();
    let Calendar { zone, fiscal_start } = model.calendar;
    parts.text("name", &model.name);
    parts.text("warehouse", &model.warehouse);
    parts.text("time_zone", zone);
    let month = usize::try_from(fiscal_start).ok().and_then(|month| MONTHS.get(month - 1));
    parts.maybe("fiscal_year_starts", month);
    parts.text("currency", &model.currency);
    let tile = |tile: &crate::model::Tile| {
        let by = (!tile.group_by.is_empty()).then(|| Flow::texts(&tile.group_by));
        Flow::map([
            ("metric", Some(Flow::text(&tile.metric))),
            ("label", Some(Flow::text(&tile.label))),
            ("group_by", by),
        ])
    };
    parts.flows("tiles", model.tiles.iter().map(tile).collect());
    let pre_aggregate = |kept: &crate::model::PreAggregate| {
        Flow::map([
            ("metrics", Some(Flow::texts(&kept.metrics))),
            ("dimensions", Some(Flow::texts(&kept.dimensions))),
        ])
    };
    parts.flows("pre_aggregates", model.pre_aggregates.iter().map(pre_aggregate).collect());
    parts
}

/// Every key but `name` and `dimensions`, which stand for themselves; columns one by one.
pub fn dataset_parts(dataset: &Dataset) -> Parts {
    let mut parts = Parts::default();
    parts.prose("description", &dataset.description);
    parts.text("table", &dataset.table);
    parts.maybe("partition", dataset.partition.as_ref());
    parts.maybe("time", dataset.time.as_ref());
    parts.flag("month_end", dataset.month_end);
    let usual = dataset.time.as_ref().or(dataset.valid.as_ref().map(|valid| &valid.from));
    parts.maybe("known_from", dataset.known_from.as_ref().filter(|known| Some(*known) != usual));
    parts.maybe("entity", dataset.entity.as_ref());
    parts.flow("keys", keys(dataset));
    let valid = dataset.valid.as_ref().map(|valid| Flow::texts([&valid.from, &valid.to]));
    parts.flow("valid", valid);
    parts.flows("joins", dataset.as_of_joins.iter().map(join).collect());
    for column in dataset.columns.values() {
        parts.flow(&format!("columns.{}", column.name), Some(self::column(column)));
    }
    parts
}

fn keys(dataset: &Dataset) -> Option<Flow> {
    let primary = match dataset.primary_key.as_slice() {
        [] => None,
        [one] => Some(Flow::text(one)),
        several => Some(Flow::texts(several)),
    };
    let mut keys = vec![("primary", primary)];
    // The key of the dataset's own entity is the primary one.
    // Nor is one written of a bridge's own column, which its dimension names.
    let written =
        |entity: &EntityName| dataset.entity.as_ref() != Some(entity) && !entity.is_attribute();
    let others = dataset.keys.iter().filter(|(entity, _)| written(entity));
    keys.extend(others.map(|(entity, column)| (entity.as_str(), Some(Flow::text(column)))));
    let there = keys.iter().any(|(_, key)| key.is_some());
    there.then(|| Flow::map(keys))
}

fn join(join: &AsOfJoin) -> Flow {
    Flow::map([
        ("to", Some(Flow::text(&join.bridge))),
        ("as_of", Some(Flow::text(&join.at))),
        ("weight", join.weight.as_ref().map(Flow::text)),
    ])
}

fn column(column: &Column) -> Flow {
    let in_files = (column.in_files != column.name.as_str()).then(|| Flow::text(&column.in_files));
    let description = (!column.description.is_empty()).then(|| Flow::text(&column.description));
    Flow::map([
        ("type", type_word(column.data_type).map(Flow::text)),
        ("from", in_files),
        ("optional", column.optional.then(|| Flow::text(true))),
        ("minor_units", column.minor_units.map(Flow::text)),
        ("values", Flow::pairs(&column.values)),
        ("description", description),
    ])
}

/// None: as the files have it.
fn type_word(data_type: ColumnType) -> Option<String> {
    Some(match data_type {
        ColumnType::Text => "text".to_owned(),
        ColumnType::Int => "int".to_owned(),
        ColumnType::Decimal { scale } => format!("decimal(38, {scale})"),
        ColumnType::Float => "float".to_owned(),
        ColumnType::Bool => "bool".to_owned(),
        ColumnType::Date => "date".to_owned(),
        ColumnType::Timestamp => "timestamp".to_owned(),
        ColumnType::AsFound => return None,
    })
}

/// Every key but `name`, and the dataset that carries it.
pub fn dimension_parts(dimension: &Dimension) -> Parts {
    let mut parts = Parts::default();
    parts.prose("label", &dimension.label);
    parts.prose("description", &dimension.description);
    parts.text("dataset", &dimension.dataset);
    let word = match dimension.data_type {
        DimensionType::Text => "text",
        DimensionType::Bool => "bool",
        other => other.as_str(),
    };
    parts.text("type", word);
    match &dimension.value {
        DimensionValue::Key => parts.flag("key", true),
        DimensionValue::Expr(expr) => parts.text("expr", &expr.sql),
        DimensionValue::RollUp { of, map } => {
            let roll_up = Flow::map([("of", Some(Flow::text(of))), ("map", Flow::pairs(map))]);
            parts.flow("roll_up", Some(roll_up));
        }
    }
    parts
}

/// Every key but `name`.
pub fn balance_parts(balance: &Balance) -> Parts {
    let mut parts = Parts::default();
    parts.prose("description", &balance.description);
    parts.flows("shapes", balance.shapes.iter().map(shape).collect());
    parts
}

fn shape(shape: &BalanceShape) -> Flow {
    let text = |value: &dyn std::fmt::Display| Some(Flow::text(value));
    let product = shape.product().map(Flow::text);
    let (word, keys) = match shape {
        BalanceShape::Ledger(ledger) => (
            "ledger",
            vec![
                ("dataset", text(&ledger.dataset)),
                ("time", text(&ledger.time)),
                ("customer", text(&ledger.customer)),
                ("product", product),
                ("amount", text(&ledger.amount)),
                ("class", text(&ledger.class)),
                ("expansion_type", ledger.expansion_type.as_ref().map(Flow::text)),
                ("offer", ledger.offer.as_ref().map(Flow::text)),
            ],
        ),
        BalanceShape::Intervals(intervals) => (
            "intervals",
            vec![
                ("dataset", text(&intervals.dataset)),
                ("customer", text(&intervals.customer)),
                ("product", product),
                ("amount", text(&intervals.amount)),
            ],
        ),
        BalanceShape::Snapshots(snapshots) => (
            "snapshots",
            vec![
                ("dataset", text(&snapshots.dataset)),
                ("customer", text(&snapshots.customer)),
                ("product", product),
                ("amount", text(&snapshots.amount)),
            ],
        ),
    };
    Flow::map([(word, Some(Flow::map(keys)))])
}
