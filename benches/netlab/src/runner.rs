//! Options that all workloads share, and several links at once.

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::mpsc;

use clap::{Args, Command, ValueEnum};
use serde::Deserialize;

use crate::Failure;
use crate::bounded::Within;
use crate::peers::Peer;

/// How often everything is measured.
pub(crate) type Repeats = Within<u32, 1, 100>;
/// Links at once.
pub(crate) type Parallel = Within<u32, 1, 64>;
/// How long something lasts.
pub(crate) type Seconds = Within<f64, 0, 3_600>;
/// A round trip.
pub(crate) type Milliseconds = Within<f64, 0, 10_000>;
/// Losses.
pub(crate) type Percent = Within<f64, 0, 90>;
/// A link's rate in Mbit/s; the emulator is exact up to some hundreds.
pub(crate) type Megabits = Within<f64, 1, 1_000>;
/// A queue in products of rate and round-trip time.
pub(crate) type QueueProducts = Within<f64, 0, 100>;

/// The most runs of one measurement: weeks.
const RUNS_MAX: usize = 100_000;

/// Where the results go.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Destination {
    /// Where the tables go; raw figures go beside them as `.jsonl`. Default:
    /// `benches/results/netlab-<workload>.md`.
    #[arg(long)]
    pub(crate) output: Option<PathBuf>,
    /// Print the tables and write no files.
    #[arg(long)]
    pub(crate) print_only: bool,
}

/// What a workload does when nothing is said: in a scenario as on the command line.
pub(crate) fn defaults<T: Args>() -> T {
    let command = T::augment_args(Command::new("defaults").no_binary_name(true));
    let matches = command.get_matches_from(std::iter::empty::<&str>());
    T::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
}

/// Whether there is something to do, and an end to it.
pub(crate) fn check_runs(runs: usize) -> Result<(), String> {
    match runs {
        0 => Err("measures nothing: a list is empty".into()),
        1..=RUNS_MAX => Ok(()),
        _ => Err(format!("{runs} runs; {RUNS_MAX} at most")),
    }
}

/// Chosen transports.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "Vec<String>")]
pub(crate) struct Peers(pub(crate) Vec<Peer>);

impl FromStr for Peers {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "all" {
            return Ok(Self(Peer::ALL.to_vec()));
        }
        let known = || {
            let all = Peer::value_variants().iter().map(|peer| peer.name());
            all.collect::<Vec<_>>().join(", ")
        };
        let parse = |name: &str| {
            Peer::from_str(name.trim(), false)
                .map_err(|_| format!("`{name}` is no transport; expected: {}", known()))
        };
        text.split(',')
            .map(parse)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

impl TryFrom<Vec<String>> for Peers {
    type Error = String;

    fn try_from(names: Vec<String>) -> Result<Self, String> {
        names.join(",").parse()
    }
}

/// Measures `jobs`, `parallel` at once, each thread taking the next one. `record` gets the results
/// as they come. The first failure ends everything.
pub(crate) fn run<J: Send, R: Send>(
    jobs: Vec<J>,
    parallel: Parallel,
    measure: impl Fn(&J) -> Result<R, Failure> + Sync,
    mut record: impl FnMut(R) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let total = jobs.len();
    let queue = Mutex::new(jobs.into_iter());
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
    let (results, measured) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..parallel.get() {
            let results = results.clone();
            let (next, measure) = (&next, &measure);
            scope.spawn(move || {
                while let Some(job) = next() {
                    // Nobody receives after a failure: the rest of the jobs is left.
                    if results.send(measure(&job)).is_err() {
                        break;
                    }
                }
            });
        }
        drop(results);
        for (done, result) in measured.into_iter().enumerate() {
            record(result?)?;
            eprintln!("{} of {total}", done + 1);
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_are_all_or_a_list() {
        let parsed = |text: &str| text.parse::<Peers>().map(|peers| peers.0);
        assert_eq!(parsed("all"), Ok(Peer::ALL.to_vec()));
        assert_eq!(parsed("kcp,s2n-bbr"), Ok(vec![Peer::Kcp, Peer::S2nBbr]));
        assert!(parsed("kcp,sctp").is_err());
    }

    #[test]
    fn every_job_is_measured_once() {
        let mut seen = Vec::new();
        let measure = |job: &u32| Ok(job * 2);
        let parallel = "3".parse().unwrap();
        run(vec![1, 2, 3, 4, 5], parallel, measure, |result| {
            seen.push(result);
            Ok(())
        })
        .unwrap();
        seen.sort_unstable();
        assert_eq!(seen, [2, 4, 6, 8, 10]);
    }

    #[test]
    fn a_failure_ends_the_run() {
        let measure = |job: &u32| {
            if *job == 2 {
                Err("broken".into())
            } else {
                Ok(())
            }
        };
        let parallel = "1".parse().unwrap();
        assert!(run(vec![1, 2, 3], parallel, measure, |()| Ok(())).is_err());
    }
}
