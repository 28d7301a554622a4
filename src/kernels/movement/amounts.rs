//! Amounts and events of recorded movements, where nobody asks how many customers moved or who was
//! in the opening cohort: each row counts by itself, so that rows may stand in any order.

use std::ops::Range;

use crate::kernels::facts::code_of;
use crate::kernels::timeline::Periods;
use crate::kernels::{
    Axis, BalanceFacts, Cells, Code, NONE, Part, Place, Slicer, over_customers, over_rows,
};
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
    let width = ask.periods.len();
    if slicer.uses(Axis::Customer) {
        return over_customers((facts.customers(), &facts.offsets), slicer, |customers| {
            let mut cells = slicer.cells(width);
            for customer in customers.map(code_of) {
                let of_customer = facts.rows_before(customer as usize, ask.as_of);
                rows.count_by_key(of_customer, (customer, slicer), &mut cells);
            }
            cells
        });
    }
    let fits = |slots: &Slots| slots.keys.len().saturating_mul(width) <= slicer.bounds().cells;
    match Slots::new(slicer).filter(fits) {
        Some(slots) => over_rows(facts.time.len(), slicer, |part| {
            rows.count_by_slot(part, &slots, slicer.cells(width))
        }),
        None => over_rows(facts.time.len(), slicer, |mut part| {
            let mut cells = slicer.cells(width);
            while let Some(next) = part.next_range() {
                rows.count_by_key(next, (NONE, slicer), &mut cells);
            }
            cells
        }),
    }
}

/// What rows of one slot and period come to.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    amount: i128,
    events: i64,
    odd_signs: i64,
}

impl Sum {
    fn add(&mut self, amount: i64, class: MovementClass) {
        self.amount += i128::from(amount);
        self.events += 1;
        self.odd_signs += i64::from(is_odd(amount, class));
    }

    fn add_to(&self, cell: &mut MovementCell) {
        cell.amount += self.amount;
        cell.events += self.events;
        cell.odd_signs += self.odd_signs;
    }
}

/// The rows that are asked for.
struct Rows<'a> {
    facts: &'a BalanceFacts,
    ask: &'a MovementAsk<'a>,
    periods: &'a Periods<'a>,
}

impl Rows<'_> {
    /// The class, if it is asked for.
    fn wanted(&self, class: u8) -> Option<MovementClass> {
        let class = usize::from(class);
        let is_asked = self.ask.classes.get(class).copied().unwrap_or(false);
        MovementClass::ALL.get(class).copied().filter(|_| is_asked)
    }

    /// Counts rows of one customer, or of nobody, under the keys of their slices.
    fn count_by_key(
        &self,
        rows: Range<usize>,
        (customer, slicer): (Code, &Slicer),
        cells: &mut Cells<MovementCell>,
    ) {
        let facts = self.facts;
        for row in rows {
            let Some(class) = self.wanted(facts.class[row]) else { continue };
            let at = facts.time[row];
            let Some(period) = self.periods.of(at).filter(|_| at < self.ask.as_of) else {
                continue;
            };
            let (product, kind) = (facts.product_of(row), facts.kind_of(row));
            let place = Place { product, kind, ..Place::of_customer(customer) };
            if let Some(key) = slicer.key(&place) {
                let mut sum = Sum::default();
                sum.add(facts.amount[row], class);
                sum.add_to(&mut cells.of(key)[period]);
            }
        }
    }

    /// Counts rows of nobody. Rows of the classes asked for are picked first, some at a time: which
    /// class comes next cannot be guessed, so nothing is to depend on it.
    fn count_by_slot(
        &self,
        mut part: Part,
        slots: &Slots,
        mut cells: Cells<MovementCell>,
    ) -> Cells<MovementCell> {
        let width = self.ask.periods.len();
        let mut sums = vec![Sum::default(); slots.keys.len() * width];
        let mut wanted = [false; 1 << 8];
        for (class, wanted) in (0..=u8::MAX).zip(&mut wanted) {
            *wanted = self.wanted(class).is_some();
        }
        while let Some(next) = part.next_range() {
            self.add_to_slots(next, slots, (&wanted, &mut sums));
        }
        // Groups without any row are left out.
        for (key, found) in slots.keys.iter().zip(sums.chunks(width.max(1))) {
            if found.iter().any(|sum| sum.events > 0) {
                let cells = cells.of(*key).iter_mut();
                cells.zip(found).for_each(|(cell, sum)| sum.add_to(cell));
            }
        }
        cells
    }

    fn add_to_slots(
        &self,
        rows: Range<usize>,
        slots: &Slots,
        (wanted, sums): (&[bool; 1 << 8], &mut [Sum]),
    ) {
        const TOGETHER: usize = 1 << 10;
        let (facts, width) = (self.facts, self.ask.periods.len());
        let mut picked = [0; TOGETHER];
        for start in rows.clone().step_by(TOGETHER) {
            let end = rows.end.min(start + TOGETHER);
            let mut count = 0;
            for (row, class) in (start..end).zip(&facts.class[start..end]) {
                picked[count] = row;
                count += usize::from(wanted[usize::from(*class)]);
            }
            for row in &picked[..count] {
                let (at, amount) = (facts.time[*row], facts.amount[*row]);
                let slot = slots.of(facts.product_of(*row), facts.kind_of(*row));
                let period = self.periods.of(at).filter(|_| at < self.ask.as_of);
                if let (Some(slot), Some(period)) = (slot, period) {
                    let class = MovementClass::ALL[usize::from(facts.class[*row])];
                    sums[slot * width + period].add(amount, class);
                }
            }
        }
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
    fn place(&self, code: Code) -> usize {
        (code as usize).min(self.0 - 1)
    }

    fn code(&self, place: usize) -> Code {
        if place + 1 == self.0 { NONE } else { code_of(place) }
    }
}

impl Slots {
    /// None where there are too many for a table.
    fn new(slicer: &Slicer) -> Option<Self> {
        const MOST: usize = 1 << 12;
        let products = Width(slicer.width(Axis::Product));
        let kinds = Width(slicer.width(Axis::Kind));
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
