use super::*;

const NOW: Timestamp = Timestamp(1_000_000);
const ONE: ConnectionId = ConnectionId(1);
const TWO: ConnectionId = ConnectionId(2);
const READER: ConnectionId = ConnectionId(99);

fn user(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

fn entry(client: u64, clock: u32, state: Option<&str>) -> PresenceEntry {
    PresenceEntry {
        client,
        clock,
        state: state.map(Into::into),
    }
}

/// Presence under test, with the arguments that hardly matter filled in.
#[derive(Default)]
struct Room(Presence);

impl Room {
    /// Answers whether anything changed.
    fn announce(
        &mut self,
        connection: ConnectionId,
        who: &str,
        entry: PresenceEntry,
    ) -> Result<bool, PresenceError> {
        let before = self.0.sequence();
        let limits = Limits::default();
        self.0
            .apply(connection, &user(who), vec![entry], NOW, &limits)?;
        Ok(self.0.sequence() != before)
    }

    fn state_of(&self, client: u64) -> Option<String> {
        let present = self.0.since(0, READER);
        let found = present.into_iter().find(|entry| entry.client == client)?;
        found.state.map(|state| state.to_string())
    }
}

#[test]
fn a_higher_clock_wins_and_anything_else_changes_nothing() {
    let mut room = Room::default();
    assert_eq!(
        room.announce(ONE, "alice", entry(7, 5, Some("a"))),
        Ok(true)
    );
    assert_eq!(
        room.announce(ONE, "alice", entry(7, 5, Some("b"))),
        Ok(false)
    );
    assert_eq!(
        room.announce(ONE, "alice", entry(7, 4, Some("c"))),
        Ok(false)
    );
    assert_eq!(room.state_of(7).as_deref(), Some("a"));
    assert_eq!(
        room.announce(ONE, "alice", entry(7, 6, Some("d"))),
        Ok(true)
    );
    assert_eq!(room.state_of(7).as_deref(), Some("d"));
}

#[test]
fn a_removal_holds_at_the_clock_that_is_known() {
    let mut room = Room::default();
    room.announce(ONE, "alice", entry(7, 5, Some("a"))).unwrap();
    assert_eq!(room.announce(ONE, "alice", entry(7, 4, None)), Ok(false));
    assert_eq!(room.announce(ONE, "alice", entry(7, 5, None)), Ok(true));
    assert_eq!(room.state_of(7), None);
    assert_eq!(
        room.announce(ONE, "alice", entry(8, 1, None)),
        Ok(false),
        "nobody knew it"
    );
}

#[test]
fn nobody_speaks_for_somebody_elses_client() {
    let mut room = Room::default();
    room.announce(ONE, "alice", entry(7, 5, Some("a"))).unwrap();
    let spoof = room.announce(TWO, "mallory", entry(7, 100, Some("m")));
    assert_eq!(spoof, Err(PresenceError::NotYours(7)));
    let removal = room.announce(TWO, "mallory", entry(7, 100, None));
    assert_eq!(removal, Err(PresenceError::NotYours(7)));
    assert_eq!(room.state_of(7).as_deref(), Some("a"));
}

#[test]
fn a_user_takes_a_client_along_to_a_new_connection() {
    let mut room = Room::default();
    room.announce(ONE, "alice", entry(7, 5, Some("old")))
        .unwrap();
    assert_eq!(
        room.announce(TWO, "alice", entry(7, 6, Some("new"))),
        Ok(true)
    );
    // The server notices later that the old connection is dead.
    assert!(!room.0.remove_connection(ONE, NOW));
    assert_eq!(room.state_of(7).as_deref(), Some("new"));
    assert!(room.0.remove_connection(TWO, NOW));
    assert_eq!(room.state_of(7), None);
}

#[test]
fn a_connection_has_a_bounded_number_of_clients_of_bounded_size() {
    let limits = Limits::default();
    let mut room = Room::default();
    for client in 0..limits.presence_per_connection_max as u64 {
        room.announce(ONE, "alice", entry(client, 1, Some("{}")))
            .unwrap();
    }
    let max = limits.presence_per_connection_max;
    let beyond = room.announce(ONE, "alice", entry(1_000, 1, Some("{}")));
    assert_eq!(beyond, Err(PresenceError::TooMany(max)));
    assert_eq!(
        room.announce(TWO, "bob", entry(1_000, 1, Some("{}"))),
        Ok(true)
    );
    let large = "x".repeat(limits.presence_bytes_max + 1);
    let refused = room.announce(TWO, "bob", entry(1_000, 2, Some(&large)));
    assert_eq!(
        refused,
        Err(PresenceError::TooLarge(limits.presence_bytes_max))
    );
}

#[test]
fn who_is_not_renewed_goes_and_is_forgotten_later() {
    let limits = Limits::default();
    let later = |factor| Timestamp(NOW.0 + factor * limits.presence_ttl_ms);
    let mut room = Room::default();
    room.announce(ONE, "alice", entry(7, 5, Some("a"))).unwrap();
    assert!(!room.0.expire(Timestamp(later(1).0 - 1), &limits));
    let known = room.0.sequence();
    assert!(room.0.expire(later(1), &limits));
    assert_eq!(
        room.0.since(known, READER),
        [entry(7, 5, None)],
        "others are told"
    );
    assert!(!room.0.expire(later(2), &limits));
    assert_eq!(room.0.since(known, READER), [], "and then it is forgotten");
    // A state that comes back with a lower clock is somebody new.
    assert_eq!(room.announce(TWO, "bob", entry(7, 1, Some("b"))), Ok(true));
}

#[test]
fn a_reader_is_told_each_change_of_others_once() {
    let mut room = Room::default();
    room.announce(ONE, "alice", entry(1, 1, Some("a"))).unwrap();
    room.announce(TWO, "bob", entry(2, 1, Some("b"))).unwrap();
    assert_eq!(
        room.0.since(0, ONE),
        [entry(2, 1, Some("b"))],
        "not what it said itself"
    );
    let known = room.0.sequence();
    assert_eq!(room.0.since(known, READER), []);
    room.announce(TWO, "bob", entry(2, 2, Some("c"))).unwrap();
    room.announce(TWO, "bob", entry(2, 3, Some("d"))).unwrap();
    assert_eq!(room.0.since(known, READER), [entry(2, 3, Some("d"))]);
    assert_eq!(room.0.since(0, READER).len(), 2);
}

#[test]
fn taking_clients_over_does_not_make_room_for_more() {
    let most = Limits::default().presence_per_connection_max;
    let mut room = Room::default();
    for client in 0..3 * most as u64 {
        // The second connection takes over what the first one introduces, over and over.
        let _refused = room.announce(ONE, "alice", entry(client, 1, Some("a")));
        let _refused = room.announce(TWO, "alice", entry(client, 2, Some("b")));
    }
    assert_eq!(room.0.since(0, READER).len(), 2 * most);
}

#[test]
fn what_comes_before_a_refused_entry_holds() {
    let mut room = Room::default();
    room.announce(TWO, "bob", entry(9, 1, Some("b"))).unwrap();
    let mixed = [1, 9, 2].map(|client| entry(client, 2, Some("a")));
    let refused = room
        .0
        .apply(ONE, &user("alice"), mixed.to_vec(), NOW, &Limits::default());
    assert_eq!(refused, Err(PresenceError::NotYours(9)));
    let present = room.0.since(0, READER);
    assert_eq!(present, [entry(9, 1, Some("b")), entry(1, 2, Some("a"))]);
}

#[test]
fn time_that_runs_backwards_takes_nobody_away() {
    let mut room = Room::default();
    room.announce(ONE, "alice", entry(7, 1, Some("a"))).unwrap();
    assert!(!room.0.expire(Timestamp(0), &Limits::default()));
    assert_eq!(room.state_of(7).as_deref(), Some("a"));
}

#[test]
fn nothing_of_those_who_were_forgotten_stays_in_memory() {
    let limits = Limits::default();
    let mut room = Room::default();
    for client in 0..5 {
        room.announce(ONE, "alice", entry(client, 1, Some("a")))
            .unwrap();
    }
    room.0.remove_connection(ONE, NOW);
    let later = Timestamp(NOW.0 + limits.presence_ttl_ms);
    room.0.expire(later, &limits);
    assert!(room.0.clients.is_empty());
    assert!(room.0.by_change.is_empty());
}
