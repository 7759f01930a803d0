//! Floods of datagrams from the loopback interface: what strangers cost a server that has other
//! things to do. Names begin with the attack's number in the catalogue of attacks.

#![allow(clippy::unwrap_used, reason = "what fails fails the test")]

#[allow(dead_code, reason = "shared with other tests")]
#[path = "transport/fixture.rs"]
mod fixture;

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use quantum::{Connection, Endpoint};
use tokio::sync::Mutex;

use fixture::{client, connect, echo_streams, loopback, server};

/// One flood at a time: memory is counted for the whole process.
static ALONE: Mutex<()> = Mutex::const_new(());

/// Bytes of this process that are in memory.
fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    let resident = pages.split_whitespace().nth(1).unwrap();
    resident.parse::<usize>().unwrap() * 4096
}

/// Bytes that look like nothing in particular, different for each `at`.
fn junk(at: u64, length: usize) -> Vec<u8> {
    let mut state = at.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    std::iter::repeat_with(next).take(length).collect()
}

/// Junk with the front of a long or a short header of our version.
fn disguised(at: u64) -> Vec<u8> {
    let mut bytes = junk(at, 30 + (at % 1_300) as usize);
    match at % 4 {
        0 => bytes[0] = 0x40,
        1 => {
            bytes[..6].copy_from_slice(&[0xc0, 0x51, 0x54, 0x4d, 0x01, 8]);
            bytes[14..20].copy_from_slice(&[8, 1, 2, 3, 4, 5]);
        }
        2 => bytes[..6].copy_from_slice(&[0xe0, 0x51, 0x54, 0x4d, 0x01, 8]),
        _ => {}
    }
    bytes
}

/// The first datagram of an honest client.
async fn client_hello() -> Vec<u8> {
    let listener = UdpSocket::bind(loopback()).unwrap();
    let address = listener.local_addr().unwrap();
    let client = client();
    let connecting = tokio::spawn(async move { client.connect(address, "localhost").await });
    let receive = move || {
        let mut bytes = vec![0; 2_000];
        let (length, _) = listener.recv_from(&mut bytes).unwrap();
        bytes.truncate(length);
        bytes
    };
    let hello = tokio::task::spawn_blocking(receive).await.unwrap();
    connecting.abort();
    hello
}

/// Sends and receives on `connection` until `done`, and says how often.
async fn keep_echoing(connection: &Connection, done: &AtomicBool) -> usize {
    let mut rounds = 0;
    while !done.load(Ordering::Relaxed) {
        let mut stream = connection.open_bi().await.unwrap();
        stream.send.write_all(b"still there?").await.unwrap();
        stream.send.finish().unwrap();
        let answer = stream.receive.read_to_end(100).await.unwrap();
        assert_eq!(&answer[..], b"still there?");
        rounds += 1;
    }
    rounds
}

/// Runs `flood` against a server, in a thread of its own, while a connection is in use; by how
/// much memory grew.
async fn under_flood(flood: impl FnOnce(SocketAddr, Pace) + Send + 'static) -> usize {
    let server = server();
    let (connection, accepted) = connect(&client(), &server).await;
    tokio::spawn(echo_streams(accepted));
    let address = server.local_addr();
    let before = resident();
    let done = Arc::new(AtomicBool::new(false));
    let (over, pace) = (done.clone(), Pace::of([server.clone()]));
    let flooding = std::thread::spawn(move || {
        flood(address, pace);
        over.store(true, Ordering::Relaxed);
    });
    let rounds = keep_echoing(&connection, &done).await;
    flooding.join().unwrap();
    assert!(rounds >= 3, "{rounds} echoes in the flood");
    let statistics = server.statistics();
    assert!(statistics.datagrams_received > 10_000, "{statistics:?}");
    resident().saturating_sub(before)
}

/// Lets a flood go no faster than it is received, more or less: else the kernel drops nearly all.
struct Pace {
    targets: Vec<Endpoint>,
    sent: u64,
    received: u64,
}

impl Pace {
    fn of(targets: impl IntoIterator<Item = Endpoint>) -> Self {
        Self {
            targets: targets.into_iter().collect(),
            sent: 0,
            received: 0,
        }
    }

    fn received(&self) -> u64 {
        let received = |target: &Endpoint| target.statistics().datagrams_received;
        self.targets.iter().map(received).sum()
    }

