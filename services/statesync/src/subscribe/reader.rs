//! One subscriber: what they have been told, and what they are told next.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use aetherflow_api::statesync::v1 as wire;
use futures::FutureExt;
use guuid::{Clock, SystemClock};
use statesync_core::{
    Batch, Closed, Conflict, DocumentId, DocumentState, HistoryError, Lock, Record, Subscription,
    Version,
};
use tokio::sync::OwnedSemaphorePermit;
use wire::document_event::Event;

use super::Listed;
use super::event::{self, Item};
use super::frame::Frame;
use crate::auth::Caller;
use crate::desk::Desk;
use crate::documents::present_content;
use crate::ending::Ending;
use crate::status::{Failed, forbidden, no_document, unavailable};

/// Records that are read from the log at a time.
const PORTION: usize = 256;

/// Bytes of news that are taken from the hub at a time. What a slow client has not taken yet waits there,
/// once for all; this much is kept for it alone.
const NEWS_BYTES: usize = 64 * 1024;

/// Shortest time after which locks are looked at for leases that ran out.
const LOOK_AFTER: Duration = Duration::from_millis(50);

/// What a subscription keeps for as long as it lasts.
pub(super) struct Kept {
    pub(super) listed: Listed,
    pub(super) ending: Ending,
    pub(super) _place: OwnedSemaphorePermit,
}

pub(super) struct Reader {
    desk: Arc<Desk>,
    caller: Caller,
    id: DocumentId,
    subscription: Subscription,
    kept: Kept,
    /// Everything up to this version is told, or waits.
    known: Version,
    /// Whether there may be more in the log than the hub will tell.
    is_behind: bool,
    /// Whether the content is to be told before anything else.
    needs_content: bool,
    waiting: VecDeque<Item>,
    locks: Vec<Lock>,
    /// Why nothing follows.
    closed: Option<Closed>,
}

impl Reader {
    pub(super) fn new(
        desk: Arc<Desk>,
        caller: Caller,
        subscription: Subscription,
        from: Option<Version>,
        kept: Kept,
    ) -> Self {
        Self {
            id: subscription.document().id(),
            desk,
            caller,
            subscription,
            kept,
            known: from.unwrap_or_default(),
            is_behind: from.is_some(),
            needs_content: from.is_none(),
            waiting: VecDeque::new(),
            locks: Vec::new(),
            closed: None,
        }
    }

    /// Tells how things are now.
    pub(super) async fn begin(&mut self) -> Result<(), Failed> {
        self.locks = self.desk.library.locks(self.id).await?;
        self.tell_present();
        Ok(())
    }

    fn tell_present(&mut self) {
        let open = self.subscription.document();
        let name = self.kept.listed.id.to_string();
        let present = event::present(name, &open.document(), &open.participants(), &self.locks);
        self.tell(present);
    }

    fn tell(&mut self, event: Event) {
        let item = Item::Other(self.known, Box::new(event));
        self.waiting.push_back(item);
    }

    /// The next event, as soon as there is one; `None` when the subscriber has left.
    pub(super) async fn next(&mut self) -> Result<Option<Frame>, Failed> {
        loop {
            if self.kept.listed.end.is_cancelled() {
                return Ok(None);
            }
            if let Some(reason) = self.kept.ending.reason() {
                return Err(reason.into());
            }
            self.check_permission()?;
            if let Some(item) = self.waiting.pop_front() {
                if let Some(frame) = self.frame(item).await? {
                    return Ok(Some(frame));
                }
            } else if self.needs_content {
                self.tell_content().await?;
            } else if self.is_behind {
                self.read_log().await?;
            } else if let Some(reason) = &self.closed {
                tracing::info!(document = %self.id, ?reason, "a subscription ends");
                return Err(unavailable("the document was closed: come back").into());
            } else {
                self.wait().await?;
            }
        }
    }

    /// Cuts off whoever may not read the document any more.
    fn check_permission(&self) -> Result<(), Failed> {
        let document = self.subscription.document().document();
        if document.state == DocumentState::Deleted {
            return Err(no_document(self.id).into());
        }
        let permissions = &document.metadata.permissions;
        if permissions.role_of(&self.caller.user_id).is_none() {
            return Err(forbidden("the right to read was taken away").into());
        }
        Ok(())
    }

