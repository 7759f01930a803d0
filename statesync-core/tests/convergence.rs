//! Several people edit one document at once, come and go, read late, lose answers, and the server
//! puts the document away in between: in the end all have the same content, the log has every
//! edit once and without a hole, and adds up to that content.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "these are tests"
)]

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use futures::channel::mpsc;
use futures::executor::LocalPool;
use futures::task::LocalSpawnExt;
use guuid::{Generator, ManualClock, SeededEntropy};
use proptest::prelude::*;
use proptest::sample::Index;
use statesync_core::{
    Accepted, Author, Batch, Change, DocumentId, DocumentStore, DocumentType, Edit, EditError,
    Library, Limits, MemoryStore, NewDocument, Participant, PublicAccess, RICHTEXT_ROOT, Reading,
    Receipt, Record, Since, Subscription, TEXT_ROOT, UserId, Version, YjsContent,
};
use yrs::updates::decoder::Decode;
use yrs::updates::encoder::Encode;
use yrs::{
    ClientID, Doc, GetString, OffsetKind, Options, ReadTxn, StateVector, Text, Transact, Update,
    XmlElementPrelim, XmlFragment, XmlOut, XmlTextPrelim, merge_updates_v1,
};

const PEOPLE: usize = 3;

/// Something that happens.
#[derive(Clone, Debug)]
enum Step {
    /// Somebody edits their copy, and sends the edit if they are connected.
    Edit(usize, u8, Index),
    /// Somebody reads their news.
    Read(usize),
    /// Somebody waits for the answers to their edits.
    Wait(usize),
    Connect(usize),
    /// Somebody is cut off: answers and news on their way are lost.
    Disconnect(usize),
    /// The server does what it has to do.
    Serve,
    /// A long time passes, and the server puts away what nobody uses.
    Sweep,
}

fn step() -> impl Strategy<Value = Step> {
    let who = || 0..PEOPLE;
    prop_oneof![
        12 => (who(), any::<u8>(), any::<Index>()).prop_map(|(who, kind, place)| {
            Step::Edit(who, kind, place)
        }),
        4 => who().prop_map(Step::Read),
        2 => who().prop_map(Step::Wait),
        3 => who().prop_map(Step::Connect),
        2 => who().prop_map(Step::Disconnect),
        4 => Just(Step::Serve),
        1 => Just(Step::Sweep),
    ]
}

/// Bounds so small that everything that can overflow does.
fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.inbox_edits_max = 6;
    limits.batch_edits_max = 4;
    limits.recent_bytes_max = 1_500;
    limits.snapshot_records = 7;
    limits.idle_ms = 1_000;
    limits
}

/// A server and its document, in one thread that does one thing after the other.
struct Server {
    pool: LocalPool,
    clock: Arc<ManualClock>,
    store: Arc<MemoryStore>,
    library: Library,
    id: DocumentId,
    kind: DocumentType,
}

impl Server {
    fn new(kind: DocumentType) -> Self {
        let mut pool = LocalPool::new();
        let (send, mut tasks) = mpsc::unbounded();
        let spawner = pool.spawner();
        let spawning = async move {
            while let Some(task) = tasks.next().await {
                spawner.spawn_local(task).unwrap();
            }
        };
        pool.spawner().spawn_local(spawning).unwrap();
        let clock = Arc::new(ManualClock::new(Duration::from_secs(1_000_000)));
        let ids = Generator::new(Arc::clone(&clock), SeededEntropy::new(7));
        let store = Arc::new(MemoryStore::new());
        let library = Library::new(
            store.clone(),
            clock.clone(),
            Arc::new(move || ids.mint()),
            Arc::new(move |task| send.unbounded_send(task).unwrap()),
            limits(),
        );
        let new = NewDocument {
            name: "Notes".to_owned(),
            kind,
            owner: UserId::new("owner").unwrap(),
            public: PublicAccess::Edit,
        };
        let id = pool.run_until(library.create(new)).unwrap().id;
        Self {
            pool,
            clock,
            store,
            library,
            id,
            kind,
        }
    }

    /// All records, after looking that there is no hole in between.
    fn log(&mut self) -> Vec<Arc<Record>> {
        let head = self.pool.run_until(self.store.head(self.id)).unwrap();
        let since = self.store.since(self.id, Version::ZERO, usize::MAX);
        let Since::Records(records) = self.pool.run_until(since).unwrap() else {
            panic!("the history is gone");
        };
        let versions: Vec<_> = records.iter().map(|record| record.version.0).collect();
        assert_eq!(versions, (1..=head.version.0).collect::<Vec<_>>());
        let ids: HashSet<_> = records.iter().map(|record| record.operation_id).collect();
        assert_eq!(ids.len(), records.len(), "no operation is there twice");
        records
    }

