use bytes::Bytes;

use super::*;
use crate::operation::TextEdit;

fn stamp() -> Stamp {
    Stamp {
        version: Version(1),
        operation: OperationId(guuid::Guuid::now()),
        writer: Writer(1),
    }
}

fn label() -> TextTarget {
    TextTarget {
        object: ObjectId::new("a").unwrap(),
        field: FieldName::new("label").unwrap(),
    }
}

/// One object with a text in it.
fn labelled() -> Objects {
    let mut objects = Objects::default();
    let create = Step::Create(label().object, "note".to_owned());
    objects.apply(vec![create], stamp()).unwrap();
    typed(&mut objects, "red", 7);
    objects
}

fn typed(objects: &mut Objects, insert: &str, writer: u64) -> Bytes {
    let edit = TextEdit {
        position: 0,
        delete: 0,
        insert: insert.to_owned(),
    };
    let pending = Pending::new(&[edit], 0).unwrap();
    objects
        .edit_text(&label(), &pending, writer, stamp())
        .unwrap_or_else(|_| panic!("a text that was loaded can be edited"))
}

fn text(objects: &Objects) -> String {
    let object = objects.get(&label().object).unwrap();
    let text = object.text(&label().field).unwrap();
    text.read(DocumentType::Text).text
}

#[test]
fn a_text_that_was_loaded_is_written_by_the_client_that_is_given() {
    let snapshot = labelled().snapshot();
    let [first, second] = [(); 2].map(|()| {
        let mut loaded = Objects::restore(&snapshot).unwrap();
        let update = typed(&mut loaded, "dark ", 8);
        assert_eq!(text(&loaded), "dark red");
        update
    });
    assert_eq!(first, second);
}

#[test]
fn a_text_that_was_replayed_is_written_by_the_client_that_is_given() {
    let whole = labelled();
    let object = whole.get(&label().object).unwrap();
    let update = object.text(&label().field).unwrap().snapshot();
    let [first, second] = [(); 2].map(|()| {
        let mut replayed = Objects::default();
        let steps = vec![
            Step::Create(label().object, "note".to_owned()),
            Step::Text(label().object, label().field, update.clone()),
        ];
        replayed.apply(steps, stamp()).unwrap();
        typed(&mut replayed, "dark ", 8)
    });
    assert_eq!(first, second);
}

#[test]
fn a_text_keeps_its_writer() {
    let mut objects = labelled();
    let before = objects.snapshot();
    let update = typed(&mut objects, "dark ", 8);
    let mut other = Objects::restore(&before).unwrap();
    let step = Step::Text(label().object, label().field, update.clone());
    other.apply(vec![step], stamp()).unwrap();
    assert_eq!(text(&other), "dark red");
    // Of the client that wrote first: what the second one was offered is not used.
    let mut by_another = Objects::restore(&before).unwrap();
    assert_ne!(typed(&mut by_another, "dark ", 8), update);
}
