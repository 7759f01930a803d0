//! What ends a stream before its caller does.

use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::status::{unauthenticated, unavailable};

/// The stream's service stops, or its caller's session ends.
#[derive(Clone)]
pub(crate) struct Ending {
    stop: CancellationToken,
    session: CancellationToken,
}

impl Ending {
    pub(crate) fn new(stop: CancellationToken, session: CancellationToken) -> Self {
        Self { stop, session }
    }

    /// What to tell the caller, if it is over.
    pub(crate) fn reason(&self) -> Option<Status> {
        if self.stop.is_cancelled() {
            Some(unavailable("the service is shutting down"))
        } else if self.session.is_cancelled() {
            Some(unauthenticated("the session has ended"))
        } else {
            None
        }
    }

    /// Resolves when it is over.
    ///
    /// Cancel safety: safe.
    pub(crate) async fn comes(&self) {
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = self.session.cancelled() => {}
        }
    }
}
