//! The store that everybody holds.

use std::fmt;
use std::sync::Arc;
use std::thread::JoinHandle;

use guuid::{Clock, SystemClock};
use parking_lot::Mutex;

use crate::directory::Directory;
use crate::error::{OpenError, Refusal};
use crate::leases::LeaseClock;
use crate::log::log_files;
use crate::maintenance::Maintenance;
use crate::options::Options;
use crate::queue::{Queue, Reads, Task};
use crate::readers::Readers;
use crate::rows::Rows;
use crate::stats::{Counters, Stats};
use crate::tables::Tables;

/// Largest request, in bytes of content: half of what a commit can hold.
pub(crate) const REQUEST_BYTES_MAX: usize = crate::log::PAYLOAD_BYTES_MAX / 2;

/// Documents and sessions, durable, on the disk of this machine.
///
/// It implements [`DocumentStore`](statesync_core::DocumentStore) and
/// [`SessionStore`](session_core::SessionStore). Cloning gives another handle on the same store. When the
/// last one is dropped, or [`close`](Self::close) is called, what waits is written and the threads
/// end.
///
/// It needs no particular async runtime: what has to wait waits in threads of its own.
#[derive(Clone)]
pub struct EmbeddedStore {
    pub(crate) shared: Arc<Shared>,
}

impl EmbeddedStore {
    /// Opens the store in `options.directory`, or makes one. Blocks the thread: after a crash the
    /// log is read, at most a few times [`Options::memory_bytes`].
    ///
    /// # Errors
    ///
    /// [`OpenError`] says what is wrong and what to do. The attempt changed nothing.
    pub fn open(options: &Options) -> Result<Self, OpenError> {
        Self::open_with_clock(options, Arc::new(SystemClock))
    }

    /// As [`open`](Self::open), with another clock than the system's to grant locks by. Set back, it
    /// goes on from where it was.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_with_clock(
        options: &Options,
        clock: Arc<dyn Clock + Send + Sync>,
    ) -> Result<Self, OpenError> {
        let shared = crate::open::open(options, log_files(), clock)?;
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// Carries out what waits, makes the last acknowledgement known beyond a power loss, and ends the
    /// threads. Blocks the thread until then. Afterwards every method of every handle fails.
    pub fn close(&self) {
        self.shared.close();
    }

    /// Moves all rows from memory into tables and shortens the log accordingly, as the store does by
    /// itself whenever there are enough. Blocks the thread until it is done. Not needed for
    /// durability; useful before a backup, and to open quickly afterwards.
    ///
    /// # Errors
    ///
    /// In words, why it could not be done. What was acknowledged is in the log all the same.
    pub fn flush(&self) -> Result<(), String> {
        self.shared.maintenance.want_flush();
        let nothing = |_: &Reads<'_>, _: &mut Rows| Ok::<_, Refusal>(());
        let asked = futures::executor::block_on(self.shared.write(0, nothing));
        let done = asked.and_then(|()| self.shared.maintenance.wait_for_flush());
        done.map_err(|refusal| refusal.to_string())
    }

    /// What the store did and how large it is.
    pub fn stats(&self) -> Stats {
        let (counters, tables) = (&self.shared.counters, &self.shared.tables);
        Stats {
            requests: counters.requests.value(),
            commits: counters.commits.value(),
            syncs: counters.syncs.value(),
            log_bytes: counters.log_bytes.value(),
            flushes: counters.flushes.value(),
            compactions: counters.compactions.value(),
            maintenance_failures: counters.maintenance_failures.value(),
            memory_bytes: tables.memory_bytes(),
            table_bytes: tables.disk_bytes(),
        }
    }

    /// Why the store takes no more writes until it is opened again; `None` when it does.
    pub fn failure(&self) -> Option<String> {
        self.shared
            .maintenance
            .poison()
            .map(|reason| reason.to_string())
    }
}

impl fmt::Debug for EmbeddedStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let directory = &self.shared.directory.root;
        formatter
            .debug_struct("EmbeddedStore")
            .field("directory", directory)
            .finish_non_exhaustive()
    }
}

/// What all handles share.
pub(crate) struct Shared {
    pub(crate) tables: Arc<Tables>,
    queue: Arc<Queue>,
    maintenance: Arc<Maintenance>,
    pub(crate) readers: Readers,
    pub(crate) leases: Arc<LeaseClock>,
    counters: Arc<Counters>,
    threads: Mutex<Threads>,
    directory: Directory,
}

struct Threads {
    committer: Option<JoinHandle<()>>,
    others: Vec<JoinHandle<()>>,
}

impl Shared {
    #[expect(
        clippy::too_many_arguments,
        reason = "called once, with everything there is"
    )]
    pub(crate) fn new(
        directory: Directory,
        tables: Arc<Tables>,
        queue: Arc<Queue>,
        maintenance: Arc<Maintenance>,
        readers: Readers,
        leases: LeaseClock,
        counters: Arc<Counters>,
        committer: JoinHandle<()>,
        others: Vec<JoinHandle<()>>,
    ) -> Self {
        let threads = Mutex::new(Threads {
            committer: Some(committer),
            others,
        });
        Self {
            tables,
            queue,
            maintenance,
            readers,
            leases: Arc::new(leases),
            counters,
            threads,
            directory,
        }
    }

    /// Lets `decide` look and write, in the order of commits, and waits until that is on disk.
    pub(crate) async fn write<Answer, Failure>(
        &self,
        bytes: usize,
        decide: impl FnOnce(&Reads<'_>, &mut Rows) -> Result<Answer, Failure> + Send + 'static,
    ) -> Result<Answer, Failure>
    where
        Answer: Send + 'static,
        Failure: From<Refusal> + Send + 'static,
    {
        let (work, answered) = Task::asked(bytes, decide);
        self.queue.push(work).await;
        answered
            .await
            .map_err(|_| Refusal::new("the committer stopped"))?
    }

    fn close(&self) {
        let mut threads = self.threads.lock();
        self.queue.close();
        // A thread that panicked has said so and is gone as well.
        let _ = threads.committer.take().map(JoinHandle::join);
        self.maintenance.close();
        self.readers.close();
        threads
            .others
            .drain(..)
            .for_each(|thread| drop(thread.join()));
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.close();
    }
}
