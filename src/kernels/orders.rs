//! Order lines, coded and sorted by order, and what part products play in attachment.

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

/// Lines sorted by order and time.
#[derive(Debug, Clone, Default)]
pub struct OrderFacts {
    /// Lines of order `o` are `offsets[o]..offsets[o + 1]`.
    offsets: Vec<usize>,
    lines: Vec<Line>,
    customers: usize,
    /// Lines without an order or a customer, which cannot count.
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
        let size = |codes: &[Code]| {
            codes.iter().filter(|code| **code != NONE).max().map_or(0, |code| *code as usize + 1)
        };
        let (offsets, lines) = group_rows(&columns.order, size(&columns.order), |row| {
            (columns.customer[row] != NONE).then(|| Line {
                time: columns.time[row],
                customer: columns.customer[row],
                product: columns.product[row],
            })
        });
        let left_out = columns.order.len() - lines.len();
        Self { offsets, lines, customers: size(&columns.customer), left_out }
    }

    /// Size in memory.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.lines.len() * size_of::<Line>() + self.offsets.len() * 8
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
        let lines = &self.lines[self.offsets[order]..self.offsets[order + 1]];
        &lines[..lines.partition_point(|line| line.time < as_of)]
    }
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
            slot[*product] = super::facts::code_of(place);
        }
        let attached = products.into_iter().map(super::facts::code_of).collect();
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
