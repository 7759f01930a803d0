//! Lines for the person at the terminal.

use std::io::Write;

/// Prints a line to standard output. A reader that went away (`cargo verify | head`) is no reason
/// to stop.
pub(crate) fn line(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// The text without the escape sequences that colour it: some programs colour even a log file.
pub(crate) fn without_colours(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        plain.push_str(before);
        // `ESC [ 3 1 m`, or `ESC ( B`, which chooses a character set.
        rest = match after.strip_prefix('(') {
            Some(after) => after.get(1..).unwrap_or_default(),
            None => after
                .split_once(|end: char| end.is_ascii_alphabetic())
                .map_or("", |(_, r)| r),
        };
    }
    plain.push_str(rest);
    plain
}

/// `1 test`, `2 tests`.
pub(crate) fn count(number: impl TryInto<u64>, word: &str) -> String {
    match number.try_into().unwrap_or(u64::MAX) {
        1 => format!("1 {word}"),
        number => format!("{number} {word}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_removed_and_text_stays() {
        assert_eq!(
            without_colours("a \u{1b}[31mred\u{1b}(B\u{1b}[m b"),
            "a red b"
        );
        assert_eq!(without_colours("plain"), "plain");
        assert_eq!(without_colours("cut \u{1b}[3"), "cut ");
    }

    #[test]
    fn one_is_singular() {
        assert_eq!(count(1_u32, "test"), "1 test");
        assert_eq!(count(0_usize, "test"), "0 tests");
    }
}
