//! Files of the log.
//!
//! A segment is named by the first commit that may be in it. It begins with
//!
//! ```text
//!  0  magic         8   "AFLOWLOG"
//!  8  format        4   u32, 1
//! 12  zero          4
//! 16  first commit  8   u64
//! 24  check         8   XXH3-64 of bytes 0 to 23
//! 32  frames
//! ```
//!
//! and ends in zeros while it is written to, with its last frame afterwards.

use std::io;
use std::path::{Path, PathBuf};

use crate::integrity;

/// Bytes before the first frame.
pub(super) const SEGMENT_HEADER_BYTES: usize = 32;

const MAGIC: &[u8; 8] = b"AFLOWLOG";
const FORMAT: u32 = 1;

/// One file of the log.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Segment {
    /// The first commit that may be in it.
    pub(crate) first_commit: u64,
    /// Where it is.
    pub(crate) path: PathBuf,
}

impl Segment {
    /// The segment of `directory` that begins with `first_commit`, whether it exists or not.
    pub(crate) fn new(directory: &Path, first_commit: u64) -> Self {
        Self {
            first_commit,
            path: directory.join(format!("{first_commit:020}.log")),
        }
    }

    /// What the file begins with.
    pub(super) fn header(&self) -> [u8; SEGMENT_HEADER_BYTES] {
        let mut header = [0; SEGMENT_HEADER_BYTES];
        header[..8].copy_from_slice(MAGIC);
        header[8..12].copy_from_slice(&FORMAT.to_le_bytes());
        header[16..24].copy_from_slice(&self.first_commit.to_le_bytes());
        let check = integrity::plain(&header[..24]);
        header[24..].copy_from_slice(&check.to_le_bytes());
        header
    }
}

/// The segments of `directory`, oldest first. Files with other names are somebody else's.
pub(crate) fn segments(directory: &Path) -> io::Result<Vec<Segment>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            continue;
        };
        let Some(number) = name.strip_suffix(".log") else {
            continue;
        };
        if let (20, Ok(first_commit)) = (number.len(), number.parse()) {
            found.push(Segment { first_commit, path });
        }
    }
    found.sort_unstable();
    Ok(found)
}
