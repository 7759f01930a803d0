//! The table of all rounds, for people.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::Command;
use std::time::Duration;

use crate::fault::Fault;
use crate::figures::Figures;
use crate::lane::Done;
use crate::options::Options;

/// What all rounds have come to.
pub(crate) struct Report {
    facts: Vec<(&'static str, String)>,
    faults: BTreeMap<Fault, Rounds>,
    took: Duration,
}

#[derive(Default)]
struct Rounds {
    count: u64,
    failed: u64,
    figures: Figures,
}

impl Report {
    /// Of a run that begins now.
    pub(crate) fn begin(options: &Options) -> Self {
        let arguments: Vec<String> = std::env::args().skip(1).collect();
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let cpu = read("/proc/cpuinfo");
        let model = cpu.lines().find_map(|line| line.strip_prefix("model name"));
        let model = model
            .unwrap_or("unknown")
            .trim_start_matches([' ', '\t', ':']);
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        let kernel = read("/proc/sys/kernel/osrelease");
        let load = read("/proc/loadavg");
        let facts = vec![
            ("Command", format!("`cargo chaos {}`", arguments.join(" "))),
            (
                "Machine",
                format!("{cores} x {model}, Linux {}", kernel.trim()),
            ),
            (
                "Load average when it began",
                load.split(' ').next().unwrap_or_default().to_owned(),
            ),
            (
                "Commit",
                output("git", &["describe", "--always", "--dirty", "--exclude=*"]),
            ),
            ("Date", output("date", &["-u", "+%Y-%m-%d %H:%M UTC"])),
            ("First seed", options.seed.to_string()),
        ];
        Self {
            facts,
            faults: BTreeMap::new(),
            took: Duration::ZERO,
        }
    }

    /// Adds a round.
    pub(crate) fn add(&mut self, fault: Fault, done: Done) {
        let rounds = self.faults.entry(fault).or_default();
        rounds.count += 1;
        rounds.failed += u64::from(done.is_none());
        rounds.figures.join(done.unwrap_or_default());
    }

    /// Notes how long all of it took.
    pub(crate) fn finish(&mut self, took: Duration) {
        self.took = took;
    }

    /// Rounds in which something was wrong.
    pub(crate) fn failed_rounds(&self) -> u64 {
        self.faults.values().map(|rounds| rounds.failed).sum()
    }

    /// What the rounds of one fault have come to so far, in a few words.
    pub(crate) fn line_of(&self, fault: Fault) -> String {
        let Some(rounds) = self.faults.get(&fault) else {
            return String::new();
        };
        let Figures {
            acknowledged,
            unknown,
            ..
        } = rounds.figures;
        let (count, failed) = (rounds.count, rounds.failed);
        format!("{count} rounds, {failed} failed, {acknowledged} acknowledged, {unknown} unknown")
    }

    /// All of it in one line, the last one of the program.
    pub(crate) fn total(&self) -> String {
        let rounds: u64 = self.faults.values().map(|rounds| rounds.count).sum();
        let acknowledged = self.faults.values().map(|it| it.figures.acknowledged);
        let (acknowledged, failed) = (acknowledged.sum::<u64>(), self.failed_rounds());
        format!("{rounds} rounds, {acknowledged} operations acknowledged, {failed} rounds failed")
    }

    /// The whole page.
    pub(crate) fn to_markdown(&self) -> String {
        let mut page = String::from("# What breaks, and what is kept\n\n");
        for (name, value) in &self.facts {
            // A string takes everything.
            let _ = writeln!(page, "- {name}: {value}");
        }
        let _ = writeln!(page, "- Took: {} s", self.took.as_secs());
        let _ = writeln!(page, "\n{ABOUT}\n\n{HEAD}");
        for (fault, rounds) in &self.faults {
            let _ = writeln!(page, "{}", row(*fault, rounds));
        }
        if let Some(rounds) = self.faults.get(&Fault::NoRedis) {
            let worst = rounds.figures.staleness_at(1.0);
            let kept = if worst <= STALENESS_MAX {
                "kept"
            } else {
                "NOT KEPT"
            };
            let _ = writeln!(
                page,
                "\nWithout Redis at most 1 s of staleness: {kept}, {} ms.",
                ms(worst)
            );
        }
        let _ = writeln!(page, "\n{}.", self.total());
        page
    }
}

fn row(fault: Fault, rounds: &Rounds) -> String {
    let figures = &rounds.figures;
    let cells = [
        format!("`{}`: {}", fault.name(), fault.about()),
        rounds.count.to_string(),
        rounds.failed.to_string(),
        figures.acknowledged.to_string(),
        figures.unknown.to_string(),
        figures.asked_again.to_string(),
        figures.duplicates.to_string(),
        figures.refused.to_string(),
        figures.fenced.to_string(),
        figures.resyncs.to_string(),
        ms(figures.longest_wait),
        ms(figures.staleness_at(0.5)),
        ms(figures.staleness_at(0.99)),
        ms(figures.staleness_at(1.0)),
    ];
    format!("| {} |", cells.join(" | "))
}

fn ms(micros: u64) -> String {
    let ms = Duration::from_micros(micros).as_secs_f64() * 1_000.0;
    if ms < 10.0 {
        format!("{ms:.1}")
    } else {
        format!("{ms:.0}")
    }
}

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    text.unwrap_or_else(|_| "unknown".into())
}

const ABOUT: &str = "\
Three processes of `statesync-service` on one PostgreSQL (`fsync=on`) and one Redis, 30 clients on 5 documents
through all of them. In each round one thing breaks under this load and is mended; then everything that clients
asked for, were answered and were told is checked against the log: nothing acknowledged lost, nothing twice,
versions contiguous and in the order of real time, every subscriber told everything once and in order, everybody
with the same content, no write under a lost lock, the audit log one chain. A round fails if anything is wrong.

*Unknown*: answers that did not say what became of an operation, because something broke. *Asked again*: operations
that were asked for more than once under the same name. *Duplicates*: answers about an operation that was in the log
before it was asked for that time. *Refused*: for a lock or a settled conflict, as it should be; *fenced*: because
the lock was lost. *Resyncs*: contents told to subscribers in place of operations. *Longest wait*: from the first
asking to the answer. *Staleness*: from the acknowledgement at one replica to a subscriber at another being told.";
const HEAD: &str = "\
| fault | rounds | failed | acknowledged | unknown | asked again | duplicates | refused | fenced | resyncs | longest wait ms | staleness p50 ms | p99 ms | max ms |
|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|";

/// What is promised for processes that have no Redis, in microseconds.
const STALENESS_MAX: u64 = 1_000_000;
