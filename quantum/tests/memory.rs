//! What an idle connection holds in memory, counted by the allocator: alone in its binary, as the
//! count is of the whole process.

#![allow(clippy::unwrap_used, reason = "what fails fails the test")]

#[allow(dead_code, reason = "shared with other tests")]
#[path = "transport/fixture.rs"]
mod fixture;

use std::net::SocketAddr;
use std::time::Duration;

use quantum::{Connection, Endpoint, ServerConfig, TransportConfig};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;

use fixture::{client, loopback, server_config};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// Connections that the count is divided by; as many more come first, which fill what is shared.
const CONNECTIONS: usize = 200;

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn config() -> ServerConfig {
    let transport = TransportConfig::default().with_idle_timeout(None);
    server_config().with_transport(transport)
}

/// A server on a thread of its own that answers one request of each connection and keeps it.
fn serve() -> (SocketAddr, mpsc::UnboundedReceiver<Connection>) {
    let (accepted, connections) = mpsc::unbounded_channel();
    let (told, address) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        runtime().block_on(async {
            let server = Endpoint::server(config(), loopback()).unwrap();
            told.send(server.local_addr()).unwrap();
            while let Some(connection) = server.accept().await {
                tokio::spawn(answer(connection, accepted.clone()));
            }
        });
    });
    (address.recv().unwrap(), connections)
}

async fn answer(connection: Connection, accepted: mpsc::UnboundedSender<Connection>) {
    let mut stream = connection.accept_bi().await.unwrap();
    let request = stream.receive.read_to_end(100).await.unwrap();
    stream.send.write_all(&request).await.unwrap();
    stream.send.finish().unwrap();
    accepted.send(connection).unwrap();
}

/// Clients that connect, ask once, and vanish without a word: what is left of them is the
/// server's.
fn ask(address: SocketAddr, connections: usize) {
    runtime().block_on(async {
        let client = client();
        let mut held = Vec::new();
        for _ in 0..connections {
            let connection = client.connect(address, "localhost").await.unwrap();
            let mut stream = connection.open_bi().await.unwrap();
            stream.send.write_all(&[7; 64]).await.unwrap();
            stream.send.finish().unwrap();
            assert_eq!(stream.receive.read_to_end(100).await.unwrap().len(), 64);
            held.push(connection);
        }
        // Until late acknowledgements have come and timers of the first packets have fired.
        tokio::time::sleep(Duration::from_secs(2)).await;
    });
}

#[test]
fn an_idle_connection_is_small() {
    let (address, mut connections) = serve();
    let mut held = Vec::new();
    let mut gather = |count: usize| {
        ask(address, count);
        held.extend((0..count).map(|_| connections.blocking_recv().unwrap()));
    };
    let profiler = dhat::Profiler::builder().build();
    gather(CONNECTIONS);
    let before = dhat::HeapStats::get().curr_bytes;
    gather(CONNECTIONS);
    let after = dhat::HeapStats::get().curr_bytes;
    let each = (after - before) / CONNECTIONS;
    eprintln!("{each} bytes");
    drop(profiler);
    drop(held);
}
