//! What the tables say: ledger, balances, intervals, customers, offers and owners agree.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::super::catalogue::ExpansionType;
use super::super::table::Table;
use super::super::timeline::{Month, Timeline};
use super::{CUSTOMERS, MONTHS, Row, Value, read, warehouse};

type Balances = BTreeMap<(String, String), i128>;

fn unit(row: &Row) -> (String, String) {
    (row["customer_id"].text().to_owned(), row["product_id"].text().to_owned())
}

/// Balances that are not zero just before an instant, from the ledger.
fn ledger_balances(movements: &[Row], before: i64) -> Balances {
    let mut balances = Balances::new();
    for row in movements.iter().filter(|row| row["occurred_at"].instant() < before) {
        *balances.entry(unit(row)).or_default() += row["amount"].int();
    }
    balances.retain(|_, balance| *balance != 0);
    balances
}

/// Balances just before an instant, from the intervals that were valid then.
fn interval_balances(intervals: &[Row], before: i64) -> Balances {
    let mut balances = Balances::new();
    for row in intervals {
        let ended = row["valid_to"] != Value::Null && row["valid_to"].instant() < before;
        if row["valid_from"].instant() < before && !ended {
            let earlier = balances.insert(unit(row), row["mrr"].int());
            assert_eq!(earlier, None, "two intervals of {:?} at once", unit(row));
        }
    }
    balances
}

#[test]
fn ledger_snapshots_and_intervals_agree_to_the_cent() {
    let dir = warehouse(MONTHS);
    let movements = read(dir.path(), Table::MrrMovements);
    let intervals = read(dir.path(), Table::Subscriptions);
    let snapshots = read(dir.path(), Table::SubscriptionMonths);
    let timeline = Timeline::new(CUSTOMERS);
    for month in 0..MONTHS {
        let end = timeline.start(Month(month + 1));
        let day = i128::from(Month(month).first_day().to_epoch_days());
        let snapshot: Balances = snapshots
            .iter()
            .filter(|row| row["month"].int() == day)
            .map(|row| (unit(row), row["mrr"].int()))
            .collect();
        assert!(snapshot.len() > 100 && snapshot.values().all(|balance| *balance > 0));
        assert_eq!(ledger_balances(&movements, end), snapshot, "month {month}");
        assert_eq!(interval_balances(&intervals, end), snapshot, "month {month}");
    }
    let instants: BTreeSet<i64> =
        movements.iter().step_by(17).map(|row| row["occurred_at"].instant()).collect();
    for at in instants {
        assert_eq!(ledger_balances(&movements, at), interval_balances(&intervals, at), "at {at}");
    }
}

#[test]
fn every_class_and_type_occurs_with_the_sign_of_its_class() {
    let dir = warehouse(36);
    let movements = read(dir.path(), Table::MrrMovements);
    let mut classes = BTreeSet::new();
    let mut types = BTreeSet::new();
    for row in &movements {
        let class = row["movement"].text();
        let falls = matches!(class, "contraction" | "churn");
        assert_eq!(row["amount"].int() < 0, falls, "{row:?}");
        assert_ne!(row["amount"].int(), 0);
        classes.insert(class.to_owned());
        match class {
            "expansion" => {
                types.insert(row["expansion_type"].clone());
            }
            _ => assert_eq!(row["expansion_type"], Value::Null),
        }
    }
    assert_eq!(classes.len(), 5, "{classes:?}");
    let others = [ExpansionType::Price, ExpansionType::Renewal];
    let known = ExpansionType::CHOSEN.iter().chain(&others);
    let mut expected: BTreeSet<_> =
        known.map(|kind| Value::Text(kind.as_str().to_owned())).collect();
    expected.insert(Value::Null);
    assert_eq!(types, expected);
}

#[test]
fn classes_tell_the_story_of_the_balance() {
    let dir = warehouse(36);
    let mut movements = read(dir.path(), Table::MrrMovements);
    movements.sort_by_key(|row| (row["customer_id"].clone(), row["occurred_at"].clone()));
    let mut balances: HashMap<String, i128> = HashMap::new();
    let by_instant = |a: &Row, b: &Row| {
        (&a["customer_id"], &a["occurred_at"]) == (&b["customer_id"], &b["occurred_at"])
    };
    for instant in movements.chunk_by(by_instant) {
        let customer = instant[0]["customer_id"].text().to_owned();
        let before = balances.get(&customer).copied();
        let after =
            before.unwrap_or(0) + instant.iter().map(|row| row["amount"].int()).sum::<i128>();
        let has = |class| instant.iter().any(|row| row["movement"].text() == class);
        assert_eq!(has("new"), before.is_none(), "{customer}: new is the first movement");
        assert_eq!(has("reactivation"), before == Some(0), "{customer}: returns from nothing");
        assert_eq!(has("churn"), after == 0, "{customer}: churn leaves nothing");
        balances.insert(customer, after);
    }
}

