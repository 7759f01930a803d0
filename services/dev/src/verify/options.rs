//! What the user asked `cargo verify` for.

use crate::failure::Failure;

/// The options of one run.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    /// Explain and end.
    pub(crate) help: bool,
    /// List the steps and end.
    pub(crate) list: bool,
    /// Stop at the first failing step.
    pub(crate) fail_fast: bool,
    only: Vec<String>,
    skip: Vec<String>,
}

impl Options {
    /// Reads the command line; `steps` are the names that exist.
    ///
    /// # Errors
    ///
    /// If an option or a step is unknown.
    pub(crate) fn parse(arguments: &[String], steps: &[&str]) -> Result<Self, Failure> {
        let mut options = Self::default();
        let mut arguments = arguments.iter().map(String::as_str);
        while let Some(argument) = arguments.next() {
            let (name, value) = match argument.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (argument, None),
            };
            match name {
                "--help" | "-h" => options.help = true,
                "--list" => options.list = true,
                "--fail-fast" => options.fail_fast = true,
                // `cargo verify -- --list` means the same as `cargo verify --list`.
                "--" => {}
                "--only" | "--skip" => {
                    let value = value.or_else(|| arguments.next());
                    let chosen = steps_in(value.unwrap_or_default(), steps)?;
                    let list = if name == "--only" {
                        &mut options.only
                    } else {
                        &mut options.skip
                    };
                    list.extend(chosen);
                }
                _ => return Err(Failure::new(format!("unknown option {argument}; {HINT}"))),
            }
        }
        Ok(options)
    }

    /// Whether a step is to run.
    pub(crate) fn chosen(&self, step: &str) -> bool {
        let named = |list: &[String]| list.iter().any(|name| name == step);
        (self.only.is_empty() || named(&self.only)) && !named(&self.skip)
    }
}

fn steps_in(value: &str, steps: &[&str]) -> Result<Vec<String>, Failure> {
    value
        .split(',')
        .map(|name| {
            if steps.contains(&name) {
                Ok(name.to_owned())
            } else {
                Err(Failure::new(format!("there is no step `{name}`; {HINT}")))
            }
        })
        .collect()
}

const HINT: &str = "cargo verify --help shows what there is";

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, Failure> {
        let arguments: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Options::parse(&arguments, &["fmt", "test", "start"])
    }

    #[test]
    fn without_options_every_step_runs() {
        let options = parse("").unwrap();
        assert!(options.chosen("fmt") && options.chosen("start"));
    }

    #[test]
    fn steps_are_chosen_and_left_out() {
        let options = parse("-- --only fmt,test --skip=test").unwrap();
        assert!(options.chosen("fmt"));
        assert!(!options.chosen("test") && !options.chosen("start"));
    }

    #[test]
    fn unknown_words_are_refused() {
        for line in ["--only fnt", "--only", "--quick", "fmt"] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
