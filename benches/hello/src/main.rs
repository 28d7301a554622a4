//! An axum handler that returns the bytes of a file: `hello ADDRESS FILE`.
#![forbid(unsafe_code)]

use std::error::Error;

use axum::Router;
use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::routing::post;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(address), Some(file)) = (arguments.next(), arguments.next()) else {
        return Err("hello ADDRESS FILE".into());
    };
    let body = Bytes::from(std::fs::read(file)?);
    let handler = move || async move { ([(CONTENT_TYPE, "application/json; charset=utf-8")], body) };
    let listener = TcpListener::bind(address).await?;
    println!("hello listens on http://{}", listener.local_addr()?);
    axum::serve(listener, Router::new().route("/graphql", post(handler))).await?;
    Ok(())
}
