//! Locks: taken, kept, given back.

use aetherflow_api::statesync::v1 as wire;
use statesync_core::LockTarget;

use crate::auth::Caller;
use crate::convert;
use crate::desk::Desk;
use crate::status::Failed;

impl Desk {
    pub(crate) async fn acquire_lock(
        &self,
        caller: Caller,
        asked: wire::AcquireLockRequest,
    ) -> Result<wire::AcquireLockResponse, Failed> {
        let id = convert::document_id(&asked.doc_id)?;
        let target = convert::lock_target(&asked.object_id)?;
        self.visible(&caller, id).await?;
        let granted = self
            .library
            .acquire_lock(id, caller.author(), target, asked.lease_ms);
        let lock = Some(convert::lock(&granted.await?));
        Ok(wire::AcquireLockResponse { lock })
    }

    pub(crate) async fn renew_lock(
        &self,
        caller: Caller,
        asked: wire::RenewLockRequest,
    ) -> Result<wire::RenewLockResponse, Failed> {
        let id = convert::document_id(&asked.doc_id)?;
        let lock = convert::lock_id(&asked.lock_id)?;
        self.visible(&caller, id).await?;
        let author = caller.author();
        let renewed = self.library.renew_lock(id, &author, lock, asked.lease_ms);
        let lock = Some(convert::lock(&renewed.await?));
        Ok(wire::RenewLockResponse { lock })
    }

    pub(crate) async fn release_lock(
        &self,
        caller: Caller,
        asked: wire::ReleaseLockRequest,
    ) -> Result<wire::ReleaseLockResponse, Failed> {
        let id = convert::document_id(&asked.doc_id)?;
        let lock = convert::lock_id(&asked.lock_id)?;
        self.visible(&caller, id).await?;
        self.library
            .release_lock(id, &caller.author(), lock)
            .await?;
        Ok(wire::ReleaseLockResponse {})
    }

    pub(crate) async fn is_locked(
        &self,
        caller: Caller,
        asked: wire::IsLockedRequest,
    ) -> Result<wire::IsLockedResponse, Failed> {
        let id = convert::document_id(&asked.doc_id)?;
        let target: LockTarget = convert::lock_target(&asked.object_id)?;
        self.visible(&caller, id).await?;
        let mut locks = self.library.locks(id).await?;
        locks.retain(|lock| lock.target.overlaps(&target));
        Ok(wire::IsLockedResponse {
            locked: !locks.is_empty(),
            locks: locks.iter().map(convert::lock).collect(),
        })
    }
}
