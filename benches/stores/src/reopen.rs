//! A large store whose process ends without closing it, and the next process that opens it.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::engine::{Failure, Kind};
use crate::material;

/// Records of each document.
const RECORDS_PER_DOCUMENT: u64 = 1_000;
/// Records in one durable batch while filling.
const RECORDS_PER_COMMIT: u64 = 512;

/// What a child process says about itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Child {
    seconds: f64,
    resident_mib: f64,
}

/// One engine.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Sample {
    pub(crate) engine: Kind,
    pub(crate) records: u64,
    pub(crate) fill_records_per_second: f64,
    pub(crate) fill_resident_mib: f64,
    pub(crate) disk_mib: f64,
    pub(crate) reopen_ms: f64,
    pub(crate) reopen_resident_mib: f64,
}

/// Fills a store in one process, which ends without closing it, and opens it in another.
pub(crate) fn measure(kind: Kind, records: u64) -> Result<Sample, Failure> {
    let directory = tempfile::tempdir_in(crate::scratch()?)?;
    let fill = child("fill", kind, directory.path(), records)?;
    let disk_mib = disk_bytes(directory.path())? as f64 / 1048576.0;
    let reopen = child("reopen", kind, directory.path(), records)?;
    Ok(Sample {
        engine: kind,
        records,
        fill_records_per_second: records as f64 / fill.seconds,
        fill_resident_mib: fill.resident_mib,
        disk_mib,
        reopen_ms: reopen.seconds * 1000.0,
        reopen_resident_mib: reopen.resident_mib,
    })
}

fn child(command: &str, kind: Kind, directory: &Path, records: u64) -> Result<Child, Failure> {
    let output = Command::new(std::env::current_exe()?)
        .args([command, kind.argument()])
        .arg(directory)
        .arg(records.to_string())
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// In the child: fills the store and ends the process at once, as a kill does.
pub(crate) fn fill(kind: Kind, directory: &Path, records: u64) -> Result<(), Failure> {
    let engine = kind.open(directory)?;
    let documents = records / RECORDS_PER_DOCUMENT;
    let started = Instant::now();
    let mut group = Vec::new();
    // All documents grow together, as in use, so that neighbours in time are not neighbours in key.
    for written in 0..records {
        group.push(material::append(
            written % documents,
            written / documents,
            1,
        ));
        if group.len() as u64 == RECORDS_PER_COMMIT {
            engine.commit(&group)?;
            group.clear();
        }
    }
    engine.commit(&group)?;
    say(started)?;
    std::process::exit(0);
}

/// In the child: opens the store and loads its last document.
pub(crate) fn reopen(kind: Kind, directory: &Path, records: u64) -> Result<(), Failure> {
    let started = Instant::now();
    let engine = kind.open(directory)?;
    let index = records / RECORDS_PER_DOCUMENT - 1;
    let loaded = engine.load(&material::document(index))?;
    if loaded != material::expected(index, 0, RECORDS_PER_DOCUMENT) {
        return Err("the last document is not what was written".into());
    }
    say(started)
}

fn say(started: Instant) -> Result<(), Failure> {
    let seconds = started.elapsed().as_secs_f64();
    let child = Child {
        seconds,
        resident_mib: resident_mib()?,
    };
    println!("{}", serde_json::to_string(&child)?);
    Ok(())
}

/// Memory of this process that is in RAM now, by the kernel's account.
fn resident_mib() -> Result<f64, Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .ok_or("no VmRSS")?;
    let kib: f64 = line.split_whitespace().nth(1).ok_or("no VmRSS")?.parse()?;
    Ok(kib / 1024.0)
}

/// Blocks that the files really occupy.
fn disk_bytes(directory: &Path) -> Result<u64, Failure> {
    use std::os::unix::fs::MetadataExt;
    let mut bytes = 0;
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        bytes += if metadata.is_dir() {
            disk_bytes(&entry.path())?
        } else {
            metadata.blocks() * 512
        };
    }
    Ok(bytes)
}
