use axum::http::HeaderValue;
use jsonwebtoken::get_current_timestamp;
use serde_json::{Value, json};

use super::*;

const KEY: &[u8] = b"0123456789abcdef0123456789abcdef";

fn principal() -> Principal {
    Principal {
        user_id: UserId::new("alice").unwrap(),
        name: "Alice".to_owned(),
        session_id: SessionId::from(Guuid::now()),
    }
}

/// The claims of a good token, for spoiling.
fn claims() -> Value {
    let now = get_current_timestamp();
    json!({
        "iss": "aetherflow", "aud": "aetherflow", "sub": "alice", "name": "Alice",
        "sid": Guuid::now().to_string(), "iat": now, "nbf": now, "exp": now + 60,
    })
}

fn signed(algorithm: Algorithm, claims: &Value, key: &[u8]) -> String {
    let key = EncodingKey::from_secret(key);
    jsonwebtoken::encode(&Header::new(algorithm), claims, &key).unwrap()
}

#[test]
fn a_token_speaks_for_whom_it_was_issued() {
    let tokens = AccessTokens::new(KEY).unwrap();
    let principal = principal();
    let token = tokens.issue(&principal, get_current_timestamp()).unwrap();
    assert_eq!(tokens.verify(&token), Some(principal));
    assert!(
        tokens
            .verify(&signed(Algorithm::HS256, &claims(), KEY))
            .is_some()
    );
}

#[test]
fn a_short_key_is_refused() {
    assert_eq!(AccessTokens::new(&KEY[1..]).err(), Some(WeakKey));
}

#[test]
fn a_token_is_good_for_its_time_only() {
    let tokens = AccessTokens::new(KEY).unwrap();
    let now = get_current_timestamp();
    let issued_at = |seconds| tokens.issue(&principal(), seconds).unwrap();
    assert_eq!(tokens.verify(&issued_at(now - 3_600)), None, "expired");
    assert_eq!(tokens.verify(&issued_at(now + 3_600)), None, "not yet good");
}

#[test]
fn a_missing_or_wrong_claim_spoils_a_token() {
    let tokens = AccessTokens::new(KEY).unwrap();
    for name in ["iss", "aud", "sub", "name", "sid", "nbf", "exp"] {
        let mut spoilt = claims();
        spoilt.as_object_mut().unwrap().remove(name);
        assert_eq!(
            tokens.verify(&signed(Algorithm::HS256, &spoilt, KEY)),
            None,
            "no {name}"
        );
        spoilt[name] = json!("something else");
        // Any text will do for a name, and for a user id.
        if name != "name" && name != "sub" {
            assert_eq!(
                tokens.verify(&signed(Algorithm::HS256, &spoilt, KEY)),
                None,
                "{name}"
            );
        }
    }
    let mut control = claims();
    control["sub"] = json!("al\nice");
    assert_eq!(
        tokens.verify(&signed(Algorithm::HS256, &control, KEY)),
        None
    );
}

#[test]
fn other_keys_and_algorithms_are_refused() {
    let tokens = AccessTokens::new(KEY).unwrap();
    assert_eq!(
        tokens.verify(&signed(Algorithm::HS256, &claims(), &[7; 32])),
        None
    );
    assert_eq!(
        tokens.verify(&signed(Algorithm::HS384, &claims(), KEY)),
        None
    );
    assert_eq!(
        tokens.verify(&signed(Algorithm::HS512, &claims(), KEY)),
        None
    );
    let good = signed(Algorithm::HS256, &claims(), KEY);
    let (_, rest) = good.split_once('.').unwrap();
    let (payload, _) = rest.split_once('.').unwrap();
    // {"alg":"none","typ":"JWT"} and {"alg":"NONE"}
    for header in ["eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0", "eyJhbGciOiJOT05FIn0"] {
        assert_eq!(tokens.verify(&format!("{header}.{payload}.")), None);
        assert_eq!(tokens.verify(&format!("{header}.{rest}")), None);
    }
}

#[test]
fn every_changed_character_spoils_a_token() {
    let tokens = AccessTokens::new(KEY).unwrap();
    let good = tokens.issue(&principal(), get_current_timestamp()).unwrap();
    // The last character of base64 may carry bits that mean nothing.
    for index in 0..good.len() - 1 {
        let mut spoilt = good.clone().into_bytes();
        spoilt[index] = if spoilt[index] == b'A' { b'B' } else { b'A' };
        let spoilt = String::from_utf8(spoilt).unwrap();
        assert_eq!(tokens.verify(&spoilt), None, "at {index}");
        assert_eq!(tokens.verify(&good[..index]), None, "cut at {index}");
    }
}

#[test]
fn tokens_are_found_in_header_and_subprotocols_only() {
    let headers = |name, value| {
        [(name, HeaderValue::from_static(value))]
            .into_iter()
            .collect()
    };
    let header: HeaderMap = headers(AUTHORIZATION, "bearer  abc");
    assert_eq!(
        (bearer(&header), subprotocol_bearer(&header)),
        (Some("abc"), None)
    );
    let basic: HeaderMap = headers(AUTHORIZATION, "Basic abc");
    assert_eq!(bearer(&basic), None);
    let offered: HeaderMap = headers(SEC_WEBSOCKET_PROTOCOL, "aetherflow.yjs, bearer.a.b.c");
    assert_eq!(
        (bearer(&offered), subprotocol_bearer(&offered)),
        (None, Some("a.b.c"))
    );
}
