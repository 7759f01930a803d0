//! The work that goes on while things break: thirty clients on five documents, through all replicas.

mod answers;
mod document;
mod editor;
mod edits;
mod holder;
mod subscriber;
mod worker;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rand::SeedableRng as _;
use rand::rngs::Xoshiro256PlusPlus;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::caller::Caller;
use crate::failure::Failure;
use crate::history::{Clock, History, Told};
use crate::servers::{REPLICAS, Servers};

pub(crate) use document::{Document, Purpose};
pub(crate) use edits::{Asked, paint};
pub(crate) use worker::{Recorded, Worker};

/// Where everything that is chosen comes from.
pub(crate) type Random = Xoshiro256PlusPlus;

/// Clients, of which each document has as many as the others.
const CLIENTS: usize = 30;

/// What all clients of a round share.
pub(crate) struct Shared {
    pub(crate) clock: Clock,
    /// Operations that were acknowledged.
    acknowledged: watch::Sender<u64>,
    /// Whether nothing new is to be begun.
    over: AtomicBool,
}

impl Shared {
    /// Waits until this many more operations were acknowledged.
    pub(crate) async fn more(&self, count: u64) -> Result<(), Failure> {
        let mut acknowledged = self.acknowledged.subscribe();
        let wanted = *acknowledged.borrow() + count;
        let reached = acknowledged.wait_for(|so_far| *so_far >= wanted);
        let reached = tokio::time::timeout(LONGEST, reached).await;
        let late = |_| Failure::late("operations that are acknowledged");
        reached.map_err(late).map(|_| ())
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }
}

/// The clients of a round, at work.
pub(crate) struct Load {
    pub(crate) documents: Vec<Arc<Document>>,
    pub(crate) shared: Arc<Shared>,
    workers: JoinSet<Result<Recorded, Failure>>,
    subscribers: JoinSet<Result<(usize, Told), Failure>>,
    /// Told when subscribers may leave.
    leave: watch::Sender<bool>,
}

impl Load {
    /// Makes the documents, and lets everybody begin.
    pub(crate) async fn begin(servers: &Servers, seed: u64) -> Result<Self, Failure> {
        let shared = Arc::new(Shared {
            clock: Clock::new(),
            acknowledged: watch::Sender::new(0),
            over: AtomicBool::new(false),
        });
        let owners = Purpose::ALL.iter().enumerate();
        let owners = owners.map(|(index, purpose)| document::create(servers, index, *purpose));
        let documents = futures::future::try_join_all(owners).await?;
        let mut load = Self {
            documents: documents.into_iter().map(Arc::new).collect(),
            shared,
            workers: JoinSet::new(),
            subscribers: JoinSet::new(),
            leave: watch::Sender::new(false),
        };
        for client in 0..CLIENTS {
            load.add(servers, client, seed)?;
        }
        Ok(load)
    }

    /// Lets one client subscribe and work.
    fn add(&mut self, servers: &Servers, client: usize, seed: u64) -> Result<(), Failure> {
        let document = &self.documents[client % self.documents.len()];
        // Of each document's clients, as many at each replica.
        let (member, at) = (
            client / self.documents.len(),
            client / self.documents.len() % REPLICAS,
        );
        let user = format!("client-{client:02}");
        let mirror = Arc::default();
        let listening = subscriber::Subscriber {
            caller: Caller::new(servers, &user, at)?,
            document: Arc::clone(document),
            mirror: Arc::clone(&mirror),
            shared: Arc::clone(&self.shared),
            leave: self.leave.subscribe(),
            // Some begin with the log, some with the content.
            has_nothing: member.is_multiple_of(2),
            told: Told {
                user: user.clone(),
                ..Told::default()
            },
        };
        document.watch(&mirror);
        self.subscribers.spawn(listening.listen());
        let worker = self.worker(servers, document, &user, at, seed ^ ((client as u64) << 32))?;
        if document.purpose == Purpose::Locked && member < HOLDERS {
            self.workers.spawn(holder::hold(worker, mirror));
        } else {
            self.workers.spawn(editor::edit(worker, mirror, member));
        }
        Ok(())
    }

    /// Somebody who works on a document.
    pub(crate) fn worker(
        &self,
        servers: &Servers,
        document: &Arc<Document>,
        user: &str,
        at: usize,
        seed: u64,
    ) -> Result<Worker, Failure> {
        Ok(Worker {
            caller: Caller::new(servers, user, at)?,
            document: Arc::clone(document),
            shared: Arc::clone(&self.shared),
            random: Random::seed_from_u64(seed),
            recorded: Recorded::of(document.index, user),
        })
    }

    /// The document with locks.
    pub(crate) fn locked_document(&self) -> Result<&Arc<Document>, Failure> {
        let mut documents = self.documents.iter();
        let found = documents.find(|document| document.purpose == Purpose::Locked);
        found.ok_or_else(|| Failure::new("no document has locks"))
    }

    /// Lets everybody finish what they have begun, and gathers what they recorded.
    pub(crate) async fn end(&mut self) -> Result<Vec<Recorded>, Failure> {
        self.shared.over.store(true, Ordering::SeqCst);
        let mut all = Vec::new();
        while let Some(recorded) = within(self.workers.join_next(), "the last operation").await? {
            all.push(recorded??);
        }
        Ok(all)
    }

    /// Lets the subscribers leave, and gathers what they were told.
    pub(crate) async fn leave(&mut self, histories: &mut [History]) -> Result<(), Failure> {
        self.leave.send_replace(true);
        while let Some(told) = within(self.subscribers.join_next(), "the last subscriber").await? {
            let (document, told) = told??;
            histories[document].told.push(told);
        }
        Ok(())
    }
}

/// What comes within a time that is only there so that a mistake does not take for ever.
pub(crate) async fn within<T>(future: impl Future<Output = T>, what: &str) -> Result<T, Failure> {
    let waited = tokio::time::timeout(LONGEST, future).await;
    waited.map_err(|_| Failure::late(what))
}

/// Clients of the document with locks who take some.
const HOLDERS: usize = 2;
const LONGEST: Duration = Duration::from_secs(60);
