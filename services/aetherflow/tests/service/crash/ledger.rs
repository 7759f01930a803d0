//! What is written, so that it can be found again: tokens, each of them unique.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

/// One piece of text: `[writer.number]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Token {
    pub(super) writer: usize,
    pub(super) number: u32,
}

impl fmt::Display for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "[{}.{}]", self.writer, self.number)
    }
}

impl Token {
    fn parse(text: &str) -> Option<Self> {
        let (writer, number) = text.strip_prefix('[')?.strip_suffix(']')?.split_once('.')?;
        Some(Self {
            writer: writer.parse().ok()?,
            number: number.parse().ok()?,
        })
    }
}

/// The tokens of a text, each with its position. There must be nothing else.
pub(super) fn tokens_of(text: &str) -> impl Iterator<Item = (usize, Token)> {
    let mut position = 0;
    text.split_inclusive(']').map(move |piece| {
        let at = position;
        position += piece.len();
        (
            at,
            Token::parse(piece).unwrap_or_else(|| panic!("torn text: {piece}")),
        )
    })
}

/// Which tokens a document has.
pub(super) struct Census(HashMap<Token, usize>);

impl Census {
    pub(super) fn of(text: &str) -> Self {
        let mut counts = HashMap::new();
        for (_, token) in tokens_of(text) {
            *counts.entry(token).or_default() += 1;
        }
        Self(counts)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

/// What a writer did to the document.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Insert(u32),
    Delete(u32),
}

/// How far a step has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    NotMade,
    Made,
    Acknowledged,
}

/// What one writer knows about its tokens.
pub(super) struct Ledger {
    writer: usize,
    tokens: BTreeMap<u32, Fate>,
}

struct Fate {
    insertion: Progress,
    deletion: Progress,
}

impl Ledger {
    pub(super) fn new(writer: usize) -> Self {
        Self {
            writer,
            tokens: BTreeMap::new(),
        }
    }

    /// A token that was never written before.
    pub(super) fn next(&self) -> Token {
        Token {
            writer: self.writer,
            number: self.tokens.len() as u32,
        }
    }

    pub(super) fn made(&mut self, step: Step) {
        match step {
            Step::Insert(number) => {
                let fate = Fate {
                    insertion: Progress::Made,
                    deletion: Progress::NotMade,
                };
                assert!(self.tokens.insert(number, fate).is_none());
            }
            Step::Delete(number) => self.fate(number).deletion = Progress::Made,
        }
    }

    pub(super) fn acknowledged(&mut self, step: Step) {
        match step {
            Step::Insert(number) => self.fate(number).insertion = Progress::Acknowledged,
            Step::Delete(number) => self.fate(number).deletion = Progress::Acknowledged,
        }
    }

    fn fate(&mut self, number: u32) -> &mut Fate {
        self.tokens
            .get_mut(&number)
            .expect("a token of this writer")
    }

    /// Steps that were made and not acknowledged.
    pub(super) fn open_steps(&self) -> Vec<Step> {
        let steps = self.tokens.iter().flat_map(|(&number, fate)| {
            let insertion = (fate.insertion == Progress::Made).then_some(Step::Insert(number));
            let deletion = (fate.deletion == Progress::Made).then_some(Step::Delete(number));
            insertion.into_iter().chain(deletion)
        });
        steps.collect()
    }

    /// Whatever was acknowledged is there, or gone, as it should be; what was not may be either.
    /// Nothing is there twice.
    pub(super) fn check_kept(&self, census: &Census) {
        for (token, fate, count) in self.counted(census) {
            assert!(count <= 1, "{token} is there {count} times");
            match (fate.insertion, fate.deletion) {
                (Progress::Acknowledged, Progress::NotMade) => {
                    assert_eq!(count, 1, "{token} was acknowledged and is lost");
                }
                (_, Progress::Acknowledged) => {
                    assert_eq!(
                        count, 0,
                        "{token}: its deletion was acknowledged and is lost"
                    );
                }
                _ => {}
            }
        }
    }

    /// Every token is there, but for those that were deleted. Returns how many those are.
    pub(super) fn check_all(&self, census: &Census) -> usize {
        let mut present = 0;
        for (token, fate, count) in self.counted(census) {
            let expected = usize::from(fate.deletion == Progress::NotMade);
            assert_eq!(count, expected, "{token}");
            present += count;
        }
        present
    }

    fn counted<'a>(
        &'a self,
        census: &'a Census,
    ) -> impl Iterator<Item = (Token, &'a Fate, usize)> + 'a {
        self.tokens.iter().map(|(&number, fate)| {
            let token = Token {
                writer: self.writer,
                number,
            };
            (token, fate, census.0.get(&token).copied().unwrap_or(0))
        })
    }
}
