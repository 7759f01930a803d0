//! Many writers of one document on PostgreSQL.

use store_postgres::testkit::Cluster;

use crate::Failure;
use crate::part::{Plan, Record};
use crate::peers::{self, Way};
use crate::postgres::{COLUMNS, SETTINGS, is_ours, prepare, through_library};
use crate::rig::{Load, runtime};
use crate::sample::{Limit, OURS, Sample, Target, best, table, targets};

const CASE: &str = "one document";
const WRITERS: u32 = 64;

pub(crate) fn measure(plan: &Plan, record: &mut Record<'_>) -> Result<(), Failure> {
    let cluster = Cluster::start_with(&SETTINGS);
    let runtime = runtime()?;
    for round in 1..=plan.rounds {
        let ours = runtime.block_on(cluster.database(&format!("ours{round}")));
        let load = Load {
            writers: WRITERS,
            duration: plan.duration,
        };
        let sample = Sample::new(CASE, format!("{OURS}, {WRITERS} writers"), round);
        record(runtime.block_on(through_library(&ours, 1, load, sample))?)?;
        let theirs = runtime.block_on(cluster.database(&format!("theirs{round}")));
        runtime.block_on(prepare(&theirs, 1))?;
        for (way, name) in [(Way::Optimistic, OPTIMISTIC), (Way::Append, LOCKED)] {
            let sample = Sample::new(CASE, format!("{name}, {WRITERS} clients"), round);
            let run = peers::transactions(&theirs, way, WRITERS, 1, plan.duration, sample);
            record(runtime.block_on(run)?)?;
        }
    }
    Ok(())
}

pub(crate) fn section(samples: &[Sample]) -> String {
    let optimistic = |sample: &Sample| sample.side.starts_with(OPTIMISTIC);
    let ours = best(samples, is_ours, "per_second", f64::max);
    let theirs = best(samples, optimistic, "per_second", f64::max);
    let wanted = [
        Target::new(
            "operations/s, beside optimistic transactions",
            Limit::AtLeast(40.0),
            ours / theirs,
            " times",
        ),
        Target::new(
            "p99 of the acknowledgement",
            Limit::AtMost(10.0),
            best(samples, is_ours, "p99_ms", f64::min),
            " ms",
        ),
    ];
    let conflicts = ("conflicts_per_success", "conflicts per success", 1);
    let columns: Vec<_> = COLUMNS.into_iter().chain([conflicts]).collect();
    format!("{}\n{}", table(samples, &columns), targets(&wanted))
}

const OPTIMISTIC: &str = "read, compare and set, again if somebody was faster";
const LOCKED: &str = "wait for the row";

pub(crate) const ABOUT: &str = "\
## PostgreSQL, one hot document

64 writers of one document. *Read, compare and set* reads the version, and writes record and head in one
transaction if it is still the same. *Wait for the row* is the statement of the section above, which needs no check
because its author does not care what others wrote.

";
