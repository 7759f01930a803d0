//! Reading sessions.

use session_core::{Filter, Listed, Page, Record, SessionId, StoreError, Timestamp};

use super::{corrupt, key, row};
use crate::error::Damage;
use crate::tables::{Lookup, View};

/// The record of one session.
pub(super) fn one(lookup: &impl Lookup, id: SessionId) -> Result<Option<Record>, StoreError> {
    let Some(found) = lookup.value(&key::session(id)).map_err(corrupt)? else {
        return Ok(None);
    };
    Ok(Some(row::decode(id, &found).map_err(corrupt)?))
}

/// The record of a session that an index names, and which must therefore be there.
pub(super) fn indexed(lookup: &impl Lookup, id: SessionId) -> Result<Record, StoreError> {
    let missing = || {
        corrupt(Damage::new(format!(
            "session {id} is in an index and nowhere else"
        )))
    };
    one(lookup, id)?.ok_or_else(missing)
}

/// A page of the sessions that match.
pub(super) fn page(view: &View<'_>, filter: &Filter, page: Page) -> Result<Listed, StoreError> {
    let prefix = match filter {
        Filter::All => key::sessions(),
        Filter::User(user) => key::of_user(user),
        Filter::Connection(connection) => key::of_connection(*connection),
    };
    let first = page
        .after
        .map_or(prefix.clone(), |after| key::entry(prefix.clone(), after));
    let last = [prefix.as_slice(), &[0xFF; 17]].concat();
    let mut listed = Listed {
        records: Vec::new(),
        next: None,
    };
    for found in view.range(first..=last) {
        let (found, value) = found.map_err(corrupt)?;
        let id = key::parse(&found).map_err(corrupt)?;
        if page.after == Some(id) {
            continue;
        }
        if listed.records.len() == page.limit {
            let last = listed
                .records
                .last()
                .map(|record| record.session.session_id);
            listed.next = last.or(page.after);
            break;
        }
        let record = match filter {
            Filter::All => row::decode(id, &value).map_err(corrupt)?,
            Filter::User(_) | Filter::Connection(_) => indexed(view, id)?,
        };
        listed.records.push(record);
    }
    Ok(listed)
}

/// Sessions that expire up to `before`, the earliest first.
pub(super) fn expired(
    view: &View<'_>,
    before: Timestamp,
    limit: usize,
) -> Result<Vec<Record>, StoreError> {
    let last = [key::expiring_at(before).as_slice(), &[0xFF; 17]].concat();
    let mut records = Vec::new();
    for found in view.range(key::expiring()..=last).take(limit) {
        let (found, _) = found.map_err(corrupt)?;
        records.push(indexed(view, key::parse(&found).map_err(corrupt)?)?);
    }
    Ok(records)
}
