//! Packets are settled: tells the owners of what was sent whether it arrived.

use super::Connection;
use super::timer::Timer;
use crate::carried::{Carried, Contents};
use crate::recovery::{Outcome, SpaceId};
use crate::time::Instant;

impl Connection {
    /// Tells the owners of what was sent how it fared.
    pub(super) fn apply(&mut self, now: Instant, space: SpaceId, outcome: &mut Outcome) {
        for delivered in outcome.delivered.drain(..) {
            if delivered.spurious {
                tracing::trace!(?space, number = delivered.number, "arrived after all");
            }
            if !delivered.current_path {
                // Says nothing about the datagrams of this path.
            } else if delivered.mtu_probe {
                self.path.mtu.on_probe_acked(now, delivered.bytes);
            } else {
                self.path.mtu.on_acked(delivered.bytes);
            }
            if space == SpaceId::Data {
                self.repair_delivered(&delivered);
            }
            self.on_delivered(space, &delivered.contents);
        }
        for lost in outcome.lost.drain(..) {
            tracing::trace!(?space, number = lost.number, "lost");
            if !lost.current_path {
                // Nor does this.
            } else if lost.mtu_probe {
                self.path.mtu.on_probe_lost(now, lost.bytes);
            } else {
                self.path.mtu.on_lost(lost.bytes);
            }
            if space == SpaceId::Data {
                self.repair_lost(&lost);
            }
            self.on_lost(space, &lost.contents);
        }
        if outcome.persistent_congestion {
            tracing::debug!(connection = ?self.handshake.guuid, "persistent congestion");
        }
        self.adopt_datagram_size();
        self.timers
            .set_or_stop(Timer::MtuProbe, self.path.mtu.search_at());
    }

    pub(super) fn on_delivered(&mut self, space: SpaceId, contents: &Contents) {
        for carried in contents {
            match *carried {
                Carried::Stream { .. }
                | Carried::ResetStream { .. }
                | Carried::StopSending { .. }
                | Carried::MaxData
                | Carried::MaxStreamData { .. }
                | Carried::MaxStreams { .. } => self.streams.on_delivered(carried),
                Carried::Message { .. }
                | Carried::ResetMessage { .. }
                | Carried::MessagesExpired
                | Carried::MaxMessageData => {
                    self.messages.on_delivered(carried);
                }
                Carried::Crypto { start, length } => self.on_crypto_delivered(space, start, length),
                Carried::RetireConnectionId { .. } => self.remote_ids.on_retirement_delivered(),
                Carried::Ack { largest } => self.on_ack_delivered(space, largest),
                Carried::Blocked
                | Carried::NewConnectionId { .. }
                | Carried::NewToken
                | Carried::HandshakeDone => {}
                Carried::AckFrequency => {
                    if let Some(delay) = self.ack_requests.on_delivered() {
                        self.recovery.set_max_ack_delay(delay);
                    }
                }
            }
        }
    }

    /// What was in a packet that is lost, or that a probe repeats, has to be sent again.
    pub(super) fn on_lost(&mut self, space: SpaceId, contents: &Contents) {
        let mut again = false;
        for carried in contents {
            again |= self.send_again(space, carried);
        }
        self.statistics.packets_retransmitted += u64::from(again);
    }

    /// Says whether it has to be sent again at all.
    fn send_again(&mut self, space: SpaceId, carried: &Carried) -> bool {
        match *carried {
            Carried::Stream { .. }
            | Carried::ResetStream { .. }
            | Carried::StopSending { .. }
            | Carried::MaxData
            | Carried::MaxStreamData { .. }
            | Carried::MaxStreams { .. } => return self.streams.on_lost(carried),
            Carried::Message { .. }
            | Carried::ResetMessage { .. }
            | Carried::MessagesExpired
            | Carried::MaxMessageData => {
                return self.messages.on_lost(carried);
            }
            Carried::Crypto { start, length } => return self.on_crypto_lost(space, start, length),
            Carried::NewConnectionId { sequence } => self.local_ids.announce_again(sequence),
            Carried::RetireConnectionId { sequence } => {
                self.remote_ids.on_retirement_lost(sequence);
            }
            Carried::NewToken => self.pending.new_token = true,
            Carried::HandshakeDone => self.pending.handshake_done = true,
            Carried::AckFrequency => self.ack_requests.on_lost(),
            Carried::Ack { .. } | Carried::Blocked => return false,
        }
        true
    }

    fn on_ack_delivered(&mut self, space: SpaceId, largest: u64) {
        if let Some(space) = self.spaces[space as usize].as_deref_mut() {
            space.acknowledger.on_ack_delivered(largest);
        }
    }

    /// Recovery and congestion control count in datagrams.
    pub(super) fn adopt_datagram_size(&mut self) {
        let bytes = self.path.mtu.current();
        if bytes != self.datagram_bytes {
            self.on_datagram_bytes(self.datagram_bytes, bytes);
            self.datagram_bytes = bytes;
            self.recovery.on_datagram_size(bytes);
        }
    }
}
