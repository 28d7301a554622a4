//! Subjects: the worked example, origins, churn and ties at the edges.

use super::*;
use crate::kernels::testkit::{Ledger, Movement, at, periods, utc_day};
use crate::kernels::{Axis, AxisGroups, Filter, estimate};
use crate::values::Scalar;

const T: &str = "2024-12-31";

fn ask(origins: Origins<'_>, nth: usize) -> DurationAsk<'_> {
    let end = at(T);
    DurationAsk { origins, nth, kinds: None, as_of: end, end, cohort: None, day_of: &utc_day }
}

/// Acquired on the day given, with these movements; watched to the end of 2024.
fn watch(origin: &str, nth: usize, movements: &[Movement]) -> (i64, Outcome) {
    let ledger = Ledger::with_customers(&["x"], movements);
    let origins = [Some(at(origin))];
    let asked = ask(Origins::PerCustomer(&origins), nth);
    only(&durations(&ledger.facts, &asked, &Slicer::default()))
}

fn only(found: &Durations) -> (i64, Outcome) {
    let ends = ends(&found.cells.get(0).unwrap()[0]);
    assert_eq!(ends.len(), 1);
    ends[0]
}

/// How each watch ended, ascending.
fn ends(subjects: &Subjects) -> Vec<(i64, Outcome)> {
    let outcomes = [Outcome::Event, Outcome::Churned, Outcome::Censored];
    let of_day = |(day, counts): (i64, [i64; 3])| {
        let each = outcomes.into_iter().zip(counts);
        each.flat_map(move |(outcome, count)| (0..count).map(move |_| (day, outcome)))
    };
    subjects.clone().by_day().into_iter().flat_map(of_day).collect()
}

fn eight() -> (Ledger, Vec<Option<i64>>) {
    let mut movements: Vec<Movement> = Vec::new();
    let acquired = [
        ("c1", "2024-06-14"),
        ("c2", "2024-06-14"),
        ("c3", "2024-10-02"),
        ("c4", "2024-06-14"),
        ("c5", "2024-06-14"),
        ("c6", "2024-06-14"),
        ("c7", "2024-06-14"),
        ("c8", "2024-12-01"),
    ];
    for (customer, day) in acquired {
        movements.push((customer, "core", day, "new", "", 50_00));
    }
    movements.extend([
        ("c1", "core", "2024-07-14T13:00", "expansion", "seat", 10_00),
        ("c2", "core", "2024-08-13T13:00", "expansion", "seat", 10_00),
        ("c4", "core", "2024-10-12T13:00", "expansion", "seat", 10_00),
        ("c5", "core", "2024-07-29T09:00", "churn", "", -50_00),
        ("c7", "core", "2024-08-13T13:00", "expansion", "seat", 10_00),
    ]);
    let ledger = Ledger::of(&movements);
    (ledger, acquired.map(|(_, day)| Some(at(day))).to_vec())
}

#[test]
fn the_worked_example_as_recorded_and_as_derived() {
    let (ledger, origins) = eight();
    let asked = ask(Origins::PerCustomer(&origins), 1);
    for facts in [ledger.facts.clone(), ledger.unrecorded().facts] {
        let found = durations(&facts, &asked, &Slicer::default());
        let subjects = &found.cells.get(0).unwrap()[0];
        assert_eq!(
            ends(subjects),
            [
                (30, Outcome::Event),
                (30, Outcome::Censored),
                (45, Outcome::Churned),
                (60, Outcome::Event),
                (60, Outcome::Event),
                (90, Outcome::Censored),
                (120, Outcome::Event),
                (200, Outcome::Censored),
            ]
        );
        assert_eq!(estimate(subjects.clone(), false).median, Some(120));
        assert!((estimate(subjects.clone(), true).share_by(90) - 5.0 / 12.0).abs() < 1e-12);
    }
}

#[test]
fn expansions_before_the_origin_do_not_count_and_on_its_day_are_day_0() {
    let movements = [
        ("x", "core", "2024-01-01", "new", "", 50_00),
        ("x", "core", "2024-02-01", "expansion", "seat", 5_00),
        ("x", "core", "2024-03-10T09:00", "expansion", "seat", 5_00),
        ("x", "core", "2024-03-12", "expansion", "seat", 5_00),
    ];
    assert_eq!(watch("2024-03-10T15:00", 1, &movements), (0, Outcome::Event));
    assert_eq!(watch("2024-03-10T15:00", 2, &movements), (2, Outcome::Event));
    assert_eq!(watch("2024-01-01", 2, &movements), (69, Outcome::Event));
    // 366 − 1 days of 2024 from 1 January to 31 December.
    assert_eq!(watch("2024-01-01", 4, &movements), (365, Outcome::Censored));
}

#[test]
fn churn_ends_the_watch_also_of_those_who_return() {
    let movements = [
        ("x", "core", "2024-01-01", "new", "", 50_00),
        ("x", "core", "2024-01-11T08:00", "churn", "", -50_00),
        ("x", "core", "2024-03-01", "reactivation", "", 50_00),
        ("x", "core", "2024-03-05", "expansion", "seat", 5_00),
    ];
    assert_eq!(watch("2024-01-01", 1, &movements), (10, Outcome::Churned));
    // Away when watched from: over at once. Back in time: watched as anybody.
    assert_eq!(watch("2024-02-01", 1, &movements), (0, Outcome::Churned));
    assert_eq!(watch("2024-03-01", 1, &movements), (4, Outcome::Event));
    assert_eq!(watch("2024-02-01", 1, &movements[..2]), (0, Outcome::Churned));
}

#[test]
fn on_one_day_the_expansion_comes_first() {
    let movements = [
        ("x", "core", "2024-01-01", "new", "", 50_00),
        ("x", "core", "2024-01-11T08:00", "churn", "", -50_00),
        ("x", "core", "2024-01-11T18:00", "expansion", "seat", 5_00),
    ];
    assert_eq!(watch("2024-01-01", 1, &movements), (10, Outcome::Event));
}

#[test]
fn a_switch_of_products_is_no_churn() {
    let movements = [
        ("x", "core", "2024-01-01", "new", "", 50_00),
        ("x", "core", "2024-02-01", "churn", "", -50_00),
        ("x", "next", "2024-02-01", "new", "", 40_00),
    ];
    assert_eq!(watch("2024-01-01", 1, &movements), (365, Outcome::Censored));
}

#[test]
fn customers_without_balances_wait_too() {
    let paid = [("b", "core", "2024-12-05", "new", "", 5_00)];
    let ledger = Ledger::with_customers(&["a"], &paid);
    let origins = vec![Some(at("2024-12-01")), None, Some(at(T)), Some(at("2025-03-01")), None];
    let asked = |as_of| {
        let asked = DurationAsk { as_of, ..ask(Origins::PerCustomer(&origins), 1) };
        let found = durations(&ledger.facts, &asked, &Slicer::default());
        assert_eq!(only(&found), (30, Outcome::Censored));
        (found.unwatched().without_origin, found.unwatched().late_origin)
    };
    assert_eq!(asked(i64::MAX), (1, 2));
    // What is not known yet does not exist.
    assert_eq!(asked(at(T)), (1, 0));
}

#[test]
fn from_one_expansion_to_the_next() {
    let movements = [
        ("x", "core", "2024-01-01", "new", "", 50_00),
        ("x", "core", "2024-02-01", "expansion", "seat", 5_00),
        ("x", "core", "2024-02-01", "expansion", "price", 5_00),
        ("x", "core", "2024-02-20T23:59", "expansion", "seat", 5_00),
        ("y", "core", "2024-01-01", "new", "", 50_00),
    ];
    let ledger = Ledger::of(&movements);
    let gap = |nth, kinds: Option<Vec<bool>>| {
        let asked = DurationAsk { kinds, ..ask(Origins::PreviousExpansion, nth) };
        let found = durations(&ledger.facts, &asked, &Slicer::default());
        assert_eq!(found.unwatched().without_origin, 1);
        only(&found)
    };
    assert_eq!(gap(2, None), (0, Outcome::Event));
    assert_eq!(gap(3, None), (19, Outcome::Event));
    // 20 February to 31 December: 315 days.
    assert_eq!(gap(4, None), (315, Outcome::Censored));
    let mut seats = vec![false; ledger.kinds.len() + 1];
    seats[ledger.kinds.of("seat") as usize] = true;
    assert_eq!(gap(2, Some(seats)), (19, Outcome::Event));
}

#[test]
fn an_unclassified_expansion_counts_where_null_is_asked_for() {
    let movements = [
        ("x", "core", "2024-01-01", "new", "", 50_00),
        ("x", "core", "2024-01-05", "expansion", "", 5_00),
        ("x", "core", "2024-01-09", "expansion", "seat", 5_00),
    ];
    let ledger = Ledger::of(&movements);
    let with = |kinds: [bool; 2]| {
        let origins = Origins::PerCustomer(&[Some(at("2024-01-01"))]);
        let asked = DurationAsk { kinds: Some(kinds.to_vec()), ..ask(origins, 1) };
        only(&durations(&ledger.facts, &asked, &Slicer::default()))
    };
    assert_eq!(with([false, true]), (4, Outcome::Event));
    assert_eq!(with([true, false]), (8, Outcome::Event));
}

#[test]
fn cohorts_and_groups_part_the_subjects() {
    let (ledger, origins) = eight();
    let asked = DurationAsk {
        cohort: Some(periods(&["2024-06-01", "2024-07-01", "2024-11-01"])),
        ..ask(Origins::PerCustomer(&origins), 1)
    };
    let halves = AxisGroups {
        axis: Axis::Customer,
        by_code: vec![0, 0, 0, 0, 1, 1, 1, 1, 1],
        values: vec![vec![Scalar::text("first")], vec![Scalar::text("second")]],
        positions: vec![0],
    };
    let not_c6 = Filter::Mask(Axis::Customer, (0..9).map(|code| code != 5).collect());
    let slicer = Slicer::new(vec![halves], Some(not_c6));
    let found = durations(&ledger.facts, &asked, &slicer);
    let size = |subjects: &Subjects| ends(subjects).len();
    let sizes = |key| -> Vec<usize> { found.cells.get(key).unwrap().iter().map(size).collect() };
    // c8's origin is in December, outside both periods.
    assert_eq!(sizes(0), [3, 1]);
    assert_eq!(sizes(1), [2, 0]);
}
