//! A link of limited rate with a first-in-first-out queue before it.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use quantum_proto::time::Instant;
use quantum_proto::transmit::EcnCodepoint;

use super::schedule::Schedule;
use super::{Element, Outlet};
use crate::datagram::Datagram;
use crate::random::Random;
use crate::samples::Samples;
use crate::units::BitRate;

/// A link of limited rate and its queue. Queue and rate count headers (28 bytes a datagram).
#[derive(Debug)]
pub struct Bottleneck {
    pub(super) rate: Schedule<BitRate>,
    pub(super) queue_bytes_max: u64,
    pub(super) mark_above: Option<u64>,
    /// When the last bit of each waiting datagram will have left, and its size.
    waiting: VecDeque<(Instant, u64)>,
    waiting_bytes: u64,
    busy_until: Instant,
    occupancy: Occupancy,
}

/// What a bottleneck has seen.
#[derive(Debug, Default)]
pub struct Occupancy {
    /// How long each datagram waited for others, in microseconds.
    pub waits: Samples,
    /// Datagrams that passed.
    pub passed: u64,
    /// Their bytes, headers included.
    pub passed_bytes: u64,
    /// Datagrams that found the queue full.
    pub dropped: u64,
    /// Datagrams that were marked.
    pub marked: u64,
}

impl Bottleneck {
    /// A link of this rate before which any number of bytes may wait.
    #[must_use]
    pub fn new(rate: Schedule<BitRate>) -> Self {
        Self {
            rate,
            queue_bytes_max: u64::MAX,
            mark_above: None,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            busy_until: Instant::ORIGIN,
            occupancy: Occupancy::default(),
        }
    }

    fn forget_departed(&mut self, now: Instant) {
        while let Some((departure, bytes)) = self.waiting.front() {
            if *departure > now {
                break;
            }
            self.waiting_bytes = self.waiting_bytes.saturating_sub(*bytes);
            self.waiting.pop_front();
        }
    }

    /// When the last of `bytes` has left if the first leaves at `start`, over changes of rate.
    fn departure(&self, start: Instant, bytes: u64) -> Instant {
        let (mut time, mut left) = (start, bytes);
        while let Some(change) = self.rate.next_change(time) {
            let rate = self.rate.at(time);
            if time + rate.time_for(left) <= change {
                break;
            }
            left = left.saturating_sub(rate.bytes_in(change - time));
            time = change;
        }
        time + self.rate.at(time).time_for(left)
    }

    fn mark(&mut self, datagram: &mut Datagram) {
        let above = self
            .mark_above
            .is_some_and(|limit| self.waiting_bytes > limit);
        if above && datagram.ecn.is_some() {
            datagram.ecn = Some(EcnCodepoint::Ce);
            self.occupancy.marked += 1;
        }
    }

    fn transmit(&mut self, now: Instant, bytes: u64) -> Instant {
        let start = self.busy_until.max(now);
        self.busy_until = self.departure(start, bytes);
        self.waiting.push_back((self.busy_until, bytes));
        self.waiting_bytes += bytes;
        self.occupancy.record(start - now, bytes);
        self.busy_until
    }
}

impl Occupancy {
    fn record(&mut self, wait: Duration, bytes: u64) {
        self.passed += 1;
        self.passed_bytes += bytes;
        self.waits.add(wait);
    }
}

impl Element for Bottleneck {
    fn handle(
        &mut self,
        now: Instant,
        mut datagram: Datagram,
        _random: &mut Random,
        outlet: &mut Outlet,
    ) {
        self.forget_departed(now);
        let bytes = datagram.wire_bytes();
        // The one datagram that is being sent does not wait.
        let fits = self.waiting_bytes.saturating_add(bytes) <= self.queue_bytes_max;
        if !fits && !self.waiting.is_empty() {
            self.occupancy.dropped += 1;
            return;
        }
        self.mark(&mut datagram);
        outlet.pass(self.transmit(now, bytes), datagram);
    }

    fn occupancy(&self) -> Option<&Occupancy> {
        Some(&self.occupancy)
    }

    fn bottleneck(&mut self) -> Option<&mut Bottleneck> {
        Some(self)
    }
}

impl fmt::Display for Bottleneck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("rate(")?;
        self.rate.describe(f, |rate| megabits(*rate))?;
        if self.queue_bytes_max != u64::MAX {
            write!(f, ", queue {}", self.queue_bytes_max)?;
        }
        if let Some(limit) = self.mark_above {
            write!(f, ", marks above {limit}")?;
        }
        f.write_str(")")
    }
}

fn megabits(rate: BitRate) -> String {
    format!("{} Mbit/s", rate.0 as f64 / 1e6)
}
