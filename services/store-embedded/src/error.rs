//! What can go wrong, said to the operator.

use std::io;
use std::path::PathBuf;

/// Why a store was not opened. Nothing was changed by the attempt.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The operating system refused something.
    #[error("cannot {doing} {}: {source}", path.display())]
    Io {
        /// What was tried, as a verb.
        doing: &'static str,
        /// With which file or directory.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// Another process has it open.
    #[error("the data directory {} is in use by another process", path.display())]
    InUse {
        /// The data directory.
        path: PathBuf,
    },
    /// There is no store in the directory, and none was to be made.
    #[error("there are no AetherFlow data in {}", path.display())]
    NotThere {
        /// The data directory.
        path: PathBuf,
    },
    /// There are files in the directory, but no store.
    #[error("{} is not empty and holds no AetherFlow data", path.display())]
    NotAStore {
        /// The data directory.
        path: PathBuf,
    },
    /// A newer version of the software wrote it.
    #[error(
        "the data in {} have format {found}; this version reads up to {supported}: use a newer one",
        path.display()
    )]
    NewerFormat {
        /// The data directory.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest format that can be read.
        supported: u32,
    },
    /// Commits that were acknowledged are not there any more.
    #[error(
        "{count} acknowledged commits are lost: the newest that can be read is {last_good} of \
         {acknowledged}{}{}; restore the data directory from a backup, or start once with \
         --accept-data-loss to go on without them",
        missing_text(missing),
        damage_text(damage)
    )]
    Lost {
        /// How many.
        count: u64,
        /// The newest commit that can be read.
        last_good: u64,
        /// The newest commit that was acknowledged.
        acknowledged: u64,
        /// Which ones before the last good one are missing: first and last of each row of them.
        missing: Vec<(u64, u64)>,
        /// Where the log is damaged.
        damage: Vec<String>,
    },
    /// The file that tells which commits were acknowledged is gone or damaged, so that nobody can
    /// say whether some are lost.
    #[error(
        "{} is missing or damaged, so lost commits would go unnoticed; the newest that can be read \
         is {last_good}; start once with --accept-data-loss to trust it",
        path.display()
    )]
    NoWitness {
        /// Where it should be.
        path: PathBuf,
        /// The newest commit that can be read.
        last_good: u64,
    },
    /// A file without which nothing can be read is damaged.
    #[error("{} is damaged: {what}; restore the data directory from a backup", path.display())]
    Damaged {
        /// The file or directory.
        path: PathBuf,
        /// What was found.
        what: String,
    },
}

fn missing_text(missing: &[(u64, u64)]) -> String {
    let rows: Vec<String> = missing
        .iter()
        .map(|(first, last)| format!("{first}-{last}"))
        .collect();
    if rows.is_empty() {
        String::new()
    } else {
        format!(", missing {}", rows.join(", "))
    }
}

fn damage_text(damage: &[String]) -> String {
    if damage.is_empty() {
        String::new()
    } else {
        format!(" ({})", damage.join("; "))
    }
}

impl OpenError {
    /// For `map_err` on what the operating system refuses.
    pub(crate) fn io(
        doing: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io {
            doing,
            path,
            source,
        }
    }
}

/// Stored bytes that cannot be read back: the disk or somebody altered them.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Damage(pub(crate) String);

impl Damage {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }
}

impl From<crate::encoding::Malformed> for Damage {
    fn from(malformed: crate::encoding::Malformed) -> Self {
        Self(malformed.to_string())
    }
}

/// Why the committer did not commit: it is unknown whether the request was written.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Refusal(pub(crate) std::sync::Arc<str>);

impl Refusal {
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self(reason.into().into())
    }
}
