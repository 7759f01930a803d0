//! Writes packets.

use std::ops::Range;

use super::number::EncodedNumber;
use super::{KEY_PHASE_BIT, PacketKind, SAMPLE_BYTES, VERSION};
use crate::connection_id::ConnectionId;
use crate::wire::{write_prefixed_bytes, write_varint};

/// Packets with a long header have a length field of two bytes: this is the most that it can say.
/// Bytes after the length field, packet number and tag included.
pub(crate) const LONG_PACKET_BYTES_MAX: usize = (1 << 14) - 1;

/// Number and payload together have at least this many bytes, so that a sample of the cipher text
/// can be taken (RFC 9001 section 5.4.2; the tag has the size of the sample).
const NUMBER_AND_PAYLOAD_BYTES_MIN: usize = 4;

/// What a header says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OpenHeader<'a> {
    pub(crate) kind: PacketKind,
    pub(crate) destination: &'a ConnectionId,
    /// Not sent in 1-RTT packets.
    pub(crate) source: &'a ConnectionId,
    /// Sent in Initial packets alone.
    pub(crate) token: &'a [u8],
    pub(crate) number: EncodedNumber,
    /// Sent in 1-RTT packets alone.
    pub(crate) key_phase: bool,
}

impl OpenHeader<'_> {
    /// How many bytes the header takes, packet number included.
    #[inline]
    pub(crate) const fn size(&self) -> usize {
        let number = self.number.bytes();
        match self.kind {
            PacketKind::OneRtt => 1 + self.destination.size() + number,
            PacketKind::Initial => {
                let token = self.token.len();
                self.long_size() + crate::wire::varint_size(token as u64) + token + number
            }
            PacketKind::ZeroRtt | PacketKind::Handshake => self.long_size() + number,
        }
    }

    const fn long_size(&self) -> usize {
        1 + 4 + 1 + self.destination.size() + 1 + self.source.size() + 2
    }

    fn write_long(&self, buffer: &mut Vec<u8>) {
        buffer.extend_from_slice(&VERSION.to_be_bytes());
        for id in [self.destination, self.source] {
            buffer.push(id.size() as u8);
            buffer.extend_from_slice(id);
        }
        if self.kind == PacketKind::Initial {
            write_prefixed_bytes(buffer, self.token);
        }
    }
}

/// A packet at the end of a buffer that is being written. All positions are those of the buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OpenPacket {
    start: usize,
    number_offset: usize,
    payload_offset: usize,
    has_length: bool,
}

impl OpenPacket {
    /// Appends a header.
    #[inline]
    pub(crate) fn begin(buffer: &mut Vec<u8>, header: &OpenHeader<'_>) -> Self {
        let start = buffer.len();
        let first = header.kind.first_byte() | header.number.size_bits();
        let has_length = header.kind != PacketKind::OneRtt;
        if has_length {
            buffer.push(first);
            header.write_long(buffer);
            // Two bytes for any length; the value follows when it is known.
            write_varint(buffer, LONG_PACKET_BYTES_MAX as u64);
        } else {
            buffer.push(first | if header.key_phase { KEY_PHASE_BIT } else { 0 });
            buffer.extend_from_slice(header.destination);
        }
        let number_offset = buffer.len();
        header.number.write(buffer);
        Self {
            start,
            number_offset,
            payload_offset: buffer.len(),
            has_length,
        }
    }

    /// Where the packet begins.
    #[inline]
    pub(crate) const fn start(&self) -> usize {
        self.start
    }

    /// Where the payload begins.
    #[inline]
    pub(crate) const fn payload_offset(&self) -> usize {
        self.payload_offset
    }

    /// The header: what the seal authenticates besides the payload.
    #[inline]
    pub(crate) const fn header(&self) -> Range<usize> {
        self.start..self.payload_offset
    }

    /// Ends the payload: pads it with zeros (PADDING frames) where it is too short to be protected
    /// and fills the length field in for a tag of `tag_bytes` that sealing will append. At most
    /// [`LONG_PACKET_BYTES_MAX`] bytes follow the length field.
    #[inline]
    pub(crate) fn finish(&self, buffer: &mut Vec<u8>, tag_bytes: usize) {
        let enough = self.number_offset + NUMBER_AND_PAYLOAD_BYTES_MIN;
        if buffer.len() < enough {
            buffer.resize(enough, 0);
        }
        if self.has_length {
            let length = buffer.len() - self.number_offset + tag_bytes;
            debug_assert!(length <= LONG_PACKET_BYTES_MAX, "a long packet is too long");
            let field = (length.min(LONG_PACKET_BYTES_MAX) as u16 | 0x4000).to_be_bytes();
            if let Some(place) = buffer.get_mut(self.number_offset - 2..self.number_offset) {
                place.copy_from_slice(&field);
            }
        }
    }

    /// Covers the number of the packet, which is sealed and at the end of `buffer`. `cover` gets
    /// the sample, the first byte and the bytes of the number, and puts the mask on, as rustls'
    /// `encrypt_in_place` does.
    #[inline]
    pub(crate) fn protect<E>(
        &self,
        buffer: &mut [u8],
        cover: impl FnOnce(&[u8], &mut u8, &mut [u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let sample_offset = self.number_offset + NUMBER_AND_PAYLOAD_BYTES_MIN;
        let Some(sample) = buffer
            .get(sample_offset..)
            .and_then(|sealed| sealed.first_chunk::<SAMPLE_BYTES>().copied())
        else {
            debug_assert!(false, "the packet has not been sealed");
            return Ok(());
        };
        let header = buffer.get_mut(self.start..self.payload_offset);
        let Some((first, rest)) = header.and_then(<[u8]>::split_first_mut) else {
            return Ok(());
        };
        let number = rest.get_mut(self.number_offset - self.start - 1..);
        cover(&sample, first, number.unwrap_or_default())
    }
}
