//! A store in memory: for tests, demonstrations, and documents that need not outlive the process.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use guuid::{Clock, SystemClock};
use parking_lot::Mutex;

use crate::audit::AuditEntry;
use crate::conflict::{Conflict, ConflictId, ConflictQuery};
use crate::document::Document;
use crate::history::{NamedSnapshot, Retention};
use crate::identity::{DocumentId, OperationId, Timestamp, Version};
use crate::lock::{Fence, Lock, LockId, LockRequest};
use crate::record::{Record, Snapshot};
use crate::store::{Append, DocumentStore, ListQuery, Page, Since, StoreError, Stored};

/// Keeps documents in memory. What it acknowledges lasts as long as the process.
pub struct MemoryStore {
    documents: Mutex<BTreeMap<DocumentId, Kept>>,
    clock: Arc<dyn Clock + Send + Sync>,
}

#[derive(Clone, Debug)]
struct Kept {
    document: Document,
    snapshots: BTreeMap<Version, Bytes>,
    named: BTreeMap<String, NamedSnapshot>,
    /// Contiguous, the last one at the head's version.
    records: Vec<Arc<Record>>,
    /// Versions of the operations that their authors named.
    operations: HashMap<OperationId, Version>,
    conflicts: BTreeMap<ConflictId, Conflict>,
    audit: Vec<AuditEntry>,
    /// In the order of their fences; some may have expired.
    locks: Vec<Lock>,
    last_fence: Fence,
}

fn snapshot((version, content): (&Version, &Bytes)) -> Snapshot {
    Snapshot {
        version: *version,
        content: content.clone(),
    }
}

impl Kept {
    fn new(document: Document) -> Self {
        Self {
            document,
            snapshots: BTreeMap::new(),
            named: BTreeMap::new(),
            records: Vec::new(),
            operations: HashMap::new(),
            conflicts: BTreeMap::new(),
            audit: Vec::new(),
            locks: Vec::new(),
            last_fence: Fence::default(),
        }
    }

    /// The version before the oldest record.
    fn base(&self) -> Version {
        Version(self.document.version.0 - self.records.len() as u64)
    }

    fn records_after(&self, after: Version) -> &[Arc<Record>] {
        let skip = after.0.saturating_sub(self.base().0) as usize;
        self.records.get(skip..).unwrap_or_default()
    }

    fn record_mut(&mut self, version: Version) -> Option<&mut Record> {
        let index = version.0.checked_sub(self.base().0 + 1)?;
        self.records
            .get_mut(usize::try_from(index).ok()?)
            .map(Arc::make_mut)
    }

    fn append(&mut self, append: Append, now: impl Fn() -> Timestamp) -> Result<(), StoreError> {
        let id = self.document.id;
        for record in &append.records {
            if record.terms.operation_id.is_some()
                && self.operations.contains_key(&record.operation_id)
            {
                let operation = record.operation_id;
                return Err(StoreError::Duplicate { id, operation });
            }
        }
        let actual = self.document.version;
        if actual != append.expected {
            return Err(StoreError::Conflict {
                id,
                expected: append.expected,
                actual,
            });
        }
        let now = if self.locks.is_empty() {
            Timestamp(0)
        } else {
            now()
        };
        for (record, asked) in append.records.iter().enumerate() {
            if let Some(violation) = asked.violation(&self.locks, now) {
                return Err(StoreError::Guarded {
                    id,
                    record,
                    violation,
                });
            }
        }
        let named = |record: &&Arc<Record>| record.terms.operation_id.is_some();
        let named = append.records.iter().filter(named);
        self.operations
            .extend(named.map(|record| (record.operation_id, record.version)));
        self.records.extend(append.records);
        self.audit.extend(append.audit);
        self.document = append.document;
        for conflict in append.conflicts {
            self.conflicts.insert(conflict.id, conflict);
        }
        for (version, status) in append.settled {
            if let Some(record) = self.record_mut(version) {
                record.status = status;
            }
        }
        Ok(())
    }

    fn newest_snapshot(&self) -> Option<Snapshot> {
        self.snapshots.last_key_value().map(snapshot)
    }

    fn save_snapshot(&mut self, snapshot: Snapshot, readable_from: Version) {
        let newest = self.snapshots.last_key_value();
        if newest.is_some_and(|(newest, _)| *newest > snapshot.version) {
            return;
        }
        self.snapshots.insert(snapshot.version, snapshot.content);
        let retention = Retention::new(self.snapshots.keys().copied(), readable_from);
        self.snapshots
            .retain(|version, _| retention.keeps(*version));
        self.prune(retention.prune_through());
    }

