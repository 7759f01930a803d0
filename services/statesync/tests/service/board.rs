//! Documents for tests, operations on them, and a reader that builds the content from events.

use std::collections::BTreeMap;

use aetherflow_api::statesync::v1 as wire;
use guuid::Guuid;
use tonic::{Status, Streaming};
use wire::document_event::Event;
use wire::operation_data::Kind;
use yrs::updates::decoder::Decode;
use yrs::{Doc, GetString, Transact, Update};

use crate::world::{Client, soon};

/// A new document that everybody may edit, under this policy. It is at version 1.
pub(crate) async fn document(
    client: &mut Client,
    kind: wire::DocumentType,
    policy: &str,
) -> String {
    let create = wire::CreateDocumentRequest {
        name: "Notes".to_owned(),
        r#type: kind.into(),
        public: wire::PublicAccess::Edit.into(),
    };
    let created = client.create_document(create).await.unwrap().into_inner();
    let doc_id = created.document.unwrap().id;
    let update = wire::UpdateDocumentRequest {
        doc_id: doc_id.clone(),
        policy: Some(policy.to_owned()),
        description: Some("for a test".to_owned()),
        ..Default::default()
    };
    let updated = client.update_document(update).await.unwrap().into_inner();
    assert_eq!(updated.document.unwrap().version, 1);
    doc_id
}

pub(crate) fn text(value: &str) -> wire::Value {
    wire::Value {
        kind: Some(wire::value::Kind::Text(value.to_owned())),
    }
}

pub(crate) fn number(value: f64) -> wire::Value {
    wire::Value {
        kind: Some(wire::value::Kind::Number(value)),
    }
}

pub(crate) fn rectangle(object: &str, fill: &str) -> Kind {
    Kind::Create(wire::CreateObject {
        object_id: object.to_owned(),
        kind: "rectangle".to_owned(),
        fields: [("fill".to_owned(), text(fill))].into(),
    })
}

pub(crate) fn set(object: &str, field: &str, value: wire::Value) -> Kind {
    let write = wire::Write {
        kind: Some(wire::write::Kind::Set(value)),
    };
    Kind::Update(wire::UpdateObject {
        object_id: object.to_owned(),
        writes: [(field.to_owned(), write)].into(),
    })
}

pub(crate) fn fill(object: &str, fill: &str) -> Kind {
    set(object, "fill", text(fill))
}

pub(crate) fn edit_text(position: u32, delete: u32, insert: &str) -> Kind {
    Kind::Text(wire::EditText {
        edits: vec![wire::TextEdit {
            position,
            delete,
            insert: insert.to_owned(),
        }],
        ..Default::default()
    })
}

/// An operation with a name of its own, by somebody who had seen `seen`.
pub(crate) fn operation(
    doc_id: &str,
    seen: Option<u64>,
    kind: Kind,
) -> wire::ApplyOperationRequest {
    wire::ApplyOperationRequest {
        doc_id: doc_id.to_owned(),
        operation_id: Some(Guuid::now().to_string()),
        data: Some(wire::OperationData { kind: Some(kind) }),
        prev_version: seen,
        ..Default::default()
    }
}

pub(crate) async fn apply(
    client: &mut Client,
    doc_id: &str,
    seen: Option<u64>,
    kind: Kind,
) -> wire::ApplyOperationResponse {
    let asked = operation(doc_id, seen, kind);
    client.apply_operation(asked).await.unwrap().into_inner()
}

pub(crate) async fn content(client: &mut Client, doc_id: &str) -> wire::Content {
    let asked = wire::GetContentRequest {
        doc_id: doc_id.to_owned(),
        ..Default::default()
    };
    let answer = client.get_content(asked).await.unwrap().into_inner();
    answer.content.unwrap()
}

/// The value of a field of a board.
pub(crate) fn field(content: &wire::Content, object: &str, field: &str) -> Option<wire::Value> {
    content.objects.get(object)?.fields.get(field).cloned()
}

pub(crate) async fn conflicts(
    client: &mut Client,
    doc_id: &str,
    state: wire::ConflictState,
) -> Vec<wire::Conflict> {
    let asked = wire::ListConflictsRequest {
        doc_id: doc_id.to_owned(),
        state: state.into(),
        ..Default::default()
    };
    let answer = client.list_conflicts(asked).await.unwrap().into_inner();
    answer.conflicts
}

type Fields = BTreeMap<String, wire::Value>;

/// A subscriber that has nothing but events.
pub(crate) struct Replica {
    events: Streaming<wire::DocumentEvent>,
    pub(crate) version: u64,
    pub(crate) objects: BTreeMap<String, Fields>,
    text: Doc,
    /// Fields that are shared text, by object and field.
    texts: BTreeMap<(String, String), Doc>,
    /// Everything but operations, by kind, in order.
    pub(crate) others: Vec<Event>,
    pub(crate) resyncs: usize,
    pub(crate) present: wire::Present,
}

