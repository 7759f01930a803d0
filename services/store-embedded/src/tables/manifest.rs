//! The tree's list of its files, checked before the tree believes it.
//!
//! `lsm-tree` writes, in the file `current`, the number of the list that holds and an XXH3-128 of
//! that list (the file `v<number>`), but does not check it when it opens. A flipped bit there could
//! make whole tables disappear, so it is checked here:
//!
//! ```text
//!  0  number    8   u64
//!  8  checksum 16   u128, XXH3-128 of the whole file v<number>
//! 24  type      1   0 = XXH3
//! ```

use std::fs;
use std::io;
use std::path::Path;

use xxhash_rust::xxh3::xxh3_128;

use crate::encoding::{Fields, Malformed};
use crate::error::OpenError;

/// Checks the list that the tree in `directory` will use. A directory without one is a new tree.
pub(super) fn verify(directory: &Path) -> Result<(), OpenError> {
    let current = directory.join("current");
    let bytes = match fs::read(&current) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return expect_no_tables(directory);
        }
        Err(error) => return Err(OpenError::io("read", current)(error)),
    };
    let damaged = |what: &str| OpenError::Damaged {
        path: current.clone(),
        what: what.to_owned(),
    };
    let (number, checksum) = decode(&bytes).map_err(|_| damaged("not a list of tables"))?;
    let list = directory.join(format!("v{number}"));
    let found = fs::read(&list).map_err(|_| damaged("the list of tables that it names is gone"))?;
    if xxh3_128(&found) == checksum {
        Ok(())
    } else {
        Err(damaged("the list of tables that it names was altered"))
    }
}

fn expect_no_tables(directory: &Path) -> Result<(), OpenError> {
    let tables = directory.join("tables");
    if fs::read_dir(&tables).is_ok_and(|mut entries| entries.next().is_some()) {
        let what = "there are tables, but the list of them is gone".to_owned();
        return Err(OpenError::Damaged { path: tables, what });
    }
    Ok(())
}

fn decode(bytes: &[u8]) -> Result<(u64, u128), Malformed> {
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
