//! One of two people in a recording: an editor that holds back what it receives until its person
//! looks.

use std::collections::VecDeque;

use yrs::updates::decoder::Decode;
use yrs::{IdSet, Update};

use super::recording::Patch;
use crate::editor::Editor;
use crate::patience::in_time;
use crate::socket::Knock;
use crate::wire::ServerMessage;

pub(super) struct Author {
    editor: Editor,
    /// What was received and not looked at yet: passages, each up to a point at which this
    /// author looks. The last one is not complete.
    passages: VecDeque<Vec<Vec<u8>>>,
    /// What the other author has written and this one has not received.
    missing: Difference,
    /// What this author has deleted: nobody need tell it to them.
    deleted: IdSet,
}

/// What an update adds: insertions and deletions.
#[derive(Default)]
struct Difference {
    inserted: IdSet,
    deleted: IdSet,
}

impl Difference {
    fn of(update: &[u8]) -> Self {
        let update = Update::decode_v1(update).unwrap();
        Self {
            inserted: update.insertions(true),
            deleted: update.delete_set().clone(),
        }
    }

    fn is_empty(&self) -> bool {
        self.inserted.is_empty() && self.deleted.is_empty()
    }
}

impl Author {
    pub(super) async fn open(door: &Knock, client: u64) -> Self {
        let mut editor = Editor::with_client(client);
        editor.connect(door).await;
        editor.synced().await;
        Self {
            editor,
            passages: [Vec::new()].into(),
            missing: Difference::default(),
            deleted: IdSet::default(),
        }
    }

    /// Makes one edit and sends it. Returns the update.
    pub(super) async fn write(&mut self, patch: &Patch) -> Vec<u8> {
        let update = self
            .editor
            .replace(patch.position, patch.deleted, &patch.inserted);
        let made = Difference::of(&update);
        self.missing.deleted.diff_with(&made.deleted);
        self.deleted.merge_with(made.deleted);
        self.editor.send_update(&update).await;
        update
    }

    /// Notes that the other author made this update.
    pub(super) fn expect(&mut self, update: &[u8]) {
        let mut made = Difference::of(update);
        // To delete what this author has deleted already is no news, and is not told.
        made.deleted.diff_with(&self.deleted);
        self.missing.inserted.merge_with(made.inserted);
        self.missing.deleted.merge_with(made.deleted);
    }

    /// Receives everything that the other author has made so far. What follows is held back
    /// apart from it.
    pub(super) async fn end_passage(&mut self) {
        let received = async {
            while !self.missing.is_empty() {
                match self.editor.next_message().await.unwrap() {
                    ServerMessage::Update(update) => self.hold_back(update),
                    other => self.editor.take_in(other).await,
                }
            }
        };
        in_time("what the other author wrote", received).await;
        self.passages.push_back(Vec::new());
    }

    fn hold_back(&mut self, update: Vec<u8>) {
        let received = Difference::of(&update);
        self.missing.inserted.diff_with(&received.inserted);
        self.missing.deleted.diff_with(&received.deleted);
        self.passages.back_mut().expect("always one").push(update);
    }

    /// Looks at the oldest passage, which must have ended.
    pub(super) fn look(&mut self) {
        assert!(self.passages.len() > 1);
        for update in self.passages.pop_front().expect("always one") {
            self.editor.apply(&update);
        }
    }

    /// Looks at all that is left. Returns the text.
    pub(super) async fn finish(&mut self) -> String {
        self.end_passage().await;
        for update in self.passages.drain(..).flatten() {
            self.editor.apply(&update);
        }
        self.passages.push_back(Vec::new());
        self.editor.caught_up().await;
        self.editor.text()
    }
}
