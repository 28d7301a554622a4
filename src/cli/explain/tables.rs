//! Dimensions, datasets and balances: what stands behind the metrics.

use super::Page;
use crate::cli::written::{Flow, Parts, balance_parts, dataset_parts};
use crate::engine::TableStatus;
use crate::model::{Balance, Dataset, Dimension, DimensionValue, EntityName, Model};

pub fn dimension(model: &Model, dimension: &Dimension, found: Option<&TableStatus>) -> String {
    let title = format!("{} ({})", dimension.name, dimension.label);
    let mut page = Page::titled(&title, &dimension.description);
    page.line("what", "dimension");
    page.line("type", dimension.data_type.as_str());
    let entity = dimension.entity.as_ref();
    page.line("values", values(model, dimension));
    page.line("dataset", dimension.dataset.as_str());
    let of = entity.map(|entity| match entity.is_attribute() {
        true => format!("every row that a join leads through {}", dimension.dataset),
        false => format!("every row that leads to one {entity}"),
    });
    page.line("describes", of.unwrap_or_else(|| format!("rows of {}", dimension.dataset)));
    page.line(
        "as of",
        match dimension.history {
            true => "the event, or the window's start: the past of it is known",
            false => "now: the past of it is not known",
        },
    );
    let metrics = model.metrics.values();
    let fits = metrics.filter(|metric| metric.dimensions.contains(&dimension.name));
    page.list("metrics", fits.map(|metric| &metric.name));
    page.place(&dimension.source);
    if let Some(missing) = found.filter(|table| !table.available) {
        page.0.push_str(&state(missing));
    }
    page.0
}

fn values(model: &Model, dimension: &Dimension) -> String {
    match &dimension.value {
        DimensionValue::Key if dimension.entity.as_ref().is_some_and(EntityName::is_attribute) => {
            let bridge = model.datasets.get(&dimension.dataset);
            let entity = dimension.entity.as_ref();
            let column = bridge.zip(entity).and_then(|(bridge, entity)| bridge.keys.get(entity));
            column.map_or_else(String::new, |column| format!("{column} of {}", dimension.dataset))
        }
        DimensionValue::Key => {
            let entity = dimension.entity.as_ref();
            format!("the key of the {}", entity.map_or("row", |entity| entity.as_str()))
        }
        DimensionValue::Expr(expr) => expr.sql.clone(),
        DimensionValue::RollUp { of, map } => {
            let map = Flow::pairs(map).unwrap_or(Flow::Empty);
            format!("{of} rolled up: {map}; others are null")
        }
    }
}

pub fn dataset(model: &Model, dataset: &Dataset, found: Option<&TableStatus>) -> String {
    let mut page = Page::titled(dataset.name.as_str(), &dataset.description);
    page.line("what", "dataset");
    keys(&mut page, &dataset_parts(dataset), "columns.");
    let columns = dataset_parts(dataset)
        .0
        .into_iter()
        .filter_map(|(key, value)| Some(format!("{}: {value}", key.strip_prefix("columns.")?)));
    page.lines("columns", columns);
    let own = model.dimensions.values().filter(|one| one.dataset == dataset.name);
    page.list("dimensions", own.map(|one| &one.name));
    let metrics = model.metrics.values();
    let reads = metrics.filter(|m| m.lineage.iter().any(|(from, _)| *from == dataset.name));
    page.list("metrics", reads.map(|metric| &metric.name));
    page.place(&dataset.source);
    if let Some(found) = found {
        page.0.push_str(&state(found));
    }
    page.0
}

/// What was found in the warehouse.
fn state(found: &TableStatus) -> String {
    let problem = found.problem.as_deref().unwrap_or("not known");
    if !found.available {
        return format!("\n\nunavailable: {problem}");
    }
    let count = |number: Option<u64>| number.map_or("?".to_owned(), |number| number.to_string());
    let files = found.files.map_or("?".to_owned(), |files| files.to_string());
    let through = found.data_through.map(|at| format!(", newest {}", at.to_rfc3339()));
    format!(
        "\n\navailable: rows {}, files {files}, bytes {}{}",
        count(found.rows),
        count(found.bytes),
        through.unwrap_or_default()
    )
}

pub fn balance(model: &Model, balance: &Balance) -> String {
    let mut page = Page::titled(balance.name.as_str(), &balance.description);
    page.line("what", "balance: the first shape whose table is there is used");
    let parts = balance_parts(balance);
    if let Some(Flow::List(shapes)) = parts.get("shapes") {
        page.lines("shapes", shapes.iter().map(ToString::to_string));
    }
    let metrics = model.metrics.values();
    let of = metrics.filter(|metric| metric.kind.balance() == Some(&balance.name));
    page.list("metrics", of.map(|metric| &metric.name));
    page.place(&balance.source);
    page.0
}

/// The keys that are written, but the description and those below a prefix.
fn keys(page: &mut Page, parts: &Parts, without: &str) {
    let shown = |key: &str| key != "description" && !key.starts_with(without);
    for (key, value) in parts.0.iter().filter(|(key, _)| shown(key)) {
        page.line(key, value.to_string());
    }
}
