//! Two ends and the packets between them.

mod messages;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;

use super::super::script::Script;
use crate::carried::{Contents, PacketBuffer};
use crate::config::TransportConfig;
use crate::connection::Order;
use crate::error::TransportError;
use crate::frame::{Frame, Frames};
use crate::message::{MessageOptions, Messages, Outlook};
use crate::stream::{Direction, PeerLimits, ReadError, Side, StreamId, Streams};
use crate::time::Instant;
use crate::urgency::{StarvationGuard, Urgency};

/// Small, so that few bytes reach every limit.
fn config() -> TransportConfig {
    TransportConfig {
        receive_window: 4_096,
        stream_receive_window: 2_048,
        message_receive_window: 4_096,
        send_window: 4_096,
        bidirectional_streams_max: 4,
        unidirectional_streams_max: 4,
        message_bytes_max: 2_000,
        ..TransportConfig::default()
    }
}

/// One end of a connection, without its packets.
#[derive(Debug)]
pub(super) struct End {
    pub(super) streams: Streams,
    pub(super) messages: Messages,
    guard: StarvationGuard,
    now: Instant,
    /// Streams that it may write on, in the order of their opening.
    writable: Vec<StreamId>,
    /// Streams that it may read.
    readable: Vec<StreamId>,
    read: BTreeMap<StreamId, u64>,
    written: BTreeMap<StreamId, u64>,
    /// Numbers of the reliable messages that it sent, and of those that it received.
    sent_messages: BTreeSet<u16>,
    received_messages: BTreeSet<u16>,
    next_message: u16,
    /// Numbers and deadlines of the messages that it sent with one.
    deadlines: BTreeMap<u16, Instant>,
    /// Numbers of those that it received.
    in_time: BTreeSet<u16>,
}

impl End {
    pub(super) fn new(side: Side) -> Self {
        let config = config();
        let mut streams = Streams::new(side, &config);
        streams.set_peer_limits(PeerLimits {
            data: config.receive_window,
            bidi_local: config.stream_receive_window,
            bidi_remote: config.stream_receive_window,
            uni: config.stream_receive_window,
            streams_bidi: config.bidirectional_streams_max,
            streams_uni: config.unidirectional_streams_max,
        });
        let mut messages = Messages::new(&config);
        messages.set_peer_limits(config.message_receive_window, config.message_bytes_max);
        Self {
            streams,
            messages,
            guard: StarvationGuard::default(),
            now: Instant::ORIGIN,
            writable: Vec::new(),
            readable: Vec::new(),
            read: BTreeMap::new(),
            written: BTreeMap::new(),
            sent_messages: BTreeSet::new(),
            received_messages: BTreeSet::new(),
            next_message: 0,
            deadlines: BTreeMap::new(),
            in_time: BTreeSet::new(),
        }
    }

