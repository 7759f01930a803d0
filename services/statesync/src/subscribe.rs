//! Subscriptions: everything that happens to a document after a version.
//!
//! A subscriber comes in first and reads the log then, so that nothing lies between the two; what both
//! tell is told once, by its version. Nothing is taken before the client's connection has place for it: a
//! slow client costs its place in the hub, and when it falls behind what the hub keeps, it is told the
//! content instead.

mod event;
mod frame;
mod reader;

use std::collections::HashMap;
use std::sync::Arc;

use aetherflow_api::statesync::v1 as wire;
use futures::{Stream, stream};
use guuid::Guuid;
use parking_lot::Mutex;
use statesync_core::{DocumentId, HistoryError, Version};
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::auth::Caller;
use crate::convert;
use crate::desk::Desk;
use crate::ending::Ending;
use crate::status::{Failed, not_found};
use reader::{Kept, Reader};

pub(crate) use frame::{Frame, FrameCodec};

/// The subscriptions of this process, so that they can be ended by name.
#[derive(Clone, Default)]
pub(crate) struct Subscriptions(Arc<Mutex<HashMap<Guuid, Entry>>>);

struct Entry {
    document: DocumentId,
    caller: Caller,
    end: CancellationToken,
}

/// A subscription's place in the list, for as long as it lasts.
struct Listed {
    id: Guuid,
    end: CancellationToken,
    list: Subscriptions,
}

impl Subscriptions {
    fn enter(&self, document: DocumentId, caller: Caller) -> Listed {
        let id = Guuid::now();
        let end = CancellationToken::new();
        let entry = Entry {
            document,
            caller,
            end: end.clone(),
        };
        self.0.lock().insert(id, entry);
        let list = self.clone();
        Listed { id, end, list }
    }

    /// Ends a subscription of this user; whether there is such.
    fn end(&self, id: Guuid, document: DocumentId, caller: &Caller) -> bool {
        let entries = self.0.lock();
        let entry = entries
            .get(&id)
            .filter(|entry| entry.document == document && entry.caller.user_id == caller.user_id);
        if let Some(entry) = entry {
            entry.end.cancel();
        }
        entry.is_some()
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.list.0.lock().remove(&self.id);
    }
}

impl Desk {
    pub(crate) async fn unsubscribe(
        &self,
        caller: Caller,
        asked: wire::UnsubscribeDocumentRequest,
    ) -> Result<wire::UnsubscribeDocumentResponse, Failed> {
        let document = convert::document_id(&asked.doc_id)?;
        let id = convert::guuid("subscription_id", &asked.subscription_id)?;
        self.visible(&caller, document).await?;
        if self.subscriptions.end(id, document, &caller) {
            return Ok(wire::UnsubscribeDocumentResponse {});
        }
        Err(not_found("subscription", &asked.subscription_id).into())
    }
}

/// The events of one subscription, as they are sent.
pub(crate) async fn subscribe(
    desk: Arc<Desk>,
    caller: Caller,
    asked: wire::SubscribeDocumentRequest,
    ending: Ending,
    place: OwnedSemaphorePermit,
) -> Result<impl Stream<Item = Result<Frame, Status>> + use<>, Failed> {
    let id = convert::document_id(&asked.doc_id)?;
    let open = desk.open(&caller, id).await?;
    let subscription = open.subscribe(caller.participant(asked.user_name))?;
    let mut current = open.document().version;
    let from = asked.from_version.map(Version);
    if from.is_some_and(|from| from > current) {
        // Another process may have told them of it, before this one has heard.
        current = open.newest().await?;
    }
    if let Some(wanted) = from.filter(|from| *from > current) {
        return Err(HistoryError::NotYet { wanted, current }.into());
    }
    let kept = Kept {
        listed: desk.subscriptions.enter(id, caller.clone()),
        ending,
        _place: place,
    };
    let mut reader = Reader::new(desk, caller, subscription, from, kept);
    reader.begin().await?;
    Ok(stream::try_unfold(reader, |mut reader| async move {
        let frame = reader.next().await.map_err(|Failed(status)| status)?;
        Ok(frame.map(|frame| (frame, reader)))
    }))
}
