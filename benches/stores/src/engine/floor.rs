//! The floor: a preallocated file, appended to and synced. No index, no reading back.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Mutex;

use super::{Append, DocumentId, Engine, Failure, Heads, Loaded};

/// Written as zeros beforehand, so that a sync has no metadata to write.
const PREALLOCATED_BYTES: u64 = 64 * 1024 * 1024;

pub(crate) struct Floor {
    file: File,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    position: u64,
    buffer: Vec<u8>,
}

impl Floor {
    pub(crate) fn open(directory: &Path) -> Result<Self, Failure> {
        let file = OpenOptions::new()
            .create(true)
            .truncate(true)
            .write(true)
            .open(directory.join("append.log"))?;
        let zeros = vec![0; 1024 * 1024];
        for offset in (0..PREALLOCATED_BYTES).step_by(zeros.len()) {
            file.write_all_at(&zeros, offset)?;
        }
        file.sync_all()?;
        Ok(Self {
            file,
            state: Mutex::default(),
        })
    }
}

impl Engine for Floor {
    fn commit(&self, appends: &[Append]) -> Result<(), Failure> {
        let mut state = self.state.lock().map_err(|_| "poisoned")?;
        let mut buffer = std::mem::take(&mut state.buffer);
        buffer.clear();
        for append in appends {
            buffer.extend_from_slice(&append.document);
            buffer.extend_from_slice(&append.first_version.to_be_bytes());
            append
                .records
                .iter()
                .for_each(|record| buffer.extend_from_slice(record));
            buffer.extend_from_slice(&append.head);
        }
        if state.position + buffer.len() as u64 > PREALLOCATED_BYTES {
            state.position = 0;
        }
        self.file.write_all_at(&buffer, state.position)?;
        self.file.sync_data()?;
        state.position += buffer.len() as u64;
        state.buffer = buffer;
        Ok(())
    }

    fn load(&self, _: &DocumentId) -> Result<Loaded, Failure> {
        Err("the floor cannot be read".into())
    }

    fn snapshot(&self, _: &DocumentId, _: &[u8], _: u64, _: u64) -> Result<(), Failure> {
        Err("the floor has no snapshots".into())
    }

    fn heads(&self, _: Option<&DocumentId>, _: usize) -> Result<Heads, Failure> {
        Err("the floor cannot be read".into())
    }

    fn settle(&self) -> Result<(), Failure> {
        Ok(())
    }
}
