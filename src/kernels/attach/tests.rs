//! Attach rates: the worked example on every basis, and orders at the edges.

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
    for product in ["core", "addon", "extra"] {
        products.code(product);
    }
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

fn by_order(lines: &[(&str, &str, &str, &str)], days: &[&str], as_of: i64) -> Vec<(i64, i64, i64)> {
    let (roles, periods, slicer) = (roles(), periods(days), Slicer::default());
    let ask = AttachAsk { roles: &roles, periods: &periods, as_of, slicer: &slicer };
    counts(&attach_by_order(&orders(lines), &ask), periods.len())
}

fn within(lines: &[(&str, &str, &str, &str)], days: u32, period: &[&str]) -> Vec<(i64, i64, i64)> {
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
    let cells = attach_by_customer(&ledger.facts, &AttachAsk { as_of: at("2024-03-01"), ..ask });
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
