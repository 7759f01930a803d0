//! Opening a store: is everything there that was acknowledged?
//!
//! First everything is looked at and nothing changed: the tables say up to which commit they go,
//! the log what it adds, the witness how far it must reach. Only when that fits (or the operator
//! accepts that it does not) are the commits of the log put into the tables' memory, and a new
//! segment begun.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use guuid::Clock;

use crate::applier::Applier;
use crate::committer::Committer;
use crate::decided::Decided;
use crate::directory::{Directory, sync_directory};
use crate::error::{Damage, OpenError, Refusal};
use crate::leases::LeaseClock;
use crate::log::{self, LogWriter, OpenLogFile, Segment};
use crate::maintenance::{Maintainer, Maintenance};
use crate::options::Options;
use crate::queue::Queue;
use crate::readers::Readers;
use crate::stats::Counters;
use crate::store::Shared;
use crate::tables::Tables;
use crate::witness::{self, Witness};

/// Opens the store and starts its threads.
pub(crate) fn open(
    options: &Options,
    open_log: OpenLogFile,
    clock: Arc<dyn Clock + Send + Sync>,
) -> Result<Shared, OpenError> {
    if options.existing {
        Directory::expect(&options.directory)?;
    }
    let directory = Directory::open(&options.directory)?;
    let tables = Tables::open(&directory.tables(), options.cache_bytes)?;
    let log_directory = directory.log();
    let segments = log::segments(&log_directory).map_err(OpenError::io("read", &log_directory))?;
    let found = examine(&directory, &tables, &segments)?;
    if let (Some(loss), false) = (found.loss, options.accept_loss) {
        return Err(loss);
    }
    let is_accepted = found.is_lossy;
    recover(&directory, &tables, &segments, options.memory_bytes)?;
    // Numbers that were acknowledged are never used again.
    let commit = found.acknowledged;
    if is_accepted {
        tracing::warn!(commit, "going on although acknowledged commits are lost");
        set_aside(&directory, &tables, &segments, commit)?;
    }
    let witness_path = directory.witness();
    let witness =
        Witness::begin(&witness_path, commit).map_err(OpenError::io("write", &witness_path))?;
    if directory.is_new {
        directory.finish()?;
    }
    let log = LogWriter::begin(&log_directory, commit + 1, directory.salt, open_log)
        .map_err(OpenError::io("write", &log_directory))?;
    start(
        directory,
        tables,
        log,
        witness,
        commit,
        options,
        LeaseClock::following(clock),
    )
}

/// What a store was found to be.
struct Found {
    /// Why it must not be opened without being told to.
    loss: Option<OpenError>,
    is_lossy: bool,
    /// The newest commit that anybody was told of.
    acknowledged: u64,
}

fn examine(
    directory: &Directory,
    tables: &Tables,
    segments: &[Segment],
) -> Result<Found, OpenError> {
    let held = tables.flushed_commit();
    let log_directory = directory.log();
    let inspection = log::inspect(segments, directory.salt, held)
        .map_err(OpenError::io("read", &log_directory))?;
    let last_good = inspection.newest.unwrap_or(0).max(held);
    let path = directory.witness();
    let witnessed = witness::read(&path).map_err(OpenError::io("read", &path))?;
    for damage in &inspection.damage {
        tracing::warn!(damage, "bytes in the log that are no commit");
    }
    let Some(witnessed) = witnessed.or(directory.is_new.then_some(0)) else {
        let loss = Some(OpenError::NoWitness { path, last_good });
        return Ok(Found {
            loss,
            is_lossy: true,
            acknowledged: last_good,
        });
    };
    let acknowledged = witnessed.max(last_good);
    let missing: Vec<(u64, u64)> = inspection
        .gaps
        .iter()
        .map(|gap| (*gap.start(), *gap.end()))
        .collect();
    let in_gaps: u64 = missing.iter().map(|(first, last)| last - first + 1).sum();
    let count = in_gaps + (acknowledged - last_good);
    let damage = inspection.damage;
    let lost = OpenError::Lost {
        count,
        last_good,
        acknowledged,
        missing,
        damage,
    };
    Ok(Found {
        loss: (count > 0).then_some(lost),
        is_lossy: count > 0,
        acknowledged,
    })
}

