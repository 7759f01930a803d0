//! Texts that PostgreSQL cannot keep as they are: in `text` and `jsonb` there is no character U+0000.
//!
//! It is written as U+001A (SUBSTITUTE) and `0`, and U+001A itself as U+001A and `1`. Texts that people
//! write have neither, and are kept as they are.

use std::borrow::Cow;

use serde_json::{Map, Value};

const SUBSTITUTE: char = '\u{1a}';

/// As a column has it.
pub(crate) fn kept(text: &str) -> Cow<'_, str> {
    if !text.contains(['\0', SUBSTITUTE]) {
        return Cow::Borrowed(text);
    }
    let mut kept = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        match character {
            '\0' => kept.extend([SUBSTITUTE, '0']),
            SUBSTITUTE => kept.extend([SUBSTITUTE, '1']),
            other => kept.push(other),
        }
    }
    Cow::Owned(kept)
}

/// As it was; `None` if it was not written by [`kept`].
pub(crate) fn given(kept: &str) -> Option<Cow<'_, str>> {
    if !kept.contains(SUBSTITUTE) {
        return Some(Cow::Borrowed(kept));
    }
    let mut text = String::with_capacity(kept.len());
    let mut characters = kept.chars();
    while let Some(character) = characters.next() {
        if character != SUBSTITUTE {
            text.push(character);
            continue;
        }
        text.push(match characters.next()? {
            '0' => '\0',
            '1' => SUBSTITUTE,
            _ => return None,
        });
    }
    Some(Cow::Owned(text))
}

/// The same for all texts of a JSON value. The depth is that of our own types.
pub(crate) fn kept_json(value: Value) -> Value {
    let all = each_text(value, &|text| Some(kept(text).into_owned()));
    // Only the other direction can fail.
    all.unwrap_or_default()
}

/// The same for all texts of a JSON value.
pub(crate) fn given_json(value: Value) -> Option<Value> {
    each_text(value, &|text| given(text).map(Cow::into_owned))
}

fn each_text(value: Value, change: &dyn Fn(&str) -> Option<String>) -> Option<Value> {
    Some(match value {
        Value::String(text) => Value::String(change(&text)?),
        Value::Array(values) => {
            let values = values.into_iter().map(|value| each_text(value, change));
            Value::Array(values.collect::<Option<_>>()?)
        }
        Value::Object(entries) => {
            let entries = entries
                .into_iter()
                .map(|(key, value)| Some((change(&key)?, each_text(value, change)?)));
            Value::Object(entries.collect::<Option<Map<_, _>>>()?)
        }
        other => other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_comes_back() {
        for text in [
            "",
            "plain",
            "\0",
            "\u{1a}",
            "a\0\u{1a}0\u{1a}1\0\0",
            "\u{1f600}\n\\",
        ] {
            let kept = kept(text);
            assert!(!kept.contains('\0'));
            assert_eq!(given(&kept).unwrap(), text);
        }
    }

    #[test]
    fn texts_within_json_come_back() {
        let value = serde_json::json!({"k\0": ["\0", {"x": "\u{1a}"}], "n": null});
        let kept = kept_json(value.clone());
        assert!(!kept.to_string().contains("\\u0000"));
        assert_eq!(given_json(kept), Some(value));
    }

    #[test]
    fn what_was_not_written_so_is_noticed() {
        assert_eq!(given("\u{1a}"), None);
        assert_eq!(given("\u{1a}7"), None);
    }
}