    /// The first event of what waits; those that follow from it wait in front of everything else.
    async fn frame(&mut self, item: Item) -> Result<Option<Frame>, Failed> {
        let (version, events, first) = match item {
            Item::Other(version, event) => (version, vec![*event], None),
            Item::News(news) => {
                let first = Frame::of_news(self.id, &news);
                let events = event::of_conflicts(&news.record, &news.conflicts);
                (news.record.version, events, Some(first))
            }
            Item::Logged(record) => {
                let conflicts = self.conflicts_of(&record).await?;
                let mut events = vec![event::of_record(self.id, &record)];
                events.extend(event::of_conflicts(&record, &conflicts));
                (record.version, events, None)
            }
        };
        let mut events = events.into_iter();
        let first = first.or_else(|| {
            let event = wire::DocumentEvent {
                doc_id: self.id.to_string(),
                version: version.0,
                event: Some(events.next()?),
            };
            Some(Frame::Own(Box::new(event)))
        });
        for event in events.rev() {
            let item = Item::Other(version, Box::new(event));
            self.waiting.push_front(item);
        }
        Ok(first)
    }

    async fn conflicts_of(&self, record: &Record) -> Result<Vec<Arc<Conflict>>, Failed> {
        let Some(conflict) = record.conflict else {
            return Ok(Vec::new());
        };
        let found = self.desk.library.conflict(self.id, conflict).await?;
        Ok(found.map(Arc::new).into_iter().collect())
    }

    /// Tells all of the content, in place of what led to it.
    async fn tell_content(&mut self) -> Result<(), Failed> {
        let content = present_content(self.subscription.document(), true).await?;
        self.known = Version(content.version);
        (self.needs_content, self.is_behind) = (false, false);
        self.tell(Event::Resync(content));
        Ok(())
    }

    /// Reads a portion of the log. Only what is in the hub's present too follows the last one.
    async fn read_log(&mut self) -> Result<(), Failed> {
        let library = &self.desk.library;
        match library.records_after(self.id, self.known, PORTION).await {
            Ok(records) => {
                self.is_behind = records.len() == PORTION;
                for record in records {
                    self.known = record.version;
                    self.waiting.push_back(Item::Logged(record));
                }
            }
            Err(HistoryError::Gone { .. }) => self.needs_content = true,
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Waits for news.
    async fn wait(&mut self) -> Result<(), Failed> {
        let locks_change = match self.next_expiry() {
            Some(after) => tokio::time::sleep(after).right_future(),
            None => std::future::pending().left_future(),
        };
        tokio::select! {
            biased;
            () = self.kept.listed.end.cancelled() => {}
            () = self.kept.ending.comes() => {}
            batch = self.subscription.next_portion(NEWS_BYTES) => self.take(batch),
            () = locks_change => {
                let locks = self.desk.library.locks(self.id).await?;
                self.tell_locks(locks);
            }
        }
        Ok(())
    }

    /// When to look whether a lease ran out: nobody else says so.
    fn next_expiry(&self) -> Option<Duration> {
        let first = self.locks.iter().map(|lock| lock.expires_at.0).min()?;
        let left = first.saturating_sub(SystemClock.unix_ms());
        Some(Duration::from_millis(left).max(LOOK_AFTER))
    }

    fn tell_locks(&mut self, locks: Vec<Lock>) {
        for event in event::of_locks(&self.locks, &locks) {
            self.tell(event);
        }
        self.locks = locks;
    }

    fn take(&mut self, batch: Batch) {
        self.closed = batch.closed;
        self.needs_content |= batch.resync;
        if !self.needs_content {
            self.take_news(batch.records);
        }
        for change in &batch.attendance {
            self.tell(event::attendance(change));
        }
        if let Some(locks) = batch.locks {
            self.tell_locks(locks.to_vec());
        }
        if batch.attendance_lost {
            self.tell_present();
        }
        if let Some(document) = batch.document {
            let shown = self.desk.shown(&document);
            self.tell(Event::DocumentUpdated(shown));
        }
    }

    /// What is not known yet. If something lies between, the log has it.
    fn take_news(&mut self, news: Vec<Arc<statesync_core::News>>) {
        for item in news {
            let version = item.record.version;
            if version <= self.known {
                continue;
            }
            if version != self.known.next() {
                self.is_behind = true;
                return;
            }
            self.known = version;
            self.waiting.push_back(Item::News(item));
        }
    }
}
