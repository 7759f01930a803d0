//! Yjs over WebSocket, in the profile of y-websocket: `/yjs/<document id>`.
//!
//! An edit's way in: `upgrade.rs` (who, and which document), `socket.rs` (one task a client),
//! `message.rs` (bytes to messages), then the document's owner in `statesync-core`. Its way out
//! to the others: the document's hub, `news.rs`, `socket.rs`.

mod close;
mod ending;
mod message;
mod news;
mod socket;
mod upgrade;

pub(crate) use close::Close;
pub(crate) use upgrade::upgrade;
