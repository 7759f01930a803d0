//! Edits of text that had not seen each other, in UTF-16 code units.

use crate::operation::TextEdit;

/// What one record did to a text, as one stretch that was replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Replacement {
    at: usize,
    removed: usize,
    added: usize,
}

impl Replacement {
    /// From one text to the next: what is not their common beginning and end. `None`: nothing.
    pub(crate) fn between(before: &[u16], after: &[u16]) -> Option<Self> {
        let same = |(one, other): &(&u16, &u16)| one == other;
        let start = before.iter().zip(after).take_while(same).count();
        let (before, after) = (&before[start..], &after[start..]);
        let end = before.iter().rev().zip(after.iter().rev());
        let end = end.take_while(same).count();
        let replacement = Self {
            at: start,
            removed: before.len() - end,
            added: after.len() - end,
        };
        (replacement.removed + replacement.added > 0).then_some(replacement)
    }
}

/// Edits on their way to a later text: none overlaps another, and they are in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pending(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Piece {
    at: usize,
    delete: usize,
    insert: String,
}

impl Pending {
    /// Edits of a text that is so long.
    ///
    /// # Errors
    ///
    /// Their author is at fault: one lies outside, or two overlap.
    pub(crate) fn new(edits: &[TextEdit], length: usize) -> Result<Self, &'static str> {
        let mut pieces: Vec<_> = edits
            .iter()
            .map(|edit| Piece {
                at: edit.position as usize,
                delete: edit.delete as usize,
                insert: edit.insert.clone(),
            })
            .collect();
        pieces.sort_by_key(|piece| piece.at);
        if pieces.iter().any(|piece| piece.at + piece.delete > length) {
            return Err("an edit lies outside of the text");
        }
        let overlap = |pair: &[Piece]| pair[0].at + pair[0].delete > pair[1].at;
        if pieces.windows(2).any(overlap) {
            return Err("two edits overlap");
        }
        Ok(Self(pieces))
    }

    /// Moves them behind what somebody else did; whether they touch the same stretch. What both take
    /// away goes once, what either adds stays, and at one place the earlier comes first.
    pub(crate) fn pass(&mut self, other: Replacement) -> bool {
        let mut touched = false;
        let pieces = std::mem::take(&mut self.0);
        for piece in pieces {
            touched |= other.pass(piece, &mut self.0);
        }
        touched
    }

    /// Moves them behind what was replaced in the meantime and, if it is somebody else's and touches the
    /// same stretch, takes away what they put there.
    pub(crate) fn pass_over(&mut self, other: Replacement, takes_over: bool) {
        let pieces = std::mem::take(&mut self.0);
        for piece in pieces {
            let length = self.0.len();
            let touched = other.pass(piece, &mut self.0);
            if touched
                && takes_over
                && let Some(piece) = self.0.get_mut(length)
            {
                let stretch = other.at..other.at + other.added;
                if piece.at >= stretch.end {
                    piece.delete += piece.at - stretch.start;
                    piece.at = stretch.start;
                } else {
                    piece.delete += other.added;
                }
            }
        }
        self.join();
    }

    /// Pieces that touch each other become one.
    fn join(&mut self) {
        let pieces = std::mem::take(&mut self.0);
        for piece in pieces {
            match self.0.last_mut() {
                Some(last) if last.at + last.delete >= piece.at && piece.insert.is_empty() => {
                    let end = (piece.at + piece.delete).max(last.at + last.delete);
                    last.delete = end - last.at;
                }
                _ => self.0.push(piece),
            }
        }
    }

    /// The one edit that makes a text out of the one before it.
    pub(crate) fn of(replacement: Replacement, after: &[u16]) -> Self {
        let (_, _, insert) = replacement.parts(after);
        Self(vec![Piece {
            at: replacement.at,
            delete: replacement.removed,
            insert,
        }])
    }

    /// As they stand now, the last one first: each can be done without moving those to come.
    pub(crate) fn backwards(&self) -> impl Iterator<Item = (u32, u32, &str)> {
        let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
        self.0.iter().rev().map(move |piece| {
            (
                number(piece.at),
                number(piece.delete),
                piece.insert.as_str(),
            )
        })
    }
}

impl Replacement {
    /// Where it begins, how much it takes away, and what it puts there, given the text after it.
    pub(crate) fn parts(self, after: &[u16]) -> (u32, u32, String) {
        let added = after.get(self.at..self.at + self.added).unwrap_or_default();
        (
            self.at as u32,
            self.removed as u32,
            String::from_utf16_lossy(added),
        )
    }

    fn end(self) -> usize {
        self.at + self.removed
    }

