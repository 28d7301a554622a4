//! Over a real socket: how long it may keep silent, and the graceful stop.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use super::super::{BODY_TIMEOUT, Front, ServeOptions, serve};
use super::{app, state};

type Started = (std::net::SocketAddr, oneshot::Sender<()>, tokio::task::JoinHandle<bool>);

async fn started(options: ServeOptions) -> Started {
    started_with(app(), options).await
}

async fn started_with(app: Front, options: ServeOptions) -> Started {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let served = tokio::spawn(async move {
        let stop = async { stopped.await.unwrap_or(()) };
        serve(listener, app, options, stop).await.unwrap()
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

const ASKED: &[u8] = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n";

/// Short times: a head may take 100 ms, and a connection may idle for `idle`.
fn short(idle: Duration) -> ServeOptions {
    ServeOptions {
        header_timeout: Duration::from_millis(100),
        idle_timeout: idle,
        ..ServeOptions::default()
    }
}

/// Asks and reads the answer, of which there is one packet.
async fn ask(stream: &mut TcpStream) {
    stream.write_all(ASKED).await.unwrap();
    let mut answer = vec![0; 512];
    let length = stream.read(&mut answer).await.unwrap();
    assert!(answer[..length].starts_with(b"HTTP/1.1 200 OK"));
}

/// How long it takes until the server closes.
async fn closed(stream: &mut TcpStream) -> Duration {
    let (begun, mut rest) = (Instant::now(), Vec::new());
    let read = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut rest)).await;
    assert!(read.is_ok(), "the connection stayed open");
    assert!(rest.is_empty(), "{rest:?}");
    begun.elapsed()
}

#[tokio::test]
async fn a_client_that_dawdles_over_its_headers_is_cut_off() {
    let (address, _stop, _served) = started(short(Duration::from_mins(1))).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(&ASKED[..28]).await.unwrap();
    closed(&mut stream).await;
    // Nor may it begin another one after it was answered.
    let mut stream = TcpStream::connect(address).await.unwrap();
    ask(&mut stream).await;
    tokio::time::sleep(Duration::from_millis(150)).await;
    stream.write_all(&ASKED[..28]).await.unwrap();
    assert!(closed(&mut stream).await >= Duration::from_millis(95), "from the first byte");
}

#[tokio::test]
async fn a_connection_is_kept_while_it_idles_but_not_for_ever() {
    let (address, _stop, _served) = started(short(Duration::from_millis(600))).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    for _ in 0..3 {
        // Longer than a head may take.
        tokio::time::sleep(Duration::from_millis(250)).await;
        ask(&mut stream).await;
    }
    assert!(closed(&mut stream).await >= Duration::from_millis(550));
    // Nor without any request.
    let mut stream = TcpStream::connect(address).await.unwrap();
    assert!(closed(&mut stream).await >= Duration::from_millis(550));
}

#[tokio::test]
async fn a_body_that_comes_late_is_waited_for_and_read() {
    let (address, _stop, _served) = started(short(Duration::from_millis(200))).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = "POST /graphql HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
        content-type: application/json\r\ncontent-length: 25\r\n\r\n{\"query\"";
    stream.write_all(head.as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    stream.write_all(b": \"{__typename}\"}").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.ends_with(r#"{"data":{"__typename":"Query"}}"#), "{answer}");
}

/// A head that promises more bytes than come.
const HALF: &[u8] = b"POST /graphql HTTP/1.1\r\nhost: x\r\n\
    content-type: application/json\r\ncontent-length: 9000\r\n\r\n{\"query\"";

#[tokio::test]
async fn a_body_that_does_not_come_in_time_is_refused_and_no_other_client_waits() {
    assert_eq!(state().body_timeout, BODY_TIMEOUT);
    let limit = Duration::from_millis(500);
    let mut shared = Arc::into_inner(state()).unwrap();
    shared.body_timeout = limit;
    // Nothing else ends a connection here.
    let long = Duration::from_mins(1);
    let options =
        ServeOptions { header_timeout: long, idle_timeout: long, ..ServeOptions::default() };
    let (address, _stop, _served) = started_with(Front::new(Arc::new(shared)), options).await;
    let begun = Instant::now();
    let mut silent = TcpStream::connect(address).await.unwrap();
    silent.write_all(HALF).await.unwrap();
    let mut other = TcpStream::connect(address).await.unwrap();
    ask(&mut other).await;
    let mut answer = String::new();
    let read = tokio::time::timeout(Duration::from_secs(5), silent.read_to_string(&mut answer));
    read.await.expect("the connection stayed open").unwrap();
    assert!(begun.elapsed() >= limit);
    assert!(answer.starts_with("HTTP/1.1 408 Request Timeout\r\n"), "{answer}");
    assert!(answer.contains("The body did not arrive in time."), "{answer}");
    ask(&mut other).await;
    // Nor does a byte now and then buy more time.
    let mut slow = TcpStream::connect(address).await.unwrap();
    slow.write_all(HALF).await.unwrap();
    let trickle = async {
        while slow.write_all(b" ").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(5), trickle).await.is_ok(), "still open");
}

#[tokio::test]
async fn what_is_only_asked_about_has_a_length_and_no_body() {
    let (address, _stop, _served) = started(ServeOptions::default()).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head =
        b"HEAD /graphql?query=%7B__typename%7D HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    stream.write_all(head).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert!(answer.contains("content-length: 31\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\n"), "{answer}");
}
