//! Reads how many tests a test runner ran from what it printed.

use crate::terminal::without_colours;

/// The tests of one or several runs.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Tests {
    /// Ran and passed.
    pub(crate) passed: u32,
    /// Ran and failed.
    pub(crate) failed: u32,
    /// Did not run although they exist: ignored, skipped, not reached.
    pub(crate) skipped: u32,
    /// The names of failed tests, as far as the runner tells them.
    pub(crate) failing: Vec<String>,
}

impl Tests {
    /// Counts what `cargo test` printed, all its test programs together.
    pub(crate) fn of_cargo(output: &str) -> Self {
        let mut tests = Self::default();
        for line in output.lines() {
            if let Some(summary) = line.strip_prefix("test result: ") {
                let counts = summary
                    .split_once(". ")
                    .map_or(summary, |(_, counts)| counts);
                for (count, word) in counts.split("; ").filter_map(count_and_word) {
                    tests.add(count, word);
                }
            } else if let Some(name) = line.strip_prefix("---- ") {
                let name = name.trim_end_matches(" ----");
                let name = name.trim_end_matches(" stdout").trim_end_matches(" stderr");
                tests.add_failing(name);
            }
        }
        tests
    }

    /// Counts what Vitest, Playwright or Node.js's own test runner printed.
    pub(crate) fn of_node(output: &str) -> Self {
        let mut tests = Self::default();
        for line in output.lines().map(without_colours) {
            let line = line.trim();
            if let Some(counts) = line.strip_prefix("Tests  ") {
                // Vitest: `Tests  1 failed | 11 passed | 2 skipped (14)`.
                let counts = counts.split_once(" (").map_or(counts, |(counts, _)| counts);
                for (count, word) in counts.split(" | ").filter_map(count_and_word) {
                    tests.add(count, word);
                }
            } else if let Some((word, count)) = node_summary(line) {
                tests.add(count, word);
            } else if let Some((count, word)) = playwright_summary(line) {
                tests.add(count, word);
            } else if let Some(name) = failing_name(line) {
                tests.add_failing(name);
            }
        }
        tests
    }

    /// Counts the benches that Criterion tried once each (its test mode).
    pub(crate) fn of_criterion(output: &str) -> u32 {
        let successes = output.lines().filter(|line| line.trim() == "Success");
        u32::try_from(successes.count()).unwrap_or(u32::MAX)
    }

    /// Adds the tests of another run.
    pub(crate) fn join(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
        self.failing.extend(other.failing);
    }

    fn add(&mut self, count: u32, word: &str) {
        match word {
            "passed" | "pass" => self.passed += count,
            // Flaky: failed first and passed when tried again. That is a failure that hides.
            "failed" | "fail" | "cancelled" | "flaky" | "interrupted" => self.failed += count,
            "ignored" | "skipped" | "todo" | "did not run" => self.skipped += count,
            // Measured, filtered out: other words of the runners, that say nothing about tests here.
            _ => {}
        }
    }

    fn add_failing(&mut self, name: &str) {
        if !self.failing.iter().any(|known| known == name) {
            self.failing.push(name.to_owned());
        }
    }
}

/// `12 passed` or `3 did not run`.
fn count_and_word(text: &str) -> Option<(u32, &str)> {
    let (count, word) = text.trim().split_once(' ')?;
    Some((count.parse().ok()?, word))
}

/// `# pass 12`, or with the information sign that Node.js prints to a terminal.
fn node_summary(line: &str) -> Option<(&str, u32)> {
    let rest = line
        .strip_prefix("# ")
        .or_else(|| line.strip_prefix("\u{2139} "))?;
    let (word, count) = rest.split_once(' ')?;
    let known = matches!(word, "pass" | "fail" | "cancelled" | "skipped" | "todo");
    Some((word, count.parse().ok()?)).filter(|_| known)
}

/// `12 passed (34.5s)`, alone on a line.
fn playwright_summary(line: &str) -> Option<(u32, &str)> {
    let counts = line.split_once(" (").map_or(line, |(counts, _)| counts);
    let (count, word) = count_and_word(counts)?;
    let known = matches!(
        word,
        "passed" | "failed" | "flaky" | "interrupted" | "skipped" | "did not run"
    );
    known.then_some((count, word))
}

fn failing_name(line: &str) -> Option<&str> {
    // Vitest: `FAIL  src/state.test.ts > says saved`.
    if let Some(name) = line.strip_prefix("FAIL ") {
        return Some(name.trim());
    }
    // Node.js: `not ok 3 - says saved`.
    if let Some(rest) = line.strip_prefix("not ok ") {
        return rest.split_once(" - ").map(|(_, name)| name);
    }
    // Playwright: `1) two.spec.ts:3:1 > they type together ----`, in signs of its own.
    let (number, name) = line.split_once(") ")?;
    let numbered = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let name = name.trim_end_matches(['\u{2500}', ' ']);
    (numbered && name.contains(".ts:")).then_some(name)
}

#[cfg(test)]
mod tests;
