//! Removes header protection (RFC 9001 section 5.4).

use super::header::{HeaderError, PartialHeader};
use super::number::TruncatedNumber;
use super::{KEY_PHASE_BIT, LONG_HEADER, LONG_RESERVED_BITS, SAMPLE_BYTES, SHORT_RESERVED_BITS};

/// A header whose protection is removed. Nothing in it can be believed until the payload has been
/// opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PlainHeader {
    first: u8,
    /// The packet number as it arrived.
    pub(crate) number: TruncatedNumber,
    /// Where the header ends and the sealed payload begins.
    pub(crate) header_bytes: usize,
}

impl PlainHeader {
    /// Which of two keys seals a 1-RTT packet.
    #[inline]
    pub(crate) const fn key_phase(&self) -> bool {
        self.first & KEY_PHASE_BIT != 0
    }

    /// Bits are set that must not be: once the payload has been opened, a PROTOCOL_VIOLATION.
    #[inline]
    pub(crate) const fn has_reserved_bits(&self) -> bool {
        let reserved = if self.first & LONG_HEADER != 0 {
            LONG_RESERVED_BITS
        } else {
            SHORT_RESERVED_BITS
        };
        self.first & reserved != 0
    }
}

impl PartialHeader {
    /// Uncovers the header in place. `remove` gets the sample, the first byte and the four bytes
    /// where the number is, and takes the mask off, as rustls' `decrypt_in_place` does.
    ///
    /// Nothing branches on the number or its size (RFC 9001 section 9.5, T18 of the attack
    /// catalogue): the bytes are where they are for the longest number in any case.
    ///
    /// # Errors
    ///
    /// [`HeaderError::TooShort`]: the sample goes beyond the end of the packet. Whatever `remove`
    /// answers if it fails.
    #[inline]
    pub(crate) fn unprotect<E: From<HeaderError>>(
        &self,
        datagram: &mut [u8],
        remove: impl FnOnce(&[u8], &mut u8, &mut [u8]) -> Result<(), E>,
    ) -> Result<PlainHeader, E> {
        let packet = datagram
            .get_mut(..self.packet_bytes)
            .ok_or(HeaderError::TooShort)?;
        let (header, protected) = packet
            .split_at_mut_checked(self.number_offset)
            .ok_or(HeaderError::TooShort)?;
        let (number, payload) = protected
            .split_first_chunk_mut::<4>()
            .ok_or(HeaderError::TooShort)?;
        let sample = payload.get(..SAMPLE_BYTES).ok_or(HeaderError::TooShort)?;
        let first = header.first_mut().ok_or(HeaderError::TooShort)?;
        remove(sample, first, number)?;
        let number = TruncatedNumber::new(*number, *first);
        Ok(PlainHeader {
            first: *first,
            number,
            header_bytes: self.number_offset + number.bytes(),
        })
    }
}
