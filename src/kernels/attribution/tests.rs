//! Attribution: the worked example by every rule, books, exactness, slices.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::kernels::testkit::{Ledger, Movement, Names, at, owners, periods};
use crate::kernels::{AxisGroups, Filter, OwnerColumns, Presented};
use crate::values::Scalar;

const HALF_YEAR: [&str; 2] = ["2024-01-01", "2024-07-01"];
const MONTHS: [&str; 7] = [
    "2024-01-01",
    "2024-02-01",
    "2024-03-01",
    "2024-04-01",
    "2024-05-01",
    "2024-06-01",
    "2024-07-01",
];

/// Owners' names and assignments as (customer, owner, share in tenths, from, to or "").
struct Team {
    names: Names,
    facts: OwnerFacts,
}

fn team(ledger: &Ledger, rows: &[(&str, &str, Option<i64>, &str, &str)]) -> Team {
    let mut names = Names::default();
    for owner in ["cat", "bob", "ann"] {
        names.code(owner);
    }
    let columns = OwnerColumns {
        customer: rows.iter().map(|row| ledger.customers.of(row.0)).collect(),
        owner: rows.iter().map(|row| names.of(row.1)).collect(),
        share: rows.iter().map(|row| row.2).collect(),
        scale: 1,
        from: rows.iter().map(|row| at(row.3)).collect(),
        to: rows.iter().map(|row| if row.4.is_empty() { i64::MAX } else { at(row.4) }).collect(),
    };
    let facts = OwnerFacts::new(ledger.customers.len(), &columns, vec![2, 1, 0]);
    Team { names, facts }
}

/// X is handed over on 15 March, Y is shared 60/40, Z has nobody.
fn handover() -> (Ledger, Team) {
    let ledger = Ledger::of(&[
        ("X", "core", "2023-12-01", "new", "", 500_00),
        ("Y", "core", "2023-12-01", "new", "", 500_00),
        ("Z", "core", "2023-12-01", "new", "", 500_00),
        ("X", "core", "2024-02-10", "expansion", "seat", 100_00),
        ("X", "core", "2024-03-15", "expansion", "feature", 200_00),
        ("X", "core", "2024-04-01", "expansion", "seat", 50_00),
        ("Y", "core", "2024-03-20", "expansion", "use_case", 100_00),
        ("Z", "core", "2024-03-25", "expansion", "", 40_00),
    ]);
    let team = team(
        &ledger,
        &[
            ("X", "ann", Some(10), "2024-01-01", "2024-03-15"),
            ("X", "bob", Some(10), "2024-03-15", ""),
            ("Y", "ann", Some(6), "2024-01-01", ""),
            ("Y", "cat", Some(4), "2024-01-01", ""),
        ],
    );
    (ledger, team)
}

fn ask<'a>(
    rule: AttributionRule,
    team: &'a Team,
    periods: &'a [Span],
    slicer: &'a Slicer,
) -> AttributionAsk<'a> {
    static NOBODY: std::sync::LazyLock<Presenters> = std::sync::LazyLock::new(Presenters::default);
    AttributionAsk {
        rule,
        owners: &team.facts,
        presenters: &NOBODY,
        periods,
        as_of: i64::MAX,
        end: at("2024-04-02"),
        book: Book::Kept,
        slicer,
    }
}

fn warnings(found: &Attribution) -> Vec<String> {
    found.anomalies().warnings("customer", &owners("csm_assignments", "csm_id", Some("share")))
}

/// By owner's name ("" = unassigned), summed over groups and periods.
fn by_owner<T: std::ops::AddAssign + Default>(
    found: &Attribution,
    team: &Team,
    value: impl Fn(&Credit) -> T,
) -> BTreeMap<&'static str, T> {
    let mut sums: BTreeMap<&'static str, T> = BTreeMap::new();
    for (_, owner, credits) in found.iter() {
        let name = ["ann", "bob", "cat"].into_iter().find(|name| team.names.of(name) == owner);
        for credit in credits {
            *sums.entry(name.unwrap_or_default()).or_default() += value(credit);
        }
    }
    sums
}

fn credited(rule: AttributionRule, days: &[&str]) -> BTreeMap<&'static str, i128> {
    let (ledger, team) = handover();
    let (periods, slicer) = (periods(days), Slicer::default());
    let found = attribute(&ledger.facts, &ask(rule, &team, &periods, &slicer));
    assert!(warnings(&found).is_empty());
    by_owner(&found, &team, |credit| credit.credited)
}

