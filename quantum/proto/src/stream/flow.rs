//! Credit: how much each side may send (RFC 9000 section 4).

use crate::error::{TransportError, TransportErrorCode};

/// Credit that the peer gave.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SendCredit {
    limit: u64,
    used: u64,
}

impl SendCredit {
    /// What the peer allows in all.
    pub(crate) fn limit(&self) -> u64 {
        self.limit
    }

    /// What is left.
    pub(crate) fn available(&self) -> u64 {
        self.limit.saturating_sub(self.used)
    }

    /// Sets the limit, up or down: for transport parameters.
    pub(crate) fn set_limit(&mut self, limit: u64) {
        self.limit = limit;
    }

    /// Raises the limit; an older, lower one is ignored. Returns whether it rose.
    pub(crate) fn raise(&mut self, limit: u64) -> bool {
        let rose = limit > self.limit;
        self.limit = self.limit.max(limit);
        rose
    }

    /// Uses `amount`, which is available.
    pub(crate) fn spend(&mut self, amount: u64) {
        self.used = self.used.saturating_add(amount);
    }

    /// Starts over with `used` already spent.
    pub(crate) fn restart(&mut self, used: u64) {
        self.used = used;
    }
}

/// Credit given to the peer. It is renewed when half of the window has been consumed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReceiveCredit {
    window: u64,
    limit: u64,
    received: u64,
    consumed: u64,
}

impl ReceiveCredit {
    /// Allows `window` beyond what has been consumed.
    pub(crate) fn new(window: u64) -> Self {
        Self {
            window,
            limit: window,
            received: 0,
            consumed: 0,
        }
    }

    /// Counts what arrived.
    ///
    /// # Errors
    /// The peer is at fault: it sent more than it was allowed to.
    pub(crate) fn on_received(&mut self, amount: u64) -> Result<(), TransportError> {
        self.received = self.received.saturating_add(amount);
        if self.received > self.limit {
            return Err(TransportError::new(
                TransportErrorCode::FLOW_CONTROL_ERROR,
                "the peer sent more than the connection's limit",
            ));
        }
        Ok(())
    }

    /// Counts what need not be kept any more. Returns whether the peer has to hear of new credit.
    pub(crate) fn on_consumed(&mut self, amount: u64) -> bool {
        self.consumed = self.consumed.saturating_add(amount);
        self.is_due()
    }

    /// Whether the peer has less than `amount` left, and can be given more.
    pub(crate) fn is_short_of(&self, amount: u64) -> bool {
        self.limit.saturating_sub(self.received) < amount && self.target() > self.limit
    }

    /// Raises the limit to what can be allowed now, and returns it.
    pub(crate) fn announce(&mut self) -> u64 {
        self.limit = self.limit.max(self.target());
        self.limit
    }

    /// What can be allowed now. Varints end at 2^62.
    fn target(&self) -> u64 {
        self.consumed.saturating_add(self.window).min(MAX)
    }

    fn is_due(&self) -> bool {
        self.target() - self.limit.min(self.target()) >= (self.window / 2).max(1)
    }
}

/// The largest offset or credit (RFC 9000 section 16: a varint's largest value).
pub(crate) const MAX: u64 = (1 << 62) - 1;
