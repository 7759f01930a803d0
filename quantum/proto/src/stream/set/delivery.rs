//! What becomes of the packets that carried frames of streams.

use std::ops::Range;

use super::Streams;
use crate::carried::Carried;
use crate::stream::control::Control;
use crate::stream::sending::Fin;
use crate::stream::{StreamEvent, StreamId};

impl Streams {
    /// Notes that something a packet carried has arrived. What is not of streams is ignored.
    pub(crate) fn on_delivered(&mut self, carried: &Carried) {
        match *carried {
            Carried::Stream {
                id,
                start,
                length,
                fin,
            } => self.on_stream_delivered(id, start..start + u64::from(length), fin),
            Carried::ResetStream { id } => self.on_reset_delivered(id),
            _ => {}
        }
    }

    /// Notes that something a packet carried is lost: it is sent again if it still matters.
    pub(crate) fn on_lost(&mut self, carried: &Carried) {
        match *carried {
            Carried::Stream {
                id,
                start,
                length,
                fin,
            } => self.on_stream_lost(id, start..start + u64::from(length), fin),
            Carried::ResetStream { id } => self.controls.push(Control::ResetStream(id)),
            Carried::StopSending { id } => self.controls.push(Control::StopSending(id)),
            Carried::MaxData => self.controls.push(Control::MaxData),
            Carried::MaxStreamData { id } => self.controls.push(Control::MaxStreamData(id)),
            Carried::MaxStreams { direction } => {
                self.controls.push(Control::MaxStreams(direction));
            }
            _ => {}
        }
    }

    fn on_stream_delivered(&mut self, id: StreamId, range: Range<u64>, fin: bool) {
        let Some(sending) = self.sending.get_mut(&id) else {
            return;
        };
        let had_end = sending.fin == Fin::Delivered;
        let freed = sending.on_delivered(range, fin);
        let has_end = sending.fin == Fin::Delivered;
        let is_over = sending.is_delivered();
        if has_end && !had_end {
            self.unacked_ends = self.unacked_ends.saturating_sub(1);
        }
        if is_over {
            self.end_sending(id);
            self.events.push_back(StreamEvent::Finished(id));
        }
        if freed > 0 {
            self.free(freed);
        }
    }

    fn on_stream_lost(&mut self, id: StreamId, range: Range<u64>, fin: bool) {
        if let Some(sending) = self.sending.get_mut(&id) {
            sending.on_lost(range, fin);
            self.queue_stream(id);
        }
    }

    fn on_reset_delivered(&mut self, id: StreamId) {
        if self
            .sending
            .get(&id)
            .is_some_and(|sending| sending.reset.is_some())
        {
            self.unacked_ends = self.unacked_ends.saturating_sub(1);
            self.end_sending(id);
        }
    }
}
