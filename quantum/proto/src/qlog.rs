//! Traces of connections in the format qlog, for [qvis](https://qvis.quictools.info) and other tools.
//!
//! [`Qlog`] is an [`ObserverFactory`]: each connection gets a writer, and writes one trace to it, as
//! a JSON text sequence (RFC 7464; file name extension `.sqlog`). The schema is qlog 0.3
//! (draft-ietf-quic-qlog-main-schema-02 and draft-ietf-quic-qlog-quic-events-01), since that is the
//! newest that qvis opens. Two events come from later drafts, `connectivity:mtu_updated` and
//! `connectivity:path_assigned`; tools pass over what they do not know. Frames of Quantum's own have
//! names of their own: `message`, `reset_message`, `max_message_data`, `message_data_blocked`.
//!
//! A trace tells sizes, times, addresses and ids of connections, but neither data nor secrets.
//!
//! ```
//! use std::fs::File;
//! use std::io::{BufWriter, Write};
//! use std::sync::Arc;
//!
//! use quantum_proto::config::TransportConfig;
//! use quantum_proto::qlog::Qlog;
//!
//! let qlog = Qlog::new(|beginning| {
//!     let name = format!("{:?}.sqlog", beginning.original_destination);
//!     let file = BufWriter::new(File::create(name)?);
//!     Ok(Box::new(file) as Box<dyn Write + Send>)
//! });
//! let config = TransportConfig::default().with_observer(Arc::new(qlog));
//! ```

mod events;
mod frames;
mod json;

use std::fmt;
use std::io::{self, Write};
use std::time::Duration;

use serde_json::Value;

use self::events::Recorder;
use self::json::Object;
use crate::observe::{Beginning, Observation, Observer, ObserverFactory, Stage};
use crate::stream::Side;
use crate::time::Instant;

/// The version of the schema: the newest that qvis opens.
pub const VERSION: &str = "0.3";

/// What a trace may grow to unless told otherwise, in bytes: as much as qvis still opens.
pub const BYTES_MAX: u64 = 256 << 20;

/// Gives each connection a trace.
pub struct Qlog {
    open: Box<Open>,
    origin: Duration,
    bytes_max: u64,
}

type Open = dyn Fn(&Beginning) -> io::Result<Box<dyn Write + Send>> + Send + Sync;

impl Qlog {
    /// Traces go to where `open` says, one for each connection. If it fails, that connection has
    /// none. Records are written one by one: a file should be buffered. It is flushed when the
    /// connection is closed.
    pub fn new<F>(open: F) -> Self
    where
        F: Fn(&Beginning) -> io::Result<Box<dyn Write + Send>> + Send + Sync + 'static,
    {
        Self {
            open: Box::new(open),
            origin: Duration::ZERO,
            bytes_max: BYTES_MAX,
        }
    }

    /// What time of day [`Instant::ORIGIN`] is, since the Unix epoch. Default: zero.
    #[must_use]
    pub fn with_origin(mut self, since_epoch: Duration) -> Self {
        self.origin = since_epoch;
        self
    }

    /// How large a trace may become; what happens later is not in it. Default: [`BYTES_MAX`].
    #[must_use]
    pub fn with_bytes_max(mut self, bytes: u64) -> Self {
        self.bytes_max = bytes;
        self
    }
}

impl fmt::Debug for Qlog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Qlog").finish_non_exhaustive()
    }
}

impl ObserverFactory for Qlog {
    fn observer(&self, beginning: &Beginning) -> Option<Box<dyn Observer>> {
        let id = beginning.original_destination;
        match (self.open)(beginning) {
            Ok(output) => Some(Box::new(Trace::begin(self, beginning, output))),
            Err(error) => {
                tracing::warn!(%error, connection = ?id, "no trace of this connection");
                None
            }
        }
    }
}

/// One connection's trace.
struct Trace {
    /// `None`: it failed, or is full.
    output: Option<Box<dyn Write + Send>>,
    /// Bytes that may still be written.
    room: u64,
    began: Instant,
    recorder: Recorder,
}

impl Trace {
    fn begin(qlog: &Qlog, beginning: &Beginning, output: Box<dyn Write + Send>) -> Self {
        let mut trace = Self {
            output: Some(output),
            room: qlog.bytes_max,
            began: beginning.at,
            recorder: Recorder::default(),
        };
        trace.put(&header(qlog, beginning));
        trace.event(beginning.at, "connectivity:connection_started", |data| {
            events::started(beginning, data);
        });
        trace
    }

    /// Writes one event.
    fn event(&mut self, now: Instant, name: &str, data: impl FnOnce(&mut Object<'_>)) {
        if self.output.is_none() {
            return;
        }
        let event = json::object(|event| {
            event.milliseconds("time", now.since(self.began));
            event.text("name", name);
            event.object("data", data);
        });
        self.put(&event);
    }

    /// Writes a record, if there is room.
    fn put(&mut self, value: &Value) {
        let record = format!("{RECORD_SEPARATOR}{value}\n");
        let bytes = record.len() as u64;
        let Some(output) = &mut self.output else {
            return;
        };
        let Some(room) = self.room.checked_sub(bytes) else {
            tracing::debug!("a trace is full");
            self.close();
            return;
        };
        self.room = room;
        if let Err(error) = output.write_all(record.as_bytes()) {
            tracing::warn!(%error, "a trace ends early");
            self.output = None;
        }
    }

    fn close(&mut self) {
        if let Some(Err(error)) = self.output.take().map(|mut output| output.flush()) {
            tracing::warn!(%error, "the end of a trace is missing");
        }
    }
}

impl Observer for Trace {
    fn on_event(&mut self, now: Instant, event: &Observation<'_>) {
        events::record(self, now, event);
        match event {
            // Whoever waits for the end of a connection wants to read its trace.
            Observation::Closed(_) => {
                if let Some(output) = &mut self.output {
                    let _ = output.flush();
                }
            }
            Observation::Reached(Stage::Closed) => self.close(),
            _ => {}
        }
    }
}

/// The record that every trace begins with.
fn header(qlog: &Qlog, beginning: &Beginning) -> Value {
    let started_at = qlog.origin + beginning.at.since(Instant::ORIGIN);
    json::object(|header| {
        header.text("qlog_version", VERSION);
        header.text("qlog_format", "JSON-SEQ");
        header.text("title", "Quantum");
        header.object("trace", |trace| {
            trace.object("vantage_point", |point| {
                point.text("name", "quantum");
                point.text("type", side(beginning.side));
            });
            trace.object("common_fields", |fields| {
                fields.hexadecimal("ODCID", &beginning.original_destination);
                fields.array("protocol_type", |protocols| {
                    protocols.text("QUIC");
                    protocols.text("QUANTUM");
                });
                fields.text("time_format", "relative");
                fields.milliseconds("reference_time", started_at);
            });
        });
    })
}

fn side(side: Side) -> &'static str {
    match side {
        Side::Client => "client",
        Side::Server => "server",
    }
}

/// RFC 7464 section 2.2.
const RECORD_SEPARATOR: char = '\u{1e}';

#[cfg(test)]
mod tests;
