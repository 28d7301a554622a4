//! Acquisition cohorts by age: customers stay in the period in which they were acquired, and their
//! balances are looked at as the cohort grows older.

use std::collections::HashSet;

use super::facts::code_of;
use super::units::{UnitState, walk};
use super::{BalanceFacts, Cells, Merge, Part, Place, Slicer, Span, over_customers, period_of};

/// Customers acquired in a span, looked at when they are of ages 0, 1, 2 …
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cohort {
    pub acquired: Span,
    /// Ascending or repeated; the first is age 0. None: the cohort is too young to be seen.
    pub instants: Vec<i64>,
}

pub struct CohortAsk<'a> {
    /// When each customer was acquired, by code; none: not known.
    pub acquired: &'a [Option<i64>],
    /// Ascending, none overlapping another.
    pub cohorts: &'a [Cohort],
    pub as_of: i64,
}

/// A cohort at one age.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CohortCell {
    /// Sum over the cohort, negative balances included, in minor units.
    pub amount: i128,
    /// Customers with a balance above zero.
    pub customers: i64,
    /// Of them, those who also had one at age 0.
    pub retained: i64,
}

impl Merge for CohortCell {
    fn merge(&mut self, other: Self) {
        self.amount += other.amount;
        self.customers += other.customers;
        self.retained += other.retained;
    }
}

/// Every cohort by group and age.
#[derive(Debug, Clone)]
pub struct Cohorts {
    /// The ages of all cohorts, one cohort after the other.
    pub cells: Cells<CohortCell>,
    /// Where the ages of each cohort begin, and the end of the last.
    offsets: Vec<usize>,
    /// Customers with revenue whose acquisition is not known.
    pub without_acquisition: u64,
    /// Customers with revenue who were acquired, but in none of the cohorts that can be seen.
    pub outside: u64,
}

impl Cohorts {
    /// The cells of one cohort out of a group's, by age.
    #[must_use]
    pub fn ages<'c>(&self, cells: &'c [CohortCell], cohort: usize) -> &'c [CohortCell] {
        &cells[self.offsets[cohort]..self.offsets[cohort + 1]]
    }
}

impl Merge for Cohorts {
    fn merge(&mut self, other: Self) {
        self.cells.merge(other.cells);
        self.without_acquisition += other.without_acquisition;
        self.outside += other.outside;
    }
}

/// Follows every cohort. The slicer is asked with the customer axis only.
#[must_use]
pub fn cohorts(facts: &BalanceFacts, ask: &CohortAsk, slicer: &Slicer) -> Cohorts {
    let mut offsets = vec![0];
    for cohort in ask.cohorts {
        offsets.push(offsets[offsets.len() - 1] + cohort.instants.len());
    }
    let pass = Pass { facts, ask, slicer, spans: spans(ask), offsets };
    let customers = ask.acquired.len().max(facts.customers());
    over_customers((customers, &facts.offsets), slicer, |part| pass.over(part))
}

/// In how many groups the customers of the cohorts fall: what an answer will hold, before it is
/// computed.
#[must_use]
pub fn cohort_groups(ask: &CohortAsk, slicer: &Slicer) -> usize {
    let spans = spans(ask);
    let keys = ask.acquired.iter().enumerate().filter_map(|(customer, at)| {
        seen(ask, &spans, (*at)?)?;
        slicer.key(&Place::of_customer(code_of(customer)))
    });
    keys.collect::<HashSet<u64>>().len()
}

fn spans(ask: &CohortAsk) -> Vec<Span> {
    ask.cohorts.iter().map(|cohort| cohort.acquired).collect()
}

/// The cohort of an acquisition, if it is old enough to be seen.
fn seen(ask: &CohortAsk, spans: &[Span], at: i64) -> Option<usize> {
    period_of(spans, at).filter(|cohort| !ask.cohorts[*cohort].instants.is_empty())
}

struct Pass<'a> {
    facts: &'a BalanceFacts,
    ask: &'a CohortAsk<'a>,
    slicer: &'a Slicer,
    spans: Vec<Span>,
    offsets: Vec<usize>,
}

impl Pass<'_> {
    fn over(&self, customers: Part) -> Cohorts {
        let width = self.offsets[self.offsets.len() - 1];
        let mut found = Cohorts {
            cells: self.slicer.cells(width),
            offsets: self.offsets.clone(),
            without_acquisition: 0,
            outside: 0,
        };
        let mut states = Vec::new();
        for customer in customers {
            let place = Place::of_customer(code_of(customer));
            let Some(key) = self.slicer.key(&place) else { continue };
            let rows = self.facts.rows_before(customer, self.ask.as_of);
            let paid = u64::from(!rows.is_empty());
            let Some(at) = self.ask.acquired.get(customer).copied().flatten() else {
                found.without_acquisition += paid;
                continue;
            };
            let Some(cohort) = seen(self.ask, &self.spans, at) else {
                found.outside += paid;
                continue;
            };
            let instants = &self.ask.cohorts[cohort].instants;
            states.resize(instants.len(), UnitState::default());
            walk(self.facts, rows, instants, &mut states);
            let ages = self.offsets[cohort]..self.offsets[cohort + 1];
            count(&mut found.cells.of(key)[ages], &states);
        }
        found
    }
}

/// Adds one customer's balances by age.
fn count(cells: &mut [CohortCell], states: &[UnitState]) {
    let started = states.first().is_some_and(|first| first.balance > 0);
    for (cell, state) in cells.iter_mut().zip(states) {
        let active = state.balance > 0;
        cell.amount += i128::from(state.balance);
        cell.customers += i64::from(active);
        cell.retained += i64::from(active && started);
    }
}

#[cfg(test)]
mod tests;
