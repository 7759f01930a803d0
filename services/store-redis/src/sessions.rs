//! Sessions on Redis.
//!
//! A session is a hash, found by indexes of its place ([`session_core::SessionId`] says which); each change
//! is one script, so that indexes and records agree whoever dies when. What Redis forgets by itself, because
//! it was restarted or is short of memory, counts as ended: entries of indexes that lead nowhere are removed
//! by whoever meets them.

use std::num::NonZeroUsize;
use std::time::Duration;

use async_trait::async_trait;
use futures::future::try_join_all;
use redis::{RedisError, ScriptInvocation, ServerErrorKind};
use session_core::{
    Admission, ConnectionId, Created, Filter, Listed, Page, Record, Revision, SessionId,
    SessionStore, StoreError, Timestamp, WhenFull,
};

use crate::connections::{AskError, Connections};

mod key;
mod row;
mod script;

use key::{Place, Places};
use script::{Answer, Put, Scripts, number, unknown};

/// How sessions are kept on Redis.
#[derive(Clone, Debug)]
pub struct SessionOptions {
    url: String,
    connections: NonZeroUsize,
    patience: Duration,
}

impl SessionOptions {
    /// On the server at `url` (`redis://..`).
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            connections: CONNECTIONS,
            patience: PATIENCE,
        }
    }

    /// How many connections all callers share; two unless told. More of them help when a single one keeps a
    /// processor busy.
    #[must_use]
    pub fn connections(mut self, connections: NonZeroUsize) -> Self {
        self.connections = connections;
        self
    }

    /// How long the server may take to answer; two seconds unless told.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }
}