    fn reading(&mut self) -> Reading {
        let open = self.pool.run_until(self.library.open(self.id)).unwrap();
        self.pool.run_until(open.reading()).unwrap().1
    }
}

/// Somebody with a copy of the document.
struct Person {
    name: UserId,
    copy: Doc,
    seat: Option<Subscription>,
    receipts: Vec<Receipt>,
    accepted: Vec<Accepted>,
    /// Every record that they were told of.
    told: Vec<Arc<Record>>,
}

impl Person {
    fn new(number: usize) -> Self {
        let mut options = Options::with_client_id(ClientID::new(number as u64 + 1));
        options.offset_kind = OffsetKind::Utf16;
        Self {
            name: UserId::new(format!("person-{number}")).unwrap(),
            copy: Doc::with_options(options),
            seat: None,
            receipts: Vec::new(),
            accepted: Vec::new(),
            told: Vec::new(),
        }
    }

    fn connect(&mut self, server: &mut Server) {
        if self.seat.is_some() {
            return;
        }
        let open = server.pool.run_until(server.library.open(server.id));
        let participant = Participant {
            user_id: self.name.clone(),
            name: self.name.to_string(),
        };
        self.seat = Some(open.unwrap().subscribe(participant).unwrap());
        self.synchronize(server);
    }

    /// Both sides tell each other what they have, and send what the other lacks.
    fn synchronize(&mut self, server: &mut Server) {
        let Some(seat) = &self.seat else { return };
        let document = Arc::clone(seat.document());
        let theirs = server.pool.run_until(document.state_vector()).unwrap();
        let theirs = StateVector::decode_v1(&theirs).unwrap();
        let lacking = self.copy.transact().encode_state_as_update_v1(&theirs);
        self.send(server, lacking.into());
        let mine = self.copy.transact().state_vector().encode_v1().into();
        let update = server.pool.run_until(document.difference(mine)).unwrap();
        self.take(&update);
    }

    fn send(&mut self, server: &mut Server, update: Bytes) {
        let Some(seat) = &self.seat else { return };
        let author = Author {
            user_id: self.name.clone(),
            session_id: "".into(),
        };
        let edit = Edit::new(author, Change::Yjs(update));
        let submitting = seat.document().submit(edit, Some(seat.connection()));
        self.receipts
            .push(server.pool.run_until(submitting).unwrap());
    }

    fn take(&self, update: &[u8]) {
        let update = Update::decode_v1(update).unwrap();
        self.copy.transact_mut().apply_update(update).unwrap();
    }

    fn edit(&mut self, server: &mut Server, kind: u8, place: Index) {
        let update = match server.kind {
            DocumentType::Text => self.edit_text(kind, place),
            _ => self.edit_rich_text(kind, place),
        };
        self.send(server, update);
    }

    fn edit_text(&self, kind: u8, place: Index) -> Bytes {
        let text = self.copy.get_or_insert_text(TEXT_ROOT);
        let mut transaction = self.copy.transact_mut();
        let length = text.len(&transaction);
        let index = place.index(length as usize + 1) as u32;
        let letters = u32::from(kind / 3 % 5) + 1;
        if kind.is_multiple_of(3) {
            text.remove_range(&mut transaction, index, letters.min(length - index));
        } else {
            let letters = &"abcde"[..letters as usize];
            text.insert(&mut transaction, index, letters);
        }
        transaction.encode_update_v1().into()
    }

    fn edit_rich_text(&self, kind: u8, place: Index) -> Bytes {
        let root = self.copy.get_or_insert_xml_fragment(RICHTEXT_ROOT);
        let nodes: Vec<_> = root.successors(&self.copy.transact()).collect();
        let mut transaction = self.copy.transact_mut();
        let chosen = (!nodes.is_empty()).then(|| &nodes[place.index(nodes.len())]);
        match (chosen, kind % 4) {
            (Some(XmlOut::Element(element)), 0) => {
                element.insert(&mut transaction, 0, XmlElementPrelim::empty("item"));
            }
            (Some(XmlOut::Element(element)), 1) => {
                element.push_back(&mut transaction, XmlTextPrelim::new("text"));
            }
            (Some(XmlOut::Element(element)), 2) => {
                let children = element.len(&transaction);
                element.remove_range(&mut transaction, 0, children.min(1));
            }
            (Some(XmlOut::Text(text)), 0..=2) => text.insert(&mut transaction, 0, "abc"),
            _ => {
                root.push_back(&mut transaction, XmlElementPrelim::empty("paragraph"));
            }
        }
        transaction.encode_update_v1().into()
    }

