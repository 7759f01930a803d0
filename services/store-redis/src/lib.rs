//! Redis between processes: hints about documents, and sessions.
//!
//! Nothing is kept here whose loss would lose an edit. A hint makes news arrive at once; without it, the next
//! look into the document store finds the same. Sessions are as durable as Redis is told to be; whoever loses
//! theirs logs in again.

mod bus;
mod connections;
mod hint;
mod listen;
mod sessions;
#[cfg(feature = "testkit")]
pub mod testkit;

pub use bus::{BusError, RedisBus};
pub use listen::Hints;
pub use sessions::{RedisSessions, SessionOptions, SessionsError};
