//! The data directory: one process at a time, one format.
//!
//! ```text
//! LOCK        locked while a process has the store open
//! FORMAT      which format, and the store's random number; written last when a store is made
//! WITNESS     the newest acknowledged commit, see `witness`
//! log/        commits, see `log`
//! tables/     rows that were moved out of the log, see `tables`
//! damaged/    segments of the log that were set aside when losses were accepted
//! ```
//!
//! FORMAT:
//!
//! ```text
//!  0  magic    8   "AFLOWFMT"
//!  8  format   4   u32, 3
//! 12  zero     4
//! 16  salt    16   random
//! 32  check    8   XXH3-64 of bytes 0 to 31
//! ```

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use guuid::Guuid;

use crate::encoding::Fields;
use crate::error::OpenError;
use crate::integrity;
use crate::log::Salt;

/// The format that this version writes, and the newest it reads.
pub(crate) const FORMAT: u32 = 3;

const MAGIC: &[u8; 8] = b"AFLOWFMT";
const MARKER_BYTES: usize = 40;

/// An open data directory. The lock goes with it.
#[derive(Debug)]
pub(crate) struct Directory {
    pub(crate) root: PathBuf,
    pub(crate) salt: Salt,
    /// Whether there was no store before.
    pub(crate) is_new: bool,
    _lock: File,
}