fn amounts(of: &[(&'static str, i128)]) -> BTreeMap<&'static str, i128> {
    of.iter().copied().collect()
}

#[test]
fn the_worked_example_by_every_rule() {
    let at_event = amounts(&[("ann", 160_00), ("bob", 250_00), ("cat", 40_00), ("", 40_00)]);
    assert_eq!(credited(AttributionRule::OwnerAtEvent, &HALF_YEAR), at_event);
    assert_eq!(credited(AttributionRule::OwnerAtEvent, &MONTHS), at_event);
    let current = amounts(&[("ann", 60_00), ("bob", 350_00), ("cat", 40_00), ("", 40_00)]);
    assert_eq!(credited(AttributionRule::CurrentOwner, &HALF_YEAR), current);
    let at_start = amounts(&[("ann", 360_00), ("bob", 50_00), ("cat", 40_00), ("", 40_00)]);
    assert_eq!(credited(AttributionRule::OwnerAtPeriodStart, &MONTHS), at_start);
}

#[test]
fn as_of_bounds_expansions_and_assignments() {
    let (ledger, team) = handover();
    let (periods, slicer) = (periods(&HALF_YEAR), Slicer::default());
    let end = at("2024-03-15");
    let asked = AttributionAsk {
        as_of: end,
        end,
        ..ask(AttributionRule::CurrentOwner, &team, &periods, &slicer)
    };
    let found = attribute(&ledger.facts, &asked);
    let credited = by_owner(&found, &team, |credit| credit.credited);
    assert_eq!(credited, amounts(&[("ann", 100_00), ("cat", 0), ("", 0)]));
}

#[test]
fn events_and_customers_count_in_each_owner_s_row() {
    let (ledger, team) = handover();
    let (periods, slicer) = (periods(&HALF_YEAR), Slicer::default());
    let asked = ask(AttributionRule::OwnerAtEvent, &team, &periods, &slicer);
    let found = attribute(&ledger.facts, &asked);
    let events = by_owner(&found, &team, |credit| i128::from(credit.events));
    assert_eq!(events, amounts(&[("ann", 2), ("bob", 2), ("cat", 1), ("", 1)]));
    let customers = by_owner(&found, &team, |credit| i128::from(credit.customers));
    assert_eq!(customers, amounts(&[("ann", 2), ("bob", 1), ("cat", 1), ("", 1)]));
}

#[test]
fn the_book_is_what_was_owned_at_the_start() {
    let (ledger, team) = handover();
    let (periods, slicer) = (periods(&HALF_YEAR), Slicer::default());
    let asked = ask(AttributionRule::CurrentOwner, &team, &periods, &slicer);
    let found = attribute(&ledger.facts, &asked);
    assert!(found.has_book);
    let accounts = by_owner(&found, &team, |credit| i128::from(credit.accounts));
    assert_eq!(accounts, amounts(&[("ann", 2), ("bob", 0), ("cat", 1), ("", 1)]));
    // Ann: X 500 → 850 whole, Y 500 → 600 at 60 %.
    let cohort = by_owner(&found, &team, |credit| credit.cohort);
    assert_eq!(cohort, amounts(&[("ann", 800_00), ("bob", 0), ("cat", 200_00), ("", 500_00)]));
    let kept = by_owner(&found, &team, |credit| credit.retained);
    assert_eq!(kept, amounts(&[("ann", 1_210_00), ("bob", 0), ("cat", 240_00), ("", 540_00)]));
    let without = attribute(&ledger.facts, &AttributionAsk { book: Book::Nothing, ..asked });
    assert!(!without.has_book);
    assert_eq!(by_owner(&without, &team, |credit| credit.accounts).values().sum::<i64>(), 0);
}

#[test]
fn the_presenter_of_the_accepted_offer() {
    let (mut ledger, team) = handover();
    let (periods, slicer) = (periods(&HALF_YEAR), Slicer::default());
    // Every expansion of X comes from offer 0, Y's from offer 1, which was not accepted.
    let x = ledger.facts.rows_of(ledger.customers.of("X") as usize);
    let y = ledger.facts.rows_of(ledger.customers.of("Y") as usize);
    ledger.facts.offer = (0..ledger.facts.time.len())
        .map(|row| {
            if x.contains(&row) {
                0
            } else if y.contains(&row) {
                1
            } else {
                NONE
            }
        })
        .collect();
    let presented = Presented { offer: 0, presenter: team.names.of("cat"), at: 0 };
    let presenters = Presenters::new(vec![presented], &[2, 1, 0]);
    let asked = AttributionAsk {
        presenters: &presenters,
        book: Book::Nothing,
        ..ask(AttributionRule::OfferOwner, &team, &periods, &slicer)
    };
    let found = attribute(&ledger.facts, &asked);
    let credited = by_owner(&found, &team, |credit| credit.credited);
    assert_eq!(credited, amounts(&[("cat", 350_00), ("", 140_00)]));
}

#[test]
fn credits_are_exact_to_the_cent_and_oddities_are_told() {
    let ledger = Ledger::of(&[
        ("p", "core", "2024-01-02", "new", "", 10_00),
        ("p", "core", "2024-01-03", "expansion", "", 10_01),
        ("p", "core", "2024-01-04", "expansion", "", -3),
        ("q", "core", "2024-01-02", "new", "", 10_00),
        ("q", "core", "2024-01-03", "expansion", "", 1_00),
    ]);
    let team = team(
        &ledger,
        &[
            ("p", "bob", None, "2024-01-01", ""),
            ("p", "ann", None, "2024-01-01", ""),
            ("q", "ann", Some(5), "2024-01-01", ""),
            ("q", "bob", Some(7), "2024-01-01", ""),
        ],
    );
    let (periods, slicer) = (periods(&HALF_YEAR), Slicer::default());
    let asked = ask(AttributionRule::OwnerAtEvent, &team, &periods, &slicer);
    let found = attribute(&ledger.facts, &asked);
    // p: 5.01 and 5.00, then −0.02 and −0.01; q: 100 · 5/12 = 41.67, 100 · 7/12 = 58.33.
    let credited = by_owner(&found, &team, |credit| credit.credited);
    assert_eq!(credited, amounts(&[("ann", 4_99 + 42), ("bob", 4_99 + 58)]));
    assert_eq!(warnings(&found).len(), 2);
    assert!(warnings(&found).iter().all(|text| text.starts_with("1 customer(s) had")));

    // Nothing is told about customers that the filter holds back.
    let only_p = Filter::Mask(Axis::Customer, vec![true, false, false]);
    let slicer = Slicer::new(vec![], Some(only_p));
    let found = attribute(&ledger.facts, &AttributionAsk { slicer: &slicer, ..asked });
    assert_eq!(warnings(&found).len(), 1);
}

#[test]
fn groups_by_kind_and_owner_add_up() {
    let (ledger, team) = handover();
    let periods = periods(&HALF_YEAR);
    let kinds = AxisGroups {
        axis: Axis::Kind,
        by_code: (0..=ledger.kinds.len()).map(|code| Code::try_from(code).unwrap()).collect(),
        values: ["seat", "feature", "use_case", ""].map(|kind| vec![Scalar::text(kind)]).to_vec(),
        positions: vec![0],
    };
    let not_bob = Filter::Mask(Axis::Owner, vec![true, false, true, true]);
    let slicer = Slicer::new(vec![kinds], Some(not_bob));
    let asked = ask(AttributionRule::OwnerAtEvent, &team, &periods, &slicer);
    let found = attribute(&ledger.facts, &asked);
    assert!(!found.has_book);
    let mut rows: Vec<_> =
        found.iter().map(|(kind, owner, credits)| (kind, owner, credits[0].credited)).collect();
    rows.sort_unstable();
    let (ann, cat) = (team.names.of("ann"), team.names.of("cat"));
    assert_eq!(rows, [(0, ann, 100_00), (2, cat, 40_00), (2, ann, 60_00), (3, NONE, 40_00)]);
}

#[test]
fn without_a_ledger_rises_of_the_balance_are_credited() {
    let movements: [Movement; 4] = [
        ("X", "core", "2023-12-01", "new", "", 500_00),
        ("X", "core", "2024-02-10", "expansion", "seat", 100_00),
        ("X", "addon", "2024-02-10", "contraction", "", -30_00),
        ("X", "core", "2024-03-15", "churn", "", -570_00),
    ];
    let ledger = Ledger::of(&movements);
    let team = team(&ledger, &[("X", "bob", None, "2024-01-01", "")]);
    let ledger = ledger.unrecorded();
    let (periods, slicer) = (periods(&HALF_YEAR), Slicer::default());
    let asked = ask(AttributionRule::OwnerAtEvent, &team, &periods, &slicer);
    let found = attribute(&ledger.facts, &asked);
    let bob: Vec<_> = found.iter().collect();
    assert_eq!(bob.len(), 1);
    let credit = &bob[0].2[0];
    assert_eq!((credit.credited, credit.events, credit.customers), (70_00, 1, 1));
    assert_eq!((credit.accounts, credit.cohort, credit.retained), (1, 500_00, 0));
}

/// (customer, product, day, is an expansion, minor units) of a movement.
type Drawn = (usize, usize, u32, bool, i64);

fn drawn_ledger(movements: &[Drawn]) -> Ledger {
    let days: Vec<_> = movements.iter().map(|each| format!("2024-0{}-15", each.2)).collect();
    let rows: Vec<Movement> = movements
        .iter()
        .zip(&days)
        .map(|((customer, product, _, expansion, amount), day)| {
            let class = if *expansion { "expansion" } else { "new" };
            (
                ["X", "Y", "Z"][*customer],
                ["core", "addon"][*product],
                day.as_str(),
                class,
                "",
                *amount,
            )
        })
        .collect();
    Ledger::with_customers(&["X", "Y", "Z"], &rows)
}

/// Group, owner, and what each was credited in each period.
type Credits = Vec<(u64, Code, Vec<(i128, i64)>)>;

/// Who has a row, and how much was credited to them.
fn owners_in(found: &Attribution) -> Credits {
    let credited = |credit: &Credit| (credit.credited, credit.events);
    let rows = found.iter().map(|(group, owner, credits)| {
        (group, owner, credits.iter().map(credited).collect::<Vec<_>>())
    });
    let mut rows: Vec<_> = rows.collect();
    rows.sort();
    rows
}

proptest! {
    #[test]
    fn credits_sum_to_the_expansion_in_every_period_under_every_rule(
        movements in prop::collection::vec(
            (0..3_usize, 0..2_usize, 1..7_u32, any::<bool>(), -500..1_000_i64), 1..12),
        assigned in prop::collection::vec(
            (0..3_usize, 0..3_usize, prop::option::of(0..12_i64), 1..7_u32, 0..7_u32), 0..8),
    ) {
        let ledger = drawn_ledger(&movements);
        let dates: Vec<_> = assigned
            .iter()
            .map(|row| (format!("2024-0{}-01", row.3), row.3 + row.4))
            .map(|(from, to)| (from, if to < 9 { format!("2024-0{to}-20") } else { String::new() }))
            .collect();
        let rows: Vec<_> = assigned
            .iter()
            .zip(&dates)
            .map(|((customer, owner, share, ..), (from, to))| {
                let names = (["X", "Y", "Z"][*customer], ["ann", "bob", "cat"][*owner]);
                (names.0, names.1, *share, from.as_str(), to.as_str())
            })
            .collect();
        let team = team(&ledger, &rows);
        let (periods, slicer) = (periods(&MONTHS), Slicer::default());
        for rule in [
            AttributionRule::OwnerAtEvent,
            AttributionRule::CurrentOwner,
            AttributionRule::OwnerAtPeriodStart,
            AttributionRule::OfferOwner,
        ] {
            let asked = ask(rule, &team, &periods, &slicer);
            let found = attribute(&ledger.facts, &asked);
            let whose = attribute(&ledger.facts, &AttributionAsk { book: Book::OnlyWhose, ..asked });
            prop_assert_eq!(owners_in(&whose), owners_in(&found));
            for (period, month) in (1..).zip(0..periods.len()) {
                let expansion: i64 =
                    movements.iter().filter(|each| each.3 && each.2 == period).map(|each| each.4).sum();
                let credited: i128 = found.iter().map(|(.., credits)| credits[month].credited).sum();
                prop_assert_eq!(credited, i128::from(expansion));
                let start = periods[month].start;
                let cohort: i64 = (0..ledger.facts.customers())
                    .map(|customer| {
                        let rows = ledger.facts.rows_before(customer, start);
                        ledger.facts.amount[rows].iter().sum::<i64>().max(0)
                    })
                    .sum();
                let owned: i128 = found.iter().map(|(.., credits)| credits[month].cohort).sum();
                prop_assert_eq!(owned, i128::from(cohort));
            }
        }
    }
}
