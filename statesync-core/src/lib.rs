//! Shared documents: one log, one owner, durable acknowledgement.
//!
//! A document is a *head* ([`Document`]), a log of [`Record`]s with contiguous versions, and a
//! content that the log adds up to. In each process one task owns an open document. An edit
//! takes this path, and no other:
//!
//! 1. [`OpenDocument::submit`] puts it into the owner's queue ([`Limits::inbox_edits_max`]).
//! 2. `owner.rs` gathers what waits; `decide.rs` accepts or refuses each edit: no clock, no
//!    store, no await.
//! 3. [`DocumentStore::append`] makes the batch durable in one atomic write. The only write.
//! 4. The author's [`Receipt`] resolves, and `hub.rs` wakes the subscribers: after the store has
//!    said yes, never before.
//! 5. [`Subscription::next`] hands a subscriber everything since its last call, at its own pace.
//!
//! The crate names no runtime, no driver, no socket and no clock: those come in through
//! [`DocumentStore`], [`Spawner`] and [`guuid::Clock`], so that one seed replays everything.
//!
//! ```
//! use std::sync::Arc;
//! use bytes::Bytes;
//! use guuid::{Guuid, SystemClock};
//! use statesync_core::{
//!     Author, Change, DocumentType, Edit, Library, Limits, MemoryStore, NewDocument,
//!     Participant, PublicAccess, UserId,
//! };
//! use yrs::{Doc, Text, Transact};
//!
//! // Any executor will do; this one comes with the futures crate.
//! let pool = futures::executor::ThreadPool::new()?;
//! let library = Library::new(
//!     Arc::new(MemoryStore::new()),
//!     Arc::new(SystemClock),
//!     Arc::new(Guuid::now),
//!     Arc::new(move |task| pool.spawn_ok(task)),
//!     Limits::default(),
//! );
//! futures::executor::block_on(async {
//!     let alice = UserId::new("alice")?;
//!     let document = library.create(NewDocument {
//!         name: "Notes".to_owned(),
//!         kind: DocumentType::Text,
//!         owner: alice.clone(),
//!         public: PublicAccess::None,
//!     }).await?;
//!
//!     // An editor makes an update, as every Yjs editor does.
//!     let editor = Doc::new();
//!     let text = editor.get_or_insert_text("content");
//!     let mut transaction = editor.transact_mut();
//!     text.push(&mut transaction, "Hello");
//!     let update = Bytes::from(transaction.encode_update_v1());
//!
//!     let open = library.open(document.id).await?;
//!     let author = Author { user_id: alice, session_id: "".into() };
//!     let receipt = open.submit(Edit::new(author, Change::Yjs(update)), None).await?;
//!     assert_eq!(receipt.answer().await?.version.0, 1);
//!     assert_eq!(open.reading().await?.1.text, "Hello");
//!     Ok::<(), Box<dyn std::error::Error>>(())
//! })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod audit;
mod budget;
mod bus;
mod conflict;
mod content;
mod decide;
mod document;
mod error;
mod history;
mod hub;
mod identity;
mod library;
mod limits;
mod lock;
mod memory;
mod objects;
mod open;
mod operation;
mod owner;
mod policy;
mod presence;
mod rebuild;
mod record;
mod schema;
mod store;
#[cfg(feature = "testkit")]
pub mod testkit;
mod text;
mod value;
mod yjs;

pub use audit::{AuditEntry, AuditFault, AuditVerifier, Digest, InvalidDigest, genesis};
pub use bus::{Bus, Hint, NoBus};
pub use conflict::{
    Choice, Conflict, ConflictId, ConflictQuery, Disagreement, Outcome, PolicyName, Resolution,
};
pub use content::{Content, ObjectReading, Reading};
pub use document::{
    Document, DocumentState, DocumentType, Metadata, Permissions, PublicAccess, Role,
};
pub use error::{Closed, EditError, OpenError};
pub use history::{HistoryError, NamedSnapshot, Retention};
pub use hub::{Attendance, Batch, News, Participant};
pub use identity::{DocumentId, IdSource, InvalidUserId, OperationId, Timestamp, UserId, Version};
pub use library::{CreateError, Library, LibraryStatistics, LockError, NewDocument, Spawner};
pub use limits::Limits;
pub use lock::{Fence, GuardViolation, Lock, LockId, LockRequest, LockTarget};
pub use memory::MemoryStore;
pub use objects::{Object, Objects, Stamp, Writer};
pub use open::{OpenDocument, Receipt, Subscription};
pub use operation::{Operation, OperationKind, TextEdit, TextTarget};
pub use owner::Accepted;
pub use policy::{Case, FieldRule, FieldWise, Policies, Policy, UserPriority, Verdict, Vote};
pub use presence::{ConnectionId, PresenceEntry, PresenceError};
pub use record::{
    Author, Change, Edit, Effect, InvalidBody, PropertiesChange, Record, Snapshot, Status, Terms,
};
pub use schema::{FieldType, Schema};
pub use store::{Append, DocumentStore, ListQuery, Page, Since, StoreError, Stored};
pub use value::{FieldName, InvalidName, ObjectId, Step, Value, Write};
pub use yjs::{Applied, ContentError, RICHTEXT_ROOT, TEXT_ROOT, YjsContent};