impl Directory {
    /// Locks the directory and reads its marker. Makes what is not there.
    pub(crate) fn open(root: &Path) -> Result<Self, OpenError> {
        fs::create_dir_all(root).map_err(OpenError::io("create the data directory", root))?;
        let lock = lock(root)?;
        let marker = root.join("FORMAT");
        let found = match fs::read(&marker) {
            Ok(bytes) => Some(decode_marker(root, &marker, &bytes)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(OpenError::io("read", marker)(error)),
        };
        let is_new = found.is_none();
        let salt = found.unwrap_or_else(|| Salt(Guuid::now().to_bytes()));
        let directory = Self {
            root: root.to_owned(),
            salt,
            is_new,
            _lock: lock,
        };
        if is_new {
            directory.clear_unfinished()?;
        }
        for subdirectory in [directory.log(), directory.tables()] {
            fs::create_dir_all(&subdirectory).map_err(OpenError::io("create", subdirectory))?;
        }
        Ok(directory)
    }

    /// Refuses a directory in which there is no store.
    pub(crate) fn expect(root: &Path) -> Result<(), OpenError> {
        let marker = root.join("FORMAT");
        if marker
            .try_exists()
            .map_err(OpenError::io("look for", marker))?
        {
            return Ok(());
        }
        Err(OpenError::NotThere {
            path: root.to_owned(),
        })
    }

    /// Writes the marker: from now on there is a store.
    pub(crate) fn finish(&self) -> Result<(), OpenError> {
        let (marker, draft) = (self.root.join("FORMAT"), self.root.join("FORMAT.new"));
        let write = || {
            let mut file = File::create(&draft)?;
            file.write_all(&encode_marker(self.salt))?;
            file.sync_all()?;
            fs::rename(&draft, &marker)?;
            sync_directory(&self.root)
        };
        write().map_err(OpenError::io("write", &marker))
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.root.join("log")
    }

    pub(crate) fn tables(&self) -> PathBuf {
        self.root.join("tables")
    }

    pub(crate) fn witness(&self) -> PathBuf {
        self.root.join("WITNESS")
    }

    pub(crate) fn damaged(&self) -> PathBuf {
        self.root.join("damaged")
    }

    /// Without a marker, a store was at most half made and never acknowledged anything: it may be
    /// made again. Anything else in the directory is not ours to touch.
    fn clear_unfinished(&self) -> Result<(), OpenError> {
        let refuse = || OpenError::NotAStore {
            path: self.root.clone(),
        };
        let entries = fs::read_dir(&self.root).map_err(OpenError::io("read", &self.root))?;
        for entry in entries {
            let name = entry
                .map_err(OpenError::io("read", &self.root))?
                .file_name();
            let ours = ["LOCK", "FORMAT.new", "WITNESS", "log", "tables"];
            if !ours.iter().any(|known| name == *known) {
                return Err(refuse());
            }
        }
        let witness_is_fresh = match fs::metadata(self.witness()) {
            Ok(metadata) => {
                metadata.len() == 0 || matches!(crate::witness::read(&self.witness()), Ok(Some(0)))
            }
            Err(_) => true,
        };
        // The first segment of the log and the first table are written after the marker.
        let is_written = holds_files(&self.log()) || holds_files(&self.tables().join("tables"));
        if is_written || !witness_is_fresh {
            return Err(refuse());
        }
        for subdirectory in [self.log(), self.tables()] {
            match fs::remove_dir_all(&subdirectory) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(OpenError::io("clear", subdirectory)(error));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

fn lock(root: &Path) -> Result<File, OpenError> {
    let path = root.join("LOCK");
    let lock = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(OpenError::io(
            "write to the data directory: cannot open",
            &path,
        ))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse {
            path: root.to_owned(),
        }),
        Err(TryLockError::Error(error)) => Err(OpenError::io("lock", path)(error)),
    }
}

fn holds_files(directory: &Path) -> bool {
    fs::read_dir(directory).is_ok_and(|mut entries| entries.next().is_some())
}

fn encode_marker(salt: Salt) -> [u8; MARKER_BYTES] {
    let mut marker = [0; MARKER_BYTES];
    marker[..8].copy_from_slice(MAGIC);
    marker[8..12].copy_from_slice(&FORMAT.to_le_bytes());
    marker[16..32].copy_from_slice(&salt.0);
    let check = integrity::plain(&marker[..32]);
    marker[32..].copy_from_slice(&check.to_le_bytes());
    marker
}

fn decode_marker(root: &Path, marker: &Path, bytes: &[u8]) -> Result<Salt, OpenError> {
    let damaged = |what: &str| OpenError::Damaged {
        path: marker.to_owned(),
        what: what.to_owned(),
    };
    // A newer format may be longer, but begins the same way.
    let mut fields = Fields::of(bytes, "marker");
    let magic = fields.array::<8>().map_err(|_| damaged("too short"))?;
    let found = fields.u32().map_err(|_| damaged("too short"))?;
    let whole: Option<&[u8; MARKER_BYTES]> = bytes.try_into().ok();
    let is_right = whole.is_some_and(|whole| {
        integrity::plain(&whole[..32]).to_le_bytes() == whole[32..] && magic == *MAGIC
    });
    match whole {
        Some(whole) if is_right && found == FORMAT => {
            let mut salt = [0; 16];
            salt.copy_from_slice(&whole[16..32]);
            Ok(Salt(salt))
        }
        _ if magic == *MAGIC && found > FORMAT && (is_right || bytes.len() > MARKER_BYTES) => {
            Err(OpenError::NewerFormat {
                path: root.to_owned(),
                found,
                supported: FORMAT,
            })
        }
        _ if is_right => Err(damaged("its format was never released")),
        _ => Err(damaged("not a format marker")),
    }
}

/// Makes new and removed names in a directory survive a power loss.
pub(crate) fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_flipped_bit_and_any_cut_of_the_marker_is_noticed() {
        let (root, path) = (Path::new("/data"), Path::new("/data/FORMAT"));
        let marker = encode_marker(Salt([3; 16]));
        assert_eq!(decode_marker(root, path, &marker).unwrap(), Salt([3; 16]));
        for place in 0..marker.len() * 8 {
            let mut altered = marker;
            altered[place / 8] ^= 1 << (place % 8);
            assert!(decode_marker(root, path, &altered).is_err(), "bit {place}");
        }
        for length in 0..marker.len() {
            assert!(
                decode_marker(root, path, &marker[..length]).is_err(),
                "cut at {length}"
            );
        }
    }

    #[test]
    fn a_newer_format_is_refused_by_its_number() {
        let mut marker = encode_marker(Salt([3; 16]));
        marker[8] = 4;
        let check = integrity::plain(&marker[..32]);
        marker[32..].copy_from_slice(&check.to_le_bytes());
        let refused = decode_marker(Path::new("/data"), Path::new("/data/FORMAT"), &marker);
        assert!(matches!(
            refused,
            Err(OpenError::NewerFormat {
                found: 4,
                supported: 3,
                ..
            })
        ));
    }

    #[test]
    fn a_format_that_was_never_released_is_said_to_be_one() {
        let mut marker = encode_marker(Salt([3; 16]));
        marker[8] = 1;
        let check = integrity::plain(&marker[..32]);
        marker[32..].copy_from_slice(&check.to_le_bytes());
        let refused = decode_marker(Path::new("/data"), Path::new("/data/FORMAT"), &marker);
        let text = refused.unwrap_err().to_string();
        assert!(text.contains("never released"), "{text}");
    }
}
