//! As much of JSON (RFC 8259) as a trace needs: written straight into the record, since there are
//! many of them.

use std::fmt::Write;
use std::time::Duration;

/// An object under construction.
pub(super) struct Object<'a> {
    text: &'a mut String,
    empty: bool,
}

/// An array under construction.
pub(super) struct Array<'a> {
    text: &'a mut String,
    empty: bool,
}

impl<'a> Object<'a> {
    pub(super) fn begin(text: &'a mut String) -> Self {
        text.push('{');
        Self { text, empty: true }
    }

    pub(super) fn end(self) {
        self.text.push('}');
    }

    pub(super) fn number(&mut self, key: &str, value: impl Into<u64>) {
        let value: u64 = value.into();
        let _ = write!(self.key(key), "{value}");
    }

    pub(super) fn flag(&mut self, key: &str, value: bool) {
        self.key(key).push_str(if value { "true" } else { "false" });
    }

    pub(super) fn text(&mut self, key: &str, value: &str) {
        quote(self.key(key), value);
    }

    pub(super) fn hexadecimal(&mut self, key: &str, bytes: &[u8]) {
        let text = self.key(key);
        text.push('"');
        for byte in bytes {
            let _ = write!(text, "{byte:02x}");
        }
        text.push('"');
    }

    /// A time in milliseconds, to the nanosecond.
    pub(super) fn milliseconds(&mut self, key: &str, time: Duration) {
        let (whole, rest) = (time.as_millis(), time.subsec_nanos() % 1_000_000);
        let text = self.key(key);
        let _ = write!(text, "{whole}");
        if rest > 0 {
            let _ = write!(text, ".{rest:06}");
        }
    }

    pub(super) fn object(&mut self, key: &str, write: impl FnOnce(&mut Object<'_>)) {
        nest(self.key(key), write);
    }

    pub(super) fn array(&mut self, key: &str, write: impl FnOnce(&mut Array<'_>)) {
        let text = self.key(key);
        text.push('[');
        write(&mut Array { text, empty: true });
        self.text.push(']');
    }

    fn key(&mut self, key: &str) -> &mut String {
        separate(self.text, &mut self.empty);
        quote(self.text, key);
        self.text.push(':');
        self.text
    }
}

impl Array<'_> {
    pub(super) fn text(&mut self, value: &str) {
        separate(self.text, &mut self.empty);
        quote(self.text, value);
    }

    pub(super) fn pair(&mut self, one: u64, other: u64) {
        separate(self.text, &mut self.empty);
        let _ = write!(self.text, "[{one},{other}]");
    }

    pub(super) fn object(&mut self, write: impl FnOnce(&mut Object<'_>)) {
        separate(self.text, &mut self.empty);
        nest(self.text, write);
    }
}

fn nest(text: &mut String, write: impl FnOnce(&mut Object<'_>)) {
    let mut object = Object::begin(text);
    write(&mut object);
    object.end();
}

fn separate(text: &mut String, empty: &mut bool) {
    if !std::mem::replace(empty, false) {
        text.push(',');
    }
}

fn quote(text: &mut String, value: &str) {
    text.push('"');
    for character in value.chars() {
        match character {
            '"' | '\\' => text.extend(['\\', character]),
            control if u32::from(control) < 0x20 => {
                let _ = write!(text, "\\u{:04x}", u32::from(control));
            }
            other => text.push(other),
        }
    }
    text.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_text_holds_a_parser_gets_it_back() {
        let hostile = "a \"quote\", a \\ and \u{0}\u{1e}\n\u{7f}\u{2028}\u{10ffff}";
        let mut text = String::new();
        let mut object = Object::begin(&mut text);
        object.text(hostile, hostile);
        object.array("a", |array| {
            array.pair(1, u64::MAX);
            array.object(|_| {});
        });
        object.end();
        let parsed: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(parsed[hostile], hostile);
        assert_eq!(parsed["a"], serde_json::json!([[1, u64::MAX], {}]));
        assert!(!text.contains('\u{1e}') && !text.contains('\n'));
    }

    #[test]
    fn times_are_exact() {
        let mut text = String::new();
        let mut object = Object::begin(&mut text);
        object.milliseconds("a", Duration::from_nanos(1));
        object.milliseconds("b", Duration::from_millis(1_500));
        object.milliseconds("c", Duration::from_micros(1_002_030));
        object.end();
        assert_eq!(text, r#"{"a":0.000001,"b":1500,"c":1002.030000}"#);
    }
}
