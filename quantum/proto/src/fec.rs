//! Forward error correction: a lost packet is rebuilt from others, long before it could have been
//! sent again (section 13 of the specification).
//!
//! The unit is the packet. What a packet carries of streams and messages is its *symbol*
//! (`symbol`); a REPAIR frame is a linear combination over GF(2^8) of the newest symbols that the
//! sender has no word of. Coefficients come from one Cauchy matrix (`code`), so that repairs over
//! the same packets are a Reed-Solomon code, and repairs over a moving window a sliding-window code
//! in the manner of RFC 8681. One code thus serves sparse messages, media and the tail of a
//! transfer; they differ in when repairs leave (`schedule`).
//!
//! Out: `encode` keeps the window, `estimate` measures loss, `schedule` decides when a repair
//! is worth its bytes. In: `decode` keeps symbols and solves `equations`.

mod code;
mod codec;
mod decode;
mod encode;
mod equations;
mod estimate;
mod field;
#[cfg(feature = "reed-solomon-erasure")]
mod reed_solomon;
mod schedule;

#[cfg(test)]
pub(crate) mod tests;

use std::ops::Range;

pub use codec::{Cauchy, CodecError, FecCodec};
pub(crate) use decode::{Decoder, Recovered, Use};
pub(crate) use encode::WINDOW_MAX;
pub(crate) use estimate::LossEstimate;
#[cfg(feature = "reed-solomon-erasure")]
pub use reed_solomon::ReedSolomon;
pub(crate) use schedule::{Conditions, Sender};

use crate::carried::Carried;
use crate::frame::{Frame, Frames};

/// The bytes of a payload that are its symbol (Q-FEC-1): from the first frame about streams and
/// messages to the end of the last one. `None`: it has no data of either, or cannot be read.
pub(crate) fn symbol(payload: &[u8]) -> Option<Range<usize>> {
    let mut frames = Frames::new(payload);
    let mut range: Option<Range<usize>> = None;
    let mut has_data = false;
    loop {
        let start = payload.len() - frames.remaining();
        let Some(frame) = frames.next() else {
            return range.filter(|_| has_data);
        };
        let frame = frame.ok()?;
        has_data |= matches!(frame, Frame::Stream(_) | Frame::Message(_));
        if is_repaired(&frame) {
            let end = payload.len() - frames.remaining();
            range = Some(range.map_or(start, |range| range.start)..end);
        }
    }
}

/// Whether the frame has its effect when its packet is rebuilt. Those that are about the path, the
/// keys or the connection's names do not: a rebuilt packet has not travelled.
pub(crate) fn is_repaired(frame: &Frame<'_>) -> bool {
    matches!(
        frame,
        Frame::Stream(_)
            | Frame::Message(_)
            | Frame::ResetStream { .. }
            | Frame::StopSending { .. }
            | Frame::MaxData { .. }
            | Frame::MaxStreamData { .. }
            | Frame::MaxStreams { .. }
            | Frame::ResetMessage { .. }
            | Frame::MaxMessageData { .. }
            | Frame::MessagesExpired(_)
            | Frame::Timestamp(_)
    )
}

/// Whether what a packet carried is known to have arrived when the packet is rebuilt: the other side
/// of [`is_repaired`].
pub(crate) fn is_settled(carried: &Carried) -> bool {
    match carried {
        Carried::Stream { .. }
        | Carried::Message { .. }
        | Carried::ResetStream { .. }
        | Carried::StopSending { .. }
        | Carried::MaxData
        | Carried::MaxStreamData { .. }
        | Carried::MaxStreams { .. }
        | Carried::MessagesExpired
        | Carried::ResetMessage { .. }
        | Carried::MaxMessageData => true,
        Carried::Crypto { .. }
        | Carried::Blocked
        | Carried::NewConnectionId { .. }
        | Carried::RetireConnectionId { .. }
        | Carried::NewToken
        | Carried::HandshakeDone
        | Carried::AckFrequency
        | Carried::Ack { .. } => false,
    }
}

/// Before a symbol stands its length, in this many bytes: it tells the symbol from what a
/// combination with longer ones adds to its end.
const LENGTH_BYTES: usize = 2;
