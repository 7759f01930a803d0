//! Streams as the application holds them.

mod bidirectional;
mod receive;
mod send;

pub use bidirectional::BidirectionalStream;
pub use receive::ReceiveStream;
pub use send::SendStream;
