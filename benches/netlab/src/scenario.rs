//! Scenario files: measurements, the charts that show them, and the page that they are published on.
//!
//! A file is TOML. `[latency.NAME]`, `[bulk.NAME]` and so on are measurements; their keys are the long
//! options of the subcommand of that name. `[chart.KIND.NAME]` draws one. A key that nobody reads
//! is an error, and everything is checked before anything is measured.

mod campaign;
mod figures;
mod page;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Deserialize;

use crate::workload::{Workload, bulk, handshake, idle, latency, loopback, pingpong};
use crate::{Failure, probe};

/// A longer file is none that somebody wrote.
const FILE_BYTES_MAX: u64 = 256 << 10;
/// Bytes of a name, which becomes the name of a file.
const NAME_BYTES_MAX: usize = 40;

/// What to run.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// A scenario file.
    file: PathBuf,
    /// Measure nothing: draw the tables, the charts and the page from the raw results of before.
    #[arg(long)]
    redraw: bool,
}

/// Measures what the file says, writes results, charts and the page.
pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    let scenario = Scenario::load(&options.file)?;
    campaign::run(&scenario, options.redraw)
}

/// A scenario file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Scenario {
    /// Of the results' pages.
    title: String,
    /// Folder of the raw results and of all tables.
    results: RelativePath,
    /// Folder of the charts.
    images: RelativePath,
    /// A page whose marked places get tables and charts.
    page: Option<RelativePath>,
    /// Files beside this one whose measurements and charts belong to it.
    #[serde(default)]
    include: Vec<Name>,
    #[serde(default)]
    probe: Named<probe::Options>,
    #[serde(default)]
    latency: Named<latency::Options>,
    #[serde(default)]
    bulk: Named<bulk::Options>,
    #[serde(default)]
    handshake: Named<handshake::Options>,
    #[serde(default)]
    idle: Named<idle::Options>,
    #[serde(default)]
    loopback: Named<loopback::Options>,
    #[serde(default)]
    pingpong: Named<pingpong::Options>,
    #[serde(default)]
    chart: figures::Figures,
}

type Named<T> = BTreeMap<Name, T>;

/// A name of a measurement or chart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
struct Name(String);

impl TryFrom<String> for Name {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if (1..=NAME_BYTES_MAX).contains(&text.len()) && text.bytes().all(plain) {
            return Ok(Self(text));
        }
        Err(format!(
            "`{text}` is no name: 1 to {NAME_BYTES_MAX} of a-z, 0-9 and -"
        ))
    }
}

/// A place below the working directory.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
struct RelativePath(PathBuf);

impl TryFrom<String> for RelativePath {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let path = PathBuf::from(&text);
        let inside = path
            .components()
            .all(|part| matches!(part, std::path::Component::Normal(_)));
        if inside && !text.is_empty() {
            return Ok(Self(path));
        }
        Err(format!(
            "`{text}` is not a path below the working directory"
        ))
    }
}

impl Scenario {
    /// Reads a file and those that it includes, and checks all of it.
    fn load(file: &Path) -> Result<Self, Failure> {
        let mut scenario = Self::read(file)?;
        for name in std::mem::take(&mut scenario.include) {
            let path = file.with_file_name(format!("{}.toml", name.0));
            let included = Self::read(&path)?;
            if !included.include.is_empty() {
                return Err(format!(
                    "{}: `include`: an included file includes no other",
                    path.display()
                )
                .into());
            }
            scenario.join(included, &path)?;
        }
        scenario
            .check()
            .map_err(|why| format!("{}: {why}", file.display()))?;
        Ok(scenario)
    }

    fn read(path: &Path) -> Result<Self, Failure> {
        let text = read_bounded(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let parsed = toml::from_str(&text);
        // The parser's own words: line, column, the line itself, and what was expected there.
        Ok(parsed.map_err(|error| format!("{}: {error}", path.display()))?)
    }

    fn join(&mut self, other: Self, path: &Path) -> Result<(), Failure> {
        let joined = join(&mut self.probe, other.probe)
            .and_then(|()| join(&mut self.latency, other.latency))
            .and_then(|()| join(&mut self.bulk, other.bulk))
            .and_then(|()| join(&mut self.handshake, other.handshake))
            .and_then(|()| join(&mut self.idle, other.idle))
            .and_then(|()| join(&mut self.loopback, other.loopback))
            .and_then(|()| join(&mut self.pingpong, other.pingpong))
            .and_then(|()| self.chart.join(other.chart));
        Ok(joined.map_err(|why| format!("{}: {why}", path.display()))?)
    }

    /// What no single key can be wrong with.
    fn check(&self) -> Result<(), String> {
        let mut names = self.names();
        names.sort();
        if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(format!("two measurements are called `{}`", pair[0].0));
        }
        if names.is_empty() {
            return Err(
                "nothing to measure: expected [latency.NAME], [bulk.NAME], [handshake.NAME], \
                 [idle.NAME], [loopback.NAME], [pingpong.NAME] or [probe.NAME]"
                    .into(),
            );
        }
        check_each(&self.latency)?;
        check_each(&self.bulk)?;
        check_each(&self.handshake)?;
        check_each(&self.idle)?;
        check_each(&self.loopback)?;
        check_each(&self.pingpong)?;
        self.chart.check(self)
    }

    /// What a page may show of the measurements.
    fn tables(&self) -> Vec<String> {
        let mut tables = table_names(&self.probe);
        tables.extend(table_names(&self.latency));
        tables.extend(table_names(&self.bulk));
        tables.extend(table_names(&self.handshake));
        tables.extend(table_names(&self.idle));
        tables.extend(table_names(&self.loopback));
        tables.extend(table_names(&self.pingpong));
        tables
    }

    fn names(&self) -> Vec<&Name> {
        let latency = self.latency.keys().chain(self.bulk.keys());
        let handshake = self.handshake.keys().chain(self.idle.keys());
        let loopback = self.loopback.keys().chain(self.pingpong.keys());
        let all = latency.chain(handshake).chain(loopback);
        all.chain(self.probe.keys()).collect()
    }
}

fn table_names<W: Workload>(named: &Named<W>) -> Vec<String> {
    let each = |name: &Name| {
        let name = name.0.clone();
        W::SUMMARIES
            .iter()
            .map(move |suffix| format!("{name}{suffix}"))
    };
    named.keys().flat_map(each).collect()
}

fn check_each<W: Workload>(named: &Named<W>) -> Result<(), String> {
    named.iter().try_for_each(|(name, workload)| {
        let checked = workload.check();
        checked.map_err(|why| format!("[{}.{}] {why}", W::NAME, name.0))
    })
}

fn read_bounded(path: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    let file = File::open(path)?;
    file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text)?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(format!("longer than {FILE_BYTES_MAX} bytes").into());
    }
    Ok(text)
}

/// Adds what has a name of its own.
fn join<T>(own: &mut Named<T>, others: Named<T>) -> Result<(), String> {
    for (name, other) in others {
        if own.contains_key(&name) {
            return Err(format!("`{}` is in the including file, too", name.0));
        }
        own.insert(name, other);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
