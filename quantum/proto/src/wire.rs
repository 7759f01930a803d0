//! Numbers and byte strings on the wire: everything is big-endian, most numbers are varints.

use thiserror::Error;

/// The largest number that a varint can hold (RFC 9000 section 16).
pub(crate) const VARINT_MAX: u64 = (1 << 62) - 1;

/// The bytes end before the field does. The sender is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a field goes beyond the end of what the peer sent")]
pub(crate) struct UnexpectedEnd;

/// Takes fields from the front of a byte string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Reads `bytes` from their beginning.
    #[inline]
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Nothing is left.
    #[inline]
    pub(crate) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// How many bytes are left.
    #[inline]
    pub(crate) const fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// What is left, without taking it.
    #[inline]
    pub(crate) const fn peek_rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Takes all that is left.
    #[inline]
    pub(crate) fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    /// Takes `count` bytes.
    #[inline]
    pub(crate) fn bytes(&mut self, count: usize) -> Result<&'a [u8], UnexpectedEnd> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(UnexpectedEnd)?;
        self.rest = rest;
        Ok(taken)
    }

    /// Takes bytes behind a varint that counts them.
    #[inline]
    pub(crate) fn prefixed_bytes(&mut self) -> Result<&'a [u8], UnexpectedEnd> {
        let count = self.varint()?;
        self.bytes(usize::try_from(count).map_err(|_| UnexpectedEnd)?)
    }

    /// Takes an array.
    #[inline]
    pub(crate) fn array<const COUNT: usize>(&mut self) -> Result<[u8; COUNT], UnexpectedEnd> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(UnexpectedEnd)?;
        self.rest = rest;
        Ok(*taken)
    }

    /// Takes one byte.
    #[inline]
    pub(crate) fn u8(&mut self) -> Result<u8, UnexpectedEnd> {
        let (taken, rest) = self.rest.split_first().ok_or(UnexpectedEnd)?;
        self.rest = rest;
        Ok(*taken)
    }

    /// Takes two bytes.
    #[inline]
    pub(crate) fn u16(&mut self) -> Result<u16, UnexpectedEnd> {
        self.array().map(u16::from_be_bytes)
    }

    /// Takes four bytes.
    #[inline]
    pub(crate) fn u32(&mut self) -> Result<u32, UnexpectedEnd> {
        self.array().map(u32::from_be_bytes)
    }

    /// Takes eight bytes.
    #[inline]
    pub(crate) fn u64(&mut self) -> Result<u64, UnexpectedEnd> {
        self.array().map(u64::from_be_bytes)
    }

    /// Takes a variable-length integer (RFC 9000 section 16): the two high bits of the first byte
    /// tell its size.
    #[inline]
    pub(crate) fn varint(&mut self) -> Result<u64, UnexpectedEnd> {
        let first = *self.rest.first().ok_or(UnexpectedEnd)?;
        match first >> 6 {
            0 => self.u8().map(u64::from),
            1 => self.u16().map(|value| u64::from(value & 0x3fff)),
            2 => self.u32().map(|value| u64::from(value & 0x3fff_ffff)),
            _ => self.u64().map(|value| value & VARINT_MAX),
        }
    }
}

/// How many bytes `value` takes as a varint: 1, 2, 4 or 8.
#[inline]
pub(crate) const fn varint_size(value: u64) -> usize {
    match value {
        0..=0x3f => 1,
        0x40..=0x3fff => 2,
        0x4000..=0x3fff_ffff => 4,
        _ => 8,
    }
}

/// Appends `value` as a varint in its shortest form. What no varint can hold is written as
/// [`VARINT_MAX`]: applications choose error codes, and a wrong one must not break a packet.
#[inline]
pub(crate) fn write_varint(buffer: &mut Vec<u8>, value: u64) {
    match value {
        0..=0x3f => buffer.push(value as u8),
        0x40..=0x3fff => buffer.extend_from_slice(&(value as u16 | 0x4000).to_be_bytes()),
        0x4000..=0x3fff_ffff => {
            buffer.extend_from_slice(&(value as u32 | 0x8000_0000).to_be_bytes());
        }
        _ => buffer.extend_from_slice(&(value.min(VARINT_MAX) | 3 << 62).to_be_bytes()),
    }
}

/// Appends `bytes` behind a varint that counts them.
pub(crate) fn write_prefixed_bytes(buffer: &mut Vec<u8>, bytes: &[u8]) {
    write_varint(buffer, bytes.len() as u64);
    buffer.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn varints_of_rfc_9000_appendix_a1_are_read() {
        let vectors: [(&[u8], u64); 5] = [
            (
                &[0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c],
                151_288_809_941_952_652,
            ),
            (&[0x9d, 0x7f, 0x3e, 0x7d], 494_878_333),
            (&[0x7b, 0xbd], 15_293),
            (&[0x25], 37),
            (&[0x40, 0x25], 37),
        ];
        for (bytes, value) in vectors {
            let mut reader = Reader::new(bytes);
            assert_eq!(reader.varint(), Ok(value));
            assert!(reader.is_empty());
        }
    }

    #[test]
    fn too_large_numbers_are_written_as_the_largest() {
        let mut buffer = Vec::new();
        write_varint(&mut buffer, u64::MAX);
        assert_eq!(Reader::new(&buffer).varint(), Ok(VARINT_MAX));
    }

    proptest! {
        #[test]
        fn varints_come_back_and_are_as_long_as_announced(bits in 0u32..=62, any in 0u64..) {
            let value = any & ((1u64 << bits) - 1);
            let mut buffer = Vec::new();
            write_varint(&mut buffer, value);
            prop_assert_eq!(buffer.len(), varint_size(value));
            prop_assert_eq!(Reader::new(&buffer).varint(), Ok(value));
            buffer.pop();
            prop_assert_eq!(Reader::new(&buffer).varint(), Err(UnexpectedEnd));
        }
    }

    #[test]
    fn a_failed_read_takes_nothing() {
        let mut reader = Reader::new(&[1, 2, 3]);
        assert_eq!(reader.u32(), Err(UnexpectedEnd));
        assert_eq!(reader.bytes(4), Err(UnexpectedEnd));
        assert_eq!(reader.u16(), Ok(0x0102));
        assert_eq!(reader.rest(), [3]);
    }

    #[test]
    fn a_length_beyond_the_end_is_refused() {
        assert_eq!(Reader::new(&[3, 1, 2]).prefixed_bytes(), Err(UnexpectedEnd));
        assert_eq!(
            Reader::new(&[0xff; 12]).prefixed_bytes(),
            Err(UnexpectedEnd)
        );
    }
}
