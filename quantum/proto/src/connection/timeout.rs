//! Time passes: what happens when it is up.

use smallvec::SmallVec;

use super::{Connection, State, Timer};
use crate::carried::Contents;
use crate::error::ConnectionError;
use crate::observe::{Observation, PacketType};
use crate::recovery::{SpaceId, TimerAction};
use crate::time::Instant;

impl Connection {
    /// Does what is due at `now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.watch_from(now);
        for timer in Timer::ALL {
            if self.timers.take_expired(timer, now) {
                self.on_timeout(now, timer);
            }
        }
        self.after_input(now);
    }

    fn on_timeout(&mut self, now: Instant, timer: Timer) {
        match timer {
            Timer::Close => self.end(),
            Timer::Idle => self.abandon(ConnectionError::TimedOut),
            Timer::Handshake => self.on_handshake_timeout(),
            Timer::LossDetection => self.on_loss_timeout(now),
            Timer::KeyDiscard => self.discard_previous_keys(),
            Timer::KeyUpdate => self.start_key_update(now),
            Timer::PathValidation => self.on_validation_timeout(now),
            Timer::KeepAlive => self.pending.ping = true,
            Timer::MessageDeadline => self.messages.expire(now),
            // What they hold back is looked at when packets are assembled.
            Timer::Pacing | Timer::AckDelay | Timer::MtuProbe | Timer::Repair => {}
            Timer::ForgetSymbols => self.forget_symbols(),
        }
    }

    fn on_handshake_timeout(&mut self) {
        if self.is_handshaking() {
            self.abandon(ConnectionError::HandshakeTimedOut);
        }
    }

    fn on_loss_timeout(&mut self, now: Instant) {
        if let State::Closing(closing) = &mut self.state {
            closing.pending = true;
            return;
        }
        let mut outcome = std::mem::take(&mut self.outcome);
        let facts = self.handshake_facts();
        match self.recovery.on_timeout(now, &facts, &mut outcome) {
            TimerAction::Nothing => {}
            TimerAction::Lost(space) => {
                self.observe_lost(space, &outcome);
                self.apply(now, space, &mut outcome);
            }
            TimerAction::Probe { space, packets } => self.owe_probes(now, space, packets),
        }
        self.outcome = outcome;
    }

    /// A probe repeats the oldest data that is not acknowledged, unless there is something new to
    /// say: an answer to it alone would only start the repair a round trip later.
    fn owe_probes(&mut self, now: Instant, space: SpaceId, packets: u8) {
        self.probes[space as usize] = packets;
        let packet_type = PacketType::of_space(space);
        self.observe(|| Observation::ProbeTimeout {
            packet_type,
            packets,
        });
        if space == SpaceId::Data && self.recovery.timeouts() >= SILENT_PROBES {
            self.path.mtu.on_silence();
            self.adopt_datagram_size();
        }
        if space == SpaceId::Data && self.streams.has_pending_data() {
            return;
        }
        let oldest: SmallVec<[Contents; 2]> = self
            .recovery
            .outstanding(space)
            .filter(|contents| self.is_wanted(now, contents))
            .take(packets.into())
            .cloned()
            .collect();
        for contents in oldest {
            self.on_lost(space, &contents);
        }
    }

    /// After anything that may have changed what is in flight or what is to be said.
    pub(super) fn after_input(&mut self, now: Instant) {
        self.observe_metrics();
        if self.is_closed() {
            return;
        }
        self.close_if_delivered(now);
        self.arm_loss_timer();
        self.arm_message_timer();
    }

    pub(super) fn arm_message_timer(&mut self) {
        self.timers
            .set_or_stop(Timer::MessageDeadline, self.messages.next_deadline());
    }

    pub(super) fn arm_loss_timer(&mut self) {
        let facts = self.handshake_facts();
        self.timers
            .set_or_stop(Timer::LossDetection, self.recovery.timeout(&facts));
    }
}

/// Probe timeouts in a row after which the size of datagrams is suspected.
const SILENT_PROBES: u32 = 3;
