//! Datagrams on their way to the socket, gathered into few system calls.

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;

use crate::protocol::{EcnCodepoint, Transmit};

#[cfg(test)]
mod tests;

/// What one system call may carry: 65,535 less the headers of IPv6 and UDP, with room for an
/// extension header.
const GROUP_BYTES_MAX: usize = 65_000;

/// Larger datagrams are worth neither copying nor waiting for others.
const LOOSE_BYTES_MAX: usize = 512;

/// Datagrams of equal size (the last may be smaller) to one destination: one system call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    /// Where in the buffer.
    pub(crate) bytes: Range<usize>,
    pub(crate) destination: SocketAddr,
    pub(crate) source: Option<IpAddr>,
    pub(crate) ecn: Option<EcnCodepoint>,
    /// Size of each datagram but the last.
    pub(crate) segment: usize,
}

impl Group {
    /// What was appended at `start`.
    pub(crate) fn of(transmit: &Transmit, start: usize) -> Self {
        let end = start.saturating_add(transmit.size);
        Self {
            bytes: start..end,
            destination: transmit.destination,
            source: transmit.source,
            ecn: transmit.ecn,
            segment: transmit.segment_size.unwrap_or(transmit.size).max(1),
        }
    }

    /// How many datagrams.
    pub(crate) fn datagrams(&self) -> usize {
        self.bytes.len().div_ceil(self.segment)
    }

    /// Takes `other`, which lies right behind, in as well, if one system call can carry both.
    fn join(&mut self, other: &Self, segments_max: usize) -> bool {
        let whole = self.bytes.len().is_multiple_of(self.segment);
        let size_fits = other.segment == self.segment
            || (other.segment < self.segment && other.datagrams() == 1);
        let same_way = other.destination == self.destination
            && other.source == self.source
            && other.ecn == self.ecn;
        let room = self.datagrams().saturating_add(other.datagrams()) <= segments_max
            && self.bytes.len().saturating_add(other.bytes.len()) <= GROUP_BYTES_MAX;
        let joins = whole && size_fits && same_way && room;
        if joins {
            self.bytes.end = other.bytes.end;
        }
        joins
    }

    /// Cuts off the front, at most `segments` datagrams of it.
    fn split_front(&mut self, segments: usize) -> Self {
        let per_call = segments.min(GROUP_BYTES_MAX / self.segment).max(1);
        let size = self.segment.saturating_mul(per_call).min(self.bytes.len());
        let middle = self.bytes.start.saturating_add(size);
        let mut front = self.clone();
        front.bytes.end = middle;
        self.bytes.start = middle;
        front
    }
}

/// How an attempt to send went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sending {
    /// It left (or was dropped on the way, as the network may drop it).
    Done,
    /// The socket's buffer is full.
    Blocked,
    /// The system refuses to cut it into datagrams: they have to go one by one.
    Refused,
}

/// Gathers what connections transmit.
///
/// Connections append to one buffer. What follows on another with the same destination and the
/// same size joins its group, whichever connection it comes from: 64 connections between two
/// endpoints cost one system call a round, not 64.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    /// What poll_transmit appends to.
    pub(crate) buffer: Vec<u8>,
    groups: VecDeque<Group>,
    /// Datagrams that may change places with others.
    loose: Vec<Group>,
}

impl Outbox {
    /// `transmit` was appended to the buffer at `start`.
    pub(crate) fn push(&mut self, start: usize, transmit: &Transmit, segments_max: usize) {
        self.push_group(Group::of(transmit, start), segments_max);
    }

    /// As [`push`](Self::push), for all that a connection sends in this turn, if that is little.
    ///
    /// Datagrams of many connections differ by a byte or two: brought in order by size, they need
    /// few system calls. A connection's own datagrams must not overtake each other.
    pub(crate) fn push_only(&mut self, start: usize, transmit: &Transmit, segments_max: usize) {
        let group = Group::of(transmit, start);
        if group.datagrams() == 1 && transmit.size <= LOOSE_BYTES_MAX {
            self.loose.push(group);
        } else {
            self.push_group(group, segments_max);
        }
    }

    fn push_group(&mut self, group: Group, segments_max: usize) {
        let joined = self.groups.back_mut().is_some_and(|last| {
            last.bytes.end == group.bytes.start && last.join(&group, segments_max)
        });
        if !joined {
            self.groups.push_back(group);
        }
    }

    /// Puts the loose datagrams behind each other, those that can leave together side by side.
    fn arrange(&mut self, segments_max: usize) {
        let mut loose = std::mem::take(&mut self.loose);
        let in_order = loose.len() < 2;
        loose.sort_unstable_by_key(|group| {
            let way = (group.destination, group.source, group.ecn);
            (way, Reverse(group.segment), group.bytes.start)
        });
        for mut group in loose.drain(..) {
            if !in_order {
                let start = self.buffer.len();
                self.buffer.extend_from_within(group.bytes);
                group.bytes = start..self.buffer.len();
            }
            self.push_group(group, segments_max);
        }
        self.loose = loose;
    }

    /// Bytes that wait.
    pub(crate) fn bytes(&self) -> usize {
        let first = self.groups.front().or(self.loose.first());
        let start = first.map(|group| group.bytes.start);
        self.buffer
            .len()
            .saturating_sub(start.unwrap_or(self.buffer.len()))
    }

    /// Hands everything to `send`, a system call's worth at a time; `segments` says how many
    /// datagrams that may be. False: the socket is full, and the rest waits.
    pub(crate) fn send(
        &mut self,
        segments: impl Fn() -> usize,
        mut send: impl FnMut(&Group, &[u8]) -> Sending,
    ) -> bool {
        let mut segments_max = segments();
        self.arrange(segments_max);
        while let Some(mut rest) = self.groups.pop_front() {
            while !rest.bytes.is_empty() {
                let mut remainder = rest.clone();
                let front = remainder.split_front(segments_max);
                let bytes = self.buffer.get(front.bytes.clone()).unwrap_or_default();
                match send(&front, bytes) {
                    Sending::Done => rest = remainder,
                    Sending::Refused if front.datagrams() > 1 => segments_max = 1,
                    Sending::Refused => rest = remainder,
                    Sending::Blocked => {
                        self.groups.push_front(rest);
                        return false;
                    }
                }
            }
            segments_max = segments();
        }
        self.buffer.clear();
        true
    }
}
