//! Time to expansion: who is watched from when, and how the watch ends (definition book, "Time to
//! expansion"). The estimate over the subjects is [`super::estimate`]'s.

use super::facts::code_of;
use super::{
    BalanceFacts, Cells, Code, Merge, Outcome, Part, Place, Regrouping, RollUp, Slicer, Span,
    Subject, Subjects, expansions, over_customers, period_of, steps,
};

/// When the watch over a customer begins.
#[derive(Debug, Clone, Copy)]
pub enum Origins<'a> {
    /// An instant per customer's code: of a milestone, or the midnight of a day (acquisition) in
    /// the reporting zone.
    PerCustomer(&'a [Option<i64>]),
    /// The expansion before the one that is waited for (`nth` is at least 2).
    PreviousExpansion,
}

/// What is waited for, and until when.
pub struct DurationAsk<'a> {
    pub origins: Origins<'a>,
    /// 1 = the first expansion.
    pub nth: usize,
    /// Expansion types that count, by code and a last entry for null; none: all.
    pub kinds: Option<Vec<bool>>,
    pub as_of: i64,
    /// End of observation T.
    pub end: i64,
    /// Consecutive periods of the origin; none: all of time as one.
    pub cohort: Option<Vec<Span>>,
    /// The day of an instant in the reporting zone, counted from 1970-01-01.
    pub day_of: &'a (dyn Fn(i64) -> i32 + Sync),
}

/// Subjects per group and cohort period.
#[derive(Debug, Clone)]
pub struct Durations {
    pub cells: Cells<Subjects>,
    unwatched: Cells<Unwatched>,
}

/// Customers who are no subjects.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Unwatched {
    /// They have balances, and no origin.
    pub without_origin: u64,
    /// Their origin is at or after the end of observation.
    pub late_origin: u64,
}

impl Durations {
    /// Who is no subject, of all groups.
    #[must_use]
    pub fn unwatched(&self) -> Unwatched {
        let mut all = Unwatched::default();
        self.unwatched.iter().flat_map(|(_, cells)| cells).for_each(|group| all.merge(*group));
        all
    }
}

impl Merge for Unwatched {
    fn merge(&mut self, other: Self) {
        self.without_origin += other.without_origin;
        self.late_origin += other.late_origin;
    }
}

impl Merge for Durations {
    fn merge(&mut self, other: Self) {
        self.cells.merge(other.cells);
        self.unwatched.merge(other.unwatched);
    }
}

impl RollUp for Durations {
    fn roll_up(&self, groups: &Regrouping) -> Self {
        Self { cells: self.cells.roll_up(groups), unwatched: self.unwatched.roll_up(groups) }
    }

    fn is_whole(&self) -> bool {
        self.cells.is_whole() && self.unwatched.is_whole()
    }

    fn bytes(&self) -> usize {
        self.cells.bytes() + self.unwatched.bytes()
    }
}

/// The subjects of a question: every customer with an origin before T, with or without balances.
/// The slicer is asked with the customer axis only.
#[must_use]
pub fn durations(facts: &BalanceFacts, ask: &DurationAsk, slicer: &Slicer) -> Durations {
    let customers = match &ask.origins {
        Origins::PerCustomer(origins) => origins.len().max(facts.customers()),
        Origins::PreviousExpansion => facts.customers(),
    };
    let watch = Watch { facts, ask, known: ask.as_of.min(ask.end), last: (ask.day_of)(ask.end) };
    over_customers((customers, &facts.offsets), slicer, |part| watch.over(part, slicer))
}

/// The observation of customers up to T.
struct Watch<'a> {
    facts: &'a BalanceFacts,
    ask: &'a DurationAsk<'a>,
    /// Nothing at or after it exists.
    known: i64,
    /// The day of T.
    last: i32,
}

