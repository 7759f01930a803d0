//! What frames of the peer bring.

use super::Streams;
use crate::error::{TransportError, TransportErrorCode};
use crate::frame;
use crate::stream::control::Control;
use crate::stream::counts::Admission;
use crate::stream::{Direction, Side, StreamEvent, StreamId};

impl Streams {
    /// STREAM.
    ///
    /// # Errors
    /// The peer is at fault, as for all frames: see the reason.
    pub(crate) fn on_stream(&mut self, frame: &frame::Stream<'_>) -> Result<(), TransportError> {
        let id = frame.id;
        self.arrive_receiving(id)?;
        let Some(receiving) = self.receiving.get_mut(&id) else {
            return Ok(());
        };
        let end = frame.offset.saturating_add(frame.data.len() as u64);
        let growth = receiving.grow(end, frame.fin)?;
        self.inbound.on_received(growth)?;
        if receiving.is_discarding() {
            self.discard(id);
            return Ok(());
        }
        receiving.store(frame.offset, frame.data)?;
        if receiving.read_blocked {
            self.wake_reader(id);
        }
        Ok(())
    }

    /// RESET_STREAM.
    pub(crate) fn on_reset_stream(
        &mut self,
        id: StreamId,
        error: u64,
        final_size: u64,
    ) -> Result<(), TransportError> {
        self.arrive_receiving(id)?;
        let Some(receiving) = self.receiving.get_mut(&id) else {
            return Ok(());
        };
        // What is here completely, its end included, is read as if the reset had been late
        // (RFC 9000 section 3.2). Bytes whose end is only known by the reset are not complete.
        let was_complete = receiving.is_complete();
        let growth = receiving.grow(final_size, true)?;
        self.inbound.on_received(growth)?;
        if was_complete && !receiving.is_discarding() {
            self.wake_reader(id);
            return Ok(());
        }
        receiving.reset.get_or_insert(error);
        receiving.buffer.discard();
        self.discard(id);
        self.wake_reader(id);
        Ok(())
    }

    /// STOP_SENDING.
    pub(crate) fn on_stop_sending(
        &mut self,
        id: StreamId,
        error: u64,
    ) -> Result<(), TransportError> {
        self.arrive_sending(id)?;
        let Some(sending) = self.sending.get_mut(&id).filter(|s| s.reset.is_none()) else {
            return Ok(());
        };
        sending.stopped = Some(error);
        self.events.push_back(StreamEvent::Stopped(id, error));
        self.abandon(id, error);
        Ok(())
    }

    /// MAX_DATA.
    pub(crate) fn on_max_data(&mut self, bytes: u64) {
        self.outbound.raise(bytes);
    }

    /// MAX_STREAM_DATA.
    pub(crate) fn on_max_stream_data(
        &mut self,
        id: StreamId,
        bytes: u64,
    ) -> Result<(), TransportError> {
        self.arrive_sending(id)?;
        let Some(sending) = self.sending.get_mut(&id).filter(|s| bytes > s.limit) else {
            return Ok(());
        };
        sending.limit = bytes;
        self.queue_stream(id);
        self.wake_writer(id);
        Ok(())
    }

    /// MAX_STREAMS.
    pub(crate) fn on_max_streams(&mut self, direction: Direction, count: u64) {
        self.raise_streams(direction, count);
    }

    /// STREAM_DATA_BLOCKED: credit comes by itself, but the stream has to be one that the peer
    /// sends on.
    pub(crate) fn on_stream_data_blocked(&mut self, id: StreamId) -> Result<(), TransportError> {
        self.arrive_receiving(id)
    }

    /// Which side the peer is.
    pub(super) fn peer_side(&self) -> Side {
        match self.side {
            Side::Client => Side::Server,
            Side::Server => Side::Client,
        }
    }

    /// Gives back the credit of bytes that nobody reads, and forgets a stopped stream at its end.
    fn discard(&mut self, id: StreamId) {
        let Some(receiving) = self.receiving.get_mut(&id) else {
            return;
        };
        let released = receiving.release_all();
        let is_over = receiving.stopped.is_some() && receiving.final_size.is_some();
        self.release(released);
        if is_over {
            self.end_receiving(id);
        }
    }

