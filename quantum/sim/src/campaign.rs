//! Many runs, on all cores.

use std::any::Any;
use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use quantum_proto::time::Instant;

use crate::options::Options;
use crate::simulate::{Outcome, simulate};
use crate::violation::{Rule, Violation};

/// What to run.
#[derive(Clone, Copy, Debug)]
pub struct Campaign {
    /// The first seed.
    pub first_seed: u64,
    /// How many seeds.
    pub seeds: u64,
    /// How many of them run twice, to be compared.
    pub twice: u64,
    /// How many run at a time.
    pub jobs: usize,
}

/// How it went.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Runs that kept to the rules.
    pub passed: u64,
    /// Seeds that did not, and why.
    pub failures: Vec<Failure>,
    /// Datagrams in all runs that passed.
    pub datagrams: u64,
    /// Virtual seconds in all runs that passed.
    pub virtual_seconds: f64,
}

/// A seed that broke a rule.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The seed.
    pub seed: u64,
    /// How.
    pub violation: Violation,
}

impl Failure {
    /// The command that shows it again.
    #[must_use]
    pub fn replay_line(&self) -> String {
        let seed = self.seed;
        format!("cargo run --release -p quantum-sim -- --first-seed {seed} --seeds 1")
    }
}

impl Campaign {
    /// Runs all seeds. Each failure is told to `report` when it is found.
    #[must_use]
    pub fn run(&self, report: impl Fn(&Failure) + Sync) -> Summary {
        catch_words_of_panics();
        let next = AtomicU64::new(0);
        let summary = Mutex::new(Summary::default());
        thread::scope(|scope| {
            for _ in 0..self.jobs.max(1) {
                scope.spawn(|| self.work(&next, &summary, &report));
            }
        });
        let mut summary = summary
            .into_inner()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        summary.failures.sort_by_key(|failure| failure.seed);
        summary
    }

    fn work(&self, next: &AtomicU64, summary: &Mutex<Summary>, report: &impl Fn(&Failure)) {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= self.seeds {
                return;
            }
            let seed = self.first_seed.wrapping_add(index);
            let outcome = run_seed(seed, index < self.twice);
            let Ok(mut summary) = summary.lock() else {
                return;
            };
            summary.add(seed, outcome, report);
        }
    }
}

impl Summary {
    fn add(&mut self, seed: u64, outcome: Result<Outcome, Violation>, report: impl Fn(&Failure)) {
        match outcome {
            Ok(outcome) => {
                self.passed += 1;
                self.datagrams += outcome.datagrams;
                self.virtual_seconds += outcome.ended_at.since(Instant::ORIGIN).as_secs_f64();
            }
            Err(violation) => {
                let failure = Failure { seed, violation };
                report(&failure);
                self.failures.push(failure);
            }
        }
    }
}

/// Runs a seed, or runs it twice and compares.
///
/// # Errors
///
/// The first rule that does not hold; a panic is one.
pub fn run_seed(seed: u64, twice: bool) -> Result<Outcome, Violation> {
    let first = run_once(seed)?;
    if twice && run_once(seed)? != first {
        return Err(Violation {
            at: first.ended_at,
            rule: Rule::Determinism,
            detail: "the second run went another way".into(),
        });
    }
    Ok(first)
}

fn run_once(seed: u64) -> Result<Outcome, Violation> {
    let run = AssertUnwindSafe(|| simulate(&Options::from_seed(seed), None));
    panic::catch_unwind(run).unwrap_or_else(|payload| {
        Err(Violation {
            at: Instant::ORIGIN,
            rule: Rule::Panic,
            detail: LAST_PANIC.take().unwrap_or_else(|| words(&*payload)),
        })
    })
}

thread_local! {
    static LAST_PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Panics are part of the report, with their place, and not printed on the way.
fn catch_words_of_panics() {
    panic::set_hook(Box::new(|info| {
        LAST_PANIC.set(Some(info.to_string().replace('\n', " ")));
    }));
}

fn words(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| payload.downcast_ref().cloned())
        .unwrap_or_default()
}
