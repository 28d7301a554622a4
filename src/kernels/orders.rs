//! Order lines, coded and sorted by order, and what part products play in attachment.

use super::facts::code_of;
use super::grouped::group_rows;
use super::{Code, NONE};

/// Lines as read, in any order.
#[derive(Debug, Clone, Default)]
pub struct OrderColumns {
    pub order: Vec<Code>,
    pub customer: Vec<Code>,
    pub product: Vec<Code>,
    pub time: Vec<i64>,
}

/// Lines as read, those of one order on end where the table has them so.
#[derive(Debug, Clone, Default)]
pub struct OrderPart {
    /// Where each run of lines of one order begins.
    starts: Vec<u32>,
    lines: Vec<Line>,
    /// Lines without an order, customer or time, which cannot count.
    pub left_out: usize,
}

impl OrderPart {
    /// Adds a line: of the same order as the one before, or the first of a run.
    pub fn push(&mut self, begins: bool, customer: Code, product: Code, time: i64) {
        if begins {
            self.starts.push(code_of(self.lines.len()));
        }
        self.lines.push(Line { time, customer, product });
    }
}

/// Lines sorted by order and time.
#[derive(Debug, Clone, Default)]
pub struct OrderFacts {
    /// Lines of order `o` are `offsets[o]..offsets[o + 1]`.
    offsets: Vec<u32>,
    lines: Vec<Line>,
    customers: usize,
    /// Lines without an order, customer or time, which cannot count.
    pub left_out: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Line {
    pub(super) time: i64,
    pub(super) customer: Code,
    pub(super) product: Code,
}

impl OrderFacts {
    #[must_use]
    pub fn new(columns: &OrderColumns) -> Self {
        let orders = size(columns.order.iter().copied());
        let (offsets, lines) = group_rows(&columns.order, orders, |row| {
            (columns.customer[row] != NONE).then(|| Line {
                time: columns.time[row],
                customer: columns.customer[row],
                product: columns.product[row],
            })
        });
        let left_out = columns.order.len() - lines.len();
        let offsets = offsets.into_iter().map(code_of).collect();
        let customers = size(columns.customer.iter().copied());
        Self { offsets, lines, customers, left_out }
    }

    /// Lines of parts whose runs are orders; where some orders have several runs, `orders` says
    /// which order each run is of, over all parts.
    #[must_use]
    pub fn of_parts(parts: Vec<OrderPart>, orders: Option<&[Code]>) -> Self {
        let count = parts.iter().map(|part| part.lines.len()).sum();
        let left_out = parts.iter().map(|part| part.left_out).sum();
        let (mut offsets, mut lines) = (Vec::new(), Vec::with_capacity(count));
        for part in parts {
            let base = code_of(lines.len());
            offsets.extend(part.starts.iter().map(|start| start + base));
            lines.extend(part.lines);
        }
        offsets.push(code_of(lines.len()));
        if let Some(orders) = orders {
            let runs = offsets.windows(2).zip(orders);
            let codes = runs.flat_map(|(run, order)| (run[0]..run[1]).map(move |_| *order));
            let codes: Vec<Code> = codes.collect();
            let (grouped, sorted) =
                group_rows(&codes, size(codes.iter().copied()), |row| Some(lines[row]));
            offsets = grouped.into_iter().map(code_of).collect();
            lines = sorted;
        } else {
            for run in offsets.windows(2) {
                let lines = &mut lines[run[0] as usize..run[1] as usize];
                if !lines.is_sorted() {
                    lines.sort_unstable();
                }
            }
        }
        let customers = size(lines.iter().map(|line| line.customer));
        Self { offsets, lines, customers, left_out }
    }

    /// First and newest line.
    #[must_use]
    pub fn range(&self) -> (Option<i64>, Option<i64>) {
        let times = || self.lines.iter().map(|line| line.time);
        (times().min(), times().max())
    }

    /// Size in memory.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.lines.len() * size_of::<Line>() + self.offsets.len() * 4
    }

