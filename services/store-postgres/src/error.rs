//! What can go wrong at the start, said to the operator.

use tokio_postgres::Error;

/// Why a store was not connected.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The connection URL cannot be understood. It is not repeated here: it may hold a password.
    #[error("the connection URL of PostgreSQL is not valid")]
    InvalidUrl(#[source] Error),
    /// The certificates that TLS is to be used with cannot be.
    #[error("TLS to PostgreSQL: {reason}")]
    Tls {
        /// Why not.
        reason: String,
    },
    /// An option is outside of its bounds.
    #[error("{option} is {given}: it must be from {min} to {max}")]
    InvalidOption {
        /// Which.
        option: &'static str,
        /// What it is.
        given: String,
        /// The smallest value.
        min: String,
        /// The largest value.
        max: String,
    },
    /// The server was not reached, or did not let us in.
    #[error("cannot connect to PostgreSQL: {reason}")]
    Unreachable {
        /// What happened.
        reason: String,
    },
    /// A migration that was applied to this database has another text here.
    #[error(
        "migration {number} ({name}) of the database is not the one that this version has: \
         one of the two was changed after it was applied"
    )]
    MigrationChanged {
        /// Which.
        number: i32,
        /// What it is called here.
        name: &'static str,
    },
    /// A newer version of the software was here.
    #[error(
        "the database has migration {found}; this version knows up to {known}: use a newer one"
    )]
    NewerSchema {
        /// The newest migration of the database.
        found: i32,
        /// The newest one that is known here.
        known: i32,
    },
    /// The tables are not there, or older than what this version expects.
    #[error(
        "the database has migrations up to {found}, this version needs {known}: start a server on it first"
    )]
    OlderSchema {
        /// The newest migration of the database; zero: it has none of ours.
        found: i32,
        /// The newest one that is known here.
        known: i32,
    },
    /// A migration failed. It was undone as a whole.
    #[error("migration {number} ({name}) failed")]
    Migration {
        /// Which.
        number: i32,
        /// What it is called.
        name: &'static str,
        /// What the database said.
        source: Error,
    },
    /// The migrations of the database cannot be read.
    #[error("the migrations of the database cannot be read")]
    Migrations(#[source] Error),
    /// The pool could not be made.
    #[error("the connection pool cannot be made: {reason}")]
    Pool {
        /// Why.
        reason: String,
    },
}
