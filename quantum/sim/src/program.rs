//! What runs on top of one connection.

use quantum_proto::Connection;
use quantum_proto::time::Instant;

use crate::application::{Application, Fault};
use crate::transport::Notice;

/// What runs on top of one connection.
pub trait Program {
    /// Whether it is for this connection, of those that are accepted.
    fn is_for(&self, _connection: &Connection) -> bool {
        true
    }

    /// The handshake is complete; `early` happened before.
    fn start(&mut self, now: Instant, early: Vec<Notice>);

    /// Does what can be done. Nobody else takes the connection's events.
    fn run(&mut self, now: Instant, connection: &mut Connection);

    /// When it wants to run again by itself.
    fn poll_timeout(&self) -> Option<Instant>;

    /// It does not want the world to end yet.
    fn is_busy(&self) -> bool;

    /// A rule that did not hold.
    ///
    /// # Errors
    ///
    /// That one.
    fn check(&self) -> Result<(), Fault> {
        Ok(())
    }
}

impl Program for Application {
    fn start(&mut self, now: Instant, early: Vec<Notice>) {
        Self::start(self, now, early);
    }

    fn run(&mut self, now: Instant, connection: &mut Connection) {
        Self::run(self, now, connection);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        Self::poll_timeout(self)
    }

    fn is_busy(&self) -> bool {
        self.ending().is_none() || Self::poll_timeout(self).is_some()
    }

    fn check(&self) -> Result<(), Fault> {
        Self::check(self)
    }
}
