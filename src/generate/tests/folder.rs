//! The folder and its files: bytes, months, markers, interrupted and refused runs.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Mutex;

use super::super::marker::Workplace;
use super::super::table::Table;
use super::super::timeline::{Month, Timeline};
use super::super::{GenerateError, GenerateSettings, Progress, generate};
use super::{CUSTOMERS, MONTHS, Row, files, read, read_file, settings, warehouse};

#[test]
fn the_same_settings_give_the_same_bytes_and_others_do_not() {
    let (one, two) = (warehouse(4), warehouse(4));
    assert_eq!(files(one.path()), files(two.path()));
    let other = tempfile::tempdir().unwrap();
    generate(&GenerateSettings { seed: 43, ..settings(other.path(), 4) }, &()).unwrap();
    let movements = |dir: &Path| read(dir, Table::MrrMovements);
    assert_ne!(movements(one.path()), movements(other.path()));
}

#[test]
fn more_months_only_add_files() {
    let fresh = warehouse(MONTHS);
    let shorter = files(fresh.path());
    let longer = files(warehouse(MONTHS + 1).path());
    for (name, bytes) in &shorter {
        assert!(longer.get(name) == Some(bytes), "{name} changed");
    }
    let added: BTreeSet<_> = longer.keys().filter(|name| !shorter.contains_key(*name)).collect();
    assert_eq!(added.len(), 11, "one file for each monthly table");
    assert!(added.iter().all(|name| name.contains("2024-04")), "{added:?}");

    let summary = generate(&settings(fresh.path(), MONTHS + 1), &()).unwrap();
    assert_eq!((summary.months, summary.months_written), (MONTHS + 1, 1));
    assert!(files(fresh.path()) == longer, "extended and written at once are the same");
}

#[test]
fn chunks_of_customers_meet_at_the_same_place_however_many_months() {
    let (short, long) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let many = |dir: &Path, months| GenerateSettings { customers: 9_000, ..settings(dir, months) };
    let summary = generate(&many(short.path(), 2), &()).unwrap();
    assert!(summary.customers > 4096, "more than one chunk");
    generate(&many(long.path(), 3), &()).unwrap();
    let longer = files(long.path());
    for (name, bytes) in files(short.path()) {
        assert!(longer.get(&name) == Some(&bytes), "{name} changed");
    }
}

#[test]
fn rows_lie_in_the_file_of_their_month_in_the_order_it_declares() {
    let dir = warehouse(MONTHS);
    let timeline = Timeline::new(CUSTOMERS);
    let times = [
        (Table::MrrMovements, "occurred_at"),
        (Table::OrderLines, "ordered_at"),
        (Table::Offers, "presented_at"),
        (Table::Milestones, "reached_at"),
        (Table::Subscriptions, "valid_from"),
        (Table::CsmAssignments, "valid_from"),
    ];
    for table in Table::ALL.into_iter().filter(|table| table.is_monthly()) {
        let mut rows = 0;
        for month in (0..MONTHS).map(Month) {
            let found = read_file(&dir.path().join(table.file(month)));
            rows += found.len();
            let key = |row: &Row| {
                table.sorted_by().iter().map(|column| row[*column].clone()).collect::<Vec<_>>()
            };
            assert!(found.is_sorted_by_key(key), "{} {}", table.name(), month.label());
            for (_, time) in times.iter().filter(|(timed, _)| *timed == table) {
                let inside = timeline.start(month)..timeline.start(Month(month.0 + 1));
                assert!(found.iter().all(|row| inside.contains(&row[*time].instant())));
            }
        }
        assert!(rows > 0, "{} is empty", table.name());
    }
}

#[test]
fn a_folder_with_something_else_is_refused_and_left_alone() {
    let dir = warehouse(2);
    let before = files(dir.path());
    let other = GenerateSettings { seed: 1, ..settings(dir.path(), 3) };
    let error = generate(&other, &()).unwrap_err();
    assert!(matches!(error, GenerateError::OtherWarehouse { seed: 42, customers: 300, .. }));
    assert!(error.to_string().contains("--customers 300, --seed 42"), "{error}");
    assert_eq!(files(dir.path()), before);

    let own = tempfile::tempdir().unwrap();
    fs::create_dir(own.path().join("customers")).unwrap();
    fs::write(own.path().join("customers/mine.parquet"), b"mine").unwrap();
    let before = files(own.path());
    let error = generate(&settings(own.path(), 3), &()).unwrap_err();
    assert!(matches!(error, GenerateError::TableOfOthers { table: "customers", .. }));
    assert_eq!(files(own.path()), before);
}

#[test]
fn a_warehouse_that_is_there_is_not_written_again() {
    let dir = warehouse(3);
    let path = dir.path().join(Table::MrrMovements.file(Month(0)));
    fs::write(&path, b"touched").unwrap();
    let summary = generate(&settings(dir.path(), 2), &()).unwrap();
    assert_eq!((summary.months, summary.months_written), (3, 0));
    assert!(summary.tables.is_empty());
    assert_eq!(fs::read(&path).unwrap(), b"touched");
}

#[test]
fn an_interrupted_run_is_taken_up() {
    let dir = warehouse(3);
    let whole = files(dir.path());
    fs::remove_file(dir.path().join(Table::Offers.file(Month(2)))).unwrap();
    fs::create_dir(dir.path().join(".upswell-staging")).unwrap();
    fs::write(dir.path().join(".upswell-staging/left.over"), b"half").unwrap();
    generate(&settings(dir.path(), 3), &()).unwrap();
    assert_eq!(files(dir.path()), whole);
}

#[test]
fn one_process_writes_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let workplace = Workplace::open(dir.path()).unwrap();
    let error = generate(&settings(dir.path(), 1), &()).unwrap_err();
    assert!(matches!(error, GenerateError::Busy { .. }), "{error}");
    drop(workplace);
    generate(&settings(dir.path(), 1), &()).unwrap();
}

#[test]
fn settings_out_of_range_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let refuse = |customers, months| {
        let settings = GenerateSettings { customers, months, ..settings(dir.path(), 1) };
        generate(&settings, &()).unwrap_err().to_string()
    };
    assert!(refuse(10, 0).contains("between 1 and 120"));
    assert!(refuse(10, 121).contains("between 1 and 120"));
    assert!(refuse(0, 12).contains("at least 1"));
    assert!(refuse(9_000_000, 60).contains("at most 9999999"));
    assert!(files(dir.path()).is_empty());
}

#[test]
fn progress_adds_up_to_its_total() {
    #[derive(Default)]
    struct Seen(Mutex<(u64, u64)>);
    impl Progress for Seen {
        fn begin(&self, steps: u64) {
            self.0.lock().unwrap().0 += steps;
        }
        fn advance(&self, steps: u64) {
            self.0.lock().unwrap().1 += steps;
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let seen = Seen::default();
    let summary = generate(&settings(dir.path(), 36), &seen).unwrap();
    assert_eq!(*seen.0.lock().unwrap(), (300, 300));
    assert_eq!(summary.customers, 300);
    let movements = summary.tables.iter().find(|table| table.table == "mrr_movements").unwrap();
    assert_eq!(movements.rows, read(dir.path(), Table::MrrMovements).len() as u64);
}
