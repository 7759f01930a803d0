//! Two people talk: `cargo run -p quantum --example chat` waits for the other, who types what it
//! prints. The end of the input, or of the other, ends the talk.
use quantum::{ClientConfig, Endpoint, self_signed};
use tokio::io::{AsyncBufReadExt, BufReader, stdin};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (endpoint, peer) = if let [address, fingerprint] = &arguments[..] {
        let config = ClientConfig::with_pinned_certificates([fingerprint.parse()?])?;
        let endpoint = Endpoint::client(config, "[::]:0".parse()?)?;
        let peer = endpoint.connect(address.parse()?, "localhost").await?;
        (endpoint, peer)
    } else {
        let (config, fingerprint) = self_signed("localhost")?;
        println!("cargo run -p quantum --example chat ADDRESS:4433 {fingerprint}");
        let endpoint = Endpoint::server(config, "[::]:4433".parse()?)?;
        let peer = endpoint.accept().await.ok_or("closed")?;
        (endpoint, peer)
    };
    let mut lines = BufReader::new(stdin()).lines();
    loop {
        tokio::select! {
            line = lines.next_line() => {
                let Some(line) = line? else { break };
                peer.send_message(line).await?;
            }
            message = peer.receive_message() => {
                let Ok(message) = message else { break };
                println!("> {}", String::from_utf8_lossy(&message));
            }
        }
    }
    peer.shut_down(0, b"bye");
    endpoint.wait_idle().await;
    Ok(())
}
