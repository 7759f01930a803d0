//! Where appends wait for the next transaction.
//!
//! What a transaction costs apart from its rows is as much as dozens of rows cost. So another one begins
//! beside one that is at work only for many records, or when the last one began a while ago: then the
//! database is far away or slow, and waiting for it side by side is what helps.

use std::collections::{HashSet, VecDeque};
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::channel::oneshot;
use parking_lot::Mutex;
use statesync_core::{Append, DocumentId};
use tokio::time::timeout;

use super::group::{self, Outcome, Wait};
use super::known::Known;
use super::usual;
use crate::failure::Failure;
use crate::transaction::Transactions;

/// Records after which a transaction takes no further append: enough to make the commit cheap for each,
/// little enough not to keep the first ones waiting for long.
const RECORDS_MAX: usize = 256;

/// Bytes after which it takes no further one.
const BYTES_MAX: usize = 1024 * 1024;

/// Records that are worth a transaction of their own while others are at work.
const RECORDS_ENOUGH: usize = 128;

/// How long fewer records wait for one that is at work, before another one begins.
const COMPANY_MAX: Duration = Duration::from_millis(50);

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
    /// Records of those that wait.
    records: usize,
    at_work: usize,
    /// When the last transaction began.
    began: Option<Instant>,
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
            begin(&self.0);
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
        queue.records += job.append.records.len();
        queue.waiting.push_back(job);
        queue.begins(self.at_once)
    }

    /// Waits for a transaction, and has another one begin for those who have waited beside it for a while.
    async fn patiently<T>(self: &Arc<Self>, transaction: impl Future<Output = T>) -> T {
        let mut transaction = pin!(transaction);
        loop {
            if let Ok(outcome) = timeout(COMPANY_MAX, transaction.as_mut()).await {
                return outcome;
            }
            let is_wanted = {
                let mut queue = self.queue.lock();
                !queue.waiting.is_empty() && queue.begins(self.at_once)
            };
            if is_wanted {
                begin(self);
            }
        }
    }

    /// What the next transaction is to carry; `None` when nothing waits, or so little that the others who
    /// are at work take it, and then whoever asked is no longer at work.
    fn take(&self) -> Option<Vec<Job>> {
        let mut queue = self.queue.lock();
        if queue.waiting.is_empty() || !queue.is_worth_another(queue.at_work - 1) {
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
        let outcomes = match wait {
            Wait::ForNobody => self.commit_usual_first(appends, &described).await,
            Wait::ForOthers => group::commit(&self.transactions, appends, &described, wait).await,
        };
        let mut known = self.known.lock();
        for ((append, outcome), description) in appends.iter().zip(&outcomes).zip(descriptions) {
            if let (Outcome::Written, Some(description)) = (outcome, description) {
                known.note(append, description);
            }
        }
        outcomes
    }

    /// Those that are usual in one round trip, then the others, in whose way nobody is either.
    async fn commit_usual_first(
        &self,
        appends: &[Arc<Append>],
        described: &[bool],
    ) -> Vec<Outcome> {
        let is_usual = |index: &usize| described[*index] && usual::is_usual(&appends[*index]);
        let (usual, mut others): (Vec<_>, Vec<_>) = (0..appends.len()).partition(is_usual);
        let mut outcomes: Vec<_> = appends.iter().map(|_| Outcome::Written).collect();
        let these = |indices: &[usize]| -> Vec<Arc<Append>> {
            let appends = indices.iter().map(|&index| Arc::clone(&appends[index]));
            appends.collect()
        };
        if !usual.is_empty() {
            match usual::commit(&self.transactions, &these(&usual)).await {
                Ok(true) => {}
                Ok(false) => others.extend(usual),
                Err(failure) => {
                    for index in usual {
                        outcomes[index] = group::of_each(&failure);
                    }
                }
            }
        }
        if !others.is_empty() {
            let described: Vec<_> = others.iter().map(|&index| described[index]).collect();
            let appends = these(&others);
            let wait = Wait::ForNobody;
            let committed = group::commit(&self.transactions, &appends, &described, wait).await;
            for (index, outcome) in others.into_iter().zip(committed) {
                outcomes[index] = outcome;
            }
        }
        outcomes
    }
}

impl Queue {
    /// Counts one more at work, if there is a place for it and what waits is worth it.
    fn begins(&mut self, at_once: usize) -> bool {
        let begins = self.at_work < at_once && self.is_worth_another(self.at_work);
        self.at_work += usize::from(begins);
        begins
    }

    /// Whether what waits is worth a transaction beside so many others.
    fn is_worth_another(&self, others: usize) -> bool {
        let is_late = || {
            self.began
                .is_some_and(|began| began.elapsed() >= COMPANY_MAX)
        };
        others == 0 || self.records >= RECORDS_ENOUGH || is_late()
    }

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
        self.records -= records;
        self.began = Some(Instant::now());
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

/// Lets somebody work who is counted already.
fn begin(shared: &Arc<Shared>) {
    let at_work = AtWork {
        shared: Arc::clone(shared),
        is_over: false,
    };
    drop(tokio::spawn(work(at_work)));
}

/// Commits until nothing waits.
async fn work(mut at_work: AtWork) {
    while let Some(jobs) = at_work.shared.take() {
        let jobs = jobs.into_iter().map(|job| (job.append, job.answer));
        let (appends, answers): (Vec<_>, Vec<_>) = jobs.unzip();
        let shared = &at_work.shared;
        let outcomes = shared.patiently(shared.commit(&appends, Wait::ForNobody));
        let outcomes = outcomes.await;
        for (answer, outcome) in answers.into_iter().zip(outcomes) {
            // Who does not wait any more does not want the outcome.
            drop(answer.send(outcome));
        }
    }
    at_work.is_over = true;
}
