//! Retention: the worked example, ties and bounds, and runs of windows against single ones.

use proptest::prelude::*;

use super::super::Changes;
use super::super::testkit::{Ledger, at, eight_customers, periods};
use super::super::units::{UnitState, walk};
use super::*;

fn february(ledger: &Ledger, by_ledger: bool, by_product: bool) -> RetentionCell {
    let windows = periods(&["2024-02-01", "2024-03-01"]);
    let ask =
        RetentionAsk { windows: &windows, by_ledger, by_product, as_of: i64::MAX, owners: None };
    let cells = retention(&ledger.facts, &ask, &Slicer::default());
    cells.iter().next().unwrap().1[0]
}

fn waterfall(cell: &RetentionCell) -> [i128; 7] {
    [
        cell.starting,
        cell.new,
        cell.reactivation,
        cell.expansion,
        cell.contraction,
        cell.churn,
        cell.ending,
    ]
}

#[test]
fn eight_customers_under_every_method_and_unit() {
    let ledger = eight_customers();
    let gross = february(&ledger, true, false);
    assert_eq!(waterfall(&gross), [430_00, 65_00, 25_00, 63_00, 30_00, 40_00, 513_00]);
    assert_eq!((gross.retained, gross.gross_retained), (423_00, 380_00));
    assert_eq!((gross.customers, gross.churned_customers, gross.expanded_customers), (6, 1, 3));

    let net = february(&ledger, false, false);
    assert_eq!(waterfall(&net), [430_00, 65_00, 25_00, 43_00, 10_00, 40_00, 513_00]);
    assert_eq!((net.retained, net.gross_retained), (423_00, 380_00));
    assert_eq!(net.expanded_customers, 3);

    let lines = february(&ledger, true, true);
    assert_eq!(waterfall(&lines), [430_00, 65_00, 25_00, 63_00, 30_00, 40_00, 513_00]);
    assert_eq!((lines.retained, lines.gross_retained), (423_00, 360_00));
    assert_eq!((lines.customers, lines.churned_customers, lines.expanded_customers), (7, 1, 3));
    assert_eq!(waterfall(&february(&ledger, false, true)), waterfall(&lines));
}

#[test]
fn a_return_inside_the_window_counts_in_churn_and_in_cohort_reactivation() {
    let ledger = Ledger::of(&[
        ("a", "core", "2024-01-01", "new", "", 100_00),
        ("a", "core", "2024-02-05", "churn", "", -100_00),
        ("a", "core", "2024-02-20", "new", "", 80_00),
    ]);
    let cell = february(&ledger, true, false);
    assert_eq!(waterfall(&cell), [100_00, 0, 80_00, 0, 0, 100_00, 80_00]);
    assert_eq!((cell.retained, cell.cohort_reactivation), (80_00, 80_00));
    assert_eq!(cell.churned_customers, 0);
}

#[test]
fn movements_at_one_instant_are_netted_before_activity_is_judged() {
    let ledger = Ledger::of(&[
        ("a", "core", "2024-01-01", "new", "", 50_00),
        ("a", "core", "2024-01-01", "contraction", "", -50_00),
        ("a", "core", "2024-02-10", "new", "", 20_00),
    ]);
    let cell = february(&ledger, true, false);
    assert_eq!((cell.new, cell.reactivation), (20_00, 0));
}

#[test]
fn as_of_hides_what_happened_at_or_after_it() {
    let ledger = eight_customers();
    let windows = periods(&["2024-02-01", "2024-03-01"]);
    let ask = RetentionAsk {
        windows: &windows,
        by_ledger: true,
        by_product: false,
        as_of: at("2024-02-05"),
        owners: None,
    };
    let cells = retention(&ledger.facts, &ask, &Slicer::default());
    let cell = cells.iter().next().unwrap().1[0];
    assert_eq!(waterfall(&cell), [430_00, 0, 0, 30_00, 20_00, 0, 440_00]);
}

/// Each window of each unit by itself, from its states at both ends.
fn window_by_window(facts: &BalanceFacts, ask: &RetentionAsk) -> Vec<RetentionCell> {
    let at = |customer: usize, at: i64| {
        let mut states = [UnitState::default()];
        walk(facts, facts.rows_before(customer, ask.as_of), &[at], &mut states);
        states[0]
    };
    let cell = |window: &Span| {
        let mut cell = RetentionCell::default();
        for customer in 0..facts.customers() {
            let (start, end) = (at(customer, window.start), at(customer, window.end));
            cell.merge(Sums::of(&piece::<i128>(&start, &end, ask.by_ledger)));
        }
        cell
    };
    ask.windows.iter().map(cell).collect()
}

