//! The bytes of streams and messages: a function of key and offset, so nothing is kept to compare.

/// Writes the bytes from `offset` on into `bytes`.
pub(super) fn fill(key: u64, offset: u64, bytes: &mut [u8]) {
    for (position, byte) in (offset..).zip(bytes) {
        *byte = at(key, position);
    }
}

/// The position of the first byte that differs from what it should be.
pub(super) fn difference(key: u64, offset: u64, bytes: &[u8]) -> Option<u64> {
    let mut expected = (offset..).zip(bytes);
    let wrong = expected.find(|(position, byte)| at(key, *position) != **byte);
    wrong.map(|(position, _)| position)
}

/// Neighbours differ, and so do equal offsets of different streams.
fn at(key: u64, position: u64) -> u8 {
    let mixed = (key ^ (position >> 3)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> (8 * (position & 7))) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shifted_repeated_or_foreign_bytes_are_noticed() {
        let mut bytes = [0; 100];
        fill(5, 1000, &mut bytes);
        assert_eq!(difference(5, 1000, &bytes), None);
        assert!(difference(5, 1001, &bytes).is_some());
        assert!(difference(5, 1008, &bytes).is_some());
        assert!(difference(6, 1000, &bytes).is_some());
    }
}
