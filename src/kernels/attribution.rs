//! Expansion credited to owners, and beside it the book each owner held at the period's start
//! (definition book, "CSM expansion attribution").

use std::ops::Range;

use crate::model::AttributionRule;

use super::facts::code_of;
use super::steps::rises;
use super::timeline::Periods;
use super::units::by_product;
use super::{
    Anomalies, Axis, BalanceFacts, Cells, Code, Expansion, Merge, NONE, OwnerFacts, Part, Place,
    Presenters, Regrouping, RollUp, Share, Sharing, Slicer, Span, expansions, over_customers,
    split,
};

/// What is asked of the owners' books.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Book {
    /// The whole of them.
    Kept,
    /// Only that every owner who has one is found, with or without credits.
    OnlyWhose,
    Nothing,
}

/// Whom expansions are credited to, in which periods and slice.
#[derive(Clone, Copy)]
pub struct AttributionAsk<'a> {
    pub rule: AttributionRule,
    pub owners: &'a OwnerFacts,
    /// For `OFFER_OWNER`: who presented the offers whose acceptance is known by `as_of`.
    pub presenters: &'a Presenters,
    /// Consecutive periods.
    pub periods: &'a [Span],
    pub as_of: i64,
    /// End of observation T.
    pub end: i64,
    pub book: Book,
    pub slicer: &'a Slicer,
}

/// One owner's part of a group and period, in minor units.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Credit {
    pub credited: i128,
    pub events: i64,
    pub customers: i64,
    /// The book, whatever the rule: active customers owned at the period's start, their balance
    /// then and at its end, by the shares of the start.
    pub accounts: i64,
    pub cohort: i128,
    pub retained: i128,
    last_customer: Option<Code>,
}

impl Merge for Credit {
    fn merge(&mut self, other: Self) {
        self.credited += other.credited;
        self.events += other.events;
        self.customers += other.customers;
        self.accounts += other.accounts;
        self.cohort += other.cohort;
        self.retained += other.retained;
    }
}

/// Credits per group, owner and period.
#[derive(Debug, Clone)]
pub struct Attribution {
    cells: Cells<Credit>,
    owners: u64,
    /// Whether the book was asked for and there is one: balances are the customer's, so not under
    /// a grouping or filter by product or kind of movement.
    pub has_book: bool,
    /// By group of customers.
    anomalies: Cells<Anomalies>,
}

impl Attribution {
    /// Whose shares were odd, of all groups.
    #[must_use]
    pub fn anomalies(&self) -> Anomalies {
        let mut all = Anomalies::default();
        self.anomalies.iter().flat_map(|(_, cells)| cells).for_each(|group| all.merge(*group));
        all
    }

    /// (group's key, owner or [`NONE`], one credit per period), in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = (u64, Code, &[Credit])> {
        self.cells.iter().map(|(key, credits)| {
            let owner = key % (self.owners + 1);
            let owner =
                if owner == self.owners { NONE } else { Code::try_from(owner).unwrap_or(NONE) };
            (key / (self.owners + 1), owner, credits)
        })
    }

    /// The credits of an owner ([`NONE`]: unassigned) in a group.
    fn of(&mut self, group: u64, owner: Code) -> &mut [Credit] {
        self.cells.of(self.key(group, owner))
    }

    fn has(&self, group: u64, owner: Code) -> bool {
        self.cells.get(self.key(group, owner)).is_some()
    }

    /// How the shares of a customer were written.
    fn note(&mut self, slicer: &Slicer, place: &Place, sharing: Sharing) {
        if sharing != Sharing::Clean {
            let customers = slicer.sub_group(Axis::Customer, place);
            self.anomalies.of(customers)[0].note(place.customer, sharing);
        }
    }

    fn key(&self, group: u64, owner: Code) -> u64 {
        let owner = u64::from(owner).min(self.owners);
        group.saturating_mul(self.owners + 1).saturating_add(owner)
    }
}

impl Merge for Attribution {
    fn merge(&mut self, other: Self) {
        self.cells.merge(other.cells);
        self.anomalies.merge(other.anomalies);
    }
}

impl RollUp for Attribution {
    fn roll_up(&self, groups: &Regrouping) -> Self {
        let owners = self.owners + 1;
        let group_of = |kept: u64| Some(groups.group_of(kept / owners)? * owners + kept % owners);
        let keys = groups.asked().cardinality().saturating_mul(owners);
        let cells = Cells::new(keys, self.cells.width(), groups.asked().bounds());
        let customers = groups.asked().cells(1);
        Self {
            cells: self.cells.regroup(cells, group_of),
            anomalies: self.anomalies.regroup(customers, |kept| groups.customers_of(kept)),
            ..*self
        }
    }

