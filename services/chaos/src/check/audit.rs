//! The audit log: one entry for each of the log, in a chain of hashes that ends in the head.

use aetherflow_api::statesync::v1 as wire;
use guuid::Guuid;
use sha2::{Digest as _, Sha256};
use wire::OperationType as Type;

use super::fences::ms;
use super::{Findings, Rule};
use crate::history::History;

pub(super) fn check(history: &History, findings: &mut Findings<'_>) {
    let (entries, records) = (history.audit.len(), history.log.len());
    if entries != records {
        let count = format_args!("{entries} entries about {records} operations");
        findings.add(Rule::AuditBroken, count);
    }
    let mut previous = vec![0; 32];
    for (entry, record) in history.audit.iter().zip(&history.log) {
        let version = entry.version;
        let same = version == record.version
            && entry.operation_id == record.id
            && entry.user_id == record.user_id
            && entry.r#type == record.r#type
            && entry.timestamp == record.timestamp;
        if !same {
            let other = format_args!("{entry:?} is not about {record:?}");
            findings.add(Rule::AuditBroken, other);
        }
        if hash(&history.doc_id, &previous, entry).as_deref() != Some(&entry.hash[..]) {
            let broken =
                format_args!("the entry of version {version} does not follow the one before");
            findings.add(Rule::AuditBroken, broken);
        }
        previous = entry.hash.to_vec();
    }
    if history.audit_hash != previous {
        findings.add(
            Rule::AuditBroken,
            "the head has another hash than the newest entry",
        );
    }
}

/// The hash of an entry, after one with this hash, as the documentation of the audit log says.
pub(super) fn hash(doc_id: &str, previous: &[u8], entry: &wire::AuditEntry) -> Option<Vec<u8>> {
    let id = |text: &str| Guuid::parse(text).ok();
    let user = entry.user_id.as_bytes();
    let mut hash = Sha256::new();
    hash.update(previous);
    hash.update(id(doc_id)?.as_bytes());
    hash.update(entry.version.to_be_bytes());
    hash.update(id(&entry.operation_id)?.as_bytes());
    hash.update(ms(entry.timestamp.as_ref()).to_be_bytes());
    hash.update(&entry.digest);
    hash.update((user.len() as u64).to_be_bytes());
    hash.update(user);
    hash.update(word(entry.r#type())?);
    Some(hash.finalize().to_vec())
}

/// The word for a kind of operation.
fn word(kind: Type) -> Option<&'static str> {
    Some(match kind {
        Type::Create => "create",
        Type::Update => "update",
        Type::Delete => "delete",
        Type::Move => "move",
        Type::Resize => "resize",
        Type::Style => "style",
        Type::Text => "text",
        Type::Properties => "properties",
        Type::Resolve => "resolve",
        Type::Restore => "restore",
        Type::Unspecified => return None,
    })
}
