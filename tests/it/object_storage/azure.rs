//! Azure Blob Storage: the real client against Azurite, Microsoft's emulator.

use object_store::azure::{
    AzureAccessKey, AzureAuthorizer, AzureCredential, MicrosoftAzureBuilder,
};
use object_store::client::{HttpRequest, HttpRequestBody};

use super::tools::{self, Tool};
use super::*;

/// Azurite's well-known account.
const ACCOUNT: &str = "devstoreaccount1";
const KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
const WRONG_KEY: &str = "bm90IHRoZSBrZXk=";
const CONTAINER: &str = "acme-dw";

fn azure_options(endpoint: &str, key: &str) -> Options {
    options([
        ("AZURE_ENDPOINT", endpoint),
        ("AZURE_ALLOW_HTTP", "true"),
        ("AZURE_STORAGE_ACCOUNT_NAME", ACCOUNT),
        ("AZURE_STORAGE_ACCOUNT_KEY", key),
    ])
}

/// Containers are made by a signed request that the object store's client does not offer.
async fn make_container(endpoint: &str) {
    let url = format!("{endpoint}/{CONTAINER}?restype=container");
    let mut signed = HttpRequest::new(HttpRequestBody::empty());
    *signed.method_mut() = "PUT".parse().unwrap();
    *signed.uri_mut() = url.parse().unwrap();
    let credential = AzureCredential::AccessKey(AzureAccessKey::try_new(KEY).unwrap());
    AzureAuthorizer::new(&credential, ACCOUNT).authorize(&mut signed);
    let mut request = reqwest::Client::new().put(url);
    for (name, value) in signed.headers() {
        request = request.header(name.as_str(), value.as_bytes());
    }
    let made = request.send().await.unwrap();
    assert!(made.status().is_success(), "{made:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warehouse_on_azure_by_azurite() {
    let port = tools::free_port();
    let mut azurite = tools::node_tool("azurite", "azurite@3.35.0", "azurite-blob");
    azurite.args(["--blobPort", &port.to_string(), "--inMemoryPersistence", "--disableTelemetry"]);
    azurite.args(["--skipApiVersionCheck", "--silent"]);
    let _azurite = Tool::start("azurite", azurite, port).await;
    let endpoint = format!("http://127.0.0.1:{port}/{ACCOUNT}");
    make_container(&endpoint).await;
    let client = MicrosoftAzureBuilder::new()
        .with_endpoint(endpoint.clone())
        .with_allow_http(true)
        .with_account(ACCOUNT)
        .with_access_key(KEY)
        .with_container_name(CONTAINER)
        .build()
        .unwrap();
    let options = azure_options(&endpoint, KEY);
    prove_store(&client, &format!("az://{CONTAINER}/marts"), &options).await;
    let refused = azure_options(&endpoint, WRONG_KEY);
    expect_store_error(&format!("az://{CONTAINER}/marts"), &refused, "refused our credentials")
        .await;
    expect_store_error("az://nobodys/marts", &options, "has no such bucket or container").await;
}
