//! One path: an address of the peer, whether it is really there, and what the path carries.

use std::net::{IpAddr, SocketAddr};

use crate::ecn::EcnValidation;
use crate::mtu::MtuDiscovery;

/// A way to the peer.
#[derive(Debug)]
pub(super) struct Path {
    pub(super) remote: SocketAddr,
    pub(super) local: Option<IpAddr>,
    /// The peer has shown that it receives what is sent there.
    pub(super) validated: bool,
    /// Bytes received from and sent to an address that is not validated (RFC 9000 section 8).
    received: u64,
    sent: u64,
    /// What PATH_RESPONSE has to repeat.
    pub(super) challenge: Option<[u8; 8]>,
    pub(super) challenge_pending: bool,
    pub(super) mtu: MtuDiscovery,
    pub(super) ecn: EcnValidation,
}

impl Path {
    pub(super) fn new(
        remote: SocketAddr,
        local: Option<IpAddr>,
        validated: bool,
        mtu: MtuDiscovery,
        ecn: EcnValidation,
    ) -> Self {
        Self {
            remote,
            local,
            validated,
            received: 0,
            sent: 0,
            challenge: None,
            challenge_pending: false,
            mtu,
            ecn,
        }
    }

    pub(super) fn on_received(&mut self, bytes: usize) {
        self.received = self.received.saturating_add(bytes as u64);
    }

    pub(super) fn on_sent(&mut self, bytes: usize) {
        self.sent = self.sent.saturating_add(bytes as u64);
    }

    /// Bytes that may be sent before the address is validated.
    pub(super) fn allowance(&self) -> u64 {
        if self.validated {
            return u64::MAX;
        }
        self.received
            .saturating_mul(AMPLIFICATION_MAX)
            .saturating_sub(self.sent)
    }

    /// Asks the peer to show that it is there.
    pub(super) fn challenge(&mut self, data: [u8; 8]) {
        self.challenge = Some(data);
        self.challenge_pending = true;
    }

    /// Whether `data` answers our challenge; the path is valid then.
    pub(super) fn on_response(&mut self, data: [u8; 8]) -> bool {
        let answered = self.challenge == Some(data);
        if answered {
            self.challenge = None;
            self.challenge_pending = false;
            self.validated = true;
        }
        answered
    }
}

/// Answers that are owed to addresses other than the active one, or to the active one.
#[derive(Debug, Default)]
pub(super) struct PathResponses(Vec<PathResponse>);

/// One owed answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct PathResponse {
    pub(super) remote: SocketAddr,
    pub(super) local: Option<IpAddr>,
    pub(super) data: [u8; 8],
    /// Size of the datagram that asked: the answer may be three times as large.
    pub(super) asked_with: usize,
}

impl PathResponses {
    /// Keeps the newest few: a flood of challenges costs the flooder answers, not us memory
    /// (CVE-2023-49295).
    pub(super) fn push(&mut self, response: PathResponse) {
        if self.0.len() >= RESPONSES_MAX {
            self.0.remove(0);
        }
        self.0.push(response);
    }

    /// The newest answer that is owed to `remote`.
    pub(super) fn take_for(&mut self, remote: SocketAddr) -> Option<PathResponse> {
        let position = self
            .0
            .iter()
            .rposition(|response| response.remote == remote)?;
        Some(self.0.remove(position))
    }

    /// The oldest answer that is owed to any other address.
    pub(super) fn take_elsewhere(&mut self, active: SocketAddr) -> Option<PathResponse> {
        let position = self
            .0
            .iter()
            .position(|response| response.remote != active)?;
        Some(self.0.remove(position))
    }

    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    pub(super) fn owes(&self, remote: SocketAddr) -> bool {
        self.0.iter().any(|response| response.remote == remote)
    }
}

/// How much more than it received a server sends to an address that is not validated
/// (RFC 9000 section 8.1).
const AMPLIFICATION_MAX: u64 = 3;

/// Answers kept at a time.
const RESPONSES_MAX: usize = 4;
