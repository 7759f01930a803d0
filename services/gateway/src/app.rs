//! What every request handler can reach.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use guuid::Clock;
use metrics_exporter_prometheus::PrometheusHandle;
use session_core::{EventKind, Events, Manager, Notice, SessionError, SessionId, Stats};
use statesync_core::Library;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use crate::auth::{AccessTokens, Principal};
use crate::callers::SessionEnds;
use crate::limits::{AddressLimiter, Limits};
use crate::origin::AllowedOrigins;
use crate::problem::Problem;
use crate::sockets::Sockets;

/// What a gateway is made of.
pub struct Parts {
    /// The documents.
    pub library: Arc<Library>,
    /// The sessions.
    pub sessions: Arc<Manager>,
    /// Makes and checks access tokens.
    pub tokens: AccessTokens,
    /// Time, for tokens.
    pub clock: Arc<dyn Clock + Send + Sync>,
    /// Web pages that may call.
    pub allowed_origins: AllowedOrigins,
    /// Whether anybody on this machine may log in with a name alone.
    pub development_login: bool,
    /// The bounds.
    pub limits: Limits,
    /// Where `/metrics` reads from.
    pub metrics: PrometheusHandle,
}

/// The shared state of all requests.
pub(crate) struct App {
    pub(crate) library: Arc<Library>,
    pub(crate) sessions: Arc<Manager>,
    pub(crate) tokens: AccessTokens,
    pub(crate) clock: Arc<dyn Clock + Send + Sync>,
    pub(crate) allowed_origins: AllowedOrigins,
    pub(crate) development_login: bool,
    pub(crate) limits: Limits,
    pub(crate) metrics: PrometheusHandle,
    pub(crate) addresses: AddressLimiter,
    pub(crate) sockets: Arc<Sockets>,
    pub(crate) session_ends: SessionEnds,
    pub(crate) refusals: Arc<Semaphore>,
    /// The tasks of sockets, which are let end before the service does.
    pub(crate) tasks: TaskTracker,
    draining: AtomicBool,
}

impl App {
    pub(crate) fn new(parts: Parts, tasks: TaskTracker) -> Self {
        Self {
            library: parts.library,
            sessions: parts.sessions,
            tokens: parts.tokens,
            clock: parts.clock,
            allowed_origins: parts.allowed_origins,
            development_login: parts.development_login,
            metrics: parts.metrics,
            addresses: AddressLimiter::new(&parts.limits),
            sockets: Arc::default(),
            session_ends: SessionEnds::default(),
            refusals: Arc::new(Semaphore::new(parts.limits.refusals_max)),
            tasks,
            draining: AtomicBool::new(false),
            limits: parts.limits,
        }
    }

    /// Who an access token speaks for, if its session is alive.
    pub(crate) async fn authenticate(&self, token: &str) -> Result<Principal, Problem> {
        let principal = self.speaker(token)?;
        self.require_session(&principal).await?;
        Ok(principal)
    }

    /// Who an access token speaks for, whether or not its session is alive.
    pub(crate) fn speaker(&self, token: &str) -> Result<Principal, Problem> {
        self.tokens.verify(token).ok_or_else(|| {
            Problem::unauthenticated("the access token is not valid, or not any more")
        })
    }

    /// Refuses whoever speaks for a session that has ended, or for somebody else's.
    pub(crate) async fn require_session(&self, principal: &Principal) -> Result<(), Problem> {
        let session = self.sessions.load(principal.session_id).await?;
        if session.user_id.as_str() == principal.user_id.as_str() {
            return Ok(());
        }
        Err(Problem::unauthenticated(
            "the access token names another user's session",
        ))
    }

    /// Ends everything that goes on in a session.
    fn end_session(&self, session_id: SessionId) {
        self.sockets.end_session(session_id);
        self.session_ends.end(session_id);
    }

    /// Keeps a session alive while its socket is in use; ends its sockets when it is over.
    pub(crate) async fn touch_session(&self, session_id: SessionId) {
        match self.sessions.touch(session_id, Stats::default()).await {
            Err(SessionError::NotFound | SessionError::Disconnecting) => {
                self.end_session(session_id);
            }
            Err(error) => tracing::warn!(%error, "a session could not be extended"),
            Ok(_) => {}
        }
    }

    /// Ends what goes on in sessions that end. Runs until the session manager is gone.
    pub(crate) async fn follow_sessions(self: Arc<Self>, mut events: Events) {
        while let Some(notice) = events.next().await {
            match notice {
                Notice::Event(event) => {
                    if let EventKind::Closed { .. } | EventKind::Disconnecting = event.kind {
                        self.end_session(event.session_id);
                    }
                }
                Notice::Missed(_) => self.recheck_sessions().await,
            }
        }
    }

    /// Looks up every session in which something goes on: for when an event may have been missed.
    async fn recheck_sessions(&self) {
        let with_callers = self.session_ends.sessions();
        for session_id in self.sockets.sessions().into_iter().chain(with_callers) {
            if let Err(SessionError::NotFound) = self.sessions.load(session_id).await {
                self.end_session(session_id);
            }
        }
    }

    /// Puts away what nobody uses, every few seconds, for ever.
    pub(crate) async fn sweep(self: Arc<Self>) {
        const EVERY: Duration = Duration::from_secs(5);
        let mut ticks = tokio::time::interval(EVERY);
        loop {
            ticks.tick().await;
            self.library.sweep();
            self.addresses.sweep();
            while let Ok(swept) = self.sessions.sweep().await {
                if !swept.more {
                    break;
                }
            }
            self.report();
        }
    }

    /// Brings the gauges up to date.
    pub(crate) fn report(&self) {
        let library = self.library.statistics();
        metrics::gauge!("statesync_open_documents").set(library.open_documents as f64);
        metrics::gauge!("statesync_memory_bytes").set(library.memory_bytes as f64);
        metrics::gauge!("gateway_open_sockets").set(self.sockets.count() as f64);
        metrics::gauge!("app_active_sessions").set(self.sockets.sessions().len() as f64);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::SeqCst)
    }

    /// Lets nobody in any more, and ends the sockets.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::SeqCst);
        self.sockets.drain();
    }
}
