//! Few connections that everybody shares: a server answers in the order in which it was asked, so thousands
//! of questions may be on their way on one. A connection for each caller costs both sides a system call for
//! each question.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use deadpool_redis::{Connection, Manager, Pool, PoolError, Runtime};
use parking_lot::Mutex;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, RedisError};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout_at};

/// Between two looks at whether connections still work. One that a server has left behind is replaced
/// then, before somebody has to find out.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The server did not answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AskError {
    /// There is no connection.
    #[error("no connection to Redis")]
    Connect(#[source] PoolError),
    /// It took too long.
    #[error("Redis did not answer in {0:?}")]
    Silent(Duration),
    /// An answer that says no, or a connection that ended.
    #[error("Redis failed")]
    Redis(#[source] RedisError),
}

/// The connections. They are made again when they end, for as long as this is there.
pub(crate) struct Connections {
    shared: Arc<Shared>,
    looking: JoinHandle<()>,
}

struct Shared {
    pool: Pool,
    lanes: Box<[Lane]>,
    next: AtomicUsize,
    patience: Duration,
}

/// A place for one connection.
#[derive(Default)]
struct Lane {
    ready: Mutex<Option<Ready>>,
    /// One at a time makes a new one.
    connecting: tokio::sync::Mutex<()>,
}

struct Ready {
    connection: Connection,
    /// Which one it is, so that nobody who was too late takes away the next one.
    number: usize,
}

impl Connections {
    /// Connects to the server at `url` when it is first asked. Must be called within a tokio runtime.
    pub(crate) fn new(url: &str, count: usize, patience: Duration) -> Result<Self, RedisError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(patience))
            .set_response_timeout(Some(patience));
        let manager = Manager::new_with_config(url, config)?;
        let pool = Pool::builder(manager)
            .max_size(count)
            .runtime(Runtime::Tokio1)
            .build();
        let shared = Arc::new(Shared {
            // Only the lack of a runtime or of a manager is an error, and both are there.
            pool: pool.map_err(|error| RedisError::from(std::io::Error::other(error)))?,
            lanes: (0..count).map(|_| Lane::default()).collect(),
            next: AtomicUsize::new(0),
            patience,
        });
        let looking = tokio::spawn(look(Arc::clone(&shared)));
        Ok(Self { shared, looking })
    }

    /// Asks on one of the connections.
    pub(crate) async fn ask<Answer, Asking>(
        &self,
        question: impl FnOnce(MultiplexedConnection) -> Asking,
    ) -> Result<Answer, AskError>
    where
        Asking: Future<Output = Result<Answer, RedisError>>,
    {
        let place = self.shared.next.fetch_add(1, Ordering::Relaxed);
        let lane = &self.shared.lanes[place % self.shared.lanes.len()];
        self.shared.ask(lane, question).await
    }
}

impl Drop for Connections {
    fn drop(&mut self) {
        self.looking.abort();
    }
}

impl Shared {
    async fn ask<Answer, Asking>(
        &self,
        lane: &Lane,
        question: impl FnOnce(MultiplexedConnection) -> Asking,
    ) -> Result<Answer, AskError>
    where
        Asking: Future<Output = Result<Answer, RedisError>>,
    {
        let deadline = Instant::now() + self.patience;
        let silent = |_| AskError::Silent(self.patience);
        let connection = timeout_at(deadline, self.connection(lane)).await;
        let (connection, number) = connection.map_err(silent)??;
        let answer = match timeout_at(deadline, question(connection)).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => Err(AskError::Redis(error)),
            Err(elapsed) => Err(silent(elapsed)),
        };
        // The other end may be gone without a word.
        let is_of_no_use = match &answer {
            Err(AskError::Redis(error)) => error.is_unrecoverable_error() || error.is_timeout(),
            _ => true,
        };
        if is_of_no_use {
            lane.discard(number);
        }
        answer
    }

    async fn connection(&self, lane: &Lane) -> Result<(MultiplexedConnection, usize), AskError> {
        if let Some(ready) = lane.ready() {
            return Ok(ready);
        }
        let _alone = lane.connecting.lock().await;
        if let Some(ready) = lane.ready() {
            return Ok(ready);
        }
        let connection = self.pool.get().await.map_err(AskError::Connect)?;
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let shared = MultiplexedConnection::clone(&connection);
        *lane.ready.lock() = Some(Ready { connection, number });
        Ok((shared, number))
    }
}

impl Lane {
    fn ready(&self) -> Option<(MultiplexedConnection, usize)> {
        let ready = self.ready.lock();
        let ready = ready.as_ref()?;
        Some((
            MultiplexedConnection::clone(&ready.connection),
            ready.number,
        ))
    }

    /// Takes a connection away that is of no use.
    fn discard(&self, number: usize) {
        let mut ready = self.ready.lock();
        if ready.as_ref().is_some_and(|ready| ready.number == number)
            && let Some(ready) = ready.take()
        {
            // Out of the pool as well: it makes another one.
            drop(Connection::take(ready.connection));
        }
    }
}

async fn look(shared: Arc<Shared>) {
    loop {
        sleep(LOOK_EVERY).await;
        for lane in &shared.lanes {
            if lane.ready().is_none() {
                continue;
            }
            let ping = |mut connection| async move {
                let answer: Result<(), _> = redis::cmd("PING").query_async(&mut connection).await;
                answer
            };
            if let Err(error) = shared.ask(lane, ping).await {
                tracing::warn!(%error, "a connection to Redis has ended");
            }
        }
    }
}