    /// Hands a frame to its owner; what belongs to neither streams nor messages is skipped.
    pub(super) fn apply(&mut self, frame: &Frame<'_>) -> Result<(), TransportError> {
        match *frame {
            Frame::Stream(ref stream) => self.streams.on_stream(stream),
            Frame::ResetStream {
                id,
                error,
                final_size,
            } => self.streams.on_reset_stream(id, error, final_size),
            Frame::StopSending { id, error } => self.streams.on_stop_sending(id, error),
            Frame::MaxStreamData { id, bytes } => self.streams.on_max_stream_data(id, bytes),
            Frame::StreamDataBlocked { id, .. } => self.streams.on_stream_data_blocked(id),
            Frame::Message(ref message) => self.messages.on_message(self.now, message),
            Frame::ResetMessage { id, size, reason } => {
                self.messages.on_reset_message(id, size, reason)
            }
            Frame::Timestamp(sent) => {
                self.messages.on_timestamp(self.now, sent);
                Ok(())
            }
            Frame::MessagesExpired(totals) => {
                self.messages.on_messages_expired(totals);
                Ok(())
            }
            Frame::MaxData { bytes } => {
                self.streams.on_max_data(bytes);
                Ok(())
            }
            Frame::MaxStreams { direction, count } => {
                self.streams.on_max_streams(direction, count);
                Ok(())
            }
            Frame::MaxMessageData { bytes } => {
                self.messages.on_max_message_data(bytes);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Appends a packet of at most `bytes` to `buffer`.
    pub(super) fn transmit(&mut self, bytes: usize, buffer: &mut Vec<u8>) -> Contents {
        let mut contents = Contents::new();
        let end = buffer.len() + bytes;
        let mut packet = PacketBuffer {
            buffer,
            end,
            more: false,
            contents: &mut contents,
        };
        let mut order = Order {
            streams: &mut self.streams,
            messages: &mut self.messages,
            guard: &mut self.guard,
            packet_bytes: bytes as u64,
            urgent_only: false,
        };
        let now = self.now;
        order.write(now, 0, &&outlook(now), &mut packet);
        assert!(buffer.len() <= end, "a packet that is too large");
        contents
    }

    /// Says what became of a packet.
    pub(super) fn give_up(&mut self, contents: &Contents, delivered: bool) {
        for carried in contents {
            if delivered {
                self.streams.on_delivered(carried);
                self.messages.on_delivered(carried);
            } else {
                self.streams.on_lost(carried);
                self.messages.on_lost(carried);
            }
        }
    }

    /// Sends a message, and perhaps opens a stream to write on.
    pub(super) fn send_something(&mut self, reliable: bool, milliseconds: u8) {
        let options = if reliable {
            MessageOptions::reliable()
        } else {
            MessageOptions::unreliable()
        };
        let urgency = Urgency::new(milliseconds >> 4);
        let mut options = options.with_urgency(urgency);
        if milliseconds > 0x30 {
            options = options.with_deadline(Duration::from_millis(milliseconds.into()));
        }
        let data = Bytes::from_static(&[7; 100]);
        // Refused, when there is no room.
        let _ = self.messages.send(self.now, data, &options);
    }

    /// Milliseconds pass.
    pub(super) fn pass_time(&mut self, milliseconds: u8) {
        self.now += Duration::from_millis(milliseconds.into());
        self.messages.expire(self.now);
    }

    /// Accepts what the peer opened and reads all that is there.
    pub(super) fn read_everything(&mut self) {
        for direction in [Direction::Bidirectional, Direction::Unidirectional] {
            while let Some(id) = self.streams.accept(direction) {
                self.readable.push(id);
                if direction == Direction::Bidirectional {
                    self.writable.push(id);
                }
            }
        }
        for id in self.readable.clone() {
            while self
                .streams
                .read(id, &mut [0; 512])
                .is_ok_and(|bytes| bytes > 0)
            {}
        }
        while self.messages.receive(self.now).is_some() {}
        while self.messages.take_expired().is_some() {}
        while self.streams.poll_event().is_some() {}
    }

    /// Gives how many bytes were taken.
    pub(super) fn write_on_all(&mut self, data: &[u8]) -> u64 {
        let streams = self.writable.iter();
        streams.fold(0, |sum, id| {
            sum + self.streams.write(*id, data).unwrap_or(0) as u64
        })
    }
}

/// A packet that left.
#[derive(Debug)]
struct Packet {
    payload: Vec<u8>,
    contents: Contents,
    arrived: bool,
}

/// Two ends, the packets of each that are under way, and those that arrived unacknowledged.
#[derive(Debug)]
pub(super) struct Link {
    ends: [End; 2],
    packets: [Vec<Packet>; 2],
}

/// The byte at `offset` of what `side` writes on a stream.
fn pattern(side: Side, id: StreamId, offset: u64) -> u8 {
    (offset ^ offset >> 8) as u8 ^ (id.value() << 1) as u8 ^ side as u8
}

impl Link {
    pub(super) fn new() -> Self {
        let mut link = Self {
            ends: [End::new(Side::Client), End::new(Side::Server)],
            packets: [Vec::new(), Vec::new()],
        };
        // The first packets take no time, and show it.
        for side in [Side::Client, Side::Server] {
            link.send_message(side, 0, true);
        }
        link.settle();
        link
    }

    /// Milliseconds pass.
    pub(super) fn pass_time(&mut self, milliseconds: u8) {
        for end in &mut self.ends {
            end.pass_time(milliseconds);
        }
    }

    pub(super) fn set_urgency(&mut self, side: Side, choice: u8, urgency: u8) {
        if let Some(id) = self.stream(side, choice, false) {
            // Ended: then it has none.
            let _ = self
                .end(side)
                .streams
                .set_urgency(id, Urgency::new(urgency));
        }
    }

    fn end(&mut self, side: Side) -> &mut End {
        &mut self.ends[side as usize]
    }

    pub(super) fn open(&mut self, side: Side, direction: Direction) {
        let end = self.end(side);
        if let Some(id) = end.streams.open(direction) {
            end.writable.push(id);
            if direction == Direction::Bidirectional {
                end.readable.push(id);
            }
        }
    }

    fn stream(&mut self, side: Side, choice: u8, readable: bool) -> Option<StreamId> {
        let end = self.end(side);
        let list = if readable {
            &end.readable
        } else {
            &end.writable
        };
        Script::new(&[choice]).choose(list).copied()
    }

    pub(super) fn write(&mut self, side: Side, choice: u8, bytes: u16) {
        let Some(id) = self.stream(side, choice, false) else {
            return;
        };
        let end = self.end(side);
        let start = end.written.get(&id).copied().unwrap_or(0);
        let data = start..start + u64::from(bytes);
        let data: Vec<u8> = data.map(|offset| pattern(side, id, offset)).collect();
        let taken = end.streams.write(id, &data).unwrap_or(0);
        assert!(taken <= data.len());
        *end.written.entry(id).or_default() += taken as u64;
    }

    pub(super) fn finish(&mut self, side: Side, choice: u8) {
        if let Some(id) = self.stream(side, choice, false) {
            let _ = self.end(side).streams.finish(id);
        }
    }

    pub(super) fn reset(&mut self, side: Side, choice: u8) {
        if let Some(id) = self.stream(side, choice, false) {
            let _ = self.end(side).streams.reset(id, 5);
        }
    }

    pub(super) fn stop(&mut self, side: Side, choice: u8) {
        if let Some(id) = self.stream(side, choice, true) {
            let _ = self.end(side).streams.stop(id, 6);
        }
    }

    pub(super) fn read(&mut self, side: Side, choice: u8, bytes: u16) {
        let Some(id) = self.stream(side, choice, true) else {
            return;
        };
        let mut buffer = vec![0; usize::from(bytes % 4_096) + 1];
        self.read_into(side, id, &mut buffer);
    }

    /// Gives whether bytes came.
    fn read_into(&mut self, side: Side, id: StreamId, buffer: &mut [u8]) -> bool {
        let peer = side.peer();
        let end = self.end(side);
        let count = match end.streams.read(id, buffer) {
            Ok(count) => count,
            Err(ReadError::Reset(code)) => {
                assert!(matches!(code, 5 | 6), "the code of the reset");
                0
            }
            Err(_) => 0,
        };
        let position = end.read.entry(id).or_default();
        for byte in buffer.iter().take(count) {
            assert_eq!(*byte, pattern(peer, id, *position), "{id:?} at {position}");
            *position += 1;
        }
        let (position, peer_end) = (*position, self.end(peer));
        let written = peer_end.written.get(&id).copied().unwrap_or(0);
        assert!(position <= written, "more is read than was written");
        count > 0
    }

    fn accept(&mut self, side: Side) {
        let end = self.end(side);
        for direction in [Direction::Bidirectional, Direction::Unidirectional] {
            while let Some(id) = end.streams.accept(direction) {
                end.readable.push(id);
                if direction == Direction::Bidirectional {
                    end.writable.push(id);
                }
            }
        }
        while end.streams.poll_event().is_some() {}
        while end.messages.poll_event().is_some() {}
    }

    pub(super) fn transmit(&mut self, side: Side, bytes: usize) {
        let mut payload = Vec::new();
        let contents = self.end(side).transmit(bytes, &mut payload);
        if !payload.is_empty() {
            self.packets[side as usize].push(Packet {
                payload,
                contents,
                arrived: false,
            });
        }
    }

    fn packet(&self, side: Side, choice: u8) -> Option<usize> {
        let count = self.packets[side as usize].len();
        (count > 0).then(|| usize::from(choice) % count)
    }

    /// A packet of `side` arrives, perhaps once more; `acknowledged`: and its sender hears of it.
    pub(super) fn deliver(&mut self, side: Side, choice: u8, acknowledged: bool) {
        let Some(index) = self.packet(side, choice) else {
            return;
        };
        self.packets[side as usize][index].arrived = true;
        let payload = self.packets[side as usize][index].payload.clone();
        self.end(side.peer()).messages.on_packet();
        for frame in Frames::new(&payload) {
            let outcome = frame.map_err(TransportError::from);
            let outcome = outcome.and_then(|frame| self.end(side.peer()).apply(&frame));
            assert_eq!(outcome, Ok(()), "an honest end broke a rule");
        }
        self.accept(side.peer());
        if acknowledged {
            self.acknowledge(side);
        }
    }

    /// The sender hears of all that arrived.
    pub(super) fn acknowledge(&mut self, side: Side) {
        let packets = &mut self.packets[side as usize];
        for packet in packets.extract_if(.., |packet| packet.arrived) {
            self.ends[side as usize].give_up(&packet.contents, true);
        }
    }

    /// A packet is declared lost, whether it arrived or not. It may arrive later.
    pub(super) fn lose(&mut self, side: Side, choice: u8) {
        if let Some(index) = self.packet(side, choice) {
            let packet = &mut self.packets[side as usize][index];
            let contents = packet.contents.clone();
            self.ends[side as usize].give_up(&contents, false);
            if !self.packets[side as usize][index].arrived {
                self.packets[side as usize].remove(index);
            }
        }
    }

    /// One round in which everything arrives and everything is read. Gives whether nothing is
    /// left to do.
    pub(super) fn settle(&mut self) -> bool {
        for side in [Side::Client, Side::Server] {
            self.transmit(side, 1_200);
            while !self.packets[side as usize].is_empty() {
                self.deliver(side, 0, true);
            }
            self.read_all(side.peer());
        }
        self.ends.iter().all(|end| {
            end.streams.all_delivered()
                && end.messages.all_delivered()
                && !end.streams.has_pending_control()
                && !end.messages.has_pending()
        })
    }

    fn read_all(&mut self, side: Side) {
        self.accept(side);
        let mut buffer = [0; 1_024];
        for id in self.end(side).readable.clone() {
            while self.read_into(side, id, &mut buffer) {}
        }
        self.receive_messages(side);
    }
}

/// What is known of a network whose only delays are the script's.
fn outlook(now: Instant) -> Outlook {
    Outlook {
        now,
        least_delay: Duration::ZERO,
        queueing: Duration::ZERO,
        half_smoothed: Duration::ZERO,
        rate: u64::MAX,
        packet_time: Duration::ZERO,
        in_flight: true,
    }
}
