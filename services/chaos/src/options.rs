//! What can be chosen.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

use crate::fault::Fault;

/// Servers break while clients work, and everything that the clients saw is checked.
///
/// Needs the programs of PostgreSQL and Redis (Debian: postgresql, redis-server); private servers are
/// started from them on free ports.
#[derive(Clone, Debug, Parser)]
#[command(name = "cargo chaos")]
pub(crate) struct Options {
    /// Rounds of each fault.
    #[arg(long, default_value_t = 5)]
    pub(crate) rounds: u64,
    /// Of the first round of each fault; the next one has the next number.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Sets of servers that are broken side by side: a round waits more than it works.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=16))]
    pub(crate) lanes: u64,
    /// These faults alone.
    #[arg(long, value_delimiter = ',', value_name = "FAULT,..")]
    fault: Vec<Fault>,
    /// How the processes hear of each other: with `local`, every fault is tried without Redis.
    #[arg(long, default_value = "redis")]
    bus: Bus,
    /// Write the table to this file as well.
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// A statesync-service that is there already; otherwise it is built.
    #[arg(long, value_name = "PROGRAM")]
    pub(crate) service: Option<PathBuf>,
}

/// How the processes hear of each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Bus {
    /// Over a private Redis.
    Redis,
    /// Not at all: they ask the database.
    Local,
}

impl Options {
    /// Those that were asked for, in the usual order.
    pub(crate) fn faults(&self) -> Vec<Fault> {
        let all = Fault::value_variants().iter().copied();
        let needs_redis = |fault: &Fault| fault.is_of_redis();
        all.filter(|fault| self.fault.is_empty() || self.fault.contains(fault))
            .filter(|fault| self.bus == Bus::Redis || !needs_redis(fault))
            .collect()
    }

    /// What the processes use while this breaks.
    pub(crate) fn bus_of(&self, fault: Fault) -> Bus {
        if fault == Fault::NoRedis {
            Bus::Local
        } else {
            self.bus
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Options {
        Options::parse_from(line.split(' '))
    }

    #[test]
    fn all_faults_are_tried_unless_some_are_named() {
        assert_eq!(parse("chaos").faults(), Fault::value_variants());
        let two = parse("chaos --fault no-redis,kill-replica");
        assert_eq!(two.faults(), [Fault::KillReplica, Fault::NoRedis]);
        assert_eq!(two.bus_of(Fault::NoRedis), Bus::Local);
        assert_eq!(two.bus_of(Fault::KillReplica), Bus::Redis);
    }

    #[test]
    fn without_redis_nothing_happens_to_it() {
        let local = parse("chaos --bus local").faults();
        assert!(!local.contains(&Fault::PauseRedis) && !local.contains(&Fault::KillRedis));
        assert!(local.contains(&Fault::KillPostgres));
    }
}
