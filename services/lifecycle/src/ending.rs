//! How a program ends: zero when all is well; one, after one line that says why; two when it cannot be used
//! as it was called, as `clap` has it.

use std::error::Error;
use std::process::ExitCode;

/// Exit code of a program that cannot be used as it was called.
pub const UNUSABLE: u8 = 2;

/// The exit code of `program` after `outcome`. Why it failed is told.
pub fn end<E: Error + 'static>(program: &str, outcome: Result<(), E>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tell(program, &error);
            ExitCode::FAILURE
        }
    }
}

/// Says on standard error, in one line, why `program` fails.
pub fn tell(program: &str, error: &(dyn Error + 'static)) {
    eprintln!("{program}: {}", in_one_line(error));
}

/// An error with its causes, in one line.
pub fn in_one_line(error: &(dyn Error + 'static)) -> String {
    let mut line = String::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let cause = error.to_string();
        // Some libraries repeat their cause in their own message.
        if !line.contains(&cause) {
            if !line.is_empty() {
                line.push_str(": ");
            }
            line.push_str(&cause.replace('\n', " "));
        }
        next = error.source();
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Layer {
        text: &'static str,
        source: Option<Box<Layer>>,
    }

    fn layers(texts: &[&'static str]) -> Layer {
        let (text, below) = texts.split_first().unwrap();
        let source = (!below.is_empty()).then(|| Box::new(layers(below)));
        Layer { text, source }
    }

    #[test]
    fn causes_follow_each_other_once_and_in_one_line() {
        for (texts, line) in [
            (vec!["alone"], "alone"),
            (vec!["outside", "in\nside"], "outside: in side"),
            (vec!["it says: cause", "cause"], "it says: cause"),
        ] {
            assert_eq!(in_one_line(&layers(&texts)), line);
        }
    }
}
