//! Group commit: one thread gathers what waits, writes one batch, syncs once, answers all.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use store_embedded::EmbeddedStore;
use tokio::sync::{mpsc, oneshot};

use crate::engine::finished::{self, Finished};
use crate::engine::{Append, Engine, Failure, Kind};

/// Appends that may wait for the committer before writers have to wait themselves.
const QUEUE_MAX: usize = 1024;

pub(crate) type Answer = oneshot::Sender<Result<(), String>>;

/// Where writers hand their appends to; cheap to clone.
#[derive(Clone)]
pub(crate) enum Group {
    /// An engine behind a thread that commits groups.
    Thread {
        queue: mpsc::Sender<(Append, Answer)>,
        commits: Arc<AtomicU64>,
    },
    /// The finished store groups by itself.
    Finished(EmbeddedStore),
}

impl Group {
    /// Opens a store. The thread, if there is one, ends when the last clone is dropped.
    pub(crate) fn open(kind: Kind, directory: &Path) -> Result<Self, Failure> {
        if kind == Kind::StoreEmbedded {
            return Ok(Self::Finished(Finished::open(directory)?.store));
        }
        let engine = kind.open(directory)?;
        let (queue, waiting) = mpsc::channel(QUEUE_MAX);
        let commits = Arc::<AtomicU64>::default();
        let counter = commits.clone();
        std::thread::spawn(move || commit_groups(engine.as_ref(), waiting, &counter));
        Ok(Self::Thread { queue, commits })
    }

    /// Durable when it returns.
    pub(crate) async fn append(&self, append: Append) -> Result<(), Failure> {
        match self {
            Self::Thread { queue, .. } => {
                let (answer, answered) = oneshot::channel();
                let sent = queue.send((append, answer)).await;
                sent.map_err(|_| "the committer is gone")?;
                Ok(answered.await??)
            }
            Self::Finished(store) => finished::append(store, append).await,
        }
    }

    /// Batches written so far.
    pub(crate) fn commits(&self) -> u64 {
        match self {
            Self::Thread { commits, .. } => commits.load(Ordering::Relaxed),
            Self::Finished(store) => store.stats().commits,
        }
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
