//! Ends what has outlived itself, a batch at a time.

use crate::command::Command;
use crate::decide::{Decision, decide};
use crate::error::StoreError;
use crate::event::CloseReason;
use crate::manager::Manager;
use crate::session::Record;

/// What a sweep did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Swept {
    /// Sessions ended.
    pub ended: usize,
    /// Whether there may be more: sweep again soon.
    pub more: bool,
}

impl Manager {
    /// Ends expired sessions, at most [`Limits::sweep_batch_max`](crate::Limits::sweep_batch_max)
    /// of them, and announces each.
    ///
    /// Call it every few seconds, and again at once while there is [more](Swept::more). Several
    /// processes may sweep the same store: each session is ended and announced by one of them. An
    /// expired session is refused everywhere whether it has been swept or not.
    ///
    /// # Errors
    ///
    /// Of the store. What was ended until then stays ended.
    pub async fn sweep(&self) -> Result<Swept, StoreError> {
        let batch_max = self.limits.sweep_batch_max;
        let now = self.now();
        let records = self.store.expired(now, batch_max).await?;
        let more = records.len() >= batch_max;
        let mut ended = 0;
        for record in records {
            if let Decision::Remove { reason } =
                decide(&record, &Command::Expire, now, &self.limits)
            {
                ended += usize::from(self.end_unless_changed(record, reason).await?);
            }
        }
        Ok(Swept { ended, more })
    }

    /// A session that somebody extended or ended meanwhile is left to them.
    async fn end_unless_changed(
        &self,
        record: Record,
        reason: CloseReason,
    ) -> Result<bool, StoreError> {
        let session = &record.session;
        match self
            .store
            .remove(session.session_id, Some(session.revision))
            .await
        {
            Ok(removed) => {
                self.announce_closed(removed.session, reason);
                Ok(true)
            }
            Err(StoreError::NotFound | StoreError::Conflict { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
