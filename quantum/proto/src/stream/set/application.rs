//! What the application calls.

use bytes::Bytes;

use super::Streams;
use crate::stream::control::Control;
use crate::stream::counts::Admission;
use crate::stream::receiving::Receiving;
use crate::stream::sending::{COPIES_BYTES_MAX, Fin};
use crate::stream::{ClosedStream, Direction, FinishError, ReadError, StreamId, WriteError};
use crate::urgency::Urgency;

impl Streams {
    /// Opens a stream. `None`: the peer allows no more for now; an event tells when it does.
    pub(crate) fn open(&mut self, direction: Direction) -> Option<StreamId> {
        let opened = &mut self.opened[direction as usize];
        let told = opened.blocked;
        let Some(index) = opened.open() else {
            // Once for each limit, however often the application tries.
            if !told {
                self.controls.push(Control::StreamsBlocked(direction));
            }
            return None;
        };
        let id = StreamId::new(self.side, direction, index);
        self.create(id);
        Some(id)
    }

    /// Takes the next stream that the peer opened.
    pub(crate) fn accept(&mut self, direction: Direction) -> Option<StreamId> {
        loop {
            let (index, admission) = self.admitted[direction as usize].accept()?;
            let id = StreamId::new(self.peer_side(), direction, index);
            if admission == Admission::New {
                self.create(id);
            }
            if self.receiving.contains_key(&id) || self.sending.contains_key(&id) {
                return Some(id);
            }
        }
    }

    /// Writes a copy of as much of `data` as there is room for.
    pub(crate) fn write(&mut self, id: StreamId, data: &[u8]) -> Result<usize, WriteError> {
        let count = self.writable(id, data.len(), COPIES_BYTES_MAX)?;
        if let Some(sending) = self.sending.get_mut(&id) {
            sending.buffer.write(&data[..count]);
        }
        self.on_written(id, count);
        Ok(count)
    }

    /// Writes as much of `data` as there is room for, without a copy if it is large; `data` keeps
    /// the rest.
    pub(crate) fn write_chunk(
        &mut self,
        id: StreamId,
        data: &mut Bytes,
    ) -> Result<usize, WriteError> {
        let count = self.writable(id, data.len(), u64::MAX)?;
        if let Some(sending) = self.sending.get_mut(&id) {
            sending.buffer.write_chunk(data.split_to(count));
        }
        self.on_written(id, count);
        Ok(count)
    }

    /// Marks the end of what is written.
    pub(crate) fn finish(&mut self, id: StreamId) -> Result<(), FinishError> {
        let sending = self.sending.get_mut(&id).ok_or(FinishError::Closed)?;
        if let Some(error) = sending.stopped {
            return Err(FinishError::Stopped(error));
        }
        if !sending.is_open() {
            return Err(FinishError::Closed);
        }
        sending.fin = Fin::Pending;
        self.unacked_ends += 1;
        self.queue_stream(id);
        Ok(())
    }

    /// Says what the stream goes before, from now on.
    pub(crate) fn set_urgency(
        &mut self,
        id: StreamId,
        urgency: Urgency,
    ) -> Result<(), ClosedStream> {
        let sending = self.sending.get_mut(&id).ok_or(ClosedStream)?;
        self.schedule.set_urgency(id, urgency, sending);
        Ok(())
    }

    /// Gives the stream up: the peer's application reads `error`.
    pub(crate) fn reset(&mut self, id: StreamId, error: u64) -> Result<(), ClosedStream> {
        let sending = self.sending.get(&id).ok_or(ClosedStream)?;
        if sending.reset.is_some() {
            return Err(ClosedStream);
        }
        self.abandon(id, error);
        Ok(())
    }

    /// Reads into `buffer`; zero means the end (or that `buffer` is empty).
    pub(crate) fn read(&mut self, id: StreamId, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let wanted = !buffer.is_empty();
        let read = |receiving: &mut Receiving| {
            let count = receiving.buffer.read(buffer);
            (count > 0 || !wanted).then_some(count)
        };
        self.read_with(id, read).map(Option::unwrap_or_default)
    }

