//! The same plan on a store in memory, on disk, and on PostgreSQL: equal documents, logs, conflicts,
//! audit hashes, locks and snapshots.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use guuid::{Guuid, ManualClock, Tick};
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use statesync_core::{
    AuditEntry, Author, Change, Choice, Conflict, ConflictQuery, Document, DocumentId,
    DocumentStore, Edit, EditError, Fence, IdSource, Library, Limits, Lock, LockTarget,
    MemoryStore, NewDocument, OpenDocument, Operation, OperationId, PropertiesChange, PublicAccess,
    Reading, Record, Resolution, Since, Spawner, Terms, UserId, Version,
};
use store_embedded::EmbeddedStore;
use store_postgres::testkit::Cluster;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use crate::plan::{Plan, Step, USERS, any_plan, object};

/// As many plans as the smallest number that was promised.
const PLANS: u32 = 500;

/// Longer than any test: leases run by three different clocks here.
const LEASE_MS: u64 = 3_600_000;

/// Everything that a store says about a document in the end, but for times of its own clock.
#[derive(Debug, PartialEq)]
struct Outcome {
    answers: Vec<String>,
    document: Document,
    reading: Reading,
    records: Vec<Arc<Record>>,
    conflicts: Vec<Conflict>,
    audit: Vec<AuditEntry>,
    locks: Vec<(Author, LockTarget, Fence)>,
    named: Vec<(String, Version)>,
    past: Vec<Option<Reading>>,
}

/// Ids out of a number and a counter: the same ones for each store.
fn ids(seed: u64) -> IdSource {
    let count = AtomicU64::new(0);
    Arc::new(move || {
        let count = count.fetch_add(1, Ordering::Relaxed);
        Guuid::from_tick(tick(1_800_000_000_000, count), mixed(seed ^ mixed(count)))
    })
}

fn tick(unix_ms: u64, count: u64) -> Tick {
    Tick::from_bits((unix_ms << 16) + count)
}