    fn is_whole(&self) -> bool {
        self.cells.is_whole() && self.anomalies.is_whole()
    }

    fn bytes(&self) -> usize {
        self.cells.bytes() + self.anomalies.bytes()
    }
}

/// Credits every expansion of the periods; a period and group's credits sum to its expansion.
#[must_use]
pub fn attribute(facts: &BalanceFacts, ask: &AttributionAsk) -> Attribution {
    let periods = Periods::new(ask.periods);
    over_customers((facts.customers(), &facts.offsets), ask.slicer, |part| {
        let mut worker = Worker::new(facts, ask, &periods);
        worker.run(part);
        worker.found
    })
}

struct Worker<'a> {
    facts: &'a BalanceFacts,
    ask: &'a AttributionAsk<'a>,
    periods: &'a Periods<'a>,
    found: Attribution,
    /// Movements are derived from balances, of each product by itself: as movements by product are,
    /// so that credits sum to these.
    derived_by_product: bool,
    /// The owners of the customer and moment at hand, and how their shares were written.
    shares: Vec<Share>,
    sharing: Sharing,
    /// The balances of the customer at hand at the start and end of every period.
    balances: Vec<(i128, i128)>,
}

impl<'a> Worker<'a> {
    fn new(facts: &'a BalanceFacts, ask: &'a AttributionAsk<'a>, periods: &'a Periods<'a>) -> Self {
        let presenters = ask.presenters.last();
        let owners = presenters.map_or(0, |owner| owner as usize + 1).max(ask.owners.owners());
        let owners = owners as u64;
        let keys = ask.slicer.cardinality().saturating_mul(owners + 1);
        let found = Attribution {
            cells: Cells::new(keys, ask.periods.len(), ask.slicer.bounds()),
            owners,
            has_book: ask.book == Book::Kept && books_exist(ask.slicer),
            anomalies: ask.slicer.cells(1),
        };
        Self {
            facts,
            ask,
            periods,
            found,
            derived_by_product: !facts.recorded && ask.slicer.uses(Axis::Product),
            shares: Vec::new(),
            sharing: Sharing::Clean,
            balances: Vec::new(),
        }
    }

    fn run(&mut self, customers: Part) {
        let (mut events, mut lines) = (Vec::new(), Vec::new());
        for customer in customers {
            events.clear();
            if self.derived_by_product {
                let rows = self.facts.rows_before(customer, self.ask.as_of);
                by_product(self.facts, rows, &mut lines, |product, line| {
                    let rows = line.iter().map(|(_, row)| *row);
                    events
                        .extend(rises(self.facts, rows).map(|rise| Expansion { product, ..rise }));
                });
            } else {
                events.extend(expansions(self.facts, customer, self.ask.as_of));
            }
            for event in &events {
                if let Some(period) = self.periods.of(event.at) {
                    self.credit(code_of(customer), period, event);
                }
            }
            let keeps = match self.ask.book {
                Book::Kept => self.found.has_book,
                Book::OnlyWhose => books_exist(self.ask.slicer) && !self.are_found(customer),
                Book::Nothing => false,
            };
            if keeps {
                self.keep_book(customer);
            }
        }
    }

    /// Whether everybody who ever owned the customer, and nobody, has cells already.
    fn are_found(&self, customer: usize) -> bool {
        let place = Place::of_customer(code_of(customer));
        let mut owners = self.ask.owners.ever(place.customer, self.ask.as_of).chain([NONE]);
        owners.all(|owner| {
            let key = self.ask.slicer.key(&Place { owner, ..place });
            key.is_none_or(|key| self.found.has(key, owner))
        })
    }

    fn credit(&mut self, customer: Code, period: usize, event: &Expansion) {
        match self.ask.rule {
            AttributionRule::OwnerAtEvent => self.look_up(customer, event.at),
            AttributionRule::CurrentOwner => self.look_up(customer, self.ask.end),
            AttributionRule::OwnerAtPeriodStart => {
                self.look_up(customer, self.ask.periods[period].start);
            }
            AttributionRule::OfferOwner => {
                let owner = self.ask.presenters.of(event.offer, event.at);
                self.sharing = Sharing::Clean;
                self.shares.clear();
                self.shares.push(Share { owner, weight: 1 });
            }
        }
        let place =
            Place { product: event.product, kind: event.kind, ..Place::of_customer(customer) };
        self.for_each_share(place, [event.amount, 0], |credits, [amount, _]| {
            let credit = &mut credits[period];
            credit.credited += amount;
            credit.events += 1;
            credit.customers += i64::from(credit.last_customer != Some(customer));
            credit.last_customer = Some(customer);
        });
    }

