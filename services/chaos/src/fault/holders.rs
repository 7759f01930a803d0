//! Somebody holds a lock, is away for longer than the lease, and writes as if nothing had happened.

use std::time::Duration;

use aetherflow_api::statesync::v1 as wire;
use rand::RngExt as _;
use rand::seq::SliceRandom as _;

use super::wait;
use crate::failure::Failure;
use crate::history::Answer;
use crate::load::{Asked, Load, Random, Recorded, Worker, paint, within};
use crate::servers::{REPLICAS, Servers};

/// The holder sleeps: it does nothing until somebody else has its lock and has written.
pub(super) async fn sleep(
    servers: &Servers,
    load: &Load,
    random: &mut Random,
) -> Result<Vec<Recorded>, Failure> {
    let mut pair = Pair::new(servers, load, random)?;
    for _ in 0..SLEEPS {
        let lock = within(acquire(&mut pair.first), "a lock").await??;
        write(&mut pair.first, &lock).await?;
        // The lease ends while it sleeps; nothing else gives the lock to somebody else.
        let taken = within(acquire(&mut pair.second), "the lock of one who sleeps").await??;
        write(&mut pair.second, &taken).await?;
        let mut replicas: Vec<usize> = (0..REPLICAS).collect();
        replicas.shuffle(random);
        for replica in replicas {
            pair.first.caller.go_to(replica);
            must_be_refused(write(&mut pair.first, &lock).await?)?;
        }
        pair.second.release(&taken).await?;
        pair.swap(random);
    }
    Ok(pair.recorded())
}

/// The replica is stopped while the holder writes through it, with or without its connections to the
/// database, and goes on after somebody else has the lock.
pub(super) async fn stop_replica(
    servers: &Servers,
    load: &Load,
    random: &mut Random,
) -> Result<Vec<Recorded>, Failure> {
    let mut pair = Pair::new(servers, load, random)?;
    let stopped = pair.first.caller.at();
    let (replica, proxy) = (&servers.replicas[stopped], &servers.proxies[stopped]);
    let lock = within(acquire(&mut pair.first), "a lock").await??;
    let holds_back = random.random_bool(0.5);
    let first = &mut pair.first;
    let writing = async {
        // Until it is told that the lock is lost, or there is nothing left to try.
        for _ in 0..WRITES {
            if matches!(write(first, &lock).await?, Answer::Refused(_)) {
                break;
            }
        }
        Ok::<(), Failure>(())
    };
    let second = &mut pair.second;
    let stopping = async {
        // Somewhere in the middle of a write.
        load.shared.more(random.random_range(1..10)).await?;
        proxy.stall(holds_back);
        replica.pause()?;
        // While the replica is stopped in the middle of a transaction, nobody else gets the lock.
        let patience = Duration::from_millis(random.random_range(1_000..1_500));
        let taken = tokio::time::timeout(patience, acquire(second)).await;
        if let Ok(taken) = taken {
            write(second, &taken?).await?;
        }
        replica.go_on()?;
        wait(random, 0..50).await;
        proxy.stall(false);
        Ok::<(), Failure>(())
    };
    let (wrote, went_on) = tokio::join!(writing, stopping);
    wrote?;
    went_on?;
    let taken = within(acquire(&mut pair.second), "the lock of one who was stopped").await??;
    write(&mut pair.second, &taken).await?;
    pair.first.caller.go_to(stopped);
    must_be_refused(write(&mut pair.first, &lock).await?)?;
    Ok(pair.recorded())
}

/// Two who want the same lock, at different replicas.
struct Pair {
    first: Worker,
    second: Worker,
}

impl Pair {
    fn new(servers: &Servers, load: &Load, random: &mut Random) -> Result<Self, Failure> {
        let document = load.locked_document()?;
        let at = random.random_range(0..REPLICAS);
        let other = at + random.random_range(1..REPLICAS);
        Ok(Self {
            first: load.worker(servers, document, "sleeper", at, random.random())?,
            second: load.worker(
                servers,
                document,
                "successor",
                other % REPLICAS,
                random.random(),
            )?,
        })
    }

    fn swap(&mut self, random: &mut Random) {
        std::mem::swap(&mut self.first, &mut self.second);
        let at = random.random_range(0..REPLICAS);
        self.first.caller.go_to(at);
        self.second
            .caller
            .go_to(at + random.random_range(1..REPLICAS));
    }

    fn recorded(self) -> Vec<Recorded> {
        vec![self.first.recorded, self.second.recorded]
    }
}

/// Asks for the lock until it is free.
async fn acquire(worker: &mut Worker) -> Result<wire::Lock, Failure> {
    loop {
        if let Some(lock) = worker.acquire(OBJECT, LEASE_MS).await? {
            return Ok(lock);
        }
        tokio::time::sleep(AGAIN_AFTER).await;
    }
}

async fn write(worker: &mut Worker, lock: &wire::Lock) -> Result<Answer, Failure> {
    let label = format!("under fence {}", lock.fence);
    let asked = Asked {
        seen: None,
        ..paint(OBJECT.to_owned(), label, 0)
    };
    worker.carry_out(asked.with_fence(lock.fence)).await
}

fn must_be_refused(answer: Answer) -> Result<(), Failure> {
    match answer {
        Answer::Refused(_) => Ok(()),
        other => Err(Failure::new(format!(
            "who had lost the lock was answered {other:?}"
        ))),
    }
}

/// An object that nobody else locks.
const OBJECT: &str = "object-3";
const LEASE_MS: u64 = 300;
/// Rounds of falling asleep.
const SLEEPS: usize = 2;
/// More than a holder comes to before it loses its lock.
const WRITES: usize = 10_000;
const AGAIN_AFTER: Duration = Duration::from_millis(20);
