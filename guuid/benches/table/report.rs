//! What a table of benches is made of: the samples that criterion took, and the circumstances.

use std::{env, fs, path::Path, process::Command, thread};

use serde_json::Value;

/// Prints how the figures below came about.
pub(crate) fn print_circumstances(command: &str) {
    println!("- Command: `{command}`");
    println!("- Machine: {}", machine());
    println!(
        "- Compiler: {}, profile `bench`",
        answer("rustc", &["--version"])
    );
    println!(
        "- Commit: {}",
        answer("git", &["describe", "--always", "--dirty"])
    );
    println!("- Date: {}", answer("date", &["-u", "+%F"]));
}

/// Nanoseconds for one iteration, sorted, one number for each sample that criterion took.
pub(crate) struct Samples(Vec<f64>);

impl Samples {
    /// `None` if that bench has not run.
    pub(crate) fn read(bench: &str) -> Option<Self> {
        let home = env::var_os("CRITERION_HOME").map_or_else(
            || Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("criterion"),
            Into::into,
        );
        let json = fs::read_to_string(home.join(bench).join("new/sample.json")).ok()?;
        let json: Value = serde_json::from_str(&json).ok()?;
        let numbers = |key: &str| -> Option<Vec<f64>> {
            json.get(key)?
                .as_array()?
                .iter()
                .map(Value::as_f64)
                .collect()
        };
        let (times, iterations) = (numbers("times")?, numbers("iters")?);
        let mut each: Vec<f64> = times
            .iter()
            .zip(&iterations)
            .map(|(time, count)| time / count)
            .collect();
        each.sort_by(f64::total_cmp);
        (!each.is_empty()).then_some(Self(each))
    }

    pub(crate) fn median(&self) -> f64 {
        let middle = self.0.len() / 2;
        if self.0.len() % 2 == 1 {
            self.0[middle]
        } else {
            f64::midpoint(self.0[middle - 1], self.0[middle])
        }
    }
}

impl std::fmt::Display for Samples {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (least, greatest) = (self.0[0], self.0[self.0.len() - 1]);
        write!(f, "{:.1} ({least:.1} - {greatest:.1})", self.median())
    }
}

fn machine() -> String {
    let description = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = description
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("unknown processor", |(_, model)| model);
    let kind = if description.contains(" hypervisor") {
        "VM"
    } else {
        "machine"
    };
    let processors = thread::available_parallelism().map_or(1, usize::from);
    format!("{processors} vCPU {model} {kind}")
}

/// The first line that a program prints, "unknown" if it cannot be asked.
fn answer(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output
        .ok()
        .and_then(|output| String::from_utf8(output.stdout).ok())
        .and_then(|text| text.lines().next().map(str::to_owned))
        .unwrap_or_else(|| "unknown".to_owned())
}
