//! Several processes serve one document.

use std::sync::Arc;

use futures::executor::block_on;
use statesync_core::{
    Change, DocumentType, EditError, Hint, Limits, MemoryStore, OpenDocument, PolicyName,
    PropertiesChange, PublicAccess, Status, Value, Version, Write,
};

use crate::world::{Typist, World, edit, field, fill, object, properties, rectangle, update};

/// Two processes over one store, and a document that is open in both.
struct Pair {
    worlds: [World; 2],
    open: [Arc<OpenDocument>; 2],
}

impl Pair {
    fn new(kind: DocumentType, policy: PolicyName) -> Self {
        let store = Arc::new(MemoryStore::new());
        let mut worlds = [(), ()].map(|()| World::new(store.clone(), Limits::default()));
        let id = worlds[0].create_under(kind, policy);
        let open = worlds.each_mut().map(|world| world.open(id));
        Self { worlds, open }
    }

    fn ask(&mut self, which: usize, who: &str, change: Change) -> Result<Version, EditError> {
        let answer = self.worlds[which].ask(&self.open[which], edit(who, change));
        answer.map(|accepted| accepted.version)
    }

    fn poll(&mut self, which: usize) {
        block_on(self.worlds[which].library.poll()).unwrap();
        self.worlds[which].settle();
    }
}

#[test]
fn whoever_is_behind_reads_up_and_decides_again() {
    let mut pair = Pair::new(DocumentType::Text, PolicyName::Merge);
    let mut readers = [0, 1].map(|which| {
        let open = Arc::clone(&pair.open[which]);
        pair.worlds[which].subscribe(&open, "alice")
    });
    let typists = [Typist::new(), Typist::new()];
    for round in 0..20_u64 {
        let which = (round % 3 == 0) as usize;
        let version = pair.ask(which, "alice", typists[which].types("x")).unwrap();
        assert_eq!(version.0, round + 2);
    }
    for which in [0, 1] {
        pair.poll(which);
        let batch = readers[which].try_next().unwrap();
        let versions: Vec<_> = batch
            .records
            .iter()
            .map(|news| news.record.version.0)
            .collect();
        assert_eq!(versions, (2..=21).collect::<Vec<_>>());
        assert!(!batch.resync);
        let open = Arc::clone(&pair.open[which]);
        assert_eq!(pair.worlds[which].text(&open), "x".repeat(20));
    }
}

#[test]
fn counters_count_every_vote_once_whoever_takes_it() {
    let mut pair = Pair::new(DocumentType::Whiteboard, PolicyName::Lww);
    pair.ask(0, "alice", Change::Operation(rectangle("a", "white")))
        .unwrap();
    for round in 0..30 {
        let vote = Change::Operation(update("a", "votes", Write::Add(1)));
        let answer = pair.ask(round % 2, "bob", vote);
        // The object is news to the second one, which looks into the store before it says no.
        answer.unwrap();
    }
    pair.poll(0);
    let open = Arc::clone(&pair.open[0]);
    let (_, reading) = pair.worlds[0].run(open.reading()).unwrap();
    let votes = &reading.objects[&object("a")].fields[&field("votes")];
    assert_eq!(*votes, Value::Integer(30));
}

#[test]
fn a_conflict_is_found_across_processes() {
    let mut pair = Pair::new(DocumentType::Whiteboard, PolicyName::Manual);
    pair.ask(0, "alice", Change::Operation(rectangle("a", "white")))
        .unwrap();
    pair.poll(1);
    let open = pair.open.clone();
    let bob = pair.worlds[0]
        .operate(&open[0], "bob", 2, fill("a", "blue"))
        .unwrap();
    let carol = pair.worlds[1]
        .operate(&open[1], "carol", 2, fill("a", "red"))
        .unwrap();
    assert_eq!(
        (bob.status, carol.status),
        (Status::Applied, Status::Conflict)
    );
    let mut reader = pair.worlds[0].subscribe(&open[0], "alice");
    pair.poll(0);
    let batch = reader.try_next().unwrap();
    let conflicts = &batch.records.last().unwrap().conflicts;
    assert_eq!(conflicts[0].id, carol.conflict.unwrap());
}

#[test]
fn a_hint_brings_news_and_a_false_one_does_no_harm() {
    let mut pair = Pair::new(DocumentType::Text, PolicyName::Merge);
    let version = pair.ask(0, "alice", Typist::new().types("x")).unwrap();
    let document_id = pair.open[1].id();
    for claimed in [Version(0), Version(1_000), version] {
        let hint = Hint {
            document_id,
            version: claimed,
        };
        pair.worlds[1].library.on_hint(hint);
        pair.worlds[1].settle();
    }
    assert_eq!(pair.open[1].document().version, version);
}

#[test]
fn a_version_of_another_process_is_there_for_whoever_asks_for_it() {
    let mut pair = Pair::new(DocumentType::Text, PolicyName::Merge);
    let version = pair.ask(0, "alice", Typist::new().types("x")).unwrap();
    let open = Arc::clone(&pair.open[1]);
    assert!(open.document().version < version);
    assert_eq!(pair.worlds[1].run(open.newest()).unwrap(), version);
    assert_eq!(open.document().version, version);
    assert_eq!(pair.worlds[1].text(&open), "x");
}

#[test]
fn who_is_shut_out_in_one_process_is_shut_out_in_all() {
    let mut pair = Pair::new(DocumentType::Text, PolicyName::Merge);
    let open = Arc::clone(&pair.open[1]);
    let mut bob = pair.worlds[1].subscribe(&open, "bob");
    let change = PropertiesChange {
        public: Some(PublicAccess::None),
        ..PropertiesChange::default()
    };
    pair.ask(0, "alice", properties(change)).unwrap();
    pair.poll(1);
    let head = bob.try_next().unwrap().document.unwrap();
    let role = head
        .metadata
        .permissions
        .role_of(&crate::world::user("bob"));
    assert_eq!(role, None);
    let refused = pair.ask(1, "bob", Typist::new().types("x"));
    assert!(
        matches!(refused, Err(EditError::Forbidden { .. })),
        "{refused:?}"
    );
}
