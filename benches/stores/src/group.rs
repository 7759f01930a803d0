//! Group commit: one thread gathers what waits, writes one batch, syncs once, answers all.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use tokio::sync::{mpsc, oneshot};

use crate::engine::{Append, Engine, Failure};

/// Appends that may wait for the committer before writers have to wait themselves.
const QUEUE_MAX: usize = 1024;

type Answer = oneshot::Sender<Result<(), String>>;

/// The front of a committer thread; cheap to clone.
#[derive(Clone)]
pub(crate) struct Group {
    queue: mpsc::Sender<(Append, Answer)>,
    commits: Arc<AtomicU64>,
}

impl Group {
    /// Starts the thread. It ends when the last clone of the front is dropped.
    pub(crate) fn start(engine: Box<dyn Engine>) -> (Self, JoinHandle<()>) {
        let (queue, waiting) = mpsc::channel(QUEUE_MAX);
        let commits = Arc::<AtomicU64>::default();
        let counter = commits.clone();
        let thread = std::thread::spawn(move || commit_groups(engine.as_ref(), waiting, &counter));
        (Self { queue, commits }, thread)
    }

    /// Durable when it returns.
    pub(crate) async fn append(&self, append: Append) -> Result<(), Failure> {
        let (answer, answered) = oneshot::channel();
        self.queue
            .send((append, answer))
            .await
            .map_err(|_| "the committer is gone")?;
        Ok(answered.await??)
    }

    /// Batches written so far.
    pub(crate) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }
}

fn commit_groups(
    engine: &dyn Engine,
    mut waiting: mpsc::Receiver<(Append, Answer)>,
    commits: &AtomicU64,
) {
    while let Some(first) = waiting.blocking_recv() {
        let (mut appends, mut answers) = (vec![first.0], vec![first.1]);
        while let Ok((append, answer)) = waiting.try_recv() {
            appends.push(append);
            answers.push(answer);
            if appends.len() == QUEUE_MAX {
                break;
            }
        }
        let result = engine
            .commit(&appends)
            .map_err(|failure| failure.to_string());
        commits.fetch_add(1, Ordering::Relaxed);
        for answer in answers {
            // A writer that went away does not want its answer.
            let _ = answer.send(result.clone());
        }
    }
}
