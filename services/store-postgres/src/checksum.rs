//! Checksums of what is stored, about its place too: so that damage and mix-ups are noticed.
//!
//! PostgreSQL has checksums of pages, if the cluster was made with them; these hold from the process that
//! wrote to the process that reads.

use xxhash_rust::xxh3::Xxh3;

/// Of these parts, in this order. Each is hashed with its length: no two lists are alike.
pub(crate) fn checksum(parts: &[&[u8]]) -> i64 {
    let mut hash = Xxh3::new();
    for part in parts {
        hash.update(&(part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    // The bits, as the column has them.
    hash.digest().cast_signed()
}

#[cfg(test)]
mod tests {
    use super::checksum;

    #[test]
    fn it_is_about_every_part_and_its_end() {
        let sums = [
            checksum(&[b"ab", b"c"]),
            checksum(&[b"a", b"bc"]),
            checksum(&[b"abc"]),
            checksum(&[b"abc", b""]),
        ];
        for (index, sum) in sums.iter().enumerate() {
            assert!(!sums[..index].contains(sum));
        }
    }
}
