//! Text in formats for people, sixteen bytes in binary ones.
#![expect(clippy::unwrap_used, reason = "what helps a test may fail it")]

use std::collections::BTreeMap;

use guuid::Guuid;
use serde_test::{
    Compact, Configure, Readable, Token, assert_de_tokens, assert_de_tokens_error, assert_tokens,
};

const HYPHENATED: &str = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f";
const BYTES: &[u8; 16] = b"\x01\x7f\x22\xe2\x79\xb0\x7c\xc3\x98\xc4\xdc\x0c\x0c\x07\x39\x8f";

fn id() -> Guuid {
    Guuid::parse(HYPHENATED).unwrap()
}

#[test]
fn formats_for_people_hold_the_hyphenated_text() {
    assert_tokens(&id().readable(), &[Token::Str(HYPHENATED)]);
}

#[test]
fn formats_for_people_may_hold_any_text_form() {
    for text in [
        "017f22e279b07cc398c4dc0c0c07398f",
        "01fwhe4ydgfk1shh6w1g60eecf",
        "01FWHE4YDGFK1SHH6W1G60EECF",
    ] {
        assert_de_tokens(&id().readable(), &[Token::BorrowedStr(text)]);
    }
}

#[test]
fn binary_formats_hold_sixteen_bytes() {
    assert_tokens(&id().compact(), &[Token::Bytes(BYTES)]);
    assert_de_tokens(&id().compact(), &[Token::BorrowedBytes(BYTES)]);
}

#[test]
fn binary_formats_without_bytes_may_hold_a_sequence() {
    let mut tokens = vec![Token::Seq { len: Some(16) }];
    tokens.extend(BYTES.map(Token::U8));
    tokens.push(Token::SeqEnd);
    assert_de_tokens(&id().compact(), &tokens);
    tokens.truncate(16);
    tokens.push(Token::SeqEnd);
    assert_de_tokens_error::<Compact<Guuid>>(
        &tokens,
        "invalid length 15, expected the 16 bytes of a version 7 UUID",
    );
}

#[test]
fn what_is_wrong_is_said() {
    assert_de_tokens_error::<Readable<Guuid>>(
        &[Token::Str("017f22e2-79b0-4cc3-98c4-dc0c0c07398f")],
        "not a version 7 UUID: version 4, variant bits 10",
    );
    assert_de_tokens_error::<Compact<Guuid>>(
        &[Token::Bytes(&BYTES[1..])],
        "invalid length 15, expected the 16 bytes of a version 7 UUID",
    );
    assert_de_tokens_error::<Readable<Guuid>>(
        &[Token::U64(7)],
        "invalid type: integer `7`, expected a version 7 UUID as text of 26, 32 or 36 characters",
    );
}

#[test]
fn an_id_may_be_a_key_in_json() {
    let map = BTreeMap::from([(id(), 1)]);
    let json = serde_json::to_string(&map).unwrap();
    assert_eq!(json, format!(r#"{{"{HYPHENATED}":1}}"#));
    assert_eq!(
        serde_json::from_str::<BTreeMap<Guuid, i32>>(&json).unwrap(),
        map
    );
    // Escapes reach the visitor as an owned string.
    let escaped = json.replace('-', "\\u002d");
    assert_eq!(
        serde_json::from_str::<BTreeMap<Guuid, i32>>(&escaped).unwrap(),
        map
    );
}
