//! Threads for reads that may take long.
//!
//! Reading a whole document can mean thousands of rows and many reads of the disk. That must not
//! stop the task scheduler of the caller, and no particular scheduler is assumed here, so such
//! reads have threads of their own. Reads of one or two rows run where they are asked for: they
//! are found in memory nearly always, and cost about as much as the handing over would.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

use async_channel::{Receiver, Sender};
use futures::channel::oneshot;

use crate::error::Refusal;
use crate::tables::Tables;

/// Reads at a time. More would compete for the same disk and cores.
const THREADS: usize = 2;

/// Reads that may wait for a thread before those who ask have to wait themselves.
const WAITING_MAX: usize = 256;

type Job = Box<dyn FnOnce(&Tables) + Send>;

/// Where long reads are handed to.
pub(crate) struct Readers {
    jobs: Sender<Job>,
}

impl Readers {
    /// Starts the threads. They end when this is closed.
    pub(crate) fn start(tables: &Arc<Tables>) -> io::Result<(Self, Vec<JoinHandle<()>>)> {
        let (jobs, waiting) = async_channel::bounded(WAITING_MAX);
        let threads = (0..THREADS).map(|_| start_reader(tables.clone(), waiting.clone()));
        let threads = threads.collect::<io::Result<_>>()?;
        Ok((Self { jobs }, threads))
    }

    /// Runs `job` on one of the threads.
    pub(crate) async fn read<Answer, Failure>(
        &self,
        job: impl FnOnce(&Tables) -> Result<Answer, Failure> + Send + 'static,
    ) -> Result<Answer, Failure>
    where
        Answer: Send + 'static,
        Failure: From<Refusal> + Send + 'static,
    {
        let (asker, answered) = oneshot::channel();
        let job: Job = Box::new(move |tables| {
            // Who does not wait any more does not want the answer.
            let _ = asker.send(job(tables));
        });
        let closed = || Refusal::new("it was closed");
        self.jobs.send(job).await.map_err(|_| closed())?;
        answered.await.map_err(|_| closed())?
    }

    /// Takes no more reads.
    pub(crate) fn close(&self) {
        self.jobs.close();
    }
}

fn start_reader(tables: Arc<Tables>, waiting: Receiver<Job>) -> io::Result<JoinHandle<()>> {
    let read = move || {
        while let Ok(job) = waiting.recv_blocking() {
            job(&tables);
        }
    };
    std::thread::Builder::new()
        .name("store-reader".into())
        .spawn(read)
}
