//! Damaged files: does the engine notice, panic, or serve less than what was written?

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::engine::{Engine, Failure, Kind};
use crate::material;

const DOCUMENTS: u64 = 64;
const RECORDS: u64 = 40;
/// Every fourth document has a snapshot up to this version.
const PRUNED: u64 = 10;
/// A child that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(10);

/// What was damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Damage {
    /// The journal (write-ahead log; redb: the file itself) ends early.
    JournalTruncated,
    /// One bit of it changed.
    JournalFlipped,
    /// One bit of a table (page, block) changed.
    TableFlipped,
}

impl Damage {
    pub(crate) const ALL: [Self; 3] = [
        Self::JournalTruncated,
        Self::JournalFlipped,
        Self::TableFlipped,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::JournalTruncated => "journal truncated",
            Self::JournalFlipped => "bit flipped in the journal",
            Self::TableFlipped => "bit flipped in a table",
        }
    }
}

/// Outcomes of one engine under one kind of damage.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Sample {
    pub(crate) engine: Kind,
    pub(crate) damage: Damage,
    pub(crate) outcomes: BTreeMap<String, u64>,
}

/// Damages copies of one store `tries` times each way, at places drawn from a fixed seed.
pub(crate) fn measure(kind: Kind, tries: u64) -> Result<Vec<Sample>, Failure> {
    let scratch = tempfile::tempdir_in(crate::scratch()?)?;
    let (open, settled) = (scratch.path().join("open"), scratch.path().join("settled"));
    prepare(kind, &open, &settled)?;
    let mut samples = Vec::new();
    for damage in Damage::ALL {
        let source = if damage == Damage::TableFlipped {
            &settled
        } else {
            &open
        };
        let mut outcomes = BTreeMap::new();
        let mut random = 1;
        for _ in 0..tries {
            let copy = scratch.path().join("copy");
            let _ = fs::remove_dir_all(&copy);
            copy_all(source, &copy)?;
            let file = damaged_file(kind, damage, &copy)?;
            apply(damage, &file, material::next_random(&mut random))?;
            *outcomes.entry(verify_in_child(kind, &copy)?).or_default() += 1;
        }
        samples.push(Sample {
            engine: kind,
            damage,
            outcomes,
        });
    }
    Ok(samples)
}

/// Two stores of the same contents: one as a kill leaves it, one with everything in its tables.
fn prepare(kind: Kind, open: &Path, settled: &Path) -> Result<(), Failure> {
    let live = open.with_extension("live");
    let engine = kind.open(&live)?;
    for version in 0..RECORDS {
        let group: Vec<_> = (0..DOCUMENTS)
            .map(|index| material::append(index, version, 1))
            .collect();
        group
            .chunks(16)
            .try_for_each(|group| engine.commit(group))?;
        if version == PRUNED {
            snapshots(engine.as_ref())?;
        }
    }
    copy_all(&live, open)?;
    engine.settle()?;
    drop(engine);
    copy_all(&live, settled)?;
    Ok(())
}

fn snapshots(engine: &dyn Engine) -> Result<(), Failure> {
    for index in (0..DOCUMENTS).step_by(4) {
        let content = material::snapshot(index);
        engine.snapshot(&material::document(index), &content, 1, PRUNED)?;
    }
    Ok(())
}

fn copy_all(from: &Path, to: &Path) -> Result<(), Failure> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_all(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// The file that holds the most of what is to be damaged.
fn damaged_file(kind: Kind, damage: Damage, directory: &Path) -> Result<PathBuf, Failure> {
    let table = damage == Damage::TableFlipped;
    let wanted = |path: &Path| {
        let text = path.to_string_lossy();
        match (kind, table) {
            (Kind::Floor, _) => false,
            (Kind::Fjall, false) => text.ends_with(".jnl"),
            (Kind::Fjall, true) => text.contains("/tables/"),
            (Kind::Redb, _) => text.ends_with(".redb"),
            (Kind::Sqlite, false) => text.ends_with(".sqlite-wal"),
            (Kind::Sqlite, true) => text.ends_with(".sqlite"),
            (Kind::StoreEmbedded, false) => text.ends_with(".log"),
            (Kind::StoreEmbedded, true) => text.contains("/tables/tables/"),
        }
    };
    let mut files = Vec::new();
    collect_files(directory, &mut files)?;
    files.retain(|path| wanted(path));
    files.sort_by_key(|path| path.metadata().map_or(0, |metadata| metadata.len()));
    files
        .pop()
        .ok_or_else(|| format!("{} has no file to damage", kind.name()).into())
}

fn collect_files(directory: &Path, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            collect_files(&entry.path(), files)?;
        } else {
            files.push(entry.path());
        }
    }
    Ok(())
}

fn apply(damage: Damage, file: &Path, random: u64) -> Result<(), Failure> {
    let mut bytes = fs::read(file)?;
    // Preallocated files end in zeros that nobody wrote.
    let used = bytes
        .iter()
        .rposition(|&byte| byte != 0)
        .map_or(1, |last| last + 1);
    let place = usize::try_from(random >> 8)? % used;
    match damage {
        Damage::JournalTruncated => bytes.truncate(place),
        Damage::JournalFlipped | Damage::TableFlipped => bytes[place] ^= 1 << (random % 8),
    }
    Ok(fs::write(file, bytes)?)
}

/// A damaged store may panic, abort or hang, so another process opens it.
fn verify_in_child(kind: Kind, directory: &Path) -> Result<String, Failure> {
    let mut child = Command::new(std::env::current_exe()?)
        .args(["verify", kind.argument()])
        .arg(directory)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let started = Instant::now();
    let status: ExitStatus = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if started.elapsed() > PATIENCE {
            child.kill()?;
            child.wait()?;
            return Ok("hangs".into());
        }
        std::thread::sleep(Duration::from_millis(1));
    };
    if !status.success() {
        return Ok(if status.code() == Some(101) {
            "panics"
        } else {
            "aborts"
        }
        .into());
    }
    Ok(
        std::io::read_to_string(child.stdout.take().ok_or("no output")?)?
            .trim()
            .to_owned(),
    )
}

/// In the child: reads everything back and says in a word how it went.
pub(crate) fn verify(kind: Kind, directory: &Path) -> Result<(), Failure> {
    let outcome = kind
        .open(directory)
        .and_then(|engine| judge(engine.as_ref()));
    println!("{}", outcome.unwrap_or("reports an error"));
    // Closing a damaged store is not what is judged here.
    std::process::exit(0);
}

fn judge(engine: &dyn Engine) -> Result<&'static str, Failure> {
    let heads = engine.heads(None, 2 * usize::try_from(DOCUMENTS)?)?;
    let mut outcome = if heads.len() as u64 == DOCUMENTS {
        "all right"
    } else {
        "serves less"
    };
    for index in 0..DOCUMENTS {
        let pruned = if index % 4 == 0 { PRUNED } else { 0 };
        let expected = material::expected(index, pruned, RECORDS);
        let Ok(loaded) = engine.load(&material::document(index)) else {
            // An error for one document is a report, if its head did not vanish unseen.
            let known = heads.iter().any(|(id, _)| *id == material::document(index));
            return if known {
                Err("one document is damaged".into())
            } else {
                Ok("serves less")
            };
        };
        if loaded != expected {
            let older = loaded
                .records
                .iter()
                .all(|record| expected.records.contains(record));
            outcome = if older { "serves less" } else { "serves wrong" };
        }
    }
    Ok(outcome)
}
