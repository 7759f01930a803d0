//! Sending hints.

use std::sync::Arc;
use std::time::Duration;

use guuid::Guuid;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, RedisError};
use statesync_core::{Bus, Hint};
use tokio::sync::mpsc;

use crate::hint::{Process, encode};
use crate::listen::Hints;

/// The channel of all hints: they are 32 bytes, and every process wants those of the documents that it
/// has open, which change all the time.
pub(crate) const CHANNEL: &str = "aetherflow:documents";

/// Hints that wait to be sent. More are left out: the documents that they are about are found by
/// polling.
const WAITING_MAX: usize = 4_096;

/// How long Redis may take for one hint.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// The bus cannot be used at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BusError {
    /// The address is not one of Redis.
    #[error("not the address of a Redis server")]
    Address(#[source] RedisError),
}

/// Sends hints to all other processes on the same Redis. Cloning gives another handle.
#[derive(Clone, Debug)]
pub struct RedisBus {
    waiting: mpsc::Sender<Hint>,
}

impl RedisBus {
    /// A bus over the Redis server at `url` (`redis://..`), and what others say on it. Must be called
    /// within a tokio runtime. Returns at once: the server is connected to in the background, again
    /// and again while it is away.
    ///
    /// # Errors
    ///
    /// [`BusError::Address`].
    pub fn start(url: &str) -> Result<(Self, Hints), BusError> {
        let client = Client::open(url).map_err(BusError::Address)?;
        let process = process();
        let (waiting, hints) = mpsc::channel(WAITING_MAX);
        tokio::spawn(send_all(client.clone(), process, hints));
        Ok((Self { waiting }, Hints::start(client, process)))
    }
}

impl Bus for RedisBus {
    fn announce(&self, hint: Hint) {
        // A full queue: Redis is away, or slower than the documents.
        let _ = self.waiting.try_send(hint);
    }
}

/// The random part of an id: no two processes have the same.
fn process() -> Process {
    let id = Guuid::now();
    let mut process = Process::default();
    process.copy_from_slice(&id.as_bytes()[8..]);
    process
}

/// Sends what is announced, until nobody can announce any more.
async fn send_all(client: Client, process: Process, mut hints: mpsc::Receiver<Hint>) {
    let config = ConnectionManagerConfig::new()
        .set_response_timeout(Some(ANSWER_TIMEOUT))
        .set_connection_timeout(Some(ANSWER_TIMEOUT));
    let mut connection: Option<ConnectionManager> = None;
    while let Some(hint) = hints.recv().await {
        if connection.is_none() {
            let connected = client
                .get_connection_manager_with_config(config.clone())
                .await;
            connection = connected.map_err(report).ok();
        }
        let Some(manager) = &mut connection else {
            continue;
        };
        let payload = encode(process, hint);
        let sent: Result<(), _> = redis::cmd("PUBLISH")
            .arg(CHANNEL)
            .arg(payload.as_slice())
            .query_async(manager)
            .await;
        drop(sent.map_err(report));
    }
}

fn report(error: RedisError) -> Arc<RedisError> {
    tracing::debug!(%error, "a hint was not sent");
    Arc::new(error)
}
