//! What programs of a run are there for.

use quantum_proto::Connection;
use quantum_proto::time::Instant;

use crate::application::{Application, Fault};
use crate::insider::{Insider, Victim};
use crate::program::Program;
use crate::transport::Notice;

/// A program of a run.
pub(super) enum Role {
    /// Does what the plan says.
    Application(Box<Application>),
    /// Has the keys, and says what it likes.
    Insider(Box<Insider>),
    /// Has to bear it.
    Victim(Victim),
}

impl Program for Role {
    fn is_for(&self, connection: &Connection) -> bool {
        match self {
            Self::Application(_) => !Victim::has(connection),
            Self::Insider(_) => true,
            Self::Victim(_) => Victim::has(connection),
        }
    }

    fn start(&mut self, now: Instant, early: Vec<Notice>) {
        match self {
            Self::Application(application) => application.start(now, early),
            Self::Insider(insider) => insider.start(now, early),
            Self::Victim(victim) => victim.start(early),
        }
    }

    fn run(&mut self, now: Instant, connection: &mut Connection) {
        match self {
            Self::Application(application) => application.run(now, connection),
            Self::Insider(insider) => insider.run(now, connection),
            Self::Victim(victim) => victim.run(now, connection),
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        match self {
            Self::Application(application) => application.poll_timeout(),
            Self::Insider(insider) => insider.poll_timeout(),
            Self::Victim(_) => None,
        }
    }

    fn is_busy(&self) -> bool {
        match self {
            Self::Application(application) => application.is_busy(),
            Self::Insider(insider) => insider.is_busy(),
            Self::Victim(victim) => !victim.is_over(),
        }
    }

    fn check(&self) -> Result<(), Fault> {
        match self {
            Self::Application(application) => application.check(),
            Self::Insider(_) => Ok(()),
            Self::Victim(victim) => victim.check(),
        }
    }
}
