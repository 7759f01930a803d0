//! Earlier versions, names for them, and the audit log.

use aetherflow_api::statesync::v1 as wire;
use statesync_core::{Change, Edit, Terms, Version};

use crate::auth::Caller;
use crate::convert;
use crate::desk::{Desk, require_editor};
use crate::documents::{page_size, present_content};
use crate::status::{Failed, invalid};

const PAGE_MAX: usize = 1_000;
const PAGE_USUAL: usize = 100;

/// Bytes of operations after which a page is full.
const PAGE_BYTES: usize = 2 * 1024 * 1024;

impl Desk {
    pub(crate) async fn operation_history(
        &self,
        caller: Caller,
        asked: wire::GetOperationHistoryRequest,
    ) -> Result<wire::GetOperationHistoryResponse, Failed> {
        let id = convert::document_id(&asked.doc_id)?;
        let after = match asked.page_token.as_str() {
            "" => asked.from_version,
            token => token
                .parse()
                .map_err(|_| invalid("page_token", "not one of ours"))?,
        };
        let limit = page_size(asked.limit, PAGE_USUAL, PAGE_MAX);
        let (head, _) = self.visible(&caller, id).await?;
        let (wanted, mut current) = (Version(after), head.version);
        if wanted > current {
            // Another process may have told them of it, before this one has heard.
            current = self.library.open(id).await?.newest().await?;
        }
        if wanted > current {
            return Err(statesync_core::HistoryError::NotYet { wanted, current }.into());
        }
        let records = self
            .library
            .records_after(id, Version(after), limit)
            .await?;
        let found = records.len();
        let mut bytes = 0;
        let fits = records.iter().take_while(|record| {
            let is_first = bytes == 0;
            bytes += record.weight();
            is_first || bytes <= PAGE_BYTES
        });
        let operations: Vec<_> = fits.map(|record| convert::operation(id, record)).collect();
        let more = operations.len() < found || found == limit;
        let last = operations.last().filter(|_| more);
        let next = last.map(|operation| operation.version.to_string());
        Ok(wire::GetOperationHistoryResponse {
            next_page_token: next.unwrap_or_default(),
            operations,
        })
    }

    pub(crate) async fn content(
        &self,
        caller: Caller,
        asked: wire::GetContentRequest,
    ) -> Result<wire::GetContentResponse, Failed> {
        use wire::get_content_request::At;
        let id = convert::document_id(&asked.doc_id)?;
        self.visible(&caller, id).await?;
        let version = match asked.at {
            None => {
                let open = self.library.open(id).await?;
                let content = Some(present_content(&open, asked.with_yjs_update).await?);
                return Ok(wire::GetContentResponse { content });
            }
            Some(At::Version(version)) => Version(version),
            Some(At::Time(time)) => {
                let time = convert::time("time", time)?;
                self.library.version_at(id, time).await?
            }
        };
        let reading = self.library.reading_at(id, version).await?;
        let content = Some(convert::content(version, reading));
        Ok(wire::GetContentResponse { content })
    }

    pub(crate) async fn name_snapshot(
        &self,
        caller: Caller,
        asked: wire::NameSnapshotRequest,
    ) -> Result<wire::NameSnapshotResponse, Failed> {
        let id = convert::document_id(&asked.doc_id)?;
        let (_, role) = self.visible(&caller, id).await?;
        require_editor(role)?;
        let named = self.library.name_snapshot(id, &asked.name, caller.user_id);
        let snapshot = Some(convert::snapshot(&named.await?));
        Ok(wire::NameSnapshotResponse { snapshot })
    }

    pub(crate) async fn list_snapshots(
        &self,
        caller: Caller,
        asked: wire::ListSnapshotsRequest,
    ) -> Result<wire::ListSnapshotsResponse, Failed> {
        let id = convert::document_id(&asked.doc_id)?;
        self.visible(&caller, id).await?;
        let named = self.library.named_snapshots(id).await?;
        let snapshots = named.iter().map(convert::snapshot).collect();
        Ok(wire::ListSnapshotsResponse { snapshots })
    }

    pub(crate) async fn restore_version(
        &self,
        caller: Caller,
        asked: wire::RestoreVersionRequest,
    ) -> Result<wire::RestoreVersionResponse, Failed> {
        let id = convert::document_id(&asked.doc_id)?;
        let terms = Terms {
            operation_id: convert::operation_id(asked.operation_id.as_deref())?,
            ..Terms::default()
        };
        let change = Change::Restore(Version(asked.version));
        let edit = Edit::new(caller.author(), change).with_terms(terms);
        let accepted = self.submit(&caller, id, edit).await?;
        let applied = Some(convert::accepted(&accepted));
        Ok(wire::RestoreVersionResponse { applied })
    }

    pub(crate) async fn audit(
        &self,
        caller: Caller,
        asked: wire::GetAuditRequest,
    ) -> Result<wire::GetAuditResponse, Failed> {
        let id = convert::document_id(&asked.doc_id)?;
        self.visible(&caller, id).await?;
        let limit = page_size(asked.limit, PAGE_USUAL, PAGE_MAX);
        let after = Version(asked.from_version);
        let entries = self.library.audit_after(id, after, limit).await?;
        let entries = entries.iter().map(convert::audit_entry).collect();
        Ok(wire::GetAuditResponse { entries })
    }
}
