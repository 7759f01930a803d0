//! Whether the path keeps ECN marks (RFC 9000 section 13.4.2 and appendix A.4; Q-ACK-4).

use crate::frame::EcnCounts;
use crate::stats::EcnState;
use crate::transmit::EcnCodepoint;

/// Sends marks and watches what comes back.
#[derive(Clone, Debug)]
pub(crate) struct EcnValidation {
    state: EcnState,
    /// Packets sent with a mark while testing.
    tested: u32,
}

impl EcnValidation {
    pub(crate) fn new(enabled: bool) -> Self {
        let state = if enabled {
            EcnState::Testing
        } else {
            EcnState::Off
        };
        Self { state, tested: 0 }
    }

    pub(crate) fn state(&self) -> EcnState {
        self.state
    }

    /// The mark of the next packet.
    #[inline]
    pub(crate) fn mark(&self) -> Option<EcnCodepoint> {
        matches!(self.state, EcnState::Testing | EcnState::Capable).then_some(EcnCodepoint::Ect0)
    }

    /// A packet was written.
    #[inline]
    pub(crate) fn on_sent(&mut self) {
        if self.state == EcnState::Testing {
            self.tested += 1;
        }
    }

    /// The packets written so far leave, all with one mark: only between transmits may it change,
    /// or packets would count as marked that leave without a mark.
    #[inline]
    pub(crate) fn on_transmit(&mut self) {
        if self.state == EcnState::Testing && self.tested >= TESTED_MAX {
            self.state = EcnState::Unknown;
        }
    }

    /// An ACK frame raised the largest acknowledged number of a space. `acknowledged` packets that
    /// were sent with a mark are new in it; `counts` is what it says of that space, and `known` what
    /// it said before. Gives how many more packets were marked Congestion Experienced.
    pub(crate) fn on_ack(
        &mut self,
        acknowledged: u64,
        counts: Option<EcnCounts>,
        known: &mut EcnCounts,
    ) -> u64 {
        if matches!(self.state, EcnState::Off | EcnState::Failed) {
            return 0;
        }
        match counts.and_then(|counts| newly_marked(acknowledged, counts, known)) {
            Some(marked) => {
                if acknowledged > 0 {
                    self.state = EcnState::Capable;
                }
                marked
            }
            None if acknowledged == 0 && counts.is_none() => 0,
            None => {
                self.state = EcnState::Failed;
                0
            }
        }
    }
}

/// The rules of RFC 9000 section 13.4.2.1. `None` if one is broken.
fn newly_marked(acknowledged: u64, counts: EcnCounts, known: &mut EcnCounts) -> Option<u64> {
    let ect0 = counts.ect0.checked_sub(known.ect0)?;
    let ect1 = counts.ect1.checked_sub(known.ect1)?;
    let ce = counts.ce.checked_sub(known.ce)?;
    // ECT(1) is never sent; each packet acknowledged shows up as ECT(0) or CE.
    if ect1 > 0 || ect0.saturating_add(ce) < acknowledged {
        return None;
    }
    *known = counts;
    Some(ce)
}

/// RFC 9000 appendix A.4: packets that are marked before the first is acknowledged.
const TESTED_MAX: u32 = 10;

#[cfg(test)]
mod tests;
