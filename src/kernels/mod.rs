//! The arithmetic of the definition book, as pure functions over facts in memory: retention,
//! movements, balances, attachment, time to an event, attribution. No IO, no clock, no engine.

// Tests write money as it is read: 100_00 is 100.00.
#![cfg_attr(test, allow(clippy::inconsistent_digit_grouping))]

mod adding;
mod attach;
mod attribution;
mod balance;
mod bounds;
mod cells;
mod changes;
mod cohort;
mod cores;
mod duration;
mod facts;
mod grouped;
mod left_out;
mod movement;
mod orders;
mod owners;
mod presenters;
mod reconcile;
mod retention;
mod roll_up;
mod slicer;
mod sorting;
mod split;
mod steps;
mod survival;
#[cfg(test)]
mod testkit;
mod timeline;
mod units;

pub use attach::{AttachAsk, AttachCell, attach_by_customer, attach_by_order, attach_within_days};
pub use attribution::{Attribution, AttributionAsk, Book, Credit, attribute};
pub use balance::{BalanceCell, balance};
pub use bounds::{Bounds, Stop};
pub use cells::{Cells, Merge, Part, over_customers, over_rows};
pub use changes::Changes;
pub use cohort::{Cohort, CohortAsk, CohortCell, Cohorts, cohort_groups, cohorts};
pub use cores::{on_every_core, parts_of};
pub use duration::{DurationAsk, Durations, Origins, Unwatched, durations};
pub use facts::{Added, BalanceFacts, Code, Known, NONE, Span, period_of};
pub use left_out::{LeftOutCell, left_out};
pub use movement::{MovementAsk, MovementCell, class_of_step, movement, movement_amounts};
pub use orders::{OrderColumns, OrderFacts, OrderPart, ProductRoles};
pub use owners::{Anomalies, OwnerColumns, OwnerFacts, Share, Sharing};
pub use presenters::{Presented, Presenters};
pub use reconcile::{Difference, Reconciliation, reconcile};
pub use retention::{RetentionAsk, RetentionCell, Walks, retention, retention_kept};
pub use roll_up::{Regrouping, RollUp};
pub use slicer::{Axis, AxisGroups, Filter, Place, Slicer};
pub use split::split;
pub use steps::{Expansion, Step, expansions, steps};
pub use survival::{Estimate, Outcome, Point, Subject, Subjects, estimate};
