//! How large datagrams may be: search upwards, fall back when the path swallows them
//! (RFC 8899, RFC 9000 section 14.3; Q-PTH-4).

use std::time::Duration;

use smallvec::SmallVec;

use crate::config::TransportConfig;
use crate::time::Instant;

/// The search for the largest datagram of one path.
#[derive(Clone, Debug)]
pub(crate) struct MtuDiscovery {
    /// Every path carries this.
    base: u16,
    current: u16,
    /// The most that both ends allow.
    max: u16,
    /// Sizes from here on failed.
    too_large: u16,
    enabled: bool,
    /// Sizes that are tried, the largest first.
    probes: SmallVec<[Probe; 4]>,
    /// Not before.
    next_search: Instant,
    black_hole: BlackHole,
}

/// A size that is tried.
#[derive(Clone, Copy, Debug)]
struct Probe {
    size: u16,
    tries: u8,
    in_flight: bool,
}

/// Evidence that large datagrams no longer arrive.
#[derive(Clone, Debug)]
struct BlackHole {
    /// Packets above the base that were lost since one of such a size arrived.
    lost: u8,
    /// The size of the smallest of them.
    smallest: u16,
    /// A smaller one has arrived since the first of them.
    smaller_arrived: bool,
}

impl Default for BlackHole {
    fn default() -> Self {
        Self {
            lost: 0,
            smallest: u16::MAX,
            smaller_arrived: false,
        }
    }
}

impl MtuDiscovery {
    pub(crate) fn new(config: &TransportConfig) -> Self {
        let base = config.initial_datagram_bytes;
        Self {
            base,
            current: base,
            max: config.datagram_bytes_max.max(base),
            too_large: u16::MAX,
            enabled: config.mtu_discovery,
            probes: SmallVec::new(),
            next_search: Instant::ORIGIN,
            black_hole: BlackHole::default(),
        }
    }

    /// The largest datagram that is known to arrive.
    #[inline]
    pub(crate) fn current(&self) -> u16 {
        self.current
    }

    /// The largest datagram that both ends allow.
    #[inline]
    pub(crate) fn max(&self) -> u16 {
        self.max
    }

    /// The peer takes no larger ones.
    pub(crate) fn set_peer_max(&mut self, bytes: u64) {
        self.max = u16::try_from(bytes)
            .unwrap_or(u16::MAX)
            .clamp(self.base, self.max);
        self.current = self.current.min(self.max);
    }

    /// Whether [`poll_probe`](Self::poll_probe) might have one.
    #[inline]
    pub(crate) fn wants_probe(&self, now: Instant) -> bool {
        self.enabled && self.current < self.max && now >= self.next_search
    }

    /// The size of a probe to send now, if one is due; it counts as sent.
    #[inline]
    pub(crate) fn poll_probe(&mut self, now: Instant) -> Option<u16> {
        if !self.enabled || self.current == self.max || now < self.next_search {
            return None;
        }
        // The wait is over: nothing is left to wake up for.
        self.next_search = Instant::ORIGIN;
        if self.probes.is_empty() {
            self.begin_search();
        }
        let probe = self.probes.iter_mut().find(|probe| !probe.in_flight)?;
        probe.in_flight = true;
        probe.tries += 1;
        Some(probe.size)
    }

    /// When a new search begins, if the last one has ended.
    pub(crate) fn search_at(&self) -> Option<Instant> {
        let waits = self.enabled && self.next_search > Instant::ORIGIN;
        (waits && self.current < self.max).then_some(self.next_search)
    }

    /// All usual sizes at once: most paths carry the largest, and then it is found in one round
    /// trip. Beyond them, and between the last that arrived and the first that did not, by halves.
    fn begin_search(&mut self) {
        let limit = self.max.min(self.too_large.saturating_sub(1));
        let sizes = USUAL_SIZES.into_iter().chain([limit]);
        let mut sizes: SmallVec<[u16; 5]> = sizes
            .filter(|size| *size > self.current && *size <= limit)
            .collect();
        let refine = self.too_large != u16::MAX && sizes.len() <= 1;
        if refine {
            let middle = self.current + (limit.saturating_sub(self.current)).div_ceil(2);
            sizes = SmallVec::from_iter(
                (middle >= self.current.saturating_add(STEP_MIN)).then_some(middle),
            );
        }
        sizes.sort_unstable_by(|one, other| other.cmp(one));
        sizes.dedup();
        let probe = |size| Probe {
            size,
            tries: 0,
            in_flight: false,
        };
        self.probes = sizes.into_iter().map(probe).collect();
    }

