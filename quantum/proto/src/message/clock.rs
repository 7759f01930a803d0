//! Two clocks that know nothing of each other, and what a packet took beyond the quickest
//! (Q-DLN-1 to Q-DLN-5).

use std::time::Duration;

use crate::carried::PacketBuffer;
use crate::error::TransportError;
use crate::frame::{self, TENTH, Timestamp, tenths};
use crate::time::Instant;

/// What this end has told of its clock.
#[derive(Debug, Default)]
pub(super) struct OwnClock {
    /// What times are counted from: when the first was stated.
    origin: Option<Instant>,
    /// When the time was stated last on this path.
    stated_at: Option<Instant>,
    /// How often the path has changed, and which one it is now.
    path: u64,
    path_id: u32,
    /// The packet that is being written has a timestamp.
    in_packet: bool,
}

impl OwnClock {
    /// Another packet is begun.
    pub(super) fn begin_packet(&mut self, path_id: u32) {
        self.in_packet = false;
        if self.path_id != path_id {
            self.path_id = path_id;
            self.path += 1;
            // At once, so that the receiver learns how long the new path is.
            self.stated_at = None;
        }
    }

    /// Whether it is time to state the time though no message needs it (Q-DLN-2).
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.stated_at
            .is_none_or(|stated| now.since(stated) >= INTERVAL)
    }

    /// Sees to it that the packet has a timestamp. False: there is no room for it.
    pub(super) fn write(&mut self, now: Instant, packet: &mut PacketBuffer<'_>) -> bool {
        if self.in_packet {
            return true;
        }
        if packet.remaining() < TIMESTAMP_BYTES_MAX {
            return false;
        }
        let elapsed = now.since(*self.origin.get_or_insert(now));
        let time = u64::try_from(elapsed.as_nanos() / TENTH.as_nanos()).unwrap_or(u64::MAX);
        let path = self.path;
        frame::write_timestamp(packet.buffer, Timestamp { time, path });
        self.stated_at = Some(now);
        self.in_packet = true;
        true
    }
}

/// What the peer has told of its clock, and what follows for the delay of its packets.
#[derive(Debug, Default)]
pub(super) struct PeerClock {
    path: u64,
    floor: Option<Floor>,
    /// Of the packet that is being read, if it says when it was sent.
    arrival: Option<Arrival>,
}

/// The smallest difference between our clock at an arrival and the peer's at the departure. One that
/// is only so much larger as clocks that run apart explain takes its place. What that hides of a queue
/// shows when the queue has been empty again: delays are counted from the lowest floor of the last
/// while, and rather seem too long.
#[derive(Clone, Copy, Debug)]
struct Floor {
    nanoseconds: i64,
    at: Instant,
    /// The lowest of this span of time, and of the one before.
    lowest: [i64; 2],
    span_began: Instant,
}

#[derive(Clone, Copy, Debug)]
struct Arrival {
    at: Instant,
    /// What it took longer than a packet that sets the floor.
    excess: Duration,
}

impl PeerClock {
    /// Another packet is read.
    pub(super) fn begin_packet(&mut self) {
        self.arrival = None;
    }

    /// The packet that is being read arrived at `at`, and says when it was sent.
    pub(super) fn on_timestamp(&mut self, at: Instant, sent: Timestamp) {
        let difference = nanoseconds(at.since(Instant::ORIGIN)) - nanoseconds(tenths(sent.time));
        let known = self.floor.filter(|_| sent.path <= self.path);
        let mut floor = known.unwrap_or(Floor::new(difference, at));
        if sent.path == self.path {
            floor.update(difference, at);
        }
        self.floor = Some(floor);
        self.path = self.path.max(sent.path);
        let excess = difference.saturating_sub(floor.lowest());
        let excess = u64::try_from(excess).unwrap_or(0);
        self.arrival = Some(Arrival {
            at,
            excess: Duration::from_nanos(excess),
        });
    }

    /// Until when a message may be taken that has so much slack, by the packet that is being read;
    /// `None`: it is late already.
    ///
    /// # Errors
    ///
    /// If the packet does not say when it was sent.
    pub(super) fn usable_until(&self, slack: u64) -> Result<Option<Instant>, TransportError> {
        let Some(arrival) = self.arrival else {
            return Err(TransportError::violation(
                "a message with a deadline in a packet without a timestamp",
            ));
        };
        let left = tenths(slack).checked_sub(arrival.excess);
        Ok(left.map(|left| arrival.at + left))
    }
}

impl Floor {
    fn new(nanoseconds: i64, at: Instant) -> Self {
        Self {
            nanoseconds,
            at,
            lowest: [nanoseconds; 2],
            span_began: at,
        }
    }

