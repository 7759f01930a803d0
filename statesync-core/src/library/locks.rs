//! Locks, as users ask for them.

use crate::document::{Document, Role};
use crate::error::{EditError, OpenError};
use crate::identity::DocumentId;
use crate::library::Library;
use crate::lock::{Lock, LockId, LockRequest, LockTarget};
use crate::record::Author;
use crate::store::StoreError;

/// A lock could not be had, kept or given back.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// The caller's fault: their role does not allow it, or the lease is not possible.
    #[error(transparent)]
    Refused(#[from] EditError),
    /// Nobody's fault: somebody else holds a lock that overlaps.
    #[error("{} holds a lock until {}", .0.holder.user_id, .0.expires_at.0)]
    Held(Box<Lock>),
    /// It is over: released, or not renewed in time.
    #[error("lock {0} was released or has expired")]
    Lost(LockId),
    /// The caller's fault: the document has no place for more locks.
    #[error("at most {max} locks at a time")]
    TooMany {
        /// What is allowed.
        max: usize,
    },
    /// There is no such document, or the store failed.
    #[error(transparent)]
    Open(#[from] OpenError),
}

impl From<StoreError> for LockError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::LockHeld(lock) => Self::Held(lock),
            StoreError::LockLost(id) => Self::Lost(id),
            other => Self::Open(other.into()),
        }
    }
}

impl Library {
    /// Takes a lock for a session of an editor, for `lease_ms` milliseconds from now on. The same session
    /// asking again for the same target gets its lock renewed.
    ///
    /// Cancel safety: dropping the future leaves it unknown whether the lock is taken; it expires.
    ///
    /// # Errors
    ///
    /// See [`LockError`].
    pub async fn acquire_lock(
        &self,
        id: DocumentId,
        holder: Author,
        target: LockTarget,
        lease_ms: u64,
    ) -> Result<Lock, LockError> {
        self.check_lock(id, &holder, lease_ms).await?;
        let live = self.shared.store.locks(id).await?;
        let max = self.shared.limits.locks_max;
        if live.len() >= max {
            return Err(LockError::TooMany { max });
        }
        let request = LockRequest {
            id: LockId((self.shared.ids)()),
            document_id: id,
            target,
            holder,
            lease_ms,
        };
        let lock = self.shared.store.acquire_lock(request).await?;
        self.tell_locks(id).await?;
        Ok(lock)
    }

    /// Makes a lock of this session last for `lease_ms` from now on.
    ///
    /// # Errors
    ///
    /// See [`LockError`].
    pub async fn renew_lock(
        &self,
        id: DocumentId,
        holder: &Author,
        lock: LockId,
        lease_ms: u64,
    ) -> Result<Lock, LockError> {
        self.check_lock(id, holder, lease_ms).await?;
        self.held(id, lock, |held| held.is_of(holder)).await?;
        let lock = self.shared.store.renew_lock(id, lock, lease_ms).await?;
        self.tell_locks(id).await?;
        Ok(lock)
    }

    /// Gives a lock back: one of this user, or any if they own the document.
    ///
    /// # Errors
    ///
    /// See [`LockError`].
    pub async fn release_lock(
        &self,
        id: DocumentId,
        asked_by: &Author,
        lock: LockId,
    ) -> Result<(), LockError> {
        let document = self.head(id).await?;
        let is_owner = role(&document, asked_by)? == Role::Owner;
        let theirs = |held: &Lock| held.holder.user_id == asked_by.user_id;
        self.held(id, lock, |held| is_owner || theirs(held)).await?;
        let was_live = self.shared.store.release_lock(id, lock).await?;
        self.tell_locks(id).await?;
        was_live.then_some(()).ok_or(LockError::Lost(lock))
    }

    /// The live locks of a document.
    ///
    /// # Errors
    ///
    /// [`OpenError::NotFound`], [`OpenError::Store`].
    pub async fn locks(&self, id: DocumentId) -> Result<Vec<Lock>, OpenError> {
        Ok(self.shared.store.locks(id).await?)
    }

    async fn check_lock(
        &self,
        id: DocumentId,
        holder: &Author,
        lease_ms: u64,
    ) -> Result<(), LockError> {
        let document = self.head(id).await?;
        let has = role(&document, holder)?;
        if has < Role::Editor {
            let (role, needed) = (Some(has), Role::Editor);
            return Err(EditError::Forbidden { role, needed }.into());
        }
        let (least, most) = self.shared.limits.lease_ms;
        if (least..=most).contains(&lease_ms) {
            return Ok(());
        }
        let reason = format!("a lease lasts {least} to {most} ms, not {lease_ms}");
        let field = "lease_ms";
        Err(EditError::Invalid { field, reason }.into())
    }

    /// The live lock of this name, if the caller may do something with it.
    async fn held(
        &self,
        id: DocumentId,
        lock: LockId,
        may: impl Fn(&Lock) -> bool,
    ) -> Result<(), LockError> {
        let live = self.shared.store.locks(id).await?;
        let held = live.into_iter().find(|held| held.id == lock);
        let held = held.ok_or(LockError::Lost(lock))?;
        if may(&held) {
            Ok(())
        } else {
            Err(LockError::Held(Box::new(held)))
        }
    }

    /// Tells subscribers in this process; others find out by asking.
    async fn tell_locks(&self, id: DocumentId) -> Result<(), LockError> {
        if let Some(open) = self.opened(id) {
            open.hub().publish_locks(self.shared.store.locks(id).await?);
        }
        Ok(())
    }
}

fn role(document: &Document, author: &Author) -> Result<Role, OpenError> {
    let role = document.metadata.permissions.role_of(&author.user_id);
    role.ok_or(OpenError::NotFound(document.id))
}
