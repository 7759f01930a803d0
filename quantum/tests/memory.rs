//! What an idle connection holds in memory, counted by the allocator: alone in its binary, as the
//! count is of the whole process.

#![allow(clippy::unwrap_used, reason = "what fails fails the test")]

#[allow(dead_code, reason = "shared with other tests")]
#[path = "transport/fixture.rs"]
mod fixture;

use std::net::SocketAddr;
use std::sync::{Mutex, OnceLock};

use futures::FutureExt;
use quantum::{Connection, Endpoint, SendStream, ServerConfig, TransportConfig};
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

/// What a server does with each of its connections; it gives them away to be kept.
type Each<F> = fn(Connection, mpsc::UnboundedSender<Connection>) -> F;

/// A server on a thread of its own.
fn serve<F>(
    config: ServerConfig,
    each: Each<F>,
) -> (SocketAddr, mpsc::UnboundedReceiver<Connection>)
where
    F: Future<Output = ()> + Send + 'static,
{
    let (accepted, connections) = mpsc::unbounded_channel();
    let (told, address) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        runtime().block_on(async {
            let server = Endpoint::server(config, loopback()).unwrap();
            told.send(server.local_addr()).unwrap();
            while let Some(connection) = server.accept().await {
                tokio::spawn(each(connection, accepted.clone()));
            }
        });
    });
    (address.recv().unwrap(), connections)
}

/// Answers one request.
async fn answer(connection: Connection, accepted: mpsc::UnboundedSender<Connection>) {
    let mut stream = connection.accept_bi().await.unwrap();
    let request = stream.receive.read_to_end(100).await.unwrap();
    stream.send.write_all(&request).await.unwrap();
    stream.send.finish().unwrap();
    accepted.send(connection).unwrap();
}

/// Clients that connect, ask once, and vanish without a word: what is left of them is the
/// server's.
fn ask(
    address: SocketAddr,
    accepted: &mut mpsc::UnboundedReceiver<Connection>,
    connections: usize,
) -> Vec<Connection> {
    runtime().block_on(async {
        let client = client();
        let (mut clients, mut servers) = (Vec::new(), Vec::new());
        for _ in 0..connections {
            let connection = client.connect(address, "localhost").await.unwrap();
            let mut stream = connection.open_bi().await.unwrap();
            stream.send.write_all(&[7; 64]).await.unwrap();
            stream.send.finish().unwrap();
            assert_eq!(stream.receive.read_to_end(100).await.unwrap().len(), 64);
            clients.push(connection);
            servers.push(accepted.recv().await.unwrap());
        }
        all_acknowledged(clients.iter().chain(&servers)).await;
        servers
    })
}

/// Until nothing is under way, and the search for the largest datagram, which sends more, is over.
async fn all_acknowledged(connections: impl Iterator<Item = &Connection>) {
    for connection in connections {
        let is_busy = || {
            let statistics = connection.statistics();
            statistics.bytes_in_flight > 0 || statistics.datagram_bytes < DATAGRAM_BYTES
        };
        while is_busy() {
            tokio::task::yield_now().await;
        }
    }
}

/// The default of `with_datagram_bytes_max`, which loopback carries.
const DATAGRAM_BYTES: u16 = 1472;

/// One count at a time.
static ALONE: Mutex<()> = Mutex::new(());

/// Bytes of Rust's heap at the server for one connection. The cryptographic library, which is C,
/// adds the state of three keys, 0.6 KiB each.
const IDLE_BYTES_MAX: usize = 8_600;

/// Counted once, and before anything else: the other test leaves a server behind, whose doings would be
/// taken for those of these connections.
fn idle_bytes() -> usize {
    static BYTES: OnceLock<usize> = OnceLock::new();
    *BYTES.get_or_init(count_idle_bytes)
}

