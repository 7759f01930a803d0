//! A network that loses datagrams, between one client and one server.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::net::UdpSocket;

use crate::fixture::loopback;

/// Forwards datagrams, except those that chance (the same in every run) picks.
pub(crate) struct Relay {
    address: SocketAddr,
    dropped: Arc<AtomicU64>,
    task: tokio::task::JoinHandle<()>,
}

impl Relay {
    /// Begins to forward to and from `server`.
    pub(crate) async fn start(server: SocketAddr, loss_percent: u64) -> Self {
        let front = UdpSocket::bind(loopback()).await.unwrap();
        let back = UdpSocket::bind(loopback()).await.unwrap();
        back.connect(server).await.unwrap();
        let address = front.local_addr().unwrap();
        let dropped = Arc::new(AtomicU64::new(0));
        let losses = Losses {
            state: 7,
            percent: loss_percent,
            dropped: Arc::clone(&dropped),
        };
        let task = tokio::spawn(forward(front, back, losses));
        Self {
            address,
            dropped,
            task,
        }
    }

    /// Where the client finds the server.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many datagrams were lost.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Losses {
    state: u64,
    percent: u64,
    dropped: Arc<AtomicU64>,
}

impl Losses {
    fn next_is_lost(&mut self) -> bool {
        // Knuth's linear congruential generator.
        let product = self.state.wrapping_mul(6_364_136_223_846_793_005);
        self.state = product.wrapping_add(1_442_695_040_888_963_407);
        let lost = (self.state >> 33) % 100 < self.percent;
        self.dropped.fetch_add(u64::from(lost), Ordering::Relaxed);
        lost
    }
}

async fn forward(front: UdpSocket, back: UdpSocket, mut losses: Losses) {
    let (mut up, mut down) = ([0; 2_000], [0; 2_000]);
    let mut client = None;
    loop {
        tokio::select! {
            Ok((length, from)) = front.recv_from(&mut up) => {
                client = Some(from);
                if !losses.next_is_lost() {
                    back.send(&up[..length]).await.unwrap();
                }
            }
            Ok(length) = back.recv(&mut down) => {
                let Some(client) = client else { continue };
                if !losses.next_is_lost() {
                    front.send_to(&down[..length], client).await.unwrap();
                }
            }
        }
    }
}
