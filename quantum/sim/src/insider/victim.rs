//! The application that has a malicious peer.

use bytes::Bytes;
use quantum_proto::error::TransportErrorCode;
use quantum_proto::stream::{Direction, StreamId};
use quantum_proto::time::Instant;
use quantum_proto::{Connection, MessageOptions};

use crate::application::Fault;
use crate::options::network::INSIDER;
use crate::transport::{Ending, Notice, Transport};
use crate::units::ms;
use crate::violation::Rule;

/// Streams that it opens in each direction.
const STREAMS: usize = 2;
/// Bytes that it sends in each, in all.
const STREAM_BYTES: usize = 100_000;
/// Bytes per write.
const WRITE_BYTES: usize = 2_000;
/// Messages that it sends.
const MESSAGES: u32 = 50;

/// Packets that all of this takes, with what the peer's lies have it repeat: twice what the most were
/// in 10,000 runs.
const PACKETS_MAX: u64 = 600;
/// An answer and an acknowledgement.
const PACKETS_FACTOR: u64 = 2;

/// Writes a little whenever anything happens, so that there is always something to acknowledge, to
/// stop and to reset.
pub struct Victim {
    reads: bool,
    is_connected: bool,
    writing: Vec<(StreamId, usize)>,
    reading: Vec<StreamId>,
    opened: bool,
    messages_left: u32,
    ending: Option<Ending>,
    /// Packets received and sent.
    packets: [u64; 2],
}

impl Victim {
    /// One that takes what arrives, or lets it lie.
    #[must_use]
    pub fn new(reads: bool) -> Self {
        Self {
            reads,
            is_connected: false,
            writing: Vec::new(),
            reading: Vec::new(),
            opened: false,
            messages_left: MESSAGES,
            ending: None,
            packets: [0; 2],
        }
    }

    /// The connection is over.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.ending.is_some()
    }

    /// Whether what it sends is in proportion to what it receives.
    ///
    /// # Errors
    ///
    /// If it is not.
    pub fn check(&self) -> Result<(), Fault> {
        let [received, sent] = self.packets;
        if sent <= PACKETS_MAX + PACKETS_FACTOR * received {
            return Ok(());
        }
        let detail = format!("{sent} packets for {received} of a malicious peer");
        Err((Rule::Progress, detail))
    }

    /// Whether the peer of this connection is the malicious one.
    #[must_use]
    pub fn has(connection: &Connection) -> bool {
        connection.remote_address() == INSIDER
    }

    /// The handshake is through; `early` happened before.
    pub fn start(&mut self, early: Vec<Notice>) {
        early.into_iter().for_each(|notice| self.hear(notice));
    }

    /// Reads and writes.
    pub fn run(&mut self, now: Instant, connection: &mut Connection) {
        while let Some(notice) = connection.poll_notice() {
            self.hear(notice);
        }
        let statistics = connection.statistics();
        self.packets = [statistics.packets_received, statistics.packets_sent];
        if !self.is_connected || self.ending.is_some() {
            return;
        }
        for direction in [Direction::Bidirectional, Direction::Unidirectional] {
            while let Some(id) = connection.accept(direction) {
                self.reading.push(id);
                if direction == Direction::Bidirectional {
                    self.writing.push((id, WRITE_BYTES));
                }
            }
        }
        if self.reads {
            self.read(now, connection);
        }
        self.open(connection);
        self.write(now, connection);
    }

    fn hear(&mut self, notice: Notice) {
        match notice {
            Notice::Connected => self.is_connected = true,
            Notice::Closed(ending) => self.ending = Some(ending),
            _ => {}
        }
    }

    fn read(&mut self, now: Instant, connection: &mut Connection) {
        while connection.receive_message(now).is_some() {}
        let mut scratch = [0; 4096];
        self.reading.retain(|id| {
            loop {
                match Transport::read(connection, *id, &mut scratch) {
                    Ok(0) => return false,
                    Ok(_) => {}
                    Err(refusal) => return refusal == crate::transport::Refusal::Blocked,
                }
            }
        });
    }

    fn open(&mut self, connection: &mut Connection) {
        if std::mem::replace(&mut self.opened, true) {
            return;
        }
        for direction in [Direction::Bidirectional, Direction::Unidirectional] {
            for _ in 0..STREAMS {
                let id = connection.open(direction);
                self.writing.extend(id.map(|id| (id, STREAM_BYTES)));
                let both = |_: &StreamId| direction == Direction::Bidirectional;
                self.reading.extend(id.filter(both));
            }
        }
    }

    fn write(&mut self, now: Instant, connection: &mut Connection) {
        let bytes = [7; WRITE_BYTES];
        for (id, left) in &mut self.writing {
            let chunk = bytes.get(..WRITE_BYTES.min(*left)).unwrap_or_default();
            if !chunk.is_empty() {
                *left -= connection.write(*id, chunk).unwrap_or_default();
                if *left == 0 {
                    Transport::finish(connection, *id);
                }
            }
        }
        if self.messages_left > 0 {
            let options = match self.messages_left % 3 {
                0 => MessageOptions::reliable(),
                1 => MessageOptions::unreliable(),
                _ => MessageOptions::reliable().with_deadline(ms(100)),
            };
            // Blocked, or not: the next has another chance.
            let _ = connection.send_message(now, Bytes::from_static(&[5; 500]), &options);
            self.messages_left -= 1;
        }
    }

    /// How it had to end: a breach is answered by the protocol, and the protocol is never at fault
    /// itself. `may_have_closed`: the peer may have closed before there was one.
    ///
    /// # Errors
    ///
    /// How it ended instead.
    pub fn check_end(&self, may_have_closed: bool) -> Result<(), Fault> {
        let allowed = match &self.ending {
            Some(Ending::Misbehaved(code)) => !matches!(
                *code,
                TransportErrorCode::NO_ERROR | TransportErrorCode::INTERNAL_ERROR
            ),
            Some(Ending::Peer(_) | Ending::Failure(_)) => may_have_closed,
            _ => false,
        };
        if allowed {
            return Ok(());
        }
        let detail = format!("with a malicious peer: {:?}", self.ending);
        Err((Rule::Ending, detail))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(ending: Ending) -> Victim {
        let mut victim = Victim::new(true);
        victim.hear(Notice::Closed(ending));
        victim
    }

    #[test]
    fn a_breach_has_to_end_with_an_error_that_names_the_peer() {
        let misbehaved = |code| ended(Ending::Misbehaved(code)).check_end(false);
        assert!(misbehaved(TransportErrorCode::FRAME_ENCODING_ERROR).is_ok());
        assert!(misbehaved(TransportErrorCode::INTERNAL_ERROR).is_err());
        assert!(ended(Ending::Silence).check_end(true).is_err());
        assert!(Victim::new(true).check_end(true).is_err(), "it goes on");
        assert!(ended(Ending::Peer(1)).check_end(false).is_err());
        assert!(ended(Ending::Peer(1)).check_end(true).is_ok());
    }

    #[test]
    fn who_sends_out_of_all_proportion_is_noticed() {
        let mut victim = Victim::new(true);
        victim.packets = [100, 800];
        assert!(victim.check().is_ok());
        victim.packets = [100, 801];
        assert_eq!(victim.check().unwrap_err().0, Rule::Progress);
    }
}
