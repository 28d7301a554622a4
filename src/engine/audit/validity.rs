//! Rows of a time that can never be true: those of tables of owners and values without a key or a
//! start, and those that end before they begin, of these tables and of intervals of a balance.

use datafusion::functions_aggregate::expr_fn::count;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, lit};

use crate::engine::facts::Facts;
use crate::error::ApiResult;
use crate::model::{BalanceShape, ColumnName, DatasetName, EntityName, Model};

use super::counts::{EXAMPLES, column, number, read, scan, shown};
use super::ownership::tables_of;
use super::{DataCheck, DataFinding, reported};

/// A table whose rows are true for a time.
struct Lasting {
    dataset: DatasetName,
    /// Whose rows they are, and what they lead to.
    keys: Vec<ColumnName>,
    from: ColumnName,
    to: ColumnName,
    /// Rows without a key or a start are told here.
    leads: bool,
}

pub async fn findings(facts: &Facts<'_>) -> Vec<DataFinding> {
    let mut all = Vec::new();
    for table in lasting(facts.model) {
        if facts.reader.table(&table.dataset).is_ok() {
            if table.leads {
                all.extend(reported(&table.dataset, without_key(facts, &table).await));
            }
            all.extend(reported(&table.dataset, backwards(facts, &table).await));
        }
    }
    all
}

/// Each table once, with everything that its rows lead to. What a row says of its key may be null.
fn lasting(model: &Model) -> Vec<Lasting> {
    let mut all: Vec<Lasting> = Vec::new();
    for owners in tables_of(model) {
        let entity = model.datasets.get(&owners.dataset).and_then(|d| d.entity_of(&owners.owner));
        let is_key = entity.is_none_or(|entity| !EntityName::is_attribute(entity));
        let same = |known: &&mut Lasting| {
            (&known.dataset, &known.keys[0], &known.from, &known.to)
                == (&owners.dataset, &owners.customer, &owners.from, &owners.to)
        };
        match all.iter_mut().find(same) {
            Some(known) if is_key && !known.keys.contains(&owners.owner) => {
                known.keys.push(owners.owner);
            }
            Some(_) => {}
            None => all.push(Lasting {
                dataset: owners.dataset,
                keys: [owners.customer].into_iter().chain(is_key.then_some(owners.owner)).collect(),
                from: owners.from,
                to: owners.to,
                leads: true,
            }),
        }
    }
    let shapes = model.balances.values().flat_map(|balance| &balance.shapes);
    all.extend(shapes.filter_map(|shape| match shape {
        BalanceShape::Intervals(shape) => Some(Lasting {
            dataset: shape.dataset.clone(),
            keys: [&shape.customer].into_iter().chain(&shape.product).cloned().collect(),
            from: shape.from.clone(),
            to: shape.to.clone(),
            leads: false,
        }),
        _ => None,
    }));
    all
}

async fn without_key(facts: &Facts<'_>, table: &Lasting) -> ApiResult<Vec<DataFinding>> {
    let needed: Vec<&ColumnName> = table.keys.iter().chain([&table.from]).collect();
    let missing = needed.iter().map(|name| column(name).is_null());
    let missing = missing.reduce(Expr::or).unwrap_or_else(|| lit(false));
    let Some((rows, examples)) = rows_where(facts, table, missing).await? else {
        return Ok(Vec::new());
    };
    let message = format!(
        "`{}` holds {rows} row(s) without {}; they lead nowhere: {examples}",
        table.dataset,
        one_of(&needed)
    );
    Ok(vec![DataFinding::new(DataCheck::LeftOut, &table.dataset, message)])
}

async fn backwards(facts: &Facts<'_>, table: &Lasting) -> ApiResult<Vec<DataFinding>> {
    let ended = column(&table.to).lt_eq(column(&table.from));
    let Some((rows, examples)) = rows_where(facts, table, ended).await? else {
        return Ok(Vec::new());
    };
    let message = format!(
        "`{}` holds {rows} row(s) whose {} is not after their {}; they are true at no time: {examples}",
        table.dataset, table.to, table.from
    );
    Ok(vec![DataFinding::new(DataCheck::ValidityBackwards, &table.dataset, message)])
}

/// How many rows are so, and the first of them in words; none where no row is.
async fn rows_where(
    facts: &Facts<'_>,
    table: &Lasting,
    odd: Expr,
) -> ApiResult<Option<(i64, String)>> {
    let shown_columns: Vec<&ColumnName> =
        table.keys.iter().chain([&table.from, &table.to]).collect();
    let columns: Vec<ColumnName> = shown_columns.iter().copied().cloned().collect();
    let odd = || -> ApiResult<_> { Ok(scan(facts, &table.dataset, &columns)?.filter(odd.clone())) };
    let counted = odd()?
        .and_then(|rows| rows.aggregate(Vec::<Expr>::new(), vec![count(lit(1i64)).alias("rows")]))
        .and_then(LogicalPlanBuilder::build);
    let counted = read(facts, &table.dataset, counted).await?;
    let rows = counted.first().map_or(0, |row| number(&row[0]));
    if rows == 0 {
        return Ok(None);
    }
    let order = shown_columns.iter().map(|name| column(name).sort(true, false));
    let order: Vec<_> = order.collect();
    let some = odd()?
        .and_then(|rows| rows.project(shown_columns.iter().map(|name| column(name))))
        .and_then(|rows| rows.sort(order)?.limit(0, Some(EXAMPLES))?.build());
    let examples = read(facts, &table.dataset, some).await?.into_iter().map(|row| {
        let cells: Vec<String> = row.iter().map(shown).collect();
        let (keys, ends) = cells.split_at(table.keys.len());
        format!("{} from {}", keys.join(" "), ends.join(" to "))
    });
    Ok(Some((rows, examples.collect::<Vec<_>>().join(", "))))
}

/// "a, b or c".
fn one_of(names: &[&ColumnName]) -> String {
    match names.split_last() {
        Some((last, rest)) if !rest.is_empty() => {
            let rest: Vec<&str> = rest.iter().map(|name| name.as_str()).collect();
            format!("{} or {last}", rest.join(", "))
        }
        _ => names.iter().map(ToString::to_string).collect(),
    }
}
