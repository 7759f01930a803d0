//! Packet numbers on the wire: as few low bytes as the receiver needs.

/// A packet number, cut to the bytes that are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EncodedNumber {
    value: u32,
    bytes: u8,
}

impl EncodedNumber {
    /// Cuts `number` so that a receiver that has seen `largest_acknowledged` understands it
    /// (RFC 9000 appendix A.2): the bytes span twice the numbers in flight.
    #[inline]
    pub(crate) const fn new(number: u64, largest_acknowledged: Option<u64>) -> Self {
        let unacknowledged = match largest_acknowledged {
            Some(largest) => number.saturating_sub(largest),
            None => number.saturating_add(1),
        };
        let bits = u64::BITS - unacknowledged.leading_zeros() + 1;
        let bytes = bits.div_ceil(8);
        Self {
            value: number as u32,
            bytes: match bytes {
                0..=1 => 1,
                2 => 2,
                3 => 3,
                _ => 4,
            },
        }
    }

    /// How many bytes are sent: 1 to 4.
    #[inline]
    pub(crate) const fn bytes(self) -> usize {
        self.bytes as usize
    }

    /// The low two bits of the first byte of the header.
    #[inline]
    pub(super) const fn size_bits(self) -> u8 {
        self.bytes - 1
    }

    /// Appends the bytes.
    #[inline]
    pub(super) fn write(self, buffer: &mut Vec<u8>) {
        let bytes = self.value.to_be_bytes();
        buffer.extend_from_slice(bytes.get(4 - self.bytes()..).unwrap_or(&bytes));
    }
}

/// A packet number as it arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TruncatedNumber {
    value: u32,
    bytes: u8,
}

impl TruncatedNumber {
    /// Takes the first `size_bits` + 1 of `four_bytes`.
    #[inline]
    pub(super) const fn new(four_bytes: [u8; 4], size_bits: u8) -> Self {
        let bytes = (size_bits & 3) + 1;
        Self {
            value: u32::from_be_bytes(four_bytes) >> (8 * (4 - bytes as u32)),
            bytes,
        }
    }

    /// How many bytes arrived: 1 to 4.
    #[inline]
    pub(crate) const fn bytes(self) -> usize {
        self.bytes as usize
    }

    /// The number closest to `expected` (one more than the largest that arrived) that ends in
    /// these bytes (RFC 9000 appendix A.3).
    ///
    /// Computed without a branch: how long it takes must not tell the number to somebody who
    /// sends forged packets (RFC 9001 section 9.5).
    #[inline]
    pub(crate) const fn expand(self, expected: u64) -> u64 {
        let window = 1_u64 << (8 * self.bytes as u32);
        let half = window / 2;
        let candidate = (expected & !(window - 1)) | self.value as u64;
        let too_low =
            (candidate.saturating_add(half) <= expected) & (candidate < (1 << 62) - window);
        let too_high = (candidate > expected.saturating_add(half)) & (candidate >= window);
        candidate
            .wrapping_add(window * too_low as u64)
            .wrapping_sub(window * too_high as u64)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sent(number: u64, largest_acknowledged: Option<u64>) -> Vec<u8> {
        let mut buffer = Vec::new();
        EncodedNumber::new(number, largest_acknowledged).write(&mut buffer);
        buffer
    }

    fn received(bytes: &[u8]) -> TruncatedNumber {
        let mut four = [0xee; 4];
        four[..bytes.len()].copy_from_slice(bytes);
        TruncatedNumber::new(four, bytes.len() as u8 - 1)
    }

    #[test]
    fn numbers_of_rfc_9000_appendix_a2_are_as_short_as_there() {
        assert_eq!(sent(0xac5c02, Some(0xabe8b3)), [0x5c, 0x02]);
        assert_eq!(sent(0xace8fe, Some(0xabe8b3)), [0xac, 0xe8, 0xfe]);
    }

    #[test]
    fn the_number_of_rfc_9000_appendix_a3_is_found() {
        assert_eq!(received(&[0x9b, 0x32]).expand(0xa82f30ea + 1), 0xa82f9b32);
    }

    #[test]
    fn first_numbers_are_understood() {
        for number in 0..300 {
            let bytes = sent(number, None);
            assert_eq!(received(&bytes).expand(0), number);
        }
    }

    /// RFC 9000 appendix A.3, word for word.
    fn reference(truncated: u64, bytes: u32, expected: u64) -> u64 {
        let (window, half) = (1u64 << (8 * bytes), 1u64 << (8 * bytes - 1));
        let candidate = (expected & !(window - 1)) | truncated;
        if candidate + half <= expected && candidate < (1 << 62) - window {
            return candidate + window;
        }
        if candidate > expected + half && candidate >= window {
            return candidate - window;
        }
        candidate
    }

    proptest! {
        #[test]
        fn expansion_is_that_of_the_rfc(
            value: u32, bytes in 1u32..=4, bits in 0u32..=62, any: u64,
        ) {
            let expected = any & ((1u64 << bits) - 1);
            let truncated = TruncatedNumber::new(value.to_be_bytes(), bytes as u8 - 1);
            let low = u64::from(value >> (32 - 8 * bytes));
            prop_assert_eq!(truncated.expand(expected), reference(low, bytes, expected));
        }

        #[test]
        fn a_receiver_up_to_the_numbers_in_flight_away_understands(
            acknowledged in 0u64..1 << 60, in_flight in 1u64..1 << 31, seen in 0u64..1 << 31,
        ) {
            let number = acknowledged + in_flight;
            let largest_seen = acknowledged + seen % (in_flight + 1);
            let bytes = sent(number, Some(acknowledged));
            prop_assert_eq!(received(&bytes).expand(largest_seen + 1), number);
        }
    }
}
