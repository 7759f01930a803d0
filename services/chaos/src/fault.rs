//! What is done to the servers, and when: by counts of acknowledged operations, never by the clock alone.

mod holders;

use std::time::Duration;

use clap::ValueEnum;
use rand::RngExt as _;
use store_postgres::testkit::proxy::{Cut, Door};

use crate::failure::Failure;
use crate::load::{Load, Random, Recorded, within};
use crate::servers::{REPLICAS, Servers};

/// What breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Fault {
    /// A replica is ended by force, and started again.
    KillReplica,
    /// All processes of PostgreSQL are ended by force; it recovers.
    KillPostgres,
    /// Redis is stopped for a while, and loses everything.
    PauseRedis,
    /// Redis is ended by force, and started again.
    KillRedis,
    /// A connection to the database is cut before its `COMMIT` arrives.
    CutBeforeCommit,
    /// A connection to the database is cut after its `COMMIT` arrived, before the answer comes back.
    CutAfterCommit,
    /// All connections of a replica to the database are cut.
    CutConnections,
    /// Nothing arrives from the database, or there, for a while.
    StallConnections,
    /// The holder of a lock sleeps past its lease, wakes up and writes.
    PausedHolder,
    /// The replica through which the holder of a lock writes is stopped past the lease.
    StoppedReplica,
    /// There is no Redis. Nothing breaks.
    NoRedis,
}

impl Fault {
    /// As it is named on the command line and in tables.
    pub(crate) fn name(self) -> String {
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// What it is, in a few words.
    pub(crate) fn about(self) -> &'static str {
        match self {
            Self::KillReplica => "kill -9 of a replica, and its restart",
            Self::KillPostgres => "kill -9 of PostgreSQL, and its recovery",
            Self::PauseRedis => "SIGSTOP of Redis for a while, then FLUSHALL",
            Self::KillRedis => "kill -9 of Redis, and its restart",
            Self::CutBeforeCommit => "a connection is cut before COMMIT arrives",
            Self::CutAfterCommit => "a connection is cut before the answer to COMMIT",
            Self::CutConnections => "all connections to the database are cut",
            Self::StallConnections => "the connections to the database stand still",
            Self::PausedHolder => "the holder of a lock sleeps past its lease, and writes",
            Self::StoppedReplica => "SIGSTOP of a replica past the lease of who writes there",
            Self::NoRedis => "no Redis at all: replicas ask the database",
        }
    }

    /// Whether it takes a Redis.
    pub(crate) fn is_of_redis(self) -> bool {
        matches!(self, Self::PauseRedis | Self::KillRedis)
    }

    /// Breaks it and mends it, while `load` is at work. What clients of its own recorded.
    pub(crate) async fn strike(
        self,
        servers: &Servers,
        load: &Load,
        random: &mut Random,
    ) -> Result<Vec<Recorded>, Failure> {
        match self {
            Self::KillReplica => kill_replica(servers, load, random).await?,
            Self::KillPostgres => kill_postgres(servers, random).await?,
            Self::PauseRedis => pause_redis(servers, random).await?,
            Self::KillRedis => kill_redis(servers, load, random).await?,
            Self::CutBeforeCommit => cut(servers, load, random, &[Cut::Before]).await?,
            Self::CutAfterCommit => cut(servers, load, random, &[Cut::After, Cut::Late]).await?,
            Self::CutConnections => cut_connections(servers, load, random).await?,
            Self::StallConnections => stall(servers, random).await?,
            Self::PausedHolder => return holders::sleep(servers, load, random).await,
            Self::StoppedReplica => return holders::stop_replica(servers, load, random).await,
            Self::NoRedis => load.shared.more(random.random_range(200..400)).await?,
        }
        Ok(Vec::new())
    }
}

async fn kill_replica(servers: &Servers, load: &Load, random: &mut Random) -> Result<(), Failure> {
    let replica = &servers.replicas[random.random_range(0..REPLICAS)];
    replica.kill().await?;
    // The others go on without it.
    load.shared.more(random.random_range(10..100)).await?;
    replica.start().await
}

async fn kill_postgres(servers: &Servers, random: &mut Random) -> Result<(), Failure> {
    servers.kill_database().await?;
    wait(random, 0..300).await;
    servers.resume_database().await
}

async fn pause_redis(servers: &Servers, random: &mut Random) -> Result<(), Failure> {
    let redis = servers.redis()?;
    redis.pause()?;
    wait(random, 1_000..2_500).await;
    redis.go_on()?;
    redis.flush().await
}

async fn kill_redis(servers: &Servers, load: &Load, random: &mut Random) -> Result<(), Failure> {
    let redis = servers.redis()?;
    redis.kill()?;
    load.shared.more(random.random_range(50..200)).await?;
    redis.resume().await
}

/// Cuts around some commits, one after the other. Whoever asks what became of one may have to wait.
async fn cut(
    servers: &Servers,
    load: &Load,
    random: &mut Random,
    kinds: &[Cut],
) -> Result<(), Failure> {
    for _ in 0..CUTS {
        let proxy = &servers.proxies[random.random_range(0..REPLICAS)];
        let kind = kinds[random.random_range(0..kinds.len())];
        // One that is late waits for the question, which comes through the same door.
        let door = if kind == Cut::Late || random.random_bool(0.5) {
            Door::Open
        } else {
            Door::Held
        };
        proxy.cut(kind, door);
        within(proxy.was_cut(), "a commit that is cut").await?;
        if door == Door::Held {
            wait(random, 0..300).await;
            proxy.door(Door::Open);
        }
        load.shared.more(random.random_range(5..30)).await?;
    }
    Ok(())
}

async fn cut_connections(
    servers: &Servers,
    load: &Load,
    random: &mut Random,
) -> Result<(), Failure> {
    for _ in 0..CUTS {
        servers.proxies[random.random_range(0..REPLICAS)].sever();
        load.shared.more(random.random_range(5..50)).await?;
    }
    Ok(())
}

async fn stall(servers: &Servers, random: &mut Random) -> Result<(), Failure> {
    let proxy = &servers.proxies[random.random_range(0..REPLICAS)];
    proxy.stall(true);
    wait(random, 300..1_500).await;
    // What was kept back arrives late, or never.
    if random.random_bool(0.5) {
        proxy.sever();
    }
    proxy.stall(false);
    Ok(())
}

/// How long something stays broken. What is right does not depend on it.
async fn wait(random: &mut Random, ms: std::ops::Range<u64>) {
    let duration = Duration::from_millis(random.random_range(ms));
    tokio::time::sleep(duration).await;
}

/// Cuts of one round.
const CUTS: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_named_in_words() {
        assert_eq!(Fault::CutBeforeCommit.name(), "cut-before-commit");
        let faults = Fault::value_variants().iter();
        let names: std::collections::BTreeSet<_> = faults.map(|it| it.name()).collect();
        assert_eq!(names.len(), Fault::value_variants().len());
    }
}
