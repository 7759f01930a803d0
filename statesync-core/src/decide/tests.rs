use std::sync::Arc;

use bytes::Bytes;
use guuid::Guuid;

use super::*;
use crate::document::{DocumentType, PublicAccess};
use crate::identity::{OperationId, Timestamp, UserId};
use crate::record::{Author, Edit, PropertiesChange};
use crate::testkit::new_document;

fn asked_by(who: &str, change: Change) -> Edit {
    let author = Author {
        user_id: UserId::new(who).unwrap(),
        session_id: "".into(),
    };
    Edit::new(author, change)
}

fn decide_edit(
    document: &Document,
    content: &mut Content,
    edit: &Edit,
    limits: &Limits,
) -> Result<Decision, Refusal> {
    let ids: IdSource = Arc::new(Guuid::now);
    let situation = Situation {
        document,
        content,
        open: &BTreeMap::new(),
        limits,
        policies: &Policies::default(),
        ids: &ids,
        evidence: &Evidence::default(),
    };
    let id = OperationId(Guuid::now());
    let mut draft = Record::of(edit.clone(), document.version.next(), id, Timestamp(1));
    decide(situation, &mut draft)
}

fn empty() -> Content {
    Content::empty(DocumentType::Text)
}

fn decided(
    document: &Document,
    who: &str,
    change: PropertiesChange,
) -> Result<Decision, EditError> {
    let edit = asked_by(who, Change::Properties(change));
    let limits = Limits::default();
    decide_edit(document, &mut empty(), &edit, &limits).map_err(|refusal| match refusal {
        Refusal::Clean(error) | Refusal::Dirty(error) => error,
    })
}

fn named(name: &str) -> PropertiesChange {
    PropertiesChange {
        name: Some(name.to_owned()),
        ..PropertiesChange::default()
    }
}

#[test]
fn each_role_may_do_what_it_may_and_no_more() {
    let mut document = new_document("olga");
    document
        .metadata
        .permissions
        .editors
        .insert(UserId::new("eve").unwrap());
    document
        .metadata
        .permissions
        .viewers
        .insert(UserId::new("vera").unwrap());
    let share = || PropertiesChange {
        public: Some(PublicAccess::View),
        ..PropertiesChange::default()
    };
    let allowed = [
        ("olga", true, true),
        ("eve", true, false),
        ("vera", false, false),
    ];
    for (who, may_rename, may_share) in allowed.into_iter().chain([("mallory", false, false)]) {
        assert_eq!(
            decided(&document, who, named("New")).is_ok(),
            may_rename,
            "{who}"
        );
        assert_eq!(decided(&document, who, share()).is_ok(), may_share, "{who}");
        let update = asked_by(who, Change::Yjs(Bytes::from_static(&[0, 0])));
        let outcome = decide_edit(&document, &mut empty(), &update, &Limits::default());
        assert_eq!(outcome.is_ok(), may_rename, "{who}");
    }
}

#[test]
fn a_name_is_trimmed_and_its_faults_are_named() {
    let document = new_document("olga");
    let Ok(Decision::Append(renamed)) = decided(&document, "olga", named("  Plan B ")) else {
        panic!("a good name was refused");
    };
    assert_eq!(renamed.document.unwrap().name, "Plan B");
    for bad in ["", "   ", "a\u{7}b", &"x".repeat(257)] {
        let refused = decided(&document, "olga", named(bad));
        assert!(
            matches!(refused, Err(EditError::Invalid { field: "name", .. })),
            "{bad:?}"
        );
    }
}

#[test]
fn every_list_and_text_of_the_head_is_bounded() {
    let document = new_document("olga");
    let limits = Limits::default();
    let users = |count: usize| {
        (0..count)
            .map(|n| UserId::new(format!("u{n}")).unwrap())
            .collect()
    };
    let tags = |count: usize| (0..count).map(|n| format!("t{n}")).collect();
    let too_many = limits.list_entries_max + 1;
    let cases = [
        (
            "editors",
            PropertiesChange {
                editors: Some(users(too_many)),
                ..Default::default()
            },
        ),
        (
            "viewers",
            PropertiesChange {
                viewers: Some(users(too_many)),
                ..Default::default()
            },
        ),
        (
            "tags",
            PropertiesChange {
                tags: Some(tags(too_many)),
                ..Default::default()
            },
        ),
        (
            "tags",
            PropertiesChange {
                tags: Some(["x".repeat(65)].into()),
                ..Default::default()
            },
        ),
        (
            "description",
            PropertiesChange {
                description: Some("x".repeat(4_097)),
                ..Default::default()
            },
        ),
    ];
    for (expected, change) in cases {
        let refused = decided(&document, "olga", change);
        assert!(matches!(refused, Err(EditError::Invalid { field, .. }) if field == expected));
    }
    let most = PropertiesChange {
        tags: Some(tags(too_many - 1)),
        ..Default::default()
    };
    assert!(decided(&document, "olga", most).is_ok());
}

#[test]
fn an_edit_that_is_too_large_and_a_document_that_is_full_are_told_apart() {
    let mut limits = Limits::default();
    (limits.edit_bytes_max, limits.document_bytes_max) = (100, 150);
    let document = new_document("olga");
    assert_eq!(document.kind, DocumentType::Text);
    let typed = |letters: usize| {
        use yrs::{Doc, Text, Transact};
        let editor = Doc::new();
        let text = editor.get_or_insert_text("content");
        let mut transaction = editor.transact_mut();
        text.push(&mut transaction, &"x".repeat(letters));
        asked_by("olga", Change::Yjs(transaction.encode_update_v1().into()))
    };
    let mut content = empty();
    let mut outcome = |edit: &Edit| decide_edit(&document, &mut content, edit, &limits);
    assert!(matches!(
        outcome(&typed(200)),
        Err(Refusal::Clean(EditError::TooLarge { max: 100, .. }))
    ));
    assert!(matches!(outcome(&typed(60)), Ok(Decision::Append(_))));
    assert!(matches!(
        outcome(&typed(70)),
        Err(Refusal::Clean(EditError::Full { max: 150 }))
    ));
    assert!(matches!(outcome(&typed(30)), Ok(Decision::Append(_))));
}

#[test]
fn an_edit_that_is_in_the_content_already_is_known() {
    let document = new_document("olga");
    let mut content = empty();
    let letter = Bytes::from_static(&[1, 1, 7, 0, 4, 1, 1, b'a', 1, b'x', 0]);
    let edit = asked_by("olga", Change::Yjs(letter));
    let mut again = || decide_edit(&document, &mut content, &edit, &Limits::default());
    assert!(matches!(again(), Ok(Decision::Append(_))));
    assert!(matches!(again(), Ok(Decision::Known)));
}

#[test]
fn what_cannot_be_read_leaves_the_content_and_what_has_no_place_may_not() {
    let document = new_document("olga");
    let mut content = empty();
    let mut outcome = |update: &'static [u8]| {
        let edit = asked_by("olga", Change::Yjs(Bytes::from_static(update)));
        decide_edit(&document, &mut content, &edit, &Limits::default())
    };
    assert!(matches!(
        outcome(b"nonsense"),
        Err(Refusal::Clean(EditError::Malformed(_)))
    ));
    outcome(&[1, 1, 7, 0, 4, 1, 1, b'a', 1, b'x', 0]).unwrap();
    // A letter inside of a letter.
    assert!(matches!(
        outcome(&[1, 1, 7, 1, 4, 0, 7, 0, 1, b'x', 0]),
        Err(Refusal::Dirty(EditError::Malformed(_)))
    ));
}
