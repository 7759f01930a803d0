//! A peer that has the keys, and whoever has to bear it.

use quantum_proto::Connection;
use quantum_proto::stream::{Direction, StreamId};
use quantum_proto::time::Instant;

use crate::options::insider::{Farewell, InsiderOptions};
use crate::random::Random;
use crate::transport::{Ending, Notice, Transport};
use crate::units::ms;

mod frames;
mod victim;

use frames::{Facts, MESSAGES_BEFORE, Speaker};
pub use victim::Victim;

/// Streams that it opens in each direction.
const STREAMS: usize = 4;
/// How often a breach is repeated, in case the network or a full socket swallows it.
const BREACHES: u32 = 150;
/// How long it waits for the effect of one.
const PATIENCE: std::time::Duration = ms(200);
/// The code with which it closes.
const CLOSE_CODE: u64 = 7;

/// A program that says what must not be said.
pub struct Insider {
    options: InsiderOptions,
    speaker: Speaker,
    random: Random,
    is_connected: bool,
    /// Streams that there are.
    streams: Vec<StreamId>,
    packets_left: u32,
    breaches_left: u32,
    next_at: Option<Instant>,
    ending: Option<Ending>,
}

impl Insider {
    /// What `options` say.
    #[must_use]
    pub fn new(options: InsiderOptions) -> Self {
        let breaches = match options.farewell {
            Farewell::Breach => BREACHES,
            Farewell::Close => 0,
        };
        Self {
            options,
            speaker: Speaker::new(&options),
            random: Random::new(!options.seed),
            is_connected: false,
            streams: Vec::new(),
            packets_left: options.packets,
            breaches_left: breaches,
            next_at: None,
            ending: None,
        }
    }

    /// It wants to run again by itself then.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.next_at.filter(|_| self.ending.is_none())
    }

    /// It has not done everything yet.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.ending.is_none()
    }

    /// Nothing but a breach can have ended its connection, unless it closed that itself.
    #[must_use]
    pub fn may_have_closed(&self) -> bool {
        self.options.farewell == Farewell::Close || self.speaker.may_have_closed
    }

    /// The handshake is through; `early` happened before.
    pub fn start(&mut self, now: Instant, early: Vec<Notice>) {
        for notice in early {
            self.hear(now, notice);
        }
    }

    /// Says the next thing, if it is time.
    pub fn run(&mut self, now: Instant, connection: &mut Connection) {
        while let Some(notice) = connection.poll_notice() {
            self.hear(now, notice);
        }
        if !self.is_connected || self.ending.is_some() {
            return;
        }
        self.listen(now, connection);
        if self.streams.is_empty() {
            self.begin(now, connection);
        }
        if self.next_at.is_some_and(|time| time <= now) {
            self.speak(now, connection);
        }
    }

    fn hear(&mut self, now: Instant, notice: Notice) {
        match notice {
            Notice::Connected => self.is_connected = true,
            Notice::Confirmed => self.next_at = self.next_at.or(Some(now)),
            Notice::Closed(ending) => self.ending = Some(ending),
            _ => {}
        }
    }

    /// It takes what it is sent, so that there is more.
    fn listen(&mut self, now: Instant, connection: &mut Connection) {
        while connection.receive_message(now).is_some() {}
        for direction in [Direction::Bidirectional, Direction::Unidirectional] {
            while let Some(id) = connection.accept(direction) {
                self.streams.push(id);
            }
        }
        let mut scratch = [0; 4096];
        for id in &self.streams {
            while connection
                .read(*id, &mut scratch)
                .is_ok_and(|count| count > 0)
            {}
        }
    }

    /// It begins like everybody else.
    fn begin(&mut self, now: Instant, connection: &mut Connection) {
        for direction in [Direction::Bidirectional, Direction::Unidirectional] {
            for _ in 0..STREAMS {
                let Some(id) = connection.open(direction) else {
                    break;
                };
                // Little enough for any window, or else it waits.
                let _ = connection.write(id, &[0; 200]);
                self.streams.push(id);
            }
        }
        for _ in 0..self.random.below(MESSAGES_BEFORE) {
            let options = quantum_proto::MessageOptions::reliable();
            let _ = connection.send_message(now, vec![0; 100].into(), &options);
        }
    }

    fn speak(&mut self, now: Instant, connection: &mut Connection) {
        if self.packets_left > 0 && now < self.options.until {
            self.packets_left -= 1;
            let statistics = connection.statistics();
            let facts = Facts {
                packets: statistics.packets_received / 2,
                sent: statistics.packets_sent / 2,
                streams: &self.streams,
            };
            connection.say(self.speaker.packet(&facts));
            self.next_at = Some(now + self.random.up_to(self.options.interval * 2));
        } else if self.breaches_left > 0 {
            self.breaches_left -= 1;
            connection.say(self.speaker.breach(self.options.side));
            self.next_at = Some(now + PATIENCE);
        } else {
            self.next_at = None;
            connection.close(now, CLOSE_CODE, b"");
        }
    }
}
