//! `aetherflow audit verify`: what it finds, what it says, and how it ends.

mod database;
mod folder;

use std::process::Stdio;

use tokio::process::Command;

use crate::editor::Editor;
use crate::patience::in_time;
use crate::rest::Person;
use crate::socket::Knock;

/// What the command said, and how it ended.
#[derive(Debug)]
struct Verdict {
    code: Option<i32>,
    lines: Vec<String>,
    stderr: String,
}

impl Verdict {
    /// The line about a document, which must be the only one.
    fn about(&self, document: &str) -> &str {
        let prefix = format!("document {document}: ");
        let mut lines = self
            .lines
            .iter()
            .filter_map(|line| line.strip_prefix(&prefix));
        let line = lines
            .next()
            .unwrap_or_else(|| panic!("nothing about {document}: {self:?}"));
        assert_eq!(lines.next(), None, "{self:?}");
        line
    }

    /// The version and the hash that the command gives to be kept.
    fn to_keep(&self, document: &str) -> String {
        let line = self.about(document);
        let kept = line.strip_prefix("as it was written, up to ");
        kept.unwrap_or_else(|| panic!("{line}")).to_owned()
    }

    #[track_caller]
    fn expect(&self, code: i32, summary: &str) {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert_eq!(
            self.lines.last().map(String::as_str),
            Some(summary),
            "{self:?}"
        );
    }

    /// The one line that says why nothing could be found out.
    #[track_caller]
    fn refused(&self) -> &str {
        assert_eq!(self.code, Some(2), "{self:?}");
        let mut lines = self.stderr.lines();
        let line = lines
            .next()
            .and_then(|line| line.strip_prefix("aetherflow: "));
        assert_eq!(lines.next(), None, "{self:?}");
        line.expect("the line says who speaks")
    }
}

/// Runs the command.
async fn verify(arguments: &[&str]) -> Verdict {
    let mut command = Command::new(env!("CARGO_BIN_EXE_aetherflow"));
    command.args(["audit", "verify"]).args(arguments);
    command.env_clear().stdin(Stdio::null()).kill_on_drop(true);
    let output = in_time("the verdict", command.output()).await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Verdict {
        code: output.status.code(),
        lines: text(output.stdout).lines().map(str::to_owned).collect(),
        stderr: text(output.stderr),
    }
}

/// A document into which somebody typed these, one edit each.
async fn typed(person: &Person, edits: &[&str]) -> String {
    let document = person.create("Notes").await;
    let mut editor = Editor::open(&Knock::by(person, &document)).await;
    for edit in edits {
        editor.type_over(0, 0, edit).await;
        // One record each: what waits together becomes one.
        editor.caught_up().await;
    }
    document
}
