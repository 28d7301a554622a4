//! Attach rate: of the units that hold a base, those that also hold what attaches to it
//! (definition book, "Attach rate"). Units are orders or customers; slicers are asked with the
//! customer axis only.

use super::facts::code_of;
use super::timeline::Periods;
use super::{
    BalanceFacts, Cells, Code, Merge, OrderFacts, Place, ProductRoles, Slicer, Span,
    over_customers, over_rows, period_of,
};

/// Units of one group and period.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AttachCell {
    /// Units that hold the base.
    pub base: i64,
    /// Of these, the ones that hold at least one attached product.
    pub any: i64,
    /// Of these, the ones that hold each attached product, in the order of
    /// [`ProductRoles::attached_products`]; empty where there are no units.
    by_product: Vec<i64>,
}

impl AttachCell {
    /// Units that hold the attached product at that place.
    #[must_use]
    pub fn attached(&self, place: usize) -> i64 {
        self.by_product.get(place).copied().unwrap_or(0)
    }

    fn add(&mut self, held: &Held) {
        self.by_product.resize(held.last_unit.len(), 0);
        self.base += 1;
        self.any += i64::from(!held.places.is_empty());
        for place in &held.places {
            self.by_product[*place] += 1;
        }
    }
}

impl Merge for AttachCell {
    fn merge(&mut self, other: Self) {
        self.base += other.base;
        self.any += other.any;
        self.by_product.resize(self.by_product.len().max(other.by_product.len()), 0);
        for (mine, their) in self.by_product.iter_mut().zip(other.by_product) {
            *mine += their;
        }
    }

    fn heap_bytes(&self) -> usize {
        size_of_val(self.by_product.as_slice())
    }
}

/// The distinct attached products that one unit holds, reused from unit to unit.
struct Held {
    places: Vec<usize>,
    /// The unit that held each product last, so that none is listed twice.
    last_unit: Vec<usize>,
    unit: usize,
}

impl Held {
    fn new(roles: &ProductRoles) -> Self {
        Self { places: Vec::new(), last_unit: vec![0; roles.attached_products().len()], unit: 0 }
    }

    fn begin(&mut self) {
        self.places.clear();
        self.unit += 1;
    }

    fn add(&mut self, place: usize) {
        if self.last_unit[place] != self.unit {
            self.last_unit[place] = self.unit;
            self.places.push(place);
        }
    }
}

/// What a question over orders shares: which lines are known, what products are, who passes.
#[derive(Clone, Copy)]
pub struct AttachAsk<'a> {
    pub roles: &'a ProductRoles,
    /// Consecutive periods.
    pub periods: &'a [Span],
    pub as_of: i64,
    pub slicer: &'a Slicer,
}

impl AttachAsk<'_> {
    fn cells(&self) -> Cells<AttachCell> {
        self.slicer.cells(self.periods.len())
    }
}

/// ORDER: orders placed in the period with any base line; attached with any attached line.
#[must_use]
pub fn attach_by_order(orders: &OrderFacts, ask: &AttachAsk) -> Cells<AttachCell> {
    let periods = Periods::new(ask.periods);
    over_rows(orders.orders(), ask.slicer, |part| {
        let mut cells = ask.cells();
        let mut held = Held::new(ask.roles);
        for order in part {
            let lines = orders.lines_of(order, ask.as_of);
            let Some(first) = lines.first() else { continue };
            let Some(period) = periods.of(first.time) else { continue };
            let Some(key) = ask.slicer.key(&Place::of_customer(first.customer)) else { continue };
            if !lines.iter().any(|line| ask.roles.is_base(line.product)) {
                continue;
            }
            held.begin();
            lines
                .iter()
                .filter_map(|line| ask.roles.slot(line.product))
                .for_each(|at| held.add(at));
            cells.of(key)[period].add(&held);
        }
        cells
    })
}