impl Watch<'_> {
    fn over(&self, customers: Part, slicer: &Slicer) -> Durations {
        let cohort = self.ask.cohort.as_deref();
        let mut found = Durations {
            cells: slicer.cells(cohort.map_or(1, <[Span]>::len)),
            unwatched: slicer.cells(1),
        };
        for customer in customers {
            let Some(key) = slicer.key(&Place::of_customer(code_of(customer))) else { continue };
            let Some((origin, target)) = self.origin_and_target(customer) else {
                // Which other customers have codes depends on what else was read.
                if !self.facts.rows_before(customer, self.known).is_empty() {
                    found.unwatched.of(key)[0].without_origin += 1;
                }
                continue;
            };
            if origin >= self.ask.end {
                found.unwatched.of(key)[0].late_origin += 1;
                continue;
            }
            let period = cohort.map_or(Some(0), |periods| period_of(periods, origin));
            if let Some(period) = period {
                found.cells.of(key)[period].add(self.subject(customer, origin, target));
            }
        }
        found
    }

    fn counts(&self, kind: Code) -> bool {
        let Some(kinds) = &self.ask.kinds else { return true };
        kinds.get(kind as usize).or(kinds.last()).copied().unwrap_or(false)
    }

    /// The instants of the origin and of the expansion waited for.
    fn origin_and_target(&self, customer: usize) -> Option<(i64, Option<i64>)> {
        match self.ask.origins {
            Origins::PerCustomer(origins) => {
                let origin = origins.get(customer)?.filter(|at| *at < self.ask.as_of)?;
                let day = (self.ask.day_of)(origin);
                let counts = |at: &i64| *at >= origin || (self.ask.day_of)(*at) >= day;
                let mut after = self.expansions(customer).filter(counts);
                Some((origin, after.nth(self.ask.nth.saturating_sub(1))))
            }
            Origins::PreviousExpansion => {
                let mut from = self.expansions(customer).skip(self.ask.nth.checked_sub(2)?);
                Some((from.next()?, from.next()))
            }
        }
    }

    /// When the customer expanded as is asked for, ascending.
    fn expansions(&self, customer: usize) -> impl Iterator<Item = i64> {
        let found = expansions(self.facts, customer, self.known);
        found.filter(|expansion| self.counts(expansion.kind)).map(|expansion| expansion.at)
    }

    fn subject(&self, customer: usize, origin: i64, target: Option<i64>) -> Subject {
        let from = (self.ask.day_of)(origin);
        let event = target.map(self.ask.day_of);
        // What comes after the event ends no watch that the event has ended.
        let churn = self.churn_day(customer, origin, target.unwrap_or(i64::MAX));
        let (until, outcome) = match (event, churn) {
            (Some(event), churn) if churn.is_none_or(|churn| event <= churn) => {
                (event, Outcome::Event)
            }
            (_, Some(churn)) => (churn, Outcome::Churned),
            (_, None) => (self.last, Outcome::Censored),
        };
        Subject { days: i64::from(until) - i64::from(from), outcome }
    }

    /// The day on which the customer first churned at or after the origin. One who churned before
    /// the origin and is not back when its day ends counts as churned on that day. Nothing after
    /// `until` is looked at.
    fn churn_day(&self, customer: usize, origin: i64, until: i64) -> Option<i32> {
        let origin_day = (self.ask.day_of)(origin);
        let mut was_active = false;
        let mut balance = 0;
        let steps = steps(self.facts, self.facts.rows_before(customer, self.known));
        for step in steps.take_while(|step| step.at <= until) {
            let dormant = was_active && step.before <= 0;
            if dormant && step.at >= origin && (self.ask.day_of)(step.at) > origin_day {
                return Some(origin_day);
            }
            if step.at >= origin && step.is_churn() {
                return Some((self.ask.day_of)(step.at));
            }
            was_active |= step.after > 0;
            balance = step.after;
        }
        (was_active && balance <= 0).then_some(origin_day)
    }
}

#[cfg(test)]
mod tests;
