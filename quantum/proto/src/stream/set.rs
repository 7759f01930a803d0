//! All streams of a connection.

mod application;
mod input;
mod output;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use super::blocks::Blocks;
use super::control::{Control, Controls};
use super::counts::{Admitted, Opened};
use super::flow::{ReceiveCredit, SendCredit};
use super::receiving::Receiving;
use super::schedule::Schedule;
use super::sending::{Fin, Sending};
use super::{Direction, Side, StreamEvent, StreamId};
use crate::config::TransportConfig;
use crate::stats::Holdings;

/// What the peer's transport parameters allow: `initial_max_data`, `initial_max_stream_data_*` and
/// `initial_max_streams_*`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PeerLimits {
    /// Bytes on all streams together.
    pub(crate) data: u64,
    /// Bytes on a bidirectional stream that the peer, whose parameters these are, opens.
    pub(crate) bidi_local: u64,
    /// Bytes on a bidirectional stream that we open.
    pub(crate) bidi_remote: u64,
    /// Bytes on a unidirectional stream that we open.
    pub(crate) uni: u64,
    /// Bidirectional streams that we may open.
    pub(crate) streams_bidi: u64,
    /// Unidirectional streams that we may open.
    pub(crate) streams_uni: u64,
}

/// The streams of one connection: what the application calls, what frames bring, what packets take.
///
/// State exists for streams between first use and end; a late frame for an ended stream is ignored.
#[derive(Debug)]
pub(crate) struct Streams {
    side: Side,
    /// Boxed, as a table has room for several: with one stream, or none any more, it stays small.
    sending: FxHashMap<StreamId, Box<Sending>>,
    receiving: FxHashMap<StreamId, Box<Receiving>>,
    /// By direction.
    opened: [Opened; 2],
    admitted: [Admitted; 2],
    peer: PeerLimits,
    stream_window: u64,
    send_window: u64,
    outbound: SendCredit,
    inbound: ReceiveCredit,
    schedule: Schedule,
    controls: Controls,
    events: VecDeque<StreamEvent>,
    /// Streams whose writers wait for the send window.
    waiting: Vec<StreamId>,
    buffered: u64,
    /// Bytes that were sent more than once.
    repeated: u64,
    /// Ends and resets of streams that the peer has not acknowledged.
    unacked_ends: u64,
    /// The connection limit at which being blocked was last told.
    blocked_told: Option<u64>,
    memory: Blocks,
}

impl Streams {
    /// No streams yet; nothing can be opened before the peer's limits are known.
    pub(crate) fn new(side: Side, config: &TransportConfig) -> Self {
        Self {
            side,
            sending: FxHashMap::default(),
            receiving: FxHashMap::default(),
            opened: [Opened::default(), Opened::default()],
            admitted: [
                Admitted::new(config.bidirectional_streams_max),
                Admitted::new(config.unidirectional_streams_max),
            ],
            peer: PeerLimits::default(),
            stream_window: config.stream_receive_window,
            send_window: config.send_window,
            outbound: SendCredit::default(),
            inbound: ReceiveCredit::new(config.receive_window),
            schedule: Schedule::default(),
            controls: Controls::default(),
            events: VecDeque::new(),
            waiting: Vec::new(),
            buffered: 0,
            repeated: 0,
            unacked_ends: 0,
            blocked_told: None,
            memory: config.memory.clone(),
        }
    }

    /// Sets what the peer's transport parameters allow. A second call replaces the values
    /// remembered for early data; it may come before or after
    /// [`retransmit_all_for_early_data_rejected`](Self::retransmit_all_for_early_data_rejected).
    pub(crate) fn set_peer_limits(&mut self, limits: PeerLimits) {
        self.peer = limits;
        self.outbound.set_limit(limits.data);
        for id in self.opened_ids() {
            let limit = self.send_limit(id);
            if let Some(sending) = self.sending.get_mut(&id) {
                sending.limit = limit;
            }
            self.wake_writer(id);
        }
        self.opened[Direction::Bidirectional as usize].limit = 0;
        self.opened[Direction::Unidirectional as usize].limit = 0;
        self.raise_streams(Direction::Bidirectional, limits.streams_bidi);
        self.raise_streams(Direction::Unidirectional, limits.streams_uni);
        self.wake_writers();
    }

