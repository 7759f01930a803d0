//! Load, decide, store, announce: the asynchronous shell around [`decide`](crate::decide()).
//!
//! The loop of every change is in `execute`.

use std::collections::BTreeMap;
use std::sync::Arc;

use guuid::{Clock, Entropy, Generator};

use self::execute::{Outcome, session_error};
use crate::command::{Command, Connection};
use crate::error::{AccessError, InvalidField, LimitsError, OpenError, SessionError, StoreError};
use crate::event::{Announcer, CloseReason, EventKind, Events};
use crate::id::{ConnectionId, SessionId, UserId};
use crate::limits::Limits;
use crate::session::{Metadata, Record, Revision, Session, SessionState, Stats, expiry};
use crate::store::{Admission, Created, Filter, Page, SessionStore};
use crate::time::Timestamp;
use crate::token::{Nonce, Token};

mod execute;

/// Opens, checks, changes, lists and ends sessions.
///
/// All methods take `&self` and may run at once, here and in other processes on the same store. A
/// call that is dropped before it completes may have taken effect or not, and then announces
/// nothing.
pub struct Manager {
    pub(crate) store: Arc<dyn SessionStore>,
    generator: Generator<Arc<dyn Clock>, Arc<dyn Entropy>>,
    pub(crate) limits: Limits,
    pub(crate) announcer: Announcer,
}

/// Who opens a session, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenRequest {
    /// The user, authenticated by the caller.
    pub user_id: UserId,
    /// What to call the user on a screen.
    pub user_name: String,
    /// The connection, if there is one already: the session is then active at once.
    pub connection: Option<Connection>,
    /// What the application keeps with the session.
    pub metadata: Metadata,
}

impl OpenRequest {
    /// A session without connection and metadata, for a user who is called by their id.
    pub fn new(user_id: UserId) -> Self {
        let user_name = user_id.as_str().to_owned();
        Self {
            user_id,
            user_name,
            connection: None,
            metadata: Metadata::new(),
        }
    }
}

/// One page of sessions, as they look at the moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionPage {
    /// The sessions that have not expired.
    pub sessions: Vec<Session>,
    /// Where the next page begins; `None` when this was the last.
    pub next: Option<SessionId>,
}

impl Manager {
    /// A manager over a store.
    ///
    /// # Errors
    ///
    /// When the limits contradict each other.
    pub fn new(
        store: Arc<dyn SessionStore>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        limits: Limits,
    ) -> Result<Self, LimitsError> {
        limits.check()?;
        let announcer = Announcer::new(limits.events_max);
        let generator = Generator::new(clock, entropy);
        Ok(Self {
            store,
            generator,
            limits,
            announcer,
        })
    }

    /// The limits in force.
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Listens to what happens to sessions from now on, through this manager.
    pub fn events(&self) -> Events {
        self.announcer.listen()
    }

    /// Opens a session for a user whom the caller has authenticated, and gives the token for the
    /// client.
    ///
    /// At the limit of sessions per user it is refused, or the oldest one ends, by
    /// [`Limits::when_full`].
    ///
    /// # Errors
    ///
    /// See [`OpenError`].
    pub async fn open(&self, request: OpenRequest) -> Result<(Session, Token), OpenError> {
        self.check_request(&request)?;
        let now = self.now();
        let session_id = SessionId::mint(&request.user_id, self.generator.mint());
        let token = Token::mint(session_id, self.generator.entropy());
        let session = self.new_session(session_id, request, now);
        let record = Record {
            session,
            credential: token.credential(),
        };
        let admission = Admission {
            now,
            sessions_max: self.limits.sessions_per_user_max,
            when_full: self.limits.when_full,
        };
        match self
            .store
            .create(&record, admission)
            .await
            .map_err(OpenError::Store)?
        {
            Created::Full { live } => Err(OpenError::Full { live }),
            Created::Stored { evicted } => {
                for record in evicted {
                    self.announce_closed(record.session, CloseReason::Evicted);
                }
                self.announcer
                    .announce(&record.session, now, EventKind::Opened);
                Ok((record.session, token))
            }
        }
    }