/// CUSTOMER: customers whose balance of base products is above zero at the period's end; attached
/// where that of the product is above zero then.
#[must_use]
pub fn attach_by_customer(facts: &BalanceFacts, ask: &AttachAsk) -> Cells<AttachCell> {
    over_customers((facts.customers(), &facts.offsets), ask.slicer, |part| {
        let mut cells = ask.cells();
        let mut held = Held::new(ask.roles);
        let mut attached = vec![0; ask.roles.attached_products().len()];
        for customer in part {
            let rows = facts.rows_before(customer, ask.as_of);
            let place = Place::of_customer(code_of(customer));
            let Some(key) = ask.slicer.key(&place).filter(|_| !rows.is_empty()) else { continue };
            attached.fill(0i128);
            held.begin();
            let (mut base, mut next) = (0i128, rows.start);
            for (period, span) in ask.periods.iter().enumerate() {
                let unchanged = next;
                while next < rows.end && facts.time[next] < span.end {
                    let (product, amount) =
                        (facts.product_of(next), i128::from(facts.amount[next]));
                    base += if ask.roles.is_base(product) { amount } else { 0 };
                    if let Some(at) = ask.roles.slot(product) {
                        attached[at] += amount;
                    }
                    next += 1;
                }
                if next != unchanged {
                    held.begin();
                    (0..attached.len()).filter(|at| attached[*at] > 0).for_each(|at| held.add(at));
                }
                if base > 0 {
                    cells.of(key)[period].add(&held);
                }
            }
        }
        cells
    })
}

/// `WITHIN_DAYS`: customers whose first base purchase ever falls in the period; attached when an
/// attached purchase follows within so many calendar days. Another line of the order with that
/// base purchase always counts, one of another order only if it is not earlier.
///
/// `day_of` gives the day of an instant in the reporting zone.
#[must_use]
pub fn attach_within_days(
    orders: &OrderFacts,
    ask: &AttachAsk,
    days: u32,
    day_of: &dyn Fn(i64) -> i32,
) -> Cells<AttachCell> {
    let first = first_base_purchases(orders, ask);
    let followed = following(orders, ask, &first, |from, to| {
        i64::from(day_of(to)) - i64::from(day_of(from)) <= i64::from(days)
    });
    let mut cells = ask.cells();
    let mut held = Held::new(ask.roles);
    let mut next = 0;
    for (customer, first) in first.iter().enumerate() {
        held.begin();
        while let Some((_, at)) = followed.get(next).filter(|(who, _)| *who as usize == customer) {
            held.add(*at);
            next += 1;
        }
        let Some(period) = first.and_then(|first| period_of(ask.periods, first)) else { continue };
        let Some(key) = ask.slicer.key(&Place::of_customer(code_of(customer))) else { continue };
        cells.of(key)[period].add(&held);
    }
    cells
}

/// The earliest base line of each customer, an order being its first line's customer's.
fn first_base_purchases(orders: &OrderFacts, ask: &AttachAsk) -> Vec<Option<i64>> {
    let mut first: Vec<Option<i64>> = vec![None; orders.customers()];
    for order in 0..orders.orders() {
        let lines = orders.lines_of(order, ask.as_of);
        let Some(base) = lines.iter().find(|line| ask.roles.is_base(line.product)) else {
            continue;
        };
        let known = &mut first[lines[0].customer as usize];
        *known = Some(known.map_or(base.time, |known| known.min(base.time)));
    }
    first
}

/// The attached purchases that count, as (customer, place of the product), ascending.
fn following(
    orders: &OrderFacts,
    ask: &AttachAsk,
    first: &[Option<i64>],
    in_time: impl Fn(i64, i64) -> bool,
) -> Vec<(Code, usize)> {
    let mut found = Vec::new();
    for order in 0..orders.orders() {
        let lines = orders.lines_of(order, ask.as_of);
        let Some(customer) = lines.first().map(|line| line.customer) else { continue };
        let Some(first) = first[customer as usize] else { continue };
        if period_of(ask.periods, first).is_none() {
            continue;
        }
        let is_first =
            |line: &super::orders::Line| line.time == first && ask.roles.is_base(line.product);
        let same_order = lines.iter().any(is_first);
        for line in lines {
            let Some(at) = ask.roles.slot(line.product) else { continue };
            if same_order || (line.time >= first && in_time(first, line.time)) {
                found.push((customer, at));
            }
        }
    }
    found.sort_unstable();
    found
}

#[cfg(test)]
mod tests;
