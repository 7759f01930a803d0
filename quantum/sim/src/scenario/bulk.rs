//! Bulk transfer: one stream that never ends.

use std::time::Duration;

use quantum_proto::Connection;
use quantum_proto::stream::{Direction, StreamId};
use quantum_proto::time::Instant;

use crate::program::Program;
use crate::samples::Samples;
use crate::transport::{Notice, Transport};

/// Arrivals are counted in slots of this length.
pub(super) const SLOT: Duration = Duration::from_millis(100);
/// Bytes per write or read.
const PIECE: usize = 64 << 10;

/// One end of a bulk transfer.
pub(super) enum Bulk {
    Sender(Sender),
    Receiver(Receiver),
}

/// Writes whenever it may.
pub(super) struct Sender {
    starts_at: Instant,
    stream: Option<StreamId>,
    connected: bool,
    writable: bool,
    /// The smoothed round-trip time, once per slot.
    pub(super) rtts: Samples,
    sampled_at: Instant,
    piece: Vec<u8>,
}

/// Reads and counts.
#[derive(Default)]
pub(super) struct Receiver {
    /// The sender's address in place of a number: connections do not come in order.
    pub(super) from: Option<std::net::SocketAddr>,
    stream: Option<StreamId>,
    /// Bytes in each slot.
    pub(super) slots: Vec<u64>,
    piece: Vec<u8>,
}

impl Bulk {
    pub(super) fn sender(starts_at: Instant) -> Self {
        Self::Sender(Sender {
            starts_at,
            stream: None,
            connected: false,
            writable: true,
            rtts: Samples::default(),
            sampled_at: Instant::ORIGIN,
            piece: vec![0; PIECE],
        })
    }

    pub(super) fn receiver() -> Self {
        Self::Receiver(Receiver {
            piece: vec![0; PIECE],
            ..Receiver::default()
        })
    }
}

impl Sender {
    fn run(&mut self, now: Instant, connection: &mut Connection) {
        while let Some(notice) = connection.poll_notice() {
            match notice {
                Notice::Connected => self.connected = true,
                Notice::Writable(_) => self.writable = true,
                _ => {}
            }
        }
        if !self.connected || now < self.starts_at {
            return;
        }
        if self.stream.is_none() {
            self.stream = Connection::open(connection, Direction::Unidirectional);
        }
        while let Some(id) = self.stream.filter(|_| self.writable) {
            self.writable = Connection::write(connection, id, &self.piece).is_ok();
        }
        if now.since(self.sampled_at) >= SLOT {
            self.sampled_at = now;
            self.rtts.add(connection.statistics().rtt_smoothed);
        }
    }
}

impl Receiver {
    fn run(&mut self, now: Instant, connection: &mut Connection) {
        self.from.get_or_insert(connection.remote_address());
        while connection.poll_notice().is_some() {}
        if self.stream.is_none() {
            self.stream = Connection::accept(connection, Direction::Unidirectional);
        }
        let Some(id) = self.stream else {
            return;
        };
        while let Ok(count) = Connection::read(connection, id, &mut self.piece) {
            self.count(now, count as u64);
        }
    }

    fn count(&mut self, now: Instant, bytes: u64) {
        let slot = now.since(Instant::ORIGIN).as_millis() / SLOT.as_millis();
        let slot = usize::try_from(slot).unwrap_or(usize::MAX);
        if self.slots.len() <= slot {
            self.slots.resize(slot.saturating_add(1), 0);
        }
        if let Some(count) = self.slots.get_mut(slot) {
            *count += bytes;
        }
    }
}

impl Program for Bulk {
    fn start(&mut self, _now: Instant, _early: Vec<Notice>) {
        if let Self::Sender(sender) = self {
            sender.connected = true;
        }
    }

    fn run(&mut self, now: Instant, connection: &mut Connection) {
        match self {
            Self::Sender(sender) => sender.run(now, connection),
            Self::Receiver(receiver) => receiver.run(now, connection),
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        match self {
            Self::Sender(sender) if sender.connected && sender.stream.is_none() => {
                Some(sender.starts_at)
            }
            _ => None,
        }
    }

    fn is_busy(&self) -> bool {
        true
    }
}
