//! Cohorts by hand: returning customers, the edges of instants and periods, groups, what is left out.

use super::*;
use crate::kernels::testkit::{Ledger, at};
use crate::kernels::{Axis, AxisGroups};
use crate::values::Scalar;

/// a leaves and returns, b shrinks, f starts late; c leaves at an instant that is looked at.
fn ledger() -> (Ledger, Vec<Option<i64>>) {
    let ledger = Ledger::of(&[
        ("a", "core", "2024-01-10", "new", "", 100_00),
        ("a", "seat", "2024-02-10", "expansion", "", 20_00),
        ("a", "core", "2024-03-05", "churn", "", -100_00),
        ("a", "seat", "2024-03-05", "churn", "", -20_00),
        ("a", "core", "2024-04-02", "reactivation", "", 90_00),
        ("b", "core", "2024-01-20", "new", "", 50_00),
        ("b", "core", "2024-03-10", "contraction", "", -10_00),
        ("c", "core", "2024-02-05", "new", "", 200_00),
        ("c", "core", "2024-04-01", "churn", "", -200_00),
        ("e", "core", "2024-01-05", "new", "", 70_00),
        ("f", "core", "2024-03-15", "new", "", 30_00),
    ]);
    let day = |text: &str| Some(at(text));
    // In the order of the names: a, b, c, e, f.
    let acquired = vec![day("2024-01-10"), day("2024-01-31"), day("2024-02-01"), None];
    let acquired = acquired.into_iter().chain([day("2024-01-25")]).collect();
    (ledger, acquired)
}

fn cohort(start: &str, end: &str, instants: &[&str]) -> Cohort {
    let acquired = Span { start: at(start), end: at(end) };
    Cohort { acquired, instants: instants.iter().map(|day| at(day)).collect() }
}

fn monthly() -> Vec<Cohort> {
    let ends = ["2024-02-01", "2024-03-01", "2024-04-01", "2024-05-01"];
    vec![cohort("2024-01-01", "2024-02-01", &ends), cohort("2024-02-01", "2024-03-01", &ends[1..])]
}

fn follow(cohorts_asked: &[Cohort], as_of: i64, slicer: &Slicer) -> Cohorts {
    let (ledger, acquired) = ledger();
    let ask = CohortAsk { acquired: &acquired, cohorts: cohorts_asked, as_of };
    let found = cohorts(&ledger.facts, &ask, slicer);
    assert_eq!(found.cells.groups(), cohort_groups(&ask, slicer));
    found
}

/// (amount, customers, retained) by age.
fn ages(found: &Cohorts, group: u64, cohort: usize) -> Vec<(i128, i64, i64)> {
    let cells = found.cells.get(group).unwrap();
    found.ages(cells, cohort).iter().map(|c| (c.amount, c.customers, c.retained)).collect()
}

#[test]
fn customers_stay_in_the_cohort_of_their_acquisition() {
    let found = follow(&monthly(), i64::MAX, &Slicer::default());
    let january = [(150_00, 2, 2), (170_00, 2, 2), (70_00, 2, 1), (160_00, 3, 2)];
    assert_eq!(ages(&found, 0, 0), january);
    // The churn on 1 April is not yet known at that instant.
    assert_eq!(ages(&found, 0, 1), [(200_00, 1, 1), (200_00, 1, 1), (0, 0, 0)]);
    assert_eq!((found.without_acquisition, found.outside), (1, 0));
}

#[test]
fn what_happens_from_as_of_on_does_not_exist() {
    let found = follow(&monthly(), at("2024-03-01"), &Slicer::default());
    assert_eq!(ages(&found, 0, 0)[2], (170_00, 2, 2));
    assert_eq!(ages(&found, 0, 1)[2], (200_00, 1, 1));
}

#[test]
fn a_cohort_too_young_to_be_seen_has_no_cells() {
    let mut asked = monthly();
    asked[1].instants.clear();
    let found = follow(&asked, i64::MAX, &Slicer::default());
    assert_eq!(ages(&found, 0, 1), []);
    assert_eq!(found.outside, 1);
}

#[test]
fn groups_are_parts_of_the_whole() {
    let by_size = AxisGroups {
        axis: Axis::Customer,
        by_code: vec![0, 1, 0, 1, 0, 2],
        values: vec![vec![Scalar::text("SMB")], vec![Scalar::text("ENT")], vec![Scalar::Null]],
        positions: vec![0],
    };
    let found = follow(&monthly(), i64::MAX, &Slicer::new(vec![by_size], None));
    let smb = [(100_00, 1, 1), (120_00, 1, 1), (30_00, 1, 0), (120_00, 2, 1)];
    assert_eq!(ages(&found, 0, 0), smb);
    assert_eq!(ages(&found, 1, 0), [(50_00, 1, 1), (50_00, 1, 1), (40_00, 1, 1), (40_00, 1, 1)]);
    assert_eq!(ages(&found, 1, 1), [(0, 0, 0); 3]);
}
