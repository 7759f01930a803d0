//! Runs seeds of the simulation.

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use quantum_sim::campaign::{Campaign, Failure, Summary};
use quantum_sim::options::Options;
use quantum_sim::scenario::{Report, catalogue};
use quantum_sim::simulate::{Listener, simulate_observed};
use quantum_sim::traces;

/// Quantum in a simulated network: each seed is a network with faults, two applications, and rules
/// that have to hold.
#[derive(Parser)]
struct Arguments {
    /// How many seeds.
    #[arg(long, default_value_t = 1000)]
    seeds: u64,
    /// The first one.
    #[arg(long, default_value_t = 0)]
    first_seed: u64,
    /// How many of them run twice, to be compared.
    #[arg(long, default_value_t = 0)]
    twice: u64,
    /// How many run at a time. Default: as many as there are cores.
    #[arg(long)]
    jobs: Option<usize>,
    /// Runs a scenario for congestion control by name, or "all" of them, for each seed.
    #[arg(long)]
    scenario: Option<String>,
    /// With a single seed: shows its options and every event. With scenarios: shows what each
    /// controller was doing.
    #[arg(long)]
    verbose: bool,
    /// With a single seed or scenarios: writes a trace of each end of each connection to this
    /// directory, for qvis (https://qvis.quictools.info).
    #[arg(long, value_name = "DIRECTORY")]
    qlog: Option<PathBuf>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Some(name) = &arguments.scenario {
        let seeds = arguments.first_seed..arguments.first_seed.saturating_add(arguments.seeds);
        return run_scenarios(name, seeds, &arguments);
    }
    if arguments.verbose || arguments.qlog.is_some() {
        return show(&arguments);
    }
    let cores = std::thread::available_parallelism().map_or(1, Into::into);
    let campaign = Campaign {
        first_seed: arguments.first_seed,
        seeds: arguments.seeds,
        twice: arguments.twice,
        jobs: arguments.jobs.unwrap_or(cores),
    };
    let started = Instant::now();
    let summary = campaign.run(|failure| report(failure, campaign.seeds == 1));
    conclude(&summary, started.elapsed().as_secs_f64())
}

/// One line per failure that runs it again; with a single seed, all about it.
fn report(failure: &Failure, in_full: bool) {
    if in_full {
        println!("{}", Options::from_seed(failure.seed));
    }
    let seed = failure.seed;
    println!("seed {seed} failed {}", failure.violation);
    println!("{}", failure.replay_line());
}

fn conclude(summary: &Summary, seconds: f64) -> ExitCode {
    println!(
        "{} datagrams, {:.0} virtual seconds in {seconds:.1} seconds",
        summary.datagrams, summary.virtual_seconds
    );
    println!(
        "{} passed, {} failed",
        summary.passed,
        summary.failures.len()
    );
    if summary.failures.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn run_scenarios(name: &str, seeds: Range<u64>, arguments: &Arguments) -> ExitCode {
    let chosen: Vec<_> = catalogue::ALL
        .iter()
        .filter(|named| name == "all" || name == named.name)
        .collect();
    if chosen.is_empty() {
        let names: Vec<_> = catalogue::ALL.iter().map(|named| named.name).collect();
        println!("no such scenario; there are: {}", names.join(" "));
        return ExitCode::FAILURE;
    }
    let mut passed = true;
    for named in chosen {
        for seed in seeds.clone() {
            let mut scenario = (named.make)();
            if let Some(directory) = &arguments.qlog {
                let prefix = format!("{}_{seed}", named.name);
                match traces::files(directory, prefix) {
                    Ok(observer) => scenario = scenario.observed_by(observer),
                    Err(error) => return no_traces(directory, &error),
                }
            }
            match scenario.run(seed) {
                Ok(report) => {
                    if arguments.verbose {
                        show_samples(&report);
                    }
                    println!("{:14} {seed} {report}", named.name);
                }
                Err(violation) => {
                    passed = false;
                    println!("{:14} {seed} failed {violation}", named.name);
                }
            }
        }
    }
    if passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn show_samples(report: &Report) {
    for (flow, of_flow) in report.flows.iter().enumerate() {
        for sample in &of_flow.samples {
            println!("flow {flow} {sample}");
        }
    }
}

fn no_traces(directory: &Path, error: &io::Error) -> ExitCode {
    println!("no traces in {}: {error}", directory.display());
    ExitCode::FAILURE
}

fn show(arguments: &Arguments) -> ExitCode {
    let seed = arguments.first_seed;
    let options = Options::from_seed(seed);
    println!("{options}");
    let listener: Option<Listener> = arguments
        .verbose
        .then(|| Box::new(|event: &str| println!("{event}")) as Listener);
    let mut observer = None;
    if let Some(directory) = &arguments.qlog {
        match traces::files(directory, format!("seed_{seed}")) {
            Ok(files) => observer = Some(files),
            Err(error) => return no_traces(directory, &error),
        }
    }
    match simulate_observed(&options, listener, observer) {
        Ok(outcome) => {
            println!("{outcome:?}");
            ExitCode::SUCCESS
        }
        Err(violation) => {
            println!("failed {violation}");
            ExitCode::FAILURE
        }
    }
}
