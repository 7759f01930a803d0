//! Where and when it was measured.

use std::process::Command;

/// Facts about this run, in the order in which they are printed.
pub(crate) fn facts(command: String) -> Vec<(&'static str, String)> {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name"));
    let model = model
        .unwrap_or("unknown")
        .trim_start_matches([' ', '\t', ':']);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = read("/proc/sys/kernel/osrelease").trim().to_owned();
    let load = read("/proc/loadavg");
    let load = load.split(' ').next().unwrap_or_default().to_owned();
    vec![
        ("Command", format!("`{command}`")),
        ("Machine", format!("{cores} x {model}, Linux {kernel}")),
        ("Load average when it began", load),
        ("Compiler", output("rustc", &["--version"])),
        (
            "Commit",
            output("git", &["describe", "--always", "--dirty", "--exclude=*"]),
        ),
        ("Date", output("date", &["-u", "+%Y-%m-%d %H:%M UTC"])),
    ]
}

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    text.unwrap_or_else(|_| "unknown".into())
}
