//! From the connections to the socket, and what they have to say besides.

use std::sync::Arc;
use std::task::Context;

use super::outbox::Group;
use super::shared::{Core, Incoming};
use super::{ConnectionHandle, Instant, Work};
use crate::connection::cell::{Cell, State};
use crate::protocol::{Endpoint, EndpointEvent, Side, Transmit, TransportErrorCode};
use crate::socket::Socket;

/// What a connection may add before the next one's turn, and what is gathered before a system
/// call: as much as one call carries.
const VISIT_BYTES: usize = 48 * 1024;

/// What leaves in one turn, before received datagrams and the application get theirs: about half a
/// millisecond's work.
const TURN_BYTES: usize = 1 << 20;

/// Datagrams that a connection may put in one transmit: 44 of 1472 bytes are what a system call
/// carries.
const SEGMENTS_MAX: usize = 44;

/// Datagrams that one system call may carry (Linux: `UDP_MAX_SEGMENTS`).
const GROUP_SEGMENTS_MAX: usize = 64;

impl Work {
    /// Sends what the pending connections have. True: there is more, and the socket has room.
    pub(super) fn flush(
        &mut self,
        core: &mut Core,
        now: Instant,
        context: &mut Context<'_>,
    ) -> bool {
        let mut sent = 0_usize;
        if self.blocked && !self.send(core, context) {
            return false;
        }
        while let Some(handle) = self.pending.pop_front() {
            if self.visit(core, handle, now) {
                self.pending.push_back(handle);
            }
            if self.outbox.bytes() < VISIT_BYTES {
                continue;
            }
            sent = sent.saturating_add(self.outbox.bytes());
            if !self.send(core, context) {
                return false;
            }
            if sent >= TURN_BYTES {
                return !self.pending.is_empty();
            }
        }
        self.send(core, context);
        false
    }

    /// Gathers what one connection has to send. True: it has more.
    fn visit(&mut self, core: &mut Core, handle: ConnectionHandle, now: Instant) -> bool {
        let Core {
            protocol,
            incoming,
            registry,
            socket,
            ..
        } = core;
        let Some(cell) = registry.get(handle) else {
            return false;
        };
        let mut state = cell.lock();
        state.queued = self.gather(&mut state, group_segments_max(socket), now);
        let more = state.queued;
        let drained = self.settle(protocol, incoming, cell, &mut state, now);
        drop(state);
        if drained {
            self.forget(core, handle);
        }
        more && !drained
    }

    fn gather(&mut self, state: &mut State, segments_max: usize, now: Instant) -> bool {
        let per_transmit = segments_max.min(SEGMENTS_MAX);
        let outbox = &mut self.outbox;
        let begin = outbox.buffer.len();
        let mut last: Option<(usize, Transmit)> = None;
        let mut only = true;
        let more = loop {
            let start = outbox.buffer.len();
            if start.saturating_sub(begin) >= VISIT_BYTES {
                break true;
            }
            let buffer = &mut outbox.buffer;
            let Some(next) = state.protocol.poll_transmit(now, per_transmit, buffer) else {
                break false;
            };
            if let Some((start, transmit)) = last.replace((start, next)) {
                outbox.push(start, &transmit, segments_max);
                only = false;
            }
        };
        match last {
            Some((start, transmit)) if only && !more => {
                outbox.push_only(start, &transmit, segments_max);
            }
            Some((start, transmit)) => outbox.push(start, &transmit, segments_max),
            None => {}
        }
        more
    }

    /// Sends what was gathered. False: the socket is full, and the driver is woken when it is not.
    fn send(&mut self, core: &mut Core, context: &mut Context<'_>) -> bool {
        let Core {
            socket, statistics, ..
        } = core;
        loop {
            if self.blocked && socket.poll_writable(context).is_pending() {
                return false;
            }
            let segments = || group_segments_max(socket);
            let send = |group: &Group, bytes: &[u8]| {
                statistics.count_sent(group, socket.send(group, bytes))
            };
            self.blocked = !self.outbox.send(segments, send);
            if !self.blocked {
                return true;
            }
        }
    }

    /// Carries out what the connection asks of the endpoint and tells the application of. True: it
    /// is over, and has to be forgotten.
    pub(super) fn settle(
        &mut self,
        endpoint: &mut Endpoint,
        incoming: &mut Incoming,
        cell: &Arc<Cell>,
        state: &mut State,
        now: Instant,
    ) -> bool {
        let mut drained = false;
        while let Some(event) = state.protocol.poll_endpoint_event() {
            drained |= matches!(event, EndpointEvent::Drained);
            if let Some(answer) = endpoint.handle_event(now, cell.handle(), event) {
                state.protocol.handle_event(now, answer);
            }
        }
        let connected = state.connected;
        let usable = state.take_events(&mut self.wakes);
        self.introduced |= state.connected && !connected;
        if usable && !std::mem::replace(&mut state.announced, true) {
            self.announce(incoming, cell, state, now);
        }
        self.timers
            .set(cell.handle(), state.protocol.poll_timeout());
        drained
    }

    fn announce(
        &mut self,
        incoming: &mut Incoming,
        cell: &Arc<Cell>,
        state: &mut State,
        now: Instant,
    ) {
        debug_assert_eq!(state.protocol.side(), Side::Server);
        if !incoming.announce(cell, &mut self.wakes) {
            let code = TransportErrorCode::CONNECTION_REFUSED.0;
            state
                .protocol
                .close(now, code, b"too many connections wait");
        }
    }

    /// The connection is over: only handles of the application's know it from now on.
    pub(super) fn forget(&mut self, core: &mut Core, handle: ConnectionHandle) {
        self.timers.remove(handle);
        if let Some(cell) = core.registry.remove(handle) {
            let mut state = cell.lock();
            // Nobody drives it: nothing may ring for it any more.
            state.queued = true;
            core.ended.add(&state.protocol.statistics());
        }
    }
}

fn group_segments_max(socket: &Socket) -> usize {
    socket.segments_max().min(GROUP_SEGMENTS_MAX)
}

impl Core {
    /// Sends an answer that belongs to no connection. A full socket loses it, as the network may.
    pub(super) fn respond(&mut self, transmit: &Transmit, bytes: &[u8]) {
        let group = Group::of(transmit, 0);
        let outcome = self.socket.send(&group, bytes);
        self.statistics.count_sent(&group, outcome);
    }
}

/// Proves at compile time that a turn makes progress.
const _: () = assert!(VISIT_BYTES < TURN_BYTES);
