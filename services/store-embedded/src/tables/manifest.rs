//! The tree's files, checked before the tree believes them.
//!
//! `lsm-tree` checks the blocks of its tables whenever it reads one, but trusts two things when it
//! opens. They are checked here; the formats are those of `lsm-tree` 3.1 and its container `sfa` 1.0,
//! and the tests of damage would fail if they changed.
//!
//! **The list of tables.** The file `current` names it and has its checksum, which nobody looks at. A
//! flipped bit in the list could make whole tables disappear.
//!
//! **The contents of each file.** Their checksum is compared after memory was asked for by what they
//! say, and a flipped bit can ask for more than there is, which ends the process.
//!
//! ```text
//! current     0  number    8   u64
//!             8  checksum 16   u128, XXH3-128 of the whole file v<number>
//!            24  type      1   0 = XXH3
//!
//! v<number>      sections, contents, end
//! tables/<id>    sections, contents, end
//!
//! contents    0  magic     4   "TOC!"
//!             4  count     4   u32, then for each section:
//!                start     8   u64
//!                length    8   u64
//!                name          u16 length, bytes
//! end         0  magic     4   "SFA!"
//!             4  version   1   1
//!             5  type      1   0 = XXH3
//!             6  checksum 16   u128, XXH3-128 of the contents
//!            22  start     8   u64, of the contents
//!            30  length    8   u64, of the contents
//!
//! the section "tables" of v<number>
//!             0  levels    1   for each: runs u8, for each: tables u32, for each:
//!                id        8   u64
//!                type      1   0 = XXH3
//!                checksum 16   u128, XXH3-128 of the whole table
//!                sequence  8   u64
//! ```

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use xxhash_rust::xxh3::xxh3_128;

use crate::encoding::{Fields, Malformed};
use crate::error::OpenError;

const END_BYTES: usize = 38;

/// Largest contents that are read for checking. Those of a table are about 250 bytes.
const CONTENTS_BYTES_MAX: u64 = 64 * 1024;

/// Checks the files that the tree in `directory` will use. A directory without any is a new tree.
pub(super) fn verify(directory: &Path) -> Result<(), OpenError> {
    let (current, tables) = (directory.join("current"), directory.join("tables"));
    match fs::read(&current) {
        // Tables that the list does not have are leftovers of a process that ended while it wrote
        // them; the tree removes them.
        Ok(bytes) => listed_tables(directory, &current, &bytes)?
            .into_iter()
            .try_for_each(|id| verify_table(&tables.join(id.to_string()))),
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(OpenError::io("read", current)(error))
        }
        Err(_) if fs::read_dir(&tables).is_ok_and(|mut entries| entries.next().is_some()) => {
            let what = "there are tables, but the list of them is gone".to_owned();
            Err(OpenError::Damaged { path: tables, what })
        }
        Err(_) => Ok(()),
    }
}

/// Checks the list that `current` names, and reads it.
fn listed_tables(directory: &Path, current: &Path, bytes: &[u8]) -> Result<Vec<u64>, OpenError> {
    let damaged = |what: &str| OpenError::Damaged {
        path: current.to_owned(),
        what: what.to_owned(),
    };
    let (number, checksum) = decode_current(bytes).map_err(|_| damaged("not a list of tables"))?;
    let list = directory.join(format!("v{number}"));
    let found = fs::read(&list).map_err(|_| damaged("the list of tables that it names is gone"))?;
    if xxh3_128(&found) != checksum {
        return Err(damaged("the list of tables that it names was altered"));
    }
    decode_list(&found).map_err(|_| damaged("the list of tables that it names is unknown"))
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

/// The ids in a list whose checksum is right.
fn decode_list(list: &[u8]) -> Result<Vec<u64>, Malformed> {
    let malformed = Malformed {
        what: "list of tables",
    };
    let (_, end) = list.split_last_chunk().ok_or(malformed)?;
    let (start, _) = decode_end(end)?;
    let contents = list.get(start as usize..).ok_or(malformed)?;
    let section = find_section(contents, b"tables")?;
    let section = list
        .get(section.0 as usize..)
        .and_then(|rest| rest.get(..section.1 as usize));
    let mut fields = Fields::of(section.ok_or(malformed)?, malformed.what);
    let mut ids = Vec::new();
    for _ in 0..fields.u8()? {
        for _ in 0..fields.u8()? {
            for _ in 0..fields.u32()? {
                ids.push(fields.u64()?);
                fields.bytes(1 + 16 + 8)?;
            }
        }
    }
    fields.end()?;
    Ok(ids)
}

/// Start and length of a section.
fn find_section(contents: &[u8], wanted: &[u8]) -> Result<(u64, u64), Malformed> {
    let mut fields = Fields::of(contents, "contents");
    let (_magic, count) = (fields.bytes(4)?, fields.u32()?);
    for _ in 0..count {
        let place = (fields.u64()?, fields.u64()?);
        let name_length = usize::from(fields.u16()?);
        if fields.bytes(name_length)? == wanted {
            return Ok(place);
        }
    }
    Err(fields.malformed())
}

fn verify_table(path: &Path) -> Result<(), OpenError> {
    let damaged = |what: &str| OpenError::Damaged {
        path: path.to_owned(),
        what: what.to_owned(),
    };
    let end_is_wrong = || damaged("its end is wrong");
    let open = || {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        Ok((file, length))
    };
    let (file, length) = open().map_err(|error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => damaged("it is gone"),
        _ => OpenError::io("read", path)(error),
    })?;
    let end_at = length
        .checked_sub(END_BYTES as u64)
        .ok_or_else(end_is_wrong)?;
    let mut end = [0; END_BYTES];
    file.read_exact_at(&mut end, end_at)
        .map_err(OpenError::io("read", path))?;
    let (start, checksum) = decode_end(&end).map_err(|_| end_is_wrong())?;
    let contents_bytes = end_at
        .checked_sub(start)
        .filter(|bytes| *bytes <= CONTENTS_BYTES_MAX);
    let mut contents = vec![0; contents_bytes.ok_or_else(end_is_wrong)? as usize];
    file.read_exact_at(&mut contents, start)
        .map_err(OpenError::io("read", path))?;
    if xxh3_128(&contents) == checksum {
        Ok(())
    } else {
        Err(end_is_wrong())
    }
}

/// Where the contents start, and their checksum.
fn decode_end(end: &[u8; END_BYTES]) -> Result<(u64, u128), Malformed> {
    let mut fields = Fields::of(end, "end of a table");
    let fixed: [u8; 6] = fields.array()?;
    let checksum = u128::from_le_bytes(fields.array()?);
    let start = fields.u64()?;
    if fixed == *b"SFA!\x01\x00" {
        Ok((start, checksum))
    } else {
        Err(fields.malformed())
    }
}
