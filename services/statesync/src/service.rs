//! The service as tonic calls it: each method finds its work, and nothing else.

use std::pin::Pin;
use std::sync::Arc;

use aetherflow_api::statesync::v1 as wire;
use futures::{Stream, StreamExt as _};
use statesync_core::Library;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};
use wire::state_sync_service_server::StateSyncService;

use crate::apply::apply_operations;
use crate::call::{CallLimits, Calls, admitted};
use crate::desk::Desk;
use crate::ending::Ending;
use crate::route::Frames;
use crate::status::Failed;
use crate::subscribe::subscribe;

/// `StateSyncService` over a library of documents.
pub struct StateSync {
    calls: Calls,
    desk: Arc<Desk>,
    stop: CancellationToken,
}

impl StateSync {
    /// The service. Its streams end when `stop` is cancelled.
    #[must_use]
    pub fn new(library: Arc<Library>, limits: CallLimits, stop: CancellationToken) -> Self {
        Self {
            calls: Calls::new(limits),
            desk: Arc::new(Desk::new(library)),
            stop,
        }
    }
}

impl StateSync {
    /// The events of a document, as they are sent.
    pub(crate) async fn frames(
        &self,
        request: Request<wire::SubscribeDocumentRequest>,
    ) -> Result<Response<Frames>, Status> {
        let place = self.calls.stream()?;
        let desk = Arc::clone(&self.desk);
        let ending = Ending::new(self.stop.clone(), admitted(&request)?.session);
        let work = |caller, asked| async move {
            let frames = subscribe(desk, caller, asked, ending, place).await?;
            Ok::<Frames, Failed>(Box::pin(frames))
        };
        self.calls.answer("SubscribeDocument", request, work).await
    }
}

