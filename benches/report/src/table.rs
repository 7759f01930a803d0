//! Tables in Markdown.

use std::fmt::Write as _;

/// A Markdown table.
#[derive(Debug)]
pub struct Table {
    columns: Vec<String>,
    lines: Vec<Vec<String>>,
}

impl Table {
    /// A table whose first column is `first`.
    pub fn of(first: &str, columns: impl IntoIterator<Item = String>) -> Self {
        let columns = [first.to_owned()].into_iter().chain(columns);
        Self {
            columns: columns.collect(),
            lines: Vec::new(),
        }
    }

    /// Adds a line: its first cell, and the others.
    pub fn line(&mut self, name: String, cells: impl IntoIterator<Item = String>) {
        self.lines.push([name].into_iter().chain(cells).collect());
    }

    /// The text.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = writeln!(text, "| {} |", self.columns.join(" | "));
        let _ = writeln!(text, "|{}", "---|".repeat(self.columns.len()));
        for line in &self.lines {
            let _ = writeln!(text, "| {} |", line.join(" | "));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_markdown() {
        let mut table = Table::of("transport", ["0 %".to_owned()]);
        table.line("kcp".into(), ["7".to_owned()]);
        let expected = "| transport | 0 % |\n|---|---|\n| kcp | 7 |\n";
        assert_eq!(table.markdown(), expected);
    }
}
