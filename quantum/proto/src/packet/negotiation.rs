//! Packets without frames: Version Negotiation and Retry.

use super::header::HeaderError;
use super::{FIXED_BIT, LONG_HEADER, VERSION};
use crate::connection_id::ConnectionId;
use crate::wire::Reader;

/// The type bits of Retry (RFC 9000 section 17.2.5).
const RETRY_TYPE: u8 = 0x30;

/// The server lists the versions that it speaks (RFC 8999 section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct VersionNegotiation<'a> {
    pub(crate) destination: &'a [u8],
    pub(crate) source: &'a [u8],
    versions: &'a [u8],
}

impl<'a> VersionNegotiation<'a> {
    pub(super) fn decode(
        destination: &'a [u8],
        source: &'a [u8],
        mut reader: Reader<'a>,
    ) -> Result<Self, HeaderError> {
        let versions = reader.rest();
        if versions.is_empty() {
            return Err(HeaderError::Empty);
        }
        if !versions.len().is_multiple_of(4) {
            return Err(HeaderError::TooShort);
        }
        Ok(Self {
            destination,
            source,
            versions,
        })
    }

    /// The versions, in the order of the packet.
    pub(crate) fn versions(&self) -> impl Iterator<Item = u32> + 'a {
        let (versions, _) = self.versions.as_chunks::<4>();
        versions.iter().map(|bytes| u32::from_be_bytes(*bytes))
    }
}

/// Appends Version Negotiation in answer to a packet from `source` to `destination` (its fields,
/// here not yet swapped; of up to 255 bytes). `random` fills the bits that mean nothing.
pub(crate) fn write_version_negotiation(
    buffer: &mut Vec<u8>,
    random: u8,
    destination: &[u8],
    source: &[u8],
    versions: &[u32],
) {
    // The fixed bit as in packets of this version (RFC 9000 section 17.2.1).
    buffer.push(LONG_HEADER | FIXED_BIT | random);
    buffer.extend_from_slice(&[0; 4]);
    write_short_prefixed(buffer, source);
    write_short_prefixed(buffer, destination);
    for version in versions {
        buffer.extend_from_slice(&version.to_be_bytes());
    }
}

/// Appends at most 255 bytes behind one byte that counts them.
fn write_short_prefixed(buffer: &mut Vec<u8>, bytes: &[u8]) {
    let count = u8::try_from(bytes.len()).unwrap_or(u8::MAX);
    buffer.push(count);
    buffer.extend(bytes.iter().take(usize::from(count)));
}

/// The server wants the client's address proved: the client starts again with the token
/// (RFC 9000 section 17.2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Retry<'a> {
    pub(crate) destination: ConnectionId,
    pub(crate) source: ConnectionId,
    pub(crate) token: &'a [u8],
    /// What the integrity tag covers besides the original destination.
    pub(crate) without_tag: &'a [u8],
    pub(crate) tag: [u8; 16],
}

impl<'a> Retry<'a> {
    /// Size of the integrity tag (RFC 9001 section 5.8).
    pub(crate) const TAG_BYTES: usize = 16;

    pub(super) fn decode(
        datagram: &'a [u8],
        destination: ConnectionId,
        source: ConnectionId,
        mut reader: Reader<'a>,
    ) -> Result<Self, HeaderError> {
        let (token, tag) = reader
            .rest()
            .split_last_chunk()
            .ok_or(HeaderError::TooShort)?;
        if token.is_empty() {
            return Err(HeaderError::Empty);
        }
        let covered = datagram.len() - Self::TAG_BYTES;
        Ok(Self {
            destination,
            source,
            token,
            without_tag: datagram.get(..covered).unwrap_or_default(),
            tag: *tag,
        })
    }

    /// The bytes that the integrity tag authenticates: the destination of the Initial packet that
    /// caused the Retry, then the Retry without its tag (RFC 9001 section 5.8).
    pub(crate) fn authenticated(original_destination: &[u8], without_tag: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(1 + original_destination.len() + without_tag.len());
        write_short_prefixed(&mut bytes, original_destination);
        bytes.extend_from_slice(without_tag);
        bytes
    }
}

/// Appends Retry without its tag, which the caller appends. `random` fills the bits that mean
/// nothing. The token must not be empty.
pub(crate) fn write_retry(
    buffer: &mut Vec<u8>,
    random: u8,
    destination: &ConnectionId,
    source: &ConnectionId,
    token: &[u8],
) {
    buffer.push(LONG_HEADER | FIXED_BIT | RETRY_TYPE | (random & 0x0f));
    buffer.extend_from_slice(&VERSION.to_be_bytes());
    write_short_prefixed(buffer, destination);
    write_short_prefixed(buffer, source);
    buffer.extend_from_slice(token);
}
