//! The text of a token, and what is kept of it.

use futures::executor::block_on;
use guuid::SeededEntropy;
use proptest::prelude::*;
use session_core::{AccessError, Command, Nonce, Presented, Token, TokenError};

use crate::world::World;

#[test]
fn token_survives_its_text() {
    let world = World::new();
    let (session, token) = world.open("alice");
    let text = token.expose();
    assert_eq!(text.len(), 90);
    let url_safe = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    assert!(text.bytes().all(url_safe));
    assert!(text.starts_with("afs_"));
    let parsed: Token = text.parse().unwrap();
    assert_eq!(parsed.expose(), text);
    assert_eq!(parsed.session_id(), session.session_id);
    assert!(block_on(world.sessions.authenticate(&parsed)).is_ok());
}

#[test]
fn texts_that_are_no_tokens_are_refused() {
    let text = World::new().open("alice").1.expose();
    let other_version = format!("afs_AAAAAAAAAAAA{}", &text[16..]);
    let wrong = [
        "",
        "afs_",
        "afs_AAAA",
        &text[4..],
        &text[..89],
        &format!("{text}A"),
        &format!("{text}=="),
        &format!(" {text}"),
        &format!("{text}\n"),
        &text.replace("afs_", "AFS_"),
        &text.replacen(&text[40..41], "+", 1),
        &text.replacen(&text[40..41], "\u{e9}", 1),
        &"A".repeat(100_000),
        &format!("afs_{}", "A".repeat(100_000)),
        &other_version,
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln",
    ];
    for text in wrong {
        assert_eq!(
            text.parse::<Token>().unwrap_err(),
            TokenError::Malformed,
            "{text:.100}"
        );
    }
}

#[test]
fn each_token_has_one_text_only() {
    let text = World::new().open("alice").1.expose();
    // The last character carries four bits that are not in the token.
    let last_characters = ('A'..='Z')
        .chain('a'..='z')
        .chain('0'..='9')
        .chain(['-', '_']);
    let accepted = last_characters
        .map(|last| format!("{}{last}", &text[..89]))
        .filter(|text| text.parse::<Token>().is_ok());
    assert_eq!(accepted.count(), 4);
}

#[test]
fn stored_hash_is_the_sha_256_of_the_secret() {
    // All bytes of lineage and secret are zero; so is the id, but for version and variant.
    let text = format!("afs_AAAAAAAAcACAAAAAAAAAA{}", "A".repeat(65));
    let token: Token = text.parse().unwrap();
    let expected = "66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925";
    assert_eq!(hexadecimal(&token), expected);
    assert_eq!(token.credential().current, token.hash());
}

#[test]
fn nothing_prints_a_secret() {
    let world = World::new();
    let (session, first) = world.open("alice");
    let (_, second) = block_on(world.sessions.rotate(&first)).unwrap();
    let record = world.record(session.session_id);
    let command = Command::Rotate {
        token: second.clone(),
        nonce: Nonce::mint(&SeededEntropy::new(3)),
    };
    let refused: AccessError = block_on(
        world
            .sessions
            .authenticate(&Token::mint(session.session_id, &SeededEntropy::new(4))),
    )
    .unwrap_err();
    let sessions = &world.sessions;
    let printed = format!("{first:?} {record:?} {command:?} {refused:?} {refused} {sessions:?}");
    assert!(printed.contains("hidden"));
    for token in [&first, &second] {
        assert!(
            !printed.contains(&token.expose()[26..48]),
            "part of a token is printed"
        );
    }
    // 32 bytes printed as numbers or as hexadecimal digits would make a long list.
    assert!(
        !printed.contains("[1") && !printed.contains(", 2"),
        "{printed}"
    );
}

#[test]
fn store_keeps_neither_a_token_nor_its_secrets() {
    let world = World::new();
    let (session, first) = world.open("alice");
    let (_, second) = block_on(world.sessions.rotate(&first)).unwrap();
    let stored = serde_json::to_string(&world.record(session.session_id)).unwrap();
    for token in [first, second] {
        let text = token.expose();
        assert!(!stored.contains(&text[26..]));
        let bytes = decoded(&text[4..]);
        for secret in [&bytes[16..32], &bytes[32..]] {
            assert!(!stored.contains(&serde_json::to_string(secret).unwrap()));
        }
        let hash = serde_json::to_string(token.hash().as_bytes()).unwrap();
        assert!(stored.contains(&hash), "the hash is what is kept");
    }
}