    /// The live session that a token belongs to. Counts as activity, which extends the session.
    ///
    /// A rotated-away token ends the session, except the immediately previous one during
    /// [`Limits::rotation_grace`]; see [`crate::token`].
    ///
    /// # Errors
    ///
    /// See [`AccessError`].
    pub async fn authenticate(&self, token: &Token) -> Result<Session, AccessError> {
        let command = Command::Present {
            token: token.clone(),
        };
        match self.execute(token.session_id(), &command).await? {
            Outcome::Granted(session) | Outcome::Token(session, _) => Ok(session),
        }
    }

    /// Replaces a token by a new one. Counts as activity, which extends the session.
    ///
    /// Safe to repeat: with the immediately previous token, within [`Limits::rotation_grace`], it
    /// gives the same new token again.
    ///
    /// # Errors
    ///
    /// See [`AccessError`].
    pub async fn rotate(&self, token: &Token) -> Result<(Session, Token), AccessError> {
        let nonce = Nonce::mint(self.generator.entropy());
        let command = Command::Rotate {
            token: token.clone(),
            nonce,
        };
        match self.execute(token.session_id(), &command).await? {
            Outcome::Token(session, token) => Ok((session, token)),
            Outcome::Granted(session) => Ok((session, token.clone())),
        }
    }

    /// A session by its id, if it is alive: for checking that the session behind an access token
    /// still exists. Does not count as activity.
    ///
    /// # Errors
    ///
    /// [`SessionError::NotFound`] also when it has expired.
    pub async fn load(&self, session_id: SessionId) -> Result<Session, SessionError> {
        let now = self.now();
        match self.store.load(session_id).await {
            Ok(record) if record.session.is_expired(now) => Err(SessionError::NotFound),
            Ok(record) => Ok(record.session.as_of(now, &self.limits)),
            Err(StoreError::NotFound) => Err(SessionError::NotFound),
            Err(error) => Err(SessionError::Store(error)),
        }
    }

    /// Notes that the client is there, and what its connection carried since the last report: the
    /// heartbeat. Extends the session, unless it is disconnecting.
    ///
    /// Without a report, it writes at most once per [`Limits::touch_interval`]. A report whose
    /// answer was lost may have been counted; sending it again may count it twice.
    ///
    /// # Errors
    ///
    /// See [`SessionError`].
    pub async fn touch(
        &self,
        session_id: SessionId,
        report: Stats,
    ) -> Result<Session, SessionError> {
        self.change(session_id, Command::Touch { report }).await
    }

    /// Notes that the client is reached through another connection now. Counts as activity.
    ///
    /// # Errors
    ///
    /// See [`SessionError`].
    pub async fn attach(
        &self,
        session_id: SessionId,
        connection: Connection,
    ) -> Result<Session, SessionError> {
        self.change(session_id, Command::Attach { connection })
            .await
    }

    /// Notes that a connection is gone. The session becomes idle and may come back through another
    /// one. Does nothing when it already has.
    ///
    /// # Errors
    ///
    /// See [`SessionError`].
    pub async fn detach(
        &self,
        session_id: SessionId,
        connection_id: ConnectionId,
    ) -> Result<Session, SessionError> {
        self.change(session_id, Command::Detach { connection_id })
            .await
    }

    /// Sets metadata, and removes those whose value is `None`. Does not count as activity.
    ///
    /// # Errors
    ///
    /// See [`SessionError`].
    pub async fn describe(
        &self,
        session_id: SessionId,
        metadata: BTreeMap<String, Option<String>>,
    ) -> Result<Session, SessionError> {
        self.change(session_id, Command::Describe { metadata })
            .await
    }

    /// Begins to end a session: its tokens and new connections are refused, what is under way may
    /// finish, and after [`Limits::disconnect_grace`] it is swept.
    ///
    /// # Errors
    ///
    /// See [`SessionError`].
    pub async fn disconnect(&self, session_id: SessionId) -> Result<Session, SessionError> {
        self.change(session_id, Command::Disconnect).await
    }

