//! Headers of packets to send.

use super::header::{FIXED, KEY_PHASE, LONG};
use super::number::number_bytes;
use super::{NUMBER_BYTES_MAX, PacketKind, SAMPLE_BYTES, VERSION};
use crate::connection_id::ConnectionId;
use crate::wire::write_prefixed;

/// What the header of a packet says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header<'a> {
    pub(crate) kind: PacketKind,
    pub(crate) destination: ConnectionId,
    pub(crate) source: ConnectionId,
    /// Of Initial packets.
    pub(crate) token: &'a [u8],
    pub(crate) number: u64,
    /// The largest number that the peer acknowledged in the space.
    pub(crate) acknowledged: Option<u64>,
    /// Of short headers.
    pub(crate) key_phase: bool,
}

/// A packet under assembly, at the end of a buffer: where its parts are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PacketWriter {
    start: usize,
    /// Where the length of a long header is.
    length_offset: Option<usize>,
    number_offset: usize,
    payload_start: usize,
}

impl PacketWriter {
    /// Writes the header at the end of `buffer`.
    #[inline]
    pub(crate) fn start(header: &Header<'_>, buffer: &mut Vec<u8>) -> Self {
        let start = buffer.len();
        let number_bytes = number_bytes(header.number, header.acknowledged);
        let low_bits = number_bytes as u8 - 1;
        let length_offset = if header.kind == PacketKind::Short {
            buffer.push(FIXED | low_bits | if header.key_phase { KEY_PHASE } else { 0 });
            buffer.extend_from_slice(&header.destination);
            None
        } else {
            write_long(header, low_bits, buffer);
            buffer.extend_from_slice(&[0, 0]);
            Some(buffer.len() - 2)
        };
        let number_offset = buffer.len();
        let number = header.number.to_be_bytes();
        buffer.extend_from_slice(&number[number.len() - number_bytes..]);
        Self {
            start,
            length_offset,
            number_offset,
            payload_start: buffer.len(),
        }
    }

    /// Where the packet begins in the buffer.
    pub(crate) const fn start_offset(&self) -> usize {
        self.start
    }

    /// Where its payload begins in the buffer.
    pub(crate) const fn payload_start(&self) -> usize {
        self.payload_start
    }

    /// Size of the header.
    pub(crate) const fn header_bytes(&self) -> usize {
        self.payload_start - self.start
    }

    /// Up to where a payload has to reach, so that header protection finds its sample
    /// (RFC 9001 section 5.4.2) in it or in its tag.
    pub(crate) const fn shortest_payload_end(&self, tag_bytes: usize) -> usize {
        self.number_offset + NUMBER_BYTES_MAX + SAMPLE_BYTES - tag_bytes
    }

    /// Writes the length of a long header, when the whole packet, tag included, ends the buffer.
    pub(crate) fn finish_length(&self, buffer: &mut [u8]) {
        let length = (buffer.len() - self.number_offset) as u16;
        if let Some(at) = self.length_offset
            && let Some(place) = buffer.get_mut(at..at + 2)
        {
            // A datagram is shorter than 2^14: two bytes of a varint hold it.
            place.copy_from_slice(&(length & 0x3fff | 0x4000).to_be_bytes());
        }
    }

    /// Protects the header of the sealed packet that ends `buffer`. `key` is handed the sample, the
    /// first byte and the bytes of the packet number.
    #[inline]
    pub(crate) fn protect(&self, buffer: &mut [u8], key: impl FnOnce(&[u8], &mut u8, &mut [u8])) {
        let Some(packet) = buffer.get_mut(self.start..) else {
            return;
        };
        let number = self.number_offset - self.start;
        let Some((head, tail)) = packet.split_at_mut_checked(number + NUMBER_BYTES_MAX) else {
            return;
        };
        if let (Some(sample), Some((first, head))) =
            (tail.get(..SAMPLE_BYTES), head.split_first_mut())
            && let Some(number) = head.get_mut(number - 1..self.header_bytes() - 1)
        {
            key(sample, first, number);
        }
    }
}

fn write_long(header: &Header<'_>, low_bits: u8, buffer: &mut Vec<u8>) {
    let kind = match header.kind {
        PacketKind::ZeroRtt => 1,
        PacketKind::Handshake => 2,
        _ => 0,
    };
    buffer.push(LONG | FIXED | kind << 4 | low_bits);
    buffer.extend_from_slice(&VERSION.to_be_bytes());
    write_ids(&header.destination, &header.source, buffer);
    if header.kind == PacketKind::Initial {
        write_prefixed(buffer, header.token);
    }
}

pub(super) fn write_ids(destination: &[u8], source: &[u8], buffer: &mut Vec<u8>) {
    for id in [destination, source] {
        buffer.push(id.len() as u8);
        buffer.extend_from_slice(id);
    }
}