/// Base64 by the book, so that the test does not trust the library that it checks.
fn decoded(text: &str) -> Vec<u8> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let digit = |byte| ALPHABET.iter().position(|letter| *letter == byte).unwrap();
    let bits: String = text
        .bytes()
        .map(|byte| format!("{:06b}", digit(byte)))
        .collect();
    let whole = bits.as_bytes().chunks_exact(8);
    whole
        .map(|byte| u8::from_str_radix(str::from_utf8(byte).unwrap(), 2).unwrap())
        .collect()
}

/// Computed with another implementation. If this changes, a rotation that was stored by an older
/// version can no longer be repeated.
#[test]
fn successor_is_the_sha_256_of_label_lineage_secret_and_nonce() {
    // Lineage and secret are the bytes 0 to 47, the nonce is 32 ones.
    let text = "afs_AAAAAAAAcACAAAAAAAAAAAABAgMEBQYHCAkKCwwND\
        g8QERITFBUWFxgZGhscHR4fICEiIyQlJicoKSorLC0uLw";
    let token: Token = text.parse().unwrap();
    let successor = token.successor(&Nonce::from_bytes([1; 32]));
    let expected = "2004962a131146f3b9c86165c71db5248571481833c53ae6b646d6def396ed20";
    assert_eq!(hexadecimal(&successor), expected);
}

#[test]
fn successor_depends_on_secret_lineage_and_nonce() {
    let text = World::new().open("alice").1.expose();
    let token: Token = text.parse().unwrap();
    let nonce = Nonce::from_bytes([1; 32]);
    let successor = token.successor(&nonce);
    assert_eq!(token.successor(&nonce).hash(), successor.hash());
    assert_ne!(
        token.successor(&Nonce::from_bytes([2; 32])).hash(),
        successor.hash()
    );
    let (in_lineage, in_secret) = (30, 60);
    for position in [in_lineage, in_secret] {
        let other: Token = changed_at(&text, position).parse().unwrap();
        assert_ne!(
            other.successor(&nonce).hash(),
            successor.hash(),
            "position {position}"
        );
    }
}

/// The text with another character at this position.
fn changed_at(text: &str, position: usize) -> String {
    let mut text = text.to_owned();
    let replacement = if &text[position..=position] == "A" {
        "B"
    } else {
        "A"
    };
    text.replace_range(position..=position, replacement);
    text
}

/// The hash of the token, in hexadecimal digits.
fn hexadecimal(token: &Token) -> String {
    token
        .hash()
        .as_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[test]
fn right_secret_with_a_wrong_lineage_is_foreign() {
    let world = World::new();
    let (session, token) = world.open("alice");
    let credential = world.record(session.session_id).credential;
    assert_eq!(credential.classify(&token), Presented::Current);
    let text = changed_at(&token.expose(), 30);
    let other_lineage: Token = text.parse().unwrap();
    assert_eq!(other_lineage.hash(), token.hash());
    assert_eq!(credential.classify(&other_lineage), Presented::Foreign);
}

proptest! {
    #[test]
    fn accepted_text_is_the_text_of_its_token(text in "(afs_)?[A-Za-z0-9_-]{0,100}") {
        if let Ok(token) = text.parse::<Token>() {
            prop_assert_eq!(token.expose(), text);
        }
    }

    #[test]
    fn arbitrary_unicode_never_panics(text in any::<String>()) {
        prop_assert!(text.parse::<Token>().is_err());
    }

    #[test]
    fn changed_token_is_never_let_in(position in 4_usize..90, letter in "[A-Za-z0-9_-]") {
        let world = World::new();
        let (session, token) = world.open("alice");
        let mut text = token.expose();
        text.replace_range(position..=position, &letter);
        prop_assume!(text != token.expose());
        if let Ok(changed) = text.parse::<Token>() {
            prop_assert!(block_on(world.sessions.authenticate(&changed)).is_err());
        }
        // A changed secret under the right lineage counts as an old token; all else harms nobody.
        let alive = block_on(world.sessions.load(session.session_id)).is_ok();
        prop_assert!(alive || position >= 46);
    }
}
