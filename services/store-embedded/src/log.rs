//! The log: every commit, in order, on disk before anybody is told of it.
//!
//! A commit is durable when its frame is synced; the tables follow later and may lose what they did
//! not write yet, because the log still has it. When the tables have written what a segment holds,
//! the segment goes.

mod frame;
mod inspect;
mod segment;
mod writer;

pub(crate) use frame::{FRAME_HEADER_BYTES, PAYLOAD_BYTES_MAX, Salt};
pub(crate) use inspect::{inspect, replay};
pub(crate) use segment::{Segment, segments};
#[cfg(test)]
pub(crate) use writer::LogFile;
pub(crate) use writer::{LogWriter, OpenLogFile, log_files};
