//! Locks: who has lost one writes nothing under it, and nobody writes where somebody else has one.

use std::collections::BTreeMap;

use aetherflow_api::statesync::v1 as wire;
use wire::operation_data::Kind;

use super::{Findings, Log, Rule};
use crate::history::{Grant, History, Moment};

pub(super) fn check(history: &History, log: &Log<'_>, findings: &mut Findings<'_>) {
    let locks = locks_of(history, findings);
    for entry in &history.log {
        if let Some(fence) = entry.fence {
            check_write(history, entry, fence, &locks, log, findings);
        }
    }
    for (fence, lock) in &locks {
        check_others(history, *fence, lock, findings);
    }
    check_leases(&locks, findings);
}

/// A lock as its holder knows it.
struct Known<'a> {
    lock: &'a wire::Lock,
    /// When the holder first had it.
    since: Moment,
    acquired_at: u64,
    /// The latest end of a lease that the holder was told.
    expires_at: u64,
    /// When the holder first gave it back.
    released: Option<Moment>,
}

impl Known<'_> {
    fn overlaps(&self, other: &Self) -> bool {
        covers(self.lock, &other.lock.object_id) || covers(other.lock, &self.lock.object_id)
    }

    fn is_held_by(&self, user: &str, session: &str) -> bool {
        self.lock.user_id == user && self.lock.session_id == session
    }
}

fn locks_of<'a>(history: &'a History, findings: &mut Findings<'_>) -> BTreeMap<u64, Known<'a>> {
    let mut locks: BTreeMap<u64, Known<'a>> = BTreeMap::new();
    for Grant { lock, answered } in &history.grants {
        let (fence, expires_at) = (lock.fence, ms(lock.expires_at.as_ref()));
        let known = locks.entry(fence).or_insert_with(|| Known {
            lock,
            since: *answered,
            acquired_at: ms(lock.acquired_at.as_ref()),
            expires_at,
            released: None,
        });
        if known.lock.id != lock.id {
            let (one, other) = (&known.lock.id, &lock.id);
            findings.add(
                Rule::HeldByTwo,
                format_args!("the locks {one} and {other} have the fence {fence}"),
            );
        }
        known.since = known.since.min(*answered);
        known.expires_at = known.expires_at.max(expires_at);
    }
    for release in &history.releases {
        if let Some(known) = locks.get_mut(&release.fence) {
            let first = known.released.get_or_insert(release.asked);
            *first = release.asked.min(*first);
        }
    }
    locks
}

/// A write under a lock: by its holder, of what it covers, and before anybody had a later one.
fn check_write(
    history: &History,
    entry: &wire::Operation,
    fence: u64,
    locks: &BTreeMap<u64, Known<'_>>,
    log: &Log<'_>,
    findings: &mut Findings<'_>,
) {
    let (id, version) = (&entry.id, entry.version);
    let write = format!("operation {id} at version {version} under fence {fence}");
    let Some(own) = locks.get(&fence) else {
        return findings.add(
            Rule::Fenced,
            format_args!("{write}: nobody was granted that"),
        );
    };
    if !own.is_held_by(&entry.user_id, &entry.session_id) {
        let holder = &own.lock.user_id;
        findings.add(
            Rule::Fenced,
            format_args!("{write}: {holder} was granted that"),
        );
    }
    if !touched(entry).is_some_and(|object| covers(own.lock, object)) {
        findings.add(
            Rule::Fenced,
            format_args!("{write}: that does not cover it"),
        );
    }
    let asked = log.call(entry).and_then(|call| call.asked());
    for (later, other) in locks.range(fence + 1..).filter(|(_, it)| it.overlaps(own)) {
        let mut earlier = history.log.iter().take_while(|it| it.version < version);
        if earlier.any(|it| it.fence == Some(*later)) {
            findings.add(
                Rule::Fenced,
                format_args!("{write}: fence {later} has written already"),
            );
        }
        if asked.is_some_and(|asked| other.since < asked) {
            findings.add(
                Rule::Fenced,
                format_args!("{write}: asked for after fence {later} was granted"),
            );
        }
    }
}

/// Between the first and the last write under a lock it was held all the time: nobody else wrote there.
fn check_others(history: &History, fence: u64, lock: &Known<'_>, findings: &mut Findings<'_>) {
    let own = |entry: &&wire::Operation| entry.fence == Some(fence);
    let first = history.log.iter().find(own).map(|entry| entry.version);
    let last = history.log.iter().rfind(own).map(|entry| entry.version);
    let (Some(first), Some(last)) = (first, last) else {
        return;
    };
    let between = history
        .log
        .iter()
        .filter(|entry| (first..last).contains(&entry.version));
    for entry in between {
        let is_theirs = lock.is_held_by(&entry.user_id, &entry.session_id);
        if !is_theirs && touched(entry).is_some_and(|object| covers(lock.lock, object)) {
            let (id, version) = (&entry.id, entry.version);
            findings.add(
                Rule::Fenced,
                format_args!(
                    "operation {id} at version {version} is where fence {fence} wrote from {first} to {last}"
                ),
            );
        }
    }
}

/// Nobody is granted what somebody else has, by the clock that grants.
fn check_leases(locks: &BTreeMap<u64, Known<'_>>, findings: &mut Findings<'_>) {
    for (fence, lock) in locks {
        let later = locks.range(fence + 1..);
        for (other, granted) in later.filter(|(_, it)| it.overlaps(lock)) {
            let same = granted.is_held_by(&lock.lock.user_id, &lock.lock.session_id);
            let was_given_back = lock
                .released
                .is_some_and(|released| released < granted.since);
            if !same && !was_given_back && granted.acquired_at < lock.expires_at {
                let (from, to) = (granted.acquired_at, lock.expires_at);
                findings.add(
                    Rule::HeldByTwo,
                    format_args!(
                        "fence {other} was granted at {from}, fence {fence} lasts until {to}"
                    ),
                );
            }
        }
    }
    // A later grant has a larger number.
    for ((fence, one), (later, other)) in locks.iter().zip(locks.iter().skip(1)) {
        if other.acquired_at < one.acquired_at {
            let order = format_args!("fence {later} was granted before fence {fence}");
            findings.add(Rule::HeldByTwo, order);
        }
    }
}

/// Whether a lock is about this object; of an empty name, about all of the document.
fn covers(lock: &wire::Lock, object: &str) -> bool {
    lock.object_id.is_empty() || lock.object_id == object
}

/// The object that an operation touches, if it touches one.
fn touched(entry: &wire::Operation) -> Option<&str> {
    let object = match entry.data.as_ref()?.kind.as_ref()? {
        Kind::Create(it) => &it.object_id,
        Kind::Update(it) => &it.object_id,
        Kind::Delete(it) => &it.object_id,
        Kind::Move(it) => &it.object_id,
        Kind::Resize(it) => &it.object_id,
        Kind::Style(it) => &it.object_id,
        Kind::Text(it) => &it.object_id,
        _ => return None,
    };
    Some(object)
}

/// Milliseconds since 1970, as the service counts.
pub(super) fn ms(at: Option<&prost_types::Timestamp>) -> u64 {
    let ms = |at: &prost_types::Timestamp| {
        let seconds = u64::try_from(at.seconds).unwrap_or_default();
        let nanos = u64::try_from(at.nanos).unwrap_or_default();
        seconds * 1_000 + nanos / 1_000_000
    };
    at.map_or(0, ms)
}
