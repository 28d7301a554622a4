//! While serving: files come, change and go; requests share listings; reloads keep footers.

use arrow::array::StringArray;
use datafusion::execution::memory_pool::GreedyMemoryPool;
use datafusion::prelude::{DataFrame, col};

use super::*;
use crate::error::ErrorCode;

fn warehouse() -> Warehouse {
    Warehouse::new().declare(dataset("t", [column("id", ColumnType::Text)]))
}

fn put(warehouse: &Warehouse, path: &str, ids: &[&str]) {
    let ids: ArrayRef = Arc::new(StringArray::from(ids.to_vec()));
    warehouse.write(path, &[("id", ids)]);
}

#[tokio::test]
async fn files_added_later_are_seen_and_footers_read_once() {
    let warehouse = warehouse();
    put(&warehouse, "t/a.parquet", &["a"]);
    let catalog = warehouse.open();
    let first = snapshot(&catalog, "t").await.unwrap();
    assert_eq!(catalog.read_count().requests, 1);
    let again = snapshot(&catalog, "t").await.unwrap();
    assert!(Arc::ptr_eq(&first, &again), "nothing changed");

    put(&warehouse, "t/b.parquet", &["b"]);
    let second = snapshot(&catalog, "t").await.unwrap();
    assert_eq!(catalog.read_count().requests, 2);
    assert_ne!(first.id, second.id);

    // A snapshot keeps to its files whatever came later.
    let plan = first.scan(&names(&["id"]), None).unwrap();
    assert_eq!(rows(&run(&catalog, plan).await.unwrap()), ["a"]);
    assert_eq!(read(&catalog, "t", &["id"]).await, ["a", "b"]);

    fs::remove_file(warehouse.dir.path().join("t/b.parquet")).unwrap();
    assert_eq!(snapshot(&catalog, "t").await.unwrap().id, first.id);
}