    /// Ends a session at once, and answers with what it was.
    ///
    /// When this returns, its tokens work nowhere any more. Whoever [listens](Manager::events)
    /// learns it at the same moment.
    ///
    /// # Errors
    ///
    /// [`SessionError::NotFound`] when it had ended before; otherwise of the store.
    pub async fn revoke(
        &self,
        session_id: SessionId,
        reason: CloseReason,
    ) -> Result<Session, SessionError> {
        let removed = self.store.remove(session_id, None).await;
        removed
            .map(|record| self.announce_closed(record.session, reason))
            .map_err(session_error)
    }

    /// Ends all sessions of a user, except one if so wished ("log out everywhere else"), and
    /// answers with their number. A session that is opened while this runs may survive or not.
    ///
    /// # Errors
    ///
    /// Of the store. Those ended until then stay ended: repeat the call.
    pub async fn revoke_user(
        &self,
        user_id: &UserId,
        except: Option<SessionId>,
    ) -> Result<usize, StoreError> {
        let filter = Filter::User(user_id.clone());
        let mut page = Page::first(self.limits.page_max);
        let mut revoked = 0;
        loop {
            let listed = self.store.list(&filter, page).await?;
            let session_ids = listed
                .records
                .iter()
                .map(|record| record.session.session_id);
            for session_id in session_ids.filter(|session_id| Some(*session_id) != except) {
                match self.revoke(session_id, CloseReason::Revoked).await {
                    Ok(_) => revoked += 1,
                    Err(SessionError::Store(error)) => return Err(error),
                    Err(_) => {}
                }
            }
            if listed.next.is_none() {
                return Ok(revoked);
            }
            page.after = listed.next;
        }
    }

    /// A page of live sessions. `page.limit` is cut to [`Limits::page_max`]; a page may have fewer
    /// sessions than its limit although another one follows.
    ///
    /// # Errors
    ///
    /// Of the store.
    pub async fn list(&self, filter: &Filter, page: Page) -> Result<SessionPage, StoreError> {
        let now = self.now();
        let limit = page.limit.clamp(1, self.limits.page_max);
        let listed = self.store.list(filter, Page { limit, ..page }).await?;
        let sessions = listed.records.into_iter().map(|record| record.session);
        let live = sessions.filter(|session| !session.is_expired(now));
        Ok(SessionPage {
            sessions: live
                .map(|session| session.as_of(now, &self.limits))
                .collect(),
            next: listed.next,
        })
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_unix_ms(self.generator.clock().unix_ms())
    }

    pub(crate) fn announce_closed(&self, mut session: Session, reason: CloseReason) -> Session {
        self.announcer
            .announce(&session, self.now(), EventKind::Closed { reason });
        session.state = SessionState::Closed;
        session
    }

    fn check_request(&self, request: &OpenRequest) -> Result<(), InvalidField> {
        self.limits.check_user_name(&request.user_name)?;
        self.limits.check_metadata(&request.metadata)?;
        let server_addr = request
            .connection
            .as_ref()
            .and_then(|connection| connection.server_addr.as_deref());
        self.limits
            .check_server_addr(server_addr.unwrap_or_default())
    }

    fn new_session(&self, session_id: SessionId, request: OpenRequest, now: Timestamp) -> Session {
        let state = match request.connection {
            Some(_) => SessionState::Active,
            None => SessionState::Connecting,
        };
        let connection = request.connection.as_ref();
        Session {
            session_id,
            connection_id: connection.map(|connection| connection.connection_id),
            client_ip: connection.and_then(|connection| connection.client_ip),
            client_port: connection.and_then(|connection| connection.client_port),
            server_addr: request
                .connection
                .and_then(|connection| connection.server_addr),
            user_id: request.user_id,
            user_name: request.user_name,
            state,
            created_at: now,
            last_active_at: now,
            expires_at: expiry(now, now, &self.limits),
            metadata: request.metadata,
            stats: Stats::default(),
            revision: Revision::FIRST,
        }
    }
}

impl core::fmt::Debug for Manager {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter
            .debug_struct("Manager")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
