//! Who is connected: user sessions as pure decisions over a small store trait.
//!
//! A [`Session`] is one user's presence at one client, from login to logout. This crate opens,
//! checks, extends, rotates, lists and ends them; it decides nothing about *who* a user is, and
//! speaks no protocol.
//!
//! - [`decide()`] is a pure, total function: what a [`Command`] does to a session at a moment.
//! - [`SessionStore`] is where sessions are kept: six methods. [`MemoryStore`] is one; the
//!   `testkit` (feature `testkit`) is the contract for others.
//! - [`Manager`] joins the two: load, decide, replace if nobody else did, announce. It is
//!   asynchronous, but knows no runtime: await it on any.
//! - [`Events`] tell what happened, so that a gateway can close the sockets of a session that
//!   ended.
//! - Time and randomness come in through [`guuid::Clock`] and [`guuid::Entropy`]: one seed replays
//!   everything.
//!
//! # Example
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use guuid::{ManualClock, SystemEntropy};
//! use session_core::{
//!     AccessError, CloseReason, EventKind, Limits, Manager, MemoryStore, Notice, OpenRequest,
//!     Token, UserId,
//! };
//!
//! # futures::executor::block_on(async {
//! // A service takes guuid::SystemClock.
//! let clock = Arc::new(ManualClock::new(Duration::from_secs(1_800_000_000)));
//! let store = Arc::new(MemoryStore::new());
//! let entropy = Arc::new(SystemEntropy::default());
//! let sessions = Manager::new(store, clock.clone(), entropy, Limits::default())?;
//! let mut events = sessions.events();
//!
//! // Alice logs in. Her client gets the token as text; the store only sees a hash of it.
//! let request = OpenRequest::new(UserId::new("alice")?);
//! let (session, token) = sessions.open(request).await?;
//! let text: String = token.expose();
//!
//! // An hour later it is shown again. That counts as activity: the session lives longer.
//! clock.advance(Duration::from_secs(3600));
//! let token: Token = text.parse()?;
//! let extended = sessions.authenticate(&token).await?;
//! assert!(extended.expires_at > session.expires_at);
//!
//! // The token is replaced. Asking again with the old one gives the same answer, in case the
//! // first was lost...
//! let (_, new_token) = sessions.rotate(&token).await?;
//! let (_, again) = sessions.rotate(&token).await?;
//! assert_eq!(again.expose(), new_token.expose());
//!
//! // ... but later it can only have been stolen, so the session ends, for the thief and for Alice.
//! clock.advance(Duration::from_secs(3600));
//! assert!(matches!(sessions.authenticate(&token).await, Err(AccessError::Reused)));
//! assert!(matches!(sessions.authenticate(&new_token).await, Err(AccessError::Unknown)));
//!
//! // Whoever listens closes her sockets.
//! let mut last = None;
//! while let Some(Notice::Event(event)) = events.try_next() {
//!     last = Some(event.kind);
//! }
//! assert_eq!(last, Some(EventKind::Closed { reason: CloseReason::TokenReused }));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```
//!
//! # The life of a session
//!
//! ```text
//!               any activity               silence, or detach
//!  open -> connecting ------------> active <-----------------> idle
//!               |                     |      any activity       |
//!               +----- disconnect ----+----- disconnect --------+
//!                                     v
//!                               disconnecting -- time is over --> closed
//! ```
//!
//! From every state, revocation, eviction, expiry and the reuse of an old token lead to closed at
//! once; a closed session is removed from the store. Expiry slides: activity moves it to
//! [`sliding_timeout`](Limits::sliding_timeout) from now, but never past
//! [`absolute_timeout`](Limits::absolute_timeout) from the opening.
//!
//! # Features
//!
//! - `serde`: `Serialize` and `Deserialize` for everything that a store keeps.
//! - `testkit`: the contract for stores, as functions.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod command;
mod decide;
mod error;
mod event;
mod id;
mod limits;
mod manager;
mod memory;
mod session;
pub mod store;
mod sweep;
#[cfg(feature = "testkit")]
pub mod testkit;
mod time;
pub mod token;

pub use command::{Command, Connection};
pub use decide::{Decision, Refusal, decide};
pub use error::{
    AccessError, BoxError, IdError, InvalidField, LimitsError, OpenError, SessionError, StoreError,
    TokenError,
};
pub use event::{CloseReason, Event, EventKind, Events, Notice};
pub use id::{ConnectionId, SessionId, UserId};
pub use limits::{Limits, ROTATION_GRACE_MAX, USER_ID_BYTES_MAX, WhenFull};
pub use manager::{Manager, OpenRequest, SessionPage};
pub use memory::{MemoryStore, MemoryStoreFull};
pub use session::{Metadata, Record, Revision, Session, SessionState, Stats};
pub use store::{Admission, Created, Filter, Listed, Page, SessionStore};
pub use sweep::Swept;
pub use time::Timestamp;
pub use token::{Credential, Nonce, Presented, PreviousToken, Token, TokenHash};