    /// Where a place behind the stretch comes to lie.
    fn moved(self, place: usize) -> usize {
        place - self.removed + self.added
    }

    fn pass(self, piece: Piece, passed: &mut Vec<Piece>) -> bool {
        let piece_end = piece.at + piece.delete;
        let same_place = piece.at == self.at && piece.delete == 0 && self.removed == 0;
        if piece_end <= self.at && !same_place {
            passed.push(piece);
            return false;
        }
        if piece.at >= self.end() {
            let at = self.moved(piece.at);
            passed.push(Piece { at, ..piece });
            return same_place && !passed.last().is_some_and(|piece| piece.insert.is_empty());
        }
        let before = self.at.saturating_sub(piece.at);
        let behind = piece_end.saturating_sub(self.end());
        passed.push(Piece {
            at: piece.at.min(self.at),
            delete: before,
            insert: piece.insert,
        });
        if behind > 0 {
            passed.push(Piece {
                at: self.at + self.added,
                delete: behind,
                insert: String::new(),
            });
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn units(text: &str) -> Vec<u16> {
        text.encode_utf16().collect()
    }

    fn edit(position: u32, delete: u32, insert: &str) -> TextEdit {
        TextEdit {
            position,
            delete,
            insert: insert.to_owned(),
        }
    }

    fn apply(pending: &Pending, text: &str) -> String {
        let mut text = units(text);
        for (at, delete, insert) in pending.backwards() {
            let (at, delete) = (at as usize, delete as usize);
            text.splice(at..at + delete, insert.encode_utf16());
        }
        String::from_utf16(&text).unwrap()
    }

    /// `ours` and `theirs` on one text, theirs first; the outcome, and whether they touch.
    fn after(text: &str, theirs: &TextEdit, ours: &TextEdit) -> (String, bool) {
        let length = units(text).len();
        let theirs = Pending::new(std::slice::from_ref(theirs), length).unwrap();
        let their_text = apply(&theirs, text);
        let mut ours = Pending::new(std::slice::from_ref(ours), length).unwrap();
        let replaced = Replacement::between(&units(text), &units(&their_text));
        let touched = replaced.is_some_and(|replaced| ours.pass(replaced));
        (apply(&ours, &their_text), touched)
    }

    #[test]
    fn edits_in_different_places_do_not_touch() {
        let (text, touched) = after("one two", &edit(0, 3, "1"), &edit(4, 3, "2"));
        assert_eq!((text.as_str(), touched), ("1 2", false));
        let (text, touched) = after("one two", &edit(4, 3, "2"), &edit(0, 3, "1"));
        assert_eq!((text.as_str(), touched), ("1 2", false));
    }

    #[test]
    fn text_put_into_one_place_stays_both_and_the_earlier_first() {
        let (text, touched) = after("ab", &edit(1, 0, "x"), &edit(1, 0, "y"));
        assert_eq!((text.as_str(), touched), ("axyb", true));
    }

    #[test]
    fn what_both_take_away_goes_once_and_what_either_adds_stays() {
        let (text, touched) = after("abcdef", &edit(1, 3, "X"), &edit(2, 3, "Y"));
        assert_eq!((text.as_str(), touched), ("aYXf", true));
    }

    #[test]
    fn edits_outside_of_the_text_or_across_each_other_are_refused() {
        assert!(Pending::new(&[edit(3, 1, "")], 3).is_err());
        assert!(Pending::new(&[edit(0, 2, ""), edit(1, 1, "")], 3).is_err());
    }

    proptest! {
        #[test]
        fn nothing_that_either_adds_is_lost(
            text in "[a-f]{0,12}",
            theirs in (0_u32..13, 0_u32..5, "[P-S]{0,3}"),
            ours in (0_u32..13, 0_u32..5, "[X-Z]{0,3}"),
        ) {
            let fitting = |(at, delete, insert): (u32, u32, String)| {
                let at = at.min(text.len() as u32);
                edit(at, delete.min(text.len() as u32 - at), &insert)
            };
            let (theirs, ours) = (fitting(theirs), fitting(ours));
            let (outcome, _) = after(&text, &theirs, &ours);
            prop_assert!(outcome.contains(&theirs.insert) || ours.insert.is_empty() || outcome.contains(&ours.insert));
            let kept = |range: std::ops::Range<char>| -> String {
                outcome.chars().filter(|letter| range.contains(letter)).collect()
            };
            prop_assert_eq!(kept('P'..'T'), theirs.insert);
            prop_assert_eq!(kept('X'..'['), ours.insert);
        }
    }
}
