//! The three text forms: there and back, what is refused, and why.

use guuid::{Guuid, ParseError, Tick};
use proptest::prelude::*;

const HYPHENATED: &str = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f";
const SIMPLE: &str = "017f22e279b07cc398c4dc0c0c07398f";
const SORTABLE: &str = "01fwhe4ydgfk1shh6w1g60eecf";

fn id() -> impl Strategy<Value = Guuid> {
    any::<(u64, u64)>().prop_map(|(tick, random)| Guuid::from_tick(Tick::from_bits(tick), random))
}

fn with_character(text: &str, position: usize, character: char) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    characters[position] = character;
    characters.into_iter().collect()
}

fn wrong(character: char, position: usize) -> Result<Guuid, ParseError> {
    Err(ParseError::Character {
        character,
        position,
    })
}

#[test]
fn each_form_is_written_in_lower_case() {
    let id = Guuid::parse(HYPHENATED).unwrap();
    assert_eq!(id.hyphenated().as_str(), HYPHENATED);
    assert_eq!(id.simple().as_str(), SIMPLE);
    assert_eq!(id.sortable().as_str(), SORTABLE);
    assert_eq!(
        format!("{id} {id:?} {id:>38}"),
        format!("{HYPHENATED} {HYPHENATED}   {HYPHENATED}")
    );
}

#[test]
fn each_form_is_read_in_either_case() {
    let id = Guuid::parse(HYPHENATED).unwrap();
    for text in [HYPHENATED, SIMPLE, SORTABLE] {
        assert_eq!(text.parse(), Ok(id));
        assert_eq!(text.to_ascii_uppercase().parse(), Ok(id));
    }
    assert_eq!(Guuid::parse("017F22e2-79b0-7Cc3-98C4-dc0c0C07398f"), Ok(id));
}

#[test]
fn letters_that_look_like_digits_are_read_as_those_digits() {
    let id = Guuid::parse(SORTABLE).unwrap();
    for (digit, letters) in [('0', "oO"), ('1', "iIlL")] {
        for letter in letters.chars() {
            assert_eq!(
                Guuid::parse(&SORTABLE.replace(digit, &letter.to_string())),
                Ok(id)
            );
        }
    }
}

#[test]
fn the_letter_u_is_refused() {
    assert_eq!(
        Guuid::parse(&with_character(SORTABLE, 25, 'u')),
        wrong('u', 25)
    );
    assert_eq!(
        Guuid::parse(&with_character(SORTABLE, 0, 'U')),
        wrong('U', 0)
    );
}

#[test]
fn another_length_is_named() {
    for text in [
        "",
        "0",
        &SORTABLE[1..],
        &HYPHENATED[1..],
        "{017f22e2-79b0-7cc3-98c4-dc0c0c07398f}",
    ] {
        assert_eq!(
            Guuid::parse(text),
            Err(ParseError::Length { found: text.len() })
        );
    }
    assert_eq!(
        Guuid::parse(" ").unwrap_err().to_string(),
        "wrong length: 1 bytes, an id has 26, 32 or 36"
    );
}

#[test]
fn the_first_wrong_character_is_named_with_its_position() {
    for position in 0..SIMPLE.len() {
        assert_eq!(
            Guuid::parse(&with_character(SIMPLE, position, 'g')),
            wrong('g', position)
        );
        let two = with_character(&with_character(SIMPLE, 31, '/'), position, ':');
        assert_eq!(Guuid::parse(&two), wrong(':', position));
    }
    for position in 0..SORTABLE.len() {
        assert_eq!(
            Guuid::parse(&with_character(SORTABLE, position, '-')),
            wrong('-', position)
        );
    }
    for position in 0..HYPHENATED.len() {
        let text = with_character(HYPHENATED, position, ' ');
        assert_eq!(Guuid::parse(&text), wrong(' ', position));
    }
    assert_eq!(
        Guuid::parse(&with_character(HYPHENATED, 3, '-')),
        wrong('-', 3)
    );
    assert_eq!(
        Guuid::parse(&with_character(HYPHENATED, 13, 'a')),
        wrong('a', 13)
    );
    assert_eq!(
        Guuid::parse(&with_character(HYPHENATED, 13, 'a'))
            .unwrap_err()
            .to_string(),
        "wrong character 'a' at position 13"
    );
}

#[test]
fn every_ascii_character_is_judged_rightly_at_every_position() {
    let hexadecimal = |character: char| character.is_ascii_hexdigit();
    let crockford =
        |character: char| character.is_ascii_alphanumeric() && !"uU".contains(character);
    for character in (0..128_u8).map(char::from) {
        for position in 0..36 {
            let allowed = match position {
                8 | 13 | 18 | 23 => character == '-',
                _ => hexadecimal(character),
            };
            assert_judged(HYPHENATED, position, character, allowed);
        }
        (0..32).for_each(|at| assert_judged(SIMPLE, at, character, hexadecimal(character)));
        (0..26).for_each(|at| assert_judged(SORTABLE, at, character, crockford(character)));
    }
}

