//! What a session is known to be, by rules of one line each.

use session_core::{SessionId, SessionState, Token};

pub(super) const SLIDING_MS: u64 = 100_000;
pub(super) const ABSOLUTE_MS: u64 = 250_000;
pub(super) const IDLE_MS: u64 = 20_000;
pub(super) const TOUCH_MS: u64 = 5_000;
pub(super) const DISCONNECT_MS: u64 = 8_000;
pub(super) const GRACE_MS: u64 = 10_000;
pub(super) const SESSIONS_MAX: usize = 3;

/// What a session is known to be.
pub(super) struct Known {
    pub(super) session_id: SessionId,
    pub(super) user: usize,
    pub(super) tokens: Vec<Token>,
    pub(super) rotated_ms: u64,
    pub(super) created_ms: u64,
    pub(super) active_ms: u64,
    pub(super) expires_ms: u64,
    pub(super) state: SessionState,
    pub(super) connection: Option<u64>,
    pub(super) packets: u64,
    pub(super) ended: bool,
}

impl Known {
    pub(super) fn live(&self, now_ms: u64) -> bool {
        !self.ended && now_ms < self.expires_ms
    }

    pub(super) fn is_disconnecting(&self) -> bool {
        self.state == SessionState::Disconnecting
    }

    pub(super) fn act(&mut self, now_ms: u64) {
        self.active_ms = now_ms;
        if !self.is_disconnecting() {
            self.state = SessionState::Active;
            self.expires_ms = (now_ms + SLIDING_MS).min(self.created_ms + ABSOLUTE_MS);
        }
    }

    pub(super) fn act_if_due(&mut self, now_ms: u64) {
        let settled = self.state == SessionState::Active || self.is_disconnecting();
        if !settled || now_ms - self.active_ms >= TOUCH_MS {
            self.act(now_ms);
        }
    }

    pub(super) fn shown_state(&self, now_ms: u64) -> SessionState {
        match self.state {
            SessionState::Active if now_ms - self.active_ms >= IDLE_MS => SessionState::Idle,
            state => state,
        }
    }
}
