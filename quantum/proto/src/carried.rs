//! What a packet carried that has to arrive: the memory of a sent packet.
//!
//! Acknowledged, each entry is told to its owner as delivered; lost, as to be sent again. An entry
//! names state rather than bytes where it can (`MaxData` is sent anew with its current value).

use smallvec::SmallVec;

use crate::stream::{Direction, StreamId};

/// Everything that one packet carried.
pub(crate) type Contents = SmallVec<[Carried; 2]>;

/// One thing that a packet carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carried {
    /// Handshake bytes `start..start + length` of the packet's own space.
    Crypto {
        start: u64,
        length: u32,
    },
    /// Stream bytes, and whether the end of the stream was marked.
    Stream {
        id: StreamId,
        start: u64,
        length: u32,
        fin: bool,
    },
    /// Bytes of a message; `number` is that of its acceptance.
    Message {
        number: u64,
        start: u32,
        length: u32,
    },
    /// The word that a message will not be completed.
    ResetMessage {
        number: u64,
    },
    MessagesExpired,
    ResetStream {
        id: StreamId,
    },
    StopSending {
        id: StreamId,
    },
    MaxData,
    MaxStreamData {
        id: StreamId,
    },
    MaxStreams {
        direction: Direction,
    },
    MaxMessageData,
    /// Sent when blocked; nothing to repeat, but probes may carry it.
    Blocked,
    NewConnectionId {
        sequence: u64,
    },
    RetireConnectionId {
        sequence: u64,
    },
    NewToken,
    HandshakeDone,
    AckFrequency,
    /// An ACK frame that reported packets up to `largest`.
    Ack {
        largest: u64,
    },
}

/// The plain payload of a packet while frames are written into it.
pub(crate) struct PacketBuffer<'a> {
    /// Datagrams that are being assembled; the packet's payload is at its end.
    pub(crate) buffer: &'a mut Vec<u8>,
    /// Up to which length `buffer` may grow: the room for the packet's tag is taken off.
    pub(crate) end: usize,
    /// Something may be written behind the last frame: it states its length even if it has all the
    /// room there is.
    pub(crate) more: bool,
    /// What has been written that has to arrive.
    pub(crate) contents: &'a mut Contents,
}

impl PacketBuffer<'_> {
    /// Bytes that still fit.
    pub(crate) fn remaining(&self) -> usize {
        self.end.saturating_sub(self.buffer.len())
    }
}
