//! The tree's files, checked before the tree believes them.
//!
//! `lsm-tree` checks the blocks of its tables whenever it reads one, but trusts two things when it
//! opens. They are checked here; the formats are those of `lsm-tree` 3.1 and its container `sfa` 1.0,
//! and the tests of damage would fail if they changed.
//!
//! The list of tables: the file `current` names it and has its checksum, which nobody looks at. A
//! flipped bit in the list could make whole tables disappear.
//!
//! ```text
//! current     0  number    8   u64
//!             8  checksum 16   u128, XXH3-128 of the whole file v<number>
//!            24  type      1   0 = XXH3
//! ```
//!
//! The contents of each table: its checksum is compared after memory was asked for by what it says,
//! and a flipped bit can ask for more than there is, which ends the process.
//!
//! ```text
//! tables/<n>     ...
//!             p  contents
//!            -38  magic     4   "SFA!"
//!            -34  version   1   1
//!            -33  type      1   0 = XXH3
//!            -32  checksum 16   u128, XXH3-128 of the contents
//!            -16  p         8   u64
//!             -8  length    8   u64, of the contents
//! ```

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use xxhash_rust::xxh3::xxh3_128;

use crate::encoding::{Fields, Malformed};
use crate::error::OpenError;

const TRAILER_BYTES: usize = 38;

/// Largest contents that are read for checking. They are about 250 bytes.
const CONTENTS_BYTES_MAX: u64 = 64 * 1024;

/// Checks the files that the tree in `directory` will use. A directory without any is a new tree.
pub(super) fn verify(directory: &Path) -> Result<(), OpenError> {
    let tables = directory.join("tables");
    let names = match fs::read_dir(&tables) {
        Ok(entries) => entries.collect::<io::Result<Vec<_>>>(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    };
    let names = names.map_err(OpenError::io("read", &tables))?;
    let current = directory.join("current");
    match fs::read(&current) {
        Ok(bytes) => verify_list(directory, &current, &bytes)?,
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(OpenError::io("read", current)(error));
        }
        Err(_) if names.is_empty() => {}
        Err(_) => {
            let what = "there are tables, but the list of them is gone".to_owned();
            return Err(OpenError::Damaged { path: tables, what });
        }
    }
    names
        .iter()
        .try_for_each(|entry| verify_table(&entry.path()))
}

fn verify_list(directory: &Path, current: &Path, bytes: &[u8]) -> Result<(), OpenError> {
    let damaged = |what: &str| OpenError::Damaged {
        path: current.to_owned(),
        what: what.to_owned(),
    };
    let (number, checksum) = decode_current(bytes).map_err(|_| damaged("not a list of tables"))?;
    let list = directory.join(format!("v{number}"));
    let found = fs::read(&list).map_err(|_| damaged("the list of tables that it names is gone"))?;
    if xxh3_128(&found) == checksum {
        Ok(())
    } else {
        Err(damaged("the list of tables that it names was altered"))
    }
}

fn decode_current(bytes: &[u8]) -> Result<(u64, u128), Malformed> {
    let mut fields = Fields::of(bytes, "list of tables");
    let (number, checksum) = (fields.u64()?, u128::from_le_bytes(fields.array()?));
    let kind = fields.u8()?;
    fields.end()?;
    if kind == 0 {
        Ok((number, checksum))
    } else {
        Err(fields.malformed())
    }
}

fn verify_table(path: &Path) -> Result<(), OpenError> {
    let damaged = || OpenError::Damaged {
        path: path.to_owned(),
        what: "its end is wrong".into(),
    };
    let io = OpenError::io("read", path);
    let read = || {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        Ok((file, length))
    };
    let (file, length) = read().map_err(io)?;
    let end = length
        .checked_sub(TRAILER_BYTES as u64)
        .ok_or_else(damaged)?;
    let mut trailer = [0; TRAILER_BYTES];
    file.read_exact_at(&mut trailer, end)
        .map_err(OpenError::io("read", path))?;
    let (start, checksum) = decode_trailer(&trailer).map_err(|_| damaged())?;
    let contents_bytes = end
        .checked_sub(start)
        .filter(|bytes| *bytes <= CONTENTS_BYTES_MAX);
    let mut contents = vec![0; contents_bytes.ok_or_else(damaged)? as usize];
    file.read_exact_at(&mut contents, start)
        .map_err(OpenError::io("read", path))?;
    if xxh3_128(&contents) == checksum {
        Ok(())
    } else {
        Err(damaged())
    }
}

fn decode_trailer(trailer: &[u8; TRAILER_BYTES]) -> Result<(u64, u128), Malformed> {
    let mut fields = Fields::of(trailer, "end of a table");
    let fixed: [u8; 6] = fields.array()?;
    let checksum = u128::from_le_bytes(fields.array()?);
    let start = fields.u64()?;
    if fixed == *b"SFA!\x01\x00" {
        Ok((start, checksum))
    } else {
        Err(fields.malformed())
    }
}