type Events<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl StateSyncService for StateSync {
    type ApplyOperationsStream = Events<wire::ApplyOperationsResponse>;
    type SubscribeDocumentStream = Events<wire::DocumentEvent>;

    async fn create_document(
        &self,
        request: Request<wire::CreateDocumentRequest>,
    ) -> Result<Response<wire::CreateDocumentResponse>, Status> {
        let work = |caller, asked| self.desk.create_document(caller, asked);
        self.calls.answer("CreateDocument", request, work).await
    }

    async fn get_document(
        &self,
        request: Request<wire::GetDocumentRequest>,
    ) -> Result<Response<wire::GetDocumentResponse>, Status> {
        let work = |caller, asked| self.desk.document(caller, asked);
        self.calls.answer("GetDocument", request, work).await
    }

    async fn update_document(
        &self,
        request: Request<wire::UpdateDocumentRequest>,
    ) -> Result<Response<wire::UpdateDocumentResponse>, Status> {
        let work = |caller, asked| self.desk.update_document(caller, asked);
        self.calls.answer("UpdateDocument", request, work).await
    }

    async fn delete_document(
        &self,
        request: Request<wire::DeleteDocumentRequest>,
    ) -> Result<Response<wire::DeleteDocumentResponse>, Status> {
        let work = |caller, asked| self.desk.delete_document(caller, asked);
        self.calls.answer("DeleteDocument", request, work).await
    }

    async fn list_documents(
        &self,
        request: Request<wire::ListDocumentsRequest>,
    ) -> Result<Response<wire::ListDocumentsResponse>, Status> {
        let work = |caller, asked| self.desk.list_documents(caller, asked);
        self.calls.answer("ListDocuments", request, work).await
    }

    async fn apply_operation(
        &self,
        request: Request<wire::ApplyOperationRequest>,
    ) -> Result<Response<wire::ApplyOperationResponse>, Status> {
        let work = |caller, asked| self.desk.apply_operation(caller, asked);
        self.calls.answer("ApplyOperation", request, work).await
    }

    async fn get_operation_history(
        &self,
        request: Request<wire::GetOperationHistoryRequest>,
    ) -> Result<Response<wire::GetOperationHistoryResponse>, Status> {
        let work = |caller, asked| self.desk.operation_history(caller, asked);
        self.calls
            .answer("GetOperationHistory", request, work)
            .await
    }

    async fn unsubscribe_document(
        &self,
        request: Request<wire::UnsubscribeDocumentRequest>,
    ) -> Result<Response<wire::UnsubscribeDocumentResponse>, Status> {
        let work = |caller, asked| self.desk.unsubscribe(caller, asked);
        self.calls
            .answer("UnsubscribeDocument", request, work)
            .await
    }

    async fn acquire_lock(
        &self,
        request: Request<wire::AcquireLockRequest>,
    ) -> Result<Response<wire::AcquireLockResponse>, Status> {
        let work = |caller, asked| self.desk.acquire_lock(caller, asked);
        self.calls.answer("AcquireLock", request, work).await
    }

    async fn renew_lock(
        &self,
        request: Request<wire::RenewLockRequest>,
    ) -> Result<Response<wire::RenewLockResponse>, Status> {
        let work = |caller, asked| self.desk.renew_lock(caller, asked);
        self.calls.answer("RenewLock", request, work).await
    }

    async fn release_lock(
        &self,
        request: Request<wire::ReleaseLockRequest>,
    ) -> Result<Response<wire::ReleaseLockResponse>, Status> {
        let work = |caller, asked| self.desk.release_lock(caller, asked);
        self.calls.answer("ReleaseLock", request, work).await
    }

    async fn is_locked(
        &self,
        request: Request<wire::IsLockedRequest>,
    ) -> Result<Response<wire::IsLockedResponse>, Status> {
        let work = |caller, asked| self.desk.is_locked(caller, asked);
        self.calls.answer("IsLocked", request, work).await
    }

    async fn list_conflicts(
        &self,
        request: Request<wire::ListConflictsRequest>,
    ) -> Result<Response<wire::ListConflictsResponse>, Status> {
        let work = |caller, asked| self.desk.list_conflicts(caller, asked);
        self.calls.answer("ListConflicts", request, work).await
    }

    async fn resolve_conflict(
        &self,
        request: Request<wire::ResolveConflictRequest>,
    ) -> Result<Response<wire::ResolveConflictResponse>, Status> {
        let work = |caller, asked| self.desk.resolve_conflict(caller, asked);
        self.calls.answer("ResolveConflict", request, work).await
    }

    async fn get_content(
        &self,
        request: Request<wire::GetContentRequest>,
    ) -> Result<Response<wire::GetContentResponse>, Status> {
        let work = |caller, asked| self.desk.content(caller, asked);
        self.calls.answer("GetContent", request, work).await
    }

    async fn name_snapshot(
        &self,
        request: Request<wire::NameSnapshotRequest>,
    ) -> Result<Response<wire::NameSnapshotResponse>, Status> {
        let work = |caller, asked| self.desk.name_snapshot(caller, asked);
        self.calls.answer("NameSnapshot", request, work).await
    }

    async fn list_snapshots(
        &self,
        request: Request<wire::ListSnapshotsRequest>,
    ) -> Result<Response<wire::ListSnapshotsResponse>, Status> {
        let work = |caller, asked| self.desk.list_snapshots(caller, asked);
        self.calls.answer("ListSnapshots", request, work).await
    }

    async fn restore_version(
        &self,
        request: Request<wire::RestoreVersionRequest>,
    ) -> Result<Response<wire::RestoreVersionResponse>, Status> {
        let work = |caller, asked| self.desk.restore_version(caller, asked);
        self.calls.answer("RestoreVersion", request, work).await
    }

    async fn get_audit(
        &self,
        request: Request<wire::GetAuditRequest>,
    ) -> Result<Response<wire::GetAuditResponse>, Status> {
        let work = |caller, asked| self.desk.audit(caller, asked);
        self.calls.answer("GetAudit", request, work).await
    }

    async fn get_stats(
        &self,
        request: Request<wire::GetStatsRequest>,
    ) -> Result<Response<wire::GetStatsResponse>, Status> {
        let work = |caller, asked| self.desk.stats(caller, asked, self.calls.streams());
        self.calls.answer("GetStats", request, work).await
    }

    async fn apply_operations(
        &self,
        request: Request<Streaming<wire::ApplyOperationRequest>>,
    ) -> Result<Response<Self::ApplyOperationsStream>, Status> {
        let place = self.calls.stream()?;
        let (admitted, desk) = (admitted(&request)?, Arc::clone(&self.desk));
        let ending = Ending::new(self.stop.clone(), admitted.session);
        let asked = request.into_inner();
        let answers = apply_operations(desk, admitted.caller, asked, ending, place);
        Ok(Response::new(Box::pin(answers)))
    }

    /// The routes of this crate's server take `StateSync::frames` as they are; this is for others.
    async fn subscribe_document(
        &self,
        request: Request<wire::SubscribeDocumentRequest>,
    ) -> Result<Response<Self::SubscribeDocumentStream>, Status> {
        let frames = self.frames(request).await?;
        Ok(frames.map(|frames| -> Self::SubscribeDocumentStream {
            Box::pin(frames.map(|frame| frame?.event()))
        }))
    }
}
