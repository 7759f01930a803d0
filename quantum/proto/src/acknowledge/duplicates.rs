//! Which packets arrived before: a window over the newest packet numbers.

/// Words of the window: it covers at least 2048 numbers behind the largest. The attack catalogue
/// asks for 1024; at a million packets a second, that would be a millisecond of reordering.
const WORDS: usize = 33;

const WORD_BITS: u64 = 64;

/// Remembers which of the newest packet numbers arrived; anything older counts as a duplicate.
#[derive(Clone, Debug)]
pub(crate) struct DuplicateWindow {
    /// The word of the largest number; `None` before the first.
    newest: Option<u64>,
    words: [u64; WORDS],
}

impl DuplicateWindow {
    pub(crate) fn new() -> Self {
        Self {
            newest: None,
            words: [0; WORDS],
        }
    }

    /// Whether the packet arrived before, or is too old to tell.
    pub(crate) fn contains(&self, number: u64) -> bool {
        let word = number / WORD_BITS;
        match self.newest {
            None => false,
            Some(newest) if word > newest => false,
            Some(newest) if newest - word >= WORDS as u64 => true,
            Some(_) => self.words[index(word)] & bit(number) != 0,
        }
    }

    /// The packet arrived. Without effect if it is too old.
    pub(crate) fn insert(&mut self, number: u64) {
        if self.contains(number) {
            return;
        }
        let word = number / WORD_BITS;
        self.advance(word);
        self.words[index(word)] |= bit(number);
    }

    fn advance(&mut self, word: u64) {
        let newest = self.newest.unwrap_or(word);
        if word > newest {
            let first = newest.max(word.saturating_sub(WORDS as u64)) + 1;
            (first..=word).for_each(|stale| self.words[index(stale)] = 0);
        }
        self.newest = Some(newest.max(word));
    }
}

fn index(word: u64) -> usize {
    (word % WORDS as u64) as usize
}

fn bit(number: u64) -> u64 {
    1 << (number % WORD_BITS)
}
