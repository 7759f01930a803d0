//! Input read as a list of operations.

/// Takes choices from the front of the input until it ends.
#[derive(Clone, Debug)]
pub(super) struct Script<'a>(&'a [u8]);

impl<'a> Script<'a> {
    pub(super) const fn new(input: &'a [u8]) -> Self {
        Self(input)
    }

    /// The next operation; `None` ends the script.
    pub(super) fn operation(&mut self) -> Option<u8> {
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*byte)
    }

    /// An argument; zero when the input has ended.
    pub(super) fn byte(&mut self) -> u8 {
        self.operation().unwrap_or(0)
    }

    /// An argument of 16 bits.
    pub(super) fn short(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    /// A number of any size up to 62 bits; small ones as likely as large ones.
    pub(super) fn number(&mut self) -> u64 {
        let bits = u32::from(self.byte() % 63);
        let value = (0..8).fold(0, |value, _| value << 8 | u64::from(self.byte()));
        value & ((1 << bits) - 1)
    }

    /// Up to `most` bytes, as many as the next byte says.
    pub(super) fn bytes(&mut self, most: usize) -> &'a [u8] {
        let count = usize::from(self.byte()).min(most).min(self.0.len());
        let (taken, rest) = self.0.split_at(count);
        self.0 = rest;
        taken
    }

    /// An element of `list`.
    pub(super) fn choose<'b, T>(&mut self, list: &'b [T]) -> Option<&'b T> {
        let index = usize::from(self.byte());
        list.get(index % list.len().max(1))
    }
}
