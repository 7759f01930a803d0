//! The objects and arrays of a record.

use std::fmt::Write;
use std::time::Duration;

use serde_json::{Map, Value};

/// An object under construction.
pub(super) struct Object<'a>(&'a mut Map<String, Value>);

/// An array under construction.
pub(super) struct Array<'a>(&'a mut Vec<Value>);

/// An object with what `fill` puts into it.
pub(super) fn object(fill: impl FnOnce(&mut Object<'_>)) -> Value {
    let mut map = Map::new();
    fill(&mut Object(&mut map));
    Value::Object(map)
}

impl Object<'_> {
    pub(super) fn number(&mut self, key: &str, value: impl Into<u64>) {
        self.put(key, value.into());
    }

    pub(super) fn flag(&mut self, key: &str, value: bool) {
        self.put(key, value);
    }

    pub(super) fn text(&mut self, key: &str, value: &str) {
        self.put(key, value);
    }

    pub(super) fn hexadecimal(&mut self, key: &str, bytes: &[u8]) {
        let text = bytes.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        });
        self.put(key, text);
    }

    /// A time in milliseconds.
    pub(super) fn milliseconds(&mut self, key: &str, time: Duration) {
        self.put(key, time.as_nanos() as f64 / 1e6);
    }

    pub(super) fn object(&mut self, key: &str, fill: impl FnOnce(&mut Object<'_>)) {
        self.put(key, object(fill));
    }

    pub(super) fn array(&mut self, key: &str, fill: impl FnOnce(&mut Array<'_>)) {
        let mut items = Vec::new();
        fill(&mut Array(&mut items));
        self.put(key, items);
    }

    fn put(&mut self, key: &str, value: impl Into<Value>) {
        self.0.insert(key.to_owned(), value.into());
    }
}

impl Array<'_> {
    pub(super) fn text(&mut self, value: &str) {
        self.0.push(value.into());
    }

    pub(super) fn pair(&mut self, one: u64, other: u64) {
        self.0.push(vec![one, other].into());
    }

    pub(super) fn object(&mut self, fill: impl FnOnce(&mut Object<'_>)) {
        self.0.push(object(fill));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_text_holds_a_parser_gets_it_back() {
        let hostile = "a \"quote\", a \\ and \u{0}\u{1e}\n\u{7f}\u{2028}\u{10ffff}";
        let value = object(|object| {
            object.text(hostile, hostile);
            object.array("a", |array| {
                array.pair(1, u64::MAX);
                array.object(|_| {});
            });
        });
        let text = value.to_string();
        let parsed: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(parsed[hostile], hostile);
        assert_eq!(parsed["a"], serde_json::json!([[1, u64::MAX], {}]));
        assert!(!text.contains('\u{1e}') && !text.contains('\n'));
    }

    #[test]
    fn times_are_exact_to_the_nanosecond() {
        let value = object(|object| {
            object.milliseconds("a", Duration::from_nanos(1));
            object.milliseconds("b", Duration::from_millis(1_500));
            object.milliseconds("c", Duration::from_nanos(1_002_030_001));
        });
        let expected = serde_json::json!({"a": 0.000_001, "b": 1500.0, "c": 1_002.030_001});
        assert_eq!(value, expected);
    }
}