/// The sessions on a Redis cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionsError {
    /// The caller's fault: the address is not one of Redis.
    #[error("not the address of a Redis server")]
    Address(#[source] RedisError),
    /// Nobody's fault: the server does not answer. Try again.
    #[error("the sessions on Redis are not available")]
    Unavailable(#[source] StoreError),
    /// The operator's fault: the sessions there were written by a version that spreads them differently.
    #[error("the sessions on Redis are spread over {found} places, not {expected}")]
    Places {
        /// What the server says.
        found: String,
        /// What this version expects.
        expected: u16,
    },
}

/// Keeps sessions on Redis 6.2 or later, shared by any number of processes.
///
/// What it acknowledges lasts as long as what Redis acknowledges: configure `appendfsync` and
/// `maxmemory-policy noeviction` as sessions deserve.
pub struct RedisSessions {
    connections: Connections,
    scripts: Scripts,
}

impl RedisSessions {
    /// Connects to the server. Must be called within a tokio runtime.
    ///
    /// # Errors
    ///
    /// See [`SessionsError`].
    pub async fn connect(options: &SessionOptions) -> Result<Self, SessionsError> {
        let connections =
            Connections::new(&options.url, options.connections.get(), options.patience);
        let sessions = Self {
            connections: connections.map_err(SessionsError::Address)?,
            scripts: Scripts::new(),
        };
        let found = sessions.places_of_server().await;
        let found = found.map_err(SessionsError::Unavailable)?;
        if found == SPREAD.0.to_string() {
            return Ok(sessions);
        }
        let expected = SPREAD.0;
        Err(SessionsError::Places { found, expected })
    }

    /// How many places the server's sessions are spread over: as many as here if there were none before.
    async fn places_of_server(&self) -> Result<String, StoreError> {
        let asked = self.connections.ask(async |mut connection| {
            let mut question = redis::pipe();
            question
                .cmd("SET")
                .arg(key::PLACES)
                .arg(SPREAD.0)
                .arg("NX")
                .ignore();
            question.cmd("GET").arg(key::PLACES);
            let (found,): (String,) = question.query_async(&mut connection).await?;
            Ok(found)
        });
        asked.await.map_err(failed)
    }

    async fn run(&self, invocation: &ScriptInvocation<'_>) -> Result<Answer, StoreError> {
        let asked = self
            .connections
            .ask(async |mut connection| invocation.invoke_async(&mut connection).await);
        asked.await.map_err(failed)
    }

    /// Those of one index by id.
    async fn by_id(&self, place: Place, index: String, page: Page) -> Result<Listed, StoreError> {
        let mut invocation = self.scripts.by_id.key(index);
        invocation.arg(place.prefix());
        self.page(invocation, page).await
    }

    async fn page(
        &self,
        mut invocation: ScriptInvocation<'_>,
        page: Page,
    ) -> Result<Listed, StoreError> {
        invocation
            .arg(page.after.map(|id| id.to_string()).unwrap_or_default())
            .arg(page.limit);
        let answer = self.run(&invocation).await?;
        let (next, records) = answer.split_first().ok_or_else(|| unknown(&answer))?;
        let next = std::str::from_utf8(next)
            .ok()
            .filter(|next| !next.is_empty());
        let next = next.map(str::parse).transpose();
        Ok(Listed {
            records: records
                .iter()
                .map(|row| row::decode(row))
                .collect::<Result<_, _>>()?,
            next: next.map_err(|error| StoreError::Corrupt(Box::new(error)))?,
        })
    }

    /// All sessions, place by place. A page ends with its place.
    async fn walk(&self, page: Page) -> Result<Listed, StoreError> {
        let first = || SPREAD.all().next();
        let mut place = page.after.map(|id| SPREAD.of_session(id)).or_else(first);
        let mut after = page.after;
        while let Some(here) = place {
            let part = Page { after, ..page };
            let mut listed = self.by_id(here, here.all(), part).await?;
            if listed.next.is_some() {
                return Ok(listed);
            }
            if let Some(last) = listed.records.last() {
                listed.next = Some(last.session.session_id);
                return Ok(listed);
            }
            (place, after) = (here.next(SPREAD), None);
        }
        Ok(NOTHING)
    }

    /// A connection's sessions are usually those of one user, but may be anybody's.
    async fn of_connection(
        &self,
        connection: ConnectionId,
        page: Page,
    ) -> Result<Listed, StoreError> {
        let parts = SPREAD.all().map(|place| {
            let index = place.connection(connection);
            self.by_id(place, index, page)
        });
        let parts = try_join_all(parts).await?;
        let is_all = parts.iter().all(|part| part.next.is_none());
        let mut records: Vec<_> = parts.into_iter().flat_map(|part| part.records).collect();
        records.sort_by_key(|record| record.session.session_id);
        let is_whole = is_all && records.len() <= page.limit;
        records.truncate(page.limit);
        let last = records.last().map(|record| record.session.session_id);
        let next = if is_whole { None } else { last.or(page.after) };
        Ok(Listed { records, next })
    }

    /// The ids of the sessions of a place that expired first, with their expiry.
    async fn due(
        &self,
        place: Place,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<(SessionId, f64)>, StoreError> {
        let asked = self.connections.ask(async |mut connection| {
            let mut question = redis::cmd("ZRANGEBYSCORE");
            question
                .arg(place.expiry())
                .arg("-inf")
                .arg(before.unix_ms());
            question.arg("WITHSCORES").arg("LIMIT").arg(0).arg(limit);
            let found: Vec<(String, f64)> = question.query_async(&mut connection).await?;
            Ok(found)
        });
        let parsed = asked.await.map_err(failed)?.into_iter().map(|(id, score)| {
            let id = id.parse::<SessionId>();
            Ok((
                id.map_err(|error| StoreError::Corrupt(Box::new(error)))?,
                score,
            ))
        });
        parsed.collect()
    }

    /// The records of these ids that are there. The others are in no index any more.
    async fn records(&self, place: Place, ids: &[SessionId]) -> Result<Vec<Record>, StoreError> {
        let mut invocation = self.scripts.due.key(place.expiry());
        invocation.arg(place.prefix());
        for id in ids {
            invocation.arg(id.to_string());
        }
        let answer = self.run(&invocation).await?;
        answer.iter().map(|row| row::decode(row)).collect()
    }
}

const NOTHING: Listed = Listed {
    records: Vec::new(),
    next: None,
};

#[async_trait]
impl SessionStore for RedisSessions {
    async fn create(&self, record: &Record, admission: Admission) -> Result<Created, StoreError> {
        let id = record.session.session_id;
        let place = SPREAD.of_session(id);
        let put = Put::new(record, admission.now)?;
        let mut invocation = self.scripts.create.key(place.session(id));
        invocation
            .arg(place.prefix())
            .arg(id.to_string())
            .arg(admission.now.unix_ms())
            .arg(admission.sessions_max.get())
            .arg(match admission.when_full {
                WhenFull::EvictOldest => "evict",
                WhenFull::Reject => "reject",
            });
        put.add_to(&mut invocation);
        let answer = self.run(&invocation).await?;
        match answer.split_first() {
            Some((word, evicted)) if word == b"stored" => {
                let evicted = evicted.iter().map(|row| row::decode(row));
                let evicted = evicted.collect::<Result<_, _>>()?;
                Ok(Created::Stored { evicted })
            }
            Some((word, _)) if word == b"full" => Ok(Created::Full {
                live: u32::try_from(number(&answer)?).unwrap_or(u32::MAX),
            }),
            Some((word, _)) if word == b"taken" => Err(StoreError::Conflict {
                expected: Revision::NONE,
                actual: Revision::new(number(&answer)?),
            }),
            _ => Err(unknown(&answer)),
        }
    }

    async fn load(&self, session_id: SessionId) -> Result<Record, StoreError> {
        let key = SPREAD.of_session(session_id).session(session_id);
        let asked = self.connections.ask(async |mut connection| {
            let mut question = redis::cmd("HGET");
            question.arg(key).arg("record");
            let row: Option<Vec<u8>> = question.query_async(&mut connection).await?;
            Ok(row)
        });
        let row = asked.await.map_err(failed)?.ok_or(StoreError::NotFound)?;
        row::decode_of(session_id, &row)
    }

    async fn replace_if(&self, record: &Record, expected: Revision) -> Result<(), StoreError> {
        let id = record.session.session_id;
        let place = SPREAD.of_session(id);
        // No later than now, so that it is kept for long enough.
        let put = Put::new(record, record.session.last_active_at)?;
        let mut invocation = self.scripts.replace.key(place.session(id));
        invocation
            .arg(place.prefix())
            .arg(id.to_string())
            .arg(expected.number());
        put.add_to(&mut invocation);
        let answer = self.run(&invocation).await?;
        done(&answer, Some(expected)).map(drop)
    }

    async fn remove(
        &self,
        session_id: SessionId,
        expected: Option<Revision>,
    ) -> Result<Record, StoreError> {
        let place = SPREAD.of_session(session_id);
        let mut invocation = self.scripts.remove.key(place.session(session_id));
        let revision = expected.map(|expected| expected.number().to_string());
        invocation
            .arg(place.prefix())
            .arg(session_id.to_string())
            .arg(revision.unwrap_or_default());
        let answer = self.run(&invocation).await?;
        let row = done(&answer, expected)?.ok_or_else(|| unknown(&answer))?;
        row::decode_of(session_id, row)
    }

    async fn list(&self, filter: &Filter, page: Page) -> Result<Listed, StoreError> {
        match filter {
            Filter::All => self.walk(page).await,
            Filter::User(user) => {
                let place = SPREAD.of_user(user);
                let mut invocation = self.scripts.of_user.key(place.user(user));
                invocation.arg(place.prefix());
                self.page(invocation, page).await
            }
            Filter::Connection(connection) => self.of_connection(*connection, page).await,
        }
    }

    async fn expired(&self, before: Timestamp, limit: usize) -> Result<Vec<Record>, StoreError> {
        loop {
            let due = SPREAD.all().map(|place| self.due(place, before, limit));
            let mut due = try_join_all(due).await?.concat();
            due.sort_by(|one, other| (one.1.total_cmp(&other.1)).then(one.0.cmp(&other.0)));
            due.truncate(limit);
            let records = SPREAD.all().filter_map(|place| {
                let here =
                    |(id, _): &(SessionId, f64)| (SPREAD.of_session(*id) == place).then_some(*id);
                let ids: Vec<_> = due.iter().filter_map(here).collect();
                (!ids.is_empty()).then_some((place, ids))
            });
            let records =
                records.map(|(place, ids)| async move { self.records(place, &ids).await });
            let mut records = try_join_all(records).await?.concat();
            let some_are_gone = records.len() < due.len();
            // Somebody may have extended one in between.
            records.retain(|record| record.session.expires_at <= before);
            records.sort_by_key(|record| (record.session.expires_at, record.session.session_id));
            // Those that are gone are in no index any more: the next look finds others.
            if !records.is_empty() || !some_are_gone {
                return Ok(records);
            }
        }
    }
}

/// What belongs to a change that was made.
fn done(answer: &Answer, expected: Option<Revision>) -> Result<Option<&Vec<u8>>, StoreError> {
    match answer.first().map(Vec::as_slice) {
        Some(b"done") => Ok(answer.get(1)),
        Some(b"missing") => Err(StoreError::NotFound),
        Some(b"conflict") => Err(StoreError::Conflict {
            expected: expected.unwrap_or(Revision::NONE),
            actual: Revision::new(number(answer)?),
        }),
        _ => Err(unknown(answer)),
    }
}

/// Whose fault it is.
fn failed(error: AskError) -> StoreError {
    let AskError::Redis(cause) = &error else {
        return StoreError::Unavailable(Box::new(error));
    };
    let is_away = cause.is_io_error()
        || cause.is_timeout()
        || cause.is_connection_dropped()
        || cause.is_cluster_error()
        || UNAVAILABLE
            .iter()
            .any(|kind| cause.kind() == (*kind).into())
        || cause.code() == Some("OOM");
    if is_away {
        StoreError::Unavailable(Box::new(error))
    } else {
        StoreError::Backend(Box::new(error))
    }
}

/// Errors of a server that can be another one in a moment.
const UNAVAILABLE: [ServerErrorKind; 5] = [
    ServerErrorKind::BusyLoading,
    ServerErrorKind::TryAgain,
    ServerErrorKind::ClusterDown,
    ServerErrorKind::MasterDown,
    ServerErrorKind::ReadOnly,
];

const CONNECTIONS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(1);

const PATIENCE: Duration = Duration::from_secs(2);

/// Few, so that what concerns all of them is little work; enough for as many nodes of a cluster. It cannot
/// be changed while there are sessions.
const SPREAD: Places = Places(16);
