//! Whether what a number counts has had its time: days to attach, days to be converted.

use chrono::Days;

use crate::error::ApiResult;
use crate::model::{AttachBasis, AttachKind};
use crate::planner::{Formula, Leaf, Period};
use crate::values::Instant;

use super::aggregate::{conversions_end, newest_of};
use super::context::Context;

/// What a number waits for.
#[derive(Debug, Clone, Copy)]
pub enum Wait {
    /// The end of its period.
    Period,
    /// So many days after the period, until the end of observation.
    Days(u32, Option<Instant>),
}

impl Wait {
    /// None: what it counts is as it is at once.
    #[must_use]
    pub fn of_attach(kind: &AttachKind, end: Option<Instant>) -> Option<Self> {
        match kind.basis {
            AttachBasis::Customer => None,
            AttachBasis::Order => Some(Self::Period),
            AttachBasis::WithinDays => Some(Self::Days(kind.within_days, end)),
        }
    }

    /// Whether it is over for everything of the period.
    #[must_use]
    pub fn is_over(&self, context: &Context<'_>, period: &Period) -> bool {
        match self {
            Self::Period => period.complete,
            Self::Days(days, end) => {
                let waited = Days::new((*days).into());
                let last = period.end.checked_add_days(waited).unwrap_or(period.end);
                let calendar = &context.facts.model.calendar;
                end.is_some_and(|end| calendar.midnight(last) <= end)
            }
        }
    }
}

/// What each output of a flat table waits for, through whatever it is computed from.
pub async fn waits_of(context: &Context<'_>) -> ApiResult<Vec<Vec<Wait>>> {
    let mut of_leaves = Vec::with_capacity(context.plan.leaves.len());
    for leaf in &context.plan.leaves {
        of_leaves.push(wait_of(context, leaf).await?);
    }
    let outputs = context.plan.outputs.iter().map(|output| {
        let mut leaves = Vec::new();
        leaves_of(&output.formula, &mut leaves);
        leaves.into_iter().filter_map(|leaf| *of_leaves.get(leaf)?).collect()
    });
    Ok(outputs.collect())
}

async fn wait_of(context: &Context<'_>, leaf: &Leaf) -> ApiResult<Option<Wait>> {
    Ok(match leaf {
        Leaf::Attach(kind) if kind.basis == AttachBasis::WithinDays => {
            let (_, newest) = newest_of(context, leaf).await?;
            Wait::of_attach(kind, context.end_of_observation(newest))
        }
        Leaf::Attach(kind) => Wait::of_attach(kind, None),
        Leaf::Conversion(kind) => {
            Some(Wait::Days(kind.within_days, conversions_end(context, kind).await?))
        }
        Leaf::Filtered { pass, .. } => Box::pin(wait_of(context, pass)).await?,
        _ => None,
    })
}

fn leaves_of(formula: &Formula, leaves: &mut Vec<usize>) {
    match formula {
        Formula::Measure { leaf, .. } => leaves.push(*leaf),
        Formula::Constant(..) => {}
        Formula::Neg(inner) => leaves_of(inner, leaves),
        Formula::Add(a, b) | Formula::Sub(a, b) | Formula::Mul(a, b) | Formula::Div(a, b) => {
            leaves_of(a, leaves);
            leaves_of(b, leaves);
        }
    }
}