    /// Sends again all that was sent as early data, which the peer has thrown away.
    pub(crate) fn retransmit_all_for_early_data_rejected(&mut self) {
        self.outbound.restart(0);
        self.blocked_told = None;
        for id in self.opened_ids() {
            if let Some(sending) = self.sending.get_mut(&id) {
                self.repeated += sending.buffer.sent();
                sending.restart();
            }
            self.resume(id);
        }
    }

    /// What happened since the last call, in order.
    pub(crate) fn poll_event(&mut self) -> Option<StreamEvent> {
        self.events.pop_front()
    }

    /// Whether the peer has acknowledged everything that was written, finished and reset.
    pub(crate) fn all_delivered(&self) -> bool {
        self.buffered == 0 && self.unacked_ends == 0
    }

    /// Bytes written that the peer has not acknowledged.
    pub(crate) fn buffered_bytes(&self) -> u64 {
        self.buffered
    }

    /// Bytes of streams that were sent more than once.
    pub(crate) fn repeated_bytes(&self) -> u64 {
        self.repeated
    }

    /// Adds what is held here.
    pub(crate) fn count(&self, held: &mut Holdings) {
        let (sending, receiving) = (self.sending.values(), self.receiving.values());
        held.stream_halves += sending.len() + receiving.len();
        held.stream_send_bytes += sending.map(|half| half.buffer.memory()).sum::<usize>();
        held.stream_receive_bytes += receiving.map(|half| half.buffer.memory()).sum::<usize>();
        held.stream_controls += self.controls.len();
        held.events += self.events.len();
    }

    /// Streams that were opened by this side, in order.
    fn opened_ids(&self) -> Vec<StreamId> {
        let mut ids = Vec::new();
        for direction in [Direction::Bidirectional, Direction::Unidirectional] {
            let count = self.opened[direction as usize].count;
            ids.extend((0..count).map(|index| StreamId::new(self.side, direction, index)));
        }
        ids
    }

    /// The peer's first limit for bytes on a stream.
    fn send_limit(&self, id: StreamId) -> u64 {
        match (id.direction(), id.initiator() == self.side) {
            (Direction::Unidirectional, _) => self.peer.uni,
            (Direction::Bidirectional, true) => self.peer.bidi_remote,
            (Direction::Bidirectional, false) => self.peer.bidi_local,
        }
    }

    /// Makes the state of a stream that comes into use.
    fn create(&mut self, id: StreamId) {
        let is_ours = id.initiator() == self.side;
        let is_bidirectional = id.direction() == Direction::Bidirectional;
        if is_ours || is_bidirectional {
            let limit = self.send_limit(id);
            let sending = Sending::new(limit, self.memory.clone());
            self.sending.insert(id, Box::new(sending));
        }
        if !is_ours || is_bidirectional {
            let receiving = Receiving::new(self.stream_window, self.memory.clone());
            self.receiving.insert(id, Box::new(receiving));
        }
    }

    /// Allows `count` streams to be opened.
    fn raise_streams(&mut self, direction: Direction, count: u64) {
        let opened = &mut self.opened[direction as usize];
        let allowed_now = opened.raise(count);
        if opened.blocked && opened.count < opened.limit {
            opened.blocked = false;
            self.events.push_back(StreamEvent::Available(direction));
        }
        for index in allowed_now {
            let id = StreamId::new(self.side, direction, index);
            self.resume(id);
            self.wake_writer(id);
        }
    }

    /// Queues everything that a stream has to send.
    fn resume(&mut self, id: StreamId) {
        self.queue_stream(id);
        if self
            .sending
            .get(&id)
            .is_some_and(|sending| sending.reset.is_some())
        {
            self.controls.push(Control::ResetStream(id));
        }
        if self
            .receiving
            .get(&id)
            .is_some_and(|receiving| receiving.stopped.is_some())
        {
            self.controls.push(Control::StopSending(id));
        }
    }

    /// Queues the bytes and the end that a stream has to send.
    fn queue_stream(&mut self, id: StreamId) {
        if !self.is_allowed(id) {
            return;
        }
        if let Some(sending) = self.sending.get_mut(&id) {
            self.schedule.add(id, sending);
        }
    }

    /// Whether the peer allows the stream: not so if early data opened more than it does now.
    fn is_allowed(&self, id: StreamId) -> bool {
        id.initiator() != self.side || id.index() < self.opened[id.direction() as usize].limit
    }

