//! Many subscribers of one document over gRPC, one of whom hardly reads.
//!
//! The service runs in a process of its own, with all of its limits as they are by default, over the
//! store in memory: the disk is measured elsewhere. A writer hands in one keystroke at a time, by the
//! clock; a latency runs from the moment at which it was due to the moment at which a subscriber has it.

mod crowd;
mod server;
mod throttle;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::Failure;
use crate::part::{Plan, Record};
use crate::rig::runtime;
use crate::sample::{Limit, Sample, Target, best, table, targets};
use crowd::{Crowd, Writer};
use server::Server;

pub(crate) use server::serve;

const DELIVERY: &str = "delivery";
const COST: &str = "cost of one";
const WITHOUT: &str = "nobody is slow";
const WITH: &str = "one reads 1 byte/s";

/// Keystrokes in a second.
const RATE: u32 = 20;

/// Who reads while it is measured what the slow one costs: the others are only there to show that
/// everything has been sent.
const WITNESSES: usize = 8;

/// Bytes of one edit while that is measured, and of all of them: several times what any limit lets wait.
const EDIT_BYTES: usize = 4 * 1024;
const ALL_BYTES: usize = 8 * 1024 * 1024;

pub(crate) fn measure(plan: &Plan, record: &mut Record<'_>) -> Result<(), Failure> {
    let subscribers = plan.either(1_000, 50);
    let keystrokes = RATE * plan.either(15, 1);
    let server = Server::start()?;
    let runtime = runtime()?;
    for round in 1..=plan.rounds {
        // By turns, so that a slow minute hits both.
        for is_slow in if round % 2 == 0 {
            [true, false]
        } else {
            [false, true]
        } {
            let side = if is_slow { WITH } else { WITHOUT };
            let sample = Sample::new(DELIVERY, side, round);
            let run = delivery(&server, subscribers, keystrokes, is_slow, sample);
            record(runtime.block_on(run)?)?;
        }
        for is_slow in [false, true] {
            let side = if is_slow { WITH } else { WITHOUT };
            let sample = Sample::new(COST, side, round);
            let edits = plan.either(ALL_BYTES, ALL_BYTES / 2) / EDIT_BYTES;
            record(runtime.block_on(cost(&server, edits, is_slow, sample))?)?;
        }
    }
    Ok(())
}

/// What others have of it when one hardly reads.
async fn delivery(
    server: &Server,
    subscribers: usize,
    keystrokes: u32,
    is_slow: bool,
    sample: Sample,
) -> Result<Sample, Failure> {
    let mut writer = Writer::new(server.port()).await?;
    let others = subscribers - usize::from(is_slow);
    let last = u64::from(keystrokes);
    let crowd = Crowd::enter(server.port(), writer.document(), others, last).await?;
    let tap = Arc::new(AtomicBool::new(false));
    let slow = if is_slow {
        let slow = throttle::Slow::enter(server.port(), writer.document(), &tap).await?;
        tap.store(true, Ordering::Relaxed);
        Some(slow)
    } else {
        None
    };
    let due = writer.type_by_the_clock(keystrokes, RATE).await?;
    let latencies = crowd.latencies(&due).await?;
    drop(slow);
    Ok(latencies.tell(sample))
}

/// What the server keeps for one who hardly reads.
async fn cost(
    server: &Server,
    edits: usize,
    is_slow: bool,
    sample: Sample,
) -> Result<Sample, Failure> {
    let before = server.settled_memory().await?;
    let mut writer = Writer::new(server.port()).await?;
    let last = edits as u64;
    let crowd = Crowd::enter(server.port(), writer.document(), WITNESSES, last).await?;
    let tap = Arc::new(AtomicBool::new(false));
    let mut slow = if is_slow {
        let slow = throttle::Slow::enter(server.port(), writer.document(), &tap).await?;
        tap.store(true, Ordering::Relaxed);
        Some(slow)
    } else {
        None
    };
    writer.paste(edits, EDIT_BYTES).await?;
    crowd.have_everything().await?;
    let after = server.settled_memory().await?;
    let mut sample = sample
        .with("heap_bytes", after.heap - before.heap)
        .with("resident_bytes", after.resident - before.resident);
    if let Some(slow) = &mut slow {
        sample = sample.with("in_kernel_bytes", server.unsent_to(slow.port())?);
        tap.store(false, Ordering::Relaxed);
        sample = sample.with("resyncs", slow.reach(last).await?);
    }
    Ok(sample)
}

pub(crate) fn section(samples: &[Sample]) -> String {
    let of = |case: &'static str, side: &'static str, figure: &str| {
        let chosen = |sample: &Sample| sample.case == case && sample.side == side;
        best(samples, chosen, figure, f64::max)
    };
    let (with, without) = (
        of(DELIVERY, WITH, "p99_ms"),
        of(DELIVERY, WITHOUT, "p99_ms"),
    );
    let mib = |side| of(COST, side, "heap_bytes") / MIB;
    let wanted = [
        Target::new(
            "p99 of the others, beside the run without the slow one",
            Limit::AtMost(1.2),
            with / without,
            " times",
        ),
        Target::new(
            "heap that the slow one costs before it is told the content instead",
            Limit::AtMost(1.0),
            mib(WITH) - mib(WITHOUT),
            " MiB",
        ),
        Target::new(
            "slow ones that are told the content once they read again",
            Limit::AtLeast(1.0),
            of(COST, WITH, "resyncs"),
            "",
        ),
    ];
    let (deliveries, costs): (Vec<_>, Vec<_>) = samples
        .iter()
        .cloned()
        .partition(|sample| sample.case == DELIVERY);
    let latencies = [
        ("p50_ms", "p50 ms", 2),
        ("p99_ms", "p99 ms", 2),
        ("p999_ms", "p99.9 ms", 2),
        ("max_ms", "max ms", 1),
    ];
    let bytes = [
        ("heap_bytes", "heap grew by, bytes", 0),
        ("resident_bytes", "resident grew by, bytes", 0),
        ("in_kernel_bytes", "unsent in the socket, bytes", 0),
        ("resyncs", "told the content", 0),
    ];
    let (deliveries, costs) = (table(&deliveries, &latencies), table(&costs, &bytes));
    format!("{deliveries}\n{ABOUT_COST}{costs}\n{}", targets(&wanted))
}

const MIB: f64 = (1 << 20) as f64;

/// For what comes soon unless something is wrong.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) const ABOUT: &str = "\
## One slow subscriber among many

1,000 subscribers of one document over gRPC, as streams of eight connections, and 20 keystrokes a second. Latency
from the moment at which a keystroke was due to the moment at which a subscriber has it. The slow one has a
connection of its own, from whose socket it reads one byte a second.

";

const ABOUT_COST: &str = "\
8 MiB of edits of 4 KiB, as fast as the service takes them, to eight readers, and to the slow one or not. *Heap* is
what the service has allocated more than before, to the byte: the difference between the two lines is what the slow
one costs. *Unsent in the socket* is in the kernel, and as much as the client's HTTP/2 window lets it be.

";
