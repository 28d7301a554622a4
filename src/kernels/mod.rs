//! The arithmetic of the definition book, as pure functions over facts in memory: retention,
//! movements, balances, attachment, time to an event, attribution. No IO, no clock, no engine.

mod cells;
mod facts;
mod slicer;
#[cfg(test)]
mod testkit;

pub use cells::{Cells, Merge, over_customers};
pub use facts::{BalanceFacts, Code, Known, NONE, Span};
pub use slicer::{Axis, AxisGroups, Filter, Place, Slicer};