    #[must_use]
    pub fn orders(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    /// One more than the largest customer's code.
    #[must_use]
    pub fn customers(&self) -> usize {
        self.customers
    }

    /// The lines of an order before `as_of`; the first one places the order and names its
    /// customer.
    pub(super) fn lines_of(&self, order: usize, as_of: i64) -> &[Line] {
        let lines = &self.lines[self.offsets[order] as usize..self.offsets[order + 1] as usize];
        if lines.last().is_some_and(|line| line.time < as_of) {
            return lines;
        }
        &lines[..lines.partition_point(|line| line.time < as_of)]
    }
}

/// One more than the largest code.
fn size(codes: impl Iterator<Item = Code>) -> usize {
    codes.filter(|code| *code != NONE).max().map_or(0, |code| code as usize + 1)
}

/// Which products are the base and which ones are attached to it.
#[derive(Debug, Clone)]
pub struct ProductRoles {
    base: Vec<bool>,
    /// Place in `attached` by product, [`NONE`] for others.
    slot: Vec<Code>,
    attached: Vec<Code>,
}

impl ProductRoles {
    /// One entry per product's code. A product that is both is both only with `both_count`,
    /// otherwise it is base.
    #[must_use]
    pub fn new(base: Vec<bool>, attached: &[bool], both_count: bool) -> Self {
        let is_attached = |product: &usize| {
            attached[*product] && (both_count || !base.get(*product).copied().unwrap_or(false))
        };
        let products: Vec<usize> = (0..attached.len()).filter(is_attached).collect();
        let mut slot = vec![NONE; attached.len()];
        for (place, product) in products.iter().enumerate() {
            slot[*product] = code_of(place);
        }
        let attached = products.into_iter().map(code_of).collect();
        Self { base, slot, attached }
    }

    /// The attached products, ascending by code; cells count them in this order.
    #[must_use]
    pub fn attached_products(&self) -> &[Code] {
        &self.attached
    }

    pub(super) fn is_base(&self, product: Code) -> bool {
        self.base.get(product as usize).copied().unwrap_or(false)
    }

    /// The place of an attached product among the attached ones.
    pub(super) fn slot(&self, product: Code) -> Option<usize> {
        let slot = *self.slot.get(product as usize)?;
        (slot != NONE).then_some(slot as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_line_places_an_order() {
        let facts = OrderFacts::new(&OrderColumns {
            order: vec![1, 0, 1, NONE, 0],
            customer: vec![5, 2, 4, 4, NONE],
            product: vec![0, 0, 1, 0, 0],
            time: vec![20, 10, 15, 1, 1],
        });
        assert_eq!((facts.orders(), facts.customers(), facts.left_out), (2, 6, 2));
        let first = facts.lines_of(1, i64::MAX)[0];
        assert_eq!((first.time, first.customer, first.product), (15, 4, 1));
        assert_eq!(facts.lines_of(1, 20).len(), 1);
        assert!(facts.lines_of(0, 10).is_empty());
        assert_eq!(OrderFacts::new(&OrderColumns::default()).orders(), 0);
    }

    #[test]
    fn runs_are_orders_unless_an_order_has_several() {
        let part = |lines: &[(bool, Code, i64)]| {
            let mut part = OrderPart::default();
            for line in lines {
                part.push(line.0, line.1, 0, line.2);
            }
            part
        };
        let parts =
            || vec![part(&[(true, 5, 20), (false, 4, 15), (true, 2, 10)]), part(&[(true, 7, 5)])];
        let lines = |facts: &OrderFacts| -> Vec<Vec<(i64, Code)>> {
            let of = |order| facts.lines_of(order, i64::MAX).iter();
            (0..facts.orders()).map(|o| of(o).map(|l| (l.time, l.customer)).collect()).collect()
        };
        let apart = OrderFacts::of_parts(parts(), None);
        assert_eq!(lines(&apart), [vec![(15, 4), (20, 5)], vec![(10, 2)], vec![(5, 7)]]);
        assert_eq!((apart.customers(), apart.range()), (8, (Some(5), Some(20))));
        // The first and the last run are of one order.
        let together = OrderFacts::of_parts(parts(), Some(&[0, 1, 0]));
        assert_eq!(lines(&together), [vec![(5, 7), (15, 4), (20, 5)], vec![(10, 2)]]);
        assert_eq!(OrderFacts::of_parts(vec![], None).orders(), 0);
    }

    #[test]
    fn a_product_that_is_both_is_base_unless_both_count() {
        let masks = || (vec![true, true, false], [false, true, true]);
        let (base, attached) = masks();
        let once = ProductRoles::new(base, &attached, false);
        assert_eq!(once.attached_products(), [2]);
        assert_eq!((once.is_base(1), once.slot(1), once.slot(2)), (true, None, Some(0)));
        let (base, attached) = masks();
        let both = ProductRoles::new(base, &attached, true);
        assert_eq!(both.attached_products(), [1, 2]);
        assert_eq!((both.is_base(1), both.slot(1), both.slot(NONE)), (true, Some(0), None));
        assert!(!both.is_base(NONE));
    }
}
