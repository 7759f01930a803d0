//! Retry: "come again, with this token" (RFC 9000 section 17.2.5).

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use super::header::{FIXED, LONG};
use super::writer::write_ids;
use super::{ProtectedHeader, VERSION};
use crate::connection_id::ConnectionId;

/// A Retry packet that is whole.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Retry<'a> {
    /// The id that the server chose for itself.
    pub(crate) source: ConnectionId,
    pub(crate) token: &'a [u8],
}

impl<'a> Retry<'a> {
    /// Reads one. `None` if it does not answer the packet that was sent to `original`.
    pub(crate) fn decode(
        header: &ProtectedHeader,
        packet: &'a [u8],
        original: &ConnectionId,
    ) -> Option<Self> {
        let (covered, tag) = packet.split_last_chunk::<TAG_BYTES>()?;
        let token = covered
            .get(header.number_offset..)
            .filter(|token| !token.is_empty())?;
        let matches = integrity_tag(original, covered)? == *tag;
        matches.then_some(Self {
            source: header.source?,
            token,
        })
    }
}

/// Writes a Retry that answers a packet from `destination` to `original`. Nothing is written if
/// the tag cannot be made.
pub(crate) fn write_retry(
    buffer: &mut Vec<u8>,
    destination: &ConnectionId,
    source: &ConnectionId,
    original: &ConnectionId,
    token: &[u8],
) {
    let start = buffer.len();
    buffer.push(LONG | FIXED | 3 << 4);
    buffer.extend_from_slice(&VERSION.to_be_bytes());
    write_ids(destination, source, buffer);
    buffer.extend_from_slice(token);
    match integrity_tag(original, &buffer[start..]) {
        Some(tag) => buffer.extend_from_slice(&tag),
        None => buffer.truncate(start),
    }
}

/// Shows that whoever wrote the packet has seen the one that it answers
/// (RFC 9001 section 5.8).
fn integrity_tag(original: &ConnectionId, retry: &[u8]) -> Option<[u8; TAG_BYTES]> {
    let mut pseudo_packet = Vec::with_capacity(1 + original.len() + retry.len());
    pseudo_packet.push(original.len() as u8);
    pseudo_packet.extend_from_slice(original);
    pseudo_packet.extend_from_slice(retry);
    let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &KEY).ok()?);
    let nonce = Nonce::assume_unique_for_key(NONCE);
    let tag = key
        .seal_in_place_separate_tag(nonce, Aad::from(pseudo_packet), &mut [])
        .ok()?;
    tag.as_ref().try_into().ok()
}

const TAG_BYTES: usize = 16;

/// Of QUIC version 1 (RFC 9001 section 5.8).
const KEY: [u8; 16] = [
    0xbe, 0x0c, 0x69, 0x0b, 0x9f, 0x66, 0x57, 0x5a, 0x1d, 0x76, 0x6b, 0x54, 0xe3, 0x68, 0xc8, 0x4e,
];

/// Of QUIC version 1 (RFC 9001 section 5.8).
const NONCE: [u8; 12] = [
    0x46, 0x15, 0x99, 0xd3, 0x5d, 0x63, 0x2b, 0xf2, 0x23, 0x98, 0x25, 0xbb,
];
