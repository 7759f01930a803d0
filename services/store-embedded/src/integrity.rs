//! Checksums above the engine: what makes a missing, swapped or altered record show.
//!
//! All of them are XXH3-64: strong against accidents and fast enough to be computed for every
//! record, not made against an attacker who can write to the disk.

use xxhash_rust::xxh3::{Xxh3, xxh3_64, xxh3_64_with_seed};

/// A 64-bit checksum.
pub(crate) type Check = u64;

/// A checksum of `content` that is also about what the content belongs to: the same content under
/// another `context` has another checksum, so that rows cannot trade places unseen.
pub(crate) fn check(context: &[&[u8]], content: &[u8]) -> Check {
    let mut hasher = Xxh3::new();
    context.iter().for_each(|part| hasher.update(part));
    xxh3_64_with_seed(content, hasher.digest())
}

/// A checksum of bytes that stand for themselves.
pub(crate) fn plain(bytes: &[u8]) -> Check {
    xxh3_64(bytes)
}

/// What a set of rows adds up to, after a row with this checksum came or went. It stands for which
/// rows there are, whatever their order; that of no rows is zero.
pub(crate) fn sum(set: Check, row: Check) -> Check {
    set ^ row
}

/// The chain of a log before its first record.
pub(crate) fn genesis(id: &[u8; 16]) -> Check {
    check(&[b"genesis"], id)
}

/// The chain of a log after a record with this checksum: it stands for every record so far and for
/// their order.
pub(crate) fn link(chain: Check, record: Check) -> Check {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&chain.to_le_bytes());
    bytes[8..].copy_from_slice(&record.to_le_bytes());
    xxh3_64(&bytes)
}

/// A short checksum of one byte of a row that has another `row` checksum for the rest of it.
pub(crate) fn of_byte(row: Check, byte: u8) -> u32 {
    // The half of a good hash is a good hash.
    link(row, Check::from(byte)) as u32
}
