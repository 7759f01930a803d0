//! Packet numbers are sent short and made whole again (RFC 9000 section 17.1, appendix A).

/// How many bytes `number` needs so that the peer, who has acknowledged `acknowledged`, can make
/// it whole: room for twice the numbers that are under way (RFC 9000 appendix A.2).
#[inline]
pub(crate) fn number_bytes(number: u64, acknowledged: Option<u64>) -> usize {
    let under_way = acknowledged.map_or(number.saturating_add(1), |acked| {
        number.saturating_sub(acked)
    });
    match under_way.saturating_mul(2) {
        0..=0xff => 1,
        0x100..=0xffff => 2,
        0x1_0000..=0xff_ffff => 3,
        _ => 4,
    }
}

/// The number nearest to `expected` that ends in `truncated` (RFC 9000 appendix A.3).
///
/// Computed without a branch: how long it takes must not tell the number to somebody who sends
/// forged packets (Q-PKT-3, RFC 9001 section 9.5).
#[inline]
pub(crate) const fn whole_number(expected: u64, truncated: u64, bytes: usize) -> u64 {
    let window = 1u64 << (bytes * 8);
    let half = window / 2;
    let candidate = (expected & !(window - 1)) | truncated;
    let too_low = (candidate.saturating_add(half) <= expected) & (candidate < (1 << 62) - window);
    let too_high = (candidate > expected.saturating_add(half)) & (candidate >= window);
    candidate
        .wrapping_add(window * too_low as u64)
        .wrapping_sub(window * too_high as u64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn examples_of_rfc_9000() {
        // Appendix A.2.
        assert_eq!(number_bytes(0xac5c02, Some(0xabe8b3)), 2);
        assert_eq!(number_bytes(0xace8fe, Some(0xabe8b3)), 3);
        // Appendix A.3.
        assert_eq!(whole_number(0xa82f30eb, 0x9b32, 2), 0xa82f9b32);
    }

    /// RFC 9000 appendix A.3, word for word.
    fn reference(expected: u64, truncated: u64, bytes: usize) -> u64 {
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
        fn numbers_are_made_whole_as_the_rfc_does(
            value: u32, bytes in 1usize..=4, bits in 0u32..=62, any: u64,
        ) {
            let expected = any & ((1u64 << bits) - 1);
            let truncated = u64::from(value) & ((1 << (8 * bytes)) - 1);
            prop_assert_eq!(
                whole_number(expected, truncated, bytes),
                reference(expected, truncated, bytes)
            );
        }

        #[test]
        fn a_number_survives_truncation(number in 0u64..1 << 62, behind in 0u64..1 << 20, ahead in 0u64..1 << 18) {
            let acknowledged = number.checked_sub(behind + 1);
            let bytes = number_bytes(number, acknowledged);
            // What the receiver expects lies between the acknowledged number and a little beyond.
            let expected = number.saturating_sub(ahead.min(behind)).max(acknowledged.map_or(0, |acked| acked + 1));
            let truncated = number & ((1 << (bytes * 8)) - 1);
            prop_assert_eq!(whole_number(expected, truncated, bytes), number);
        }
    }
}
