//! Where and when it was measured.

use std::process::Command;

use serde::{Deserialize, Serialize};

/// Facts about a run; the first line of its raw results.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Facts {
    #[serde(rename = "Command")]
    command: String,
    #[serde(rename = "Machine")]
    machine: String,
    #[serde(rename = "Load average when it began")]
    load: String,
    #[serde(rename = "Compiler")]
    compiler: String,
    #[serde(rename = "Commit")]
    commit: String,
    #[serde(rename = "Date")]
    date: String,
}

impl Facts {
    /// About a run of `package` that begins now, with the arguments of this process.
    #[must_use]
    pub fn gather(package: &str) -> Self {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let cpu = read("/proc/cpuinfo");
        let model = cpu.lines().find_map(|line| line.strip_prefix("model name"));
        let model = model
            .unwrap_or("unknown")
            .trim_start_matches([' ', '\t', ':']);
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        let kernel = read("/proc/sys/kernel/osrelease").trim().to_owned();
        let load = read("/proc/loadavg");
        Self {
            command: command_line(package, std::env::args().skip(1)),
            machine: format!("{cores} x {model}, Linux {kernel}"),
            load: load.split(' ').next().unwrap_or_default().to_owned(),
            compiler: output("rustc", &["--version"]),
            commit: output("git", &["describe", "--always", "--dirty", "--exclude=*"]),
            date: output("date", &["-u", "+%Y-%m-%d %H:%M UTC"]),
        }
    }

    /// As a Markdown list.
    #[must_use]
    pub fn lines(&self) -> String {
        let lines = [
            ("Command", format!("`{}`", self.command)),
            ("Machine", self.machine.clone()),
            ("Load average when it began", self.load.clone()),
            ("Compiler", self.compiler.clone()),
            ("Commit", self.commit.clone()),
            ("Date", self.date.clone()),
        ];
        let line = |(name, value)| format!("- {name}: {value}\n");
        lines.into_iter().map(line).collect()
    }
}

/// The command that repeats this run.
fn command_line(package: &str, arguments: impl Iterator<Item = String>) -> String {
    let command = format!("cargo run --release -p {package}");
    let arguments: Vec<String> = arguments.collect();
    if arguments.is_empty() {
        return command;
    }
    format!("{command} -- {}", arguments.join(" "))
}

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    text.unwrap_or_else(|_| "unknown".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_can_be_typed_as_it_is_printed() {
        let with = |arguments: &[&str]| {
            let arguments = arguments.iter().map(|&argument| argument.to_owned());
            command_line("load", arguments)
        };
        assert_eq!(with(&[]), "cargo run --release -p load");
        let expected = "cargo run --release -p load -- hot --quick";
        assert_eq!(with(&["hot", "--quick"]), expected);
    }
}