impl Replica {
    pub(crate) async fn new(client: &mut Client, doc_id: &str, from: Option<u64>) -> Self {
        let asked = wire::SubscribeDocumentRequest {
            doc_id: doc_id.to_owned(),
            from_version: from,
            user_name: String::new(),
        };
        let mut events = client.subscribe_document(asked).await.unwrap().into_inner();
        let first = soon(events.message()).await.unwrap().unwrap();
        let Some(Event::Present(present)) = first.event else {
            panic!("{first:?}");
        };
        Self {
            events,
            version: from.unwrap_or_default(),
            objects: BTreeMap::new(),
            text: Doc::new(),
            texts: BTreeMap::new(),
            others: Vec::new(),
            resyncs: 0,
            present,
        }
    }

    /// Takes in events until it is at this version.
    pub(crate) async fn reach(&mut self, version: u64) {
        while self.version < version {
            self.next().await.unwrap().expect("the stream goes on");
        }
        assert_eq!(self.version, version);
    }

    /// Takes in events until one is of this kind.
    pub(crate) async fn until<T>(&mut self, wanted: impl Fn(&Event) -> Option<T>) -> T {
        loop {
            let event = self.next().await.unwrap().expect("the stream goes on");
            if let Some(found) = wanted(&event) {
                return found;
            }
        }
    }

    /// Takes in one event.
    pub(crate) async fn next(&mut self) -> Result<Option<Event>, Status> {
        let Some(told) = soon(self.events.message()).await? else {
            return Ok(None);
        };
        let event = told.event.unwrap();
        match &event {
            Event::OperationApplied(operation) => {
                assert_eq!(operation.version, self.version + 1, "no hole, no double");
                self.version = operation.version;
                self.carry_out(operation.effect.clone().unwrap());
            }
            Event::Resync(content) => {
                assert!(content.version >= self.version);
                self.resyncs += 1;
                self.replace(content);
            }
            other => self.others.push(other.clone()),
        }
        assert_eq!(told.version, self.version);
        Ok(Some(event))
    }

    pub(crate) fn text(&self) -> String {
        string(&self.text)
    }

    fn replace(&mut self, content: &wire::Content) {
        self.version = content.version;
        self.text = Doc::new();
        if let Some(update) = &content.yjs_update {
            join(&self.text, update);
        }
        let objects = content.objects.iter().map(|(id, object)| {
            let fields = object.fields.clone().into_iter().collect();
            (id.clone(), fields)
        });
        self.objects = objects.collect();
        self.texts.clear();
        for (id, object) in &content.objects {
            for (field, update) in &object.texts {
                self.join_field(id.clone(), field.clone(), update);
            }
        }
    }

    /// Joins an update to a field that is text.
    fn join_field(&mut self, object: String, field: String, update: &[u8]) {
        let doc = self
            .texts
            .entry((object.clone(), field.clone()))
            .or_default();
        join(doc, update);
        let value = text(&string(doc));
        let fields = self.objects.get_mut(&object).unwrap();
        fields.insert(field, value);
    }

    fn carry_out(&mut self, effect: wire::Effect) {
        use wire::step::Kind as Step;
        if let Some(update) = effect.yjs_update {
            join(&self.text, &update);
        }
        for step in effect.steps {
            match step.kind.unwrap() {
                Step::Create(_) => {
                    self.objects.insert(step.object_id, Fields::new());
                }
                Step::Delete(_) => {
                    self.objects.remove(&step.object_id);
                }
                Step::Write(written) => {
                    let fields = self.objects.get_mut(&step.object_id).unwrap();
                    match written.write.unwrap().kind.unwrap() {
                        wire::write::Kind::Set(value) => fields.insert(written.field, value),
                        wire::write::Kind::Clear(_) => fields.remove(&written.field),
                        other => panic!("these tests do not {other:?}"),
                    };
                }
                Step::Text(text) => {
                    self.join_field(step.object_id, text.field, &text.yjs_update);
                }
            }
        }
    }

    /// Whether it has what the service has.
    pub(crate) fn assert_has(&self, content: &wire::Content) {
        assert_eq!(self.version, content.version);
        assert_eq!(self.text(), content.text);
        let theirs = content.objects.iter().map(|(id, object)| {
            let fields: Fields = object.fields.clone().into_iter().collect();
            (id.clone(), fields)
        });
        assert_eq!(self.objects, theirs.collect::<BTreeMap<_, _>>());
    }
}

fn string(doc: &Doc) -> String {
    let text = doc.get_or_insert_text("content");
    text.get_string(&doc.transact())
}

fn join(doc: &Doc, update: &[u8]) {
    let update = Update::decode_v1(update).unwrap();
    doc.get_or_insert_text("content");
    doc.transact_mut().apply_update(update).unwrap();
}
