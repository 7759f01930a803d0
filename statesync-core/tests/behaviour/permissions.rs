//! Who may do what, also while they are connected.

use std::sync::Arc;

use statesync_core::{
    DocumentState, EditError, Limits, MemoryStore, OpenError, Participant, PropertiesChange,
    PublicAccess, Role,
};

use crate::world::{Typist, World, properties, user};

fn world() -> World {
    World::new(Arc::new(MemoryStore::new()), Limits::default())
}

fn shared_with(who: &str, public: PublicAccess) -> PropertiesChange {
    PropertiesChange {
        viewers: Some([user(who)].into()),
        public: Some(public),
        ..PropertiesChange::default()
    }
}

#[test]
fn a_stranger_does_not_learn_that_a_document_exists() {
    let mut world = world();
    let id = world.create();
    let open = world.open(id);
    let stranger = Participant {
        user_id: user("mallory"),
        name: "Mallory".to_owned(),
    };
    assert!(matches!(
        open.subscribe(stranger),
        Err(OpenError::NotFound(_))
    ));
    let refused = world.edit(&open, "mallory", Typist::new().types("x"));
    assert!(matches!(
        refused,
        Err(EditError::Forbidden { role: None, .. })
    ));
}

#[test]
fn a_viewer_reads_and_cannot_write() {
    let mut world = world();
    let id = world.create();
    let open = world.open(id);
    let share = properties(shared_with("vera", PublicAccess::None));
    world.edit(&open, "alice", share).unwrap();
    let viewer = world.subscribe(&open, "vera");
    assert_eq!(viewer.role(), Role::Viewer);
    let refused = world.edit(&open, "vera", Typist::new().types("x"));
    assert!(matches!(
        refused,
        Err(EditError::Forbidden {
            role: Some(Role::Viewer),
            ..
        })
    ));
    assert_eq!(world.text(&open), "");
}

#[test]
fn an_editor_may_rename_and_not_share() {
    let mut world = world();
    let id = world.create();
    let open = world.open(id);
    let public = PropertiesChange {
        public: Some(PublicAccess::Edit),
        ..Default::default()
    };
    world.edit(&open, "alice", properties(public)).unwrap();
    let rename = PropertiesChange {
        name: Some(" Minutes ".to_owned()),
        ..Default::default()
    };
    world.edit(&open, "eve", properties(rename)).unwrap();
    assert_eq!(open.document().name, "Minutes");
    let share = properties(shared_with("mallory", PublicAccess::Edit));
    let refused = world.edit(&open, "eve", share);
    assert!(matches!(
        refused,
        Err(EditError::Forbidden {
            needed: Role::Owner,
            ..
        })
    ));
}

#[test]
fn a_revoked_right_is_told_with_the_next_news_and_ends_writing_at_once() {
    let mut world = world();
    let id = world.create();
    let open = world.open(id);
    let public = PropertiesChange {
        public: Some(PublicAccess::Edit),
        ..Default::default()
    };
    world.edit(&open, "alice", properties(public)).unwrap();
    let mut editor = world.subscribe(&open, "eve");
    world.edit(&open, "eve", Typist::new().types("x")).unwrap();
    editor.try_next().unwrap();
    let private = PropertiesChange {
        public: Some(PublicAccess::None),
        ..Default::default()
    };
    world.edit(&open, "alice", properties(private)).unwrap();
    let told = editor.try_next().unwrap().document.unwrap();
    assert_eq!(told.metadata.permissions.role_of(&user("eve")), None);
    let refused = world.edit(&open, "eve", Typist::new().types("y"));
    assert!(matches!(
        refused,
        Err(EditError::Forbidden { role: None, .. })
    ));
}

#[test]
fn an_archived_document_can_be_read_and_taken_back_into_use() {
    let mut world = world();
    let id = world.create();
    let open = world.open(id);
    let typist = Typist::new();
    world.edit(&open, "alice", typist.types("old")).unwrap();
    let state = |state| {
        properties(PropertiesChange {
            state: Some(state),
            ..Default::default()
        })
    };
    world
        .edit(&open, "alice", state(DocumentState::Archived))
        .unwrap();
    let refused = world.edit(&open, "alice", typist.types("!"));
    assert!(matches!(
        refused,
        Err(EditError::NotActive(DocumentState::Archived))
    ));
    assert_eq!(world.text(&open), "old");
    world
        .edit(&open, "alice", state(DocumentState::Active))
        .unwrap();
    world
        .edit(&open, "alice", Typist::new().types("new "))
        .unwrap();
    world
        .edit(&open, "alice", state(DocumentState::Deleted))
        .unwrap();
    let refused = world.edit(&open, "alice", state(DocumentState::Active));
    assert!(matches!(
        refused,
        Err(EditError::NotActive(DocumentState::Deleted))
    ));
}

#[test]
fn a_change_of_the_head_that_changes_nothing_takes_no_version() {
    let mut world = world();
    let id = world.create();
    let open = world.open(id);
    let same = PropertiesChange {
        name: Some("Notes".to_owned()),
        ..Default::default()
    };
    let accepted = world.edit(&open, "alice", properties(same)).unwrap();
    assert_eq!((accepted.version.0, accepted.operation_id), (0, None));
}
