//! Redis between processes: hints about documents.
//!
//! Nothing whose loss would do harm is kept in Redis. A hint makes news arrive at once; without it, the
//! next look into the document store finds the same.

mod bus;
mod hint;
mod listen;

pub use bus::{BusError, RedisBus};
pub use listen::Hints;
