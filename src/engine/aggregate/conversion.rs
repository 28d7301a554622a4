//! Conversion: of the base events of a period, the share that a conversion of the same key
//! follows within so many calendar days. Owners share a base event as they share a counted row.

use std::collections::HashMap;

use crate::engine::context::Context;
use crate::engine::keys::Interner;
use crate::engine::load::{codes, column, instants_in};
use crate::error::ApiResult;
use crate::kernels::{Code, NONE};
use crate::model::{AggregateKind, ColumnName, ConversionKind};
use crate::planner::Period;
use crate::values::{Instant, Number, Scalar};

use super::AggregateValues;
use super::owners::RowOwners;
use super::pass::{period_at, scalars};
use super::rows::{Measured, RowsAsk, rows_plan};

/// A base event.
struct Event {
    period: usize,
    group: Vec<Scalar>,
    key: Code,
    at: i64,
    /// How much of it counts: 1, or the owner's part in millionths.
    weight: i128,
}

/// Converted over base events of each period and group.
pub async fn run_conversion(
    context: &Context<'_>,
    kind: &ConversionKind,
    periods: &[Period],
) -> ApiResult<AggregateValues> {
    super::observed::note_left_out(context, &kind.base).await?;
    super::observed::note_left_out(context, &kind.conversion).await?;
    let keys = Interner::default();
    let base = base_events(context, kind, periods, &keys).await?;
    let mut conversions: HashMap<Code, Vec<i64>> = HashMap::new();
    for (key, at) in times(context, &kind.conversion, &kind.conversion_key, &keys).await? {
        conversions.entry(key).or_default().push(at);
    }
    for times in conversions.values_mut() {
        times.sort_unstable();
    }
    // Rows of one dataset by one time: a row does not follow itself.
    let same_rows =
        kind.base.dataset == kind.conversion.dataset && kind.base.time == kind.conversion.time;
    let mut counted: HashMap<Vec<Scalar>, Vec<(i128, i128)>> = HashMap::new();
    for event in base {
        let from = event.at.saturating_add(i64::from(same_rows));
        let converted = conversions.get(&event.key).is_some_and(|times| {
            let next = times.get(times.partition_point(|time| *time < from));
            next.is_some_and(|next| within(context, event.at, *next, kind.within_days))
        });
        let cells = counted.entry(event.group).or_insert_with(|| vec![(0, 0); periods.len()]);
        let (converted_events, base_events) = &mut cells[event.period];
        *converted_events += i128::from(converted) * event.weight;
        *base_events += event.weight;
    }
    let by_group = counted
        .into_iter()
        .map(|(group, cells)| {
            let rates = cells.into_iter().map(|(part, whole)| Number::fraction(part, whole));
            (group, rates.collect())
        })
        .collect();
    Ok(AggregateValues { by_group, empty: None })
}

/// Whether an instant lies within the calendar days after another.
fn within(context: &Context<'_>, at: i64, next: i64, days: u32) -> bool {
    let calendar = &context.facts.model.calendar;
    let waited = calendar.day_of(Instant(next)) - calendar.day_of(Instant(at));
    waited.num_days() <= i64::from(days)
}

async fn base_events(
    context: &Context<'_>,
    kind: &ConversionKind,
    periods: &[Period],
    keys: &Interner,
) -> ApiResult<Vec<Event>> {
    let filter = kind.base.filter.as_ref();
    let measures = [Measured { filter, is_shared: true, ..Measured::default() }];
    let owners = RowOwners::of_question(context, &kind.base.dataset).await?;
    let group_by = &context.query().group_by;
    let ask = RowsAsk {
        time: kind.base.time.as_ref(),
        measures: &measures,
        spans: Some(periods.iter().map(|period| period.span).collect()),
        key: Some(&kind.base_key),
        group_by,
        filter: context.query().filter.as_ref(),
        owners: owners.as_ref(),
    };
    let plan = rows_plan(context, &kind.base.dataset, &ask).await?;
    let table = context.facts.reader.table(&kind.base.dataset)?;
    // __time, __period, __key, the weight and the filter's column if any, then the groups.
    let weight = owners.as_ref().map(|_| 3);
    let first_group = 3 + usize::from(owners.is_some()) + usize::from(filter.is_some());
    let calendar = &context.facts.model.calendar;
    let mut events = Vec::new();
    context
        .facts
        .reader
        .execute(plan, &[table], |batch| {
            let at = instants_in(column(batch, 0)?, calendar)?;
            let key = codes(column(batch, 2)?, keys)?;
            for row in 0..at.len() {
                if let (Some(at), true) = (at[row], key[row] != NONE) {
                    let group = scalars(batch, row, first_group, group_by.len())?;
                    let period = period_at(column(batch, 1)?, row);
                    let weight = match weight {
                        Some(place) => scalars(batch, row, place, 1)?.first().map_or(0, units),
                        None => 1,
                    };
                    events.push(Event { period, group, key: key[row], at, weight });
                }
            }
            Ok(())
        })
        .await?;
    owners.iter().flat_map(RowOwners::warnings).for_each(|warning| context.note(warning));
    Ok(events)
}

fn units(weight: &Scalar) -> i128 {
    match weight {
        Scalar::Decimal(units, _) => *units,
        _ => 0,
    }
}

async fn times(
    context: &Context<'_>,
    kind: &AggregateKind,
    key: &ColumnName,
    keys: &Interner,
) -> ApiResult<Vec<(Code, i64)>> {
    let measures = [Measured { filter: kind.filter.as_ref(), ..Measured::default() }];
    let ask = RowsAsk {
        time: kind.time.as_ref(),
        measures: &measures,
        key: Some(key),
        ..RowsAsk::default()
    };
    let plan = rows_plan(context, &kind.dataset, &ask).await?;
    let table = context.facts.reader.table(&kind.dataset)?;
    let calendar = &context.facts.model.calendar;
    let mut found = Vec::new();
    context
        .facts
        .reader
        .execute(plan, &[table], |batch| {
            let at = instants_in(column(batch, 0)?, calendar)?;
            let key = codes(column(batch, 1)?, keys)?;
            found.extend(key.into_iter().zip(at).filter_map(|(key, at)| Some((key, at?))));
            Ok(())
        })
        .await?;
    found.retain(|(key, _)| *key != NONE);
    Ok(found)
}