    /// Takes in the news that there are, those of others joined into one update.
    fn read(&mut self, server: &mut Server) {
        let Some(seat) = &mut self.seat else { return };
        let Some(batch) = seat.try_next() else { return };
        let Batch {
            records,
            resync,
            closed,
            ..
        } = batch;
        assert_eq!(closed, None);
        let me = Some(seat.connection());
        let foreign: Vec<_> = records
            .iter()
            .filter(|news| news.origin != me)
            .filter_map(|news| match &news.record.change {
                Change::Yjs(update) => Some(update.to_vec()),
                _ => None,
            })
            .collect();
        self.told
            .extend(records.iter().map(|news| news.record.clone()));
        if resync {
            self.synchronize(server);
        }
        self.take(&merge_updates_v1(&foreign).unwrap());
    }

    fn wait(&mut self, server: &mut Server) {
        for receipt in std::mem::take(&mut self.receipts) {
            let answer: Result<_, EditError> = server.pool.run_until(receipt.answer());
            self.accepted.push(answer.unwrap());
        }
    }

    fn disconnect(&mut self) {
        self.seat = None;
        self.receipts.clear();
    }

    fn reading(&self, kind: DocumentType) -> String {
        match kind {
            DocumentType::Text => {
                let text = self.copy.get_or_insert_text(TEXT_ROOT);
                text.get_string(&self.copy.transact())
            }
            _ => {
                let root = self.copy.get_or_insert_xml_fragment(RICHTEXT_ROOT);
                root.get_string(&self.copy.transact())
            }
        }
    }
}

fn take_step(step: &Step, server: &mut Server, people: &mut [Person]) {
    match step {
        Step::Edit(who, kind, place) => people[*who].edit(server, *kind, *place),
        Step::Read(who) => people[*who].read(server),
        Step::Wait(who) => people[*who].wait(server),
        Step::Connect(who) => people[*who].connect(server),
        Step::Disconnect(who) => people[*who].disconnect(),
        Step::Serve => server.pool.run_until_stalled(),
        Step::Sweep => {
            server.clock.advance(Duration::from_secs(3_600));
            server.library.sweep();
        }
    }
}

fn shown(reading: Reading) -> String {
    reading.xml.unwrap_or(reading.text)
}

fn assert_convergence(kind: DocumentType, steps: &[Step]) {
    let mut server = Server::new(kind);
    let mut people: Vec<_> = (0..PEOPLE).map(Person::new).collect();
    for step in steps {
        take_step(step, &mut server, &mut people);
    }
    // Everybody comes, sends what they have, and then reads what the others sent.
    for person in &mut people {
        person.connect(&mut server);
        person.wait(&mut server);
    }
    for person in &mut people {
        // News alone must do: who was connected before has asked for nothing since.
        person.read(&mut server);
    }
    let content = shown(server.reading());
    for person in &people {
        assert_eq!(person.reading(kind), content, "{}", person.name);
    }
    assert_log_is_true(&mut server, &people, &content);
}

fn assert_log_is_true(server: &mut Server, people: &[Person], content: &str) {
    let kind = server.kind;
    let log = server.log();
    let mut sum = YjsContent::empty();
    for record in &log {
        let Change::Yjs(update) = &record.change else {
            panic!("nobody changed the head");
        };
        sum.apply(update).unwrap();
    }
    assert_eq!(shown(sum.read(kind)), content);
    for person in people {
        for told in &person.told {
            assert_eq!(&log[told.version.0 as usize - 1], told);
        }
        for accepted in &person.accepted {
            let operation = accepted.operation_id;
            let record = log.get((accepted.version.0 as usize).wrapping_sub(1));
            let stored = record.map(|record| record.operation_id);
            assert!(operation.is_none() || operation == stored);
        }
    }
    // What a restart finds is the same: the snapshot, and what came after it.
    let stored = server.pool.run_until(server.store.load(server.id)).unwrap();
    let mut restored = match &stored.snapshot {
        Some(snapshot) => YjsContent::restore(&snapshot.content).unwrap(),
        None => YjsContent::empty(),
    };
    for record in &stored.records {
        if let Change::Yjs(update) = &record.change {
            restored.apply(update).unwrap();
        }
    }
    assert_eq!(shown(restored.read(kind)), content);
}

proptest! {
    #[test]
    fn plain_texts_converge(steps in prop::collection::vec(step(), 1..120)) {
        assert_convergence(DocumentType::Text, &steps);
    }

    #[test]
    fn rich_texts_converge(steps in prop::collection::vec(step(), 1..120)) {
        assert_convergence(DocumentType::Richtext, &steps);
    }
}
