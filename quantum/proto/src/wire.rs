//! Integers on the wire: the only place that takes raw bytes apart.

/// The input ended before what was to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct UnexpectedEnd;

/// The largest variable-length integer (RFC 9000 section 16).
pub(crate) const VARINT_MAX: u64 = (1 << 62) - 1;

/// Reads from the front of a slice.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) const fn remaining(&self) -> usize {
        self.0.len()
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Everything that is left.
    pub(crate) const fn rest(&mut self) -> &'a [u8] {
        let rest = self.0;
        self.0 = &[];
        rest
    }

    #[inline]
    pub(crate) fn bytes(&mut self, count: usize) -> Result<&'a [u8], UnexpectedEnd> {
        let (bytes, rest) = self.0.split_at_checked(count).ok_or(UnexpectedEnd)?;
        self.0 = rest;
        Ok(bytes)
    }

    #[inline]
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], UnexpectedEnd> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or(UnexpectedEnd)?;
        self.0 = rest;
        Ok(*bytes)
    }

    #[inline]
    pub(crate) fn u8(&mut self) -> Result<u8, UnexpectedEnd> {
        self.array().map(|[byte]| byte)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, UnexpectedEnd> {
        self.array().map(u32::from_be_bytes)
    }

    /// A variable-length integer (RFC 9000 section 16).
    #[inline]
    pub(crate) fn varint(&mut self) -> Result<u64, UnexpectedEnd> {
        let first = self.u8()?;
        let high = u64::from(first & 0x3f);
        match first >> 6 {
            0 => Ok(high),
            1 => Ok(high << 8 | u64::from(self.u8()?)),
            2 => {
                let [a, b, c] = self.array()?;
                Ok(high << 24 | u64::from(u32::from_be_bytes([0, a, b, c])))
            }
            _ => {
                let [a, b, c, d, e, f, g] = self.array()?;
                Ok(high << 56 | u64::from_be_bytes([0, a, b, c, d, e, f, g]))
            }
        }
    }

    /// Bytes behind their number, which is a variable-length integer.
    pub(crate) fn prefixed(&mut self) -> Result<&'a [u8], UnexpectedEnd> {
        let count = self.varint()?;
        self.bytes(usize::try_from(count).map_err(|_| UnexpectedEnd)?)
    }
}

/// How many bytes a variable-length integer takes.
#[inline]
pub(crate) const fn varint_size(value: u64) -> usize {
    match value {
        0..=0x3f => 1,
        0x40..=0x3fff => 2,
        0x4000..=0x3fff_ffff => 4,
        _ => 8,
    }
}

/// Writes a variable-length integer; what is beyond [`VARINT_MAX`] is written as that.
#[inline]
pub(crate) fn write_varint(buffer: &mut Vec<u8>, value: u64) {
    let value = value.min(VARINT_MAX);
    match varint_size(value) {
        1 => buffer.push(value as u8),
        2 => buffer.extend_from_slice(&(value as u16 | 0x4000).to_be_bytes()),
        4 => buffer.extend_from_slice(&(value as u32 | 0x8000_0000).to_be_bytes()),
        _ => buffer.extend_from_slice(&(value | 0xc000_0000_0000_0000).to_be_bytes()),
    }
}

/// Writes bytes behind their number.
pub(crate) fn write_prefixed(buffer: &mut Vec<u8>, bytes: &[u8]) {
    write_varint(buffer, bytes.len() as u64);
    buffer.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn varints_are_those_of_rfc_9000() {
        // Appendix A.1.
        let vectors: [(&[u8], u64); 4] = [
            (
                &[0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c],
                151_288_809_941_952_652,
            ),
            (&[0x9d, 0x7f, 0x3e, 0x7d], 494_878_333),
            (&[0x7b, 0xbd], 15_293),
            (&[0x25], 37),
        ];
        for (bytes, value) in vectors {
            assert_eq!(Reader::new(bytes).varint(), Ok(value));
            let mut written = Vec::new();
            write_varint(&mut written, value);
            assert_eq!(written, bytes);
        }
        // Longer than needed is still the same number.
        assert_eq!(Reader::new(&[0x40, 0x25]).varint(), Ok(37));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(value in 0..=VARINT_MAX) {
            let mut bytes = Vec::new();
            write_varint(&mut bytes, value);
            prop_assert_eq!(bytes.len(), varint_size(value));
            prop_assert_eq!(Reader::new(&bytes).varint(), Ok(value));
            bytes.pop();
            prop_assert_eq!(Reader::new(&bytes).varint(), Err(UnexpectedEnd));
        }
    }
}