#[tokio::test]
async fn listings_younger_than_the_refresh_are_not_repeated() {
    let warehouse = warehouse();
    put(&warehouse, "t/a.parquet", &["a"]);
    let catalog = warehouse.open_with(CatalogSettings::default());
    let first = snapshot(&catalog, "t").await.unwrap();
    put(&warehouse, "t/b.parquet", &["b"]);
    assert_eq!(snapshot(&catalog, "t").await.unwrap().id, first.id);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_requests_share_one_listing() {
    let warehouse = warehouse();
    for file in 0..20 {
        put(&warehouse, &format!("t/{file}.parquet"), &["a"]);
    }
    let catalog = warehouse.open_with(CatalogSettings::default());
    let views = (0..16).map(|_| snapshot(&catalog, "t"));
    let snapshots = futures::future::try_join_all(views).await.unwrap();
    assert!(snapshots.iter().all(|snapshot| Arc::ptr_eq(snapshot, &snapshots[0])));
    assert_eq!(catalog.read_count().requests, 20);
}

#[tokio::test]
async fn a_file_that_changes_or_vanishes_under_a_scan_is_said_so() {
    for replace in [true, false] {
        let warehouse = warehouse();
        put(&warehouse, "t/a.parquet", &["a", "b"]);
        let catalog = warehouse.open_with(CatalogSettings::default());
        let table = snapshot(&catalog, "t").await.unwrap();
        fs::remove_file(warehouse.dir.path().join("t/a.parquet")).unwrap();
        if replace {
            put(&warehouse, "t/a.parquet", &["x", "y"]);
        }
        let plan = table.scan(&names(&["id"]), None).unwrap();
        let error = run(&catalog, plan).await.unwrap_err();
        let told = catalog.diagnose(&error, &[&table]).await;
        assert_eq!(told.code, ErrorCode::Unavailable);
        assert_eq!(told.message, "table `t` changed while being read; ask again");

        // Asking again lists anew, young as the listing is.
        let now = snapshot(&catalog, "t").await.map(|table| table.rows);
        assert_eq!(now.ok(), replace.then_some(2));
    }
}

#[tokio::test]
async fn a_table_turns_bad_and_good_again() {
    let warehouse = warehouse();
    put(&warehouse, "t/a.parquet", &["a"]);
    let catalog = warehouse.open();
    assert_eq!(read(&catalog, "t", &["id"]).await, ["a"]);
    warehouse.place("t/b.parquet", b"half a file");
    assert_eq!(snapshot(&catalog, "t").await.unwrap_err().code, ErrorCode::BadData);
    put(&warehouse, "t/b.parquet", &["b"]);
    assert_eq!(read(&catalog, "t", &["id"]).await, ["a", "b"]);
}

#[tokio::test]
async fn a_reload_adopts_footers() {
    let warehouse = warehouse();
    put(&warehouse, "t/a.parquet", &["a"]);
    let before = warehouse.open();
    let first = snapshot(&before, "t").await.unwrap();
    let after = warehouse.open();
    after.adopt(&before);
    assert_eq!(snapshot(&after, "t").await.unwrap().id, first.id);
    assert_eq!(after.read_count().requests, 0);
}

#[tokio::test]
async fn snapshot_ids_follow_the_files_of_the_tables_asked_for() {
    let id = || [column("id", ColumnType::Text)];
    let warehouse = Warehouse::new()
        .declare(dataset("t", id()))
        .declare(dataset("u", id()))
        .declare(dataset("gone", id()));
    put(&warehouse, "t/a.parquet", &["a"]);
    put(&warehouse, "u/a.parquet", &["a"]);
    let catalog = warehouse.open();
    let [t, u, gone] = ["t", "u", "gone"].map(DatasetName::new);
    let all = [t.clone(), u.clone(), gone];
    let before = catalog.view(&all).await;
    put(&warehouse, "u/b.parquet", &["b"]);
    let after = catalog.view(&all).await;
    let only_t = std::slice::from_ref(&t);
    assert_eq!(before.snapshot_id(only_t), after.snapshot_id(only_t));
    assert_ne!(before.snapshot_id(&all), after.snapshot_id(&all));
    let (tu, ut) = ([t.clone(), u.clone()], [u, t.clone()]);
    assert_eq!(before.snapshot_id(&tu), before.snapshot_id(&ut));
    assert_eq!(before.snapshot_id(only_t).len(), 16);
}

#[test]
fn opening_asks_no_store() {
    let options = [
        ("azure_storage_account_name", "acme"),
        ("azure_storage_account_key", "bm90IGEga2V5"),
        ("aws_access_key_id", "key"),
        ("aws_secret_access_key", "secret"),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()));
    let settings = CatalogSettings { store_options: options.into(), ..CatalogSettings::default() };
    for address in [
        "s3://nobodys/dw",
        "gs://nobodys/dw",
        "az://nobodys/dw",
        "abfss://dw@acme.dfs.core.windows.net/dw",
        "/nowhere/at/all",
    ] {
        warehouse().at(address).try_open(settings.clone()).unwrap();
    }
    let refused = warehouse().at("hdfs://host/dw").try_open(settings).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "`hdfs://host/dw/t` cannot be a table's place: the schemes are file, s3, gs, az and abfss"
    );
}

#[tokio::test]
async fn too_little_memory_is_a_limit_and_not_a_fault() {
    let warehouse = warehouse();
    let ids: Vec<String> = (0..50_000).map(|n| format!("customer-{n}")).collect();
    put(&warehouse, "t/a.parquet", &ids.iter().map(String::as_str).collect::<Vec<_>>());
    let catalog = warehouse.open();
    let table = snapshot(&catalog, "t").await.unwrap();
    let pool = Arc::new(GreedyMemoryPool::new(64 * 1024));
    let runtime = catalog.runtime(RuntimeEnvBuilder::new().with_memory_pool(pool)).unwrap();
    let plan = table.scan(&names(&["id"]), None).unwrap();
    let frame = DataFrame::new(catalog.session(runtime), plan)
        .sort(vec![col("id").sort(true, true)])
        .unwrap();
    let error = run_frame(frame).await.unwrap_err();
    let told = catalog.diagnose(&error, &[&table]).await;
    assert_eq!(told.code, ErrorCode::ResourceLimit);
    let engine = DataFusionError::Internal("some text of the engine".to_owned());
    let told = catalog.diagnose(&engine, &[&table]).await;
    assert_eq!(told.code, ErrorCode::Internal);
    assert!(!told.message.contains("engine's"), "{told}");
}
