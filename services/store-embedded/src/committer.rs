//! The committer: the one thread that writes.
//!
//! It takes everything that waits, lets each request decide against what is there (so that the
//! order of commits is the order of versions), writes all their rows as one frame of the log, syncs
//! once (while another thread puts the rows into the tables, unseen), tells the witness, lets
//! readers see the rows, and only then answers.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::applier::{Applier, WORTH_HANDING_OVER_BYTES};
use crate::decided::Decided;
use crate::error::Refusal;
use crate::log::{FRAME_HEADER_BYTES, LogWriter, PAYLOAD_BYTES_MAX};
use crate::maintenance::Maintenance;
use crate::queue::{Decision, Patience, Queue, Reads, Work, panic_text};
use crate::rows::Rows;
use crate::stats::Counters;
use crate::tables::Tables;
use crate::witness::Witness;

/// Bytes of a frame after which a group takes no further request: enough to make the sync cheap
/// for each, little enough not to keep the first ones waiting for long.
const GROUP_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Everything that the thread needs.
pub(crate) struct Committer {
    pub(crate) queue: Arc<Queue>,
    pub(crate) tables: Arc<Tables>,
    pub(crate) maintenance: Arc<Maintenance>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) applier: Applier,
    pub(crate) log: LogWriter,
    pub(crate) witness: Witness,
    pub(crate) decided: Decided,
    /// The newest commit.
    pub(crate) commit: u64,
    /// Bytes of rows in memory after which they are to be moved to disk.
    pub(crate) memory_bytes_max: u64,
}

impl Committer {
    /// Works until the queue is closed and empty, then makes the witness durable.
    pub(crate) fn run(mut self) {
        let (mut waiting, mut frame, mut rows) = (Vec::new(), Vec::new(), Rows::default());
        let mut patience = Patience::default();
        while self.queue.take(&mut waiting, &mut patience) {
            patience.answered(waiting.len());
            let mut waiting = waiting.drain(..);
            while waiting.len() > 0 {
                let group = self.decide_group(&mut waiting, &mut frame, &mut rows);
                self.counters.requests.add(group.len() as u64);
                let outcome = self.commit_group(&mut frame);
                match outcome {
                    Ok(()) => self.decided.committed(&frame),
                    Err(_) => self.decided.discarded(),
                }
                group
                    .into_iter()
                    .for_each(|work| work.finish(outcome.clone()));
                if outcome.is_ok() {
                    self.make_room();
                }
            }
        }
        if let Err(error) = self.witness.sync() {
            tracing::warn!(%error, "the witness was not synced");
        }
    }

    /// Lets requests decide until the frame is large enough.
    fn decide_group(
        &mut self,
        waiting: &mut impl Iterator<Item = Box<dyn Work>>,
        frame: &mut Vec<u8>,
        rows: &mut Rows,
    ) -> Vec<Box<dyn Work>> {
        let mut group = Vec::new();
        frame.clear();
        frame.resize(FRAME_HEADER_BYTES, 0);
        while frame.len() < GROUP_BYTES_MAX {
            let Some(mut work) = waiting.next() else {
                break;
            };
            rows.clear();
            let reads = Reads {
                tables: &self.tables,
                decided: &self.decided,
                frame,
            };
            let decision = catch_unwind(AssertUnwindSafe(|| work.decide(&reads, rows)));
            let decision = decision.unwrap_or_else(|panic| {
                tracing::error!(panic = panic_text(&*panic), "a decision panicked");
                Decision::Refuse
            });
            group.push(work);
            if decision == Decision::Write && !rows.is_empty() {
                let start = frame.len();
                rows.append_to(frame);
                if let Err(damage) = self.decided.take_in(frame, start) {
                    // A fault of ours: what cannot be read back must not be acknowledged.
                    self.fail(format!("unreadable rows were to be written: {damage}"));
                    break;
                }
            }
        }
        group
    }

    /// Makes the frame durable and visible.
    fn commit_group(&mut self, frame: &mut Vec<u8>) -> Result<(), Refusal> {
        if let Some(reason) = self.maintenance.poison() {
            return Err(reason);
        }
        let payload_bytes = frame.len() - FRAME_HEADER_BYTES;
        if payload_bytes == 0 {
            return Ok(());
        }
        if payload_bytes > PAYLOAD_BYTES_MAX {
            return Err(Refusal::new(format!(
                "{payload_bytes} bytes are too much for one write"
            )));
        }
        let commit = self.commit + 1;
        if let Err(error) = self.log.write(frame, commit) {
            tracing::error!(%error, "the log cannot be written");
            return Err(Refusal::new(format!("the log cannot be written: {error}")));
        }
        let frame_bytes = frame.len();
        self.make_durable(frame, commit)
            .map_err(|reason| self.fail(reason))?;
        self.counters.commits.add(1);
        self.counters.log_bytes.add(frame_bytes as u64);
        Ok(())
    }

    /// Syncs what was written, tells the witness, and lets readers see it: in this order, but for
    /// the work of putting rows into memory, which needs no disk.
    fn make_durable(&mut self, frame: &mut Vec<u8>, commit: u64) -> Result<(), String> {
        let tables = self.tables.clone();
        let unpublished = tables.begin_commit();
        let frame_bytes = frame.len();
        let (moment, synced) = if frame_bytes >= WORTH_HANDING_OVER_BYTES {
            let log = &mut self.log;
            let sync = || log.sync(frame_bytes);
            self.applier
                .insert_while(&unpublished, commit, frame, FRAME_HEADER_BYTES, sync)
        } else {
            let synced = self.log.sync(frame_bytes);
            (tables.insert(commit, &frame[FRAME_HEADER_BYTES..]), synced)
        };
        synced.map_err(|error| format!("the log could not be synced: {error}"))?;
        self.commit = commit;
        self.counters.syncs.add(1);
        self.witness
            .say(commit)
            .map_err(|error| format!("the witness failed: {error}"))?;
        unpublished.publish(moment.map_err(|damage| damage.to_string())?);
        Ok(())
    }

    /// Nothing is written any more until the store is opened again.
    fn fail(&self, reason: String) -> Refusal {
        tracing::error!(
            reason,
            "the store takes no more writes until it is opened again"
        );
        self.maintenance.set_poison(Refusal::new(reason))
    }

    /// Hands the rows in memory over when they are many, and waits when the disk does not keep up.
    fn make_room(&mut self) {
        let is_full = self.tables.memory_bytes() >= self.memory_bytes_max;
        if !is_full && !self.maintenance.flush_is_wanted() {
            return;
        }
        // The segment ends where the part in memory ends, so that both can go together.
        let sealed = self
            .log
            .roll(self.commit + 1)
            .map_err(|error| error.to_string());
        let sealed = sealed.and_then(|()| self.tables.seal().map_err(|damage| damage.to_string()));
        match sealed {
            Ok(()) => self.maintenance.flush_through(self.commit),
            Err(reason) => {
                tracing::error!(reason, "the log goes on in the same segment");
                self.maintenance.refuse_flush(Refusal::new(reason));
            }
        }
        if let Err(refusal) = self.maintenance.wait_for_room(&self.tables) {
            self.fail(refusal.to_string());
        }
    }
}
