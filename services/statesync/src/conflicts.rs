//! Conflicts: listed and settled. And figures, for which they are counted.

use std::sync::atomic::Ordering;

use aetherflow_api::statesync::v1 as wire;
use statesync_core::{Change, ConflictId, ConflictQuery, Edit, Resolution, Terms};

use crate::auth::Caller;
use crate::convert;
use crate::desk::Desk;
use crate::documents::page_size;
use crate::status::{Failed, invalid, not_found};

const PAGE_MAX: usize = 200;
const PAGE_USUAL: usize = 50;

/// Open conflicts that are counted: as many as a document may have.
const COUNTED_MAX: usize = 256;

impl Desk {
    pub(crate) async fn list_conflicts(
        &self,
        caller: Caller,
        asked: wire::ListConflictsRequest,
    ) -> Result<wire::ListConflictsResponse, Failed> {
        let document_id = convert::document_id(&asked.doc_id)?;
        let after = match asked.page_token.as_str() {
            "" => None,
            token => Some(ConflictId(convert::guuid("page_token", token)?)),
        };
        let open = convert::conflict_state(asked.state)?;
        self.visible(&caller, document_id).await?;
        let limit = page_size(asked.page_size, PAGE_USUAL, PAGE_MAX);
        let query = ConflictQuery {
            document_id,
            open,
            after,
            limit,
        };
        let conflicts = self.library.conflicts(query).await?;
        let last = conflicts.last().filter(|_| conflicts.len() == limit);
        let next = last.map(|conflict| conflict.id.to_string());
        Ok(wire::ListConflictsResponse {
            conflicts: conflicts.iter().map(convert::conflict).collect(),
            next_page_token: next.unwrap_or_default(),
        })
    }

    pub(crate) async fn resolve_conflict(
        &self,
        caller: Caller,
        asked: wire::ResolveConflictRequest,
    ) -> Result<wire::ResolveConflictResponse, Failed> {
        let id = convert::document_id(&asked.doc_id)?;
        let missing = || invalid("resolution", "nothing is decided");
        let resolution = asked.resolution.ok_or_else(missing)?;
        let conflict = convert::conflict_id(&resolution.conflict_id)?;
        let choice = convert::choice(resolution.choice)?;
        let terms = Terms {
            operation_id: convert::operation_id(asked.operation_id.as_deref())?,
            ..Terms::default()
        };
        self.visible(&caller, id).await?;
        if self.library.conflict(id, conflict).await?.is_none() {
            return Err(not_found("conflict", &conflict.to_string()).into());
        }
        let change = Change::Resolve(Resolution { conflict, choice });
        let edit = Edit::new(caller.author(), change).with_terms(terms);
        let accepted = self.submit(&caller, id, edit).await?;
        let settled = self.library.conflict(id, conflict).await?;
        Ok(wire::ResolveConflictResponse {
            applied: Some(convert::accepted(&accepted)),
            conflict: settled.as_ref().map(convert::conflict),
        })
    }

    pub(crate) async fn stats(
        &self,
        caller: Caller,
        asked: wire::GetStatsRequest,
        streams: usize,
    ) -> Result<wire::GetStatsResponse, Failed> {
        let document = if asked.doc_id.is_empty() {
            None
        } else {
            Some(self.document_stats(&caller, &asked.doc_id).await?)
        };
        let statistics = self.library.statistics();
        Ok(wire::GetStatsResponse {
            open_documents: statistics.open_documents as u64,
            memory_bytes: statistics.memory_bytes as u64,
            subscriptions: streams as u64,
            operations: self.operations.load(Ordering::Relaxed),
            conflicts: self.conflicts.load(Ordering::Relaxed),
            document,
        })
    }

    async fn document_stats(
        &self,
        caller: &Caller,
        doc_id: &str,
    ) -> Result<wire::DocumentStats, Failed> {
        let id = convert::document_id(doc_id)?;
        let (document, _) = self.visible(caller, id).await?;
        let query = ConflictQuery {
            document_id: id,
            open: Some(true),
            after: None,
            limit: COUNTED_MAX,
        };
        let active = self.library.opened(id);
        let active = active.map_or(0, |open| open.participants().len());
        Ok(wire::DocumentStats {
            doc_id: id.to_string(),
            version: document.version.0,
            active_users: active as u64,
            open_conflicts: self.library.conflicts(query).await?.len() as u64,
            locks: self.library.locks(id).await?.len() as u64,
        })
    }
}
