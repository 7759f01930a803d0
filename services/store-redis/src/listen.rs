//! Hearing hints.

use std::time::Duration;

use futures::StreamExt;
use redis::{Client, RedisError};
use statesync_core::Hint;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::bus::CHANNEL;
use crate::hint::{Process, decode};

/// Hints that were heard and not taken. More are left out.
const HEARD_MAX: usize = 4_096;

/// Between two attempts to reach a server that is away.
const AGAIN_AFTER: Duration = Duration::from_millis(500);

/// What other processes say. Dropping it ends the listening.
#[derive(Debug)]
pub struct Hints {
    heard: mpsc::Receiver<Hint>,
    listening: JoinHandle<()>,
}

impl Hints {
    pub(crate) fn start(client: Client, own: Process) -> Self {
        let (tell, heard) = mpsc::channel(HEARD_MAX);
        let listening = tokio::spawn(listen(client, own, tell));
        Self { heard, listening }
    }

    /// The next hint of another process; `None` when there will be no more.
    ///
    /// Cancel safety: safe; no hint is lost.
    pub async fn next(&mut self) -> Option<Hint> {
        self.heard.recv().await
    }
}

impl Drop for Hints {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn listen(client: Client, own: Process, tell: mpsc::Sender<Hint>) {
    loop {
        if let Err(error) = listen_once(&client, own, &tell).await {
            tracing::debug!(%error, "no hints from other processes");
        }
        sleep(AGAIN_AFTER).await;
    }
}

/// Hears hints until the connection ends.
async fn listen_once(
    client: &Client,
    own: Process,
    tell: &mpsc::Sender<Hint>,
) -> Result<(), RedisError> {
    let mut subscription = client.get_async_pubsub().await?;
    subscription.subscribe(CHANNEL).await?;
    tracing::debug!("hints of other processes are heard");
    let mut messages = subscription.into_on_message();
    while let Some(message) = messages.next().await {
        if let Some(hint) = decode(own, message.get_payload_bytes()) {
            // A full queue: the next look into the store finds it.
            let _ = tell.try_send(hint);
        }
    }
    Ok(())
}
