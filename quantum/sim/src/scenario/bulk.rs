//! Bulk transfer: one stream that never ends, as fast as possible or as fast as its application
//! writes.

use std::fmt;
use std::time::Duration;

use quantum_proto::Connection;
use quantum_proto::stats::Statistics;
use quantum_proto::stream::{Direction, StreamId};
use quantum_proto::time::Instant;

use super::demand::Demand;
use crate::path::schedule::Schedule;
use crate::program::Program;
use crate::samples::Samples;
use crate::transport::{Notice, Transport};
use crate::units::BitRate;

/// Arrivals are counted in slots of this length.
pub(super) const SLOT: Duration = Duration::from_millis(100);
/// Bytes per write or read.
const PIECE: usize = 64 << 10;
/// How often the state of a sender is noted, besides each change.
const NOTED_EVERY: Duration = Duration::from_millis(5);

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
    demand: Option<Demand>,
    /// What the controller has been doing.
    pub(super) samples: Vec<Sample>,
    piece: Vec<u8>,
}

/// What a sender's controller was doing at a time.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// When.
    pub at: Duration,
    /// Its state, in the words of its specification.
    pub state: &'static str,
    /// What it takes for the rate of the bottleneck, in bytes per second.
    pub bandwidth: u64,
    /// Bytes per second at which packets leave.
    pub pacing_rate: u64,
    /// Bytes that may be in flight.
    pub window: u64,
    /// Bytes in flight.
    pub in_flight: u64,
    /// Packets declared lost since the beginning.
    pub lost: u64,
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

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:9.4} s {:15} {:7.2} Mbit/s, paces {:7.2}; {:8} of {:8} bytes in flight, {} lost",
            self.at.as_secs_f64(),
            self.state,
            self.bandwidth as f64 * 8e-6,
            self.pacing_rate as f64 * 8e-6,
            self.in_flight,
            self.window,
            self.lost
        )
    }
}

impl Bulk {
    pub(super) fn sender(starts_at: Instant, demand: Option<Schedule<BitRate>>) -> Self {
        Self::Sender(Sender {
            starts_at,
            demand: demand.map(|rate| Demand::new(rate, starts_at)),
            samples: Vec::new(),
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
        self.write(now, connection);
        self.note(now, &connection.statistics());
    }

    fn write(&mut self, now: Instant, connection: &mut Connection) {
        let Some(id) = self.stream else {
            return;
        };
        let mut most = u64::MAX;
        if let Some(demand) = &mut self.demand {
            let unsent = connection.holdings().stream_send_bytes as u64;
            let unsent = unsent.saturating_sub(connection.statistics().bytes_in_flight);
            most = demand.due(now, unsent);
        }
        while self.writable && most > 0 {
            let size = usize::try_from(most).unwrap_or(PIECE).min(PIECE);
            let piece = self.piece.get(..size).unwrap_or_default();
            match Connection::write(connection, id, piece) {
                Ok(count) => {
                    most = most.saturating_sub(count as u64);
                    if let Some(demand) = &mut self.demand {
                        demand.take(count as u64);
                    }
                }
                Err(_) => self.writable = false,
            }
        }
    }

    fn note(&mut self, now: Instant, figures: &Statistics) {
        if now.since(self.sampled_at) >= SLOT {
            self.sampled_at = now;
            self.rtts.add(figures.rtt_smoothed);
        }
        let at = now.since(Instant::ORIGIN);
        let state = figures.controller.state;
        let last = self.samples.last();
        if last.is_some_and(|last| last.state == state && at < last.at + NOTED_EVERY) {
            return;
        }
        self.samples.push(Sample {
            at,
            state,
            bandwidth: figures.controller.bandwidth.unwrap_or(0),
            pacing_rate: figures.pacing_rate.unwrap_or(u64::MAX),
            window: figures.window,
            in_flight: figures.bytes_in_flight,
            lost: figures.packets_lost,
        });
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
            Self::Sender(sender) if sender.connected => sender.demand.as_ref()?.next_at(),
            _ => None,
        }
    }

    fn is_busy(&self) -> bool {
        true
    }
}
