//! From the socket to the connections.

use std::slice::ChunksMut;
use std::sync::Arc;
use std::task::{Context, Poll};

use quinn_udp::RecvMeta;

use super::shared::{Core, Shared};
use super::{ConnectionHandle, Instant, Work};
use crate::connection::cell::Cell;
use crate::protocol::{Arrival, Endpoint, Route};
use crate::socket::{Inbox, from_socket};

/// Datagrams of one sender that arrived together.
struct Batch<'a> {
    now: Instant,
    arrival: Arrival,
    datagrams: ChunksMut<'a, u8>,
}

/// A datagram and where it goes.
type Routed<'a> = Option<(Route, &'a mut [u8])>;

impl Work {
    /// Receives one batch and hands it to the connections. Ready(true): there may be more. `now` is
    /// as good a time of arrival as one that is asked for each batch.
    pub(super) fn receive(
        &mut self,
        core: &mut Core,
        shared: &Arc<Shared>,
        inbox: &mut Inbox,
        now: Instant,
        context: &mut Context<'_>,
    ) -> Poll<bool> {
        let full = std::task::ready!(core.socket.poll_receive(inbox, context));
        core.statistics.receive_calls = core.statistics.receive_calls.wrapping_add(1);
        for (meta, bytes) in inbox.batches() {
            core.statistics.count_received(meta);
            let batch = Batch {
                now,
                arrival: arrival(meta),
                datagrams: bytes.chunks_mut(meta.stride.max(1)),
            };
            self.hand_out(core, shared, batch);
        }
        Poll::Ready(full)
    }

    fn hand_out(&mut self, core: &mut Core, shared: &Arc<Shared>, mut batch: Batch<'_>) {
        let mut routed = self.route_next(&mut core.protocol, &mut batch);
        while let Some((route, datagram)) = routed {
            routed = match route {
                Route::Connection(handle) => self.hand_over(core, handle, datagram, &mut batch),
                Route::Accepted(handle, connection) => {
                    let cell = Arc::new(Cell::new(handle, connection, Arc::clone(shared)));
                    core.registry.insert(handle, cell);
                    self.hand_over(core, handle, datagram, &mut batch)
                }
                Route::Respond(transmit) => {
                    core.respond(&transmit, &self.response);
                    self.route_next(&mut core.protocol, &mut batch)
                }
                Route::Dropped => {
                    core.statistics.count_dropped();
                    self.route_next(&mut core.protocol, &mut batch)
                }
            };
        }
    }

    fn route_next<'a>(&mut self, endpoint: &mut Endpoint, batch: &mut Batch<'a>) -> Routed<'a> {
        let datagram = batch.datagrams.next()?;
        self.response.clear();
        let Batch { now, arrival, .. } = batch;
        let route = endpoint.handle_datagram(*now, arrival, datagram, &mut self.response);
        Some((route, datagram))
    }

    /// Hands `datagram` and those that follow it to their connection, under one lock, up to the
    /// first that belongs elsewhere: that one is returned.
    fn hand_over<'a>(
        &mut self,
        core: &mut Core,
        handle: ConnectionHandle,
        mut datagram: &'a mut [u8],
        batch: &mut Batch<'a>,
    ) -> Routed<'a> {
        let Some(cell) = core.registry.get(handle) else {
            return self.route_next(&mut core.protocol, batch);
        };
        let mut state = cell.lock();
        let rest = loop {
            let protocol = &mut state.protocol;
            protocol.handle_datagram(batch.now, &batch.arrival, datagram);
            match self.route_next(&mut core.protocol, batch) {
                Some((Route::Connection(next), another)) if next == handle => datagram = another,
                rest => break rest,
            }
        };
        if !std::mem::replace(&mut state.queued, true) {
            self.pending.push_back(handle);
        }
        let Core {
            protocol, incoming, ..
        } = core;
        let drained = self.settle(protocol, incoming, cell, &mut state, batch.now);
        drop(state);
        if drained {
            self.forget(core, handle);
        }
        rest
    }
}

fn arrival(meta: &RecvMeta) -> Arrival {
    Arrival {
        remote: meta.addr,
        local: meta.dst_ip,
        ecn: meta.ecn.map(from_socket),
    }
}
