//! What a pass measures.

use crate::model::AggregateKind;
use crate::planner::Predicate;

/// An aggregate with a filter of its question.
#[derive(Debug, Clone, Copy)]
pub struct Measure<'a> {
    pub kind: &'a AggregateKind,
    pub filter: Option<&'a Predicate>,
}
