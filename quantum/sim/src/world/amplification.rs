//! Who has proven to be where: bytes to and from addresses, as seen on the wire.
//!
//! An address is proven for a host when its owner, who may have another by now, sends something after
//! having received something from that host there, or by a token of an earlier connection, which names
//! a host and no port. No protocol can prove more, so a host that sends beyond three times what it
//! received before that is at fault whatever its packets say.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use quantum_proto::time::Instant;

use super::HostId;
use crate::datagram::Datagram;

/// RFC 9000 section 8.
const FACTOR: u64 = 3;

#[derive(Default)]
pub(super) struct Ledger {
    accounts: BTreeMap<(HostId, SocketAddr), Account>,
    /// Proven before the world began; each counts for one port, the first that needs it.
    trusted: BTreeSet<(HostId, IpAddr)>,
}

#[derive(Default)]
struct Account {
    received: u64,
    sent: u64,
    /// Who received something there first, and when.
    reached: Option<(HostId, Instant)>,
    /// The owner has answered since: an attacker may be there first with a copy of it.
    answered: bool,
    proven: bool,
}

impl Ledger {
    /// `address` was proven to `host` before the world began, whatever its port is today.
    pub(super) fn trust(&mut self, host: HostId, address: IpAddr) {
        self.trusted.insert((host, address));
    }

    /// A datagram of `from`, or a copy of one, is handed to `to`: if it is the first, the address is
    /// reached.
    pub(super) fn on_delivered(
        &mut self,
        now: Instant,
        from: HostId,
        datagram: &Datagram,
        to: HostId,
    ) {
        let account = self.account(from, datagram.addressed_to);
        account.reached.get_or_insert((to, now));
    }

    /// `origin` sends something to `host`: from which of its addresses, the network decides.
    pub(super) fn on_answered(&mut self, origin: HostId, host: HostId, now: Instant) {
        for ((of, _), account) in &mut self.accounts {
            let reached = account.reached;
            account.answered |= *of == host
                && reached.is_some_and(|(owner, since)| owner == origin && since <= now);
        }
    }

    /// `host` takes a datagram, which may be a copy of what its real sender said.
    pub(super) fn on_received(&mut self, host: HostId, datagram: &Datagram, copied: bool) {
        self.account(host, datagram.source).received += datagram.bytes.len() as u64;
        // An answer counts wherever it comes from (RFC 9000 section 8.2.3).
        for ((of, _), account) in &mut self.accounts {
            let answers = account.reached.is_some_and(|(owner, since)| {
                owner == datagram.origin && since <= datagram.sent_at
            });
            account.proven |= *of == host && (answers || (copied && account.answered));
        }
    }

    /// `host` sends `bytes` to an address that it may not trust.
    ///
    /// # Errors
    ///
    /// Bytes received from there and bytes sent, if the latter are too many.
    pub(super) fn on_sent(
        &mut self,
        host: HostId,
        to: SocketAddr,
        bytes: usize,
    ) -> Result<(), (u64, u64)> {
        let account = self.account(host, to);
        account.sent += bytes as u64;
        if account.proven || account.sent <= account.received.saturating_mul(FACTOR) {
            return Ok(());
        }
        let excess = (account.received, account.sent);
        if self.trusted.remove(&(host, to.ip())) {
            self.account(host, to).proven = true;
            return Ok(());
        }
        Err(excess)
    }

    fn account(&mut self, host: HostId, address: SocketAddr) -> &mut Account {
        self.accounts.entry((host, address)).or_default()
    }
}