    pub(crate) fn on_probe_acked(&mut self, now: Instant, size: u16) {
        // A reply to an old probe counts as well, unless the path has proven worse since.
        if size > self.current && size < self.too_large && now >= self.next_search {
            self.current = size.min(self.max);
            self.black_hole = BlackHole::default();
            self.probes.retain(|probe| probe.size > size);
            self.end_search(now);
        }
    }

    pub(crate) fn on_probe_lost(&mut self, now: Instant, size: u16) {
        let Some(probe) = self.probes.iter_mut().find(|probe| probe.size == size) else {
            return;
        };
        probe.in_flight = false;
        if probe.tries >= TRIES_MAX {
            self.too_large = self.too_large.min(size);
            self.probes.retain(|probe| probe.size < size);
            self.end_search(now);
        }
    }

    /// Nothing is left to try: a finer search, or a rest.
    fn end_search(&mut self, now: Instant) {
        if self.probes.is_empty() && self.current < self.max {
            self.begin_search();
            if self.probes.is_empty() {
                self.rest(now);
            }
        }
    }

    /// The path may change: look again, later.
    fn rest(&mut self, now: Instant) {
        self.too_large = u16::MAX;
        self.next_search = now + SEARCH_AGAIN;
    }

    #[inline]
    pub(crate) fn on_acked(&mut self, size: u16) {
        if size >= self.black_hole.smallest {
            self.black_hole = BlackHole::default();
        } else if self.black_hole.lost > 0 {
            self.black_hole.smaller_arrived = true;
        }
    }

    /// A packet that was no probe is lost. Says whether the path has become narrower.
    ///
    /// Any packet above the base counts, not only a full one: the only data that is left may be
    /// somewhat shorter than that, and be repeated until the end of time.
    pub(crate) fn on_lost(&mut self, size: u16) -> bool {
        if size <= self.base {
            return false;
        }
        let evidence = &mut self.black_hole;
        evidence.lost = evidence.lost.saturating_add(1);
        evidence.smallest = evidence.smallest.min(size);
        let narrower = evidence.lost >= BLACK_HOLE_LOSSES
            && evidence.smaller_arrived
            && self.current > self.base;
        if narrower {
            self.fall_back();
        }
        narrower
    }

    /// Nothing at all arrives any more: perhaps because it is too large, but more often because
    /// nothing does.
    pub(crate) fn on_silence(&mut self) {
        if self.current > self.base {
            self.fall_back();
        }
    }

    /// What the path carries is searched for anew at once: it may carry more than the base, and
    /// what looked like a narrower path may have been bad luck.
    fn fall_back(&mut self) {
        self.current = self.base;
        self.probes.clear();
        self.black_hole = BlackHole::default();
        self.too_large = u16::MAX;
        self.next_search = Instant::ORIGIN;
    }
}

/// Where paths commonly end: IPv6's minimum, tunnels, PPPoE, Ethernet with IPv6 and with IPv4.
const USUAL_SIZES: [u16; 4] = [1280, 1400, 1452, 1472];

/// A gain that is not worth a probe.
const STEP_MIN: u16 = 20;

/// RFC 8899 section 5.1.2: MAX_PROBES.
const TRIES_MAX: u8 = 3;

/// Packets in a row that have to be lost while smaller ones arrive.
const BLACK_HOLE_LOSSES: u8 = 3;

/// RFC 8899 section 5.1.1: PMTU_RAISE_TIMER.
const SEARCH_AGAIN: Duration = Duration::from_secs(600);

#[cfg(test)]
mod tests;
