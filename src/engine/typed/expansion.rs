//! The typed expansion answer: amount by expansion type, split by the period's opening cohort.

use std::sync::Arc;

use crate::engine::ExpansionAnswerRow;
use crate::engine::bands::{Slice, target_of};
use crate::engine::context::{Context, period_info, unmapped_classes};
use crate::engine::load::{AttributeColumn, LoadedBalance};
use crate::engine::sums::Summing;
use crate::error::{ApiError, ApiResult, ErrorCode};
use crate::kernels::{
    Axis, Cells, MovementAsk, MovementCell, Slicer, Span, movement, movement_amounts,
};
use crate::model::{BalanceName, BalanceShape, DimensionName, DimensionValue, Metric};
use crate::planner::{Ask, Axes, Period};
use crate::values::{Number, Scalar};

use super::compare_groups;

/// Cells of a movement pass with what is needed to read them.
pub struct MovementCells {
    pub cells: Cells<MovementCell>,
    pub slicer: Slicer,
    pub loaded: Arc<LoadedBalance>,
}

/// Sums movements of the classes in the given periods. `by_kind` adds the kind of movement as the
/// last group value.
pub async fn run_movement(
    context: &Context<'_>,
    (balance, classes): (&BalanceName, [bool; 5]),
    periods: &[Period],
    by_kind: bool,
) -> ApiResult<MovementCells> {
    let loaded = context.facts.balance(balance).await?;
    context.note_left_out(&loaded);
    if let BalanceShape::Ledger(ledger) = &loaded.shape
        && !loaded.unmapped.is_empty()
    {
        return Err(unmapped_classes(&loaded, ledger.class.as_str()));
    }
    let axes = context.axes(&loaded);
    let owners = context.owners(&axes).await?;
    let kinds = if by_kind { Some(kinds_of(context, &axes).await?) } else { None };
    let spans: Vec<Span> = periods.iter().map(|period| period.span).collect();
    let ask =
        MovementAsk { periods: &spans, classes, as_of: context.as_of(), owners: owners.as_deref() };
    // Whose movements they are matters to the slices, or to what is asked of them.
    let of_customers = !matches!(context.query().ask, Ask::Expansion { by_customer: false, .. });
    let id = format!("movement {balance} {classes:?} {of_customers} {spans:?}");
    let summing = Summing { axes: &axes, kinds, id };
    let sum = |slicer: &Slicer| {
        let by_owner = slicer.uses(Axis::Owner);
        match loaded.facts.recorded && !of_customers && !by_owner {
            true => movement_amounts(&loaded.facts, &ask, slicer),
            false => movement(&loaded.facts, &ask, slicer),
        }
    };
    let (cells, slicer) = context.sums(&summing, sum).await?;
    let of_customers = of_customers || slicer.uses(Axis::Owner) || slicer.uses(Axis::Customer);
    if of_customers && !loaded.by_customer {
        let message = "The movements were read without customers.";
        return Err(ApiError::new(ErrorCode::Internal, message));
    }
    context.check_cells(cells.groups(), periods.len())?;
    note_odd_signs(context, &cells);
    Ok(MovementCells { cells, slicer, loaded })
}

fn note_odd_signs(context: &Context<'_>, cells: &Cells<MovementCell>) {
    let odd: i64 =
        cells.iter().flat_map(|(_, cells)| cells.iter().map(|cell| cell.odd_signs)).sum();
    if odd > 0 {
        context.note(format!(
            "{odd} movement(s) have a sign that contradicts their class; they count as recorded."
        ));
    }
}

/// The values of the kind axis itself.
async fn kinds_of(context: &Context<'_>, axes: &Axes) -> ApiResult<AttributeColumn> {
    match kind_dimension(context, axes) {
        Some(name) => context.facts.dimension(&name, axes, context.as_of()).await,
        None => Ok(AttributeColumn::unknown()),
    }
}

/// The dimension that is the ledger's own kind column.
fn kind_dimension(context: &Context<'_>, axes: &Axes) -> Option<DimensionName> {
    context
        .facts
        .model
        .dimensions
        .values()
        .find(|dimension| {
            matches!(dimension.value, DimensionValue::Expr(_))
                && axes.axis(context.facts.model, dimension) == Some(Axis::Kind)
        })
        .map(|dimension| dimension.name.clone())
}

