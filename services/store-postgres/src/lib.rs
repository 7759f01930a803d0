//! Documents on PostgreSQL, for any number of replicas.
//!
//! [`PostgresStore`] is the [`DocumentStore`](statesync_core::DocumentStore) of a system that has
//! outgrown one machine: many processes share one database, and each may write to every document.
//!
//! ```no_run
//! use statesync_core::DocumentStore as _;
//! use store_postgres::{Options, PostgresStore};
//!
//! # async fn start() -> Result<(), Box<dyn std::error::Error>> {
//! let options = Options::new("postgres://aetherflow@localhost/aetherflow").connections(8);
//! let store = PostgresStore::connect(&options).await?;
//! let documents = store.versions(&[]).await?;
//! # Ok(())
//! # }
//! ```
//!
//! # What is promised
//!
//! - **Acknowledged is committed.** A writing method answers `Ok` after the server has synced the commit
//!   (`synchronous_commit = on`, whatever the role's default is).
//! - **One order.** Every writer locks the row of the document's head first, in the transaction that
//!   writes. Versions follow each other without a hole, in the order of the commits, whichever replica
//!   wrote them; readers never see a later one without those before it.
//! - **No guessing.** When the answer to a `COMMIT` is lost, it is looked up on a new connection, under
//!   the same lock, what became of it. Only when the database stays away for longer is the answer
//!   `Unavailable`, and says that it is unknown.
//! - **Locks expire by the database's clock**, which all replicas share, read under the same row lock.
//! - **Damage is noticed when it is read**: rows have checksums that are also about their place, and the
//!   log is read as a whole from where it has to begin to where its head says that it ends.
//! - **A pooler may be in between**, in transaction mode: nothing is kept in the session. No prepared
//!   statements, no `LISTEN`, no session locks, no `SET` but `SET LOCAL`.
//!
//! # The path of an append
//!
//! ```text
//! waits for the next transaction                       append::gathering
//! the usual: lock, look, insert, update, COMMIT        append::usual       one round trip and one sync
//! or, if anything is not as usual:
//! BEGIN, lock the heads, look for known names          append::group       one round trip
//! look at the locks, if there are any                  locks               (one more)
//! columns of all rows are made                         append::columns
//! insert, update, COMMIT                               append::group       one round trip and one sync
//! what became of it, if the answer is lost             append::settle
//! ```
//!
//! The usual append changes nothing in a head but what every append changes, and finds nobody else at the
//! document and no lock: then one call of a function in the database does all of it, whose plans are made
//! once for each session. The function says so if it finds anything else, and has written nothing.
//!
//! Many documents share a transaction, because a commit costs the same whatever is in it. A document that
//! another process is at is left out and tried alone, so nobody waits for somebody else's document;
//! whoever is refused does not disturb the others.
//!
//! The tables are in `src/migrations`, and in the crate's README.

mod append;
mod audit;
mod checksum;
mod conflicts;
mod connect;
mod create;
mod error;
mod failure;
mod head;
mod list;
mod load;
mod locks;
mod migrate;
mod moment;
mod options;
mod rows;
mod snapshots;
mod store;
#[cfg(feature = "testkit")]
pub mod testkit;
mod texts;
mod tls;
mod transaction;

pub use error::ConnectError;
pub use options::Options;
pub use store::PostgresStore;
