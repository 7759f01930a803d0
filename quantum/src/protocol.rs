//! What the driver takes from the protocol.

pub use crate::proto_stub::*;
