//! Reading less changes nothing: facts that grow by the files that were added, and questions about
//! one customer that read no others, answer as a process that reads everything.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{
    ArrayRef, Decimal128Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder};
use serde_json::Value as Json;
use upswell::catalog::{Catalog, CatalogSettings};
use upswell::clock::SystemClock;
use upswell::diagnostics::SourceFile;
use upswell::engine::{EngineSettings, LocalEngine};
use upswell::generate::{GenerateSettings, generate};
use upswell::graphql::Api;
use upswell::project::{ProjectFiles, load};

use crate::support::demo::demo;
use crate::support::warehouse::{write_file, write_table};
use crate::support::{api, ask, execute};

/// An API that lists anew for every request, with its catalog.
fn attentive(root: &Path) -> (Api, Catalog) {
    let files = vec![SourceFile::new("upswell.yml", "version: 1\nwarehouse: warehouse\n")];
    let model = load(&ProjectFiles::from_texts(root, files)).model.map(Arc::new).unwrap();
    let settings = CatalogSettings { refresh: Duration::ZERO, ..CatalogSettings::default() };
    let catalog = Catalog::open(Arc::clone(&model), settings).unwrap();
    let settings = EngineSettings::default();
    let engine = LocalEngine::new(model, catalog.clone(), settings, Arc::new(SystemClock)).unwrap();
    (Api::new(Arc::new(engine)).unwrap(), catalog)
}

const RETENTION: &str = r#"{
  nrr(period: {start: "2023-01-01", end: "2024-03-01"}, grain: MONTH, window: PERIOD) {
    rows { period { start } startingMrr newMrr reactivationMrr expansionMrr contractionMrr churnMrr
      endingMrr cohortStartingMrr retainedMrr nrr grr customers churnedCustomers expandedCustomers }
    provenance { snapshot dataThrough notes }
  }
}"#;

const BY_TYPE: &str = r#"{
  expansionByType(period: {start: "2023-01-01", end: "2024-03-01"}, grain: MONTH) {
    rows { period { start } expansionType amount fromOpeningCohort events customers }
    provenance { snapshot dataThrough notes }
  }
}"#;

