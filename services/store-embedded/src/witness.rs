//! The witness: which commit was acknowledged last.
//!
//! A log that was cut off at its end looks like a shorter log. Therefore the number of each commit
//! is also written here, after its sync and before its answers. This write is not synced: it
//! survives the death of the process, and after a power loss it is at worst behind, never ahead.
//!
//! ```text
//!  0  magic    8   "AFLOWWIT"
//!  8  commit   8   u64
//! 16  check    8   XXH3-64 of bytes 0 to 15
//! ```

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::integrity;

const MAGIC: &[u8; 8] = b"AFLOWWIT";
const WITNESS_BYTES: usize = 24;

/// The open witness.
#[derive(Debug)]
pub(crate) struct Witness {
    file: File,
}

impl Witness {
    /// Opens it for writing and says `commit`, durably.
    pub(crate) fn begin(path: &Path, commit: u64) -> io::Result<Self> {
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path)?;
        file.set_len(WITNESS_BYTES as u64)?;
        let witness = Self { file };
        witness.say(commit)?;
        witness.sync()?;
        Ok(witness)
    }

    /// Everything up to `commit` is about to be acknowledged.
    pub(crate) fn say(&self, commit: u64) -> io::Result<()> {
        let mut bytes = [0; WITNESS_BYTES];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..16].copy_from_slice(&commit.to_le_bytes());
        let check = integrity::plain(&bytes[..16]);
        bytes[16..].copy_from_slice(&check.to_le_bytes());
        self.file.write_all_at(&bytes, 0)
    }

    /// On a clean close: makes the last word survive a power loss too.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.file.sync_all()
    }
}

/// The commit that a witness names; `None` when there is no witness, or a damaged one.
pub(crate) fn read(path: &Path) -> io::Result<Option<u64>> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    Ok(decode(&bytes))
}

fn decode(bytes: &[u8]) -> Option<u64> {
    let bytes: &[u8; WITNESS_BYTES] = bytes.try_into().ok()?;
    let is_right =
        bytes.starts_with(MAGIC) && integrity::plain(&bytes[..16]).to_le_bytes() == bytes[16..];
    let commit = bytes[8..16].first_chunk().copied().map(u64::from_le_bytes);
    commit.filter(|_| is_right)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_is_read_and_any_flipped_bit_or_cut_is_noticed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("WITNESS");
        assert_eq!(read(&path).unwrap(), None);
        Witness::begin(&path, 3).unwrap().say(4711).unwrap();
        assert_eq!(read(&path).unwrap(), Some(4711));
        let bytes = std::fs::read(&path).unwrap();
        for place in 0..bytes.len() * 8 {
            let mut altered = bytes.clone();
            altered[place / 8] ^= 1 << (place % 8);
            assert_eq!(decode(&altered), None, "bit {place}");
        }
        for length in 0..bytes.len() {
            assert_eq!(decode(&bytes[..length]), None, "cut at {length}");
        }
    }
}
