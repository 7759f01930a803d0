//! A connection: its state and what can be done with it.
//!
//! Nothing here reads a clock or a socket. Bytes and time go in by `handle_` methods and the
//! application's calls; after each, the caller drains `poll_transmit`, `poll_endpoint_event`,
//! `poll_event` and then `poll_timeout`.
//!
//! The path of a packet in: [`receive`] (the one match) to [`crate::stream`], [`crate::message`]
//! and [`crate::recovery`]. The path of a packet out: [`transmit`] (the one order).

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;

use guuid::Guuid;

use crate::acknowledge::FrequencyRequests;
use crate::config::TransportConfig;
use crate::crypto::{DirectionKeys, Session};
use crate::endpoint::{ConnectionEvent, EndpointEvent};
use crate::message::Messages;
use crate::pacing::Pacer;
use crate::parameters::Lasting;
use crate::random::RareRng;
use crate::recovery::{Outcome, PathRecovery, Recovery, SpaceId};
use crate::stats::Counts;
use crate::stream::{Side, Streams};
use crate::time::Instant;
use crate::urgency::StarvationGuard;

mod application;
mod aside;
mod assemble;
mod event;
mod handshake;
mod holdings;
#[cfg(any(test, feature = "hostile"))]
mod hostile;
mod ids;
mod keys;
mod lifecycle;
mod migration;
mod order;
mod path;
mod receive;
mod repair;
mod settle;
mod setup;
mod space;
mod timeout;
mod timer;
mod transmit;
mod watch;

pub use event::Event;
pub(crate) use ids::REMOTE_IDS_MAX;
pub(crate) use order::Order;

use ids::{LocalIds, RemoteIds};
use keys::DataKeys;
use lifecycle::State;
use path::{Path, PathResponses};
use repair::Repairs;
use space::{Space, UndecryptablePackets};
use timer::{Timer, Timers};
use watch::Watch;

#[cfg(test)]
pub(crate) mod tests;

/// One connection to a peer.
///
/// Everything has to be drained after every change, in this order:
/// [`poll_transmit`](Self::poll_transmit), [`poll_endpoint_event`](Self::poll_endpoint_event),
/// [`poll_event`](Self::poll_event), each until it returns `None`, then
/// [`poll_timeout`](Self::poll_timeout).
pub struct Connection {
    side: Side,
    config: Arc<TransportConfig>,
    state: State,
    /// The TLS handshake; a server drops it when nothing more can come of it.
    session: Option<Box<dyn Session>>,
    /// Initial, handshake and data; the first two are dropped when their time is over.
    spaces: [Option<Box<Space>>; 3],
    /// Probes that have to be sent, whatever the window says, by space.
    probes: [u8; 3],
    /// Which space the handshake's next bytes belong to.
    write_level: SpaceId,
    /// Keys came since packets that lacked them were last tried.
    keys_are_new: bool,
    /// While a packet is read that came before its keys: when it came.
    kept_since: Option<Instant>,
    early_keys: Option<Box<DirectionKeys>>,
    data_keys: Option<Box<DataKeys>>,
    handshake: handshake::Handshake,
    undecryptable: UndecryptablePackets,
    recovery: Recovery,
    /// What the last ACK frame did; kept to reuse its memory.
    outcome: Outcome,
    pacer: Pacer,
    path: Path,
    /// Where the peer was before it moved, until it has shown that it is at the new address.
    previous_path: Option<Box<Path>>,
    /// What was known of that path.
    left_recovery: Option<Box<PathRecovery>>,
    migration: migration::Migration,
    /// What congestion control was told last.
    datagram_bytes: u16,
    path_responses: PathResponses,
    local_ids: LocalIds,
    remote_ids: RemoteIds,
    streams: Streams,
    messages: Messages,
    repairs: Repairs,
    guard: StarvationGuard,
    peer: Lasting,
    /// What the peer is asked for, as to how often it acknowledges.
    ack_requests: FrequencyRequests,
    pending: transmit::Pending,
    timers: Timers,
    idle: lifecycle::Idle,
    events: VecDeque<Event>,
    endpoint_events: VecDeque<EndpointEvent>,
    rng: RareRng,
    statistics: Counts,
    /// Whoever wants to know what happens.
    watch: Option<Box<Watch>>,
}

impl Connection {
    /// Takes what the endpoint has for this connection.
    pub fn handle_event(&mut self, _now: Instant, event: ConnectionEvent) {
        match event {
            ConnectionEvent::ConnectionIds(issued) => {
                for issued in issued {
                    self.local_ids
                        .add(issued.sequence, issued.id, issued.reset_token);
                }
            }
        }
    }

    /// What the endpoint has to do for this connection.
    pub fn poll_endpoint_event(&mut self) -> Option<EndpointEvent> {
        event::take_next(&mut self.endpoint_events)
    }

    /// When [`handle_timeout`](Self::handle_timeout) has to be called, if nothing else happens.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// Which end of the connection this is.
    #[must_use]
    pub fn side(&self) -> Side {
        self.side
    }

    /// Where the peer is reached at present.
    #[must_use]
    pub fn remote_address(&self) -> SocketAddr {
        self.path.remote
    }

    /// The id that both ends know the connection by in logs and traces: made by the server, known
    /// to the client once the handshake is complete. Never on the wire in the clear.
    #[must_use]
    pub fn guuid(&self) -> Option<Guuid> {
        self.handshake.guuid
    }
}
