//! What people type: updates of Yjs editors, made by hand where they have to be quick to make, and a
//! recorded session.

use std::io::Read as _;

use bytes::Bytes;
use flate2::read::GzDecoder;
use serde_json::Value;
use statesync_core::TEXT_ROOT;
use yrs::updates::decoder::Decode as _;
use yrs::{Doc, OffsetKind, Options, ReadTxn as _, StateVector, Text as _, Transact as _, Update};

use crate::Failure;

/// `sveltecomponent` of josephg/editing-traces (CC BY 4.0), shared with the tests of the service.
const RECORDING: &[u8] = include_bytes!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../services/aetherflow/tests/data/sveltecomponent.json.gz"
));

/// What one keystroke of an editor sends: the Yjs client `client` types its character number `clock`.
pub(crate) fn keystroke(client: u32, clock: u32) -> Bytes {
    insertion(client, clock, "x")
}

/// The Yjs client `client`, who has typed `clock` characters, puts `inserted` after the last of them, at
/// the beginning if there is none.
pub(crate) fn insertion(client: u32, clock: u32, inserted: &str) -> Bytes {
    // Encoding version 1, as Yjs 13 writes it: one client with one item, and no deletions.
    const STRING: u8 = 4;
    const HAS_LEFT: u8 = 0x80;
    const ROOT: u8 = 1;
    let mut update = vec![1, 1];
    number(u64::from(client), &mut update);
    number(u64::from(clock), &mut update);
    if clock == 0 {
        update.extend([STRING, ROOT]);
        text(TEXT_ROOT, &mut update);
    } else {
        update.push(STRING | HAS_LEFT);
        number(u64::from(client), &mut update);
        number(u64::from(clock - 1), &mut update);
    }
    text(inserted, &mut update);
    update.push(0);
    update.into()
}

fn text(text: &str, update: &mut Vec<u8>) {
    number(text.len() as u64, update);
    update.extend(text.as_bytes());
}

fn number(mut number: u64, update: &mut Vec<u8>) {
    while number >= 0x80 {
        update.push(number as u8 | 0x80);
        number >>= 7;
    }
    update.push(number as u8);
}

/// One change of a text: where, how many characters go, and what comes.
pub(crate) type Patch = (u32, u32, String);

/// The recorded session.
pub(crate) fn recording() -> Result<Vec<Patch>, Failure> {
    let mut json = String::new();
    GzDecoder::new(RECORDING).read_to_string(&mut json)?;
    let recording: Value = serde_json::from_str(&json)?;
    let transactions = recording["txns"].as_array().ok_or("no transactions")?;
    let patches = transactions
        .iter()
        .flat_map(|transaction| transaction["patches"].as_array().into_iter().flatten());
    let patches = patches.map(|patch| {
        let number = |index: usize| u32::try_from(patch[index].as_u64()?).ok();
        let insert = patch[2].as_str()?.to_owned();
        Some((number(0)?, number(1)?, insert))
    });
    Ok(patches.collect::<Option<_>>().ok_or("not a patch")?)
}

/// An empty document that counts as editors do, and as the product does.
pub(crate) fn document() -> Doc {
    Doc::with_options(Options {
        offset_kind: OffsetKind::Utf16,
        cleanup_formatting: false,
        ..Options::default()
    })
}

/// Makes the changes, each a transaction, as an editor does.
pub(crate) fn type_into(document: &Doc, patches: impl IntoIterator<Item = Patch>) {
    let text = document.get_or_insert_text(TEXT_ROOT);
    for (position, delete, insert) in patches {
        let mut transaction = document.transact_mut();
        text.remove_range(&mut transaction, position, delete);
        text.insert(&mut transaction, position, &insert);
    }
}

/// Characters in the text, in UTF-16 code units.
pub(crate) fn length(document: &Doc) -> u32 {
    let text = document.get_or_insert_text(TEXT_ROOT);
    text.len(&document.transact())
}

/// All of it as one update.
pub(crate) fn snapshot(document: &Doc) -> Bytes {
    let transaction = document.transact();
    let state = transaction.encode_state_as_update_v1(&StateVector::default());
    state.into()
}

/// A document made of [`snapshot`], by nothing but yrs.
pub(crate) fn restored(snapshot: &[u8]) -> Result<Doc, Failure> {
    let document = document();
    let update = Update::decode_v1(snapshot)?;
    document.transact_mut().apply_update(update)?;
    Ok(document)
}

/// The next of a repeatable row of numbers (`SplitMix64`, Steele, Lea and Flood 2014).
pub(crate) fn next_random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use yrs::GetString as _;

    use super::*;

    #[test]
    fn keystrokes_are_updates_that_editors_understand() {
        let document = document();
        for (client, clock) in [(7, 0), (300, 0), (7, 1), (7, 2), (300, 1)] {
            let update = Update::decode_v1(&keystroke(client, clock)).unwrap();
            document.transact_mut().apply_update(update).unwrap();
        }
        let text = document.get_or_insert_text(TEXT_ROOT);
        assert_eq!(text.get_string(&document.transact()), "xxxxx");
    }

    #[test]
    fn the_recording_is_a_text_that_comes_back() {
        let editor = document();
        type_into(&editor, recording().unwrap().into_iter().take(2_000));
        let read = restored(&snapshot(&editor)).unwrap();
        assert!(length(&read) > 500);
        assert_eq!(length(&read), length(&editor));
    }
}
