//! What clients recorded in one round, and what the service said in the end: everything that the checker
//! knows.

use std::io::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use aetherflow_api::statesync::v1 as wire;

use crate::build;
use crate::failure::Failure;
use crate::fault::Fault;
use crate::mirror::Board;
use crate::round::Round;

/// When something happened: in which order, and how many microseconds after the round began.
///
/// Of two moments the one with the smaller number was first, whoever had them: what was answered before
/// something else was asked has the smaller number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment {
    pub(crate) number: u64,
    pub(crate) micros: u64,
}

/// Where moments come from.
pub(crate) struct Clock {
    began: Instant,
    moments: AtomicU64,
}

impl Clock {
    pub(crate) fn new() -> Self {
        Self {
            began: Instant::now(),
            moments: AtomicU64::new(1),
        }
    }

    pub(crate) fn now(&self) -> Moment {
        Moment {
            number: self.moments.fetch_add(1, Ordering::SeqCst),
            micros: u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX),
        }
    }
}

/// Everything about one document.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    pub(crate) doc_id: String,
    /// The version at which the clients began.
    pub(crate) setup: u64,
    pub(crate) calls: Vec<Call>,
    pub(crate) grants: Vec<Grant>,
    pub(crate) releases: Vec<Release>,
    pub(crate) told: Vec<Told>,
    /// What each replica reads in the end.
    pub(crate) readings: Vec<Reading>,
    pub(crate) log: Vec<wire::Operation>,
    pub(crate) audit: Vec<wire::AuditEntry>,
    /// The hash in the head, which is that of the newest entry of the audit log.
    pub(crate) audit_hash: Vec<u8>,
}

/// One operation, asked for until it was known what became of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Call {
    pub(crate) user: String,
    pub(crate) session: String,
    pub(crate) operation: String,
    pub(crate) data: wire::OperationData,
    pub(crate) fence: Option<u64>,
    /// A word that this operation adds to a text, and no other.
    pub(crate) word: Option<String>,
    pub(crate) attempts: Vec<Attempt>,
}

/// One time of asking.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub(crate) replica: usize,
    pub(crate) asked: Moment,
    pub(crate) answered: Moment,
    pub(crate) answer: Answer,
}

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It is in the log.
    Accepted {
        version: u64,
        /// Whether the answer names the operation; if not, the log had it, at that version or before.
        named: bool,
        status: wire::OperationStatus,
    },
    /// It is not, by this attempt, and asking again makes no difference.
    Refused(String),
    /// It is not, by this attempt; it may be later.
    TurnedAway(String),
    /// It may be, or may yet come to be.
    Unknown(String),
}

/// A lock that was granted or renewed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Grant {
    pub(crate) lock: wire::Lock,
    pub(crate) answered: Moment,
}

/// Somebody gives a lock back; whether it arrived is another question.
#[derive(Clone, Debug, Default)]
pub(crate) struct Release {
    pub(crate) fence: u64,
    pub(crate) asked: Moment,
}

/// What one subscriber was told, over all its subscriptions.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    pub(crate) user: String,
    pub(crate) events: Vec<Event>,
    /// What the subscriber has in the end.
    pub(crate) version: u64,
    pub(crate) board: Board,
}

#[derive(Clone, Debug)]
pub(crate) enum Event {
    /// A subscription begins, from this version or from nothing.
    Began {
        at: Moment,
        replica: usize,
        from: Option<u64>,
    },
    /// An operation, and the version that the event says.
    Operation {
        at: Moment,
        version: u64,
        operation: Box<wire::Operation>,
    },
    /// The content, in place of everything before.
    Content {
        at: Moment,
        version: u64,
        board: Box<Board>,
    },
    /// An event that cannot be carried out.
    Broken { reason: String },
    /// The subscription is over.
    Ended { reason: String },
}

/// What a replica reads.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reading {
    pub(crate) replica: usize,
    pub(crate) version: u64,
    pub(crate) board: Board,
}

impl Call {
    /// When it was asked for first.
    pub(crate) fn asked(&self) -> Option<Moment> {
        self.attempts.first().map(|attempt| attempt.asked)
    }

    /// The first time that it was told to be in the log.
    pub(crate) fn acknowledged(&self) -> Option<&Attempt> {
        let mut attempts = self.attempts.iter();
        attempts.find(|attempt| matches!(attempt.answer, Answer::Accepted { .. }))
    }
}

/// Writes the findings of a round and all of its history to a file, and says which.
pub(crate) fn save(round: &Round, fault: Fault, seed: u64) -> String {
    let written = written(round, &format!("{}-{seed}.txt", fault.name()));
    written.unwrap_or_else(|failure| format!("no file: {failure}"))
}

fn written(round: &Round, name: &str) -> Result<String, Failure> {
    let path = build::notes()?.join(name);
    let mut file = std::io::BufWriter::new(std::fs::File::create(&path)?);
    for finding in &round.findings {
        writeln!(file, "{finding}")?;
    }
    for history in &round.histories {
        writeln!(file, "\ndocument {} from {}", history.doc_id, history.setup)?;
        // One line each: this is searched, not read.
        let calls = history.calls.iter().map(|it| format!("{it:?}"));
        let lines = calls
            .chain(history.grants.iter().map(|it| format!("{it:?}")))
            .chain(history.releases.iter().map(|it| format!("{it:?}")))
            .chain(history.readings.iter().map(|it| format!("{it:?}")))
            .chain(history.log.iter().map(|it| format!("log {it:?}")))
            .chain(history.audit.iter().map(|it| format!("{it:?}")));
        for line in lines {
            writeln!(file, "{line}")?;
        }
        for told in &history.told {
            writeln!(
                file,
                "told {} to {}: {:?}",
                told.user, told.version, told.board
            )?;
            for event in &told.events {
                writeln!(file, "  {event:?}")?;
            }
        }
    }
    file.flush()?;
    Ok(path.display().to_string())
}