fn months_of(root: &Path, months: u32) {
    let dir = root.join("warehouse");
    generate(&GenerateSettings { dir, customers: 300, months, seed: 5 }, &()).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn added_files_are_read_alone_and_answer_as_all_of_them() {
    let root = demo(300, 12, 5);
    let (growing, catalog) = attentive(root.path());
    let before = ask(&growing, RETENTION).await;
    ask(&growing, BY_TYPE).await;
    months_of(root.path(), 14);

    let known = catalog.read_count().bytes;
    let grown = ask(&growing, RETENTION).await;
    let added = catalog.read_count().bytes - known;
    let (fresh, all) = attentive(root.path());
    assert_eq!(grown, ask(&fresh, RETENTION).await);
    assert_ne!(grown, before);
    assert_eq!(ask(&growing, BY_TYPE).await, ask(&fresh, BY_TYPE).await);
    let all = all.read_count().bytes;
    assert!(added * 2 < all, "{added} bytes of {all} were read for two months of fourteen");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_change_or_go_are_not_kept() {
    let root = demo(300, 12, 5);
    let (watching, _) = attentive(root.path());
    ask(&watching, RETENTION).await;
    let folder = root.path().join("warehouse/mrr_movements/occurred_month=2023-06");
    for file in fs::read_dir(&folder).unwrap() {
        fs::remove_file(file.unwrap().path()).unwrap();
    }
    let (fresh, _) = attentive(root.path());
    let without = ask(&fresh, RETENTION).await;
    assert_eq!(ask(&watching, RETENTION).await, without);

    let path = "mrr_movements/occurred_month=2023-06/part-0.parquet";
    let header =
        "movement_id,customer_id,product_id,occurred_at,movement,expansion_type,amount,offer_id";
    let row = "x,c0000001,core,2023-06-03T00:00:00Z,expansion,seat,1.00,";
    write_file(&root.path().join("warehouse"), path, &format!("{header}\n{row}\n"));
    let (fresh, _) = attentive(root.path());
    let with = ask(&watching, RETENTION).await;
    assert_eq!(with, ask(&fresh, RETENTION).await);
    assert_ne!(with, without);
}

fn of_customer(customer: &str) -> String {
    RETENTION.replace(
        "window: PERIOD",
        &format!("window: PERIOD, where: {{customer_id: {{eq: \"{customer}\"}}}}"),
    )
}

/// The answer of an API that has asked about everybody before, and of one that has not.
async fn known_and_unknown(root: &Path, customer: &str) -> (Json, Json) {
    let (known, unknown) = (api(root, ""), api(root, ""));
    execute(&known, RETENTION).await;
    (execute(&known, &of_customer(customer)).await, execute(&unknown, &of_customer(customer)).await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_customer_s_answer_does_not_depend_on_who_else_was_read() {
    let root = demo(300, 15, 9);
    for customer in ["c0000001", "c0000077", "c0000300", "c9999999"] {
        let (known, unknown) = known_and_unknown(root.path(), customer).await;
        assert_eq!(known, unknown);
    }
    // Two questions in a row: the second reads everybody, once.
    let api = api(root.path(), "");
    for customer in ["c0000003", "c0000004", "c0000003"] {
        let (known, _) = known_and_unknown(root.path(), customer).await;
        assert_eq!(execute(&api, &of_customer(customer)).await, known);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_other_customers_rows_is_told_all_the_same() {
    let header =
        "movement_id,customer_id,product_id,occurred_at,movement,expansion_type,amount,offer_id";
    let good =
        "m1,c1,core,2023-01-05T00:00:00Z,new,,10.00,\nm2,c2,core,2023-02-05T00:00:00Z,new,,20.00,";
    for bad in [
        "m3,c2,core,2023-03-05T00:00:00Z,upgrade,,5.00,",
        "m3,,core,2023-03-05T00:00:00Z,new,,5.00,",
    ] {
        let root = tempfile::TempDir::new().unwrap();
        let csv = format!("{header}\n{good}\n{bad}\n");
        write_table(&root.path().join("warehouse"), "mrr_movements", &csv);
        let (known, unknown) = known_and_unknown(root.path(), "c1").await;
        assert_eq!(known, unknown);
        let told = unknown.to_string();
        assert!(told.contains("upgrade") || told.contains("1 row(s)"), "{told}");
    }
}

/// A ledger of 1,000 customers with 20 movements each, sorted by customer: as one row group of small
/// pages, or as small row groups of one page.
fn ledger_in_parts(folder: &Path, properties: WriterPropertiesBuilder) {
    const CUSTOMERS: i64 = 1_000;
    const EACH: i64 = 20;
    let rows = || (0..CUSTOMERS).flat_map(|customer| (0..EACH).map(move |each| (customer, each)));
    let texts = |text: &dyn Fn((i64, i64)) -> String| -> ArrayRef {
        Arc::new(rows().map(|row| Some(text(row))).collect::<StringArray>())
    };
    let day = 86_400_000_000;
    let start = 1_672_531_200_000_000;
    let times = rows().map(|(customer, each)| start + each * 10 * day + customer);
    let amounts = rows().map(|(customer, each)| i128::from(customer * 100 + each + 1));
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("movement_id", texts(&|(customer, each)| format!("m{customer:06}-{each}"))),
        ("customer_id", texts(&|(customer, _)| format!("c{customer:07}"))),
        ("product_id", texts(&|_| "core".to_owned())),
        (
            "occurred_at",
            Arc::new(TimestampMicrosecondArray::from_iter_values(times).with_timezone("UTC")),
        ),
        ("movement", texts(&|(_, each)| if each == 0 { "new" } else { "expansion" }.to_owned())),
        (
            "amount",
            Arc::new(
                Decimal128Array::from_iter_values(amounts).with_precision_and_scale(18, 2).unwrap(),
            ),
        ),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let properties = properties
        .set_dictionary_enabled(false)
        .set_column_dictionary_enabled("movement".into(), true)
        .set_write_batch_size(200)
        .build();
    fs::create_dir_all(folder).unwrap();
    let file = fs::File::create(folder.join("part-0.parquet")).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

/// Statistics of row groups, and of pages where a row group is large, say where one customer can be:
/// the rest of the file stays unread.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_customer_is_read_without_the_pages_and_row_groups_of_others() {
    let pages = WriterProperties::builder().set_data_page_row_count_limit(200);
    let groups = WriterProperties::builder().set_max_row_group_row_count(Some(200));
    for (layout, properties) in [("pages", pages), ("row groups", groups)] {
        let root = tempfile::TempDir::new().unwrap();
        ledger_in_parts(&root.path().join("warehouse/mrr_movements"), properties);
        let bytes_of = async |document: &str| {
            let (api, catalog) = attentive(root.path());
            // Footers are read by the first listing, whatever is asked.
            ask(&api, "{ catalog { tables { name } } }").await;
            let before = catalog.read_count().bytes;
            let answer = ask(&api, document).await;
            (catalog.read_count().bytes - before, answer)
        };
        let (all, _) = bytes_of(RETENTION).await;
        let (one, answer) = bytes_of(&of_customer("c0000500")).await;
        assert!(all > 500_000 && one * 6 < all, "{layout}: {one} bytes of {all} for one customer");
        // 500.01 at the beginning of January, 500.02 ten days later …: 20 of them in July.
        let row = answer["nrr"]["rows"].as_array().unwrap().last().unwrap();
        assert_eq!(
            (row["endingMrr"].to_string(), &row["customers"]),
            ("10002.10".to_owned(), &1.into())
        );
    }
}

const TYPES_ALONE: &str = r#"{
  expansionByType(period: {start: "2023-01-01", end: "2024-03-01"}, grain: MONTH) {
    rows { period { start } expansionType family amount events share }
    provenance { snapshot dataThrough notes }
  }
}"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn types_without_customers_are_the_types_with_them() {
    let generated = demo(300, 15, 9);
    let header =
        "movement_id,customer_id,product_id,occurred_at,movement,expansion_type,amount,offer_id";
    let written = tempfile::TempDir::new().unwrap();
    // Without a customer, without an amount, without a type, and before the customer's own start.
    let rows = "m1,c1,core,2023-01-05T00:00:00Z,new,,10.00,\n\
                m2,c1,core,2023-02-05T00:00:00Z,expansion,seat,4.00,\n\
                m3,,core,2023-02-06T00:00:00Z,expansion,seat,8.00,\n\
                m4,c1,core,2023-03-05T00:00:00Z,expansion,,2.00,\n\
                m5,c1,core,2023-03-06T00:00:00Z,expansion,seat,,\n\
                m6,c2,core,2023-01-02T00:00:00Z,expansion,add_on,-1.00,";
    write_table(&written.path().join("warehouse"), "mrr_movements", &format!("{header}\n{rows}\n"));
    for root in [generated.path(), written.path()] {
        let (known, unknown) = (api(root, ""), api(root, ""));
        execute(&known, BY_TYPE).await;
        let alone = execute(&unknown, TYPES_ALONE).await;
        assert_eq!(execute(&known, TYPES_ALONE).await, alone);
        // And everybody can still be read afterwards.
        assert_eq!(ask(&unknown, BY_TYPE).await, ask(&known, BY_TYPE).await);
    }
    let alone = ask(&api(written.path(), ""), TYPES_ALONE).await;
    let rows = alone["expansionByType"]["rows"].as_array().unwrap();
    let of = |month: &str, kind: &str| {
        let row = rows.iter().find(|row| {
            row["period"]["start"] == month && row["expansionType"].as_str().unwrap_or("") == kind
        });
        row.map(|row| (row["amount"].to_string(), row["events"].to_string())).unwrap()
    };
    assert_eq!(of("2023-02-01", "seat"), ("4.00".to_owned(), "1".to_owned()));
    assert_eq!(of("2023-03-01", ""), ("2.00".to_owned(), "1".to_owned()));
    assert_eq!(of("2023-01-01", "add_on"), ("-1.00".to_owned(), "1".to_owned()));
}

/// Two questions grow out of the same facts at once, while a third still reads them.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn facts_grow_while_others_read_them() {
    let root = demo(300, 12, 5);
    let (growing, _) = attentive(root.path());
    for months in [13, 14, 15] {
        ask(&growing, RETENTION).await;
        months_of(root.path(), months);
        let (fresh, _) = attentive(root.path());
        let (retention, by_type) = (ask(&fresh, RETENTION).await, ask(&fresh, BY_TYPE).await);
        let asked = (0..16).map(|place| {
            let document = if place % 2 == 0 { RETENTION } else { BY_TYPE };
            ask(&growing, document)
        });
        for (place, answer) in futures::future::join_all(asked).await.into_iter().enumerate() {
            assert_eq!(answer, if place % 2 == 0 { retention.clone() } else { by_type.clone() });
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_with_more_decimals_changes_no_amount() {
    let root = demo(300, 12, 5);
    let (growing, _) = attentive(root.path());
    ask(&growing, RETENTION).await;
    // 123.45
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("customer_id", Arc::new(StringArray::from(vec!["c0000001"]))),
        (
            "occurred_at",
            Arc::new(
                TimestampMicrosecondArray::from(vec![1_701_600_000_000_000]).with_timezone("UTC"),
            ),
        ),
        ("movement", Arc::new(StringArray::from(vec!["expansion"]))),
        (
            "amount",
            Arc::new(
                Decimal128Array::from(vec![1_234_500]).with_precision_and_scale(20, 4).unwrap(),
            ),
        ),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let folder = root.path().join("warehouse/mrr_movements/occurred_month=2023-12");
    let file = fs::File::create(folder.join("more-decimals.parquet")).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let (fresh, _) = attentive(root.path());
    assert_eq!(
        execute(&growing, RETENTION).await["data"],
        execute(&fresh, RETENTION).await["data"]
    );
}
