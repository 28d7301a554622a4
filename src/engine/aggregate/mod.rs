//! Aggregates, cumulative aggregates and conversions over rows of any dataset, on DataFusion.

mod beside;
mod blame;
mod columns;
mod conversion;
mod cumulative;
mod decimal_sum;
mod errors;
mod fits;
mod measure;
mod observed;
mod owners;
mod pass;
mod period_index;
mod predicate;
mod rows;
mod shared;
mod types;

use std::collections::HashMap;
use std::sync::Arc;

use crate::error::ApiResult;
use crate::kernels::Span;
use crate::model::{Aggregate, AggregateKind};
use crate::planner::Period;
use crate::values::Number;

use super::context::Context;
use super::table::GroupValues;

pub use conversion::{conversions_end, run_conversion};
pub use cumulative::run_cumulative;
pub use errors::plan_error;
pub use observed::{Observed, newest_of, table_of};
pub use shared::SharedPasses;
pub use types::{ValueType, value_type};

use measure::Measure;
use owners::RowOwners;
use pass::{Pass, run_pass};

/// Values by group and period.
#[derive(Debug, Default)]
pub struct AggregateValues {
    by_group: HashMap<GroupValues, Vec<Option<Number>>>,
    /// Where a group has no rows in a period: 0 for counts and sums, null otherwise.
    empty: Option<Number>,
}

impl AggregateValues {
    #[must_use]
    pub fn groups(&self) -> Vec<GroupValues> {
        self.by_group.keys().cloned().collect()
    }

    #[must_use]
    pub fn value(&self, group: &GroupValues, period: usize) -> Option<Number> {
        self.by_group
            .get(group)
            .and_then(|values| values[period].clone())
            .or_else(|| self.empty.clone())
    }

    /// The only period's values in each of so many.
    fn repeated(mut self, periods: usize) -> Self {
        for values in self.by_group.values_mut() {
            let only = values.pop().flatten();
            *values = vec![only; periods];
        }
        self
    }
}

/// Aggregates of each period and group. Those of one dataset and time share one pass over its
/// rows, each with its own filter; `shared` is what other questions of the document read too.
pub async fn run_aggregates(
    context: &Context<'_>,
    kinds: &[&AggregateKind],
    periods: &[Period],
    shared: Option<&SharedPasses>,
) -> ApiResult<Vec<Arc<AggregateValues>>> {
    let spans: Arc<[Span]> = periods.iter().map(|period| period.span).collect();
    let filter = context.query().filter.as_ref();
    let mut all: Vec<Option<Arc<AggregateValues>>> = kinds.iter().map(|_| None).collect();
    for (index, first) in kinds.iter().enumerate() {
        if all[index].is_some() {
            continue;
        }
        observed::note_left_out(context, first).await?;
        let together: Vec<usize> = (index..kinds.len())
            .filter(|other| {
                kinds[*other].dataset == first.dataset && kinds[*other].time == first.time
            })
            .collect();
        let measures: Vec<Measure<'_>> =
            together.iter().map(|place| Measure { kind: kinds[*place], filter }).collect();
        let known = match shared {
            Some(shared) => shared.answer(context, &measures, &spans).await,
            None => None,
        };
        let values = match known {
            Some(values) => values,
            None => {
                let own = aggregate_spans(context, &measures, Arc::clone(&spans)).await?;
                own.into_iter().map(Arc::new).collect()
            }
        };
        for (place, values) in together.into_iter().zip(values) {
            all[place] = Some(values);
        }
    }
    Ok(all.into_iter().flatten().collect())
}

/// One pass over the rows of the measures' common dataset.
async fn aggregate_spans(
    context: &Context<'_>,
    measures: &[Measure<'_>],
    spans: Arc<[Span]>,
) -> ApiResult<Vec<AggregateValues>> {
    let Some(first) = measures.first() else { return Ok(Vec::new()) };
    let owners = RowOwners::of_question(context, &first.kind.dataset).await?;
    let mut all = Vec::with_capacity(measures.len());
    for measure in measures {
        let empty = empty_value(context, measure.kind)?;
        all.push(AggregateValues { by_group: HashMap::new(), empty });
    }
    let periods = spans.len();
    let pass = Pass { measures, spans, owners: owners.as_ref() };
    run_pass(context, &pass, |found| {
        let value = value_of(measures[found.measure].kind.aggregate, &found.parts);
        let by_group = &mut all[found.measure].by_group;
        if !by_group.contains_key(found.group) {
            context.check_cells(by_group.len() + 1, periods)?;
            by_group.insert(found.group.clone(), vec![None; periods]);
        }
        if let Some(cells) = by_group.get_mut(found.group) {
            // A metric without a time is the same in every period.
            cells[found.span.map_or(0..periods, |at| at..at + 1)].fill(value);
        }
        Ok(())
    })
    .await?;
    if let Some(owners) = &owners {
        owners.note_odd(context);
    }
    Ok(all)
}

/// Counts and sums of no rows are zero, in their own type; everything else is null.
fn empty_value(context: &Context<'_>, kind: &AggregateKind) -> ApiResult<Option<Number>> {
    Ok(match kind.aggregate {
        Aggregate::Count | Aggregate::CountDistinct | Aggregate::Sum => {
            Some(value_type(context, kind)?.zero())
        }
        _ => None,
    })
}

/// An aggregate's value from its parts.
fn value_of(aggregate: Aggregate, parts: &[Option<Number>]) -> Option<Number> {
    let first = parts.first().cloned().flatten();
    if aggregate == Aggregate::Average {
        let counted = parts.get(1).cloned().flatten();
        return first.zip(counted).and_then(|(sum, count)| sum.div(&count));
    }
    match first {
        // Exact in decimals with a place more than the column's; as a number the nearest double.
        Some(Number::Decimal(value, scale)) if aggregate == Aggregate::Median => {
            Number::fraction(value, 10i128.checked_pow(scale.into())?)
        }
        first => first,
    }
}