    /// Gives connection credit back to the peer.
    fn release(&mut self, bytes: u64) {
        if bytes > 0 && self.inbound.on_consumed(bytes) {
            self.controls.push(Control::MaxData);
        }
    }

    /// Room in the send window.
    fn window_room(&self) -> u64 {
        let used = self.buffered.saturating_sub(self.held_back());
        self.send_window.saturating_sub(used)
    }

    /// Bytes of streams that the peer does not allow at present. They must not take the room of those
    /// that have to end before it allows more.
    fn held_back(&self) -> u64 {
        let directions = [Direction::Bidirectional, Direction::Unidirectional];
        let beyond = directions.into_iter().flat_map(|direction| {
            let opened = &self.opened[direction as usize];
            (opened.limit..opened.count).map(move |index| (direction, index))
        });
        beyond
            .filter_map(|(direction, index)| {
                self.sending
                    .get(&StreamId::new(self.side, direction, index))
            })
            .map(|sending| sending.buffer.buffered())
            .sum()
    }

    /// Takes `freed` bytes out of the send window.
    fn free(&mut self, freed: u64) {
        self.buffered = self.buffered.saturating_sub(freed);
        // A quarter of the window, so that writers are not woken for every acknowledgement.
        if !self.waiting.is_empty() && self.window_room() >= self.send_window / 4 {
            self.wake_writers();
        }
    }

    /// Tells all writers that wait for the send window or for the peer's first limits.
    fn wake_writers(&mut self) {
        for id in std::mem::take(&mut self.waiting) {
            if let Some(sending) = self.sending.get_mut(&id) {
                sending.awaits_window = false;
            }
            self.wake_writer(id);
        }
    }

    /// Tells the stream's writer that there is room, if it waits and there is.
    fn wake_writer(&mut self, id: StreamId) {
        let (room, allowed) = (self.window_room(), self.is_allowed(id));
        let Some(sending) = self.sending.get_mut(&id) else {
            return;
        };
        if !sending.write_blocked || !sending.is_worth_waking() || !allowed {
            return;
        }
        if room == 0 {
            // Once at most: the peer must not make the list grow by raising limits.
            if !std::mem::replace(&mut sending.awaits_window, true) {
                self.waiting.push(id);
            }
            return;
        }
        sending.write_blocked = false;
        self.events.push_back(StreamEvent::Writable(id));
    }

    /// Tells the stream's reader that there is something, if it does not know.
    fn wake_reader(&mut self, id: StreamId) {
        let Some(receiving) = self.receiving.get_mut(&id) else {
            return;
        };
        let is_wanted = receiving.read_blocked && receiving.stopped.is_none();
        if is_wanted && receiving.is_readable() {
            receiving.read_blocked = false;
            self.events.push_back(StreamEvent::Readable(id));
        }
    }

    /// Gives a stream's sending up; the peer is told by RESET_STREAM.
    fn abandon(&mut self, id: StreamId, error: u64) {
        let Some(sending) = self.sending.get_mut(&id).filter(|s| s.reset.is_none()) else {
            return;
        };
        let is_end_counted = matches!(sending.fin, Fin::Pending | Fin::Sent);
        self.schedule.remove(sending);
        sending.reset = Some(error);
        let freed = sending.buffer.discard();
        self.unacked_ends += u64::from(!is_end_counted);
        self.controls.push(Control::ResetStream(id));
        self.free(freed);
    }

    /// Forgets the sending half.
    fn end_sending(&mut self, id: StreamId) {
        if let Some(mut sending) = self.sending.remove(&id) {
            self.schedule.remove(&mut sending);
            self.on_half_ended(id);
        }
    }

    /// Forgets the receiving half.
    fn end_receiving(&mut self, id: StreamId) {
        if self.receiving.remove(&id).is_some() {
            self.on_half_ended(id);
        }
    }

    /// Lets the peer open another stream once both halves of one have ended.
    fn on_half_ended(&mut self, id: StreamId) {
        let is_ours = id.initiator() == self.side;
        if is_ours || self.sending.contains_key(&id) || self.receiving.contains_key(&id) {
            return;
        }
        if self.admitted[id.direction() as usize].on_ended() {
            self.controls.push(Control::MaxStreams(id.direction()));
        }
    }
}