/// SplitMix64 (Steele, Lea and Flood 2014): numbers that look like random ones.
fn mixed(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

fn author(user: usize) -> Author {
    Author {
        user_id: UserId::new(USERS[user]).unwrap(),
        session_id: "session".into(),
    }
}

/// Starts owners and what saves their snapshots, and knows when they are done.
fn spawner(tasks: Arc<Mutex<Vec<JoinHandle<()>>>>) -> Arc<dyn Spawner> {
    Arc::new(move |task| tasks.lock().unwrap().push(tokio::spawn(task)))
}

/// One plan on one store.
struct Run {
    library: Library,
    store: Arc<dyn DocumentStore>,
    clock: Arc<ManualClock>,
    ids: IdSource,
    id: DocumentId,
    locks: Vec<Lock>,
    /// The owner of the document while it is open, also of one that was put away; snapshots on their
    /// way.
    tasks: Arc<Mutex<Vec<JoinHandle<()>>>>,
}

impl Run {
    async fn new(store: Arc<dyn DocumentStore>, plan: &Plan) -> Self {
        let clock = Arc::new(ManualClock::new(Duration::from_secs(1_800_000_000)));
        let mut limits = Limits::default();
        (limits.snapshot_records, limits.history_records) = (6, 12);
        let ids = ids(plan.seed);
        let tasks = Arc::default();
        let library = Library::new(
            Arc::clone(&store),
            clock.clone(),
            Arc::clone(&ids),
            spawner(Arc::clone(&tasks)),
            limits,
        );
        let new = NewDocument {
            name: "Plan".to_owned(),
            kind: plan.kind,
            owner: author(0).user_id,
            public: PublicAccess::Edit,
        };
        let id = library.create(new).await.unwrap().id;
        let locks = Vec::new();
        let run = Self {
            library,
            store,
            clock,
            ids,
            id,
            locks,
            tasks,
        };
        let change = PropertiesChange {
            policy: Some(plan.policy.clone()),
            description: Some("of a plan".to_owned()),
            ..PropertiesChange::default()
        };
        let edit = Edit::new(author(0), Change::Properties(change));
        run.submit(edit).await.unwrap();
        run
    }

    async fn open(&self) -> Arc<OpenDocument> {
        self.library.open(self.id).await.unwrap()
    }

    async fn submit(&self, edit: Edit) -> Result<String, EditError> {
        let receipt = self.open().await.submit(edit, None).await?;
        receipt
            .answer()
            .await
            .map(|accepted| format!("{accepted:?}"))
    }

    async fn ask(
        &self,
        user: usize,
        operation: &Operation,
        terms: Terms,
    ) -> Result<String, EditError> {
        let change = Change::Operation(operation.clone());
        self.submit(Edit::new(author(user), change).with_terms(terms))
            .await
    }

    async fn step(&mut self, step: &Step) -> String {
        self.clock.advance(Duration::from_millis(7));
        let outcome = match step {
            Step::Ask(user, behind, operation) => {
                let version = self.open().await.document().version;
                let terms = Terms {
                    base: Some(Version(version.0.saturating_sub(*behind))),
                    ..Terms::default()
                };
                self.ask(*user, operation, terms).await
            }
            Step::Named(user, name, operation) => {
                let name = Guuid::from_tick(tick(1_700_000_000_000, 0), u64::from(*name));
                let terms = Terms {
                    operation_id: Some(OperationId(name)),
                    ..Terms::default()
                };
                self.ask(*user, operation, terms).await
            }
            Step::Fenced(user, operation) => {
                let terms = Terms {
                    fence: self.locks.last().map(|lock| lock.fence),
                    ..Terms::default()
                };
                self.ask(*user, operation, terms).await
            }
            Step::Resolve(user, nth) => self.resolve(*user, *nth).await,
            Step::Restore(user, behind) => {
                let version = self.open().await.document().version;
                let version = Version(version.0.saturating_sub(*behind));
                self.submit(Edit::new(author(*user), Change::Restore(version)))
                    .await
            }
            Step::Rename(number) => {
                let change = PropertiesChange {
                    name: Some(format!("Plan {number}")),
                    ..PropertiesChange::default()
                };
                self.submit(Edit::new(author(0), Change::Properties(change)))
                    .await
            }
            Step::Lock(user, of) => return self.lock(*user, *of).await,
            Step::Unlock(user) => return self.unlock(*user).await,
            Step::NameSnapshot(number) => {
                let name = format!("snapshot {number}");
                let by = author(0).user_id;
                let named = self.library.name_snapshot(self.id, &name, by).await;
                return format!(
                    "{:?}",
                    named
                        .map(|named| named.snapshot.version)
                        .map_err(|error| error.to_string())
                );
            }
            Step::PutAway => {
                self.clock.advance(Duration::from_secs(3_600));
                self.put_away().await;
                return String::new();
            }
        };
        match outcome {
            Ok(accepted) => accepted,
            // Locks have times of the store's own clock.
            Err(EditError::Locked(lock)) => format!("locked {:?}", lock.fence),
            Err(error) => error.to_string(),
        }
    }

    /// Until the last snapshot is saved: whether the next owner loads it would else be a matter of luck.
    async fn put_away(&self) {
        // The owner may not have let go of its last answer yet.
        while self.library.statistics().open_documents > 0 {
            tokio::task::yield_now().await;
            self.library.sweep();
        }
        let tasks = std::mem::take(&mut *self.tasks.lock().unwrap());
        for task in tasks {
            task.await.unwrap();
        }
    }

    /// Until a snapshot that is due is saved: what is asked for next may be before or after it.
    async fn settle(&self) {
        // Owners look whether one is due before they answer what comes next.
        self.open().await.reading().await.unwrap();
        // All but the owner itself.
        while self.unfinished() > 1 {
            tokio::task::yield_now().await;
        }
    }

    fn unfinished(&self) -> usize {
        let tasks = self.tasks.lock().unwrap();
        tasks.iter().filter(|task| !task.is_finished()).count()
    }

    async fn resolve(&self, user: usize, nth: usize) -> Result<String, EditError> {
        let open = self.conflicts(Some(true)).await;
        let Some(open) = open.into_iter().next() else {
            return Ok(String::new());
        };
        let chosen = open.operations[nth % open.operations.len()].operation_id;
        let resolution = Resolution {
            conflict: open.id,
            choice: Choice::Operation(chosen),
        };
        self.submit(Edit::new(author(user), Change::Resolve(resolution)))
            .await
    }

    async fn conflicts(&self, open: Option<bool>) -> Vec<Conflict> {
        let query = ConflictQuery {
            document_id: self.id,
            open,
            after: None,
            limit: 1_000,
        };
        self.library.conflicts(query).await.unwrap()
    }

    async fn lock(&mut self, user: usize, of: Option<usize>) -> String {
        let target = of.map_or(LockTarget::Document, |of| LockTarget::Object(object(of)));
        let asked = self
            .library
            .acquire_lock(self.id, author(user), target, LEASE_MS)
            .await;
        match asked {
            Ok(lock) => {
                let fence = lock.fence;
                self.locks.push(lock);
                format!("lock {fence}")
            }
            Err(_) => "no lock".to_owned(),
        }
    }

    async fn unlock(&mut self, user: usize) -> String {
        let Some(lock) = self.locks.pop() else {
            return String::new();
        };
        let released = self
            .library
            .release_lock(self.id, &author(user), lock.id)
            .await;
        format!("released: {}", released.is_ok())
    }

    async fn outcome(&self, answers: Vec<String>) -> Outcome {
        let document = self.store.head(self.id).await.unwrap();
        let (version, reading) = self.open().await.reading().await.unwrap();
        assert_eq!(version, document.version);
        let oldest = match self.store.since(self.id, Version::ZERO, 1).await.unwrap() {
            Since::Records(_) => Version::ZERO,
            Since::Pruned { oldest } => Version(oldest.0 - 1),
        };
        let since = self.store.since(self.id, oldest, 1_000).await.unwrap();
        let Since::Records(records) = since else {
            panic!("{since:?}");
        };
        let locks = self.store.locks(self.id).await.unwrap().into_iter();
        let named = self
            .store
            .named_snapshots(self.id)
            .await
            .unwrap()
            .into_iter();
        let mut past = Vec::new();
        for version in 0..=document.version.0 {
            past.push(
                self.library
                    .reading_at(self.id, Version(version))
                    .await
                    .ok(),
            );
        }
        Outcome {
            answers,
            reading,
            records,
            conflicts: self.conflicts(None).await,
            audit: self
                .store
                .audit(self.id, Version::ZERO, 1_000)
                .await
                .unwrap(),
            locks: locks
                .map(|lock| (lock.holder, lock.target, lock.fence))
                .collect(),
            named: named
                .map(|named| (named.name, named.snapshot.version))
                .collect(),
            past,
            document,
        }
    }
}

async fn run(store: Arc<dyn DocumentStore>, plan: &Plan) -> Outcome {
    let mut run = Run::new(store, plan).await;
    let mut answers = Vec::with_capacity(plan.steps.len());
    for step in &plan.steps {
        answers.push(run.step(step).await);
        run.settle().await;
    }
    // Somebody else may want the ids of this plan later: none is used twice.
    let _ = (run.ids)();
    run.outcome(answers).await
}

#[test]
fn the_same_plan_ends_in_the_same_document_on_every_store() {
    let runtime = Runtime::new().unwrap();
    let cluster = Cluster::shared();
    let folder = tempfile::tempdir().unwrap();
    let embedded = EmbeddedStore::open(&store_embedded::Options::new(folder.path())).unwrap();
    let postgres = Arc::new(runtime.block_on(cluster.store("differential")));
    let seeds = AtomicU64::new(0);
    let mut runner = TestRunner::new(Config::with_cases(PLANS));
    let outcome = runner.run(&any_plan(), |mut plan| {
        // Each attempt makes documents of its own, also while a failure is being made smaller.
        plan.seed = (plan.seed << 20) | seeds.fetch_add(1, Ordering::Relaxed);
        runtime.block_on(async {
            let memory = run(Arc::new(MemoryStore::new()), &plan).await;
            for (name, store) in [
                (
                    "embedded",
                    Arc::new(embedded.clone()) as Arc<dyn DocumentStore>,
                ),
                ("postgres", postgres.clone()),
            ] {
                let other = run(store, &plan).await;
                if other != memory {
                    let reason = format!("{name}: {other:#?}\nmemory: {memory:#?}");
                    return Err(TestCaseError::fail(reason));
                }
            }
            Ok(())
        })
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}