/// The rows of the typed field: a row per period, group and type found in any period.
pub async fn expansion_rows(
    context: &Context<'_>,
    metric: &Metric,
    (balance, classes): (&BalanceName, [bool; 5]),
) -> ApiResult<Vec<ExpansionAnswerRow>> {
    let newest = context.facts.balance(balance).await?.facts.newest;
    let periods = context.periods(newest)?;
    let run = run_movement(context, (balance, classes), &periods, true).await?;
    let families = families_of(context, &run).await?;
    let mut groups: Vec<(Vec<Scalar>, u64)> =
        run.cells.iter().map(|(key, _)| (run.slicer.values(key), key)).collect();
    groups.sort_by(|(a, _), (b, _)| compare_groups(a, b));
    context.check_rows(groups.len() * periods.len())?;
    note_untyped(context, &run, &groups);
    let scale = run.loaded.facts.scale;
    let kind_dimension = kind_dimension(context, &context.axes(&run.loaded));
    let calendar = context.facts.model.calendar;
    let mut rows = Vec::new();
    let known = |period: &Period| context.knows_movements(&run.loaded, &period.span);
    context.note_unknown(periods.iter().filter(|period| !known(period)).count());
    for (place, period) in periods.iter().enumerate().filter(|(_, period)| known(period)) {
        let totals = totals_by_group(&run, &groups, place);
        for (values, key) in &groups {
            let cell = run.cells.get(*key).map_or_else(MovementCell::default, |c| c[place]);
            if context.query().sparse && cell.events == 0 {
                continue;
            }
            let (kind, group) =
                values.split_last().map_or((&Scalar::Null, values.as_slice()), |s| s);
            let total = totals.iter().find(|(g, _)| *g == group).map_or(0, |(_, total)| *total);
            let expansion_type = text_of(kind);
            let (info, group) = (period_info(period), context.group(group.to_vec()));
            let amount = Number::Decimal(cell.amount, scale);
            let mut slice = Slice::of(context.plan, &group);
            if let Some(dimension) = &kind_dimension {
                slice = slice.with(dimension, kind.clone());
            }
            rows.push(ExpansionAnswerRow {
                period: info,
                group,
                target: target_of(metric, Some(&amount), &slice, (&calendar, &info)),
                family: families
                    .iter()
                    .find(|(of, _)| of == kind)
                    .and_then(|(_, family)| text_of(family)),
                expansion_type,
                amount,
                from_opening_cohort: Number::Decimal(cell.from_cohort, scale),
                from_outside_cohort: Number::Decimal(cell.amount - cell.from_cohort, scale),
                events: cell.events,
                customers: cell.customers,
                share: Number::fraction(cell.amount, total),
            });
        }
    }
    Ok(rows)
}

/// Counts the movements without a type.
fn note_untyped(context: &Context<'_>, run: &MovementCells, groups: &[(Vec<Scalar>, u64)]) {
    let untyped: i64 = groups
        .iter()
        .filter(|(values, _)| values.last().is_some_and(Scalar::is_null))
        .filter_map(|(_, key)| run.cells.get(*key))
        .flat_map(|cells| cells.iter().map(|cell| cell.events))
        .sum();
    if untyped > 0 {
        context.note(format!("{untyped} expansion movement(s) have no type."));
    }
}

/// The (filtered) total of each group in a period: what shares are of.
fn totals_by_group<'a>(
    run: &MovementCells,
    groups: &'a [(Vec<Scalar>, u64)],
    period: usize,
) -> Vec<(&'a [Scalar], i128)> {
    let mut totals: Vec<(&[Scalar], i128)> = Vec::new();
    for (values, key) in groups {
        let group = values.split_last().map_or(values.as_slice(), |(_, group)| group);
        let amount = run.cells.get(*key).map_or(0, |cells| cells[period].amount);
        // Groups come sorted, so a group's rows are neighbours.
        match totals.last_mut() {
            Some((last, total)) if *last == group => *total += amount,
            _ => totals.push((group, amount)),
        }
    }
    totals
}

/// Each kind's family, where a dimension rolls kinds up.
async fn families_of(
    context: &Context<'_>,
    run: &MovementCells,
) -> ApiResult<Vec<(Scalar, Scalar)>> {
    let axes = context.axes(&run.loaded);
    let Some(kind) = kind_dimension(context, &axes) else { return Ok(Vec::new()) };
    let family = context.facts.model.dimensions.values().find(
        |dimension| matches!(&dimension.value, DimensionValue::RollUp { of, .. } if *of == kind),
    );
    let Some(family) = family else { return Ok(Vec::new()) };
    let kinds = context.facts.dimension(&kind, &axes, context.as_of()).await?;
    let families = context.facts.dimension(&family.name, &axes, context.as_of()).await?;
    Ok(kinds
        .by_code
        .iter()
        .zip(&families.by_code)
        .map(|(kind, family)| {
            (kinds.values[*kind as usize].clone(), families.values[*family as usize].clone())
        })
        .collect())
}

fn text_of(value: &Scalar) -> Option<String> {
    match value {
        Scalar::Text(text) => Some(text.to_string()),
        _ => None,
    }
}
