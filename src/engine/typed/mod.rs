//! Typed answers: one file per kind of field, over the same passes that the flat table uses.

mod attach;
mod attribution;
mod cohort;
mod duration;
mod expansion;
mod retention;
mod variants;
mod windows;

use crate::kernels::Slicer;
use crate::values::Scalar;

use super::context::Context;

pub use attach::{AttachCells, attach_rows, run_attach};
pub use attribution::{attribution_answer, run_attribution};
pub use cohort::{CohortsToDate, cohort_rows, run_cohorts_to_date};
pub use duration::{duration_rows, measured, run_duration};
pub use expansion::{MovementCells, expansion_rows, run_movement};
pub use retention::{RetentionCells, RetentionPass, retention_rows, run_retention};
pub use variants::variant_rows;

/// Groups in order (nulls last), each with its key if any fact fell into it. Without group-by the
/// one group is always there.
#[must_use]
pub fn groups_of(
    context: &Context<'_>,
    keys: impl Iterator<Item = u64>,
    slicer: &Slicer,
) -> Vec<(Vec<Scalar>, Option<u64>)> {
    let mut groups: Vec<(Vec<Scalar>, Option<u64>)> =
        keys.map(|key| (slicer.values(key), Some(key))).collect();
    if groups.is_empty() && context.query().group_by.is_empty() {
        groups.push((Vec::new(), None));
    }
    groups.sort_by(|(a, _), (b, _)| compare_groups(a, b));
    groups
}

/// Orders groups by their values, nulls last.
#[must_use]
pub fn compare_groups(a: &[Scalar], b: &[Scalar]) -> std::cmp::Ordering {
    a.iter()
        .zip(b)
        .map(|(a, b)| a.total_cmp(b))
        .find(|order| order.is_ne())
        .unwrap_or(std::cmp::Ordering::Equal)
}