    fn update(&mut self, difference: i64, at: Instant) {
        if difference <= self.risen(at) {
            self.nanoseconds = difference;
            self.at = at;
        }
        if at.since(self.span_began) >= SPAN {
            self.lowest = [self.nanoseconds, self.lowest[0]];
            self.span_began = at;
        }
        self.lowest[0] = self.lowest[0].min(self.nanoseconds);
    }

    fn lowest(&self) -> i64 {
        self.lowest[0].min(self.lowest[1])
    }

    /// What may take its place at `at`.
    fn risen(self, at: Instant) -> i64 {
        let rise = at.since(self.at) / DRIFT_INVERSE;
        self.nanoseconds.saturating_add(nanoseconds(rise))
    }
}

/// Far fewer than overflow when two are added: what a peer makes up is cut.
fn nanoseconds(duration: Duration) -> i64 {
    let most = i64::MAX / 4;
    i64::try_from(duration.as_nanos()).unwrap_or(most).min(most)
}

/// BBR empties its queues more often than this, and clocks run apart by few milliseconds in it.
const SPAN: Duration = Duration::from_secs(10);

/// How often the time is stated though no message needs it.
const INTERVAL: Duration = Duration::from_secs(1);

/// The floor rises by one part in so many: 500 parts per million, the fastest that NTP lets a clock
/// be slewed (RFC 5905 appendix A.5.5: MAXFREQ).
const DRIFT_INVERSE: u32 = 2_000;

/// A type of two bytes and two varints.
pub(super) const TIMESTAMP_BYTES_MAX: usize = 2 + 8 + 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: u64) -> Instant {
        Instant::ORIGIN + Duration::from_millis(milliseconds)
    }

    fn stamp(milliseconds: u64, path: u64) -> Timestamp {
        let time = milliseconds * 10;
        Timestamp { time, path }
    }

    fn excess(clock: &PeerClock) -> Duration {
        clock.arrival.unwrap().excess
    }

    #[test]
    fn excess_is_counted_from_the_quickest_packet_whatever_the_clocks_say() {
        for origin in [0, 1_000_000] {
            let mut clock = PeerClock::default();
            clock.on_timestamp(at(origin + 50), stamp(700, 0));
            assert_eq!(excess(&clock), Duration::ZERO);
            clock.on_timestamp(at(origin + 90), stamp(730, 0));
            assert_eq!(excess(&clock), Duration::from_millis(10));
            clock.on_timestamp(at(origin + 100), stamp(755, 0));
            assert_eq!(excess(&clock), Duration::ZERO);
            clock.on_timestamp(at(origin + 100), stamp(750, 0));
            assert_eq!(excess(&clock), Duration::from_millis(5));
        }
    }

    #[test]
    fn a_clock_that_runs_slow_is_no_queue() {
        let mut clock = PeerClock::default();
        // 400 parts per million.
        for second in 0..1_000_u64 {
            let sent = Timestamp {
                time: second * 10_000 - second * 4,
                path: 0,
            };
            clock.on_timestamp(at(second * 1_000 + 30), sent);
            // What it ran apart in 20 seconds at most.
            assert!(excess(&clock) <= Duration::from_millis(8), "{second} s");
        }
    }

    #[test]
    fn another_path_has_another_floor() {
        let mut clock = PeerClock::default();
        clock.on_timestamp(at(20), stamp(0, 0));
        clock.on_timestamp(at(150), stamp(100, 1));
        assert_eq!(excess(&clock), Duration::ZERO);
        // What comes late from the old one is judged, and judges nothing.
        clock.on_timestamp(at(150), stamp(120, 0));
        assert_eq!(excess(&clock), Duration::ZERO);
        clock.on_timestamp(at(200), stamp(150, 1));
        assert!(excess(&clock) <= Duration::from_micros(1));
    }

    #[test]
    fn slack_less_excess_is_what_the_application_has() {
        let mut clock = PeerClock::default();
        clock.on_timestamp(at(10), stamp(0, 0));
        clock.on_timestamp(at(25), stamp(10, 0));
        assert_eq!(clock.usable_until(100), Ok(Some(at(30))));
        assert_eq!(clock.usable_until(40), Ok(None));
        clock.begin_packet();
        assert!(clock.usable_until(100).is_err());
    }

    #[test]
    fn times_without_sense_do_no_harm() {
        let mut clock = PeerClock::default();
        let times = [0, u64::MAX >> 2, 1, u64::MAX >> 2, 5];
        for (time, now) in times
            .into_iter()
            .zip([at(0), Instant::DISTANT, at(1)].into_iter().cycle())
        {
            clock.on_timestamp(now, Timestamp { time, path: time });
            let _ = clock.usable_until(u64::MAX >> 2);
        }
    }
}
