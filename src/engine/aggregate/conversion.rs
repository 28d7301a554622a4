//! Conversion: of the base events of a period, the share that a conversion of the same key
//! follows within so many calendar days.

use std::collections::HashMap;

use crate::engine::context::Context;
use crate::engine::keys::Interner;
use crate::engine::load::{codes, column, instants_in};
use crate::error::ApiResult;
use crate::kernels::{Code, NONE};
use crate::model::{AggregateKind, ColumnName, ConversionKind};
use crate::planner::Period;
use crate::values::{Instant, Number, Scalar};

use super::rows::{Measured, RowsAsk, rows_plan};
use super::{AggregateValues, period_at, scalars};

/// A base event.
struct Event {
    period: usize,
    group: Vec<Scalar>,
    key: Code,
    at: i64,
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
    let mut counted: HashMap<Vec<Scalar>, Vec<(i128, i128)>> = HashMap::new();
    for event in base {
        let converted = conversions
            .get(&event.key)
            .is_some_and(|times| follows(context, times, event.at, kind.within_days));
        let cells = counted.entry(event.group).or_insert_with(|| vec![(0, 0); periods.len()]);
        let (converted_events, base_events) = &mut cells[event.period];
        *converted_events += i128::from(converted);
        *base_events += 1;
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

/// Whether the first conversion at or after the event lies within the days.
fn follows(context: &Context<'_>, times: &[i64], at: i64, within_days: u32) -> bool {
    let calendar = &context.facts.model.calendar;
    times.get(times.partition_point(|time| *time < at)).is_some_and(|next| {
        let days = calendar.day_of(Instant(*next)) - calendar.day_of(Instant(at));
        days.num_days() <= i64::from(within_days)
    })
}

async fn base_events(
    context: &Context<'_>,
    kind: &ConversionKind,
    periods: &[Period],
    keys: &Interner,
) -> ApiResult<Vec<Event>> {
    let measures = [Measured { expr: None, filter: kind.base.filter.as_ref() }];
    let ask = RowsAsk {
        dataset: &kind.base.dataset,
        time: kind.base.time.as_ref(),
        measures: &measures,
        spans: Some(periods.iter().map(|period| period.span).collect()),
        key: Some(&kind.base_key),
        slices: true,
    };
    let plan = rows_plan(context, &ask).await?;
    let table = context.facts.reader.table(&kind.base.dataset)?;
    let groups = context.query().group_by.len();
    let first_group = 3 + usize::from(kind.base.filter.is_some());
    let calendar = &context.facts.model.calendar;
    let mut events = Vec::new();
    context
        .facts
        .reader
        .execute(plan, &[table], |batch| {
            // __time, __period, __key, the filter's column if any, then the groups.
            let at = instants_in(column(batch, 0)?, calendar)?;
            let key = codes(column(batch, 2)?, keys)?;
            for row in 0..at.len() {
                if let (Some(at), true) = (at[row], key[row] != NONE) {
                    let group = scalars(batch, row, first_group, groups)?;
                    let period = period_at(column(batch, 1)?, row);
                    events.push(Event { period, group, key: key[row], at });
                }
            }
            Ok(())
        })
        .await?;
    Ok(events)
}

async fn times(
    context: &Context<'_>,
    kind: &AggregateKind,
    key: &ColumnName,
    keys: &Interner,
) -> ApiResult<Vec<(Code, i64)>> {
    let measures = [Measured { expr: None, filter: kind.filter.as_ref() }];
    let ask = RowsAsk {
        dataset: &kind.dataset,
        time: kind.time.as_ref(),
        measures: &measures,
        spans: None,
        key: Some(key),
        slices: false,
    };
    let plan = rows_plan(context, &ask).await?;
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
