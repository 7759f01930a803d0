//! Timers: the time of the next loss, and the probe timeout (RFC 9002 section 6.2).

use std::time::Duration;

use super::Recovery;
use super::outcome::{HandshakeFacts, Outcome, SpaceId, TimerAction};
use super::space::Space;
use crate::stream::Side;
use crate::time::Instant;

/// The probe timeout doubles no more often than this: hours, when the idle timeout has long
/// ended the connection.
const BACKOFF_MAX: u32 = 16;

/// Packets of one probe (RFC 9002 section 6.2.4): two, so that one loss does not cost another
/// round.
const PROBE_PACKETS: u8 = 2;

/// The part of a round trip without any acknowledgement that is silence (own choice).
const SILENCE: u32 = 4;

impl Recovery {
    /// When [`on_timeout`](Self::on_timeout) wants to be called.
    pub(crate) fn timeout(&self, facts: &HandshakeFacts) -> Option<Instant> {
        self.loss_time()
            .or_else(|| self.probe_at(facts).map(|(at, _)| at))
            .or_else(|| self.forget_at())
    }

    /// Time has passed: gives up what is lost, or asks for a probe.
    pub(crate) fn on_timeout(
        &mut self,
        now: Instant,
        facts: &HandshakeFacts,
        outcome: &mut Outcome,
    ) -> TimerAction {
        outcome.clear();
        for space in self.spaces.iter_mut() {
            space.late.expire(now);
        }
        if self.loss_time().is_some() {
            return self.on_loss_time(now, outcome);
        }
        let Some((_, id)) = self.probe_at(facts).filter(|(at, _)| *at <= now) else {
            return TimerAction::Nothing;
        };
        let packets = if self.is_waiting() { PROBE_PACKETS } else { 1 };
        self.timeouts = self.timeouts.saturating_add(1);
        self.totals.probe_timeouts += 1;
        self.progress_at = now;
        self.spaces[id].timed_out_at = now;
        TimerAction::Probe { space: id, packets }
    }

    /// Probe timeout of `space` without backoff (RFC 9002 section 6.2.1).
    pub(crate) fn probe_timeout(&self, space: SpaceId) -> Duration {
        let base = self.path.rtt.probe_timeout();
        match space {
            SpaceId::Data => base + self.max_ack_delay,
            SpaceId::Initial | SpaceId::Handshake => base,
        }
    }

    /// Probe timeouts in a row without an acknowledgement.
    pub(crate) fn timeouts(&self) -> u32 {
        self.timeouts
    }

    fn on_loss_time(&mut self, now: Instant, outcome: &mut Outcome) -> TimerAction {
        for id in SpaceId::ALL {
            let due = self.spaces[id].loss_time;
            if due.is_none_or(|at| at > now) {
                continue;
            }
            self.detect_lost(now, id, None, outcome);
            if !outcome.lost.is_empty() {
                return TimerAction::Lost(id);
            }
        }
        TimerAction::Nothing
    }

    fn loss_time(&self) -> Option<Instant> {
        self.spaces.iter().filter_map(|space| space.loss_time).min()
    }

    fn probe_at(&self, facts: &HandshakeFacts) -> Option<(Instant, SpaceId)> {
        if facts.amplification_limited {
            return None;
        }
        SpaceId::ALL
            .into_iter()
            .filter(|id| self.spaces[*id].eliciting > 0)
            .filter(|id| *id != SpaceId::Data || self.handshake_confirmed)
            .map(|id| (self.backed_off(&self.spaces[id]), id))
            .min()
            .or_else(|| self.anti_deadlock_at(facts))
    }

    /// RFC 9002 section 6.2.2.1: the server may have spent what it may send to an address that is
    /// not validated; the client must send to unlock it.
    fn anti_deadlock_at(&self, facts: &HandshakeFacts) -> Option<(Instant, SpaceId)> {
        if self.peer_validated_us() {
            return None;
        }
        let id = if facts.handshake_keys {
            SpaceId::Handshake
        } else {
            SpaceId::Initial
        };
        Some((self.progress_at + self.backoff(id), id))
    }

    pub(super) fn peer_validated_us(&self) -> bool {
        self.side == Side::Server || self.handshake_acknowledged || self.handshake_confirmed
    }

    /// When the probe timeout of `space` ends. In RFC 9002 section 6.2.1 each packet begins it anew: it never
    /// ends while an application keeps on sending, and a burst of losses is noticed a round trip after its
    /// end. So with data it also ends when it is over for the oldest packet that is outstanding, and nothing
    /// is acknowledged: where a queue grows, acknowledgements are late but keep coming (Q-REC-5).
    fn backed_off(&self, space: &Space) -> Instant {
        let patience = self.backoff(space.id);
        let from_last = space.probe_base() + patience;
        if space.id != SpaceId::Data {
            return from_last;
        }
        let silent_at = self.progress_at + self.path.rtt.smoothed() / SILENCE;
        from_last.min((space.oldest_base() + patience).max(silent_at))
    }

    fn backoff(&self, id: SpaceId) -> Duration {
        self.probe_timeout(id)
            .saturating_mul(1 << self.timeouts.min(BACKOFF_MAX))
    }

    /// When nothing is in flight, memory of lost packets is freed by one more wake-up.
    fn forget_at(&self) -> Option<Instant> {
        self.spaces
            .iter()
            .filter_map(|space| space.late.forget_at())
            .max()
    }
}