    /// Reads up to `bytes_max` bytes without a copy; `None` means the end.
    pub(crate) fn read_chunk(
        &mut self,
        id: StreamId,
        bytes_max: usize,
    ) -> Result<Option<Bytes>, ReadError> {
        let read = |receiving: &mut Receiving| {
            if bytes_max == 0 {
                return Some(Bytes::new());
            }
            receiving.buffer.read_chunk(bytes_max)
        };
        self.read_with(id, read)
    }

    /// Reads no more: the peer is asked to stop, with `error`.
    pub(crate) fn stop(&mut self, id: StreamId, error: u64) -> Result<(), ClosedStream> {
        let receiving = self.receiving.get_mut(&id).ok_or(ClosedStream)?;
        if receiving.stopped.is_some() {
            return Err(ClosedStream);
        }
        receiving.stopped = Some(error);
        receiving.buffer.discard();
        let is_over = receiving.final_size.is_some();
        let released = receiving.release_all();
        self.release(released);
        if is_over {
            self.end_receiving(id);
        } else {
            self.controls.push(Control::StopSending(id));
        }
        Ok(())
    }

    /// How many of `bytes` can be written now, if `unsent_max` may wait to be sent.
    fn writable(
        &mut self,
        id: StreamId,
        bytes: usize,
        unsent_max: u64,
    ) -> Result<usize, WriteError> {
        let (window_room, allowed) = (self.window_room(), self.is_allowed(id));
        let sending = self.sending.get_mut(&id).ok_or(WriteError::Closed)?;
        if let Some(error) = sending.stopped {
            return Err(WriteError::Stopped(error));
        }
        if !sending.is_open() {
            return Err(WriteError::Closed);
        }
        let stream_room = if allowed { sending.room() } else { 0 };
        let unsent_room = unsent_max.saturating_sub(sending.buffer.unsent());
        let room = stream_room.min(window_room).min(unsent_room);
        if room > 0 || bytes == 0 {
            return Ok(bytes.min(usize::try_from(room).unwrap_or(usize::MAX)));
        }
        sending.write_blocked = true;
        if stream_room == 0 {
            if sending.blocked_told.replace(sending.limit) != Some(sending.limit) {
                self.controls.push(Control::StreamDataBlocked(id));
            }
        } else if unsent_room > 0 && !std::mem::replace(&mut sending.awaits_window, true) {
            self.waiting.push(id);
        }
        Err(WriteError::Blocked)
    }

    fn on_written(&mut self, id: StreamId, count: usize) {
        self.buffered += count as u64;
        self.queue_stream(id);
    }

    /// Reads by `read`, whose `None` is explained: the end, an error, or nothing for now.
    fn read_with<T>(
        &mut self,
        id: StreamId,
        read: impl FnOnce(&mut Receiving) -> Option<T>,
    ) -> Result<Option<T>, ReadError> {
        let receiving = self.receiving.get_mut(&id).ok_or(ReadError::Closed)?;
        if receiving.stopped.is_some() {
            return Err(ReadError::Closed);
        }
        if let Some(error) = receiving.reset {
            self.end_receiving(id);
            return Err(ReadError::Reset(error));
        }
        if let Some(taken) = read(receiving) {
            self.on_read(id);
            return Ok(Some(taken));
        }
        if receiving.is_read() {
            self.end_receiving(id);
            return Ok(None);
        }
        receiving.read_blocked = true;
        Err(ReadError::Blocked)
    }

    /// Gives credit for what has been read.
    fn on_read(&mut self, id: StreamId) {
        let Some(receiving) = self.receiving.get_mut(&id) else {
            return;
        };
        let released = receiving.release_read();
        if receiving.is_credit_due() {
            self.controls.push(Control::MaxStreamData(id));
        }
        self.release(released);
    }
}