    fn prune(&mut self, through: Version) {
        let pruned = through.0.saturating_sub(self.base().0) as usize;
        for record in self.records.drain(..pruned.min(self.records.len())) {
            self.operations.remove(&record.operation_id);
        }
    }

    fn acquire(&mut self, request: LockRequest, now: Timestamp) -> Result<Lock, StoreError> {
        self.locks.retain(|lock| lock.is_live(now));
        let expires_at = Timestamp(now.0.saturating_add(request.lease_ms));
        let mut overlapping = self
            .locks
            .iter_mut()
            .filter(|lock| lock.target.overlaps(&request.target));
        if let Some(held) = overlapping.find(|lock| lock.holder != request.holder) {
            return Err(StoreError::LockHeld(Box::new(held.clone())));
        }
        let known = self
            .locks
            .iter_mut()
            .find(|lock| lock.target == request.target);
        if let Some(lock) = known {
            lock.expires_at = lock.expires_at.max(expires_at);
            return Ok(lock.clone());
        }
        self.last_fence = Fence(self.last_fence.0 + 1);
        let lock = Lock {
            id: request.id,
            document_id: request.document_id,
            target: request.target,
            holder: request.holder,
            fence: self.last_fence,
            acquired_at: now,
            expires_at,
        };
        self.locks.push(lock.clone());
        Ok(lock)
    }

    fn renew(&mut self, id: LockId, lease_ms: u64, now: Timestamp) -> Result<Lock, StoreError> {
        let mut live = self.locks.iter_mut().filter(|lock| lock.is_live(now));
        let lock = live
            .find(|lock| lock.id == id)
            .ok_or(StoreError::LockLost(id))?;
        let expires_at = Timestamp(now.0.saturating_add(lease_ms));
        lock.expires_at = lock.expires_at.max(expires_at);
        Ok(lock.clone())
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for MemoryStore {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let documents = self.documents.lock().len();
        formatter
            .debug_struct("MemoryStore")
            .field("documents", &documents)
            .finish_non_exhaustive()
    }
}

impl MemoryStore {
    /// An empty store, whose locks expire by the clock of this machine.
    #[must_use]
    pub fn new() -> Self {
        Self::with_clock(Arc::new(SystemClock))
    }

    /// An empty store, whose locks expire by this clock.
    #[must_use]
    pub fn with_clock(clock: Arc<dyn Clock + Send + Sync>) -> Self {
        Self {
            documents: Mutex::default(),
            clock,
        }
    }

    fn now(&self) -> Timestamp {
        Timestamp(self.clock.unix_ms())
    }

    fn with<T>(
        &self,
        id: DocumentId,
        work: impl FnOnce(&mut Kept) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        work(
            self.documents
                .lock()
                .get_mut(&id)
                .ok_or(StoreError::NotFound(id))?,
        )
    }
}

#[async_trait]
impl DocumentStore for MemoryStore {
    async fn create(&self, document: &Document) -> Result<(), StoreError> {
        let mut documents = self.documents.lock();
        if let Some(present) = documents.get(&document.id) {
            let actual = present.document.version;
            return Err(StoreError::Conflict {
                id: document.id,
                expected: Version::ZERO,
                actual,
            });
        }
        documents.insert(document.id, Kept::new(document.clone()));
        Ok(())
    }

    async fn head(&self, id: DocumentId) -> Result<Document, StoreError> {
        self.with(id, |kept| Ok(kept.document.clone()))
    }

    async fn load(&self, id: DocumentId) -> Result<Stored, StoreError> {
        self.with(id, |kept| {
            let snapshot = kept.newest_snapshot();
            let covered = snapshot
                .as_ref()
                .map_or(Version::ZERO, |known| known.version);
            let open = kept
                .conflicts
                .values()
                .filter(|conflict| conflict.is_open());
            Ok(Stored {
                document: kept.document.clone(),
                snapshot,
                records: kept.records_after(covered).to_vec(),
                open_conflicts: open.cloned().collect(),
            })
        })
    }

    async fn append(&self, append: Append) -> Result<(), StoreError> {
        self.with(append.document.id, |kept| {
            kept.append(append, || self.now())
        })
    }

    async fn operation(
        &self,
        id: DocumentId,
        operation: OperationId,
    ) -> Result<Option<Record>, StoreError> {
        self.with(id, |kept| {
            let version = kept.operations.get(&operation).copied();
            Ok(version.and_then(|version| kept.record_mut(version).cloned()))
        })
    }

    async fn versions(&self, ids: &[DocumentId]) -> Result<Vec<(DocumentId, Version)>, StoreError> {
        let documents = self.documents.lock();
        let found = ids.iter().filter_map(|id| documents.get_key_value(id));
        Ok(found
            .map(|(id, kept)| (*id, kept.document.version))
            .collect())
    }

