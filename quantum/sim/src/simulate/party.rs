//! Everybody who takes part in a run.

use quantum_proto::time::Instant;

use crate::adversary::Adversary;
use crate::application::{Application, Fault};
use crate::datagram::Datagram;
use crate::host::{Arrival, Departure, Host};
use crate::insider::{Insider, Victim};
use crate::node::Node;

use super::role::Role;

/// An end of the connection, or who attacks it.
pub(super) enum Party {
    End(Box<Node<Role>>),
    Attacker(Box<Adversary>),
}

impl Party {
    fn roles(&self) -> impl Iterator<Item = &Role> {
        let node = match self {
            Self::End(node) => Some(node),
            Self::Attacker(_) => None,
        };
        node.into_iter().flat_map(|node| node.programs())
    }

    /// The applications of an end.
    pub(super) fn programs(&self) -> impl Iterator<Item = &Application> {
        self.roles().filter_map(|role| match role {
            Role::Application(application) => Some(&**application),
            _ => None,
        })
    }

    /// Malicious programs of an end.
    pub(super) fn insiders(&self) -> impl Iterator<Item = &Insider> {
        self.roles().filter_map(|role| match role {
            Role::Insider(insider) => Some(&**insider),
            _ => None,
        })
    }

    /// Programs of an end that have a malicious peer.
    pub(super) fn victims(&self) -> impl Iterator<Item = &Victim> {
        self.roles().filter_map(|role| match role {
            Role::Victim(victim) => Some(victim),
            _ => None,
        })
    }

    fn host(&self) -> &dyn Host {
        match self {
            Self::End(node) => &**node,
            Self::Attacker(adversary) => &**adversary,
        }
    }

    fn host_mut(&mut self) -> &mut dyn Host {
        match self {
            Self::End(node) => &mut **node,
            Self::Attacker(adversary) => &mut **adversary,
        }
    }
}

impl Host for Party {
    fn handle_datagram(&mut self, now: Instant, arrival: &Arrival, bytes: &mut [u8]) {
        self.host_mut().handle_datagram(now, arrival, bytes);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.host_mut().handle_timeout(now);
    }

    fn run(&mut self, now: Instant) {
        self.host_mut().run(now);
    }

    fn poll_transmit(
        &mut self,
        now: Instant,
        datagrams_max: usize,
        buffer: &mut Vec<u8>,
    ) -> Option<Departure> {
        self.host_mut().poll_transmit(now, datagrams_max, buffer)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.host().poll_timeout()
    }

    fn is_busy(&self) -> bool {
        self.host().is_busy()
    }

    fn limits_amplification(&self) -> bool {
        self.host().limits_amplification()
    }

    fn check(&self, now: Instant) -> Result<(), Fault> {
        self.host().check(now)
    }

    fn overhear(&mut self, now: Instant, datagram: &Datagram) {
        self.host_mut().overhear(now, datagram);
    }
}
