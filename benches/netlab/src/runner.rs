//! Options that all workloads share, and several links at once.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::mpsc;

use clap::{Args, ValueEnum};

use crate::Failure;
use crate::peers::Peer;

/// What every workload is told.
#[derive(Debug, Clone, Args)]
pub(crate) struct Common {
    /// Which transports: `all`, or names with commas between them.
    #[arg(long, default_value = "all")]
    pub(crate) peers: Peers,
    /// How often everything is measured.
    #[arg(long, default_value_t = 3)]
    pub(crate) repeats: u32,
    /// Where the tables go; raw figures go beside them as `.jsonl`. Default:
    /// `benches/results/netlab-<workload>.md`.
    #[arg(long)]
    pub(crate) output: Option<PathBuf>,
    /// Print the tables and write no files.
    #[arg(long)]
    pub(crate) print_only: bool,
}

/// Chosen transports.
#[derive(Debug, Clone)]
pub(crate) struct Peers(pub(crate) Vec<Peer>);

impl FromStr for Peers {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "all" {
            return Ok(Self(Peer::ALL.to_vec()));
        }
        let known = || Peer::ALL.map(Peer::name).join(", ");
        let parse = |name: &str| {
            Peer::from_str(name.trim(), false)
                .map_err(|_| format!("`{name}` is not in: {}", known()))
        };
        text.split(',')
            .map(parse)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

/// Measures `jobs`, `parallel` at once, each thread taking the next one. `record` gets the results
/// as they come. The first failure ends everything.
pub(crate) fn run<J: Send, R: Send>(
    jobs: Vec<J>,
    parallel: NonZeroUsize,
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
        let parallel = NonZeroUsize::new(3).unwrap();
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
        let parallel = NonZeroUsize::MIN;
        assert!(run(vec![1, 2, 3], parallel, measure, |()| Ok(())).is_err());
    }
}