    async fn since(
        &self,
        id: DocumentId,
        after: Version,
        limit: usize,
    ) -> Result<Since, StoreError> {
        self.with(id, |kept| {
            if after < kept.base() {
                return Ok(Since::Pruned {
                    oldest: kept.base().next(),
                });
            }
            let records = kept.records_after(after);
            let records = records.iter().take(limit);
            Ok(Since::Records(records.cloned().collect()))
        })
    }

    async fn save_snapshot(
        &self,
        id: DocumentId,
        snapshot: Snapshot,
        readable_from: Version,
    ) -> Result<(), StoreError> {
        self.with(id, |kept| {
            kept.save_snapshot(snapshot, readable_from);
            Ok(())
        })
    }

    async fn name_snapshot(&self, id: DocumentId, named: NamedSnapshot) -> Result<(), StoreError> {
        self.with(id, |kept| {
            if kept.named.contains_key(&named.name) {
                return Err(StoreError::NameTaken(named.name));
            }
            kept.named.insert(named.name.clone(), named);
            Ok(())
        })
    }

    async fn named_snapshots(&self, id: DocumentId) -> Result<Vec<NamedSnapshot>, StoreError> {
        self.with(id, |kept| {
            let mut named: Vec<_> = kept
                .named
                .values()
                .map(NamedSnapshot::without_content)
                .collect();
            named.sort_by(|one, other| {
                (one.snapshot.version, &one.name).cmp(&(other.snapshot.version, &other.name))
            });
            Ok(named)
        })
    }

    async fn snapshot_before(
        &self,
        id: DocumentId,
        version: Version,
    ) -> Result<Option<Snapshot>, StoreError> {
        self.with(id, |kept| {
            let named = kept.named.values().map(|named| named.snapshot.clone());
            let named = named.filter(|snapshot| snapshot.version <= version);
            let unnamed = kept.snapshots.range(..=version).next_back().map(snapshot);
            Ok(named.chain(unnamed).max_by_key(|snapshot| snapshot.version))
        })
    }

    async fn acquire_lock(&self, request: LockRequest) -> Result<Lock, StoreError> {
        let now = self.now();
        self.with(request.document_id, |kept| kept.acquire(request, now))
    }

    async fn renew_lock(
        &self,
        id: DocumentId,
        lock: LockId,
        lease_ms: u64,
    ) -> Result<Lock, StoreError> {
        let now = self.now();
        self.with(id, |kept| kept.renew(lock, lease_ms, now))
    }

    async fn release_lock(&self, id: DocumentId, lock: LockId) -> Result<bool, StoreError> {
        let now = self.now();
        self.with(id, |kept| {
            let index = kept.locks.iter().position(|held| held.id == lock);
            let released = index.map(|index| kept.locks.remove(index));
            Ok(released.is_some_and(|lock| lock.is_live(now)))
        })
    }

    async fn locks(&self, id: DocumentId) -> Result<Vec<Lock>, StoreError> {
        let now = self.now();
        self.with(id, |kept| {
            let live = kept.locks.iter().filter(|lock| lock.is_live(now));
            Ok(live.cloned().collect())
        })
    }

    async fn conflicts(&self, query: ConflictQuery) -> Result<Vec<Conflict>, StoreError> {
        self.with(query.document_id, |kept| {
            let matching = kept
                .conflicts
                .values()
                .filter(|conflict| query.matches(conflict));
            Ok(matching.take(query.limit).cloned().collect())
        })
    }

    async fn conflict(
        &self,
        id: DocumentId,
        conflict: ConflictId,
    ) -> Result<Option<Conflict>, StoreError> {
        self.with(id, |kept| Ok(kept.conflicts.get(&conflict).cloned()))
    }

    async fn audit(
        &self,
        id: DocumentId,
        after: Version,
        limit: usize,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        self.with(id, |kept| {
            let skip = usize::try_from(after.0).unwrap_or(usize::MAX);
            let entries = kept.audit.get(skip..).unwrap_or_default();
            Ok(entries.iter().take(limit).cloned().collect())
        })
    }

    async fn list(&self, query: ListQuery) -> Result<Page, StoreError> {
        let documents = self.documents.lock();
        let mut matching = documents
            .values()
            .rev()
            .map(|kept| &kept.document)
            .filter(|document| query.before.is_none_or(|before| document.id < before))
            .filter(|document| query.state.is_none_or(|state| document.state == state))
            .filter(|document| {
                let permissions = &document.metadata.permissions;
                query
                    .member
                    .as_ref()
                    .is_none_or(|user| permissions.members().any(|m| m == user))
            });
        let page = matching.by_ref().take(query.limit).cloned().collect();
        Ok(Page {
            documents: page,
            more: matching.next().is_some(),
        })
    }
}
