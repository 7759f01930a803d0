//! Durable single-node storage for sessions and documents.
//!
//! [`EmbeddedStore`] keeps everything in one directory of the local disk and needs no server:
//!
//! ```
//! use statesync_core::{DocumentStore, Version, testkit};
//! use store_embedded::{EmbeddedStore, Options};
//!
//! # futures::executor::block_on(async {
//! let directory = tempfile::tempdir()?;
//! let store = EmbeddedStore::open(&Options::new(directory.path()))?;
//! let mut document = testkit::new_document("alice");
//! store.create(&document).await?;
//! store.append(testkit::append_to(&mut document, &[b"an edit"])).await?;
//! drop(store);
//!
//! let store = EmbeddedStore::open(&Options::new(directory.path()))?;
//! assert_eq!(store.load(document.id).await?.document.version, Version(1));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```
//!
//! # What is promised
//!
//! - **Acknowledged is on disk.** When a writing method answers `Ok`, everything it wrote was synced
//!   (`fdatasync`) and survives the death of the process and of the machine, as a whole.
//! - **One order.** One thread commits. It gathers the requests that wait, of documents and sessions
//!   alike, lets each decide against what the ones before it left (expected versions, revisions,
//!   limits), and writes them as one frame of a log with one sync: many writers share it.
//! - **Fail closed.** When a sync fails, nobody knows what is on the disk, and asking again would
//!   lie. Every later write is refused with `Unavailable` until the store is opened again; reads of
//!   what was acknowledged go on. A write that fails before the sync (disk full) is refused alone.
//! - **Loss is noticed when the store is opened**: a log that ends too early or has a hole is
//!   [`OpenError::Lost`], which says how many commits are missing and which; nothing is changed by
//!   the attempt. [`Options::accept_loss`] goes on without them.
//! - **Damage is noticed when it is read**: every row has a checksum that is also about its place,
//!   the records of a document form a chain whose end is in its head. A document with something
//!   missing, altered or swapped answers `Corrupt` and names the versions; the others go on. Its
//!   head also tells how its audit log ends, and what its open conflicts and its named snapshots add
//!   up to.
//! - **Leases end once.** Locks are granted, checked and taken away in the order of commits, by one
//!   clock that never goes back, not even when the store is opened with one that was set back.
//!
//! Back-pressure: the requests that wait are bounded in bytes; beyond that, writers wait.
//!
//! # The path of a write
//!
//! ```text
//! caller          bytes and checksums are made           documents::change, sessions::row
//! queue           waits, bounded                         queue
//! committer       decides, in order                      documents::change, sessions::change
//! log             one frame, one sync                    log
//! tables          in memory meanwhile, unseen            applier, tables
//! witness         "this is acknowledged next"            witness
//! tables          visible to readers                     tables
//! caller          is answered
//! maintenance     later: from memory to disk, merged; old segments of the log removed
//! ```
//!
//! # On disk
//!
//! One directory; every byte in it is drawn in the module that writes it.
//!
//! ```text
//! LOCK, FORMAT         whose it is, and which format       directory
//! WITNESS              the newest acknowledged commit      witness
//! log/<commit>.log     segments of frames                  log::segment, log::frame, rows
//! tables/              sorted rows, by the engine          tables (the keys), tables::manifest
//!                      the rows of a document              documents::{head, description, record, snapshot,
//!                                                          operation, conflict, audit, named, lock}
//!                      the row of a session                sessions::row
//! damaged/             segments set aside                  open
//! ```
//!
//! Why this engine, and why the log is not the engine's: `docs/decisions/0001-embedded-store-engine.md`.

mod applier;
mod committer;
mod decided;
mod directory;
mod documents;
mod encoding;
mod error;
mod integrity;
mod leases;
mod log;
mod maintenance;
mod open;
mod options;
mod queue;
mod readers;
mod rows;
mod sessions;
mod stats;
mod store;
mod tables;
mod witness;

pub use error::OpenError;
pub use options::Options;
pub use stats::Stats;
pub use store::EmbeddedStore;
