//! Texts of several sizes, as people leave them behind.

use bytes::Bytes;

use crate::Failure;
use crate::material::{self, Patch};

/// How a text came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Recorded sessions of a programmer, one before the other.
    Recorded,
    /// Words put in at random places, some of which are taken out again.
    Random,
}

impl Origin {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Recorded => "recorded sessions",
            Self::Random => "words at random",
        }
    }

    /// A text of this many characters, as one Yjs update, made edit by edit.
    pub(crate) fn text(self, characters: u32) -> Result<Bytes, Failure> {
        let document = material::document();
        match self {
            Self::Recorded => {
                let session = material::recording()?;
                while material::length(&document) < characters {
                    record(&document, &session, characters);
                }
            }
            Self::Random => scatter(&document, characters),
        }
        Ok(material::snapshot(&document))
    }
}

/// One more session at the beginning of the text, as much of it as is needed.
fn record(document: &yrs::Doc, session: &[Patch], characters: u32) {
    const AT_A_TIME: usize = 64;
    for patches in session.chunks(AT_A_TIME) {
        material::type_into(document, patches.iter().cloned());
        if material::length(document) >= characters {
            return;
        }
    }
}

fn scatter(document: &yrs::Doc, characters: u32) {
    let mut random = 7;
    let mut below = |end: u32| (material::next_random(&mut random) % u64::from(end.max(1))) as u32;
    let mut length = 0;
    while length < characters {
        // Every fourth one takes out half a word.
        let delete = if below(4) == 0 { below(4) } else { 0 };
        let position = below(length.saturating_sub(delete));
        let delete = delete.min(length);
        let word: String = (0..4 + below(8))
            .map(|_| LETTERS[below(26) as usize])
            .collect();
        length = length - delete + word.len() as u32;
        material::type_into(document, [(position, delete, word)]);
    }
}

const LETTERS: [char; 26] = [
    'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', 'p', 'q', 'r', 's',
    't', 'u', 'v', 'w', 'x', 'y', 'z',
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_have_the_length_that_was_asked_for() {
        for origin in [Origin::Recorded, Origin::Random] {
            let text = origin.text(3_000).unwrap();
            let length = material::length(&material::restored(&text).unwrap());
            assert!((3_000..3_300).contains(&length), "{origin:?}: {length}");
        }
    }
}
