//! Passes of a flat table: each gives the groups it found and exact values by group and period.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use futures::future::{try_join, try_join_all};

use crate::engine::aggregate::{
    AggregateValues, SharedPasses, run_aggregates, run_conversion, run_cumulative,
};
use crate::engine::context::{Context, compute};
use crate::engine::load::LoadedBalance;
use crate::engine::slice::slicer;
use crate::engine::typed::{
    AttachCells, CohortsToDate, MovementCells, RetentionCells, RetentionPass, run_attach,
    run_attribution, run_cohorts_to_date, run_duration, run_movement, run_retention,
};
use crate::error::ApiResult;
use crate::kernels::{BalanceCell, Book, Cells, Estimate, Slicer, balance};
use crate::model::{AggregateKind, BalanceName, DurationMeasure, MovementMeasure};
use crate::planner::{Leaf, Measure, Period};
use crate::values::{Number, Scalar};

/// The values of a group's dimensions.
pub type GroupValues = Vec<Scalar>;

/// What a pass found.
pub enum LeafRun {
    Balance { cells: Grouped<Cells<BalanceCell>>, loaded: Arc<LoadedBalance>, known: Vec<bool> },
    Movement { run: MovementCells, keys: HashMap<GroupValues, u64>, known: Vec<bool> },
    Retention { run: RetentionCells, keys: HashMap<GroupValues, u64>, known: Vec<bool> },
    Attach { run: AttachCells, keys: HashMap<GroupValues, u64> },
    Duration(HashMap<(usize, GroupValues), Estimate>),
    Credited { by_group: HashMap<GroupValues, Vec<i128>>, scale: u8, known: Vec<bool> },
    Aggregate(Arc<AggregateValues>),
    Cohorts(CohortsToDate),
}

/// Cells with the groups' values.
pub struct Grouped<T> {
    pub cells: T,
    pub keys: HashMap<GroupValues, u64>,
}

/// Runs every pass of a plan over the periods; aggregates of one dataset share one, also with
/// other questions of the document where `shared` knows it.
pub async fn run_leaves(
    context: &Context<'_>,
    leaves: &[Leaf],
    periods: &[Period],
    shared: Option<&SharedPasses>,
) -> ApiResult<Vec<LeafRun>> {
    let aggregates: Vec<(usize, &AggregateKind)> = leaves
        .iter()
        .enumerate()
        .filter_map(|(place, leaf)| match leaf {
            Leaf::Aggregate(kind) => Some((place, kind)),
            _ => None,
        })
        .collect();
    let kinds: Vec<&AggregateKind> = aggregates.iter().map(|(_, kind)| *kind).collect();
    let others = leaves.iter().enumerate().filter(|(_, leaf)| !matches!(leaf, Leaf::Aggregate(_)));
    let others = others.map(|(place, leaf)| async move {
        Box::pin(run_leaf(context, leaf, periods)).await.map(|run| (place, run))
    });
    let (values, mut runs) =
        try_join(Box::pin(run_aggregates(context, &kinds, periods, shared)), try_join_all(others))
            .await?;
    let places = aggregates.iter().map(|(place, _)| *place);
    runs.extend(places.zip(values.into_iter().map(LeafRun::Aggregate)));
    runs.sort_by_key(|(place, _)| *place);
    Ok(runs.into_iter().map(|(_, run)| run).collect())
}

