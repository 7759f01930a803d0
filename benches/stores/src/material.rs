//! Documents to write: always the same ones, so that what is read back can be checked.

use crate::engine::{Append, DocumentId, Loaded};

/// Size of one record, as a small edit has it.
pub(crate) const RECORD_BYTES: usize = 100;
/// Size of a head: version, hashes, who and when.
pub(crate) const HEAD_BYTES: usize = 96;
/// Size of a snapshot in the load and compaction measurements.
pub(crate) const SNAPSHOT_BYTES: usize = 100 * 1024;

/// Bytes that do not compress and depend on `seed` alone (`SplitMix64`).
pub(crate) fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed;
    let words = std::iter::repeat_with(|| next_random(&mut state));
    words
        .take(length.div_ceil(8))
        .flat_map(u64::to_le_bytes)
        .take(length)
        .collect()
}

/// The next of a repeatable row of numbers (`SplitMix64`, Steele, Lea and Flood 2014).
pub(crate) fn next_random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

/// The id of the document number `index`: in order, as ids with a time in front are.
pub(crate) fn document(index: u64) -> DocumentId {
    let mut id = [0; 16];
    // Version 7: 48 bits of time, four bits that say so, and then the rest.
    let time: u64 = 0x0190_0000_0000 + index;
    id[..8].copy_from_slice(&(time << 16 | 0x7000).to_be_bytes());
    let random = next_random(&mut index.clone()) >> 2 | 1 << 63;
    id[8..].copy_from_slice(&random.to_be_bytes());
    id
}

fn seed(index: u64, version: u64) -> u64 {
    index.wrapping_mul(0x1_0000_0001) ^ version.rotate_left(40)
}

/// The record of one version.
pub(crate) fn record(index: u64, version: u64) -> Vec<u8> {
    noise(seed(index, version), RECORD_BYTES)
}

/// The head of a document at one version.
pub(crate) fn head(index: u64, version: u64) -> Vec<u8> {
    let mut head = noise(seed(index, version) ^ 1, HEAD_BYTES);
    head[..8].copy_from_slice(&version.to_be_bytes());
    head
}

/// The snapshot of a document.
pub(crate) fn snapshot(index: u64) -> Vec<u8> {
    noise(seed(index, 0) ^ 2, SNAPSHOT_BYTES)
}

/// `count` records after `version`.
pub(crate) fn append(index: u64, version: u64, count: u64) -> Append {
    Append {
        document: document(index),
        first_version: version + 1,
        records: (version + 1..=version + count)
            .map(|version| record(index, version))
            .collect(),
        head: head(index, version + count),
    }
}

/// What must come back of a document whose records up to `pruned` were replaced by a snapshot.
pub(crate) fn expected(index: u64, pruned: u64, version: u64) -> Loaded {
    Loaded {
        version,
        snapshot: if pruned == 0 {
            Vec::new()
        } else {
            snapshot(index)
        },
        records: (pruned + 1..=version)
            .map(|version| (version, record(index, version)))
            .collect(),
    }
}
