//! Rounds, one after the other, on servers that go on from one round to the next.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::failure::Failure;
use crate::fault::Fault;
use crate::figures::Figures;
use crate::options::{Bus, Options};
use crate::servers::Servers;
use crate::{history, round};

/// What a round has come to; nothing if something was wrong.
pub(crate) type Done = Option<Figures>;

/// A set of servers, and what is done with it.
pub(crate) struct Lane {
    number: u64,
    program: PathBuf,
    running: Option<(Bus, Servers)>,
}

impl Lane {
    pub(crate) fn new(number: u64, program: &Path) -> Self {
        Self {
            number,
            program: program.to_owned(),
            running: None,
        }
    }

    /// Takes one round after the other of those that no other lane has taken.
    pub(crate) async fn rounds(
        &mut self,
        options: &Options,
        fault: Fault,
        indexes: &AtomicU64,
    ) -> Result<Vec<Done>, Failure> {
        let bus = options.bus_of(fault);
        let mut rounds = Vec::new();
        loop {
            let index = indexes.fetch_add(1, Ordering::Relaxed);
            if index >= options.rounds {
                return Ok(rounds);
            }
            let servers = self.servers(bus).await?;
            let seed = options.seed.wrapping_add(index);
            let done = one_round(&servers, fault, seed).await;
            // What a failed round has left behind must not fail the next one.
            self.running = done.is_some().then_some((bus, servers));
            rounds.push(done);
        }
    }

    /// Those of the last round, if they are what is asked for.
    async fn servers(&mut self, bus: Bus) -> Result<Servers, Failure> {
        match self.running.take() {
            Some((known, servers)) if known == bus => Ok(servers),
            other => {
                drop(other);
                Servers::start(&self.program, self.number, bus).await
            }
        }
    }
}

/// One round. What it finds wrong is printed, with the command that repeats it.
async fn one_round(servers: &Servers, fault: Fault, seed: u64) -> Done {
    let outcome = round::run(servers, fault, seed).await;
    let (problem, findings) = match outcome {
        Ok(round) if round.findings.is_empty() => return Some(round.figures),
        Ok(round) => {
            let path = history::save(&round, fault, seed);
            (format!("the history is in {path}"), round.findings)
        }
        Err(failure) => (failure.to_string(), Vec::new()),
    };
    eprintln!("  FAILED: {problem}");
    for finding in findings.iter().take(FINDINGS_SHOWN) {
        eprintln!("    {finding}");
    }
    let more = findings.len().saturating_sub(FINDINGS_SHOWN);
    if more > 0 {
        eprintln!("    and {more} more");
    }
    eprintln!(
        "  again: cargo chaos --fault {} --seed {seed} --rounds 1",
        fault.name()
    );
    None
}

/// One mistake shows in many places.
const FINDINGS_SHOWN: usize = 8;
