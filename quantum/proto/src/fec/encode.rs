//! The symbols that a repair may cover.

use std::collections::VecDeque;

use smallvec::SmallVec;

use super::{LENGTH_BYTES, code, field};
use crate::frame;
use crate::time::Instant;

/// Symbols that one repair covers at most, and what a receiver says it takes (Q-FEC-4).
pub(crate) const WINDOW_MAX: usize = 32;

/// How far behind the newest symbol the oldest may be: their distance is a bit of a varint.
const DISTANCE_MAX: u64 = 62;

/// The symbols of the newest packets that the peer is not known to have.
#[derive(Debug, Default)]
pub(super) struct SourceWindow {
    sources: VecDeque<Source>,
    /// Memory of symbols that are gone.
    spare: Vec<Vec<u8>>,
}

#[derive(Debug)]
pub(super) struct Source {
    number: u64,
    wanted_until: Instant,
    /// From then on its acknowledgement is missing, and was not seen to be yet.
    overdue_at: Instant,
    /// Its length, then the symbol.
    symbol: Vec<u8>,
}

impl SourceWindow {
    /// A packet with this symbol leaves, which is wanted until then, and should be acknowledged by
    /// `overdue_at`.
    pub(super) fn push(
        &mut self,
        number: u64,
        symbol: &[u8],
        wanted_until: Instant,
        overdue_at: Instant,
    ) {
        let mut kept = self.spare.pop().unwrap_or_default();
        kept.clear();
        prefixed(symbol, &mut kept);
        if self.sources.len() == WINDOW_MAX {
            self.pop_oldest();
        }
        self.sources.push_back(Source {
            number,
            wanted_until,
            overdue_at,
            symbol: kept,
        });
    }

    fn pop_oldest(&mut self) {
        if let Some(source) = self.sources.pop_front() {
            self.spare.push(source.symbol);
        }
    }

    /// The packet needs no repair any more: it has arrived, or is sent again.
    pub(super) fn settle(&mut self, number: u64) {
        let found = self
            .sources
            .binary_search_by_key(&number, |source| source.number);
        if let Some(source) = found.ok().and_then(|at| self.sources.remove(at)) {
            self.spare.push(source.symbol);
        }
    }

    /// Drops what nobody wants at `arrival` any more: a repair of it would be wasted.
    pub(super) fn forget_unwanted(&mut self, arrival: Instant) {
        let Self { sources, spare } = self;
        sources.retain_mut(|source| {
            let wanted = arrival <= source.wanted_until;
            if !wanted {
                spare.push(std::mem::take(&mut source.symbol));
            }
            wanted
        });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.sources.is_empty()
    }

    /// The newest symbols, `symbols_max` at most, as far as a REPAIR frame over them has room in
    /// `room` bytes. `None`: there are none.
    pub(super) fn plan(&self, row: u64, symbols_max: usize, room: usize) -> Option<Repair<'_>> {
        let bytes_max = room.checked_sub(frame::REPAIR_HEADER_BYTES_MAX)?;
        let fits = |source: &&Source| source.symbol.len() <= bytes_max;
        let newest = self.sources.iter().rfind(fits)?.number;
        let mut repair = Repair {
            row,
            newest,
            window: 0,
            sources: SmallVec::new(),
        };
        for source in self.sources.iter().rev().filter(fits).take(symbols_max) {
            let distance = newest - source.number;
            if distance > DISTANCE_MAX {
                break;
            }
            repair.window |= if distance > 0 { 1 << (distance - 1) } else { 0 };
            repair.sources.push(source);
        }
        Some(repair)
    }

    /// When the next acknowledgement is missing.
    pub(super) fn overdue_at(&self) -> Option<Instant> {
        let times = self.sources.iter().map(|source| source.overdue_at);
        times.min().filter(|at| *at < Instant::DISTANT)
    }

    /// The number of a packet whose acknowledgement is missing. It is only told once.
    pub(super) fn take_overdue(&mut self, now: Instant) -> Option<u64> {
        let overdue = |source: &&mut Source| source.overdue_at <= now;
        let source = self.sources.iter_mut().find(overdue)?;
        source.overdue_at = Instant::DISTANT;
        Some(source.number)
    }

    /// The symbol of this packet alone, if it fits.
    pub(super) fn plan_one(&self, row: u64, number: u64, room: usize) -> Option<Repair<'_>> {
        let bytes_max = room.checked_sub(frame::REPAIR_HEADER_BYTES_MAX)?;
        let mut sources = self.sources.iter();
        let source = sources.find(|source| source.number == number)?;
        (source.symbol.len() <= bytes_max).then(|| Repair {
            row,
            newest: number,
            window: 0,
            sources: SmallVec::from_iter([source]),
        })
    }

    /// Bytes that are held.
    pub(super) fn bytes(&self) -> usize {
        let used = self.sources.iter().map(|source| source.symbol.capacity());
        let spare = self.spare.iter().map(Vec::capacity);
        used.chain(spare).sum()
    }
}

/// A repair that can be made.
#[derive(Debug)]
pub(super) struct Repair<'a> {
    row: u64,
    newest: u64,
    /// Which packets before the newest are covered: bit i for the one that is i + 1 older.
    window: u64,
    sources: SmallVec<[&'a Source; 8]>,
}

impl Repair<'_> {
    fn symbol_bytes(&self) -> usize {
        let lengths = self.sources.iter().map(|source| source.symbol.len());
        lengths.max().unwrap_or(0)
    }

    /// The size of its frame.
    pub(super) fn bytes(&self) -> usize {
        frame::repair_header_size(self.row - self.newest, self.window) + self.symbol_bytes()
    }

    /// Appends its frame.
    pub(super) fn write(&self, buffer: &mut Vec<u8>) {
        frame::write_repair_header(buffer, self.row - self.newest, self.window);
        let start = buffer.len();
        buffer.resize(start + self.symbol_bytes(), 0);
        let Some(repair) = buffer.get_mut(start..) else {
            return;
        };
        for source in &self.sources {
            let factor = code::coefficient(self.row, source.number);
            field::add_multiple(repair, &source.symbol, factor);
        }
    }
}

/// Appends a symbol with its length before it.
pub(super) fn prefixed(symbol: &[u8], into: &mut Vec<u8>) {
    let length = u16::try_from(symbol.len()).unwrap_or(u16::MAX);
    into.reserve_exact(LENGTH_BYTES + symbol.len());
    into.extend_from_slice(&length.to_be_bytes());
    into.extend_from_slice(symbol);
}
