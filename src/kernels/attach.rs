//! Attach rate: of the units that hold a base, those that also hold what attaches to it
//! (definition book, "Attach rate"). Units are orders or customers; slicers are asked with the
//! customer axis only.

use super::facts::code_of;
use super::{
    BalanceFacts, Cells, Code, Merge, OrderFacts, Place, ProductRoles, Slicer, Span,
    over_customers, period_of,
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
        Cells::new(self.slicer.cardinality(), self.periods.len())
    }
}

/// ORDER: orders placed in the period with any base line; attached with any attached line.
#[must_use]
pub fn attach_by_order(orders: &OrderFacts, ask: &AttachAsk) -> Cells<AttachCell> {
    over_customers(orders.orders(), |part| {
        let mut cells = ask.cells();
        let mut held = Held::new(ask.roles);
        for order in part {
            let lines = orders.lines_of(order, ask.as_of);
            let Some(first) = lines.first() else { continue };
            let Some(period) = period_of(ask.periods, first.time) else { continue };
            if !lines.iter().any(|line| ask.roles.is_base(line.product)) {
                continue;
            }
            let Some(key) = ask.slicer.key(&Place::of_customer(first.customer)) else { continue };
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
    over_customers(facts.customers(), |part| {
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
                    let (product, amount) = (facts.product[next], i128::from(facts.amount[next]));
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
mod tests {
    use super::*;
    use crate::kernels::testkit::{Ledger, Names, at, periods, utc_day};
    use crate::kernels::{Axis, AxisGroups, Filter, OrderColumns};
    use crate::values::Scalar;

    const CORE_AND_ADDON: [(&str, &str, &str, &str); 10] = [
        ("o1", "c1", "2024-01-05", "core"),
        ("o1", "c1", "2024-01-05", "addon"),
        ("o2", "c2", "2024-01-10", "core"),
        ("o3", "c3", "2024-01-12", "core"),
        ("o4", "c1", "2024-02-03", "core"),
        ("o5", "c4", "2024-02-09", "core"),
        ("o5", "c4", "2024-02-09", "addon"),
        ("o7", "c5", "2024-02-20", "core"),
        ("o6", "c2", "2024-03-01", "addon"),
        ("o8", "c3", "2024-07-01", "addon"),
    ];

    /// Lines as (order, customer, time, product); products are core 0, addon 1, extra 2.
    fn orders(lines: &[(&str, &str, &str, &str)]) -> OrderFacts {
        let (mut orders, mut customers, mut products) =
            (Names::default(), Names::default(), Names::default());
        ["core", "addon", "extra"].map(|product| products.code(product));
        OrderFacts::new(&OrderColumns {
            order: lines.iter().map(|line| orders.code(line.0)).collect(),
            customer: lines.iter().map(|line| customers.code(line.1)).collect(),
            product: lines.iter().map(|line| products.code(line.3)).collect(),
            time: lines.iter().map(|line| at(line.2)).collect(),
        })
    }

    fn roles() -> ProductRoles {
        ProductRoles::new(vec![true, false, false], &[false, true, true], false)
    }

    /// (base, with the add-on, with any) per period, of the one group.
    fn counts(cells: &Cells<AttachCell>, periods: usize) -> Vec<(i64, i64, i64)> {
        let none = vec![AttachCell::default(); periods];
        let cells = cells.get(0).unwrap_or(&none);
        cells.iter().map(|cell| (cell.base, cell.attached(0), cell.any)).collect()
    }

    fn by_order(
        lines: &[(&str, &str, &str, &str)],
        days: &[&str],
        as_of: i64,
    ) -> Vec<(i64, i64, i64)> {
        let (roles, periods, slicer) = (roles(), periods(days), Slicer::default());
        let ask = AttachAsk { roles: &roles, periods: &periods, as_of, slicer: &slicer };
        counts(&attach_by_order(&orders(lines), &ask), periods.len())
    }

    fn within(
        lines: &[(&str, &str, &str, &str)],
        days: u32,
        period: &[&str],
    ) -> Vec<(i64, i64, i64)> {
        let (roles, periods, slicer) = (roles(), periods(period), Slicer::default());
        let ask = AttachAsk { roles: &roles, periods: &periods, as_of: i64::MAX, slicer: &slicer };
        counts(&attach_within_days(&orders(lines), &ask, days, &utc_day), periods.len())
    }

    #[test]
    fn orders_of_the_worked_example() {
        let whole = ["2024-01-01", "2024-08-01"];
        assert_eq!(by_order(&CORE_AND_ADDON, &whole, i64::MAX), [(6, 2, 2)]);
        let quarters = ["2024-01-01", "2024-04-01", "2024-07-01", "2024-10-01"];
        let expected = [(6, 2, 2), (0, 0, 0), (0, 0, 0)];
        assert_eq!(by_order(&CORE_AND_ADDON, &quarters, i64::MAX), expected);
        assert_eq!(by_order(&CORE_AND_ADDON, &whole, at("2024-02-09")), [(4, 1, 1)]);
    }

    #[test]
    fn an_order_counts_once_where_its_first_line_falls() {
        let lines = [
            ("o1", "c1", "2024-01-31", "addon"),
            ("o1", "c1", "2024-02-01", "core"),
            ("o1", "c1", "2024-02-02", "core"),
            ("o1", "c1", "2024-02-02", "addon"),
        ];
        let months = ["2024-01-01", "2024-02-01", "2024-03-01"];
        assert_eq!(by_order(&lines, &months, i64::MAX), [(1, 1, 1), (0, 0, 0)]);
    }

    #[test]
    fn balances_of_the_worked_example() {
        let ledger = Ledger::of(&[
            ("c1", "core", "2024-01-05", "new", "", 100_00),
            ("c1", "addon", "2024-01-05", "expansion", "add_on", 20_00),
            ("c2", "core", "2024-01-10", "new", "", 100_00),
            ("c3", "core", "2024-01-12", "new", "", 100_00),
            ("c4", "core", "2024-02-09", "new", "", 100_00),
            ("c4", "addon", "2024-02-09", "expansion", "add_on", 20_00),
            ("c2", "addon", "2024-03-01", "expansion", "add_on", 20_00),
            ("c4", "addon", "2024-04-01", "contraction", "", -20_00),
            ("c3", "core", "2024-05-01", "churn", "", -100_00),
        ]);
        let days = ["2024-01-01", "2024-02-01", "2024-04-01", "2024-05-01", "2024-07-01"];
        let (roles, periods, slicer) = (roles(), periods(&days), Slicer::default());
        let ask = AttachAsk { roles: &roles, periods: &periods, as_of: i64::MAX, slicer: &slicer };
        let cells = attach_by_customer(&ledger.facts, &ask);
        assert_eq!(counts(&cells, 4), [(3, 1, 1), (4, 3, 3), (4, 2, 2), (3, 2, 2)]);
        // As of 1 March c2's add-on is not known yet.
        let cells =
            attach_by_customer(&ledger.facts, &AttachAsk { as_of: at("2024-03-01"), ..ask });
        assert_eq!(counts(&cells, 4)[1], (4, 2, 2));
    }

    #[test]
    fn purchases_that_follow_the_first_base() {
        let whole = ["2024-01-01", "2024-08-01"];
        assert_eq!(within(&CORE_AND_ADDON, 90, &whole), [(5, 3, 3)]);
        // c2 after 51 days, c3 after 171.
        assert_eq!(within(&CORE_AND_ADDON, 50, &whole), [(5, 2, 2)]);
        assert_eq!(within(&CORE_AND_ADDON, 51, &whole), [(5, 3, 3)]);
        assert_eq!(within(&CORE_AND_ADDON, 171, &whole), [(5, 4, 4)]);
        // c1's order in February is not the first.
        let months = ["2024-01-01", "2024-02-01", "2024-03-01"];
        assert_eq!(within(&CORE_AND_ADDON, 90, &months), [(3, 2, 2), (2, 1, 1)]);
    }

    #[test]
    fn earlier_lines_count_only_in_the_same_order() {
        let whole = ["2024-01-01", "2024-08-01"];
        let same = [("o1", "c1", "2024-01-05", "addon"), ("o1", "c1", "2024-01-06", "core")];
        assert_eq!(within(&same, 0, &whole), [(1, 1, 1)]);
        let other = [("o0", "c1", "2024-01-05", "addon"), ("o1", "c1", "2024-01-06", "core")];
        assert_eq!(within(&other, 90, &whole), [(1, 0, 0)]);
        let later = [
            ("o1", "c1", "2024-01-06T09:00", "core"),
            ("o2", "c1", "2024-01-06T23:00", "addon"),
            ("o3", "c2", "2024-01-06T09:00", "core"),
            ("o4", "c2", "2024-01-07T08:00", "addon"),
        ];
        assert_eq!(within(&later, 0, &whole), [(2, 1, 1)]);
        assert_eq!(within(&later, 1, &whole), [(2, 2, 2)]);
    }

    #[test]
    fn any_counts_a_unit_once() {
        let lines = [
            ("o1", "c1", "2024-01-05", "core"),
            ("o1", "c1", "2024-01-05", "addon"),
            ("o1", "c1", "2024-01-05", "extra"),
            ("o2", "c2", "2024-01-05", "core"),
            ("o2", "c2", "2024-01-05", "extra"),
            ("o3", "c2", "2024-01-06", "extra"),
        ];
        let whole = ["2024-01-01", "2024-08-01"];
        assert_eq!(by_order(&lines, &whole, i64::MAX), [(2, 1, 2)]);
        assert_eq!(within(&lines, 9, &whole), [(2, 1, 2)]);
    }

    #[test]
    fn groups_and_filters_go_by_the_order_s_customer() {
        let by_customer = AxisGroups {
            axis: Axis::Customer,
            by_code: vec![0, 1, 0, 1, 0, 1],
            values: vec![vec![Scalar::text("odd")], vec![Scalar::text("even")]],
            positions: vec![0],
        };
        let not_c5 = Filter::Mask(Axis::Customer, vec![true, true, true, true, false, true]);
        let slicer = Slicer::new(vec![by_customer], Some(not_c5));
        let (roles, periods) = (roles(), periods(&["2024-01-01", "2024-08-01"]));
        let ask = AttachAsk { roles: &roles, periods: &periods, as_of: i64::MAX, slicer: &slicer };
        let orders = orders(&CORE_AND_ADDON);
        let sizes = |cells: &Cells<AttachCell>| {
            [0, 1].map(|key| cells.get(key).map(|cells| (cells[0].base, cells[0].any)))
        };
        // Odd: o1, o3, o4; even: o2, o5.
        assert_eq!(sizes(&attach_by_order(&orders, &ask)), [Some((3, 1)), Some((2, 1))]);
        let within = attach_within_days(&orders, &ask, 90, &utc_day);
        assert_eq!(sizes(&within), [Some((2, 1)), Some((2, 2))]);
    }

    #[test]
    fn parts_merge() {
        let mut held = Held::new(&roles());
        held.begin();
        held.add(1);
        let (mut empty, mut cell) = (AttachCell::default(), AttachCell::default());
        cell.add(&held);
        empty.merge(cell.clone());
        assert_eq!(empty, cell);
        cell.merge(AttachCell::default());
        assert_eq!((cell.base, cell.attached(0), cell.attached(1), cell.any), (1, 0, 1, 1));
    }
}
