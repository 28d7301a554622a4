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
use super::blame::blame;
use super::owners::{RowOwners, WHOLE_ROW, owners_asked_for};
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
    // A row does not follow itself.
    let same_rows = kind.is_of_the_same_rows();
    let mut waiting = Waiting::of(context, kind).await?;
    let mut counted: HashMap<Vec<Scalar>, Vec<(i128, i128)>> = HashMap::new();
    for event in base {
        let from = event.at.saturating_add(i64::from(same_rows));
        let converted = conversions.get(&event.key).is_some_and(|times| {
            let next = times.get(times.partition_point(|time| *time < from));
            next.is_some_and(|next| within(context, event.at, *next, kind.within_days))
        });
        if !counted.contains_key(&event.group) {
            counted.insert(event.group.clone(), vec![(0, 0); periods.len()]);
        }
        let Some(cells) = counted.get_mut(&event.group) else { continue };
        let (converted_events, base_events) = &mut cells[event.period];
        *converted_events += i128::from(converted) * event.weight;
        *base_events += event.weight;
        waiting.count(context, kind, (&event, converted));
    }
    waiting.note(context, kind);
    let by_group = counted
        .into_iter()
        .map(|(group, cells)| {
            let rates = cells.into_iter().map(|(part, whole)| Number::fraction(part, whole));
            (group, rates.collect())
        })
        .collect();
    Ok(AggregateValues { by_group, empty: None })
}

/// Base events that may be converted yet: their days are not over by the end of observation, which is
/// that of the conversions' table.
struct Waiting {
    end: Option<Instant>,
    /// Weights of those without a conversion, and of all.
    waiting: i128,
    all: i128,
    /// The weight of a whole event.
    one: i128,
}

impl Waiting {
    async fn of(context: &Context<'_>, kind: &ConversionKind) -> ApiResult<Self> {
        let dataset = context.facts.model.datasets.get(&kind.base.dataset);
        let split = dataset.is_some_and(|dataset| owners_asked_for(context, dataset).is_some());
        let end = conversions_end(context, kind).await?;
        Ok(Self { end, waiting: 0, all: 0, one: if split { WHOLE_ROW } else { 1 } })
    }

    fn count(
        &mut self,
        context: &Context<'_>,
        kind: &ConversionKind,
        (event, converted): (&Event, bool),
    ) {
        self.all += event.weight;
        let Some(end) = self.end.filter(|_| !converted) else { return };
        let calendar = &context.facts.model.calendar;
        let had = calendar.day_of(end) - calendar.day_of(Instant(event.at));
        if had.num_days() <= i64::from(kind.within_days) {
            self.waiting += event.weight;
        }
    }

    fn note(&self, context: &Context<'_>, kind: &ConversionKind) {
        let Some(end) = self.end.filter(|_| self.waiting > 0) else { return };
        let whole = |weight: i128| (weight + self.one - 1) / self.one;
        context.note(format!(
            "{} of {} event(s) of {} had less than {} day(s) for a conversion, for {} is known until \
             {}, and none yet: they count as not converted.",
            whole(self.waiting),
            whole(self.all),
            kind.base.dataset,
            kind.within_days,
            kind.conversion.dataset,
            context.facts.model.calendar.day_of(end),
        ));
    }
}

/// The end of observation of conversions: that of their table, else of the base events'.
pub async fn conversions_end(
    context: &Context<'_>,
    kind: &ConversionKind,
) -> ApiResult<Option<Instant>> {
    let newest = match super::observed::range_of(context, &kind.conversion).await?.1 {
        Some(newest) => Some(newest),
        None => super::observed::range_of(context, &kind.base).await?.1,
    };
    Ok(context.end_of_observation(newest))
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
    let read = context
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
        .await;
    if let Err(error) = read {
        return Err(blame(context, &kind.base.dataset, &ask, error).await);
    }
    if let Some(owners) = &owners {
        owners.note_odd(context);
    }
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
    let read = context
        .facts
        .reader
        .execute(plan, &[table], |batch| {
            let at = instants_in(column(batch, 0)?, calendar)?;
            let key = codes(column(batch, 1)?, keys)?;
            found.extend(key.into_iter().zip(at).filter_map(|(key, at)| Some((key, at?))));
            Ok(())
        })
        .await;
    if let Err(error) = read {
        return Err(blame(context, &kind.dataset, &ask, error).await);
    }
    found.retain(|(key, _)| *key != NONE);
    Ok(found)
}
