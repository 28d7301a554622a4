//! From a question to a plan: [`MetricQuery`] is bound to the model, planned, and its table reads
//! lowered to DataFusion plans. No IO, no clock.

mod predicate;
mod query;
mod scope;

pub use predicate::{Predicate, Test};
pub use query::{Ask, Compare, MetricQuery, Nulls, OrderBy, PeriodAsk, TableAsk};
pub use scope::Scope;
