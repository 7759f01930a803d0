//! Headers of packets that arrived: what can be read before decryption, and the removal of
//! header protection.

use std::ops::Range;

use super::number::whole_number;
use super::{InvalidPacket, NUMBER_BYTES_MAX, PacketKind, SAMPLE_BYTES, VERSION};
use crate::connection_id::ConnectionId;
use crate::wire::Reader;

/// What the header says that is not protected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProtectedHeader {
    pub(crate) kind: PacketKind,
    pub(crate) version: u32,
    /// Where the destination id is in the packet.
    pub(crate) destination: Range<usize>,
    pub(crate) source: Option<ConnectionId>,
    /// Where the token of an Initial packet is.
    pub(crate) token: Range<usize>,
    /// Where the packet number begins; for Retry and Version Negotiation, where the rest begins.
    pub(crate) number_offset: usize,
    /// Size of the packet; others may follow in the datagram.
    pub(crate) packet_bytes: usize,
}

/// A header without protection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plain {
    first: u8,
    truncated: u64,
    number_bytes: usize,
    payload_start: usize,
}

impl ProtectedHeader {
    /// Reads the header at the front of `datagram`; the ids in short headers have
    /// `local_id_bytes` bytes.
    ///
    /// A version other than ours is no error here: [`Self::version`] tells.
    #[inline]
    pub(crate) fn decode(datagram: &[u8], local_id_bytes: usize) -> Result<Self, InvalidPacket> {
        let first = *datagram.first().ok_or(InvalidPacket)?;
        if first & LONG != 0 {
            Self::decode_long(datagram, first)
        } else {
            Self::decode_short(datagram, first, local_id_bytes)
        }
    }

    fn decode_short(datagram: &[u8], first: u8, id_bytes: usize) -> Result<Self, InvalidPacket> {
        let number_offset = 1 + id_bytes;
        if first & FIXED == 0 || datagram.len() < number_offset + NUMBER_BYTES_MAX + SAMPLE_BYTES {
            return Err(InvalidPacket);
        }
        Ok(Self {
            kind: PacketKind::Short,
            version: VERSION,
            destination: 1..number_offset,
            source: None,
            token: 0..0,
            number_offset,
            packet_bytes: datagram.len(),
        })
    }

    fn decode_long(datagram: &[u8], first: u8) -> Result<Self, InvalidPacket> {
        let mut reader = Reader::new(datagram);
        let at = |reader: &Reader<'_>| datagram.len() - reader.remaining();
        reader.u8()?;
        let version = reader.u32()?;
        let destination_bytes = usize::from(reader.u8()?);
        let destination = at(&reader)..at(&reader) + destination_bytes;
        reader.bytes(destination_bytes)?;
        let source_bytes = usize::from(reader.u8()?);
        let source = ConnectionId::new(reader.bytes(source_bytes)?);
        let mut header = Self {
            kind: PacketKind::VersionNegotiation,
            version,
            destination,
            source,
            token: 0..0,
            number_offset: at(&reader),
            packet_bytes: datagram.len(),
        };
        // What other versions mean by the rest is not known (RFC 8999 section 5.1).
        if version != VERSION {
            return Ok(header);
        }
        if first & FIXED == 0 || destination_bytes > ConnectionId::BYTES_MAX || source.is_none() {
            return Err(InvalidPacket);
        }
        header.kind = long_kind(first);
        if header.kind == PacketKind::Retry {
            return Ok(header);
        }
        if header.kind == PacketKind::Initial {
            let token = reader.prefixed()?;
            header.token = at(&reader) - token.len()..at(&reader);
        }
        let length = usize::try_from(reader.varint()?).map_err(|_| InvalidPacket)?;
        header.number_offset = at(&reader);
        if length < NUMBER_BYTES_MAX + SAMPLE_BYTES || length > reader.remaining() {
            return Err(InvalidPacket);
        }
        header.packet_bytes = header.number_offset + length;
        Ok(header)
    }

    /// Removes header protection in place. `key` is handed the sample, the first byte and the
    /// bytes of the packet number at their largest.
    #[inline]
    pub(crate) fn unprotect(
        &self,
        packet: &mut [u8],
        key: impl FnOnce(&[u8], &mut u8, &mut [u8]) -> bool,
    ) -> Option<Plain> {
        let sample_start = self.number_offset + NUMBER_BYTES_MAX;
        let (head, tail) = packet.split_at_mut_checked(sample_start)?;
        let sample = tail.get(..SAMPLE_BYTES)?;
        let (first, head) = head.split_first_mut()?;
        let number = head.get_mut(self.number_offset - 1..)?;
        if !key(sample, first, number) {
            return None;
        }
        let number_bytes = usize::from(*first & NUMBER_BYTES) + 1;
        // Without a branch on the length: all four bytes, shifted (Q-PKT-3, RFC 9001 section 9.5).
        let all = u32::from_be_bytes([number[0], number[1], number[2], number[3]]);
        let truncated = u64::from(all >> (32 - 8 * number_bytes as u32));
        Some(Plain {
            first: *first,
            truncated,
            number_bytes,
            payload_start: self.number_offset + number_bytes,
        })
    }
}

impl Plain {
    /// The whole packet number, if `expected` is the next one.
    #[inline]
    pub(crate) fn number(&self, expected: u64) -> u64 {
        whole_number(expected, self.truncated, self.number_bytes)
    }

    pub(crate) const fn payload_start(&self) -> usize {
        self.payload_start
    }

    /// The key phase of a short header.
    pub(crate) const fn key_phase(&self) -> bool {
        self.first & KEY_PHASE != 0
    }

    /// Has to be zero.
    pub(crate) const fn reserved_bits(&self) -> u8 {
        self.first
            & if self.first & LONG != 0 {
                RESERVED_LONG
            } else {
                RESERVED_SHORT
            }
    }
}

fn long_kind(first: u8) -> PacketKind {
    match first >> 4 & 3 {
        0 => PacketKind::Initial,
        1 => PacketKind::ZeroRtt,
        2 => PacketKind::Handshake,
        _ => PacketKind::Retry,
    }
}

pub(super) const LONG: u8 = 0x80;
pub(super) const FIXED: u8 = 0x40;
pub(super) const KEY_PHASE: u8 = 0x04;
const NUMBER_BYTES: u8 = 0x03;
const RESERVED_LONG: u8 = 0x0c;
const RESERVED_SHORT: u8 = 0x18;
