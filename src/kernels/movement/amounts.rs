//! Amounts and events of recorded movements, where nobody asks how many customers moved or who was
//! in the opening cohort: each row counts by itself, so that rows may stand in any order.

use crate::kernels::facts::code_of;
use crate::kernels::timeline::Periods;
use crate::kernels::{Axis, BalanceFacts, Cells, Code, Merge, NONE, Place, Slicer, over_customers};
use crate::model::MovementClass;

use super::{MovementAsk, MovementCell, is_odd};

/// The cells of [`super::movement`] without customers and without the part of a cohort. Slicers by
/// owner are not asked here; those by customer need rows sorted by customer.
#[must_use]
pub fn movement_amounts(
    facts: &BalanceFacts,
    ask: &MovementAsk,
    slicer: &Slicer,
) -> Cells<MovementCell> {
    let periods = &Periods::new(ask.periods);
    let rows = Rows { facts, ask, periods };
    if slicer.uses(Axis::Customer) {
        let only = slicer.customers();
        return over_customers(facts.customers(), only.as_deref(), |customers| {
            let mut cells = Cells::new(slicer.cardinality(), ask.periods.len());
            for customer in customers.map(code_of).filter(|customer| slicer.may_pass(*customer)) {
                rows.for_each(facts.rows_before(customer as usize, ask.as_of), |row, period| {
                    if let Some(key) = slicer.key(&rows.place(row, customer)) {
                        rows.count(row, &mut cells.of(key)[period]);
                    }
                });
            }
            cells
        });
    }
    match Slots::new(facts, slicer) {
        Some(slots) => over_customers(facts.time.len(), None, |part| {
            let width = ask.periods.len();
            let mut cells = vec![MovementCell::default(); slots.keys.len() * width];
            rows.for_each(part, |row, period| {
                if let Some(slot) = slots.of(facts.product_of(row), facts.kind_of(row)) {
                    rows.count(row, &mut cells[slot * width + period]);
                }
            });
            slots.named(&cells, slicer.cardinality(), width)
        }),
        None => over_customers(facts.time.len(), None, |part| {
            let mut cells = Cells::new(slicer.cardinality(), ask.periods.len());
            rows.for_each(part, |row, period| {
                if let Some(key) = slicer.key(&rows.place(row, NONE)) {
                    rows.count(row, &mut cells.of(key)[period]);
                }
            });
            cells
        }),
    }
}

/// The rows that are asked for.
struct Rows<'a> {
    facts: &'a BalanceFacts,
    ask: &'a MovementAsk<'a>,
    periods: &'a Periods<'a>,
}

impl Rows<'_> {
    /// Visits rows of the classes asked for, with the period of each.
    fn for_each(&self, rows: impl Iterator<Item = usize>, mut visit: impl FnMut(usize, usize)) {
        for row in rows {
            let class = usize::from(self.facts.class[row]);
            if !self.ask.classes.get(class).copied().unwrap_or(false) {
                continue;
            }
            let at = self.facts.time[row];
            if at >= self.ask.as_of {
                continue;
            }
            if let Some(period) = self.periods.of(at) {
                visit(row, period);
            }
        }
    }

    fn place(&self, row: usize, customer: Code) -> Place {
        Place {
            product: self.facts.product_of(row),
            kind: self.facts.kind_of(row),
            ..Place::of_customer(customer)
        }
    }

    fn count(&self, row: usize, cell: &mut MovementCell) {
        let amount = self.facts.amount[row];
        let class = MovementClass::ALL[usize::from(self.facts.class[row])];
        cell.amount += i128::from(amount);
        cell.events += 1;
        cell.odd_signs += i64::from(is_odd(amount, class));
    }
}

/// The groups of all products and kinds, looked up once instead of once a row.
struct Slots {
    products: Width,
    kinds: Width,
    /// By product and kind: a place in `keys`, or none where the filter holds such rows back.
    slots: Vec<Option<u32>>,
    keys: Vec<u64>,
}

/// The codes of an axis and one more for those without.
struct Width(usize);

impl Width {
    fn of(codes: &[Code], is_asked: bool) -> Self {
        let highest = || codes.iter().filter(|code| **code != NONE).max();
        Self(if is_asked { highest().map_or(0, |code| *code as usize + 1) } else { 0 } + 1)
    }

    fn place(&self, code: Code) -> usize {
        (code as usize).min(self.0 - 1)
    }

    fn code(&self, place: usize) -> Code {
        if place + 1 == self.0 { NONE } else { code_of(place) }
    }
}

