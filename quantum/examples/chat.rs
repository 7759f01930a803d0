//! Two people talk: `cargo run -p quantum --example chat` waits for the other, and prints what
//! the other has to type.
use std::error::Error;
use std::net::SocketAddr;

use quantum::{ClientConfig, Connection, Endpoint, Fingerprint, ServerConfig};
use tokio::io::{AsyncBufReadExt, BufReader, stdin};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (endpoint, peer) = match &arguments[..] {
        [address, fingerprint] => call(address.parse()?, fingerprint.parse()?).await?,
        _ => wait().await?,
    };
    let mut lines = BufReader::new(stdin()).lines();
    loop {
        tokio::select! {
            line = lines.next_line() => match line? {
                Some(line) => peer.send_message(line).await?,
                None => break,
            },
            message = peer.receive_message() => match message {
                Ok(message) => println!("> {}", String::from_utf8_lossy(&message)),
                Err(reason) => return Ok(println!("{reason}")),
            },
        }
    }
    peer.shut_down(0, b"bye");
    Ok(endpoint.wait_idle().await)
}

async fn call(
    address: SocketAddr,
    fingerprint: Fingerprint,
) -> Result<(Endpoint, Connection), Box<dyn Error>> {
    let config = ClientConfig::with_pinned_certificates([fingerprint])?;
    let endpoint = Endpoint::client(config, "[::]:0".parse()?)?;
    let peer = endpoint.connect(address, "localhost").await?;
    Ok((endpoint, peer))
}

async fn wait() -> Result<(Endpoint, Connection), Box<dyn Error>> {
    let issued = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    let key = issued.signing_key.serialize_der().try_into()?;
    let config = ServerConfig::with_certificate(vec![issued.cert.der().clone()], key)?;
    let endpoint = Endpoint::server(config, "[::]:4433".parse()?)?;
    let fingerprint = Fingerprint::of(issued.cert.der());
    println!("cargo run -p quantum --example chat ADDRESS:4433 {fingerprint}");
    let peer = endpoint.accept().await.ok_or("closed")?;
    Ok((endpoint, peer))
}
