//! A thread that puts rows into the tables' memory while the committer waits for the disk.
//!
//! A sync takes about as long as putting the rows of a large group in order. Both at once make the
//! group half as long. Nobody sees the rows before the sync is done: they are published by the
//! committer.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use crate::error::Damage;
use crate::tables::{Tables, Unpublished};

/// Bytes of a commit from which handing it over is cheaper than doing it after the sync.
pub(crate) const WORTH_HANDING_OVER_BYTES: usize = 2 * 1024;

struct Job {
    commit: u64,
    frame: Vec<u8>,
    payload_from: usize,
}

/// The committer's side.
pub(crate) struct Applier {
    jobs: SyncSender<Job>,
    done: Receiver<(Vec<u8>, Result<u64, Damage>)>,
}

impl Applier {
    /// Starts the thread. It ends when this is dropped.
    pub(crate) fn start(tables: &Arc<Tables>) -> io::Result<(Self, JoinHandle<()>)> {
        let (jobs, waiting) = sync_channel::<Job>(1);
        let (finished, done) = sync_channel(1);
        let tables = tables.clone();
        let run = move || {
            for Job {
                commit,
                frame,
                payload_from,
            } in waiting
            {
                let payload = frame.get(payload_from..).unwrap_or_default();
                let inserted = tables.insert(commit, payload);
                if finished.send((frame, inserted)).is_err() {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new()
            .name("store-applier".into())
            .spawn(run)?;
        Ok((Self { jobs, done }, thread))
    }

    /// Puts the rows of a commit into the tables while `meanwhile` runs. Answers with the moment
    /// that makes them visible, and with what `meanwhile` answered.
    ///
    /// `unpublished` shows that nobody else is putting rows in.
    pub(crate) fn insert_while<Answer>(
        &self,
        _unpublished: &Unpublished<'_>,
        commit: u64,
        frame: &mut Vec<u8>,
        payload_from: usize,
        meanwhile: impl FnOnce() -> Answer,
    ) -> (Result<u64, Damage>, Answer) {
        let stopped = || Damage::new("the applier stopped");
        let job = Job {
            commit,
            frame: std::mem::take(frame),
            payload_from,
        };
        let handed_over = self.jobs.send(job).map_err(|_| stopped());
        let answer = meanwhile();
        let inserted = handed_over.and_then(|()| self.done.recv().map_err(|_| stopped()));
        let inserted = inserted.and_then(|(returned, inserted)| {
            *frame = returned;
            inserted
        });
        (inserted, answer)
    }
}
