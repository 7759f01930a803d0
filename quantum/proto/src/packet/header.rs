//! What can be read of a packet before its protection is removed.

use std::ops::Range;

use thiserror::Error;

use super::negotiation::{Retry, VersionNegotiation};
use super::{FIXED_BIT, LONG_HEADER, PacketKind, VERSION};
use crate::connection_id::ConnectionId;
use crate::wire::{Reader, UnexpectedEnd};

/// Why bytes are no packet. Whoever sent them is at fault; they are dropped without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum HeaderError {
    /// It ends within its header or is too short to be protected.
    #[error("the packet is too short")]
    TooShort,
    /// RFC 9000 section 17.2: such packets are to be discarded.
    #[error("the fixed bit of the packet is not set")]
    FixedBitClear,
    /// Longer than [`ConnectionId::BYTES_MAX`].
    #[error("a connection id of the packet is too long")]
    ConnectionIdTooLong,
    /// Its length field claims more than the datagram holds.
    #[error("the packet goes beyond the end of its datagram")]
    LongerThanDatagram,
    /// Version Negotiation without a version, Retry without a token.
    #[error("the packet lacks what it is there for")]
    Empty,
}

impl From<UnexpectedEnd> for HeaderError {
    fn from(_: UnexpectedEnd) -> Self {
        Self::TooShort
    }
}

/// The packet at the beginning of a datagram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Header<'a> {
    /// A packet of this version that carries frames.
    Protected(PartialHeader),
    /// The server wants the client's address proved. Takes up the whole datagram.
    Retry(Retry<'a>),
    /// The server does not speak the version. Takes up the whole datagram.
    VersionNegotiation(VersionNegotiation<'a>),
    /// A packet of a version that we do not speak: only what RFC 8999 promises is known.
    UnknownVersion {
        version: u32,
        destination: &'a [u8],
        source: &'a [u8],
    },
}

/// Where a packet goes and where its parts are; its number is still covered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PartialHeader {
    pub(crate) kind: PacketKind,
    /// By which the receiver knows the connection.
    pub(crate) destination: ConnectionId,
    /// By which the sender knows it; empty in 1-RTT packets, which do not tell.
    pub(crate) source: ConnectionId,
    /// The address token of an Initial packet, within the datagram.
    pub(crate) token: Range<usize>,
    /// Where the packet number begins.
    pub(crate) number_offset: usize,
    /// Where the packet ends; another may follow in the datagram.
    pub(crate) packet_bytes: usize,
}

impl<'a> Header<'a> {
    /// Reads the header of the first packet of `datagram`. Short headers do not tell how long
    /// their connection id is: ids that this endpoint gave out have `local_id_bytes`.
    #[inline]
    pub(crate) fn decode(datagram: &'a [u8], local_id_bytes: usize) -> Result<Self, HeaderError> {
        let first = *datagram.first().ok_or(HeaderError::TooShort)?;
        if first & LONG_HEADER != 0 {
            return decode_long(datagram, first);
        }
        if first & FIXED_BIT == 0 {
            return Err(HeaderError::FixedBitClear);
        }
        decode_short(datagram, local_id_bytes).map(Self::Protected)
    }
}

#[inline]
fn decode_short(datagram: &[u8], local_id_bytes: usize) -> Result<PartialHeader, HeaderError> {
    let number_offset = 1 + local_id_bytes;
    let id = datagram
        .get(1..number_offset)
        .ok_or(HeaderError::TooShort)?;
    Ok(PartialHeader {
        kind: PacketKind::OneRtt,
        destination: connection_id(id)?,
        source: connection_id(&[])?,
        token: 0..0,
        number_offset,
        packet_bytes: datagram.len(),
    })
}

#[inline]
fn connection_id(bytes: &[u8]) -> Result<ConnectionId, HeaderError> {
    ConnectionId::new(bytes).ok_or(HeaderError::ConnectionIdTooLong)
}

fn decode_long(datagram: &[u8], first: u8) -> Result<Header<'_>, HeaderError> {
    let mut reader = Reader::new(datagram);
    reader.u8()?;
    let version = reader.u32()?;
    let destination = short_prefixed(&mut reader)?;
    let source = short_prefixed(&mut reader)?;
    match version {
        0 => {
            VersionNegotiation::decode(destination, source, reader).map(Header::VersionNegotiation)
        }
        VERSION if first & FIXED_BIT == 0 => Err(HeaderError::FixedBitClear),
        VERSION => {
            let (destination, source) = (connection_id(destination)?, connection_id(source)?);
            decode_own_version(datagram, reader, destination, source)
        }
        _ => Ok(Header::UnknownVersion {
            version,
            destination,
            source,
        }),
    }
}

/// Bytes behind one byte that counts them.
fn short_prefixed<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], UnexpectedEnd> {
    let length = reader.u8()?;
    reader.bytes(usize::from(length))
}

fn decode_own_version<'a>(
    datagram: &'a [u8],
    mut reader: Reader<'a>,
    destination: ConnectionId,
    source: ConnectionId,
) -> Result<Header<'a>, HeaderError> {
    let kind = match datagram.first().map_or(0, |first| first & 0x30) {
        0x00 => PacketKind::Initial,
        0x10 => PacketKind::ZeroRtt,
        0x20 => PacketKind::Handshake,
        _ => {
            return Retry::decode(datagram, destination, source, reader).map(Header::Retry);
        }
    };
    let mut token = 0..0;
    if kind == PacketKind::Initial {
        let bytes = reader.prefixed_bytes()?.len();
        let end = datagram.len() - reader.remaining();
        token = end - bytes..end;
    }
    let length = reader.varint()?;
    if length > reader.remaining() as u64 {
        return Err(HeaderError::LongerThanDatagram);
    }
    let number_offset = datagram.len() - reader.remaining();
    Ok(Header::Protected(PartialHeader {
        kind,
        destination,
        source,
        token,
        number_offset,
        packet_bytes: number_offset + length as usize,
    }))
}
