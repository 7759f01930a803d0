//! Sends back whatever arrives, on every stream of every connection.
//!
//! `cargo run -p quantum --example echo_server [ADDRESS]` prints what the client needs to know.

use std::error::Error;
use std::net::SocketAddr;

use quantum::{BidirectionalStream, Connection, Endpoint, self_signed};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1);
    let address: SocketAddr = address.as_deref().unwrap_or("127.0.0.1:4433").parse()?;

    // A certificate that vouches for itself: the client knows it by its fingerprint.
    let (config, fingerprint) = self_signed("localhost")?;

    // With QLOGDIR set, each connection is traced to a file there.
    let endpoint = Endpoint::builder()
        .with_server(config)
        .with_qlog_from_environment()
        .bind(address)?;
    println!(
        "cargo run -p quantum --example echo_client {} {fingerprint}",
        endpoint.local_addr()
    );
    while let Some(connection) = endpoint.accept().await {
        println!("{} connected", connection.remote_address());
        tokio::spawn(serve(connection));
    }
    Ok(())
}

async fn serve(connection: Connection) {
    let reason = loop {
        match connection.accept_bi().await {
            Ok(stream) => tokio::spawn(async {
                if let Err(error) = echo(stream).await {
                    eprintln!("a stream failed: {error}");
                }
            }),
            Err(reason) => break reason,
        };
    };
    println!("{} left: {reason}", connection.remote_address());
}

async fn echo(stream: BidirectionalStream) -> Result<(), Box<dyn Error + Send + Sync>> {
    let (mut send, mut receive) = stream.split();
    while let Some(chunk) = receive.read_chunk(usize::MAX).await? {
        send.write_chunk(chunk).await?;
    }
    send.finish()?;
    Ok(())
}
