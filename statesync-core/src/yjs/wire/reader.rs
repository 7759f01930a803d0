//! Numbers, texts and ids as lib0 and Yjs encode them.

use super::super::ContentError;
use super::ElementId;

/// Largest client id: 53 bits, what a JavaScript number holds.
const CLIENT_MAX: u64 = (1 << 53) - 1;

/// Largest clock: yrs compares clocks as `i32`.
const CLOCK_MAX: u64 = i32::MAX as u64;

/// Bytes, and how far they have been read.
pub(super) struct Reader<'a> {
    total: usize,
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self {
            total: bytes.len(),
            rest: bytes,
        }
    }

    /// How many bytes have been read.
    pub(super) fn position(&self) -> usize {
        self.total - self.rest.len()
    }

    /// What has not been read.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(super) fn element(&mut self) -> Result<ElementId, ContentError> {
        Ok(ElementId {
            client: self.client()?,
            clock: self.clock()?,
        })
    }

    pub(super) fn client(&mut self) -> Result<u64, ContentError> {
        match self.number()? {
            client @ 0..=CLIENT_MAX => Ok(client),
            _ => Err(malformed("a client id has more than 53 bits")),
        }
    }

    pub(super) fn clock(&mut self) -> Result<u32, ContentError> {
        clock_of(self.number()?)
    }

    /// A number of elements that must not be zero.
    pub(super) fn length(&mut self) -> Result<u32, ContentError> {
        match self.clock()? {
            0 => Err(malformed("a run of no elements")),
            length => Ok(length),
        }
    }

    /// A number of things that follow, each of which occupies `least` bytes or more.
    pub(super) fn count(&mut self, least: usize) -> Result<usize, ContentError> {
        let count = self.number()?;
        if count <= (self.rest.len() / least) as u64 {
            Ok(count as usize)
        } else {
            let left = self.rest.len();
            Err(malformed(format!("{count} entries in {left} bytes")))
        }
    }

    pub(super) fn text(&mut self) -> Result<&'a str, ContentError> {
        std::str::from_utf8(self.block()?).map_err(|_| malformed("text that is not UTF-8"))
    }

    pub(super) fn block(&mut self) -> Result<&'a [u8], ContentError> {
        let length = self.count(1)?;
        self.bytes(length)
    }

    /// An unsigned integer of lib0: seven bits in each byte, the lowest first.
    pub(super) fn number(&mut self) -> Result<u64, ContentError> {
        let mut number = 0;
        for shift in (0..63).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(malformed("a number without end"))
    }

    /// A signed integer of lib0: its first byte has one bit less.
    pub(super) fn signed(&mut self) -> Result<(), ContentError> {
        for _ in 0..9 {
            if self.byte()? & 0x80 == 0 {
                return Ok(());
            }
        }
        Err(malformed("a number without end"))
    }

    pub(super) fn byte(&mut self) -> Result<u8, ContentError> {
        let (first, rest) = self.rest.split_first().ok_or_else(cut_short)?;
        self.rest = rest;
        Ok(*first)
    }

    pub(super) fn bytes(&mut self, length: usize) -> Result<&'a [u8], ContentError> {
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or_else(cut_short)?;
        self.rest = rest;
        Ok(bytes)
    }

    pub(super) fn end(&self) -> Result<(), ContentError> {
        match self.rest.len() {
            0 => Ok(()),
            left => Err(malformed(format!("{left} bytes too many"))),
        }
    }
}

pub(super) fn clock_of(number: u64) -> Result<u32, ContentError> {
    match number {
        clock @ 0..=CLOCK_MAX => Ok(clock as u32),
        _ => Err(malformed("a clock has more than 31 bits")),
    }
}

pub(super) fn later(clock: u32, length: u32) -> Result<u32, ContentError> {
    clock_of(u64::from(clock) + u64::from(length))
}

fn cut_short() -> ContentError {
    malformed("it ends too early")
}

pub(super) fn malformed(reason: impl Into<String>) -> ContentError {
    ContentError::Malformed(reason.into())
}