#[test]
fn customers_begin_with_their_first_movement() {
    let dir = warehouse(36);
    let customers = read(dir.path(), Table::Customers);
    let mut first: HashMap<String, i64> = HashMap::new();
    for row in read(dir.path(), Table::MrrMovements) {
        let at = row["occurred_at"].instant();
        let earliest = first.entry(row["customer_id"].text().to_owned()).or_insert(at);
        *earliest = at.min(*earliest);
    }
    assert_eq!(customers.len(), CUSTOMERS as usize);
    assert_eq!(first.len(), customers.len());
    for row in &customers {
        let day = first[row["customer_id"].text()].div_euclid(crate::values::MICROS_PER_DAY);
        assert_eq!(row["acquired_on"].int(), i128::from(day));
    }
    let segments: BTreeSet<_> = customers.iter().map(|row| row["segment"].clone()).collect();
    assert_eq!(segments.len(), 4, "three segments and the unknown: {segments:?}");
    let spend = read(dir.path(), Table::AcquisitionSpend);
    let total = |rows: &[Row], column: &str| rows.iter().map(|row| row[column].int()).sum::<i128>();
    assert_eq!(total(&spend, "amount"), total(&customers, "acquisition_cost"));
}

#[test]
fn accepted_offers_and_movements_point_at_each_other() {
    let dir = warehouse(MONTHS);
    let offers: HashMap<String, Row> = read(dir.path(), Table::Offers)
        .into_iter()
        .map(|row| (row["offer_id"].text().to_owned(), row))
        .collect();
    let mut accepted: BTreeSet<_> = offers
        .values()
        .filter(|row| row["outcome"].text() == "accepted")
        .map(|row| row["offer_id"].text())
        .collect();
    assert!(accepted.len() > 20 && accepted.len() < offers.len());
    let movements = read(dir.path(), Table::MrrMovements);
    for row in movements.iter().filter(|row| row["offer_id"] != Value::Null) {
        let offer = &offers[row["offer_id"].text()];
        assert!(accepted.remove(row["offer_id"].text()), "an offer leads to one movement");
        assert_eq!(offer["responded_at"], row["occurred_at"]);
        assert!(offer["presented_at"] <= row["occurred_at"]);
        assert_eq!((unit(offer), &offer["amount"]), (unit(row), &row["amount"]));
    }
    assert!(accepted.is_empty(), "accepted without a movement: {accepted:?}");
    for offer in offers.values() {
        let ignored = offer["outcome"].text() == "ignored";
        assert_eq!(offer["responded_at"] == Value::Null, ignored);
    }
}

#[test]
fn given_shares_of_an_account_add_up() {
    let dir = warehouse(36);
    let mut teams: BTreeMap<(Value, Value), Vec<Value>> = BTreeMap::new();
    let assignments = read(dir.path(), Table::CsmAssignments);
    for row in &assignments {
        let key = (row["customer_id"].clone(), row["valid_from"].clone());
        teams.entry(key).or_default().push(row["share"].clone());
    }
    let (mut given, mut missing) = (0, 0);
    for shares in teams.values().filter(|shares| shares.len() == 2) {
        if shares.contains(&Value::Null) {
            missing += 1;
        } else {
            given += 1;
            assert_eq!(shares.iter().map(Value::int).sum::<i128>(), 1_000_000, "{shares:?}");
        }
    }
    let sizes: BTreeSet<_> = teams.values().map(Vec::len).collect();
    assert_eq!(sizes, BTreeSet::from([1, 2]));
    assert!(given > 0 && missing > 0, "{given} {missing}");
    let owned: BTreeSet<_> = assignments.iter().map(|row| row["customer_id"].text()).collect();
    assert!(owned.len() < CUSTOMERS as usize, "some accounts have no owner");
    let open = assignments.iter().filter(|row| row["valid_to"] == Value::Null).count();
    assert!(open > 0 && open < assignments.len());
}

#[test]
fn keys_are_unique() {
    let dir = warehouse(MONTHS);
    let keys = [
        (Table::Customers, vec!["customer_id"]),
        (Table::Customers, vec!["name"]),
        (Table::MrrMovements, vec!["movement_id"]),
        (Table::SubscriptionMonths, vec!["month", "customer_id", "product_id"]),
        (Table::Subscriptions, vec!["subscription_id"]),
        (Table::CsmAssignments, vec!["customer_id", "csm_id", "valid_from"]),
        (Table::OrderLines, vec!["order_id", "product_id"]),
        (Table::Offers, vec!["offer_id"]),
        (Table::Milestones, vec!["customer_id", "milestone"]),
        (Table::UsageMonths, vec!["month", "customer_id", "product_id"]),
        (Table::HealthMonths, vec!["month", "customer_id"]),
        (Table::Products, vec!["product_id"]),
        (Table::Csms, vec!["csm_id"]),
    ];
    for (table, key) in keys {
        let rows = read(dir.path(), table);
        let key_of = |row: &Row| key.iter().map(|column| row[*column].clone()).collect::<Vec<_>>();
        let distinct: BTreeSet<_> = rows.iter().map(key_of).collect();
        assert!(!rows.is_empty());
        assert_eq!(distinct.len(), rows.len(), "{key:?} of {}", table.name());
    }
}
