//! Rebuilds lost packets.
//!
//! Symbols are kept from the first REPAIR frame on, and for as long as such frames come: a peer
//! that repairs nothing costs nothing. What a peer can make this cost is bounded by [`SYMBOLS_MAX`],
//! [`EQUATIONS_MAX`](super::equations::EQUATIONS_MAX) and [`CREDIT_MAX`]: a repair that is too much
//! is not looked at, which is no worse than its loss.

use std::collections::VecDeque;

use super::encode::{WINDOW_MAX, prefixed};
use super::equations::{Equation, Equations};
use super::{LENGTH_BYTES, code, field};
use crate::error::TransportError;
use crate::frame::Repair;

/// The symbols of packets that arrived or were rebuilt, and equations about those that did not.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    /// By rising number.
    symbols: VecDeque<Symbol>,
    equations: Equations,
    /// The newest number seen.
    newest: u64,
    /// Repairs that will be looked at, if no symbol comes.
    credit: u32,
}

#[derive(Debug)]
struct Symbol {
    number: u64,
    /// Its length, then the symbol.
    bytes: Vec<u8>,
    recovered: bool,
}

/// A packet that was rebuilt.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Recovered {
    pub(crate) number: u64,
    /// Frames.
    pub(crate) symbol: Vec<u8>,
}

/// What became of a repair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// It may help, or has.
    Kept,
    /// Nothing that it covers is missing.
    Needless,
    /// It covers what was not kept, or comes too fast.
    Skipped,
}

impl Decoder {
    /// Nothing has arrived, but repairs are announced.
    pub(crate) fn new() -> Self {
        Self {
            credit: CREDIT_MAX,
            ..Self::default()
        }
    }

    /// A packet arrived for the first time, with this symbol; empty: it has none.
    ///
    /// # Errors
    ///
    /// It was rebuilt before, and as another one.
    pub(crate) fn on_symbol(&mut self, number: u64, symbol: &[u8]) -> Result<(), TransportError> {
        if symbol.is_empty() && self.position(number).is_err() {
            return Ok(());
        }
        self.credit = (self.credit + 1).min(CREDIT_MAX);
        let mut bytes = Vec::new();
        prefixed(symbol, &mut bytes);
        match self.position(number) {
            Ok(at) => {
                let known = &mut self.symbols[at];
                if known.bytes != bytes {
                    return Err(TransportError::violation(
                        "a packet is not what its repair said",
                    ));
                }
                known.recovered = false;
            }
            Err(at) => {
                self.equations.substitute(number, &bytes);
                self.keep(at, number, bytes, false);
            }
        }
        self.forget(number);
        Ok(())
    }

    /// Packet `row` carries a repair; `arrived` tells which packets have arrived.
    ///
    /// # Errors
    ///
    /// If no sender that keeps to Q-FEC could have made it.
    pub(crate) fn on_repair(
        &mut self,
        row: u64,
        repair: &Repair<'_>,
        arrived: impl Fn(u64) -> bool,
    ) -> Result<Use, TransportError> {
        let Some(newest) = row.checked_sub(repair.distance) else {
            return Err(TransportError::violation(
                "a repair of packets before the first",
            ));
        };
        if repair.window.count_ones() as usize >= WINDOW_MAX {
            return Err(TransportError::violation("a repair of too many packets"));
        }
        self.forget(row);
        // The row of a Cauchy matrix: see `code::ORDER`.
        if repair.distance == 0 || repair.distance > DISTANCE_MAX {
            return Ok(Use::Skipped);
        }
        let Some(credit) = self.credit.checked_sub(1) else {
            return Ok(Use::Skipped);
        };
        self.credit = credit;
        let mut equation = Equation::new(repair.data.to_vec());
        let mut missing = false;
        for number in covered(newest, repair.window)? {
            let factor = code::coefficient(row, number);
            match self.position(number) {
                Ok(at) => {
                    let known = &self.symbols[at].bytes;
                    if known.len() > repair.data.len() {
                        return Err(TransportError::violation("a repair that is too short"));
                    }
                    field::add_multiple(equation.value_mut(), known, factor);
                }
                Err(_) if arrived(number) => return Ok(Use::Skipped),
                Err(_) => {
                    missing = true;
                    equation.push(number, factor);
                }
            }
        }
        if !missing {
            return Ok(Use::Needless);
        }
        self.equations.insert(equation);
        Ok(Use::Kept)
    }

    /// Takes a packet that is rebuilt.
    ///
    /// # Errors
    ///
    /// The repairs say something that is not a packet.
    pub(crate) fn take_recovered(&mut self) -> Result<Option<Recovered>, TransportError> {
        let Some((number, mut bytes)) = self.equations.take_solved() else {
            return Ok(None);
        };
        let symbol = unpadded(&bytes)
            .ok_or_else(|| TransportError::violation("repairs that add up to no packet"))?
            .to_vec();
        bytes.truncate(LENGTH_BYTES + symbol.len());
        if let Err(at) = self.position(number) {
            self.keep(at, number, bytes, true);
        }
        Ok(Some(Recovered { number, symbol }))
    }

    fn position(&self, number: u64) -> Result<usize, usize> {
        self.symbols
            .binary_search_by_key(&number, |symbol| symbol.number)
    }

    fn keep(&mut self, at: usize, number: u64, bytes: Vec<u8>, recovered: bool) {
        self.symbols.insert(
            at,
            Symbol {
                number,
                bytes,
                recovered,
            },
        );
        if self.symbols.len() > SYMBOLS_MAX {
            self.symbols.pop_front();
        }
    }

    /// Packet `number` is here: what is too old for any repair goes.
    fn forget(&mut self, number: u64) {
        self.newest = self.newest.max(number);
        let oldest = self.newest.saturating_sub(code::ORDER - 1);
        while self
            .symbols
            .front()
            .is_some_and(|symbol| symbol.number < oldest)
        {
            self.symbols.pop_front();
        }
        self.equations.forget_below(oldest);
    }

    /// Bytes that are held.
    pub(crate) fn bytes(&self) -> usize {
        let symbols = self.symbols.iter().map(|symbol| symbol.bytes.capacity());
        symbols.sum::<usize>() + self.equations.bytes()
    }
}

/// The symbol behind its length; what follows has to be zeros.
fn unpadded(bytes: &[u8]) -> Option<&[u8]> {
    let (length, rest) = bytes.split_first_chunk::<LENGTH_BYTES>()?;
    let length = usize::from(u16::from_be_bytes(*length));
    let (symbol, padding) = rest.split_at_checked(length)?;
    padding.iter().all(|byte| *byte == 0).then_some(symbol)
}

/// The numbers that a repair covers, in rising order.
fn covered(newest: u64, window: u64) -> Result<impl Iterator<Item = u64>, TransportError> {
    if window
        .checked_ilog2()
        .is_some_and(|highest| u64::from(highest) >= newest)
    {
        return Err(TransportError::violation(
            "a repair of packets before the first",
        ));
    }
    let older = (0..u64::from(u64::BITS))
        .rev()
        .filter(move |bit| window >> bit & 1 == 1)
        .map(move |bit| newest - 1 - bit);
    Ok(older.chain([newest]))
}

/// Symbols that are kept: all that two windows in a row can cover.
const SYMBOLS_MAX: usize = 2 * WINDOW_MAX;

/// A repair further behind what it covers says nothing in time, and might share its row with another.
const DISTANCE_MAX: u64 = code::ORDER / 2 - 1;

/// Repairs that are looked at without a symbol in between: more than any sender has reason to send.
const CREDIT_MAX: u32 = 16;
