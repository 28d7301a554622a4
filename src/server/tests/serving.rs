//! Over a real socket: the header timer and the graceful stop.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use super::super::{ServeOptions, serve};
use super::app;

async fn started(
    options: ServeOptions,
) -> (std::net::SocketAddr, oneshot::Sender<()>, tokio::task::JoinHandle<bool>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let served = tokio::spawn(async move {
        let stop = async { stopped.await.unwrap_or(()) };
        serve(listener, app(), options, stop).await.unwrap()
    });
    (address, stop, served)
}

#[tokio::test]
async fn it_answers_stops_and_lets_go() {
    let (address, stop, served) = started(ServeOptions::default()).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut answer = vec![0; 512];
    let length = stream.read(&mut answer).await.unwrap();
    assert!(answer[..length].starts_with(b"HTTP/1.1 200 OK"));
    stop.send(()).unwrap();
    // The connection is idle, so nothing is waited for.
    assert!(tokio::time::timeout(Duration::from_secs(5), served).await.unwrap().unwrap());
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_client_that_dawdles_over_its_headers_is_cut_off() {
    let options =
        ServeOptions { header_timeout: Duration::from_millis(100), ..ServeOptions::default() };
    let (address, _stop, _served) = started(options).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost:").await.unwrap();
    let mut rest = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut rest)).await;
    assert!(read.is_ok(), "the connection stayed open");
}
