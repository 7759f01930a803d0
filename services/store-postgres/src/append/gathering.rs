//! Where appends wait for the next transaction.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use futures::channel::oneshot;
use parking_lot::Mutex;
use statesync_core::{Append, DocumentId};

use super::group::{self, Outcome, Wait};
use super::known::Known;
use crate::failure::Failure;
use crate::transaction::Transactions;

/// Records after which a transaction takes no further append: enough to make the commit cheap for each,
/// little enough not to keep the first ones waiting for long.
const RECORDS_MAX: usize = 256;

/// Bytes after which it takes no further one.
const BYTES_MAX: usize = 1024 * 1024;

/// Gathers the appends of all documents of this process.
pub(crate) struct Gathering(Arc<Shared>);

struct Shared {
    transactions: Transactions,
    known: Mutex<Known>,
    queue: Mutex<Queue>,
    /// Transactions at one time.
    at_once: usize,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Job>,
    at_work: usize,
}

/// An append, and where its author waits.
struct Job {
    append: Arc<Append>,
    answer: oneshot::Sender<Outcome>,
}

impl Gathering {
    pub(crate) fn new(transactions: Transactions, at_once: usize) -> Self {
        Self(Arc::new(Shared {
            transactions,
            known: Mutex::default(),
            queue: Mutex::default(),
            at_once,
        }))
    }

    pub(crate) fn transactions(&self) -> &Transactions {
        &self.0.transactions
    }

    /// Appends with whatever else waits. Once this was polled it is carried out, also when nobody waits
    /// for it any more.
    pub(super) async fn share(&self, append: &Arc<Append>) -> Outcome {
        let (answer, answered) = oneshot::channel();
        let append = Arc::clone(append);
        if self.0.enter(Job { append, answer }) {
            let at_work = AtWork {
                shared: Arc::clone(&self.0),
                is_over: false,
            };
            drop(tokio::spawn(work(at_work)));
        }
        answered.await.unwrap_or_else(|_| {
            let reason = "the task that commits ended".to_owned();
            Outcome::Failed(Failure::Doubtful(reason))
        })
    }

    /// Appends in a transaction of its own, and waits for the document if others are at it.
    pub(super) async fn alone(&self, append: &Arc<Append>) -> Outcome {
        let outcomes = self.0.commit(std::slice::from_ref(append), Wait::ForOthers);
        let outcome = outcomes.await.pop();
        outcome.unwrap_or_else(|| Outcome::Failed(Failure::Lost("no outcome".to_owned())))
    }
}

impl Shared {
    /// Lets a job wait; whether somebody is to begin with the work.
    fn enter(&self, job: Job) -> bool {
        let mut queue = self.queue.lock();
        queue.waiting.push_back(job);
        let begins = queue.at_work < self.at_once;
        queue.at_work += usize::from(begins);
        begins
    }

    /// What the next transaction is to carry; `None` when nothing waits, and then whoever asked is no
    /// longer at work.
    fn take(&self) -> Option<Vec<Job>> {
        let mut queue = self.queue.lock();
        if queue.waiting.is_empty() {
            queue.at_work -= 1;
            return None;
        }
        Some(queue.take())
    }

    async fn commit(&self, appends: &[Arc<Append>], wait: Wait) -> Vec<Outcome> {
        let (descriptions, described): (Vec<_>, Vec<_>) = {
            let known = self.known.lock();
            let each = appends.iter().map(|append| {
                let description = known.description(append);
                let is_described = description.is_some_and(|it| known.is_described(append, it));
                (description, is_described)
            });
            each.unzip()
        };
        let outcomes = group::commit(&self.transactions, appends, &described, wait).await;
        let mut known = self.known.lock();
        for ((append, outcome), description) in appends.iter().zip(&outcomes).zip(descriptions) {
            if let (Outcome::Written, Some(description)) = (outcome, description) {
                known.note(append, description);
            }
        }
        outcomes
    }
}

impl Queue {
    /// At most one append of each document: the next one is of the version that this one leads to.
    fn take(&mut self) -> Vec<Job> {
        let (mut taken, mut documents) = (Vec::new(), HashSet::<DocumentId>::new());
        let (mut records, mut bytes) = (0, 0);
        let mut left = VecDeque::new();
        while let Some(job) = self.waiting.pop_front() {
            let append = &job.append;
            let fits = records < RECORDS_MAX && bytes < BYTES_MAX;
            if !fits {
                left.push_back(job);
                break;
            }
            if !documents.insert(append.document.id) {
                left.push_back(job);
                continue;
            }
            records += append.records.len();
            let weights = append.records.iter().map(|record| record.weight());
            bytes += weights.sum::<usize>();
            taken.push(job);
        }
        while let Some(job) = left.pop_back() {
            self.waiting.push_front(job);
        }
        taken
    }
}

/// One of the tasks that commit, while it has something to do.
struct AtWork {
    shared: Arc<Shared>,
    is_over: bool,
}

impl Drop for AtWork {
    /// Also when it panicked, or its runtime ended.
    fn drop(&mut self) {
        if !self.is_over {
            self.shared.queue.lock().at_work -= 1;
        }
    }
}

/// Commits until nothing waits.
async fn work(mut at_work: AtWork) {
    while let Some(jobs) = at_work.shared.take() {
        let jobs = jobs.into_iter().map(|job| (job.append, job.answer));
        let (appends, answers): (Vec<_>, Vec<_>) = jobs.unzip();
        let outcomes = at_work.shared.commit(&appends, Wait::ForNobody).await;
        for (answer, outcome) in answers.into_iter().zip(outcomes) {
            // Who does not wait any more does not want the outcome.
            drop(answer.send(outcome));
        }
    }
    at_work.is_over = true;
}
