//! `check --data`: the shapes of a balance are compared where both of them know it.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use upswell::catalog::{Catalog, CatalogSettings};
use upswell::clock::SystemClock;
use upswell::diagnostics::SourceFile;
use upswell::engine::{DataCheck, EngineSettings, LocalEngine};
use upswell::project::{ProjectFiles, load};

use crate::support::demo::demo;
use crate::support::warehouse::write_table;

async fn findings(root: &Path) -> Vec<String> {
    let project = SourceFile::new("upswell.yml", "version: 1\nwarehouse: warehouse\n");
    let model = load(&ProjectFiles::from_texts(root, vec![project])).model.unwrap();
    let model = Arc::new(model);
    let catalog = Catalog::open(Arc::clone(&model), CatalogSettings::default()).unwrap();
    let clock = Arc::new(SystemClock);
    let engine = LocalEngine::new(model, catalog, EngineSettings::default(), clock).unwrap();
    let found = engine.audit().await.into_iter();
    found
        .filter(|finding| finding.check == DataCheck::ShapesDisagree)
        .map(|finding| finding.message)
        .collect()
}

/// Its intervals are written with ends that lie years beyond its newest movement.
#[tokio::test]
async fn the_demo_agrees_with_itself() {
    let root = demo(200, 8, 7);
    assert_eq!(findings(root.path()).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_cent_that_differs_is_found() {
    let root = tempfile::tempdir().unwrap();
    let warehouse = root.path().join("warehouse");
    fs::create_dir_all(&warehouse).unwrap();
    let movements = "customer_id,product_id,occurred_at,movement,amount\n\
                     a,p,2024-01-10T00:00:00Z,new,10.00\n";
    let months = "customer_id,product_id,month,mrr\na,p,2024-01-01,10.01\n";
    write_table(&warehouse, "mrr_movements", movements);
    write_table(&warehouse, "subscription_months", months);
    let found = findings(root.path()).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("a p before 2024-02-01: 10.00 against 10.01"), "{found:?}");
}