impl Slots {
    /// None where there are too many for a table.
    fn new(facts: &BalanceFacts, slicer: &Slicer) -> Option<Self> {
        const MOST: usize = 1 << 12;
        let products = Width::of(&facts.product, slicer.uses(Axis::Product));
        let kinds = Width::of(&facts.kind, slicer.uses(Axis::Kind));
        let count = products.0.checked_mul(kinds.0).filter(|count| *count <= MOST)?;
        let mut keys: Vec<u64> = Vec::new();
        let slots = (0..count).map(|slot| {
            let (product, kind) = (products.code(slot / kinds.0), kinds.code(slot % kinds.0));
            let key = slicer.key(&Place { product, kind, ..Place::of_customer(NONE) })?;
            let place = keys.iter().position(|known| *known == key).unwrap_or_else(|| {
                keys.push(key);
                keys.len() - 1
            });
            u32::try_from(place).ok()
        });
        let slots = slots.collect();
        Some(Self { products, kinds, slots, keys })
    }

    fn of(&self, product: Code, kind: Code) -> Option<usize> {
        let slot = self.products.place(product) * self.kinds.0 + self.kinds.place(kind);
        self.slots[slot].map(|slot| slot as usize)
    }

    /// The cells under their keys; groups without any row are left out.
    fn named(&self, cells: &[MovementCell], cardinality: u64, width: usize) -> Cells<MovementCell> {
        let mut named: Cells<MovementCell> = Cells::new(cardinality, width);
        for (key, found) in self.keys.iter().zip(cells.chunks(width.max(1))) {
            if found.iter().any(|cell| cell.events > 0) {
                for (mine, their) in named.of(*key).iter_mut().zip(found) {
                    mine.merge(*their);
                }
            }
        }
        named
    }
}

#[cfg(test)]
mod tests {
    use crate::kernels::testkit::{eight_customers, periods};
    use crate::kernels::{AxisGroups, Filter, movement};
    use crate::values::Scalar;

    use super::*;

    type Sums = Vec<(u64, Vec<(i128, i64, i64)>)>;

    fn sums(cells: &Cells<MovementCell>) -> Sums {
        let of = |cell: &MovementCell| (cell.amount, cell.events, cell.odd_signs);
        let found = cells.iter().map(|(key, cells)| (key, cells.iter().map(of).collect()));
        let mut found: Sums = found.collect();
        found.sort();
        found
    }

    fn by(axis: Axis, codes: u32) -> AxisGroups {
        let by_code = (0..codes).chain([codes]).collect();
        let values = (0..=codes).map(|code| vec![Scalar::Int(i64::from(code))]).collect();
        AxisGroups { axis, by_code, values, positions: vec![0] }
    }

    #[test]
    fn they_are_those_of_the_walk_by_customer_in_any_slice() {
        let facts = eight_customers().facts;
        let mut shuffled = facts.clone();
        shuffled.offsets.clear();
        shuffled.time.reverse();
        shuffled.amount.reverse();
        shuffled.class.reverse();
        shuffled.kind.reverse();
        shuffled.product.reverse();
        let kinds = facts.kind.iter().filter(|kind| **kind != NONE).max().unwrap() + 1;
        let no_first_kind: Vec<bool> = (0..=kinds).map(|kind| kind != 0).collect();
        let odd: Vec<bool> = (0..=facts.customers()).map(|customer| customer % 2 == 1).collect();
        let slicers = [
            Slicer::default(),
            Slicer::new(vec![by(Axis::Kind, kinds)], None),
            Slicer::new(vec![], Some(Filter::Mask(Axis::Kind, no_first_kind.clone()))),
            Slicer::new(vec![by(Axis::Kind, kinds)], Some(Filter::Mask(Axis::Customer, odd))),
        ];
        let periods = periods(&["2024-01-01", "2024-02-01", "2024-03-01"]);
        for as_of in [i64::MAX, periods[1].start + 4 * 86_400_000_000] {
            for slicer in &slicers {
                let classes = [true; 5];
                let ask = MovementAsk { periods: &periods, classes, as_of, owners: None };
                let walked = sums(&movement(&facts, &ask, slicer));
                assert!(!walked.is_empty());
                assert_eq!(sums(&movement_amounts(&facts, &ask, slicer)), walked);
                if !slicer.uses(Axis::Customer) {
                    assert_eq!(sums(&movement_amounts(&shuffled, &ask, slicer)), walked);
                }
            }
        }
    }
}
