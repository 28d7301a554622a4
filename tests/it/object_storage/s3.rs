//! S3: s3s over a folder, in process, with signatures checked; and moto, another implementation.

use std::convert::Infallible;
use std::path::Path as FsPath;

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use s3s_fs::FileSystem;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

use super::tools::{self, Tool};
use super::*;

const BUCKET: &str = "acme-dw";

/// An S3 server over a folder until dropped.
struct Server {
    endpoint: String,
    serving: JoinHandle<Infallible>,
}

impl Server {
    async fn start(folder: &FsPath) -> Self {
        Self::start_at(folder, TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    fn start_at(folder: &FsPath, listener: TcpListener) -> Self {
        std::fs::create_dir_all(folder.join(BUCKET)).unwrap();
        let mut service = S3ServiceBuilder::new(FileSystem::new(folder).unwrap());
        service.set_auth(SimpleAuth::from_single("key", "secret"));
        let service = service.build();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let serving = tokio::spawn(async move {
            // Dropping the set cuts the connections: that is what going down means.
            let mut connections = JoinSet::new();
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                let service = service.clone();
                connections.spawn(async move {
                    let http = Builder::new(TokioExecutor::new());
                    let _ = http.serve_connection(TokioIo::new(socket), service).await;
                });
            }
        });
        Self { endpoint, serving }
    }

    fn options(&self) -> Options {
        s3_options(&self.endpoint, "secret")
    }
}

impl Server {
    /// Cuts every connection and leaves the port.
    async fn stop(self) {
        self.serving.abort();
        assert!(self.serving.await.unwrap_err().is_cancelled());
    }
}

/// As the environment would say it: `AWS_ENDPOINT_URL`, `AWS_ALLOW_HTTP` and so on.
fn s3_options(endpoint: &str, secret: &str) -> Options {
    options([
        ("AWS_ENDPOINT_URL", endpoint),
        ("AWS_ALLOW_HTTP", "true"),
        ("AWS_ACCESS_KEY_ID", "key"),
        ("AWS_SECRET_ACCESS_KEY", secret),
    ])
}

fn client(endpoint: &str) -> AmazonS3 {
    AmazonS3Builder::new()
        .with_endpoint(endpoint)
        .with_allow_http(true)
        .with_access_key_id("key")
        .with_secret_access_key("secret")
        .with_bucket_name(BUCKET)
        .build()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warehouse_on_s3_in_process() {
    let folder = TempDir::new().unwrap();
    let server = Server::start(folder.path()).await;
    prove_store(&client(&server.endpoint), &format!("s3://{BUCKET}/marts"), &server.options())
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warehouse_on_s3_by_moto() {
    let port = tools::free_port();
    let mut moto = tools::python_tool("moto", "moto[server]==5.2.5", "moto_server");
    moto.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
    let _moto = Tool::start("moto", moto, port).await;
    let endpoint = format!("http://127.0.0.1:{port}");
    let made = reqwest::Client::new().put(format!("{endpoint}/{BUCKET}")).send().await.unwrap();
    assert!(made.status().is_success(), "{made:?}");
    let options = s3_options(&endpoint, "secret");
    prove_store(&client(&endpoint), &format!("s3://{BUCKET}/marts"), &options).await;
    expect_store_error("s3://nobodys-bucket/marts", &options, "has no such bucket or container")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s3_that_refuses_or_lacks_the_bucket_is_said_so() {
    let folder = TempDir::new().unwrap();
    let server = Server::start(folder.path()).await;
    let warehouse = format!("s3://{BUCKET}/marts");
    let wrong_secret = s3_options(&server.endpoint, "not the secret");
    expect_store_error(&warehouse, &wrong_secret, "refused our credentials").await;
    expect_store_error(
        "s3://nobodys-bucket/marts",
        &server.options(),
        "has no such bucket or container",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s3_that_goes_down_leaves_the_last_good_listing_until_it_is_back() {
    let folder = TempDir::new().unwrap();
    let server = Server::start(folder.path()).await;
    let (warehouse, options) = (format!("s3://{BUCKET}/marts"), server.options());
    let client = client(&server.endpoint);
    put(&client, "marts/fct_mrr/a.parquet", &["ada"]).await;
    let catalog = open(&warehouse, &options, Duration::ZERO);
    let before = table(&catalog).await.unwrap();
    let address = server.endpoint.trim_start_matches("http://").to_owned();
    server.stop().await;

    let after = view(&catalog).await;
    let kept = after.table(&name()).unwrap();
    assert_eq!(kept.id, before.id);
    let problem = after.problem(&name()).unwrap();
    assert_eq!(problem.message, "the store that holds table `mrr_movements` does not answer");
    let status = &after.statuses()[0];
    assert!(status.available && status.problem.is_some() && status.stale_for.is_some());

    let error = read(&catalog, kept).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::StoreUnavailable);
    assert_eq!(error.message, problem.message);
    // Opening needs no store; asking says what is wrong.
    expect_store_error(&warehouse, &options, "does not answer").await;

    let _back = Server::start_at(folder.path(), TcpListener::bind(address).await.unwrap());
    put(&client, "marts/fct_mrr/b.parquet", &["zoe"]).await;
    let again = view(&catalog).await;
    assert_eq!(again.table(&name()).unwrap().rows, 2);
    assert_eq!((again.problem(&name()), again.stale_for(&name())), (None, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn s3_that_hangs_does_not_hold_up_every_request() {
    // Accepts connections and never answers.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = format!("http://{}", listener.local_addr().unwrap());
    let options = s3_options(&silent, "secret");
    let catalog = open(&format!("s3://{BUCKET}/marts"), &options, Duration::ZERO);
    let started = Instant::now();
    assert_eq!(table(&catalog).await.unwrap_err().code, ErrorCode::StoreUnavailable);
    let waited = started.elapsed();
    assert!(waited < Duration::from_secs(20), "{waited:?}");
    let started = Instant::now();
    assert_eq!(table(&catalog).await.unwrap_err().code, ErrorCode::StoreUnavailable);
    assert!(started.elapsed() < waited / 2);
}
