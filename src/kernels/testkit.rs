//! Facts built by hand for the tests of kernels, and the worked examples that several share.

use chrono::{NaiveDate, NaiveDateTime};

use crate::model::{ColumnName, DatasetName, DimensionName, MovementClass, Owners};
use crate::values::MICROS_PER_DAY;

use super::{Added, BalanceFacts, Code, Known, NONE, Span, Walks};

/// (customer, product, "2024-02-03" or "2024-02-03T13:00", class, kind, minor units). Empty text
/// is null.
pub type Movement<'a> = (&'a str, &'a str, &'a str, &'a str, &'a str, i64);

/// Texts with their codes, in order of first appearance.
#[derive(Debug, Clone, Default)]
pub struct Names(Vec<String>);

impl Names {
    /// The code of a text, a new one where it is new; empty text has none.
    pub fn code(&mut self, text: &str) -> Code {
        if text.is_empty() {
            return NONE;
        }
        let known = self.0.iter().position(|name| name == text);
        let place = known.unwrap_or_else(|| {
            self.0.push(text.to_owned());
            self.0.len() - 1
        });
        Code::try_from(place).unwrap()
    }

    /// The code of a text that was met before.
    pub fn of(&self, text: &str) -> Code {
        let place = self.0.iter().position(|name| name == text).unwrap();
        Code::try_from(place).unwrap()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }
}

/// A ledger with the names behind its codes.
#[derive(Debug, Clone)]
pub struct Ledger {
    pub facts: BalanceFacts,
    pub customers: Names,
    pub products: Names,
    pub kinds: Names,
}

impl Ledger {
    pub fn of(movements: &[Movement]) -> Self {
        Self::with_customers(&[], movements)
    }

    /// The customers given come first, whether or not they have movements.
    pub fn with_customers(customers: &[&str], movements: &[Movement]) -> Self {
        let mut names = Names::default();
        let (mut products, mut kinds) = (Names::default(), Names::default());
        for customer in customers {
            names.code(customer);
        }
        let mut rows: Vec<_> = movements
            .iter()
            .map(|(customer, product, time, class, kind, amount)| {
                let class = MovementClass::parse(class).unwrap();
                let class = MovementClass::ALL.iter().position(|each| *each == class).unwrap();
                let coded = (names.code(customer), products.code(product), kinds.code(kind));
                (coded, at(time), u8::try_from(class).unwrap(), *amount)
            })
            .collect();
        rows.sort_by_key(|((customer, ..), time, ..)| (*customer, *time));
        let mut offsets = vec![0u32; names.len() + 1];
        for ((customer, ..), ..) in &rows {
            offsets[*customer as usize + 1] += 1;
        }
        for customer in 1..offsets.len() {
            offsets[customer] += offsets[customer - 1];
        }
        let facts = BalanceFacts {
            offsets,
            time: rows.iter().map(|(_, time, ..)| *time).collect(),
            amount: rows.iter().map(|(.., amount)| *amount).collect(),
            product: rows.iter().map(|((_, product, _), ..)| *product).collect(),
            class: rows.iter().map(|(_, _, class, _)| *class).collect(),
            kind: rows.iter().map(|((.., kind), ..)| *kind).collect(),
            offer: Vec::new(),
            recorded: true,
            scale: 2,
            gross: Some(rows.iter().map(|(.., amount)| amount.unsigned_abs()).sum()),
            known: Known::Always,
            first: rows.iter().map(|(_, time, ..)| *time).min(),
            newest: rows.iter().map(|(_, time, ..)| *time).max(),
            walks: Walks::default(),
            added: Added::default(),
        };
        Self { facts, customers: names, products, kinds }
    }

    /// The same changes as intervals or snapshots would give them: without class and kind.
    pub fn unrecorded(mut self) -> Self {
        self.facts.class = Vec::new();
        self.facts.kind = Vec::new();
        self.facts.recorded = false;
        self
    }
}

/// The instant of "2024-02-03" or "2024-02-03T13:00", UTC.
pub fn at(text: &str) -> i64 {
    let time = NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M")
        .or_else(|_| text.parse::<NaiveDate>().map(|day| day.and_hms_opt(0, 0, 0).unwrap()));
    time.unwrap().and_utc().timestamp_micros()
}

/// The UTC day of an instant, counted from 1970-01-01.
pub fn utc_day(instant: i64) -> i32 {
    i32::try_from(instant.div_euclid(MICROS_PER_DAY)).unwrap()
}

/// Consecutive periods between the days given.
pub fn periods(days: &[&str]) -> Vec<Span> {
    days.windows(2).map(|pair| Span { start: at(pair[0]), end: at(pair[1]) }).collect()
}

/// Eight customers in February 2024: 430 at its start, 513 at its end.
pub fn eight_customers() -> Ledger {
    Ledger::of(&[
        ("A", "core", "2023-12-01", "new", "", 100_00),
        ("B", "core", "2023-12-01", "new", "", 50_00),
        ("B", "addon", "2023-12-01", "expansion", "add_on", 20_00),
        ("C", "core", "2023-12-01", "new", "", 40_00),
        ("D", "core", "2023-06-01", "new", "", 25_00),
        ("D", "core", "2023-09-01", "churn", "", -25_00),
        ("F", "core", "2023-12-01", "new", "", 80_00),
        ("H", "core", "2023-12-01", "new", "", 30_00),
        ("G", "core", "2023-12-01", "new", "", 110_00),
        ("A", "core", "2024-02-03", "expansion", "seat", 30_00),
        ("B", "core", "2024-02-04", "contraction", "", -20_00),
        ("B", "addon", "2024-02-05", "expansion", "add_on", 25_00),
        ("C", "core", "2024-02-06", "churn", "", -40_00),
        ("D", "core", "2024-02-07", "reactivation", "", 25_00),
        ("E", "core", "2024-02-08", "new", "", 60_00),
        ("E", "core", "2024-02-20", "expansion", "seat", 5_00),
        ("F", "core", "2024-02-09", "expansion", "price", 8_00),
        ("H", "core", "2024-02-10", "contraction", "", -10_00),
    ])
}

/// A table of owners by its name, the owner's column and that of the share.
pub fn owners(dataset: &str, owner: &str, share: Option<&str>) -> Owners {
    Owners {
        dataset: DatasetName::new(dataset),
        customer: ColumnName::new("customer_id"),
        owner: ColumnName::new(owner),
        share: share.map(ColumnName::new),
        from: ColumnName::new("valid_from"),
        to: ColumnName::new("valid_to"),
        id_dimension: DimensionName::new(owner),
        name_dimension: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_sorted_by_customer_and_time() {
        let ledger = eight_customers();
        let d = ledger.customers.of("D") as usize;
        let rows = ledger.facts.rows_of(d);
        assert_eq!(ledger.facts.amount[rows.clone()], [25_00, -25_00, 25_00]);
        assert_eq!(ledger.facts.time[rows.start], 1_685_577_600_000_000);
        assert_eq!(ledger.facts.rows_before(d, at("2024-02-07")).len(), 2);
        assert_eq!(ledger.facts.amount.iter().sum::<i64>(), 513_00);
        assert_eq!(ledger.facts.customers(), 8);
        let addons = ledger.products.of("addon");
        assert_eq!(ledger.facts.product.iter().filter(|code| **code == addons).count(), 2);
    }
}