    /// The balances at the start and end of every period, credited to the owners at the start.
    fn keep_book(&mut self, customer: usize) {
        let rows = self.facts.rows_before(customer, self.ask.as_of);
        if rows.is_empty() {
            return;
        }
        let (mut at_start, mut at_end) = (Running::new(&rows), Running::new(&rows));
        let mut held = std::mem::take(&mut self.balances);
        held.clear();
        held.extend(self.ask.periods.iter().map(|span| {
            (at_start.advance(self.facts, span.start), at_end.advance(self.facts, span.end))
        }));
        let place = Place::of_customer(code_of(customer));
        let mut period = 0;
        while period < held.len() {
            if held[period].0 <= 0 {
                period += 1;
                continue;
            }
            // One look for all periods that begin under the same owners.
            let at = self.ask.periods[period].start;
            self.look_up(place.customer, at);
            let until = self.ask.owners.owners_until(place.customer, at, self.ask.as_of);
            let same = self.ask.periods[period..].partition_point(|span| span.start < until).max(1);
            self.keep_periods(place, period..period + same, &held);
            period += same;
        }
        self.balances = held;
    }

    /// Enters the balances of periods that begin under the owners at hand.
    fn keep_periods(&mut self, place: Place, periods: Range<usize>, held: &[(i128, i128)]) {
        let keep = |credit: &mut Credit, start: i128, end: i128| {
            credit.accounts += 1;
            credit.cohort += start;
            credit.retained += end;
        };
        let active = periods.filter(|period| held[*period].0 > 0);
        if let [Share { owner, .. }] = self.shares[..] {
            let Some(key) = self.ask.slicer.key(&Place { owner, ..place }) else { return };
            self.found.note(self.ask.slicer, &place, self.sharing);
            let credits = self.found.of(key, owner);
            active.for_each(|period| keep(&mut credits[period], held[period].0, held[period].1));
            return;
        }
        for period in active {
            self.for_each_share(place, held[period].into(), |credits, [start, end]| {
                keep(&mut credits[period], start, end);
            });
        }
    }

    /// The owners at a moment, or nobody.
    fn look_up(&mut self, customer: Code, at: i64) {
        self.sharing = self.ask.owners.owners_at(customer, at, self.ask.as_of, &mut self.shares);
        if self.shares.is_empty() {
            self.shares.push(Share { owner: NONE, weight: 1 });
        }
    }

    /// Splits two amounts over the owners at hand and hands each owner's parts to the group that
    /// the fact falls into with that owner. Anomalies of what the filter holds back are not told.
    fn for_each_share(
        &mut self,
        place: Place,
        amounts: [i128; 2],
        mut add: impl FnMut(&mut [Credit], [i128; 2]),
    ) {
        let mut pass = |found: &mut Attribution, owner: Code, parts: [i128; 2]| {
            if let Some(key) = self.ask.slicer.key(&Place { owner, ..place }) {
                add(found.of(key, owner), parts);
                found.note(self.ask.slicer, &place, self.sharing);
            }
        };
        if let [Share { owner, .. }] = self.shares[..] {
            pass(&mut self.found, owner, amounts);
            return;
        }
        let [first, second] = amounts.map(|amount| split(amount, &self.shares));
        for (share, parts) in self.shares.iter().zip(first.into_iter().zip(second)) {
            pass(&mut self.found, share.owner, parts.into());
        }
    }
}

/// Balances are the customer's: there are none under a grouping or filter by product or kind.
fn books_exist(slicer: &Slicer) -> bool {
    !slicer.uses(Axis::Product) && !slicer.uses(Axis::Kind)
}

/// A customer's balance at ascending instants.
struct Running {
    rows: Range<usize>,
    balance: i128,
}

impl Running {
    fn new(rows: &Range<usize>) -> Self {
        Self { rows: rows.clone(), balance: 0 }
    }

    fn advance(&mut self, facts: &BalanceFacts, at: i64) -> i128 {
        while self.rows.start < self.rows.end && facts.time[self.rows.start] < at {
            self.balance += i128::from(facts.amount[self.rows.start]);
            self.rows.start += 1;
        }
        self.balance
    }
}

#[cfg(test)]
mod tests;
