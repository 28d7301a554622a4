//! What several tests need: warehouses written from CSV, a project over them, questions in process.

pub mod command;
pub mod demo;
pub mod desk;
pub mod server;
pub mod tables;
pub mod warehouse;

use std::path::Path;
use std::sync::Arc;

use serde_json::Value as Json;
use upswell::catalog::{Catalog, CatalogSettings};
use upswell::clock::SystemClock;
use upswell::diagnostics::{Format, SourceFile};
use upswell::engine::{EngineSettings, LocalEngine};
use upswell::graphql::{Api, Caller, GraphqlRequest};
use upswell::model::Model;
use upswell::project::{ProjectFiles, load};

/// The API over a warehouse folder, with the canonical definitions and whatever `upswell.yml` adds.
pub fn api(root: &Path, settings: &str) -> Api {
    api_of(root, &[("upswell.yml", &format!("version: 1\nwarehouse: warehouse\n{settings}"))])
}

/// The API of a project given as texts.
pub fn api_of(root: &Path, files: &[(&str, &str)]) -> Api {
    open(root, files).0
}

/// The API of a project given as texts, and the catalog that it reads through.
pub fn open(root: &Path, files: &[(&str, &str)]) -> (Api, Catalog) {
    let model = model_of(root, files);
    let catalog = Catalog::open(Arc::clone(&model), CatalogSettings::default()).unwrap();
    let (clock, settings) = (Arc::new(SystemClock), EngineSettings::default());
    let engine = LocalEngine::new(model, catalog.clone(), settings, clock).unwrap();
    (Api::new(Arc::new(engine)).unwrap(), catalog)
}

/// The model of a project given as texts.
pub fn model_of(root: &Path, files: &[(&str, &str)]) -> Arc<Model> {
    let files = files.iter().map(|(path, text)| SourceFile::new(*path, *text)).collect();
    let loaded = load(&ProjectFiles::from_texts(root, files));
    let model =
        loaded.model.unwrap_or_else(|| panic!("{}", loaded.diagnostics.render(Format::Human)));
    Arc::new(model)
}

/// Executes a document and gives the whole response.
pub async fn execute(api: &Api, query: &str) -> Json {
    let caller = Caller::unrestricted("test", "test");
    let response = api.execute(GraphqlRequest::new(query), &caller).await;
    serde_json::from_slice(&response.body).unwrap()
}

/// Executes a document that must succeed and gives its data.
pub async fn ask(api: &Api, query: &str) -> Json {
    let response = execute(api, query).await;
    assert!(response.get("errors").is_none(), "{query}\n{response:#}");
    response["data"].clone()
}

/// The only error's code and message.
pub async fn refused(api: &Api, query: &str) -> (String, String) {
    let response = execute(api, query).await;
    let error = &response["errors"][0];
    let text = |value: &Json| value.as_str().unwrap_or_else(|| panic!("{response:#}")).to_owned();
    (text(&error["extensions"]["code"]), text(&error["message"]))
}
