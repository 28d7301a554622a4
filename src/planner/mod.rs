//! From a question to a plan: [`MetricQuery`] is bound to the model ([`bind`]) and planned
//! ([`MetricPlan`]); periods are cut by [`Spine`]. No IO, no clock.

mod axes;
mod bind;
mod columns;
mod dimensions;
mod period;
mod plan;
mod query;
mod scope;
mod sql;

pub use crate::model::{Predicate, Test};
pub use axes::{Axes, OwnerAxis};
pub use bind::{MAX_LIMIT, bind, metric, side_by_side};
pub use columns::{COMPARISON_SUFFIXES, column_keys};
pub use period::{MAX_PERIODS, Period, Spine, trailing};
pub use plan::{Formula, Leaf, Measure, MetricPlan, Output};
pub use query::{Ask, Compare, MetricQuery, Nulls, OrderBy, PeriodAsk, TableAsk};
pub use scope::Scope;
pub use sql::sql_of;