    /// Something was sent: waits now and then until something has arrived since the last time.
    fn on_sent(&mut self, datagrams: u64) {
        self.sent += datagrams;
        if self.sent < 64 {
            return;
        }
        self.sent = 0;
        let before = self.received;
        while self.received == before {
            std::thread::yield_now();
            self.received = self.received();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t04_two_hundred_thousand_junk_datagrams_leave_memory_as_it_was() {
    let _alone = ALONE.lock().await;
    let growth = under_flood(|address, mut pace| {
        let sockets: Vec<UdpSocket> = (0..16)
            .map(|_| UdpSocket::bind(loopback()).unwrap())
            .collect();
        for at in 0..200_000 {
            let _ = sockets[at as usize % 16].send_to(&disguised(at), address);
            pace.on_sent(1);
        }
    });
    let growth = growth.await;
    assert!(growth < 16 << 20, "{growth} bytes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t26_empty_datagrams_are_counted_and_do_no_harm() {
    let _alone = ALONE.lock().await;
    let growth = under_flood(|address, mut pace| {
        let socket = UdpSocket::bind(loopback()).unwrap();
        for _ in 0..100_000 {
            let _ = socket.send_to(&[], address);
            pace.on_sent(1);
        }
    });
    let growth = growth.await;
    assert!(growth < 16 << 20, "{growth} bytes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t02_hellos_from_many_addresses_get_little_back_and_cost_little() {
    let _alone = ALONE.lock().await;
    let hello = client_hello().await;
    assert!(hello.len() >= 1_200);
    let growth = under_flood(move |address, mut pace| {
        let mut answered = 0;
        let mut buffer = [0; 2_000];
        let (sources, copies) = (200u8, 20);
        for host in 0..sources {
            let sockets = (0..50).map(|port| {
                let source = SocketAddr::from(([127, 1, host, port + 1], 0));
                UdpSocket::bind(source).unwrap()
            });
            let sockets: Vec<UdpSocket> = sockets.collect();
            for _ in 0..copies {
                for socket in &sockets {
                    let _ = socket.send_to(&hello, address);
                }
                pace.on_sent(sockets.len() as u64);
            }
            // None of them could be turned against the address that it pretends to have.
            let sent = copies as usize * hello.len();
            for socket in sockets {
                socket.set_nonblocking(true).unwrap();
                let lengths = std::iter::from_fn(|| socket.recv(&mut buffer).ok());
                let received: usize = lengths.sum();
                answered += usize::from(received > 0);
                let source = socket.local_addr().unwrap();
                assert!(received <= 3 * sent, "{source}: {received} for {sent}");
            }
        }
        assert!(answered > 0, "somebody was answered");
    });
    let growth = growth.await;
    // 32 MiB, and what the sockets and threads of the flood itself take.
    assert!(growth < 48 << 20, "{growth} bytes");
}

/// Sends what a stranger takes for the end of a connection.
fn forge_ends(targets: [Endpoint; 2]) {
    let mut pace = Pace::of(targets.clone());
    let socket = UdpSocket::bind(loopback()).unwrap();
    for at in 0..20_000u64 {
        // A short header, a number, CLOSE without error and without reason, noise.
        let mut bytes = junk(at, 21 + (at % 40) as usize);
        bytes[0] = 0x40 | (at % 64) as u8;
        bytes[4..8].copy_from_slice(&[0x1c, 0, 0, 0]);
        let target = &targets[at as usize % 2];
        let _ = socket.send_to(&bytes, target.local_addr());
        pace.on_sent(1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t24_closes_and_resets_of_strangers_end_nothing() {
    let _alone = ALONE.lock().await;
    let (client, server) = (client(), server());
    let (connection, accepted) = connect(&client, &server).await;
    tokio::spawn(echo_streams(accepted));
    let targets = [client.clone(), server.clone()];
    let forging = tokio::task::spawn_blocking(move || forge_ends(targets));
    forging.await.unwrap();
    let mut rounds = 0;
    while rounds < 3 {
        rounds += keep_echo(&connection).await;
    }
    assert_eq!(connection.close_reason(), None);
}

/// One echo.
async fn keep_echo(connection: &Connection) -> usize {
    let mut stream = connection.open_bi().await.unwrap();
    stream.send.write_all(b"x").await.unwrap();
    stream.send.finish().unwrap();
    assert_eq!(&stream.receive.read_to_end(10).await.unwrap()[..], b"x");
    1
}
