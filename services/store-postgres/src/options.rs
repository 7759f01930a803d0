//! What can be chosen about a store.

use std::fmt;
use std::time::Duration;

use crate::error::ConnectError;

/// Where the database is, and how long to wait for what.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// `postgres://user:password@host:port/database`, as `libpq` takes it; several hosts with commas
    /// between them are tried in order, `target_session_attrs=read-write` finds the primary of them. With
    /// `sslmode=verify-full` or `require` the connection is encrypted (TLS 1.3), and the server has to prove
    /// its name with a certificate of an authority in `sslrootcert=<file>`, or known to this machine.
    pub url: String,
    /// Connections at most, 1 to 1,000. A few carry many documents, and each costs the server a process.
    /// Default 16.
    pub connections: usize,
    /// Transactions at one time that carry appends, 1 to 1,000; each carries the appends of all documents
    /// that wait when it begins. Beside the first one, another begins only for a hundred records, or
    /// when the last one began some milliseconds ago: small ones cost the server much for each append,
    /// several let it work on several cores, and wait for a distant one side by side. Never more than
    /// there are connections. Default 4.
    pub committing: usize,
    /// How long to wait for a new connection, and for one of the pool that is free; 10 ms to
    /// 10 minutes. Default 5 s: a server that is there answers at once, and callers hear soon of one
    /// that is not.
    pub connect_timeout: Duration,
    /// How long one statement may take on the server, 10 ms to 10 minutes. Default 10 s: a thousand
    /// times what an append takes, and enough to load the largest document. A transaction in which
    /// this process is silent for as long is ended by the server, so that one that was stopped does
    /// not keep a document locked.
    pub statement_timeout: Duration,
    /// How long to wait for the lock of a document's head, 10 ms to 10 minutes. Default 5 s: writers
    /// of one document wait for each other's commits, some milliseconds each.
    pub lock_timeout: Duration,
    /// Whether the tables are made, and brought to what this version expects. Default yes. Without it a
    /// database whose tables are not there, or older, is refused: for who only wants to look.
    pub migrate: bool,
}

impl Options {
    /// The defaults, for the database at `url`.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            connections: 16,
            committing: 4,
            connect_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(10),
            lock_timeout: Duration::from_secs(5),
            migrate: true,
        }
    }

    /// The same, with [`connections`](Self::connections).
    #[must_use]
    pub fn connections(mut self, connections: usize) -> Self {
        self.connections = connections;
        self
    }

    /// The same, with [`committing`](Self::committing).
    #[must_use]
    pub fn committing(mut self, transactions: usize) -> Self {
        self.committing = transactions;
        self
    }

    /// The same, with [`connect_timeout`](Self::connect_timeout).
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// The same, with [`statement_timeout`](Self::statement_timeout).
    #[must_use]
    pub fn statement_timeout(mut self, timeout: Duration) -> Self {
        self.statement_timeout = timeout;
        self
    }

    /// The same, with [`lock_timeout`](Self::lock_timeout).
    #[must_use]
    pub fn lock_timeout(mut self, timeout: Duration) -> Self {
        self.lock_timeout = timeout;
        self
    }

    /// The same, with [`migrate`](Self::migrate).
    #[must_use]
    pub fn migrate(mut self, migrate: bool) -> Self {
        self.migrate = migrate;
        self
    }

    pub(crate) fn check(&self) -> Result<(), ConnectError> {
        let numbers = [
            ("the number of connections", self.connections),
            ("the number of committing transactions", self.committing),
        ];
        for (option, given) in numbers {
            if !(1..=CONNECTIONS_MAX).contains(&given) {
                return Err(ConnectError::InvalidOption {
                    option,
                    given: given.to_string(),
                    min: "1".to_owned(),
                    max: CONNECTIONS_MAX.to_string(),
                });
            }
        }
        let timeouts = [
            ("the connect timeout", self.connect_timeout),
            ("the statement timeout", self.statement_timeout),
            ("the lock timeout", self.lock_timeout),
        ];
        for (option, given) in timeouts {
            if !(TIMEOUT_MIN..=TIMEOUT_MAX).contains(&given) {
                return Err(ConnectError::InvalidOption {
                    option,
                    given: format!("{given:?}"),
                    min: format!("{TIMEOUT_MIN:?}"),
                    max: format!("{TIMEOUT_MAX:?}"),
                });
            }
        }
        Ok(())
    }
}

// The URL may hold a password.
impl fmt::Debug for Options {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Options")
            .field("connections", &self.connections)
            .field("committing", &self.committing)
            .field("connect_timeout", &self.connect_timeout)
            .field("statement_timeout", &self.statement_timeout)
            .field("lock_timeout", &self.lock_timeout)
            .field("migrate", &self.migrate)
            .finish_non_exhaustive()
    }
}

const CONNECTIONS_MAX: usize = 1_000;
const TIMEOUT_MIN: Duration = Duration::from_millis(10);
const TIMEOUT_MAX: Duration = Duration::from_secs(600);