/// A character that is allowed may still lead out of range, or to another version.
fn assert_judged(text: &str, position: usize, character: char, allowed: bool) {
    let parsed = Guuid::parse(&with_character(text, position, character));
    let refused = matches!(parsed, Err(ParseError::Character { .. }));
    assert_eq!(
        refused, !allowed,
        "{character:?} at {position} of {text}: {parsed:?}"
    );
}

#[test]
fn characters_of_several_bytes_are_named_whole() {
    let umlaut = '\u{e4}';
    let text = format!("01{umlaut}whe4ydgfk1shh6w1g60ecw");
    assert_eq!(text.len(), 26);
    assert_eq!(Guuid::parse(&text), wrong(umlaut, 2));
    let text = format!("{umlaut}{}", &SIMPLE[2..]);
    assert_eq!(Guuid::parse(&text), wrong(umlaut, 0));
}

#[test]
fn the_forms_of_26_characters_end_where_128_bits_end() {
    let greatest = Guuid::last_at(u64::MAX);
    assert_eq!(greatest.sortable().as_str(), "7zzzzzzzzzfzzvzzzzzzzzzzzz");
    assert_eq!(Guuid::parse("7ZZZZZZZZZFZZVZZZZZZZZZZZZ"), Ok(greatest));
    for first in ['8', '9', 'a', 'Z'] {
        assert_eq!(
            Guuid::parse(&with_character(SORTABLE, 0, first)),
            Err(ParseError::Overflow),
            "{first}"
        );
    }
}

#[test]
fn another_version_is_refused_in_every_form() {
    for text in [
        "017f22e2-79b0-4cc3-98c4-dc0c0c07398f",
        "017f22e279b04cc398c4dc0c0c07398f",
        "017f22e2-79b0-7cc3-18c4-dc0c0c07398f",
        "00000000000000000000000000",
        "7zzzzzzzzzzzzzzzzzzzzzzzzz",
    ] {
        let error = Guuid::parse(text).unwrap_err();
        assert!(
            matches!(error, ParseError::NotVersion7(_)),
            "{text}: {error}"
        );
    }
    assert_eq!(
        Guuid::parse("017f22e2-79b0-4cc3-98c4-dc0c0c07398f")
            .unwrap_err()
            .to_string(),
        "not a version 7 UUID: version 4, variant bits 10"
    );
}

proptest! {
    #[test]
    fn each_form_reads_back_as_the_same_id(id in id()) {
        for text in [&*id.hyphenated(), &*id.simple(), &*id.sortable()] {
            prop_assert_eq!(Guuid::parse(text), Ok(id));
            prop_assert_eq!(Guuid::parse(&text.to_ascii_uppercase()), Ok(id));
        }
        prop_assert_eq!(id.to_string(), id.to_uuid().to_string());
        let simple = id.simple();
        prop_assert_eq!(simple.as_str(), id.to_uuid().simple().to_string());
    }

    #[test]
    fn text_order_is_id_order(one in id(), other in id()) {
        prop_assert_eq!(one.cmp(&other), one.hyphenated().cmp(&other.hyphenated()));
        prop_assert_eq!(one.cmp(&other), one.simple().cmp(&other.simple()));
        prop_assert_eq!(one.cmp(&other), one.sortable().cmp(&other.sortable()));
    }

    #[test]
    fn garbage_is_refused_without_a_panic(text in any::<String>()) {
        prop_assert!(Guuid::parse(&text).is_err());
    }

    #[test]
    fn garbage_of_the_right_length_is_refused_or_is_an_id(
        text in prop_oneof!["[ -~]{26}", "[ -~]{32}", "[ -~]{36}", "\\PC{13}", "[0-9a-zA-Z-]{36}"],
    ) {
        if let Ok(id) = Guuid::parse(&text) {
            prop_assert!(Guuid::from_bytes(id.to_bytes()).is_ok());
        }
    }

    #[test]
    fn hexadecimal_agrees_with_the_uuid_crate(text in "[0-9a-fA-F]{12}7[0-9a-fA-F]{19}") {
        let theirs = uuid::Uuid::parse_str(&text).unwrap();
        prop_assert_eq!(Guuid::parse(&text).ok(), Guuid::try_from(theirs).ok());
    }

    #[test]
    fn any_bytes_are_an_id_exactly_if_they_are_version_7(bytes in any::<[u8; 16]>()) {
        let is_version_7 = bytes[6] >> 4 == 7 && bytes[8] >> 6 == 2;
        prop_assert_eq!(Guuid::from_bytes(bytes).is_ok(), is_version_7);
    }
}