/// Runs one pass over the periods. Each kind's future is on the heap: the largest of them would
/// else be the size of all, and callers nest it further.
async fn run_leaf(context: &Context<'_>, leaf: &Leaf, periods: &[Period]) -> ApiResult<LeafRun> {
    Ok(match leaf {
        Leaf::Balance { balance } => Box::pin(run_balance(context, balance, periods)).await?,
        Leaf::Movement { balance, classes } => {
            let run = Box::pin(run_movement(context, (balance, *classes), periods, false)).await?;
            let keys = keys_of(&run.cells, &run.slicer);
            let known = periods
                .iter()
                .map(|period| {
                    !context.before_data(&run.loaded, period.span.end)
                        && context.knows_movements(&run.loaded, &period.span)
                })
                .collect();
            LeafRun::Movement { run, keys, known }
        }
        Leaf::Filtered { pass, filter } => {
            let plan = context.narrowed(filter);
            return Box::pin(run_leaf(&context.under(&plan), pass, periods)).await;
        }
        Leaf::Retention { .. } => {
            let pass = RetentionPass::of(leaf, false)?;
            let run = Box::pin(run_retention(context, &pass, periods)).await?;
            let keys = keys_of(&run.cells, &run.slicer);
            let known = (0..periods.len()).map(|row| run.known(context, row)).collect();
            LeafRun::Retention { run, keys, known }
        }
        Leaf::Attach(kind) => {
            let run = Box::pin(run_attach(context, kind, periods)).await?;
            let keys = keys_of(&run.cells, &run.slicer);
            LeafRun::Attach { run, keys }
        }
        Leaf::Duration(kind) => {
            LeafRun::Duration(Box::pin(run_duration(context, kind, Some(periods))).await?)
        }
        Leaf::Attribution(kind) => {
            let run = Box::pin(run_attribution(context, kind, periods, Book::Nothing)).await?;
            LeafRun::Credited {
                by_group: run.credited_by_group(periods.len()),
                scale: run.scale(),
                known: periods
                    .iter()
                    .map(|period| {
                        !context.before_data(run.loaded(), period.span.end)
                            && context.knows_movements(run.loaded(), &period.span)
                    })
                    .collect(),
            }
        }
        Leaf::Aggregate(kind) => {
            let values =
                Box::pin(run_aggregates(context, &[kind], periods, None)).await?.into_iter().next();
            LeafRun::Aggregate(values.unwrap_or_default())
        }
        Leaf::Cumulative { of, window } => LeafRun::Aggregate(
            Box::pin(run_cumulative(context, of, *window, periods)).await?.into(),
        ),
        Leaf::Conversion(kind) => {
            LeafRun::Aggregate(Box::pin(run_conversion(context, kind, periods)).await?.into())
        }
        Leaf::Cohort(kind) => {
            LeafRun::Cohorts(Box::pin(run_cohorts_to_date(context, kind, periods)).await?)
        }
    })
}

async fn run_balance(
    context: &Context<'_>,
    name: &BalanceName,
    periods: &[Period],
) -> ApiResult<LeafRun> {
    let loaded = context.facts.balance(name).await?;
    context.note_left_out(&loaded);
    let axes = context.axes(&loaded);
    let columns = context.facts.dimension_columns(context.query(), &axes).await?;
    let slicer = slicer(context.facts.model, &axes, context.query(), &columns)?;
    let ends: Vec<i64> = periods.iter().map(|period| period.span.end).collect();
    let cells = compute(|| balance(&loaded.facts, &ends, context.as_of(), &slicer));
    context.check_cells(cells.groups(), periods.len())?;
    let known = ends
        .iter()
        .map(|end| {
            !context.before_data(&loaded, *end) && loaded.facts.is_known(*end, context.as_of())
        })
        .collect();
    let keys = keys_of(&cells, &slicer);
    Ok(LeafRun::Balance { cells: Grouped { cells, keys }, loaded, known })
}

fn keys_of<T: Default + Clone + PartialEq>(
    cells: &Cells<T>,
    slicer: &Slicer,
) -> HashMap<GroupValues, u64> {
    cells.found().map(|(key, _)| (slicer.values(key), key)).collect()
}

