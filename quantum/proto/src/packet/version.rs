//! Version Negotiation (RFC 8999 section 6).

use super::header::LONG;
use super::writer::write_ids;
use super::{ProtectedHeader, VERSION};

/// Writes the packet that says which version this end speaks. The ids are those of the packet
/// that it answers, swapped by the caller; `random` fills the bits that carry nothing.
pub(crate) fn write_version_negotiation(
    buffer: &mut Vec<u8>,
    destination: &[u8],
    source: &[u8],
    random: u8,
) {
    buffer.push(LONG | random);
    buffer.extend_from_slice(&0u32.to_be_bytes());
    write_ids(destination, source, buffer);
    buffer.extend_from_slice(&VERSION.to_be_bytes());
}

/// Whether a Version Negotiation packet lists our version: then it is a mistake or a forgery,
/// since we asked for just that.
pub(crate) fn offers_our_version(header: &ProtectedHeader, packet: &[u8]) -> bool {
    let offered = packet.get(header.number_offset..).unwrap_or_default();
    offered
        .chunks_exact(4)
        .any(|version| version == VERSION.to_be_bytes())
}
