//! Real editing sessions, replayed edit by edit through the real binary. See `tests/data`.

mod author;
mod recording;

use crate::editor::Editor;
use crate::rest::Person;
use crate::server::{Server, Setup};
use crate::socket::Knock;
use author::Author;
use recording::{Recording, Transaction};

/// A server with an empty document, and its owner.
async fn empty_document(name: &str) -> (Server, Person, String) {
    let server = Setup::default().start().await;
    let owner = Person::log_in(&server, "Owner").await;
    let document = owner.create(name).await;
    (server, owner, document)
}

/// The two authors of a recording. Yjs puts what two people write at once in one place in the
/// order of their client ids. There is one such place in the recording, where the first author's
/// words come first.
async fn two_authors(door: &Knock) -> [Author; 2] {
    [Author::open(door, 1).await, Author::open(door, 2).await]
}

/// Whoever comes later finds what the recording ends with, by Yjs and by REST.
async fn check_ending(recording: &Recording, owner: &Person, document: &str) {
    let reader = Editor::open(&Knock::by(owner, document)).await;
    assert!(
        reader.text() == recording.ending,
        "a fresh client has another text"
    );
    assert!(
        owner.text(document).await == recording.ending,
        "REST has another text"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_people_who_wrote_at_once_end_with_the_text_of_the_recording() {
    let recording = Recording::read("friendsforever.json.gz");
    let (_server, owner, document) = empty_document("friendsforever").await;
    let mut authors = two_authors(&Knock::by(&owner, &document)).await;
    replay(&recording.transactions, &mut authors).await;
    for author in &mut authors {
        let text = author.finish().await;
        assert!(text == recording.ending, "an author has another text");
    }
    check_ending(&recording, &owner, &document).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_people_who_take_turns_end_with_the_text_of_the_recording() {
    /// Edits before the other one takes over.
    const TURN: usize = 40;
    let mut recording = Recording::read("sveltecomponent.json.gz");
    for (index, transaction) in recording.transactions.iter_mut().enumerate() {
        transaction.agent = index / TURN % 2;
    }
    let (_server, owner, document) = empty_document("sveltecomponent").await;
    let mut authors = two_authors(&Knock::by(&owner, &document)).await;
    replay(&recording.transactions, &mut authors).await;
    for author in &mut authors {
        let text = author.finish().await;
        assert!(text == recording.ending, "an author has another text");
    }
    check_ending(&recording, &owner, &document).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_person_who_wrote_alone_ends_with_the_text_of_the_recording() {
    let recording = Recording::read("sveltecomponent.json.gz");
    let (_server, owner, document) = empty_document("sveltecomponent").await;
    let mut editor = Editor::open(&Knock::by(&owner, &document)).await;
    for transaction in &recording.transactions {
        for patch in &transaction.patches {
            editor
                .type_over(patch.position, patch.deleted, &patch.inserted)
                .await;
        }
    }
    editor.caught_up().await;
    assert!(
        editor.text() == recording.ending,
        "the author has another text"
    );
    check_ending(&recording, &owner, &document).await;
}

/// Makes every edit in the client of its author, in the state that the author saw: with exactly
/// those edits of the other one that the transaction's parents include.
///
/// The server may join updates of one author into one on their way to the other. So that the
/// other one can stop between two of them, as in the recording, the first author does not write
/// beyond such a point before the other has received everything up to it.
async fn replay(transactions: &[Transaction], authors: &mut [Author; 2]) {
    let seen = recording::seen_of_the_other(transactions);
    // Edits of the other author after which each of them looked, in order.
    let mut looks = [Vec::new(), Vec::new()];
    for (transaction, seen) in transactions.iter().zip(&seen) {
        let looks = &mut looks[transaction.agent];
        if looks.last().is_none_or(|last| last < seen) {
            looks.push(*seen);
        }
    }
    let mut looks = looks.map(|looks| looks.into_iter().filter(|count| *count > 0).peekable());
    let mut made = [0, 0];
    let mut known = [0, 0];
    for (transaction, seen) in transactions.iter().zip(seen) {
        let (me, other) = (transaction.agent, 1 - transaction.agent);
        if looks[other].next_if_eq(&made[me]).is_some() {
            authors[other].end_passage().await;
        }
        if known[me] < seen {
            known[me] = seen;
            if looks[me].next_if_eq(&seen).is_some() {
                authors[me].end_passage().await;
            }
            authors[me].look();
        }
        for patch in &transaction.patches {
            let update = authors[me].write(patch).await;
            authors[other].expect(&update);
        }
        made[me] += 1;
    }
}
