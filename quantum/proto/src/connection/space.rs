//! A packet-number space: its keys, what arrived in it, and its handshake bytes.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;

use crate::acknowledge::Acknowledger;
use crate::carried::{Carried, PacketBuffer};
use crate::crypto::Keys;
use crate::endpoint::Arrival;
use crate::error::{TransportError, TransportErrorCode};
use crate::frame::{self, EcnCounts};
use crate::recovery::SpaceId;
use crate::stats::Holdings;
use crate::stream::{ReceiveBuffer, SendBuffer};
use crate::time::Instant;

/// One space.
pub(super) struct Space {
    /// Of the Initial and the Handshake space; the data space's change and are kept elsewhere.
    pub(super) keys: Option<Keys>,
    pub(super) acknowledger: Acknowledger,
    /// What the peer said of the marks on our packets.
    pub(super) ecn_counts: EcnCounts,
    pub(super) crypto_send: SendBuffer,
    crypto_receive: ReceiveBuffer,
    /// How far ahead handshake bytes may reach.
    crypto_bytes_max: u64,
}

impl Space {
    pub(super) fn new(id: SpaceId, keys: Option<Keys>, ack_delay_max: Duration) -> Self {
        Self {
            keys,
            acknowledger: Acknowledger::new(id, ack_delay_max),
            ecn_counts: EcnCounts::default(),
            crypto_send: SendBuffer::default(),
            crypto_receive: ReceiveBuffer::default(),
            crypto_bytes_max: match id {
                SpaceId::Initial => HELLO_BYTES_MAX,
                SpaceId::Handshake | SpaceId::Data => CRYPTO_BYTES_MAX,
            },
        }
    }

    /// Keeps handshake bytes that arrived.
    ///
    /// # Errors
    ///
    /// If they reach further ahead than can be kept.
    pub(super) fn receive_crypto(
        &mut self,
        offset: u64,
        data: &[u8],
    ) -> Result<(), TransportError> {
        let end = offset.saturating_add(data.len() as u64);
        if end > self.crypto_receive.read_offset() + self.crypto_bytes_max {
            return Err(TransportError::new(
                TransportErrorCode::CRYPTO_BUFFER_EXCEEDED,
                "handshake bytes too far ahead",
            ));
        }
        self.crypto_receive
            .insert(offset, data)
            .map_err(|_| TransportError::violation("handshake bytes in too many pieces"))
    }

    /// The next handshake bytes in order.
    pub(super) fn take_crypto(&mut self) -> Option<Bytes> {
        self.crypto_receive.read_chunk(usize::MAX)
    }

    pub(super) fn send_crypto(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.crypto_send.write_chunk(bytes);
        }
    }

    /// Writes as much of the handshake as fits.
    pub(super) fn write_crypto(&mut self, packet: &mut PacketBuffer<'_>) {
        while packet.remaining() > CRYPTO_OVERHEAD
            && let Some(range) = self.next_crypto()
        {
            let room = packet.remaining() - CRYPTO_OVERHEAD;
            let length = (range.end - range.start).min(room as u64);
            let range = range.start..range.start + length;
            frame::write_crypto_header(packet.buffer, range.start, length as usize);
            self.crypto_send.copy_to(range.clone(), packet.buffer);
            packet.contents.push(Carried::Crypto {
                start: range.start,
                length: length as u32,
            });
            self.crypto_send.on_sent(range);
        }
    }

    fn next_crypto(&self) -> Option<Range<u64>> {
        self.crypto_send
            .next_lost()
            .or_else(|| self.crypto_send.next_unsent(u64::MAX))
    }

    /// Adds what is held here.
    pub(super) fn count(&self, held: &mut Holdings) {
        held.ack_ranges += self.acknowledger.ranges();
        held.stream_send_bytes += self.crypto_send.memory();
        held.stream_receive_bytes += self.crypto_receive.memory();
    }

    pub(super) fn has_crypto(&self) -> bool {
        self.next_crypto().is_some()
    }
}

/// Packets that came before their keys: a few are kept, since datagrams overtake each other.
#[derive(Debug, Default)]
pub(super) struct UndecryptablePackets(VecDeque<Kept>);

/// A packet that came before its keys.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) since: Instant,
    pub(super) arrival: Arrival,
    pub(super) packet: Vec<u8>,
}

impl UndecryptablePackets {
    pub(super) fn push(&mut self, kept: impl FnOnce() -> Kept) {
        if self.0.len() < UNDECRYPTABLE_MAX {
            self.0.push_back(kept());
        }
    }

    pub(super) fn packets(&self) -> usize {
        self.0.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.0.iter().map(|kept| kept.packet.capacity()).sum()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn take(&mut self) -> VecDeque<Kept> {
        std::mem::take(&mut self.0)
    }
}

/// A hello with a ticket is half as large; what a stranger may have us keep (RFC 9000 section 7.5
/// asks for 4096).
const HELLO_BYTES_MAX: u64 = 8 << 10;

/// RFC 9000 section 7.5 asks for 4096 at least; certificate chains are larger.
const CRYPTO_BYTES_MAX: u64 = 64 << 10;

/// Type, offset and length of a CRYPTO frame at their largest.
const CRYPTO_OVERHEAD: usize = 1 + 8 + 4;

/// A server's first flight, or a client's 0-RTT data, in a few datagrams.
const UNDECRYPTABLE_MAX: usize = 10;
