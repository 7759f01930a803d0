//! Sends its last argument to an echo server, and prints what comes back.
//!
//! `cargo run -p quantum --example echo_client ADDRESS FINGERPRINT [TEXT]`: the server prints
//! the first two.

use std::error::Error;
use std::net::SocketAddr;

use quantum::{ClientConfig, Endpoint, Fingerprint};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let address: SocketAddr = arguments.next().ok_or("which ADDRESS?")?.parse()?;
    let fingerprint: Fingerprint = arguments.next().ok_or("which FINGERPRINT?")?.parse()?;
    let text = arguments.next().unwrap_or("hello".to_owned());

    let config = ClientConfig::with_pinned_certificates([fingerprint])?;
    // With QLOGDIR set, the connection is traced to a file there.
    let endpoint = Endpoint::builder()
        .with_client(config)
        .with_qlog_from_environment()
        .bind("[::]:0".parse()?)?;
    let connection = endpoint.connect(address, "localhost").await?;

    let (mut send, mut receive) = connection.open_bi().await?.split();
    send.write_all(text.as_bytes()).await?;
    send.finish()?;
    let answer = receive.read_to_end(1 << 20).await?;
    println!("{}", String::from_utf8_lossy(&answer));
    println!("round trip: {:?}", connection.statistics().rtt_latest);

    connection.shut_down(0, b"done");
    endpoint.wait_idle().await;
    Ok(())
}