/// Puts what the tables lack into their memory, and on disk when it is too much for that.
fn recover(
    directory: &Directory,
    tables: &Tables,
    segments: &[Segment],
    memory_bytes_max: u64,
) -> Result<(), OpenError> {
    let held = tables.flushed_commit();
    let salt = directory.salt;
    let replayed: Result<(), Replay> = log::replay(segments, salt, held, |commit, payload| {
        tables.apply(commit, payload)?;
        if tables.memory_bytes() >= memory_bytes_max {
            tables.seal()?;
            tables.flush(commit)?;
        }
        Ok(())
    });
    let log_directory = directory.log();
    replayed.map_err(|failure| match failure {
        Replay::Io(error) => OpenError::io("read", &log_directory)(error),
        Replay::Damage(damage) => OpenError::Damaged {
            path: directory.tables(),
            what: damage.0,
        },
    })?;
    crate::maintenance::remove_segments(&log_directory, tables.flushed_commit())
        .map_err(OpenError::io("clear", &log_directory))
}

enum Replay {
    Io(std::io::Error),
    Damage(Damage),
}

impl From<std::io::Error> for Replay {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<Damage> for Replay {
    fn from(damage: Damage) -> Self {
        Self::Damage(damage)
    }
}

/// After an accepted loss: everything readable goes into tables, as of the last acknowledged
/// commit, and the log with its holes is put where it disturbs nobody and can be looked at.
fn set_aside(
    directory: &Directory,
    tables: &Tables,
    segments: &[Segment],
    commit: u64,
) -> Result<(), OpenError> {
    let in_tables = || {
        tables.apply(commit, &[])?;
        tables.seal()?;
        tables.flush(commit)
    };
    let tables_path = directory.tables();
    in_tables().map_err(|damage| OpenError::Damaged {
        path: tables_path,
        what: damage.0,
    })?;
    let aside = directory.damaged();
    let move_all = || {
        fs::create_dir_all(&aside)?;
        for segment in segments.iter().filter(|segment| segment.path.exists()) {
            fs::rename(&segment.path, unused_name(&aside, segment))?;
        }
        sync_directory(&aside)?;
        sync_directory(&directory.log())
    };
    move_all().map_err(OpenError::io("move segments to", &aside))
}

fn unused_name(aside: &Path, segment: &Segment) -> std::path::PathBuf {
    let mut path = Segment::new(aside, segment.first_commit).path;
    for number in 1_u32.. {
        if !path.exists() {
            break;
        }
        path.set_extension(format!("log.{number}"));
    }
    path
}

fn start(
    directory: Directory,
    tables: Tables,
    log: LogWriter,
    witness: Witness,
    commit: u64,
    options: &Options,
    leases: LeaseClock,
) -> Result<Shared, OpenError> {
    let root = directory.root.clone();
    let no_thread = || OpenError::io("start threads for", root.clone());
    let tables = Arc::new(tables);
    let (queue, maintenance, counters) = (
        Arc::<Queue>::default(),
        Arc::<Maintenance>::default(),
        Arc::<Counters>::default(),
    );
    let (readers, mut threads) = Readers::start(&tables).map_err(no_thread())?;
    let (applier, applying) = Applier::start(&tables).map_err(no_thread())?;
    threads.push(applying);
    let maintainer = Maintainer {
        maintenance: maintenance.clone(),
        tables: tables.clone(),
        counters: counters.clone(),
        log_directory: directory.log(),
    };
    let run = move || maintainer.run();
    threads.push(spawn("store-maintenance", run).map_err(no_thread())?);
    let committer = Committer {
        queue: queue.clone(),
        tables: tables.clone(),
        maintenance: maintenance.clone(),
        counters: counters.clone(),
        applier,
        log,
        witness,
        decided: Decided::within(options.cache_bytes / 8),
        commit,
        memory_bytes_max: options.memory_bytes,
    };
    let refusing = queue.clone();
    let run = move || {
        // Whatever happens to the thread, nobody may wait for it for ever.
        let _refuse = OnDrop(|| refusing.refuse_all(&Refusal::new("the committer stopped")));
        committer.run();
    };
    let committing = spawn("store-committer", run).map_err(no_thread())?;
    Ok(Shared::new(
        directory,
        tables,
        queue,
        maintenance,
        readers,
        leases,
        counters,
        committing,
        threads,
    ))
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name(name.into()).spawn(run)
}

/// Runs when it goes out of scope, also in a panic.
struct OnDrop<Run: FnMut()>(Run);

impl<Run: FnMut()> Drop for OnDrop<Run> {
    fn drop(&mut self) {
        (self.0)();
    }
}

#[cfg(test)]
mod tests;