impl LeafRun {
    /// Every group that any fact fell into.
    #[must_use]
    pub fn groups(&self) -> Vec<GroupValues> {
        fn keys<K: Clone + Eq + Hash, V>(map: &HashMap<K, V>) -> Vec<K> {
            map.keys().cloned().collect()
        }
        match self {
            Self::Balance { cells, .. } => keys(&cells.keys),
            Self::Movement { keys: groups, .. }
            | Self::Retention { keys: groups, .. }
            | Self::Attach { keys: groups, .. } => keys(groups),
            Self::Duration(estimates) => estimates.keys().map(|(_, group)| group.clone()).collect(),
            Self::Credited { by_group, .. } => keys(by_group),
            Self::Aggregate(values) => values.groups(),
            Self::Cohorts(run) => keys(&run.by_group),
        }
    }

    /// Periods whose amounts are unknown.
    #[must_use]
    pub fn unknown_periods(&self) -> usize {
        match self {
            Self::Balance { known, .. }
            | Self::Movement { known, .. }
            | Self::Retention { known, .. }
            | Self::Credited { known, .. }
            | Self::Cohorts(CohortsToDate { known, .. }) => {
                known.iter().filter(|known| !**known).count()
            }
            _ => 0,
        }
    }

    /// The value of a measure for a group and period; zero amounts and null ratios where nothing
    /// happened, null where nothing is known.
    #[must_use]
    pub fn value(&self, group: &GroupValues, period: usize, measure: Measure) -> Option<Number> {
        match self {
            Self::Balance { cells, loaded, known } => {
                let cell = cell(&cells.cells, cells.keys.get(group), period);
                known[period].then_some(())?;
                match measure {
                    Measure::BalanceCustomers => Some(Number::Int(cell.customers.into())),
                    _ => Some(Number::Decimal(cell.amount, loaded.facts.scale)),
                }
            }
            Self::Movement { run, keys, known } => {
                let cell = cell(&run.cells, keys.get(group), period);
                known[period].then_some(())?;
                let Measure::Movement { measure, loss } = measure else { return None };
                Some(match measure {
                    MovementMeasure::Amount => {
                        let amount = if loss { -cell.amount } else { cell.amount };
                        Number::Decimal(amount, run.loaded.facts.scale)
                    }
                    MovementMeasure::Events => Number::Int(cell.events.into()),
                    MovementMeasure::Customers => Number::Int(cell.customers.into()),
                })
            }
            Self::Retention { run, keys, known } => {
                known[period].then_some(())?;
                let Measure::Retention { measure, counted } = measure else { return None };
                run.value(keys.get(group).copied(), period, (measure, counted))
            }
            Self::Attach { run, keys } => run.rate(keys.get(group).copied(), period),
            Self::Duration(estimates) => {
                let Measure::Duration(measure) = measure else { return None };
                duration_value(estimates.get(&(period, group.clone()))?, measure)
            }
            Self::Credited { by_group, scale, known } => {
                known[period].then_some(())?;
                let credited = by_group.get(group).map_or(0, |periods| periods[period]);
                Some(Number::Decimal(credited, *scale))
            }
            Self::Aggregate(values) => values.value(group, period),
            Self::Cohorts(run) => {
                let Measure::Cohort(measure) = measure else { return None };
                run.value(group, period, measure)
            }
        }
    }
}

fn cell<T: Default + Clone + Copy>(cells: &Cells<T>, key: Option<&u64>, period: usize) -> T {
    key.and_then(|key| cells.get(*key)).map_or_else(T::default, |cells| cells[period])
}

fn duration_value(estimate: &Estimate, measure: DurationMeasure) -> Option<Number> {
    match measure {
        DurationMeasure::QuantileDays(percent) => {
            estimate.quantile(f64::from(percent) / 100.0).map(|days| Number::Int(days.into()))
        }
        DurationMeasure::ShareByDay(day) if estimate.subjects > 0 => {
            Some(Number::Float(estimate.share_by(i64::from(day))))
        }
        DurationMeasure::ShareByDay(_) => None,
        DurationMeasure::ObservedMedianDays => estimate.observed_median.map(Number::Float),
    }
}