proptest! {
    #[test]
    fn runs_of_windows_are_the_windows_one_by_one(
        rows in prop::collection::vec((0..4_u32, 0..40_i64, -60..80_i64, 0..5_u8), 1..40),
        windows in prop::collection::vec((0..45_i64, 1..30_i64), 0..12),
        arrangement in 0..3_u8,
        (by_ledger, narrow, recorded) in any::<(bool, bool, bool)>(),
        as_of in prop_oneof![Just(i64::MAX), 0..40_i64],
    ) {
        let changes = Changes {
            customer: rows.iter().map(|row| row.0).collect(),
            time: rows.iter().map(|row| row.1).collect(),
            amount: rows.iter().map(|row| row.2).collect(),
            class: rows.iter().map(|row| row.3).collect(),
            ..Changes::default()
        };
        let mut facts = BalanceFacts::sorted(&[changes]);
        facts.recorded = recorded;
        if !recorded {
            facts.class.clear();
        }
        facts.gross = facts.gross.filter(|_| narrow);
        let mut windows: Vec<Span> =
            windows.iter().map(|(start, length)| Span { start: *start, end: start + length }).collect();
        if arrangement == 1 {
            windows.sort_by_key(|window| window.start);
            let length = windows.first().map_or(1, |first| first.end - first.start);
            for window in &mut windows {
                window.end = window.start + length;
            }
        }
        if arrangement == 2 {
            let mut at = windows.first().map_or(0, |first| first.start);
            for window in &mut windows {
                let length = window.end - window.start;
                *window = Span { start: at, end: at + length };
                at += length;
            }
        }
        let ask = RetentionAsk { windows: &windows, by_ledger, by_product: false, as_of, owners: None };
        let found = retention(&facts, &ask, &Slicer::default());
        let none = vec![RetentionCell::default(); windows.len()];
        prop_assert_eq!(found.get(0).unwrap_or(&none), &window_by_window(&facts, &ask)[..]);
    }
}

proptest! {
    /// Facts that grow, at their end and before it, asked for windows of which some were asked before.
    #[test]
    fn kept_walks_that_go_on_are_walks_from_the_start(
        rows in prop::collection::vec((0..5_u32, 0..40_i64, -60..80_i64, 0..5_u8, 0..3_u32), 1..40),
        splits in prop::collection::vec(0..45_i64, 1..4),
        late in prop::option::of((0..5_u32, 0..40_i64)),
        lengths in prop::collection::vec(1..9_i64, 1..10),
        asked in prop::collection::vec((0..10_usize, any::<bool>(), any::<bool>()), 1..9),
    ) {
        let facts_of = |rows: &[(u32, i64, i64, u8, u32)]| {
            let changes = Changes {
                customer: rows.iter().map(|row| row.0).collect(),
                time: rows.iter().map(|row| row.1).collect(),
                amount: rows.iter().map(|row| row.2).collect(),
                class: rows.iter().map(|row| row.3).collect(),
                product: rows.iter().map(|row| row.4).collect(),
                ..Changes::default()
            };
            BalanceFacts { recorded: true, ..BalanceFacts::sorted(&[changes]) }
        };
        let mut at = 3;
        let windows: Vec<Span> = lengths
            .iter()
            .map(|length| {
                at += length;
                Span { start: at - length, end: at }
            })
            .collect();
        let mut splits = splits;
        splits.sort_unstable();
        splits.push(i64::MAX);
        let mut from = i64::MIN;
        let mut facts: Option<BalanceFacts> = None;
        for (part, until) in splits.into_iter().enumerate() {
            let mut added: Vec<_> =
                rows.iter().copied().filter(|row| from <= row.1 && row.1 < until).collect();
            added.extend(late.filter(|_| part == 1).map(|(customer, at)| (customer, at, 7, 1, 0)));
            let grown = match facts.take() {
                Some(known) => known.with_added(&facts_of(&added)),
                None => facts_of(&added),
            };
            let facts = facts.insert(BalanceFacts { recorded: true, ..grown });
            from = until;
            for (count, by_ledger, by_product) in &asked {
                let windows = &windows[..(*count).min(windows.len())];
                let (by_ledger, by_product) = (*by_ledger, *by_product);
                let as_of = i64::MAX;
                let ask = RetentionAsk { windows, by_ledger, by_product, as_of, owners: None };
                let slicer = Slicer::default();
                let whole = retention(facts, &ask, &slicer);
                for _ in 0..2 {
                    let kept = retention_kept(facts, &ask, &slicer);
                    prop_assert_eq!(kept.get(0), whole.get(0));
                }
            }
        }
    }
}
