//! Bytes that the application wrote, kept until the peer has acknowledged them.

use std::collections::VecDeque;
use std::mem;
use std::ops::Range;

use bytes::Bytes;

use super::blocks::{BLOCK_BYTES, Blocks};
use super::coverage::Coverage;
use crate::range_set::RangeSet;

/// Smaller writes are gathered, so that a stream of tiny ones costs no chunk each.
const GATHERED_BYTES: usize = 2 << 10;

/// Gathered writes are closed to a chunk at this size.
const TAIL_BYTES: usize = 16 << 10;

/// A delivered stream keeps a tail of up to this capacity for the next small write.
const KEPT_BYTES: usize = 1 << 10;

/// The sending end of ordered bytes.
#[derive(Debug, Default)]
pub(crate) struct SendBuffer {
    chunks: VecDeque<Chunk>,
    /// How many chunks have been sent whole: new bytes are found without searching for them.
    passed: usize,
    /// Small writes behind the last chunk, up to `end`.
    tail: Vec<u8>,
    /// Bytes that the application wrote.
    end: u64,
    /// Bytes that have been sent at least once.
    sent: u64,
    delivered: Coverage,
    lost: RangeSet,
    memory: Blocks,
}

#[derive(Debug)]
struct Chunk {
    start: u64,
    data: Bytes,
}

impl Chunk {
    fn end(&self) -> u64 {
        self.start + self.data.len() as u64
    }

    fn contains(&self, offset: u64) -> bool {
        self.start <= offset && offset < self.end()
    }
}

impl SendBuffer {
    /// A buffer that shares its memory.
    pub(crate) fn new(memory: Blocks) -> Self {
        Self {
            memory,
            ..Self::default()
        }
    }

    /// How many bytes have been written.
    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    /// How many bytes have been sent at least once.
    pub(crate) fn sent(&self) -> u64 {
        self.sent
    }

    /// Bytes kept: from the first that is not acknowledged.
    pub(crate) fn buffered(&self) -> u64 {
        self.end - self.delivered.contiguous()
    }

    /// Bytes that were never sent.
    pub(crate) fn unsent(&self) -> u64 {
        self.end - self.sent
    }

    /// Bytes of memory held for data.
    pub(crate) fn memory(&self) -> usize {
        let chunks = self.chunks.iter().map(|chunk| chunk.data.len());
        chunks.sum::<usize>() + self.tail.capacity()
    }

    /// Whether everything written has been acknowledged.
    pub(crate) fn is_delivered(&self) -> bool {
        self.delivered.contiguous() == self.end
    }

    /// Appends a copy of `data`.
    pub(crate) fn write(&mut self, data: &[u8]) {
        if data.len() < GATHERED_BYTES {
            return self.gather(data);
        }
        // In pieces, so that memory comes back as they are acknowledged.
        for piece in data.chunks(BLOCK_BYTES) {
            self.push(self.copy(piece));
        }
    }

    /// Appends `data`: large data without a copy.
    pub(crate) fn write_chunk(&mut self, data: Bytes) {
        if data.len() < GATHERED_BYTES {
            self.gather(&data);
        } else {
            self.push(data);
        }
    }

    /// The first bytes that have to be sent again.
    pub(crate) fn next_lost(&self) -> Option<Range<u64>> {
        self.lost.iter().next()
    }

    /// Bytes that were never sent, up to the offset `limit`.
    pub(crate) fn next_unsent(&self, limit: u64) -> Option<Range<u64>> {
        let end = self.end.min(limit);
        (self.sent < end).then_some(self.sent..end)
    }

    /// Notes that `range`, a part of what `next_` returned, is on its way.
    pub(crate) fn on_sent(&mut self, range: Range<u64>) {
        if range.end > self.sent {
            self.sent = range.end;
            self.pass_sent();
        } else {
            self.lost.remove(range);
        }
    }

    /// Appends the bytes of `range` to `target`.
    pub(crate) fn copy_to(&self, range: Range<u64>, target: &mut Vec<u8>) {
        let mut start = range.start;
        while start < range.end {
            let data = self.at(start);
            let count = (range.end - start).min(data.len() as u64) as usize;
            if count == 0 {
                return;
            }
            target.extend_from_slice(&data[..count]);
            start += count as u64;
        }
    }

