//! The parts of the bench: what each measures, how much of it, and where the figures go.

use std::fs::File;
use std::io::{BufRead, BufReader, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use bench_report::Facts;

use crate::sample::Sample;
use crate::{Failure, embedded, hot, memory, postgres, slow};

/// As cargo calls this program.
const PACKAGE: &str = env!("CARGO_PKG_NAME");

/// How much of everything.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) rounds: u32,
    /// Of one side in one round, after as long a warm-up as it takes.
    pub(crate) duration: Duration,
    pub(crate) is_quick: bool,
}

impl Plan {
    pub(crate) fn full(rounds: u32) -> Self {
        Self {
            rounds,
            duration: Duration::from_secs(6),
            is_quick: false,
        }
    }

    pub(crate) fn quick() -> Self {
        Self {
            rounds: 1,
            duration: Duration::from_millis(150),
            is_quick: true,
        }
    }

    /// One of two, by whether this is a full run.
    pub(crate) fn either<T>(&self, full: T, quick: T) -> T {
        if self.is_quick { quick } else { full }
    }
}

/// Takes what was measured, as it comes.
pub(crate) type Record<'a> = dyn FnMut(Sample) -> Result<(), Failure> + 'a;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Postgres,
    Hot,
    Embedded,
    Slow,
    Memory,
}

impl Part {
    pub(crate) const ALL: [Self; 5] = [
        Self::Postgres,
        Self::Hot,
        Self::Embedded,
        Self::Slow,
        Self::Memory,
    ];

    /// As the command line and the published page call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Hot => "hot",
            Self::Embedded => "embedded",
            Self::Slow => "slow",
            Self::Memory => "memory",
        }
    }

    fn measure(self, plan: &Plan, record: &mut Record<'_>) -> Result<(), Failure> {
        match self {
            Self::Postgres => postgres::measure(plan, record),
            Self::Hot => hot::measure(plan, record),
            Self::Embedded => embedded::measure(plan, record),
            Self::Slow => slow::measure(plan, record),
            Self::Memory => memory::measure(plan, record),
        }
    }

    /// What it measures, under a heading.
    pub(crate) fn about(self) -> &'static str {
        match self {
            Self::Postgres => postgres::ABOUT,
            Self::Hot => hot::ABOUT,
            Self::Embedded => embedded::ABOUT,
            Self::Slow => slow::ABOUT,
            Self::Memory => memory::ABOUT,
        }
    }

    /// Its tables.
    pub(crate) fn section(self, samples: &[Sample]) -> String {
        match self {
            Self::Postgres => postgres::section(samples),
            Self::Hot => hot::section(samples),
            Self::Embedded => embedded::section(samples),
            Self::Slow => slow::section(samples),
            Self::Memory => memory::section(samples),
        }
    }

    /// Measures and prints.
    pub(crate) fn print(self, plan: &Plan) -> Result<(), Failure> {
        let mut samples = Vec::new();
        self.measure(plan, &mut |sample| {
            samples.push(sample);
            Ok(())
        })?;
        println!("{}{}", self.about(), self.section(&samples));
        Ok(())
    }

    /// Measures, prints, and writes every figure as it comes, after a line with the facts.
    pub(crate) fn write(self, plan: &Plan) -> Result<(), Failure> {
        let raw = self.raw();
        if let Some(folder) = raw.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let mut file = File::create(raw)?;
        writeln!(file, "{}", serde_json::to_string(&Facts::gather(PACKAGE))?)?;
        let mut samples = Vec::new();
        self.measure(plan, &mut |sample| {
            let line = serde_json::to_string(&sample)?;
            eprintln!("{line}");
            writeln!(file, "{line}")?;
            samples.push(sample);
            Ok(())
        })?;
        println!("{}{}", self.about(), self.section(&samples));
        Ok(())
    }

    /// What was measured last, if it ever was.
    pub(crate) fn read(self) -> Result<Option<(Facts, Vec<Sample>)>, Failure> {
        let raw = self.raw();
        if !raw.is_file() {
            return Ok(None);
        }
        let mut lines = BufReader::new(File::open(raw)?).lines();
        let first = lines.next().ok_or("a file of results is empty")??;
        let facts = serde_json::from_str(&first)?;
        let samples = lines.map(|line| Ok(serde_json::from_str(&line?)?));
        Ok(Some((facts, samples.collect::<Result<_, Failure>>()?)))
    }

    fn raw(self) -> PathBuf {
        PathBuf::from(format!("benches/results/load/{}.jsonl", self.name()))
    }
}