    /// Checks that the peer may send on the stream; makes its state if it is new.
    fn arrive_receiving(&mut self, id: StreamId) -> Result<(), TransportError> {
        if self.receiving.contains_key(&id) {
            return Ok(());
        }
        if id.initiator() == self.side && id.direction() == Direction::Unidirectional {
            return Err(state_error(
                "the peer sent on a stream that only we send on",
            ));
        }
        self.arrive(id)
    }

    /// Checks that the peer may receive on the stream; makes its state if it is new.
    fn arrive_sending(&mut self, id: StreamId) -> Result<(), TransportError> {
        if self.sending.contains_key(&id) {
            return Ok(());
        }
        if id.initiator() != self.side && id.direction() == Direction::Unidirectional {
            return Err(state_error(
                "the peer answered on a stream that only it sends on",
            ));
        }
        self.arrive(id)
    }

    /// A frame for a stream of which at least one half has no state.
    fn arrive(&mut self, id: StreamId) -> Result<(), TransportError> {
        let direction = id.direction();
        if id.initiator() == self.side {
            if id.index() < self.opened[direction as usize].count {
                return Ok(());
            }
            return Err(state_error(
                "the peer used a stream that we have not opened",
            ));
        }
        let admitted = &mut self.admitted[direction as usize];
        let opened = admitted.opened;
        match admitted.admit(id.index()) {
            Admission::Ended => {}
            Admission::New => self.create(id),
            Admission::Refused => {
                return Err(TransportError::new(
                    TransportErrorCode::STREAM_LIMIT_ERROR,
                    "the peer opened more streams than it may",
                ));
            }
        }
        let admitted = &mut self.admitted[direction as usize];
        if admitted.opened > opened && !admitted.told {
            admitted.told = true;
            self.events.push_back(StreamEvent::Opened(direction));
        }
        Ok(())
    }

    /// Notes that something the packet carried has arrived. What is not of streams is ignored.
    pub(crate) fn on_delivered(&mut self, carried: &crate::carried::Carried) {
        use crate::carried::Carried;
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

    /// Notes that something a packet carried is lost: it is sent again if it still matters. Says
    /// whether it does.
    pub(crate) fn on_lost(&mut self, carried: &crate::carried::Carried) -> bool {
        use crate::carried::Carried;
        let control = match *carried {
            Carried::Stream {
                id,
                start,
                length,
                fin,
            } => {
                let Some(sending) = self.sending.get_mut(&id) else {
                    return false;
                };
                let again = sending.on_lost(start..start + u64::from(length), fin);
                self.queue_stream(id);
                return again;
            }
            Carried::ResetStream { id } => Control::ResetStream(id),
            Carried::StopSending { id } => Control::StopSending(id),
            Carried::MaxData => Control::MaxData,
            Carried::MaxStreamData { id } => Control::MaxStreamData(id),
            Carried::MaxStreams { direction } => Control::MaxStreams(direction),
            _ => return false,
        };
        self.controls.push(control);
        true
    }

    fn on_stream_delivered(&mut self, id: StreamId, range: std::ops::Range<u64>, fin: bool) {
        let Some(sending) = self.sending.get_mut(&id) else {
            return;
        };
        let had_end = sending.fin == crate::stream::sending::Fin::Delivered;
        let freed = sending.on_delivered(range, fin);
        let has_end = sending.fin == crate::stream::sending::Fin::Delivered;
        // A reset takes the place of the end, and only its own delivery ends the stream: what was
        // given up may be missing at the peer.
        let is_reset = sending.reset.is_some();
        let is_over = !is_reset && sending.is_delivered();
        if has_end && !had_end && !is_reset {
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

/// A frame for a stream that does not permit it.
const fn state_error(reason: &'static str) -> TransportError {
    TransportError::new(TransportErrorCode::STREAM_STATE_ERROR, reason)
}
