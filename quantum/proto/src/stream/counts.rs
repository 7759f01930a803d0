//! How many streams of a kind were opened, may be opened, and have ended.

use std::ops::Range;

use super::flow;
use crate::range_set::RangeSet;

/// No more streams of a kind than this (RFC 9000 section 4.6: ids are varints).
pub(super) const STREAMS_MAX: u64 = 1 << 60;

/// Streams of one direction that this side opens.
#[derive(Debug, Default)]
pub(super) struct Opened {
    pub(super) count: u64,
    /// How many the peer allows.
    pub(super) limit: u64,
    /// The application could not open one: tell when it can.
    pub(super) blocked: bool,
}

/// Streams of one direction that the peer opens.
#[derive(Debug)]
pub(super) struct Admitted {
    /// One past the highest that the peer used: opening one opens all before it.
    pub(super) opened: u64,
    /// How many the application has accepted.
    accepted: u64,
    limit: u64,
    concurrent_max: u64,
    ended: u64,
    /// Opened, but neither used by the peer nor accepted: these have no state yet.
    dormant: RangeSet,
    /// The application was told of streams to accept and has not yet taken them all.
    pub(super) told: bool,
}

/// What is known of a stream of the peer's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// State has to be made for it.
    New,
    /// It had state, and has ended.
    Ended,
    /// It is beyond the limit.
    Refused,
}

impl Admitted {
    pub(super) fn new(concurrent_max: u64) -> Self {
        let limit = concurrent_max.min(STREAMS_MAX);
        Self {
            opened: 0,
            accepted: 0,
            limit,
            concurrent_max: limit,
            ended: 0,
            dormant: RangeSet::default(),
            told: false,
        }
    }

    /// The peer used stream `index`, which has no state.
    pub(super) fn admit(&mut self, index: u64) -> Admission {
        if index >= self.limit {
            return Admission::Refused;
        }
        if index >= self.opened {
            if index > self.opened {
                self.dormant.insert(self.opened..index);
            }
            self.opened = index + 1;
            return Admission::New;
        }
        self.wake(index)
    }

    /// The application takes the next stream. `None`: the peer has opened no more.
    pub(super) fn accept(&mut self) -> Option<(u64, Admission)> {
        if self.accepted == self.opened {
            self.told = false;
            return None;
        }
        let index = self.accepted;
        self.accepted += 1;
        Some((index, self.wake(index)))
    }

    /// Notes that one stream has ended. Returns whether the peer has to hear of new credit.
    pub(super) fn on_ended(&mut self) -> bool {
        self.ended += 1;
        let renewal = self.target().saturating_sub(self.limit);
        renewal >= (self.concurrent_max / 8).max(1)
    }

    /// Raises the limit to what can be allowed now, and returns it.
    pub(super) fn announce(&mut self) -> u64 {
        self.limit = self.limit.max(self.target());
        self.limit
    }

    fn target(&self) -> u64 {
        self.ended
            .saturating_add(self.concurrent_max)
            .min(STREAMS_MAX)
    }

    fn wake(&mut self, index: u64) -> Admission {
        if !self.dormant.contains(index) {
            return Admission::Ended;
        }
        self.dormant.remove(index..index + 1);
        Admission::New
    }
}

impl Opened {
    /// The next stream's index. `None`: the peer allows no more for now.
    pub(super) fn open(&mut self) -> Option<u64> {
        if self.count >= self.limit {
            self.blocked = true;
            return None;
        }
        self.count += 1;
        Some(self.count - 1)
    }

    /// Raises the limit. Returns the streams that are open already and allowed only now: there are
    /// some after early data was rejected.
    pub(super) fn raise(&mut self, limit: u64) -> Range<u64> {
        let before = self.limit;
        self.limit = self.limit.max(limit.min(flow::MAX));
        before.min(self.count)..self.limit.min(self.count)
    }
}