fn count_idle_bytes() -> usize {
    let (address, mut connections) = serve(config(), answer);
    let mut held = Vec::new();
    let mut gather = |count| held.extend(ask(address, &mut connections, count));
    let profiler = dhat::Profiler::builder().testing().build();
    gather(CONNECTIONS);
    let before = dhat::HeapStats::get().curr_bytes;
    gather(CONNECTIONS);
    let after = dhat::HeapStats::get().curr_bytes;
    drop(profiler);
    (after - before) / CONNECTIONS
}

#[test]
fn an_idle_connection_is_small() {
    let _alone = ALONE.lock();
    let each = idle_bytes();
    assert!(each <= IDLE_BYTES_MAX, "{each} bytes");
}

/// What a client of the attack is allowed: bytes, and streams of each direction.
const WINDOW: u64 = 16 << 10;
const STREAM_WINDOW: u64 = 2 << 10;
const STREAMS: u64 = 32;

/// Beside its bytes, a stream at the server takes less than this.
const STREAM_BYTES_MAX: usize = 1 << 10;

/// A server's application that reads no stream, but answers messages.
async fn neglect(connection: Connection, accepted: mpsc::UnboundedSender<Connection>) {
    accepted.send(connection.clone()).unwrap();
    while let Ok(message) = connection.receive_message().await {
        let _ = connection.send_message(message).await;
    }
}

/// Opens every stream that is allowed, writes as much as is allowed, and waits until it is there.
async fn commit(connection: &Connection) -> Vec<SendStream> {
    let mut streams = Vec::new();
    for _ in 0..STREAMS {
        streams.push(connection.open_bi().await.unwrap().split().0);
        streams.push(connection.open_uni().await.unwrap());
    }
    assert!(connection.open_bi().now_or_never().is_none());
    assert!(connection.open_uni().now_or_never().is_none());
    let before = connection.statistics().bytes_sent;
    for stream in &mut streams {
        while let Some(written) = stream.write(&[7; 500]).now_or_never() {
            written.unwrap();
        }
    }
    while connection.statistics().bytes_sent - before < WINDOW {
        tokio::task::yield_now().await;
    }
    all_acknowledged([connection].into_iter()).await;
    streams
}

/// Clients that commit the server as far as they can.
fn attack(address: SocketAddr, connections: usize) {
    runtime().block_on(async {
        let client = client();
        let mut held = Vec::new();
        for _ in 0..connections {
            let connection = client.connect(address, "localhost").await.unwrap();
            let streams = commit(&connection).await;
            held.push((connection, streams));
        }
    });
}

#[test]
fn t10_a_thousand_clients_that_nobody_reads_cost_what_they_were_allowed() {
    let _alone = ALONE.lock();
    let _ = idle_bytes();
    let (connections, batch) = (1_000, 100);
    let transport = TransportConfig::default()
        .with_idle_timeout(None)
        .with_receive_window(WINDOW)
        .with_stream_receive_window(STREAM_WINDOW)
        .with_bidirectional_streams_max(STREAMS)
        .with_unidirectional_streams_max(STREAMS);
    let (address, mut accepted) = serve(server_config().with_transport(transport), neglect);
    let profiler = dhat::Profiler::builder().testing().build();
    let before = dhat::HeapStats::get().curr_bytes;
    let mut held = Vec::new();
    for _ in 0..connections / batch {
        attack(address, batch);
        held.extend((0..batch).map(|_| accepted.blocking_recv().unwrap()));
    }
    let after = dhat::HeapStats::get().curr_bytes;
    drop(profiler);
    let each = (after - before) / connections;
    let streams = 2 * STREAMS as usize;
    let allowed = IDLE_BYTES_MAX + 2 * WINDOW as usize + streams * STREAM_BYTES_MAX;
    assert!(each <= allowed, "{each} bytes of {allowed}");
    assert!(
        held.iter()
            .all(|connection| connection.close_reason().is_none())
    );
    runtime().block_on(async {
        let honest = client().connect(address, "localhost").await.unwrap();
        honest.send_message("still there?").await.unwrap();
        assert_eq!(honest.receive_message().await.unwrap(), "still there?");
    });
}