    /// Notes that the peer has `range`. Returns by how many bytes the buffer shrank.
    pub(crate) fn on_delivered(&mut self, range: Range<u64>) -> u64 {
        let before = self.delivered.contiguous();
        let end = range.end.min(self.sent);
        if range.start >= end {
            return 0;
        }
        if !self.lost.is_empty() {
            self.lost.remove(range.start..end);
        }
        self.delivered.add(range.start..end);
        let freed = self.delivered.contiguous() - before;
        if freed > 0 {
            self.trim();
        }
        freed
    }

    /// Keeps no memory for the next write, if everything has been acknowledged.
    pub(crate) fn release(&mut self) {
        if self.is_delivered() {
            self.tail = Vec::new();
            self.chunks = VecDeque::new();
        }
    }

    /// Notes that a packet with `range` was lost: what of it is not acknowledged is sent again.
    /// Says whether that is anything.
    pub(crate) fn on_lost(&mut self, range: Range<u64>) -> bool {
        let start = range.start.max(self.delivered.contiguous());
        let end = range.end.min(self.sent);
        if start >= end {
            return false;
        }
        let mut missing = end - start;
        self.lost.insert(start..end);
        for known in self.delivered.beyond().iter() {
            if known.start >= end {
                break;
            }
            if known.end > start {
                missing -= known.end.min(end) - known.start.max(start);
                self.lost.remove(known);
            }
        }
        missing > 0
    }

    /// Notes that nothing of what was sent was seen by the peer, nor will be.
    pub(crate) fn restart(&mut self) {
        self.sent = self.delivered.contiguous();
        self.passed = 0;
        self.lost = RangeSet::default();
    }

    /// Forgets the bytes; how many were sent stays known. Returns how many were kept.
    pub(crate) fn discard(&mut self) -> u64 {
        let discarded = self.buffered();
        self.chunks = VecDeque::new();
        self.passed = 0;
        self.tail = Vec::new();
        self.lost = RangeSet::default();
        self.end = self.sent;
        self.delivered = Coverage::default();
        self.delivered.add(0..self.sent);
        discarded
    }

    fn gather(&mut self, data: &[u8]) {
        if self.tail.len() + data.len() > TAIL_BYTES {
            self.close_tail();
        }
        self.tail.extend_from_slice(data);
        self.end += data.len() as u64;
    }

    fn copy(&self, piece: &[u8]) -> Bytes {
        if piece.len() <= BLOCK_BYTES / 2 {
            return Bytes::copy_from_slice(piece);
        }
        let mut block = self.memory.take();
        block.extend_from_slice(piece);
        block.freeze()
    }

    fn push(&mut self, data: Bytes) {
        self.close_tail();
        self.end += data.len() as u64;
        let start = self.end - data.len() as u64;
        self.chunks.push_back(Chunk { start, data });
    }

    fn close_tail(&mut self) {
        if self.tail.is_empty() {
            return;
        }
        let data = Bytes::from(mem::take(&mut self.tail));
        let start = self.end - data.len() as u64;
        self.chunks.push_back(Chunk { start, data });
    }

    /// The bytes from `offset` to the end of their chunk.
    fn at(&self, offset: u64) -> &[u8] {
        let tail_start = self.end - self.tail.len() as u64;
        if offset >= tail_start {
            return self
                .tail
                .get((offset - tail_start) as usize..)
                .unwrap_or(&[]);
        }
        let fresh = self.chunks.get(self.passed);
        let chunk = fresh.filter(|chunk| chunk.contains(offset)).or_else(|| {
            let after = self.chunks.partition_point(|chunk| chunk.start <= offset);
            self.chunks.get(after.checked_sub(1)?)
        });
        chunk
            .and_then(|chunk| chunk.data.get((offset - chunk.start) as usize..))
            .unwrap_or(&[])
    }

    /// Moves on behind the chunks that have been sent.
    fn pass_sent(&mut self) {
        while let Some(chunk) = self.chunks.get(self.passed)
            && chunk.end() <= self.sent
        {
            self.passed += 1;
        }
    }

    /// Frees what the peer has.
    fn trim(&mut self) {
        let done = self.delivered.contiguous();
        while let Some(front) = self.chunks.front() {
            if front.end() > done {
                return;
            }
            let block = self
                .chunks
                .pop_front()
                .map(|chunk| chunk.data.try_into_mut());
            if let Some(Ok(block)) = block {
                self.memory.put(block);
            }
            self.passed = self.passed.saturating_sub(1);
        }
        if done < self.end {
            return;
        }
        self.tail.clear();
        if self.tail.capacity() > KEPT_BYTES {
            self.tail = Vec::new();
        }
    }
}

#[cfg(test)]
mod tests;
