//! Embedded stores compared on the document log's own work.
//!
//! `cargo run --release -p bench-stores` measures everything in less than five minutes and writes
//! `benches/results/stores.md` and the raw figures beside it; `--quick` takes half a minute, is only
//! good for a look, and only prints.

pub mod append;
mod corruption;
mod document;
mod engine;
mod group;
mod material;
mod reopen;
mod report;

use std::path::PathBuf;
use std::time::Duration;

use bench_report::Facts;
use clap::{Parser, Subcommand};

pub use engine::Failure;

use engine::Kind;
use report::Results;

/// Writers of the append rounds.
const WRITERS: [u64; 3] = [1, 8, 64];

/// Compares embedded stores on the work of a document log.
#[derive(Parser)]
struct Arguments {
    /// Short rounds: half a minute in all.
    #[arg(long)]
    quick: bool,
    /// Only these engines.
    #[arg(long = "engine", value_enum)]
    engines: Vec<Kind>,
    /// Where the tables go, with the raw figures as JSON beside them. Default for a full run:
    /// `benches/results/stores.md`.
    #[arg(long)]
    output: Option<PathBuf>,
    #[command(subcommand)]
    child: Option<Child>,
}

/// What the bench starts itself for: a process that ends badly, or may end badly.
#[derive(Subcommand)]
#[command(hide = true)]
enum Child {
    Fill {
        kind: Kind,
        directory: PathBuf,
        records: u64,
    },
    Reopen {
        kind: Kind,
        directory: PathBuf,
        records: u64,
    },
    Verify {
        kind: Kind,
        directory: PathBuf,
    },
}

/// How much of everything.
struct Plan {
    rounds: u32,
    round: Duration,
    sustained: Option<Duration>,
    loaded_documents: u64,
    records: u64,
    tries: u64,
}

const FULL: Plan = Plan {
    rounds: 5,
    round: Duration::from_millis(1200),
    sustained: Some(Duration::from_secs(8)),
    loaded_documents: 20,
    records: 1_000_000,
    tries: 60,
};

const QUICK: Plan = Plan {
    rounds: 1,
    round: Duration::from_millis(600),
    sustained: None,
    loaded_documents: 5,
    records: 100_000,
    tries: 16,
};

/// Does what the command line says.
///
/// # Errors
///
/// If a store fails, or serves something else than was written.
pub fn run() -> Result<(), Failure> {
    let arguments = Arguments::parse();
    match arguments.child {
        Some(Child::Fill {
            kind,
            directory,
            records,
        }) => reopen::fill(kind, &directory, records),
        Some(Child::Reopen {
            kind,
            directory,
            records,
        }) => reopen::reopen(kind, &directory, records),
        Some(Child::Verify { kind, directory }) => corruption::verify(kind, &directory),
        None => measure(&arguments),
    }
}

/// What other benches put beside their own figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bare {
    /// A preallocated file: append what waits, sync once.
    File,
    /// The embedded store, without documents in memory.
    StoreEmbedded,
}

impl Bare {
    /// As the tables call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.kind().name()
    }

    fn kind(self) -> Kind {
        match self {
            Self::File => Kind::Floor,
            Self::StoreEmbedded => Kind::StoreEmbedded,
        }
    }

    /// Durable appends by `writers` for `duration`.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub fn appends(self, writers: u64, duration: Duration) -> Result<append::Sample, Failure> {
        append::measure(self.kind(), writers, duration)
    }
}

fn measure(arguments: &Arguments) -> Result<(), Failure> {
    let plan = if arguments.quick { &QUICK } else { &FULL };
    let chosen = |kind: &Kind| arguments.engines.is_empty() || arguments.engines.contains(kind);
    let readable: Vec<Kind> = Kind::READABLE.into_iter().filter(chosen).collect();
    let all: Vec<Kind> = std::iter::once(Kind::Floor)
        .filter(chosen)
        .chain(readable.iter().copied())
        .collect();
    let mut results = Results {
        facts: Some(Facts::gather(env!("CARGO_PKG_NAME"))),
        ..Results::default()
    };
    // Engines take turns inside each round, so that a slow minute hits all of them.
    for round in 1..=plan.rounds {
        eprintln!("round {round} of {}", plan.rounds);
        for writers in WRITERS {
            for &kind in &all {
                results
                    .appends
                    .push(append::measure(kind, writers, plan.round)?);
            }
        }
        for &kind in &readable {
            results
                .documents
                .push(document::measure(kind, plan.loaded_documents)?);
        }
    }
    for &kind in &all {
        let Some(duration) = plan.sustained else {
            break;
        };
        results.sustained.push(append::measure(kind, 64, duration)?);
    }
    for &kind in &readable {
        eprintln!("{}: reopen and damage", kind.name());
        results.reopened.push(reopen::measure(kind, plan.records)?);
        results
            .damaged
            .extend(corruption::measure(kind, plan.tries)?);
    }
    let markdown = report::markdown(&results);
    println!("{markdown}");
    let usual = (!arguments.quick).then(|| PathBuf::from("benches/results/stores.md"));
    if let Some(output) = arguments.output.clone().or(usual) {
        std::fs::write(&output, markdown)?;
        let json = serde_json::to_string_pretty(&results)?;
        std::fs::write(output.with_extension("json"), json + "\n")?;
    }
    Ok(())
}

/// Where the stores under test live: on the disk of the build, never in a memory file system.
fn scratch() -> Result<PathBuf, Failure> {
    let directory = PathBuf::from("target/bench-stores");
    std::fs::create_dir_all(&directory)?;
    Ok(std::path::absolute(directory)?)
}
