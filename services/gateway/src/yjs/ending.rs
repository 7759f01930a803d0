//! How a connection ends: a close frame that the client gets to read, or silence.

use std::time::Duration;

use axum::extract::ws::{Message, WebSocket};
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt, StreamExt};
use tokio::time::timeout;

use super::close::Close;

/// How long a client may take to read what is sent.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a client may take to answer a close frame.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// How a connection ends.
pub(crate) enum End {
    /// We close it, for this reason.
    Close(Close),
    /// It is gone.
    Gone,
}

impl From<Close> for End {
    fn from(close: Close) -> Self {
        Self::Close(close)
    }
}

/// Waits for a write, as long as a client may take to read.
pub(super) async fn in_time(
    write: impl Future<Output = Result<(), axum::Error>>,
) -> Result<(), End> {
    match timeout(WRITE_TIMEOUT, write).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(End::Gone),
    }
}

/// Closes the socket of a client that was let in.
pub(super) async fn end(
    sender: &mut SplitSink<WebSocket, Message>,
    receiver: &mut SplitStream<WebSocket>,
    close: Close,
) {
    tracing::debug!(code = close.code, reason = %close.reason, "socket closed");
    metrics::counter!("gateway_closed_total", "code" => close.code.to_string()).increment(1);
    let sent = sender.send(Message::Close(Some(close.frame())));
    if timeout(CLOSE_TIMEOUT, sent).await.is_ok() {
        drain(receiver).await;
    }
}

/// Closes a socket whose client was not let in.
pub(crate) async fn refuse(socket: WebSocket, close: Close) {
    let (mut sender, mut receiver) = socket.split();
    end(&mut sender, &mut receiver, close).await;
}

/// Reads on for a moment and forgets it, so that the client gets to read our close frame: a
/// socket that is dropped with bytes unread is reset, and the frame may be lost with it.
async fn drain(receiver: &mut SplitStream<WebSocket>) {
    let answered = async { while let Some(Ok(_)) = receiver.next().await {} };
    if timeout(CLOSE_TIMEOUT, answered).await.is_err() {
        tracing::debug!("the client did not answer the close frame");
    }
}

/// Tells a client that broke the framing rules from one that is gone.
pub(super) fn read_failed(error: &axum::Error) -> End {
    let causes = std::iter::successors(std::error::Error::source(error), |error| error.source());
    let cause = causes
        .filter_map(|cause| cause.downcast_ref::<tungstenite::Error>())
        .next();
    match cause {
        Some(tungstenite::Error::Capacity(_)) => {
            Close::new(Close::TOO_LARGE, "the frame is too large").into()
        }
        Some(tungstenite::Error::Protocol(error)) => {
            Close::new(Close::MALFORMED, error.to_string()).into()
        }
        Some(tungstenite::Error::Utf8(_)) => {
            Close::new(Close::MALFORMED, "frames are binary").into()
        }
        _ => End::Gone,
    }
}
