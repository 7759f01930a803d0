//! Bytes that arrived, on their way to the application: in any order in, in order out.
//!
//! Arriving bytes are copied once, into blocks that are addressed by offset. Memory is bounded by
//! the span of offsets whatever the fragmentation, and the datagram is free for reuse.

use std::collections::VecDeque;
use std::mem;

use bytes::{Buf, Bytes, BytesMut};

use super::blocks::{self, Blocks};
use super::coverage::Coverage;

/// Offsets per block.
const BLOCK_BYTES: u64 = blocks::BLOCK_BYTES as u64;

/// A drained stream keeps a buffer of up to this size for the next bytes; larger ones are freed so
/// that idle connections stay small.
const KEPT_BYTES: usize = 4 << 10;

/// More gaps than honest peers cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fragmented;

/// The receiving end of ordered bytes.
///
/// The caller bounds the offsets (flow control); this bounds the gaps.
#[derive(Debug, Default)]
pub(crate) struct ReceiveBuffer {
    /// Bytes that the application has taken.
    read: u64,
    arrived: Coverage,
    /// The first block starts at `read`, the others at multiples of `BLOCK_BYTES`.
    blocks: VecDeque<BytesMut>,
    /// Capacity that the last blocks turned out to need.
    allocation: usize,
    memory: Blocks,
}

impl ReceiveBuffer {
    /// A buffer that shares its memory.
    pub(crate) fn new(memory: Blocks) -> Self {
        Self {
            memory,
            ..Self::default()
        }
    }

    /// Where the application reads next.
    pub(crate) fn read_offset(&self) -> u64 {
        self.read
    }

    /// Where the first byte is missing.
    pub(crate) fn contiguous(&self) -> u64 {
        self.arrived.contiguous()
    }

    /// Bytes that can be read now.
    pub(crate) fn readable(&self) -> u64 {
        self.arrived.contiguous() - self.read
    }

    /// Keeps `data`, which belongs at `offset`; what is there already may be written again.
    ///
    /// # Errors
    /// The peer is at fault: it fragments the data beyond measure.
    pub(crate) fn insert(&mut self, offset: u64, data: &[u8]) -> Result<(), Fragmented> {
        let end = offset.saturating_add(data.len() as u64);
        if end > self.arrived.contiguous() && !data.is_empty() {
            let first = self.arrived.contiguous().max(offset);
            self.store(first, &data[(first - offset) as usize..]);
            self.arrived.add(offset..end);
        }
        if self.arrived.is_fragmented() {
            return Err(Fragmented);
        }
        Ok(())
    }

    /// Takes bytes into `buffer`, as many as are there.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> usize {
        let mut filled = 0;
        while filled < buffer.len() {
            let count = self.front_readable(buffer.len() - filled);
            let Some(front) = self.blocks.front_mut().filter(|_| count > 0) else {
                break;
            };
            buffer[filled..filled + count].copy_from_slice(&front[..count]);
            front.advance(count);
            filled += count;
            self.advance(count);
        }
        filled
    }

    /// Takes up to `bytes_max` bytes without a copy. `None`: nothing is there.
    pub(crate) fn read_chunk(&mut self, bytes_max: usize) -> Option<Bytes> {
        let count = self.front_readable(bytes_max);
        let front = self.blocks.front_mut().filter(|_| count > 0)?;
        let chunk = front.split_to(count).freeze();
        self.advance(count);
        Some(chunk)
    }

    /// Forgets what has not been read.
    pub(crate) fn discard(&mut self) {
        self.blocks = VecDeque::new();
        self.read = self.arrived.contiguous();
        self.arrived = Coverage::default();
        self.arrived.add(0..self.read);
    }

    /// Bytes of memory held for data.
    pub(crate) fn memory(&self) -> usize {
        self.blocks.iter().map(BytesMut::capacity).sum()
    }

    fn store(&mut self, mut offset: u64, mut data: &[u8]) {
        while !data.is_empty() {
            let start = (offset - offset % BLOCK_BYTES).max(self.read);
            let limit = BLOCK_BYTES - start % BLOCK_BYTES;
            let position = (offset - start) as usize;
            let count = data.len().min(limit as usize - position);
            let (now, later) = data.split_at(count);
            let block = (offset / BLOCK_BYTES - self.read / BLOCK_BYTES) as usize;
            self.place(block, position, now, limit as usize);
            offset += count as u64;
            data = later;
        }
    }

    /// Writes `data` at `position` of a block that never holds more than `limit` bytes.
    fn place(&mut self, block: usize, position: usize, data: &[u8], limit: usize) {
        if self.blocks.len() <= block {
            self.blocks.resize_with(block + 1, BytesMut::new);
        }
        let block = &mut self.blocks[block];
        let end = position + data.len();
        if end > block.capacity() {
            make_room(block, end, limit, &mut self.allocation, &self.memory);
        }
        if position > block.len() {
            block.resize(position, 0);
        }
        let overlap = data.len().min(block.len() - position);
        let (old, new) = data.split_at(overlap);
        block[position..position + overlap].copy_from_slice(old);
        block.extend_from_slice(new);
    }

    /// How many of `bytes_max` bytes can be read from the first block.
    fn front_readable(&self, bytes_max: usize) -> usize {
        let block = BLOCK_BYTES - self.read % BLOCK_BYTES;
        self.readable().min(block).min(bytes_max as u64) as usize
    }

    /// Notes that `count` bytes left the first block.
    fn advance(&mut self, count: usize) {
        self.read += count as u64;
        if self.read.is_multiple_of(BLOCK_BYTES)
            && let Some(block) = self.blocks.pop_front()
        {
            self.memory.put(block);
        }
        if self.blocks.is_empty() || self.readable() > 0 || !self.arrived.beyond().is_empty() {
            return;
        }
        if let Some(front) = self
            .blocks
            .front_mut()
            .filter(|f| f.capacity() > KEPT_BYTES)
        {
            self.memory.put(mem::take(front));
        }
    }
}

/// Makes the capacity of `block` at least `end` and at most `limit`.
fn make_room(
    block: &mut BytesMut,
    end: usize,
    limit: usize,
    allocation: &mut usize,
    memory: &Blocks,
) {
    if block.try_reclaim(end - block.len()) {
        return;
    }
    let wanted = if block.capacity() == 0 {
        end.max(*allocation)
    } else {
        end.max(block.capacity().saturating_mul(2))
    };
    *allocation = wanted.min(BLOCK_BYTES as usize);
    let capacity = wanted.min(limit).max(end);
    let mut larger = if capacity > blocks::BLOCK_BYTES / 2 {
        memory.take()
    } else {
        BytesMut::with_capacity(capacity)
    };
    larger.extend_from_slice(block);
    drop(mem::replace(block, larger));
}

#[cfg(test)]
mod tests;
